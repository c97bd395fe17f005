{#- Its readers need the number of rows; a sample of every column takes as long as half the model. -#}
{{ config(pre_hook="set local default_statistics_target = 10") }}

with

parts as (

    select * from {{ ref('int_location_parts') }}

),

metros_people_edit as (

    select
        *,
        {{ location_key('name') }} as name_key,
        {{ location_key('locality') }} as locality_key
    from {{ ref('location_metros') }}

),

words_of_no_name as (

    select {{ location_key('phrase') }} as name_key
    from {{ ref('location_noise') }}
    where kind = 'not_a_name'

),

parts_in_words as (

    select
        *,
        {{ words_of('name_key') }} as words
    from parts

),

-- A part's own key; the key without 'City', 'Greater' or 'Area'; the city of 'South London'; and what an address without commas ends in
-- ('17 Pleasant Street Clifton Springs').
possible_place_keys as (

    select
        mention_id,
        from_end,
        part_count,
        name_key as part_key,
        name_key,
        metro_key is not null as is_metro,
        'whole' as form
    from parts

    union all

    select
        mention_id,
        from_end,
        part_count,
        name_key as part_key,
        coalesce(metro_key, plain_key) as name_key,
        metro_key is not null as is_metro,
        'shortened' as form
    from parts
    where coalesce(metro_key, plain_key) != name_key

    union all

    select
        mention_id,
        from_end,
        part_count,
        name_key as part_key,
        city_of_quarter_key as name_key,
        false as is_metro,
        'city_of_quarter' as form
    from parts
    where
        city_of_quarter_key is not null
        -- 'North Carolina' is no quarter of Carolina
        and name_key not in (select region_names.name_key from {{ ref('int_location_region_names') }} as region_names)
        and name_key not in (select country_names.name_key from {{ ref('int_location_country_names') }} as country_names)

    union all

    select
        parts_in_words.mention_id,
        parts_in_words.from_end,
        parts_in_words.part_count,
        parts_in_words.name_key as part_key,
        {{ last_words('parts_in_words.words', count='lengths.word_count') }} as name_key,
        false as is_metro,
        -- 'St San Francisco'
        case when {{ count_of('parts_in_words.words') }} = lengths.word_count + 1 then 'city_at_end' else 'ending' end as form
    from parts_in_words
    inner join (values (1), (2), (3)) as lengths (word_count)
        on
            {{ count_of('parts_in_words.words') }} <= 12
            and {{ count_of('parts_in_words.words') }} >= lengths.word_count + case when lengths.word_count = 1 then 2 else 1 end
    where
        -- 'with a strong' ends in no town, though one in Maine is called so; nor does 'Borough High Street'
        {{ matches('parts_in_words.part_text', '(^| )[^[:lower:] ][^ ]*$') }}
        and {{ last_words('parts_in_words.words', count='lengths.word_count') }} not in (select name_key from words_of_no_name)

),

wanted_place_keys as (

    select name_key
    from possible_place_keys
    union
    select locality_key
    from metros_people_edit
    union
    select name_key
    from metros_people_edit

),

-- the few names of the gazetteer that these texts can mean
place_names as materialized (

    select place_names_of_all.*
    from {{ ref('int_location_place_names') }} as place_names_of_all
    inner join wanted_place_keys on place_names_of_all.name_key = wanted_place_keys.name_key

),

known_place_keys as (

    select name_key
    from place_names
    union
    select name_key
    from metros_people_edit

),

-- 'New York City' is New York to people: the seed's name of a place goes before the gazetteer's
names_shown as (

    select distinct on (place_names.place_id)
        place_names.place_id,
        metros_people_edit.locality
    from metros_people_edit
    inner join place_names
        on
            metros_people_edit.name_key = place_names.name_key
            and metros_people_edit.country_code = place_names.country_code
            and metros_people_edit.region = place_names.region
    where metros_people_edit.kind = 'nickname' and place_names.is_own_name
    order by place_names.place_id, metros_people_edit.locality

),

metros as (

    select distinct on (metros_people_edit.name_key)
        metros_people_edit.name_key,
        metros_people_edit.country_code,
        place_names.region_code,
        place_names.place_id,
        nullif(metros_people_edit.locality, '') as locality,
        nullif(metros_people_edit.region, '') as region,
        coalesce(place_names.population, 0) as population,
        place_names.latitude,
        place_names.longitude,
        metros_people_edit.kind
    from metros_people_edit
    left join place_names
        on
            metros_people_edit.locality_key = place_names.name_key
            and metros_people_edit.country_code = place_names.country_code
            and coalesce(nullif(metros_people_edit.region, ''), place_names.region, '')
            = coalesce(place_names.region, '')
    order by metros_people_edit.name_key asc, place_names.population desc nulls last

),

-- a shortened name or an ending counts only where nobody is called by the whole
place_keys as (

    select possible_place_keys.*
    from possible_place_keys
    left join known_place_keys on possible_place_keys.part_key = known_place_keys.name_key
    where possible_place_keys.form = 'whole' or known_place_keys.name_key is null

),

seeded_keys as (

    select
        mention_id,
        from_end,
        part_count,
        name_key,
        false as is_area
    from parts

    union all

    -- 'NYC area', 'Downtown LA'
    select
        parts.mention_id,
        parts.from_end,
        parts.part_count,
        {{ location_nickname_key('parts.name_key', 'parts.metro_key') }} as name_key,
        parts.metro_key is not null as is_area
    from parts
    left join known_place_keys on parts.name_key = known_place_keys.name_key
    where {{ location_nickname_key('parts.name_key', 'parts.metro_key') }} is not null and known_place_keys.name_key is null

),

places_named as (

    select
        place_keys.mention_id,
        place_keys.from_end,
        place_keys.part_count,
        place_keys.name_key,
        place_names.country_code,
        place_names.region_code,
        place_names.place_id,
        coalesce(names_shown.locality, place_names.locality) as locality,
        place_names.region,
        place_names.population,
        place_names.latitude,
        place_names.longitude,
        place_names.is_own_name,
        false as is_seeded,
        place_keys.is_metro and (place_keys.form = 'shortened' or not place_names.is_own_name) as is_metro,
        case when place_keys.form in ('ending', 'city_at_end') then length(place_keys.name_key) else 100 end as name_length
    from place_keys
    inner join place_names
        on
            place_keys.name_key = place_names.name_key
            -- smaller towns have namesakes to each side: 'West McLean'
            and (place_keys.form not in ('city_of_quarter', 'city_at_end') or place_names.population >= 100000)
    left join names_shown on place_names.place_id = names_shown.place_id

    union all

    select
        seeded_keys.mention_id,
        seeded_keys.from_end,
        seeded_keys.part_count,
        seeded_keys.name_key,
        metros.country_code,
        metros.region_code,
        metros.place_id,
        metros.locality,
        metros.region,
        metros.population,
        metros.latitude,
        metros.longitude,
        true as is_own_name,
        true as is_seeded,
        seeded_keys.is_area or metros.kind = 'metro' as is_metro,
        100 as name_length
    from seeded_keys
    inner join metros on seeded_keys.name_key = metros.name_key
    where not seeded_keys.is_area or metros.kind = 'nickname'

)

select * from places_named
