{{ config(
    materialized="incremental",
    incremental_strategy="append",
    meta={"whole": true, "rows_of": ["int_location_strings"]},
    pre_hook=[
        "{{ require_steps_of_one_build([ref('int_location_texts_prepared'), ref('int_location_parts'), ref('int_location_places_named'), ref('int_location_readings'), ref('int_location_named_in_talk')]) }}",
        "{{ find_changed_rows(changes_of_locations()) }}",
        "{{ delete_changed_rows(['location_raw']) }}",
        "set local enable_nestloop = off",
    ],
) }}
{#- The planner takes the names that are no country for few, and would go through all readings for each of them. -#}
-- depends_on: {{ ref('int_location_strings') }}

with

texts as (

    select * from {{ ref('int_location_texts_prepared') }}

),

parts as (

    select * from {{ ref('int_location_parts') }}

),

readings as (

    select * from {{ ref('int_location_readings') }}

),

named_in_talk as (

    select * from {{ ref('int_location_named_in_talk') }}

),

corrections as (

    select * from {{ ref('stg_reference__location_lookup') }}

),

country_names as (

    select * from {{ ref('int_location_country_names') }}

),

region_names as (

    select * from {{ ref('int_location_region_names') }}

),

place_names as (

    select * from {{ ref('int_location_place_names') }}

),

localities_as_written as (

    select
        readings.mention_id,
        parts.part_text as locality
    from readings
    inner join parts
        on
            readings.mention_id = parts.mention_id
            and parts.from_end = readings.used_from_end + 1
    left join parts as anchor
        on
            readings.mention_id = anchor.mention_id
            and readings.used_from_end = anchor.from_end
    -- a county of the same country is no locality, nor is a country
    left join region_names
        on
            parts.name_key = region_names.name_key
            and readings.country_code = region_names.country_code
            and region_names.name_kind in ('name', 'part')
    left join country_names on parts.name_key = country_names.name_key
    where
        readings.may_stand_as_written
        and parts.is_plausible_name
        -- 'Hamilton, Hamilton, Bermuda': a town may be called like its region
        and (region_names.name_key is null or (parts.name_key = anchor.name_key and readings.anchor_kind = 'country_region'))
        and country_names.name_key is null

),

mentions as (

    select
        mention_id,
        min(location_raw) as location_raw
    from parts
    group by mention_id

),

mentions_read as (

    select
        mentions.location_raw,
        mentions.mention_id,
        readings.anchor_kind,
        readings.country_code,
        readings.region,
        coalesce(readings.locality, localities_as_written.locality) as locality,
        readings.latitude,
        readings.longitude,
        readings.is_metro,
        localities_as_written.locality is not null as is_as_written
    from readings
    inner join mentions on readings.mention_id = mentions.mention_id
    left join localities_as_written on readings.mention_id = localities_as_written.mention_id

    union all

    select
        location_raw,
        mention_id,
        'talk' as anchor_kind,
        country_code,
        region,
        locality,
        latitude,
        longitude,
        is_metro,
        false as is_as_written
    from named_in_talk

),

first_concrete_place as (

    select distinct on (location_raw) *
    from mentions_read
    -- a town or a region before a mere country, then the order of the text
    order by location_raw, (locality is null and region is null), mention_id

),

texts_with_parts as (

    select distinct location_raw
    from parts

),

corrections_by_key as (

    select distinct on (location_key)
        {{ location_key('location_name') }} as location_key,
        case when coalesce(has_city, true) then city end as city,
        case when coalesce(has_state, true) then state end as state,
        case when coalesce(has_country, true) then country end as country
    from corrections
    -- a correction holds for every spelling that differs in case, accents and punctuation only
    where {{ location_key('location_name') }} != ''
    order by location_key, location_name

),

corrections_read as (

    select distinct on (corrections_by_key.location_key)
        corrections_by_key.location_key,
        corrections_by_key.city,
        coalesce(region_names.region, corrections_by_key.state) as state,
        country_names.country_code,
        place_names.latitude,
        place_names.longitude
    from corrections_by_key
    left join country_names on {{ location_key('corrections_by_key.country') }} = country_names.name_key
    left join region_names
        on
            country_names.country_code = region_names.country_code
            and {{ location_key('corrections_by_key.state') }} = region_names.name_key
    left join place_names
        on
            country_names.country_code = place_names.country_code
            and {{ location_key('corrections_by_key.city') }} = place_names.name_key
            and (region_names.region_code is null or region_names.region_code = place_names.region_code)
    order by corrections_by_key.location_key asc, place_names.population desc nulls last

),

-- where nobody has corrected anything, no text needs its key
texts_to_correct as (

    select
        *,
        case when exists (select 1 from corrections) then {{ location_key('location_raw') }} end as location_key
    from texts

),

chosen as (

    select
        texts_to_correct.location_raw,
        texts_to_correct.is_remote,
        corrections_read.location_key is not null as is_corrected,
        first_concrete_place.anchor_kind,
        first_concrete_place.is_as_written,
        first_concrete_place.is_metro,
        case
            when corrections_read.location_key is not null then corrections_read.city else first_concrete_place.locality
        end as locality,
        case
            when corrections_read.location_key is not null then corrections_read.state else first_concrete_place.region
        end as region,
        case
            when corrections_read.location_key is not null
                then corrections_read.country_code
            else first_concrete_place.country_code
        end as country_code,
        case
            when corrections_read.location_key is not null
                then corrections_read.latitude
            when first_concrete_place.locality is not null then first_concrete_place.latitude
        end as latitude,
        case
            when corrections_read.location_key is not null
                then corrections_read.longitude
            when first_concrete_place.locality is not null then first_concrete_place.longitude
        end as longitude,
        length(texts_to_correct.location_raw) > 250 as is_prose,
        texts_with_parts.location_raw is not null as has_parts
    from texts_to_correct
    left join corrections_read on texts_to_correct.location_key = corrections_read.location_key
    left join first_concrete_place on texts_to_correct.location_raw = first_concrete_place.location_raw
    left join texts_with_parts on texts_to_correct.location_raw = texts_with_parts.location_raw

),

judged as (

    select
        -- keys
        location_raw,

        -- text
        locality,
        region,
        country_code,
        case
            when locality is not null and is_metro and not is_corrected then 'metro'
            when locality is not null then 'locality'
            when region is not null then 'region'
            when country_code is not null then 'country'
        end as location_precision,
        case
            when is_corrected then 'owner_lookup'
            when locality is not null and is_metro then 'metro'
            when is_as_written then 'locality_as_written'
            when anchor_kind = 'talk' then 'named_in_talk'
            when anchor_kind = 'bare' and locality is null then 'country_of_namesakes'
            when anchor_kind = 'bare' then 'well_known_city'
            when locality is not null and anchor_kind like '%region%' then 'city_in_region'
            when locality is not null then 'city_in_country'
            when region is not null then 'region'
            when anchor_kind = 'country_list' then 'first_country_of_list'
            when country_code is not null then 'country'
            when is_prose then 'prose'
            when not has_parts and is_remote then 'remote_only'
            when not has_parts then 'names_no_place'
            else 'not_recognised'
        end as location_reason,

        -- numbers
        latitude,
        longitude,

        -- booleans
        is_remote
    from chosen

)

select * from judged
