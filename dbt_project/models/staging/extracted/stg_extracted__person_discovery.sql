with

source as (

    {{ columns_or_null(source('extracted', 'person_discovery'), {
        'id': 'uuid',
        'raw_payload_id': 'uuid',
        'linkedin_url': 'text',
        'first_name': 'text',
        'last_name': 'text',
        'full_name': 'text',
        'cleaned_first_name': 'text',
        'cleaned_last_name': 'text',
        'cleaned_full_name': 'text',
        'location_name': 'text',
        'company_domain': 'text',
        'latest_title': 'text',
        'latest_company': 'text',
        'latest_start_date': 'date',
        'clay_company_table_id': 'text',
        'clay_company_record_id': 'text',
        'clay_table_url': 'text',
        'created_at': 'timestamp with time zone',
        'updated_at': 'timestamp with time zone',
        'xmin': 'text',
    }) }}

),

cleaned as (

    select
        -- keys
        id,
        raw_payload_id,

        -- text
        {{ untouched_text('linkedin_url') }} as linkedin_url,
        {{ said_text('first_name', of_a_person=true) }} as first_name,
        {{ said_text('last_name', of_a_person=true) }} as last_name,
        {{ said_text('full_name', of_a_person=true) }} as full_name,
        {{ clean_text('cleaned_first_name') }} as cleaned_first_name,
        {{ clean_text('cleaned_last_name') }} as cleaned_last_name,
        {{ clean_text('cleaned_full_name') }} as cleaned_full_name,
        {{ untouched_text('location_name') }} as location_name,
        {{ untouched_text('company_domain') }} as company_domain,
        {{ said_text('latest_title') }} as latest_title,
        {{ said_text('latest_company') }} as latest_company,
        {{ clean_text('clay_company_table_id') }} as clay_company_table_id,
        {{ clean_text('clay_company_record_id') }} as clay_company_record_id,
        {{ clean_text('clay_table_url') }} as clay_table_url,

        -- text as found
        first_name as first_name_raw,
        last_name as last_name_raw,
        full_name as full_name_raw,
        latest_title as latest_title_raw,
        latest_company as latest_company_raw,

        -- dates
        latest_start_date,

        -- timestamps
        created_at,
        updated_at,

        -- what is compared to find rows that changed
        {{ row_version() }} as row_version
    from source

)

select * from cleaned
