{#- What is compared for each incremental table: a full join of what is there with what it was made from. -#}

{% macro changes_of_linkedin_urls() -%}
select
    found.linkedin_url_raw,
    made.linkedin_url_raw as made_linkedin_url_raw
from (select distinct every_url.linkedin_url_raw from ({{ linkedin_urls_found() }}) as every_url) as found
full join {{ this }} as made on found.linkedin_url_raw = made.linkedin_url_raw
where found.linkedin_url_raw is null or made.linkedin_url_raw is null
{%- endmacro %}

{% macro changes_of_linkedin_urls_found() -%}
select
    found.source_table,
    found.source_id,
    made.source_table as made_source_table,
    made.source_id as made_source_id
from ({{ linkedin_urls_found() }}) as found
full join {{ this }} as made
    on
        found.source_id = made.source_id
        and found.source_table = made.source_table
        and found.linkedin_url_raw = made.linkedin_url_raw
where found.source_id is null or made.source_id is null
{%- endmacro %}

{% macro changes_of_people() -%}
select
    found.id,
    made.id as made_id
from {{ ref('stg_extracted__person_discovery') }} as found
full join {{ this }} as made on found.id::text = made.id and found.row_version = made.row_version
where found.id is null or made.id is null
{%- endmacro %}

{#- A place is read differently once its owner has corrected it, or the gazetteer is a newer one. -#}
{% macro changes_of_profiles() -%}
select
    found.linkedin_url,
    made.linkedin_url as made_linkedin_url
from (
    select
        linkedin_url,
        {{ made_from() }} as made_from
    from {{ ref('int_people_looked_up') }}
    group by linkedin_url
) as found
full join {{ this }} as made on found.linkedin_url = made.linkedin_url
left join {{ ref('int_locations_parsed') }} as places on made.location_raw = places.location_raw
where
    found.made_from is distinct from made.made_from
    or found.made_from is null
    or (
        made.locality, made.region, made.country_code, made.location_precision,
        made.latitude, made.longitude, made.is_remote
    ) is distinct from (
        places.locality, places.region, places.country_code, places.location_precision,
        places.latitude, places.longitude, places.is_remote
    )
{%- endmacro %}

{#- In a `group by` over the rows of a profile: which versions of which rows they are, as one number. -#}
{% macro made_from() -%}
sum(hashtextextended(id || row_version, 0))::text
{%- endmacro %}
