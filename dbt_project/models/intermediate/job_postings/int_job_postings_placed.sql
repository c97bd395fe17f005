with

job_postings as (

    select * from {{ ref('int_job_postings_looked_up') }}

),

asserted as (

    select * from {{ ref('int_companies_asserted') }}

),

enriched as (

    select * from {{ ref('int_companies_enriched') }}

),

companies_in_crm as (

    select * from {{ ref('int_companies_matched_in_crm') }}

),

pages as (

    select
        linkedin_url,
        domain
    from asserted
    where linkedin_url is not null
    union
    select
        linkedin_url,
        domain
    from enriched
    where linkedin_url is not null

),

-- A page that two companies claim leads to neither.
company_of_page as (

    select
        linkedin_url,
        min(domain) as domain
    from pages
    group by linkedin_url
    having count(*) = 1

),

-- Many feeds give the employer's LinkedIn page and no domain.
placed as (

    select
        job_postings.*,
        coalesce(job_postings.stated_company_domain, company_of_page.domain) as domain,
        case
            when job_postings.stated_company_domain is not null then 'domain'
            when company_of_page.domain is not null then 'linkedin_page'
        end as placed_by
    from job_postings
    left join company_of_page
        on
            job_postings.stated_company_domain is null
            and job_postings.company_linkedin_url = company_of_page.linkedin_url

),

-- The same posting comes under several domains (a group's, an agency's): the company we already deal with, then the
-- newest.
chosen as (

    select distinct on (placed.job_id)
        placed.*,
        companies_in_crm.domain is not null as is_in_crm
    from placed
    left join companies_in_crm on placed.domain = companies_in_crm.domain
    where placed.job_id is not null
    order by
        placed.job_id asc,
        companies_in_crm.domain is null,
        placed.domain is null,
        placed.posted_at desc nulls last,
        placed.updated_at desc nulls last,
        placed.domain asc,
        placed.id asc

)

select * from chosen
