{#- The planner takes the groups of names for few, and would go through them once for every reading. -#}
{{ config(pre_hook="set local enable_nestloop = off") }}

with

parts as (

    select * from {{ ref('int_location_parts') }}

),

places_named as (

    select * from {{ ref('int_location_places_named') }}

),

country_names as (

    select * from {{ ref('int_location_country_names') }}

),

-- by its index, name by name
region_names as not materialized (

    select * from {{ ref('int_location_region_names') }}

),

territories as (

    select * from {{ ref('location_territories') }}

),

words_of_no_name as (

    select {{ location_key('phrase') }} as name_key
    from {{ ref('location_noise') }}
    where kind = 'not_a_name'

),

countries as (

    select * from {{ ref('stg_reference__gazetteer_countries') }}

),

-- What each part may mean -------------------------------------------------------------------------------------------

countries_named as (

    select
        parts.mention_id,
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

known_exactly as (

    select name_key
    from region_names
    union
    select name_key
    from country_names
    union
    select {{ location_key('name') }} as name_key
    from {{ ref('location_metros') }}

),

-- 'TX' is nothing else, 'CA' is Canada too
unmistakable_state_codes as (

    select region_names.name_key
    from region_names
    left join country_names on region_names.name_key = country_names.name_key
    left join words_of_no_name on region_names.name_key = words_of_no_name.name_key
    where
        country_names.name_key is null and words_of_no_name.name_key is null
        and region_names.name_kind = 'code'
    group by region_names.name_key
    having count(*) = 1 and min(region_names.country_code) = 'US'

),

region_names_of_one_country as (

    select
        name_key,
        -- 'Granada' in Nicaragua has a province of its name in Spain
        count(*) = 1 as has_no_namesake
    from region_names
    where name_kind not in ('code', 'province_code')
    group by name_key
    having count(*) filter (where name_kind = 'name') = 1

),

-- 'North Carolina Metropolitan Area' is North Carolina before it is the north of Carolina in Puerto Rico
units as (

    select
        parts.mention_id,
        parts.from_end,
        parts.part_count,
        parts.part_text,
        parts.name_key,
        parts.metro_key,
        coalesce(exactly.name_key, parts.unit_key) as unit_key
    from parts
    left join (
        select distinct name_key
        from region_names
    ) as exactly on {{ location_unit_key('parts.name_key') }} = exactly.name_key
    where parts.unit_key != parts.name_key

),

regions_named as (

    select
        parts.mention_id,
        parts.from_end,
        parts.part_count,
        parts.name_key,
        region_names.country_code,
        region_names.region_code,
        region_names.region,
        region_names.name_kind,
        region_names_of_one_country.name_key is not null as is_of_one_country,
        parts.is_capitals or unmistakable_state_codes.name_key is not null as is_capitals,
        unmistakable_state_codes.name_key is not null and parts.is_capitals as stands_alone
    from parts
    inner join region_names on parts.name_key = region_names.name_key
    left join unmistakable_state_codes on parts.name_key = unmistakable_state_codes.name_key
    left join region_names_of_one_country on parts.name_key = region_names_of_one_country.name_key

    union all

    -- 'Northern California', 'Cairo Governorate': only where nothing is called exactly so
    select
        units.mention_id,
        units.from_end,
        units.part_count,
        units.name_key,
        region_names.country_code,
        region_names.region_code,
        region_names.region,
        case when region_names.name_kind = 'code' then 'name' else region_names.name_kind end as name_kind,
        coalesce(region_names_of_one_country.has_no_namesake, false)
        and {{ location_says_region('units.name_key') }} as is_of_one_country,
        false as is_capitals,
        false as stands_alone
    from units
    inner join region_names on units.unit_key = region_names.name_key
    left join known_exactly on units.name_key = known_exactly.name_key
    left join region_names_of_one_country on units.unit_key = region_names_of_one_country.name_key
    where
        (
            region_names.name_kind not in ('code', 'province_code')
            -- 'Northern CA'
            or (
                region_names.country_code = 'US'
                and {{ matches('units.part_text', '^((North|South|East|West)ern|Central|Upstate) [A-Z]{2}$') }}
            )
        )
        -- 'Albany, New York Metropolitan Area' is in the state; alone it is the city's
        and (
            known_exactly.name_key is null
            or (units.part_count > 1 and units.from_end = 1 and units.metro_key is not null)
        )

),

-- States and provinces that are a city's name as well ("Tokyo", "New York", "Lima")
regions_called_like_a_city as (

    select distinct
        region_names.name_key,
        region_names.country_code
    from region_names
    inner join places_named
        on region_names.name_key = places_named.name_key and region_names.country_code = places_named.country_code
    where places_named.population >= 100000 and places_named.name_length = 100

),

-- Where a place may be anchored: its country, its region, or both ------------------------------------------------

anchors as (

    select
        mention_id,
        part_count,
        'country' as anchor_kind,
        country_code,
        null::text as region_code,
        null::text as region,
        is_code,
        needs_place,
        false as is_capitals,
        false as stands_alone,
        false as is_only_a_part,
        1 as used_from_end,
        part_count as read_from_end,
        name_key,
        false as is_of_one_country
    from countries_named
    where from_end = 1

    union all

    select
        countries_named.mention_id,
        countries_named.part_count,
        'country_region' as anchor_kind,
        countries_named.country_code,
        regions_named.region_code,
        regions_named.region,
        countries_named.is_code,
        countries_named.needs_place,
        false as is_capitals,
        false as stands_alone,
        regions_named.name_kind in ('part', 'borough') as is_only_a_part,
        2 as used_from_end,
        countries_named.part_count as read_from_end,
        regions_named.name_key,
        regions_named.is_of_one_country
    from countries_named
    inner join regions_named
        on
            countries_named.mention_id = regions_named.mention_id
            and countries_named.country_code = regions_named.country_code
            and regions_named.from_end = 2
    where countries_named.from_end = 1

    union all

    -- 'San Juan, Puerto Rico, United States': the territory has a code of its own
    select
        territory.mention_id,
        territory.part_count,
        'territory' as anchor_kind,
        territory.country_code,
        null as region_code,
        null as region,
        false as is_code,
        false as needs_place,
        false as is_capitals,
        false as stands_alone,
        false as is_only_a_part,
        2 as used_from_end,
        territory.part_count as read_from_end,
        territory.name_key,
        false as is_of_one_country
    from countries_named as territory
    inner join territories on territory.country_code = territories.country_code
    inner join countries_named as sovereign
        on
            territory.mention_id = sovereign.mention_id
            and territories.sovereign_code = sovereign.country_code
            and sovereign.from_end = 1
    where territory.from_end = 2

    union all

    select
        mention_id,
        part_count,
        case name_kind when 'code' then 'region_code' when 'province_code' then 'province_of_region_code' else 'region' end
            as anchor_kind,
        country_code,
        region_code,
        region,
        false as is_code,
        false as needs_place,
        is_capitals,
        stands_alone,
        name_kind in ('part', 'borough') as is_only_a_part,
        1 as used_from_end,
        part_count as read_from_end,
        name_key,
        is_of_one_country
    from regions_named
    where from_end = 1

    union all

    -- 'Israel - Haifa', 'US, California, San Francisco': the country comes first
    select
        mention_id,
        part_count,
        'country_first' as anchor_kind,
        country_code,
        null as region_code,
        null as region,
        is_code,
        needs_place,
        false as is_capitals,
        false as stands_alone,
        false as is_only_a_part,
        0 as used_from_end,
        part_count - 1 as read_from_end,
        name_key,
        false as is_of_one_country
    from countries_named
    where from_end = part_count and part_count > 1

    union all

    select
        countries_named.mention_id,
        countries_named.part_count,
        'country_first_region' as anchor_kind,
        countries_named.country_code,
        regions_named.region_code,
        regions_named.region,
        countries_named.is_code,
        countries_named.needs_place,
        false as is_capitals,
        false as stands_alone,
        false as is_only_a_part,
        0 as used_from_end,
        countries_named.part_count - 2 as read_from_end,
        regions_named.name_key,
        regions_named.is_of_one_country
    from countries_named
    inner join regions_named
        on
            countries_named.mention_id = regions_named.mention_id
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
            anchors_numbered.mention_id = places_named.mention_id
            and anchors_numbered.country_code = places_named.country_code
            and places_named.locality is not null
            and anchors_numbered.used_from_end < places_named.from_end
            and anchors_numbered.read_from_end >= places_named.from_end
            and (anchors_numbered.region_code is null or anchors_numbered.region_code = places_named.region_code)
    -- the part beside the anchor is the town; what is further away is its street or quarter
    order by
        anchors_numbered.anchor_id asc,
        case
            when anchors_numbered.anchor_kind like 'country_first%' then -places_named.from_end
            else places_named.from_end
        end asc,
        places_named.name_length desc,
        places_named.is_seeded desc,
        (places_named.population * case when places_named.is_own_name then 20 else 1 end) desc,
        places_named.place_id asc

),

-- Bare names: 'Berlin', 'London, land of opportunities' ---------------------------------------------------------

capitals as (

    select
        country_code,
        {{ location_key('capital') }} as name_key
    from countries

),

bare_names_weighed as (

    select
        places_named.*,
        places_named.population
        * case when places_named.is_seeded then 1000 when places_named.is_own_name then 20 else 1 end
        -- 'Colombo' is a town in Brazil too; 'Georgetown' is a small capital
        * case when capitals.name_key is not null and places_named.population >= 500000 then 3 else 1 end as weight
    from places_named
    left join capitals
        on places_named.name_key = capitals.name_key and places_named.country_code = capitals.country_code
    where places_named.name_length = 100

),

bare_names_ranked as (

    select
        *,
        row_number() over the_heaviest_first as weight_rank,
        first_value(country_code) over the_heaviest_first as heaviest_country_code,
        first_value(place_id) over the_heaviest_first as heaviest_place_id
    from bare_names_weighed
    window the_heaviest_first as (partition by mention_id, from_end order by is_seeded desc, weight desc, place_id asc)

),

bare_names_beside_namesakes as (

    select
        *,
        max(weight) filter (where country_code != heaviest_country_code) over namesakes as weight_abroad,
        max(weight) filter (
            where country_code = heaviest_country_code and place_id is distinct from heaviest_place_id
        ) over namesakes as weight_at_home
    from bare_names_ranked
    window namesakes as (partition by mention_id, from_end)

),

bare_names as (

    select *
    from bare_names_beside_namesakes
    where
        weight_rank = 1
        -- 'Metro' is a town in Indonesia
        and name_key not in (select words_of_no_name.name_key from words_of_no_name)
        and (
            is_seeded
            or (is_own_name and population >= 100000)
            -- alternate names are many and odd: Chongqing is 'Pa' to somebody; '東京' has more bytes
            or (population >= 500000 and octet_length(name_key) >= 4)
            -- 'Tel Aviv-Yafo' (namesakes drop out below)
            or (population >= 100000 and starts_with(name_key, {{ location_key('locality') }} || ' '))
            -- one town on earth is called so (namesakes drop out below too), and no region
            or (
                is_own_name
                and name_key not in (select region_names.name_key from region_names)
                and (
                    -- 'Herzliya', 'Poughkeepsie': and it is no hamlet, or no word
                    (population >= 50000 and length(name_key) >= 5)
                    or (
                        population >= 15000
                        and (is_metro or (length(name_key) >= 8 and position(' ' in name_key) = 0))
                    )
                    -- 'Maryland Heights': nobody says two words by chance, and says them first: int_location_parts numbers
                    -- the places of a text by hundreds
                    or (population >= 15000 and position(' ' in name_key) > 0 and mention_id % 10000 < 200)
                )
            )
        )

),

-- 'Ontario' is the province to most, and a town in California
far_bigger_regions as (

    select distinct
        bare_names.mention_id,
        bare_names.from_end
    from bare_names
    inner join region_names
        on
            bare_names.name_key = region_names.name_key
            and bare_names.country_code != region_names.country_code
            and bare_names.population * 5 <= region_names.population
    -- of elsewhere the town is as likely: 'Santander'
    where
        region_names.name_kind = 'name' and region_names.country_code in ('US', 'CA', 'AU', 'GB')
        and bare_names.population < 500000

),

-- clear enough to stand alone: five times the namesake abroad; twice the one at home, else only the country is known
clear_names as (

    select
        bare_names.*,
        bare_names.is_seeded or coalesce(bare_names.weight_at_home, 0) * 2 <= bare_names.weight as is_clear_at_home
    from bare_names
    left join far_bigger_regions
        on
            bare_names.mention_id = far_bigger_regions.mention_id
            and bare_names.from_end = far_bigger_regions.from_end
    where
        bare_names.is_seeded
        or (
            (
                (bare_names.population >= 100000 and coalesce(bare_names.weight_abroad, 0) * 5 <= bare_names.weight)
                -- 'Lindenhurst': all towns of the name are in one country
                or (
                    bare_names.weight_abroad is null
                    and (
                        bare_names.weight_at_home is null
                        or (
                            bare_names.is_own_name
                            and (length(bare_names.name_key) >= 9 or position(' ' in bare_names.name_key) > 0)
                        )
                    )
                )
                -- 'Palo Alto': its namesakes are hamlets
                or (
                    bare_names.population >= 50000 and bare_names.is_own_name
                    and coalesce(bare_names.weight_abroad, 0) * 10 <= bare_names.weight
                    and coalesce(bare_names.weight_at_home, 0) * 10 <= bare_names.weight
                )
            )
            -- 'Kent' is a county in England to most, and a town in Washington
            and not (
                bare_names.population < 1000000
                and exists (
                    select 1
                    from region_names
                    where
                        region_names.name_key = bare_names.name_key
                        and region_names.name_kind = 'part'
                        and region_names.country_code != bare_names.country_code
                )
            )
            and far_bigger_regions.mention_id is null
        )

),

-- Every reading with its rank: the lowest wins ---------------------------------------------------------------------

lists_of_countries as (

    select mention_id
    from countries_named
    group by mention_id
    having count(distinct from_end) = max(part_count)

),

leftmost_clear_names as (

    select distinct on (mention_id)
        mention_id,
        from_end,
        country_code,
        count(*) filter (where from_end > 1) over (partition by mention_id) as names_before_last
    from clear_names
    order by mention_id asc, from_end desc

),

-- 'NYC, LA' is no place in Louisiana
nicknames_in_a_row as (

    select last_name.mention_id
    from clear_names as last_name
    inner join clear_names as beside on last_name.mention_id = beside.mention_id and beside.from_end = 2
    where last_name.from_end = 1 and last_name.is_seeded and beside.is_seeded

),

clear_names_abroad as (

    select
        countries_named.mention_id,
        countries_named.country_code,
        count(distinct clear_names.from_end) as clear_names
    from countries_named
    inner join clear_names
        on countries_named.mention_id = clear_names.mention_id and countries_named.country_code != clear_names.country_code
    -- 'Colombo, Paraná, Brazil': a region of the country is none of Argentina's cities
    left join regions_named
        on
            clear_names.mention_id = regions_named.mention_id
            and clear_names.from_end = regions_named.from_end
            and countries_named.country_code = regions_named.country_code
    -- not the country's own part: a town in Cuba is called Venezuela
    where countries_named.from_end = 1 and clear_names.from_end > 1 and regions_named.mention_id is null
    group by countries_named.mention_id, countries_named.country_code

),

-- 'Milan, MN', 'Granada, CA': a town of the name is in America too
names_of_american_towns as (

    select distinct
        mention_id,
        from_end
    from places_named
    where country_code in ('US', 'CA') and is_own_name and name_length = 100

),

american_codes as (

    select distinct name_key
    from region_names
    where country_code in ('US', 'CA') and name_kind = 'code'

),

-- 'Lincolnshire', 'West Midlands': a part of a region that nobody else is called like, region or town
parts_of_regions_of_one_country as (

    select region_names.name_key
    from region_names
    left join places_named on region_names.name_key = places_named.name_key and places_named.population >= 15000
    left join country_names on region_names.name_key = country_names.name_key
    where places_named.name_key is null and country_names.name_key is null
    group by region_names.name_key
    having count(*) = 1 and min(region_names.name_kind) = 'part'

),

-- 'Mérida' is a state in Venezuela and a big city in Mexico
big_cities as (

    select
        name_key,
        min(country_code) as country_code,
        max(country_code) as other_country_code
    from places_named
    where is_own_name and name_length = 100 and population >= 500000
    group by name_key

),

regions_before_the_last as (

    select distinct on (mention_id, country_code) *
    from regions_named
    where from_end = 2
    order by mention_id, country_code, name_kind

),

countries_beside_countries as (

    select distinct
        countries_named.mention_id,
        countries_named.country_code,
        true as is_beside
    from countries_named
    inner join countries_named as others
        on
            countries_named.mention_id = others.mention_id
            and countries_named.country_code != others.country_code
            and others.from_end = 2
    where countries_named.from_end = 1 and not others.is_code and not others.needs_place

),

anchors_judged as (

    select
        anchors_with_places.*,
        countries.population as country_population,
        -- 'San Francisco, New York' are two cities, 'Corning, New York' is one
        coalesce(leftmost_clear_names.from_end > anchors_with_places.used_from_end, false) as follows_clear_name,
        coalesce(leftmost_clear_names.country_code != anchors_with_places.country_code, false) as follows_city_abroad,
        coalesce(leftmost_clear_names.names_before_last >= 2, false) as follows_clear_names,
        -- 'Singapore, London, Sydney, Hong Kong' is a list of cities
        coalesce(clear_names_abroad.clear_names, 0) as clear_names_abroad,
        regions_called_like_a_city.name_key is not null as is_called_like_a_city,
        -- 'Cádiz' is written so in Spain only
        american_codes.name_key is not null and names_of_american_towns.mention_id is not null
        and not {{ matches('beside.part_text', '[^[:ascii:]]') }} as may_be_american,
        -- 'US, Washington, Pasco' is not in Peru
        country_in_front.mention_id is not null as is_behind_another_country,
        -- 'Dallas, Moray, Scotland'
        coalesce(
            anchors_with_places.anchor_kind = 'region' and region_beside.region_code = anchors_with_places.region_code, false
        ) as is_behind_its_part,
        parts_of_regions_of_one_country.name_key is not null as is_a_part_in_one_country,
        coalesce(anchors_with_places.country_code not in (big_cities.country_code, big_cities.other_country_code), false)
            as is_a_city_abroad,
        country_codes.name_key is not null as is_country_code_too,
        -- 'Georgia' alone may be the country
        coalesce(country_codes.needs_place, false) as is_country_too,
        coalesce(beside.is_plausible_name, false) as is_plausible_beside,
        -- 'University Park, PA': and Panama is small
        coalesce(beside.reads_as_name and countries_of_codes.population < 8000000, false) as reads_as_name_beside,
        -- '28001 Madrid': a postcode is a town's, not a region's
        coalesce(beside.has_digit, false) as has_postcode_beside,
        anchor_parts.written_part_count,
        coalesce({{ matches('beside.name_key', ' (county|township|borough)$') }}, false)
        or anchor_parts.is_behind_quarter as is_county_beside,
        -- 'Dublin, Ireland': no first-level unit is called so, the part of one is
        coalesce(region_beside.name_kind in ('part', 'borough'), false) as is_town_as_region,
        -- 'Lisboa, Portugal', 'Valletta, Malta': the town that its region is called after, or the capital
        coalesce(
            case
                when
                    anchors_with_places.anchor_kind = 'country' and anchors_with_places.place_from_end = 2
                    and anchors_with_places.country_code not in ('US', 'CA')
                    then {{ location_key('anchors_with_places.locality') }} in (
                        capitals.name_key,
                        {{ location_unit_key(location_key('anchors_with_places.place_region')) }}
                    )
            end,
            false
        ) as is_chief_town,
        -- 'United Kingdom, Canada, Australia' ends a list
        coalesce(country_beside.is_beside, false) as is_behind_country,
        nicknames_in_a_row.mention_id is not null as ends_in_nicknames,
        coalesce(
            region_beside.name_kind = 'name'
            and region_beside.region_code != anchors_with_places.place_region_code,
            false
        ) as is_in_another_region
    from anchors_with_places
    left join countries on anchors_with_places.country_code = countries.country_code
    left join capitals on anchors_with_places.country_code = capitals.country_code
    left join leftmost_clear_names
        on
            anchors_with_places.mention_id = leftmost_clear_names.mention_id
    left join nicknames_in_a_row on anchors_with_places.mention_id = nicknames_in_a_row.mention_id
    left join clear_names_abroad
        on
            anchors_with_places.anchor_kind in ('country', 'country_region')
            and anchors_with_places.mention_id = clear_names_abroad.mention_id
            and anchors_with_places.country_code = clear_names_abroad.country_code
    left join regions_called_like_a_city
        on
            anchors_with_places.name_key = regions_called_like_a_city.name_key
            and anchors_with_places.country_code = regions_called_like_a_city.country_code
    left join big_cities on anchors_with_places.name_key = big_cities.name_key
    left join american_codes on anchors_with_places.name_key = american_codes.name_key
    left join names_of_american_towns
        on
            anchors_with_places.mention_id = names_of_american_towns.mention_id
            and anchors_with_places.place_from_end = names_of_american_towns.from_end
    left join countries_named as country_in_front
        on
            anchors_with_places.anchor_kind = 'region'
            and anchors_with_places.mention_id = country_in_front.mention_id
            and anchors_with_places.country_code != country_in_front.country_code
            and country_in_front.from_end = country_in_front.part_count
            and country_in_front.from_end > 1
            and not country_in_front.is_code
            and not country_in_front.needs_place
    left join parts_of_regions_of_one_country
        on anchors_with_places.name_key = parts_of_regions_of_one_country.name_key
    left join country_names as country_codes
        on
            anchors_with_places.anchor_kind in ('region', 'region_code')
            and anchors_with_places.name_key = country_codes.name_key
    left join countries as countries_of_codes on country_codes.country_code = countries_of_codes.country_code
    inner join parts as anchor_parts
        on
            anchors_with_places.mention_id = anchor_parts.mention_id
            and anchor_parts.from_end = 1
    left join parts as beside
        on
            anchors_with_places.mention_id = beside.mention_id
            and beside.from_end = anchors_with_places.used_from_end + 1
    left join countries_beside_countries as country_beside
        on
            anchors_with_places.anchor_kind = 'country'
            and anchors_with_places.mention_id = country_beside.mention_id
            and anchors_with_places.country_code = country_beside.country_code
    left join regions_before_the_last as region_beside
        on
            anchors_with_places.anchor_kind in ('country', 'region')
            and anchors_with_places.mention_id = region_beside.mention_id
            and anchors_with_places.country_code = region_beside.country_code
    -- letters say nothing elsewhere without a town there, and most anchors are such letters
    where
        anchors_with_places.locality is not null
        or anchors_with_places.country_code in ('US', 'CA')
        or anchors_with_places.anchor_kind not in ('region_code', 'province_of_region_code')

),

clear_names_judged as (

    select
        clear_names.*,
        exists (
            select 1
            from region_names
            where
                region_names.name_key = clear_names.name_key
                and region_names.name_kind = 'name'
                and region_names.country_code in ('US', clear_names.country_code)
        )
        and not exists (
            select 1
            from region_names
            where
                region_names.name_key = clear_names.name_key
                and region_names.country_code = clear_names.country_code
                and region_names.region_code = clear_names.region_code
                and (clear_names.country_code not in ('US', 'CA') or clear_names.population >= 5000000)
        )
        -- 'Buenos Aires' is the capital before it is the province around it
        and {{ location_key('clear_names.locality') }} != {{ location_key('countries.capital') }} as is_named_like_a_region
    from clear_names
    left join countries on clear_names.country_code = countries.country_code

),

readings as (

    select
        mention_id,
        part_count,
        used_from_end,
        anchor_kind,
        country_code,
        region_code,
        place_region as region,
        locality,
        latitude,
        longitude,
        coalesce(population, 0) as population,
        coalesce(is_metro, false) as is_metro,
        locality is null
        and anchor_kind in ('country_region', 'region', 'region_code') as may_stand_as_written,
        case
            when anchor_kind in ('country', 'country_region') and clear_names_abroad >= 2
                then case when not is_code then 54 end
            when anchor_kind = 'territory' then 10
            when anchor_kind = 'country_region'
                then case
                    when locality is not null and not is_code then 20
                    -- 'Toronto, Ontario, CA'
                    when locality is not null and place_from_end = 3 then 29
                    -- 'Ontario, CA' is a town in California before it is a province
                    when locality is not null then 31.5
                    when is_code then 33.5
                    when not needs_place then 24
                end
            when anchor_kind = 'country'
                then case
                    -- 'Dubai, United Arab Emirates' is the city, 'New York, United States' the state
                    when
                        locality is not null and place_from_end = 2 and not is_code
                        and country_code not in ('US', 'CA')
                        and (is_chief_town or (is_own_name and population >= 15000))
                        and (not is_in_another_region or population >= 500000)
                        and (part_count = 2 or is_town_as_region or has_postcode_beside)
                        then 22
                    when locality is not null and not is_code then 26
                    when locality is not null and population >= 15000 then 32
                    when locality is not null then 34
                    when needs_place then null
                    when not is_code and is_behind_country then 54
                    when not is_code then 28
                    -- two letters are too little without a town of that country: 'Epic City, BB'
                    when part_count > 1 and length(name_key) = 3 and not follows_city_abroad then 44
                end
            when anchor_kind = 'region'
                then case
                    when
                        locality is not null and population < 15000
                        and is_called_like_a_city and follows_clear_name
                        then 51
                    when locality is not null and country_code = 'US' then 30
                    when locality is not null then 31
                    when is_a_part_in_one_country and part_count = 1 and country_population >= 8000000 then 41
                    when is_only_a_part or is_country_too then null
                    when is_called_like_a_city and follows_clear_name then 52
                    when country_code = 'US' then 40
                    when
                        is_of_one_country and country_population >= 8000000
                        and not is_a_city_abroad and not is_behind_another_country
                        and (
                            part_count = 1 or not follows_clear_name
                            -- 'Athens, Ontario': who lists cities names no province of Canada; 'Dubai, Kerala' is a list
                            or (
                                follows_city_abroad and not follows_clear_names
                                and (country_code = 'CA' or is_behind_its_part)
                            )
                        )
                        then 41
                end
            when anchor_kind = 'region_code'
                then case
                    when locality is not null and country_code in ('US', 'CA') and population >= 15000 then 31
                    when locality is not null and country_code in ('US', 'CA') then 33
                    when locality is not null and is_capitals and part_count > 1 then 35
                    when ends_in_nicknames then null
                    when stands_alone then 42
                    when not (country_code in ('US', 'CA') and is_capitals and written_part_count > 1) then null
                    when not is_country_code_too then 42
                    -- 'London, IN': the gazetteer knows neither in Indiana nor in India
                    when is_plausible_beside or reads_as_name_beside or is_county_beside then 43
                end
            when anchor_kind = 'province_of_region_code'
                then case when locality is not null and is_capitals and part_count > 1 and not may_be_american then 35 end
            when anchor_kind = 'country_first'
                then case
                    when locality is not null and not is_code and country_code not in ('US', 'CA') then 40.5
                    when locality is not null and not is_code then 46
                    when locality is not null then 47
                end
            when anchor_kind = 'country_first_region' then case when not is_code then 45 else 47 end
        end as reading_rank
    from anchors_judged

    union all

    -- a list of countries and nothing else: the first one. 'Usa, Kyushu, Japan' is a town
    select
        first_country.mention_id,
        first_country.part_count,
        0 as used_from_end,
        'country_list' as anchor_kind,
        first_country.country_code,
        null as region_code,
        null as region,
        null as locality,
        null as latitude,
        null as longitude,
        0 as population,
        false as is_metro,
        false as may_stand_as_written,
        25.5 as reading_rank
    from countries_named as first_country
    inner join countries_named as last_country
        on
            first_country.mention_id = last_country.mention_id
            and last_country.from_end = 1
            and first_country.country_code != last_country.country_code
    left join lists_of_countries on first_country.mention_id = lists_of_countries.mention_id
    -- 'USA, New Zeland, India, Sri Lanka'
    left join countries_beside_countries as last_of_list
        on last_country.mention_id = last_of_list.mention_id and last_country.country_code = last_of_list.country_code
    left join leftmost_clear_names on first_country.mention_id = leftmost_clear_names.mention_id
    where
        (
            lists_of_countries.mention_id is not null
            or (last_of_list.mention_id is not null and leftmost_clear_names.mention_id is null)
        )
        and first_country.from_end = first_country.part_count
        and not first_country.is_code
        and not first_country.needs_place
        and not last_country.is_code

    union all

    select
        mention_id,
        part_count,
        0 as used_from_end,
        'bare' as anchor_kind,
        country_code,
        region_code,
        case when is_clear_at_home then region end as region,
        case when is_clear_at_home then locality end as locality,
        latitude,
        longitude,
        population,
        is_metro,
        false as may_stand_as_written,
        -- the leftmost name that is clear by itself
        case
            when part_count > 1 then 50
            when is_seeded then 25
            -- 'São Paulo' is the city, 'Virginia' not the one in South Africa, 'Quebec' the province
            when is_named_like_a_region then 53
            else 39
        end - from_end * 0.01 as reading_rank
    from clear_names_judged

),

best_reading_per_mention as (

    select distinct on (mention_id) *
    from readings
    where reading_rank is not null
    order by mention_id asc, reading_rank asc, population desc, country_code asc, region_code asc

),

-- 'Salem, IN': a town in Indiana and a city in India; a wrong country is worse than none
torn_between_state_and_country as (

    select mention_id
    from readings
    group by mention_id
    having
        min(reading_rank) = 32
        and bool_or(anchor_kind = 'region_code' and reading_rank = 33)

),

clear_readings as (

    select
        -- keys
        best_reading_per_mention.mention_id,
        best_reading_per_mention.used_from_end,

        -- text
        best_reading_per_mention.anchor_kind,
        best_reading_per_mention.locality,
        best_reading_per_mention.region,
        best_reading_per_mention.country_code,

        -- numbers
        best_reading_per_mention.latitude,
        best_reading_per_mention.longitude,

        -- booleans
        best_reading_per_mention.is_metro,
        best_reading_per_mention.may_stand_as_written
    from best_reading_per_mention
    left join torn_between_state_and_country
        on best_reading_per_mention.mention_id = torn_between_state_and_country.mention_id
    where torn_between_state_and_country.mention_id is null

)

select * from clear_readings
