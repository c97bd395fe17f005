with

people as (

    select * from {{ ref('stg_extracted__person_discovery') }}

),

job_postings as (

    select * from {{ ref('stg_core__company_job_postings') }}

),

companies as (

    select * from {{ ref('stg_extracted__companyenrich_company') }}

),

-- of people alone first: the workers of a parallel query can share that, not a `union`
found as (

    select distinct location_name as location_raw
    from people

    union

    select distinct location
    from job_postings

    union

    select distinct {{ company_location_text() }}
    from companies

)

-- one row per distinct text: a place is parsed once, however many people live there
select location_raw
from found
where location_raw is not null
