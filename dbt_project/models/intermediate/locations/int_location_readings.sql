with

parts as (

    select * from {{ ref('int_location_parts') }}

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

metros_people_edit as (

    select
        *,
        {{ location_key('name') }} as name_key,
        {{ location_key('locality') }} as locality_key
    from {{ ref('location_metros') }}

),

territories as (

    select * from {{ ref('location_territories') }}

),

-- What each part may mean -------------------------------------------------------------------------------------------

countries_named as (

    select
        parts.location_raw,
        parts.place_number,
        parts.from_end,
        parts.part_count,
        parts.name_key,
        country_names.country_code,
        country_names.name_kind = 'code' as is_code,
        country_names.needs_place
    from parts
    inner join country_names on parts.name_key = country_names.name_key
    -- 'in', 'me' and 'can' are words before they are countries
    where country_names.name_kind = 'name' or parts.is_capitals

),

regions_named as (

    select
        parts.location_raw,
        parts.place_number,
        parts.from_end,
        parts.part_count,
        parts.name_key,
        region_names.country_code,
        region_names.region_code,
        region_names.region,
        region_names.name_kind,
        parts.is_capitals
    from parts
    inner join region_names on parts.name_key = region_names.name_key

    union all

    -- 'Northern California', 'Cairo Governorate': only where nothing is called exactly so
    select
        parts.location_raw,
        parts.place_number,
        parts.from_end,
        parts.part_count,
        parts.name_key,
        region_names.country_code,
        region_names.region_code,
        region_names.region,
        region_names.name_kind,
        false
    from parts
    inner join region_names on parts.unit_key = region_names.name_key
    where
        parts.unit_key != parts.name_key
        and region_names.name_kind != 'code'
        and parts.name_key not in (select name_key from region_names)
        and parts.name_key not in (select name_key from country_names)

),

metros as (

    select distinct on (metros_people_edit.name_key)
        metros_people_edit.name_key,
        metros_people_edit.country_code,
        place_names.region_code,
        place_names.place_id,
        metros_people_edit.locality,
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
            and (place_names.region = metros_people_edit.region or nullif(metros_people_edit.region, '') is null)
    order by metros_people_edit.name_key, place_names.population desc nulls last

),

places_named as (

    select
        parts.location_raw,
        parts.place_number,
        parts.from_end,
        parts.part_count,
        place_names.country_code,
        place_names.region_code,
        place_names.place_id,
        place_names.locality,
        place_names.region,
        place_names.population,
        place_names.latitude,
        place_names.longitude,
        place_names.is_own_name,
        false as is_seeded,
        parts.name_key = parts.metro_key as is_metro
    from parts
    inner join place_names on parts.name_key = place_names.name_key

    union all

    -- 'Kaohsiung City', 'Greater Boston': the plain name, where the whole is not a name itself
    select
        parts.location_raw,
        parts.place_number,
        parts.from_end,
        parts.part_count,
        place_names.country_code,
        place_names.region_code,
        place_names.place_id,
        place_names.locality,
        place_names.region,
        place_names.population,
        place_names.latitude,
        place_names.longitude,
        place_names.is_own_name,
        false,
        parts.metro_key is not null
    from parts
    inner join place_names on coalesce(parts.metro_key, parts.plain_key) = place_names.name_key
    where
        coalesce(parts.metro_key, parts.plain_key) != parts.name_key
        and not exists (select 1 from place_names as exact where exact.name_key = parts.name_key)
        and not exists (select 1 from metros where metros.name_key = parts.name_key)

    union all

    select
        parts.location_raw,
        parts.place_number,
        parts.from_end,
        parts.part_count,
        metros.country_code,
        metros.region_code,
        metros.place_id,
        metros.locality,
        metros.region,
        metros.population,
        metros.latitude,
        metros.longitude,
        true,
        true,
        metros.kind = 'metro'
    from parts
    inner join metros on parts.name_key = metros.name_key

),

-- States and provinces that are a city's name as well ("Tokyo", "New York", "Lima")
regions_called_like_a_city as (

    select distinct
        region_names.name_key,
        region_names.country_code
    from region_names
    inner join place_names
        on region_names.name_key = place_names.name_key and region_names.country_code = place_names.country_code
    where place_names.population >= 100000

),

-- Where a place may be anchored: its country, its region, or both ------------------------------------------------

anchors as (

    select
        location_raw,
        place_number,
        part_count,
        'country' as anchor_kind,
        country_code,
        null::text as region_code,
        null::text as region,
        is_code,
        needs_place,
        1 as used_from_end,
        part_count as read_from_end,
        name_key
    from countries_named
    where from_end = 1

    union all

    select
        countries_named.location_raw,
        countries_named.place_number,
        countries_named.part_count,
        'country_region',
        countries_named.country_code,
        regions_named.region_code,
        regions_named.region,
        countries_named.is_code,
        countries_named.needs_place,
        2,
        countries_named.part_count,
        regions_named.name_key
    from countries_named
    inner join regions_named
        on
            countries_named.location_raw = regions_named.location_raw
            and countries_named.place_number = regions_named.place_number
            and countries_named.country_code = regions_named.country_code
            and regions_named.from_end = 2
    where countries_named.from_end = 1

    union all

    -- 'San Juan, Puerto Rico, United States': the territory has a code of its own
    select
        territory.location_raw,
        territory.place_number,
        territory.part_count,
        'territory',
        territory.country_code,
        null,
        null,
        false,
        false,
        2,
        territory.part_count,
        territory.name_key
    from countries_named as territory
    inner join territories on territory.country_code = territories.country_code
    inner join countries_named as sovereign
        on
            territory.location_raw = sovereign.location_raw
            and territory.place_number = sovereign.place_number
            and territories.sovereign_code = sovereign.country_code
            and sovereign.from_end = 1
    where territory.from_end = 2

    union all

    select
        location_raw,
        place_number,
        part_count,
        case when name_kind = 'code' then 'region_code' else 'region' end,
        country_code,
        region_code,
        region,
        is_capitals,
        name_kind = 'part',
        1,
        part_count,
        name_key
    from regions_named
    where from_end = 1

    union all

    -- 'Israel - Haifa', 'US, California, San Francisco': the country comes first
    select
        location_raw,
        place_number,
        part_count,
        'country_first',
        country_code,
        null,
        null,
        is_code,
        needs_place,
        0,
        part_count - 1,
        name_key
    from countries_named
    where from_end = part_count and part_count > 1

    union all

    select
        countries_named.location_raw,
        countries_named.place_number,
        countries_named.part_count,
        'country_first_region',
        countries_named.country_code,
        regions_named.region_code,
        regions_named.region,
        countries_named.is_code,
        countries_named.needs_place,
        0,
        countries_named.part_count - 2,
        regions_named.name_key
    from countries_named
    inner join regions_named
        on
            countries_named.location_raw = regions_named.location_raw
            and countries_named.place_number = regions_named.place_number
            and countries_named.country_code = regions_named.country_code
            and regions_named.from_end = countries_named.part_count - 1
    where countries_named.from_end = countries_named.part_count and countries_named.part_count > 1

),

anchors_numbered as (

    select
        *,
        row_number() over () as anchor_id
    from anchors

),

anchors_with_places as (

    select distinct on (anchors_numbered.anchor_id)
        anchors_numbered.*,
        places_named.from_end as place_from_end,
        places_named.region_code as place_region_code,
        coalesce(anchors_numbered.region, places_named.region) as place_region,
        places_named.place_id,
        places_named.locality,
        places_named.population,
        places_named.latitude,
        places_named.longitude,
        places_named.is_own_name,
        places_named.is_metro,
        places_named.is_seeded
    from anchors_numbered
    left join places_named
        on
            anchors_numbered.location_raw = places_named.location_raw
            and anchors_numbered.place_number = places_named.place_number
            and anchors_numbered.country_code = places_named.country_code
            and places_named.from_end > anchors_numbered.used_from_end
            and places_named.from_end <= anchors_numbered.read_from_end
            and (anchors_numbered.region_code is null or anchors_numbered.region_code = places_named.region_code)
    -- the part beside the anchor is the town; what is further away is its street or quarter
    order by
        anchors_numbered.anchor_id,
        case
            when anchors_numbered.anchor_kind like 'country_first%' then -places_named.from_end
            else places_named.from_end
        end,
        places_named.is_seeded desc,
        (places_named.population * case when places_named.is_own_name then 20 else 1 end) desc,
        places_named.place_id

),

-- Bare names: 'Berlin', 'London, land of opportunities' ---------------------------------------------------------

bare_names_ranked as (

    select
        *,
        population * case when is_seeded then 1000 when is_own_name then 20 else 1 end as weight,
        row_number() over (
            partition by location_raw, place_number, from_end
            order by
                is_seeded desc,
                population * case when is_own_name then 20 else 1 end desc,
                place_id
        ) as weight_rank
    from places_named

),

bare_names as (

    select
        winners.*,
        rivals.weight_abroad,
        rivals.weight_at_home
    from bare_names_ranked as winners
    left join lateral (
        select
            max(others.weight) filter (where others.country_code != winners.country_code) as weight_abroad,
            max(others.weight) filter (where others.country_code = winners.country_code) as weight_at_home
        from bare_names_ranked as others
        where
            others.location_raw = winners.location_raw
            and others.place_number = winners.place_number
            and others.from_end = winners.from_end
            and others.weight_rank > 1
            and others.place_id != winners.place_id
    ) as rivals on true
    where
        winners.weight_rank = 1
        and winners.population >= case when winners.is_seeded then 0 when winners.is_own_name then 100000 else 500000 end
        and (winners.is_seeded or coalesce(rivals.weight_abroad, 0) * 5 <= winners.weight)

),

-- Every reading with its rank: the lowest wins ---------------------------------------------------------------------

us_region_codes as (

    select name_key
    from region_names
    where country_code = 'US' and name_kind = 'code' and length(name_key) = 2

),

readings as (

    select
        anchors_with_places.location_raw,
        anchors_with_places.place_number,
        anchors_with_places.part_count,
        anchors_with_places.used_from_end,
        anchors_with_places.anchor_kind,
        anchors_with_places.country_code,
        anchors_with_places.region_code,
        anchors_with_places.place_region as region,
        anchors_with_places.locality,
        anchors_with_places.latitude,
        anchors_with_places.longitude,
        coalesce(anchors_with_places.population, 0) as population,
        coalesce(anchors_with_places.is_metro, false) as is_metro,
        anchors_with_places.locality is null
        and anchors_with_places.anchor_kind in ('country_region', 'region', 'region_code') as may_stand_as_written,
        case anchors_with_places.anchor_kind
            when 'territory' then 10
            when 'country_region'
                then case
                    when locality is not null and not is_code then 20
                    when locality is not null then 29
                    when needs_place then null
                    when not is_code then 24
                    else 29
                end
            when 'country'
                then case
                    -- 'Dubai, United Arab Emirates' is the city, 'New York, United States' the state
                    when
                        locality is not null and place_from_end = 2 and part_count = 2 and not is_code
                        and country_code not in ('US', 'CA') and population >= 50000
                        then 22
                    when locality is not null and not is_code then 26
                    when locality is not null and population >= 15000 then 32
                    when locality is not null then 34
                    when needs_place then null
                    when not is_code then 28
                    -- two letters alone are too little; 'X, FR' says France, 'X, CA' may say California
                    when part_count > 1 and name_key not in (select name_key from us_region_codes) then 44
                end
            when 'region'
                then case
                    when
                        locality is not null and population < 15000
                        and (name_key, country_code) in (select name_key, country_code from regions_called_like_a_city)
                        then 51
                    when locality is not null and country_code = 'US' then 30
                    when locality is not null then 31
                    when needs_place then null
                    when (name_key, country_code) in (select name_key, country_code from regions_called_like_a_city)
                        then 52
                    when country_code = 'US' then 40
                    else 41
                end
            when 'region_code'
                then case
                    when locality is not null and country_code in ('US', 'CA') and population >= 15000 then 31
                    when locality is not null and country_code in ('US', 'CA') then 33
                    when locality is not null and is_code and part_count > 1 then 35
                    -- 'Los Osos, CA': capitals after a name nobody knows are a state
                    when country_code in ('US', 'CA') and is_code and part_count > 1 then 43
                end
            when 'country_first'
                then case
                    when locality is not null and not is_code then 46
                    when locality is not null then 47
                end
            when 'country_first_region' then case when not is_code then 45 else 47 end
        end as reading_rank
    from anchors_with_places

    union all

    -- a list of countries: the first one
    select
        first_country.location_raw,
        first_country.place_number,
        first_country.part_count,
        0,
        'country_list',
        first_country.country_code,
        null,
        null,
        null,
        null,
        null,
        0,
        false,
        false,
        27
    from countries_named as first_country
    inner join countries_named as last_country
        on
            first_country.location_raw = last_country.location_raw
            and first_country.place_number = last_country.place_number
            and last_country.from_end = 1
            and last_country.country_code != first_country.country_code
    where
        first_country.from_end = first_country.part_count
        and not first_country.is_code
        and not first_country.needs_place
        and not last_country.is_code

    union all

    select
        location_raw,
        place_number,
        part_count,
        0,
        'bare',
        country_code,
        region_code,
        case when is_seeded or coalesce(weight_at_home, 0) * 2 <= weight then region end,
        case when is_seeded or coalesce(weight_at_home, 0) * 2 <= weight then locality end,
        latitude,
        longitude,
        population,
        is_metro,
        false,
        -- the leftmost name that is clear by itself
        case when is_seeded and part_count = 1 then 25 when part_count = 1 then 39 else 50 end - from_end * 0.01
    from bare_names

)

select * from readings
where reading_rank is not null
