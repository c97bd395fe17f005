with

source as (

    {{ columns_or_null(source('raw', 'job_posting_payloads'), {
        'id': 'uuid',
        'domain': 'text',
        'job_id': 'text',
        'payload': 'jsonb',
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
        {{ untouched_text('domain') }} as domain,
        {{ clean_text('job_id') }} as job_id,
        {{ clean_text('clay_table_url') }} as clay_table_url,

        -- json
        payload,

        -- timestamps
        created_at,

        -- what is compared to find rows that changed
        {{ row_version('created_at') }} as row_version
    from source

)

select * from cleaned
