with

job_postings as (

    select * from {{ ref('job_posting_export') }}

),

companies as (

    select * from {{ ref('attio_companies') }}

),

companies_in_crm as (

    select * from {{ ref('int_companies_matched_in_crm') }}

),

of_companies_in_scope as (

    select
        job_postings.*,
        companies.domain as exported_company_domain
    from job_postings
    left join companies_in_crm on job_postings.domain = companies_in_crm.domain
    inner join companies on coalesce(companies_in_crm.export_domain, job_postings.domain) = companies.domain

),

shaped_for_attio as (

    select
        -- keys
        job_id,

        -- text
        title,
        exported_company_domain as company,
        job_function,
        seniority,
        employment_type,
        location_raw,
        salary_currency,
        url,

        -- numbers
        salary_min::double precision as salary_min,
        salary_max::double precision as salary_max,

        -- booleans
        is_open,

        -- dates and timestamps
        posted_on,
        updated_at
    from of_companies_in_scope

)

select * from shaped_for_attio
