{#-
    Every column of every source that holds a LinkedIn URL: (source table, staging model, column, id). But for that of
    extracted.person_discovery, a page of its own in nearly every row: int_people_read reads it with the rest of the row.
-#}
{% macro linkedin_url_holders() -%}
{{ return([
    ('raw.person_discovery', ref('stg_raw__person_discovery'), 'linkedin_url', 'id'),
    ('extracted.companyenrich_company', ref('stg_extracted__companyenrich_company'), 'linkedin_url', 'id'),
    ('core.company_canonical', ref('stg_core__company_canonical'), 'linkedin_url', 'id'),
    ('core.company_job_postings', ref('stg_core__company_job_postings'), 'company_linkedin_url', 'id'),
    ('attio_mirror.companies', ref('stg_attio__companies'), 'linkedin_url_raw', 'record_id'),
    ('attio_mirror.people', ref('stg_attio__people'), 'linkedin_url_raw', 'record_id'),
]) }}
{%- endmacro %}

{#- All their cells that are not blank, as a query. -#}
{% macro linkedin_urls_found() -%}
{%- for source_table, model, column, id in linkedin_url_holders() %}

        select
            '{{ source_table }}' as source_table,
            {{ id }}::text as source_id,
            {{ column }} as linkedin_url_raw -- noqa: AL09
        from {{ model }}
        where {{ column }} is not null
        {{- '\n\n    union all' if not loop.last }}
{%- endfor %}
{%- endmacro %}
