with

source as (

    select * from {{ source('gazetteer', 'gazetteer_countries') }}

),

renamed as (

    select
        -- keys
        alpha2 as country_code,
        alpha3 as country_code_alpha3,

        -- text
        name as country_name,
        official_name,
        common_name,
        capital,
        aliases,

        -- numbers
        population
    from source
    -- two countries that no longer exist (Netherlands Antilles, Serbia and Montenegro) would shadow their heirs
    where alpha2 not in ('AN', 'CS')

)

select * from renamed
