{#- Most builds look up few names. -#}
{{ config(meta={"whole": true}, indexes=[{"columns": ["name_key"]}]) }}

with

places as (

    select * from {{ ref('stg_reference__gazetteer_places') }}

),

regions as (

    select * from {{ ref('stg_reference__gazetteer_regions') }}

),

names as (

    select
        place_id,
        place_name as name,
        true as is_own_name
    from places

    union all

    -- 'Aarhus', 'Duesseldorf'
    select
        place_id,
        {{ location_spelt_out('place_name') }} as name,
        true as is_own_name
    from places
    where lower(place_name) != {{ location_spelt_out('place_name') }}

    union all

    select
        places.place_id,
        alternates.alternate_name as name,
        false as is_own_name
    from places
    cross join {{ piece_rows('places.alternate_names', '|') }} as alternates (alternate_name)
    -- airport codes ("LON") and initials are no names; '東京' has no small letters
    where not {{ matches('alternates.alternate_name', '^[A-Z0-9.]{1,4}$') }}

),

keyed as (

    select
        {{ location_key('name') }} as name_key,
        place_id,
        is_own_name
    from names

),

one_winner_per_name_and_region as (

    select distinct on (keyed.name_key, places.country_code, places.region_code)
        keyed.name_key,
        places.country_code,
        places.region_code,
        keyed.is_own_name,
        places.place_id,
        places.place_name as locality,
        places.population,
        places.latitude,
        places.longitude
    from keyed
    inner join places on keyed.place_id = places.place_id
    where length(keyed.name_key) >= 2
    -- of two places of one name in one region the bigger one is meant; alternate names stand back behind own names
    order by
        keyed.name_key asc, places.country_code asc, places.region_code asc,
        (places.population * case when keyed.is_own_name then 20 else 1 end) desc, places.place_id asc

),

with_region_names as (

    select
        one_winner_per_name_and_region.name_key,
        one_winner_per_name_and_region.country_code,
        one_winner_per_name_and_region.region_code,
        one_winner_per_name_and_region.place_id,
        one_winner_per_name_and_region.locality,
        regions.region,
        one_winner_per_name_and_region.population,
        one_winner_per_name_and_region.latitude,
        one_winner_per_name_and_region.longitude,
        one_winner_per_name_and_region.is_own_name
    from one_winner_per_name_and_region
    left join regions
        on
            one_winner_per_name_and_region.country_code = regions.country_code
            and one_winner_per_name_and_region.region_code = regions.region_code

)

select * from with_region_names
