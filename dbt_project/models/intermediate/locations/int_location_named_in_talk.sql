{#- The gazetteer's index lies in memory; by default the planner thinks that it does not, and reads the whole of it for a few names. -#}
{{ config(pre_hook="set local random_page_cost = 1.1") }}

with

parts as (

    select * from {{ ref('int_location_parts') }}

),

readings as (

    select * from {{ ref('int_location_readings') }}

),

place_names as not materialized (

    select * from {{ ref('int_location_place_names') }}

),

region_names as (

    select * from {{ ref('int_location_region_names') }}

),

country_names as (

    select * from {{ ref('int_location_country_names') }}

),

countries as (

    select * from {{ ref('stg_reference__gazetteer_countries') }}

),

-- words that say that somebody is elsewhere, or everywhere: 'Not still in Edmonton'
denials as materialized (

    select
        {{ any_of_phrases('phrase') }} as pattern,
        {{ traces_of_phrases('phrase') }} as traces
    from {{ ref('location_noise') }}
    where kind = 'denial'

),

-- Talk: texts none of whose places could be read as a whole
texts_read as (

    select distinct parts.location_raw
    from parts
    inner join readings on parts.mention_id = readings.mention_id

),

talk as (

    select
        parts.mention_id,
        parts.location_raw,
        parts.from_end,
        parts.part_text,
        parts.metro_key,
        parts.name_key,
        {{ words_of('parts.name_key') }} as words
    from parts
    cross join denials
    left join texts_read on parts.location_raw = texts_read.location_raw
    where
        texts_read.location_raw is null
        and {{ count_of(words_of('parts.name_key')) }} between 2 and 20
        and parts.part_text != lower(parts.part_text)
        and not {{ says_any('parts.location_raw', 'denials.traces', 'denials.pattern') }}

),

runs as (

    select
        talk.mention_id,
        talk.location_raw,
        talk.from_end,
        talk.part_text,
        {{ count_of('talk.words') }} as words_in_part,
        starts.first_word,
        lengths.word_count,
        {{ words_between('talk.words', 'starts.first_word', 'starts.first_word + lengths.word_count - 1') }} as name_key
    from talk
    cross join {{ whole_numbers_to(count_of('talk.words')) }} as starts (first_word)
    inner join (values (1), (2), (3)) as lengths (word_count)
        on {{ count_of('talk.words') }} >= starts.first_word + lengths.word_count - 1

),

-- 'North Port-Sarasota Area': towns of one state, whatever their namesakes elsewhere
towns_of_areas as (

    select
        talk.location_raw,
        talk.mention_id,
        talk.from_end,
        pieces.piece_number,
        count(*) over (partition by talk.mention_id, talk.from_end) as piece_count,
        coalesce({{ location_metro_key(location_key('pieces.piece')) }}, {{ location_key('pieces.piece') }}) as name_key
    from talk
    cross join {{ pieces_of('talk.part_text', '-') }} as pieces (piece, piece_number)
    where talk.metro_key is not null and position('-' in talk.part_text) > 0

),

-- the few names of the gazetteer that these texts can mean
places_met as materialized (

    select place_names.*
    from place_names
    inner join (
        select name_key from runs
        union
        select name_key from towns_of_areas
        union
        select name_key from talk
    ) as keys_met on place_names.name_key = keys_met.name_key

),

regions_of_areas as (

    select
        towns_of_areas.location_raw,
        towns_of_areas.mention_id,
        towns_of_areas.from_end,
        places_met.country_code,
        places_met.region,
        -- of two states the one whose towns are no hamlets: 'Utica-Rome Area'
        sum(places_met.population) as population,
        lead(sum(places_met.population)) over (
            partition by towns_of_areas.mention_id, towns_of_areas.from_end
            order by sum(places_met.population) desc
        ) as population_of_next,
        row_number() over (
            partition by towns_of_areas.mention_id, towns_of_areas.from_end
            order by sum(places_met.population) desc
        ) as population_rank,
        {{ first_value_of('places_met.locality', in_order_of='towns_of_areas.piece_number') }} as locality,
        {{ first_value_of('places_met.latitude', in_order_of='towns_of_areas.piece_number') }} as latitude,
        {{ first_value_of('places_met.longitude', in_order_of='towns_of_areas.piece_number') }} as longitude
    from towns_of_areas
    inner join places_met on towns_of_areas.name_key = places_met.name_key
    where places_met.is_own_name
    group by
        towns_of_areas.location_raw, towns_of_areas.mention_id, towns_of_areas.from_end,
        places_met.country_code, places_met.region
    having count(*) = min(towns_of_areas.piece_count) and count(*) > 1 and min(places_met.population) >= 5000

),

-- nobody says these by chance: a big city, or a name that one town on earth has
unmistakable_places as (

    select biggest.*
    from places_met as biggest
    left join places_met as others
        on
            biggest.name_key = others.name_key
            and biggest.place_id != others.place_id
    where
        biggest.is_own_name
        and not exists (
            select 1
            from region_names
            where region_names.name_key = biggest.name_key and region_names.region != biggest.region
        )
    group by {{ range(1, 11) | join(', ') }}
    having
        (
            biggest.population >= 500000 and length(biggest.name_key) >= 5
            and coalesce(max(others.population * case when others.is_own_name then 20 else 1 end), 0) * 5
            <= biggest.population * 20
        )
        or (
            biggest.population >= 50000
            and count(others.place_id) = 0
            and (length(biggest.name_key) >= 7 or position(' ' in biggest.name_key) > 0)
        )

),

unmistakable_regions as (

    select
        region_names.name_key,
        min(region_names.country_code) as country_code,
        min(region_names.region) as region
    from region_names
    left join country_names on region_names.name_key = country_names.name_key
    -- 'Washington' is the capital as well
    left join places_met on region_names.name_key = places_met.name_key and places_met.population >= 500000
    where region_names.name_kind = 'name' and country_names.name_key is null and places_met.name_key is null
    group by region_names.name_key
    having
        count(*) = 1
        and min(region_names.country_code) in ('US', 'CA', 'AU', 'IN', 'GB')
        and length(region_names.name_key) >= 5

),

unmistakable_countries as (

    select
        country_names.name_key,
        country_names.country_code
    from country_names
    inner join countries on country_names.country_code = countries.country_code
    where country_names.name_kind = 'name' and not country_names.needs_place and countries.population >= 1000000

),

longer_names as (

    select name_key
    from places_met
    where is_own_name and population >= 15000
    union
    select name_key
    from region_names
    union
    select name_key
    from country_names
    union
    select {{ location_key('phrase') }} as name_key
    from {{ ref('location_noise') }}
    where kind = 'nowhere'

),

names_found as (

    select
        mention_id,
        location_raw,
        from_end,
        1 as first_word,
        20 as word_count,
        country_code,
        region,
        locality,
        latitude,
        longitude,
        true as is_metro
    from regions_of_areas
    where population_rank = 1 and population >= coalesce(population_of_next, 0) * 10

    union all

    select
        runs.mention_id,
        runs.location_raw,
        runs.from_end,
        runs.first_word,
        runs.word_count,
        unmistakable_places.country_code,
        unmistakable_places.region,
        unmistakable_places.locality,
        unmistakable_places.latitude,
        unmistakable_places.longitude,
        false as is_metro
    from runs
    inner join unmistakable_places on runs.name_key = unmistakable_places.name_key
    where
        -- 'Chapel Brampton' is a name of its own, and so are 'Austin Powers' and 'Utica-Rome'
        not (runs.first_word = 2 and runs.word_count = runs.words_in_part - 1)
        and not (
            runs.first_word = 1 and runs.word_count = runs.words_in_part - 1
            and not {{ matches('runs.part_text', ' [[:lower:]][^ ]*$') }}
        )
        and position('-' || runs.name_key in lower(runs.part_text)) = 0

    union all

    select
        runs.mention_id,
        runs.location_raw,
        runs.from_end,
        runs.first_word,
        runs.word_count,
        unmistakable_regions.country_code,
        unmistakable_regions.region,
        null as locality,
        null as latitude,
        null as longitude,
        false as is_metro
    from runs
    inner join unmistakable_regions on runs.name_key = unmistakable_regions.name_key

    union all

    select
        runs.mention_id,
        runs.location_raw,
        runs.from_end,
        runs.first_word,
        runs.word_count,
        unmistakable_countries.country_code,
        null as region,
        null as locality,
        null as latitude,
        null as longitude,
        false as is_metro
    from runs
    inner join unmistakable_countries on runs.name_key = unmistakable_countries.name_key
    where
        -- 'Emirates Stadium', 'South China Sea'; 'us' is a word, 'US' and 'U.S.' are a country
        position(' ' in runs.name_key) > 0
        or position(upper(runs.name_key) in replace(runs.part_text, '.', '')) > 0

),

-- 'My old New England home' names no England
parts_of_longer_names as (

    select
        names_found.mention_id,
        names_found.from_end,
        names_found.first_word,
        names_found.word_count
    from names_found
    inner join runs
        on
            names_found.mention_id = runs.mention_id
            and names_found.from_end = runs.from_end
            and names_found.word_count < runs.word_count
            and names_found.first_word between runs.first_word and runs.first_word + runs.word_count - names_found.word_count
    inner join longer_names on runs.name_key = longer_names.name_key

    union

    -- 'Melbourne Beach' is a town, however small
    select
        names_found.mention_id,
        names_found.from_end,
        names_found.first_word,
        names_found.word_count
    from names_found
    inner join talk on names_found.mention_id = talk.mention_id and names_found.from_end = talk.from_end
    inner join places_met on talk.name_key = places_met.name_key

),

-- 'Paris Texas area': names of two countries say nothing
torn_texts as (

    select location_raw
    from names_found
    group by location_raw
    having count(distinct country_code) > 1

),

first_name as (

    select distinct on (names_found.location_raw)
        names_found.location_raw,
        names_found.mention_id,
        names_found.locality,
        names_found.region,
        names_found.country_code,
        names_found.latitude,
        names_found.longitude,
        names_found.is_metro
    from names_found
    left join parts_of_longer_names
        on
            names_found.mention_id = parts_of_longer_names.mention_id
            and names_found.from_end = parts_of_longer_names.from_end
            and names_found.first_word = parts_of_longer_names.first_word
            and names_found.word_count = parts_of_longer_names.word_count
    left join torn_texts on names_found.location_raw = torn_texts.location_raw
    where parts_of_longer_names.mention_id is null and torn_texts.location_raw is null
    order by
        names_found.location_raw asc,
        (names_found.locality is null and names_found.region is null) asc,
        names_found.mention_id asc,
        names_found.from_end desc,
        names_found.first_word asc,
        names_found.word_count desc,
        names_found.locality asc nulls last

)

select * from first_name
