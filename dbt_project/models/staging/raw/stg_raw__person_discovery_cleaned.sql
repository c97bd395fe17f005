with

source as (

    {{ columns_or_null(source('raw', 'person_discovery_cleaned'), {
        'id': 'uuid',
        'cleaned_first_name': 'text',
        'cleaned_last_name': 'text',
        'cleaned_full_name': 'text',
        'xmin': 'text',
    }) }}

),

cleaned as (

    select
        -- keys
        id,

        -- text
        {{ clean_text('cleaned_first_name') }} as cleaned_first_name,
        {{ clean_text('cleaned_last_name') }} as cleaned_last_name,
        {{ clean_text('cleaned_full_name') }} as cleaned_full_name,

        -- what is compared to find rows that changed
        xmin as row_version
    from source

)

select * from cleaned
