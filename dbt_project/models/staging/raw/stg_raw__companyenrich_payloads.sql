with

source as (

    {{ columns_or_null(source('raw', 'companyenrich_payloads'), {
        'id': 'uuid',
        'domain': 'text',
        'payload': 'jsonb',
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

        -- json
        payload,

        -- timestamps
        created_at,

        -- what is compared to find rows that changed
        {{ row_version('created_at') }} as row_version
    from source

)

select * from cleaned
