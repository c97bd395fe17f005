with

source as (

    select * from {{ source('gazetteer', 'gazetteer_iso3166_2') }}

),

renamed as (

    select
        -- keys
        code as subdivision_code,
        country_code,
        local_code,
        parent_code as parent_subdivision_code,

        -- text: 'Asturias, Principado de' is filed under its first word, 'Dalarnas län [SE-20]' carries a note
        {{ text_before_bracket('name') }} as subdivision_name,
        type as subdivision_type
    from source

)

select * from renamed
