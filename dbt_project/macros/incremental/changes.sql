{#- What is compared for each incremental table, most often by a full join of what is there with what it was made from. -#}

{#- The same cell stands in many rows: repeats are dropped last, of the few that changed. -#}
{% macro changes_of_linkedin_urls() -%}
select distinct
    found.linkedin_url_raw,
    made.linkedin_url_raw as made_linkedin_url_raw
from ({{ linkedin_urls_found() }}) as found
full join {{ this }} as made on found.linkedin_url_raw = made.linkedin_url_raw
where found.linkedin_url_raw is null or made.linkedin_url_raw is null
{%- endmacro %}

{#- Of cells that a model counts by source and column. -#}
{% macro changes_of_cells(cells, column) -%}
select
    found.{{ column }},
    made.{{ column }} as made_{{ column }}
from (
    select distinct {{ column }} from {{ cells }}
) as found
full join {{ this }} as made on found.{{ column }} = made.{{ column }}
where found.{{ column }} is null or made.{{ column }} is null
{%- endmacro %}

{#- What the last build read is made anew, and what no source says any more goes. -#}
{% macro changes_of_locations() -%}
select made.location_raw as made_location_raw
from {{ this }} as made
left join (
    select distinct location_raw from {{ ref('int_location_strings') }}
) as found on made.location_raw = found.location_raw
left join {{ ref('int_location_texts_prepared') }} as texts on made.location_raw = texts.location_raw
where found.location_raw is null or texts.location_raw is not null
{%- endmacro %}

{% macro changes_of_people() -%}
select
    found.id,
    made.id as made_id
from {{ ref('stg_extracted__person_discovery') }} as found
full join {{ this }} as made on found.id = made.id and found.row_version = made.row_version
where found.id is null or made.id is null
{%- endmacro %}

{#-
    Profiles that rows touched, or all of them; and those whose place is read differently, once its owner has corrected it or the
    gazetteer is a newer one.
-#}
{% macro changes_of_profiles() -%}
select distinct
    linkedin_url,
    linkedin_url as made_linkedin_url
from touched_profiles
where linkedin_url is not null
union
select
    linkedin_url,
    linkedin_url as made_linkedin_url
from {{ ref('int_people_read') }}
where linkedin_url is not null and exists (select 1 from touched_profiles where touched_profiles.linkedin_url is null)
union
select
    linkedin_url,
    linkedin_url as made_linkedin_url
from {{ this }}
where exists (select 1 from touched_profiles where touched_profiles.linkedin_url is null)
union all
select
    made.linkedin_url,
    made.linkedin_url as made_linkedin_url
from {{ this }} as made
left join {{ ref('int_locations_parsed') }} as places on made.location_raw = places.location_raw
where
    (
        made.locality, made.region, made.country_code, made.location_precision,
        made.latitude, made.longitude, made.is_remote
    ) is distinct from (
        places.locality, places.region, places.country_code, places.location_precision,
        places.latitude, places.longitude, places.is_remote
    )
{%- endmacro %}

{#- Profiles that the export made anew, or all; and those whose company or record is another one to the CRM. -#}
{% macro changes_of_attio_people() -%}
with

changed_keys as (

    select
        coalesce(crm_keys.kind, remembered.kind) as kind,
        coalesce(crm_keys.key, remembered.key) as key
    from crm_keys
    full join {{ crm_keys_remembered() }} as remembered
        on crm_keys.key = remembered.key and crm_keys.kind = remembered.kind and crm_keys.value = remembered.value
    where crm_keys.key is null or remembered.key is null

),

changed as (

    select linkedin_url from touched_profiles
    where linkedin_url is not null

    union

    select key as linkedin_url from changed_keys
    where kind = 'record'

    union

    select linkedin_url from {{ ref('person_export') }}
    where
        company_domain in (select changed_keys.key from changed_keys where changed_keys.kind = 'company')
        or exists (select 1 from touched_profiles where touched_profiles.linkedin_url is null)

    union

    select linkedin_url from {{ this }}
    where exists (select 1 from touched_profiles where touched_profiles.linkedin_url is null)

)

select
    linkedin_url,
    -- the contract's column has the database's collation: otherwise its index is not used
    linkedin_url collate "default" as made_linkedin_url
from changed
{%- endmacro %}

{#- In a `group by` over the rows of a key: which versions of which rows they are, as one number. -#}
{% macro made_from(id) -%}
sum(hashtextextended({{ id }} || row_version, 0))::text
{%- endmacro %}

{#- Every payload that arrived, in the version it has now. Somebody's cleaned names belong to their payload. -#}
{% macro payloads_found() -%}
select
        'companyenrich' as source,
        id,
        row_version
    from {{ ref('stg_raw__companyenrich_payloads') }}
    union all
    select
        'person_discovery' as source,
        payloads.id,
        {{ payload_version('payloads', 'cleaned_names') }} as row_version
    from {{ ref('stg_raw__person_discovery') }} as payloads
    left join {{ ref('stg_raw__person_discovery_cleaned') }} as cleaned_names on payloads.id = cleaned_names.id
    union all
    select
        'job_posting' as source,
        id,
        row_version
    from {{ ref('stg_raw__job_posting_payloads') }}
{%- endmacro %}

{% macro payload_version(payload, cleaned_names) -%}
{{ payload }}.row_version || case when {{ cleaned_names }}.id is null then '' else '/' || {{ cleaned_names }}.row_version end
{%- endmacro %}

{% macro changes_of_payloads() -%}
select
    found.source,
    found.id,
    made.source as made_source,
    made.id as made_id
from (
    {{ payloads_found() }}
) as found
full join {{ this }} as made
    on found.id = made.id and found.source = made.source and found.row_version = made.row_version
where found.id is null or made.id is null
{%- endmacro %}

{#- What became of a payload depends on the others of its key and on the row that they were extracted to. -#}
{% macro changes_of_judged_payloads() -%}
select
    found.source,
    found.key,
    made.source as made_source,
    made.key as made_key
from (
    select
        payloads.source,
        payloads.key,
        {{ judged_by('payloads', 'extracted') }} as made_from
    from (
        select
            source,
            key,
            {{ made_from('id::text') }} as made_from
        from {{ ref('int_payloads_read') }}
        where key is not null
        group by source, key
    ) as payloads
    left join (
        select
            source,
            key,
            {{ made_from('id::text') }} as made_from
        from (
            {{ extracted_rows(ref('int_payloads_read')) }}
        ) as extracted_rows
        group by source, key
    ) as extracted on payloads.source = extracted.source and payloads.key = extracted.key
) as found
full join (
    select distinct
        source,
        key,
        made_from
    from {{ this }}
) as made on found.source = made.source and found.key = made.key and found.made_from = made.made_from
where found.key is null or made.key is null
{%- endmacro %}

{% macro judged_by(payloads, extracted) -%}
{{ payloads }}.made_from || case when {{ extracted }}.key is null then '' else '/' || {{ extracted }}.made_from end
{%- endmacro %}

{#-
    The rows that payloads of some keys were extracted to. A million rows that no payload speaks of stay out; `content`, the row
    as json, only where somebody asks for it.
-#}
{% macro extracted_rows(keys, with_content=false) -%}
{%- for source, model, key, payload in [
    ('companyenrich', ref('stg_extracted__companyenrich_company'), 'core.domain_of(found.domain)', 'found.raw_payload_id'),
    ('person_discovery', ref('stg_extracted__person_discovery'), clean_text('found.linkedin_url'), 'found.raw_payload_id'),
    ('job_posting', ref('stg_core__company_job_postings'), "concat_ws('|', core.domain_of(found.domain), found.job_id)", 'null::uuid'),
] %}
            select
                keys_of_payloads.source,
                keys_of_payloads.key,
                found.id,
                {{ payload }} as raw_payload_id,
                found.created_at,
                found.updated_at,
                {%- if with_content %}
                to_jsonb(found) as content,
                {%- endif %}
                found.row_version
            from {{ model }} as found
            inner join (select distinct source, key from {{ keys }} where source = '{{ source }}') as keys_of_payloads
                on keys_of_payloads.key = {{ key }}
            {{- '\n            union all' if not loop.last }}
{%- endfor %}
{%- endmacro %}
