with

source as (

    {{ columns_or_null(source('core', 'company_canonical'), {
        'id': 'uuid',
        'domain': 'text',
        'original_name': 'text',
        'cleaned_name': 'text',
        'linkedin_url': 'text',
        'created_at': 'timestamp with time zone',
        'updated_at': 'timestamp with time zone',
    }) }}

),

cleaned as (

    select
        -- keys
        id,

        -- text
        {{ untouched_text('domain') }} as domain,
        {{ said_text('original_name') }} as original_name,
        {{ said_text('cleaned_name') }} as cleaned_name,
        {{ untouched_text('linkedin_url') }} as linkedin_url,

        -- timestamps
        created_at,
        updated_at
    from source

)

select * from cleaned
