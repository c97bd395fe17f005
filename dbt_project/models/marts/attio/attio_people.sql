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

at_companies_in_scope as (

    select all_people.*
    from (
        {{ people_at_companies_in_scope() }}
    ) as all_people
    {%- if is_incremental() %}
        inner join changed_rows on all_people.linkedin_url = changed_rows.linkedin_url
    {%- endif %}

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
