with

texts as (

    select * from {{ ref('int_location_texts_prepared') }}

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

metro_names as (

    select
        {{ location_key('name') }} as name_key,
        country_code
    from {{ ref('location_metros') }}

),

-- phrases that name no place ('Worldwide'), and the words that no name of a town is made of
noise as (

    select
        {{ location_key('phrase') }} as phrase_key,
        kind
    from {{ ref('location_noise') }}

),

split_at_commas as (

    select
        texts.location_raw,
        places.place_number,
        parts.part_number,
        parts.part_text
    from texts
    cross join lateral
        string_to_table(texts.places_text, ';') with ordinality as places (place_text, place_number)
    cross join lateral
        string_to_table(places.place_text, ',') with ordinality as parts (part_text, part_number)
    -- ten places and eight commas are more than an address has; a longer list is read from its start
    where places.place_number <= 10 and parts.part_number <= 8

),

cleaned as (

    select
        location_raw,
        place_number,
        part_number,
        part_text as part_as_written,
        btrim(
            regexp_replace(
                -- postcodes and house numbers: tokens with a digit
                case
                    when part_text ~ '\d' then regexp_replace(part_text, '\S*\d\S*', ' ', 'g')
                    else part_text
                end,
                '^\W*(?:in|at|from|near|within|around|via)\s+', '', 'i'
            ),
            E' \u00a0\t-–—*#.!?:"''“”„()[]{}+&~_=<>'
        ) as part_text
    from split_at_commas

),

keyed as (

    select
        *,
        {{ location_key('part_text') }} as name_key
    from cleaned
    where part_text != ''

),

names_a_place as (

    select
        keyed.*,
        string_to_array(keyed.name_key, ' ') as words,
        string_to_array(keyed.part_text, ' ') as written_words
    from keyed
    where
        length(keyed.name_key) >= 2
        and not exists (
            select 1
            from noise
            where noise.kind = 'nowhere' and noise.phrase_key = keyed.name_key
        )

),

known_keys as (

    select distinct names_a_place.name_key
    from names_a_place
    where
        names_a_place.name_key in (select name_key from place_names)
        or names_a_place.name_key in (select name_key from region_names)
        or names_a_place.name_key in (select name_key from country_names)
        or names_a_place.name_key in (select name_key from metro_names)

),

-- 'Miami FL', 'lagos nigeria', 'Cape Town South Africa': a name nobody knows that ends in a country, a state or its two letters
tails as (

    select distinct on (names_a_place.location_raw, names_a_place.place_number, names_a_place.part_number)
        names_a_place.location_raw,
        names_a_place.place_number,
        names_a_place.part_number,
        tail_lengths.tail_length
    from names_a_place
    cross join (values (1), (2), (3)) as tail_lengths (tail_length)
    where
        names_a_place.name_key not in (select name_key from known_keys)
        and cardinality(names_a_place.words) between tail_lengths.tail_length + 1 and 6
        and cardinality(names_a_place.words) = cardinality(names_a_place.written_words)
        and (
            exists (
                select 1
                from country_names
                where
                    country_names.name_key = array_to_string(
                        names_a_place.words[cardinality(names_a_place.words) - tail_lengths.tail_length + 1:], ' '
                    )
                    and not country_names.needs_place
                    and (
                        country_names.name_kind = 'name'
                        or names_a_place.written_words[cardinality(names_a_place.words)] ~ '^[A-Z]{3}$'
                    )
            )
            or exists (
                select 1
                from region_names
                where
                    region_names.name_key = array_to_string(
                        names_a_place.words[cardinality(names_a_place.words) - tail_lengths.tail_length + 1:], ' '
                    )
                    and region_names.country_code in ('US', 'CA', 'AU', 'IN', 'GB')
                    and (region_names.name_kind != 'code' or tail_lengths.tail_length = 1)
            )
        )
    order by
        names_a_place.location_raw, names_a_place.place_number, names_a_place.part_number,
        tail_lengths.tail_length desc

),

with_tails_split as (

    select
        names_a_place.location_raw,
        names_a_place.place_number,
        names_a_place.part_number,
        halves.half,
        names_a_place.part_as_written ~ '\d' as has_digit,
        case
            when tails.tail_length is null then names_a_place.part_text
            when halves.half = 1
                then array_to_string(
                    names_a_place.written_words[:cardinality(names_a_place.words) - tails.tail_length], ' '
                )
            else array_to_string(
                names_a_place.written_words[cardinality(names_a_place.words) - tails.tail_length + 1:], ' '
            )
        end as part_text,
        case
            when tails.tail_length is null then names_a_place.name_key
            when halves.half = 1
                then array_to_string(names_a_place.words[:cardinality(names_a_place.words) - tails.tail_length], ' ')
            else array_to_string(names_a_place.words[cardinality(names_a_place.words) - tails.tail_length + 1:], ' ')
        end as name_key
    from names_a_place
    left join tails
        on
            names_a_place.location_raw = tails.location_raw
            and names_a_place.place_number = tails.place_number
            and names_a_place.part_number = tails.part_number
    inner join (values (1), (2)) as halves (half)
        on halves.half = 1 or tails.tail_length is not null

),

numbered as (

    select
        location_raw,
        place_number,
        row_number() over (
            partition by location_raw, place_number order by part_number desc, half desc
        ) as from_end,
        count(*) over (partition by location_raw, place_number) as part_count,
        part_text,
        name_key,
        {{ location_unit_key('name_key') }} as unit_key,
        -- 'greater boston', 'dallas metro', 'chicago area' -> the city
        case
            when name_key ~ '^greater |(^| )metro|( area)$|^area '
                then btrim(regexp_replace(
                    ' ' || name_key || ' ',
                    ' (greater|metro|metropolitan|metroplex|area|region|city area)(?= )', '', 'g'
                ))
        end as metro_key,
        -- 'kaohsiung city', 'city of london', 'kyoto shi' -> the name itself
        case
            when name_key ~ '( city| shi| town| township| municipality| cedex| village)$|^(city of|the|downtown|central) '
                then regexp_replace(
                    name_key,
                    '^(city of|the|downtown|central) | (city|shi|town|township|municipality|cedex|village)$', '', 'g'
                )
        end as plain_key,
        part_text ~ '^[A-Z]{2,3}$' as is_capitals,
        -- may stand as a locality though the gazetteer does not know it
        not has_digit
        and part_text ~ '^\w' and part_text !~ '[@#$%^*=<>~:"]'
        and length(part_text) between 3 and 40
        and cardinality(string_to_array(name_key, ' ')) <= 4
        and part_text != lower(part_text)
        and not string_to_array(name_key, ' ')
        && (select array_agg(phrase_key) from noise where kind = 'not_a_name') as is_plausible_name
    from with_tails_split

)

select * from numbered
