{{ config(post_hook="analyze {{ this }}") }}

with

places as (

    select * from {{ ref('stg_reference__gazetteer_places') }}

),

regions as (

    select * from {{ ref('stg_reference__gazetteer_regions') }}

),

-- 'New York City' is New York to people: the seed's name of a place goes before the gazetteer's
names_people_edit as (

    select
        {{ location_key('name') }} as name_key,
        country_code,
        region,
        locality
    from {{ ref('location_metros') }}
    where kind = 'nickname'

),

names as (

    select
        place_id,
        place_name as name,
        true as is_own_name
    from places

    union all

    select
        place_id,
        alternate_name,
        false
    from places
    cross join lateral string_to_table(alternate_names, '|') as alternate_name
    -- airport codes ("LON") and initials are no names
    where not (length(alternate_name) <= 4 and alternate_name = upper(alternate_name))

),

keyed as (

    select
        {{ location_key('name') }} as name_key,
        place_id,
        is_own_name
    from names

),

names_shown as (

    select distinct on (keyed.place_id)
        keyed.place_id,
        names_people_edit.locality
    from names_people_edit
    inner join keyed on names_people_edit.name_key = keyed.name_key and keyed.is_own_name
    inner join places on keyed.place_id = places.place_id and names_people_edit.country_code = places.country_code
    inner join regions
        on
            places.country_code = regions.country_code
            and places.region_code = regions.region_code
            and names_people_edit.region = regions.region
    order by keyed.place_id, names_people_edit.locality

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
        keyed.name_key, places.country_code, places.region_code,
        (places.population * case when keyed.is_own_name then 20 else 1 end) desc, places.place_id

),

with_region_names as (

    select
        one_winner_per_name_and_region.name_key,
        one_winner_per_name_and_region.country_code,
        one_winner_per_name_and_region.region_code,
        one_winner_per_name_and_region.place_id,
        coalesce(names_shown.locality, one_winner_per_name_and_region.locality) as locality,
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
    left join names_shown on one_winner_per_name_and_region.place_id = names_shown.place_id

)

select * from with_region_names
