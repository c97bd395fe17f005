with

source as (

    select * from {{ source('attio_mirror', 'records') }}
    where object = 'people'

),

unpacked as (

    select
        record_id,
        web_url,
        {{ clean_text(attio_value(var('attio_people_name'), 'full_name')) }} as full_name,
        {{ clean_text(attio_value(var('attio_people_name'), 'first_name')) }} as first_name,
        {{ clean_text(attio_value(var('attio_people_name'), 'last_name')) }} as last_name,
        {{ attio_value_list('email_addresses', 'email_address') }} as email_addresses,
        {{ untouched_text(attio_value(var('attio_people_linkedin'))) }} as linkedin_url_raw,
        {{ clean_text(attio_value(var('attio_people_job_title'))) }} as job_title,
        {{ uuid_or_null(attio_value(var('attio_people_company'), 'target_record_id')) }} as company_record_id,
        {{ attio_value('last_interaction', 'interacted_at') }} as last_interaction_at,
        created_at,
        values as record_values
    from source

)

select * from unpacked
