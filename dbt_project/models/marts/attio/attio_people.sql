{{ config(
    materialized="incremental",
    incremental_strategy="append",
    on_schema_change="fail",
    pre_hook=[
        "{{ room_for_hashing() }}",
        "{{ take_touched_profiles('attio_people') }}",
        "{{ take_crm_keys() }}",
        "{{ find_changed_rows(changes_of_attio_people()) }}",
        "{{ delete_changed_rows(['linkedin_url']) }}",
    ],
    post_hook="{{ remember_crm_keys() }}",
) }}

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

-- People at the companies that Attio holds or, with attio_scope 'all', will hold. Two records carry a profile: which is the
-- person, people decide (attio_person_duplicates); until then neither is written and no third is made.
at_companies_in_scope as (

    select
        people.*,
        companies.domain as exported_company_domain,
        people_in_crm.record_id
    from people
    {%- if is_incremental() %}
        inner join changed_rows on people.linkedin_url = changed_rows.linkedin_url
    {%- endif %}
    left join companies_in_crm on people.company_domain = companies_in_crm.domain
    inner join companies on coalesce(companies_in_crm.export_domain, people.company_domain) = companies.domain
    left join people_in_crm on people.linkedin_url = people_in_crm.linkedin_url
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
