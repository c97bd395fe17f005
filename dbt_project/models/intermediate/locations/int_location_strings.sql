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

found as (

    select location_name as location_raw
    from people

    union

    select location
    from job_postings

    union

    select {{ company_location_text() }}
    from companies

)

-- one row per distinct text: a place is parsed once, however many people live there
select location_raw
from found
where btrim(location_raw) != ''
