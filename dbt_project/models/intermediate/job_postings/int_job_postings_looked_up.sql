with

job_postings as (

    select * from {{ ref('stg_core__company_job_postings') }}

),

domains as (

    select * from {{ ref('int_domains_parsed') }}

),

linkedin_urls as (

    select * from {{ ref('int_linkedin_urls_parsed') }}

),

looked_up as (

    select
        job_postings.*,
        domains.company_domain as stated_company_domain,
        linkedin_urls.linkedin_url_normalized as company_linkedin_url_normalized
    from job_postings
    left join domains on job_postings.domain = domains.domain_raw
    left join linkedin_urls
        on
            job_postings.company_linkedin_url = linkedin_urls.linkedin_url_raw
            and linkedin_urls.linkedin_kind in ('company', 'school', 'showcase')

),

renamed as (

    select
        -- keys
        id::text as id,
        job_id,

        -- text
        stated_company_domain,
        company_linkedin_url_normalized as company_linkedin_url,
        coalesce(cleaned_job_title, title) as title,
        job_function,
        seniority,
        employment_type,
        location as location_raw,
        -- '$' is the currency of many countries: only a code says which
        upper({{ caught_in('btrim(salary_currency)', '^[A-Za-z]{3}$') }}) as salary_currency,
        salary_unit,
        url,

        -- numbers
        case when salary_min >= 0 then salary_min end as salary_min,
        case when salary_max >= 0 then salary_max end as salary_max,

        -- dates and timestamps
        posted_at,
        closed_at,
        updated_at
    from looked_up

)

select * from renamed
