with

source as (

    select * from {{ source('gazetteer', 'gazetteer_admin1') }}

),

renamed as (

    select
        country_code || '.' || admin1_code as region_id,
        country_code,
        admin1_code as region_code,
        name as region
    from source

)

select * from renamed
