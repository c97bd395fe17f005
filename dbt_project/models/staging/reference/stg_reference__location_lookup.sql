with

source as (

    {{ columns_or_null(source('reference', 'location_lookup'), {
        'location_name': 'text',
        'city': 'text',
        'state': 'text',
        'country': 'text',
        'has_city': 'boolean',
        'has_state': 'boolean',
        'has_country': 'boolean',
        'updated_at': 'timestamp with time zone',
    }) }}

),

cleaned as (

    select
        -- text
        {{ untouched_text('location_name') }} as location_name,
        {{ clean_text('city') }} as city,
        {{ clean_text('state') }} as state,
        {{ clean_text('country') }} as country,

        -- numbers and booleans
        has_city,
        has_state,
        has_country,

        -- timestamps
        updated_at
    from source

)

select * from cleaned
