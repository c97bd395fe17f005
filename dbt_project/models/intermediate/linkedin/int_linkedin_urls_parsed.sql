with

people as (

    select * from {{ ref('stg_extracted__person_discovery') }}

),

raw_people as (

    select * from {{ ref('stg_raw__person_discovery') }}

),

enriched_companies as (

    select * from {{ ref('stg_extracted__companyenrich_company') }}

),

asserted_companies as (

    select * from {{ ref('stg_core__company_canonical') }}

),

job_postings as (

    select * from {{ ref('stg_core__company_job_postings') }}

),

crm_companies as (

    select * from {{ ref('stg_attio__companies') }}

),

crm_people as (

    select * from {{ ref('stg_attio__people') }}

),

-- The same cell stands in many rows: each is read once. `union` drops the repeats.
distinct_urls as (

    select linkedin_url as linkedin_url_raw from people where linkedin_url is not null
    union
    select linkedin_url as linkedin_url_raw from raw_people where linkedin_url is not null
    union
    select linkedin_url as linkedin_url_raw from enriched_companies where linkedin_url is not null
    union
    select linkedin_url as linkedin_url_raw from asserted_companies where linkedin_url is not null
    union
    select company_linkedin_url as linkedin_url_raw from job_postings where company_linkedin_url is not null
    union
    select linkedin_url_raw from crm_companies where linkedin_url_raw is not null
    union
    select linkedin_url_raw from crm_people where linkedin_url_raw is not null

),

-- Materialized, or the planner works the long expression out again for every use below.
normalized as materialized (

    select
        linkedin_url_raw,
        {{ linkedin_url_normalized('linkedin_url_raw') }} as linkedin_url_normalized
    from distinct_urls

),

taken_apart as (

    select
        linkedin_url_raw,
        linkedin_url_normalized,
        {{ linkedin_kind('linkedin_url_raw', 'linkedin_url_normalized') }} as linkedin_kind,
        {{ linkedin_slug('linkedin_url_normalized') }} as linkedin_slug
    from normalized

)

select * from taken_apart
