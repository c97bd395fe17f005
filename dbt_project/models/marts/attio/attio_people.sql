{{ config(pre_hook="{{ room_for_hashing() }}") }}

with

people as (

    select * from {{ ref('person_export') }}

),

companies as (

    select * from {{ ref('attio_companies') }}

),

companies_in_crm as (

    select * from {{ ref('int_companies_matched_in_crm') }}

),

people_in_crm as (

    select * from {{ ref('int_people_matched_in_crm') }}

),

-- People at the companies that Attio holds or, with attio_scope 'all', will hold.
at_companies_in_scope as (

    select
        people.*,
        companies.domain as exported_company_domain,
        people_in_crm.record_id
    from people
    left join companies_in_crm on people.company_domain = companies_in_crm.domain
    inner join companies on coalesce(companies_in_crm.export_domain, people.company_domain) = companies.domain
    left join people_in_crm on people.linkedin_url = people_in_crm.linkedin_url
    -- Two records carry this profile: which is the person, people decide (attio_person_duplicates). Until then neither
    -- is written and no third is made.
    where coalesce(people_in_crm.record_count, 0) <= 1

),

shaped_for_attio as (

    select
        -- keys
        linkedin_url,
        record_id,

        -- text
        job_title,
        exported_company_domain as company,
        location_raw,

        -- composite values
        {{ attio_person_name('first_name', 'last_name', 'full_name') }} as person_name,
        {{ attio_location('locality', 'region', 'country_code', 'latitude', 'longitude') }} as primary_location,

        -- timestamps
        updated_at
    from at_companies_in_scope

)

select * from shaped_for_attio
