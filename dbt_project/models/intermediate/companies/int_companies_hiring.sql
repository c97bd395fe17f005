with

job_postings as (

    select * from {{ ref('int_job_postings_looked_up') }}

),

pages as (

    select
        stated_company_domain as domain,
        company_linkedin_url as linkedin_url,
        count(*) as posting_count,
        sum(count(*)) over (partition by stated_company_domain) as postings_of_domain,
        max(updated_at) as updated_at
    from job_postings
    where stated_company_domain is not null and company_linkedin_url is not null
    group by stated_company_domain, company_linkedin_url

),

-- recruiters post for others under a client's domain: only a page that most postings name is the company's own
page_of_most as (

    select
        domain,
        linkedin_url,
        updated_at
    from pages
    where posting_count * 2 > postings_of_domain

),

every_hiring_domain as (

    select
        job_postings.stated_company_domain as domain,
        page_of_most.linkedin_url,
        max(job_postings.updated_at) as updated_at
    from job_postings
    left join page_of_most on job_postings.stated_company_domain = page_of_most.domain
    where job_postings.stated_company_domain is not null
    group by job_postings.stated_company_domain, page_of_most.linkedin_url

)

select * from every_hiring_domain
