{#- Every column of every source that holds a LinkedIn URL: (source_table, staging model, column, id). -#}
{%- set holders = [
    ('raw.person_discovery', ref('stg_raw__person_discovery'), 'linkedin_url', 'id'),
    ('extracted.person_discovery', ref('stg_extracted__person_discovery'), 'linkedin_url', 'id'),
    ('extracted.companyenrich_company', ref('stg_extracted__companyenrich_company'), 'linkedin_url', 'id'),
    ('core.company_canonical', ref('stg_core__company_canonical'), 'linkedin_url', 'id'),
    ('core.company_job_postings', ref('stg_core__company_job_postings'), 'company_linkedin_url', 'id'),
    ('attio_mirror.companies', ref('stg_attio__companies'), 'linkedin_url_raw', 'record_id'),
    ('attio_mirror.people', ref('stg_attio__people'), 'linkedin_url_raw', 'record_id'),
] -%}
with

linkedin_urls as (

    select * from {{ ref('int_linkedin_urls_parsed') }}

),

found as (

    {%- for source_table, model, column, id in holders %}

        select
            '{{ source_table }}' as source_table,
            {{ id }}::text as source_id,
            {{ column }} as linkedin_url_raw -- noqa: AL09
        from {{ model }}
        where {{ column }} is not null
        {{- '\n\n    union all' if not loop.last }}
    {%- endfor %}

),

parsed as (

    select
        -- keys
        found.source_table,
        found.source_id,

        -- text
        found.linkedin_url_raw,
        linkedin_urls.linkedin_url_normalized,
        linkedin_urls.linkedin_kind,
        linkedin_urls.linkedin_slug
    from found
    left join linkedin_urls on found.linkedin_url_raw = linkedin_urls.linkedin_url_raw

)

select * from parsed
