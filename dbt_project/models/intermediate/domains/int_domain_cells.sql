{{ config(pre_hook="{{ room_for_hashing() }}") }}

with

asserted_companies as (

    select * from {{ ref('stg_core__company_canonical') }}

),

enriched_companies as (

    select * from {{ ref('stg_extracted__companyenrich_company') }}

),

people as (

    select * from {{ ref('stg_extracted__person_discovery') }}

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

crm_domains as (

    select listed.domain
    from crm_companies
    cross join {{ json_texts('crm_companies.domains') }} as listed (domain)

),

crm_mail_addresses as (

    select listed.address
    from crm_people
    cross join {{ json_texts('crm_people.email_addresses') }} as listed (address)

),

-- a cell is read once, however many rows it stands in
distinct_cells as (

    select domain as domain_raw from asserted_companies
    union
    select domain as domain_raw from enriched_companies
    union
    select website as domain_raw from enriched_companies
    union
    select company_domain as domain_raw from people
    union
    select domain as domain_raw from job_postings
    union
    select domain as domain_raw from crm_domains
    union
    select address as domain_raw from crm_mail_addresses

)

select domain_raw
from distinct_cells
where domain_raw is not null
