with

source as (

    select * from {{ source('gazetteer', 'gazetteer_places') }}

),

renamed as (

    select
        -- keys
        geonameid as place_id,
        country_code,
        admin1_code as region_code,

        -- text
        name as place_name,
        alternate_names,

        -- numbers
        population,
        latitude,
        longitude
    from source

)

select * from renamed
