with

job_postings as (

    select * from {{ ref('int_job_postings_placed') }}

),

locations as (

    select * from {{ ref('int_locations_parsed') }}

),

located as (

    select
        -- keys
        job_postings.job_id,
        job_postings.domain,

        -- text
        job_postings.title,
        job_postings.job_function,
        job_postings.seniority,
        job_postings.employment_type,
        job_postings.location_raw,
        locations.locality,
        locations.region,
        locations.country_code,
        job_postings.salary_currency,
        job_postings.salary_unit,
        job_postings.url,
        job_postings.placed_by,

        -- numbers
        job_postings.salary_min,
        job_postings.salary_max,

        -- booleans
        locations.is_remote,
        -- open until somebody says that it closed, or will have
        job_postings.closed_at is null or job_postings.closed_at > current_timestamp as is_open,

        -- dates and timestamps
        (job_postings.posted_at at time zone 'UTC')::date as posted_on,
        job_postings.updated_at
    from job_postings
    left join locations on job_postings.location_raw = locations.location_raw

)

select * from located
