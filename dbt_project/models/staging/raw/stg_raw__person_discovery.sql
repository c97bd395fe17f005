with

source as (

    {{ columns_or_null(source('raw', 'person_discovery'), {
        'id': 'uuid',
        'linkedin_url': 'text',
        'workflow_slug': 'text',
        'raw_payload': 'jsonb',
        'clay_table_url': 'text',
        'created_at': 'timestamp with time zone',
        'xmin': 'text',
    }) }}

),

cleaned as (

    select
        -- keys
        id,

        -- text
        {{ untouched_text('linkedin_url') }} as linkedin_url,
        {{ clean_text('workflow_slug') }} as workflow_slug,
        {{ clean_text('clay_table_url') }} as clay_table_url,

        -- json
        raw_payload,

        -- timestamps
        created_at,

        -- what is compared to find rows that changed
        {{ row_version('created_at') }} as row_version
    from source

)

select * from cleaned
