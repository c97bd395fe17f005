{#- Its readers need the number of rows; a sample of every column takes as long as half the model. -#}
{{ config(pre_hook="set local default_statistics_target = 10") }}

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

place_names as not materialized (

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

-- Numbers instead of the texts: texts can be long, and joins over several columns are misjudged by the planner.
texts_numbered as (

    select
        *,
        row_number() over () as text_id
    from texts

),

split_at_commas as (

    select
        -- room for ten places a text, ten part-places a place
        texts_numbered.text_id * 10000 + places.place_number * 100 as mention_id,
        row_number() over () as part_id,
        texts_numbered.location_raw,
        places.place_number,
        parts.part_number,
        parts.part_text,
        -- with the parts that name nothing: ', WV'
        count(*) over (partition by texts_numbered.text_id, places.place_number) as written_part_count,
        lag(lower(btrim(parts.part_text)))
            over (partition by texts_numbered.text_id, places.place_number order by parts.part_number)
        in ('northern', 'southern', 'eastern', 'western', 'central', 'upstate') as is_behind_quarter
    from texts_numbered
    cross join {{ pieces_of('texts_numbered.places_text', ';') }} as places (place_text, place_number)
    cross join {{ pieces_of('places.place_text', ',') }} as parts (part_text, part_number)
    -- ten places and eight commas are more than an address has; a longer list is read from its start
    where places.place_number <= 10 and parts.part_number <= 8

),

cleaned as materialized (

    select
        mention_id,
        part_id,
        location_raw,
        place_number,
        part_number,
        part_text as part_as_written,
        written_part_count,
        is_behind_quarter,
        {{ location_part_cleaned('part_text') }} as part_text
    from split_at_commas

),

-- keys of distinct texts only: 'CA' and 'USA' stand in every third place
keys as materialized (

    select
        part_text,
        {{ location_key('part_text') }} as name_key
    from cleaned
    where part_text != ''
    group by part_text

),

keyed as (

    select
        cleaned.*,
        keys.name_key
    from cleaned
    inner join keys on cleaned.part_text = keys.part_text

),

names_a_place as (

    select
        keyed.*,
        {{ words_of('keyed.name_key') }} as words,
        -- 'full-time' is one word as written and two in the key: then the key's words serve for both
        case
            when {{ count_of(words_of('keyed.part_text')) }} = {{ count_of(words_of('keyed.name_key')) }}
                then {{ words_of('keyed.part_text') }}
            else {{ words_of('keyed.name_key') }}
        end as written_words,
        lag(keyed.name_key) over (partition by keyed.mention_id order by keyed.part_number) as name_key_before,
        lead(keyed.name_key) over (partition by keyed.mention_id order by keyed.part_number) as name_key_behind
    from keyed
    where
        length(keyed.name_key) >= 2
        and not exists (
            select 1
            from noise
            where noise.kind = 'nowhere' and noise.phrase_key = keyed.name_key
        )

),

other_known_keys as (

    select name_key
    from region_names
    union all
    select name_key
    from country_names
    union all
    select name_key
    from metro_names

),

-- The gazetteer has many names and few are met: it is looked through once for these, and for their forms further down.
places_met as materialized (

    select distinct
        place_names.name_key,
        place_names.country_code
    from place_names
    inner join (
        select name_key
        from keys
        union
        select {{ but_last_words('in_words.words', count=1) }} as name_key
        from (
            select {{ words_of('name_key') }} as words
            from keys
        ) as in_words
    ) as keys_met on place_names.name_key = keys_met.name_key

),

known_keys as materialized (

    select name_key
    from places_met
    union
    select name_key
    from other_known_keys

),

unknown_names as (

    select names_a_place.*
    from names_a_place
    left join known_keys on names_a_place.name_key = known_keys.name_key
    where
        known_keys.name_key is null
        -- 'Western New York' is a part of the state
        and not (
            {{ matches('names_a_place.name_key', '^(north|south|east|west)ern |^(central|upstate) ') }}
            and {{ words_from('names_a_place.words', 2) }} in (
                select region_names.name_key
                from region_names
                left join country_names
                    on region_names.name_key = country_names.name_key and country_names.name_kind = 'name'
                where region_names.country_code = 'US' and country_names.name_key is null
            )
        )
        and {{ count_of('names_a_place.words') }} between 2 and 7

),

names_at_the_end as (

    select
        name_key,
        country_code,
        name_kind = 'code' as is_code,
        true as is_country,
        true as is_well_known
    from country_names
    where not needs_place

    union all

    select
        name_key,
        country_code,
        name_kind in ('code', 'province_code') as is_code,
        false as is_country,
        country_code in ('US', 'CA', 'AU', 'IN', 'GB') and name_kind != 'province_code' as is_well_known
    from region_names
    where
        name_kind in ('code', 'province_code')
        or (country_code in ('US', 'CA', 'AU', 'IN', 'GB') and name_kind = 'name')
        or (name_kind = 'name' and position(' ' in name_key) > 0)

),

-- 'Miami FL', 'lagos nigeria', 'Cape Town South Africa': an unknown name that ends in a country, a state or its letters
tails as (

    select distinct on (unknown_names.part_id)
        unknown_names.part_id,
        tail_lengths.tail_length,
        names_at_the_end.is_well_known,
        -- the country behind it belongs to the same place
        country_behind.name_key is not null as goes_on
    from unknown_names
    inner join (values (1), (2), (3)) as tail_lengths (tail_length)
        on {{ count_of('unknown_names.words') }} > tail_lengths.tail_length
    inner join names_at_the_end
        on
            {{ last_words('unknown_names.words', count='tail_lengths.tail_length') }} = names_at_the_end.name_key
    left join country_names as country_behind
        on
            unknown_names.name_key_behind = country_behind.name_key
            and names_at_the_end.country_code = country_behind.country_code
    left join region_names as state_behind
        on
            unknown_names.name_key_behind = state_behind.name_key
            and state_behind.name_kind = 'code'
            and state_behind.country_code = 'US'
    left join region_names as letters_behind
        on
            unknown_names.name_key_behind = letters_behind.name_key
            and names_at_the_end.country_code = letters_behind.country_code
    where
        -- 'South China, ME' is in Maine, 'Perth Western Australia, WA' is not in Washington
        (state_behind.name_key is null or letters_behind.name_key is not null or country_behind.name_key is not null)
        -- 'Downtown LA' ends in no state
        and coalesce({{ location_nickname_key('unknown_names.name_key') }}, '')
        not in (select metro_names.name_key from metro_names)
        -- 'Montbonnot-saint-martin' is one name, 'Patra-Greece' is not
        and (
            {{ count_of('unknown_names.words') }} = {{ count_of(words_of('unknown_names.part_text')) }}
            or {{ count_of(words_of('unknown_names.part_text')) }} >= 3
            or (
                names_at_the_end.is_country and not names_at_the_end.is_code
                and {{ count_of('unknown_names.words') }} = 2
            )
        )
        and (
            -- 'Street North District, Israel': other countries' regions where the country stands behind
            (not names_at_the_end.is_code and (names_at_the_end.is_well_known or country_behind.name_key is not null))
            -- country codes in capitals only, and of three letters: 'US' and 'UK' are names in the seed
            or (
                tail_lengths.tail_length = 1
                and (names_at_the_end.is_country or names_at_the_end.is_well_known or country_behind.name_key is not null)
                and (
                    -- 'bristol ct' is short, 'we do not have an' is talk
                    (not names_at_the_end.is_country and {{ count_of('unknown_names.words') }} <= 3)
                    or (
                        not names_at_the_end.is_country
                        and {{ matches(last_word('unknown_names.written_words'), '^[A-Z]{2,3}$') }}
                    )
                    or {{ matches(last_word('unknown_names.written_words'), '^[A-Z]{3}$') }}
                )
            )
        )
    -- '20121 Milano MI, Italia' ends in no state of America
    order by unknown_names.part_id asc, tail_lengths.tail_length desc, country_behind.name_key is null asc

),

-- 'Panamá PTY': three capitals behind a name that is known without them are an airport or another code
codes_behind as (

    select unknown_names.part_id
    from unknown_names
    left join tails on unknown_names.part_id = tails.part_id
    where
        {{ but_last_words('unknown_names.words', count=1) }} in (select known_keys.name_key from known_keys)
        and {{ matches(last_word('unknown_names.written_words'), '^[A-Z]{3}$') }}
        and unknown_names.part_text != upper(unknown_names.part_text)
        and tails.part_id is null
        and coalesce({{ location_nickname_key('unknown_names.name_key') }}, '')
        not in (select metro_names.name_key from metro_names)

),

tails_and_codes as (

    select
        part_id,
        tail_length,
        is_well_known,
        goes_on
    from tails

    union all

    select
        part_id,
        1 as tail_length,
        true as is_well_known,
        true as goes_on
    from codes_behind

),

countries_amid_parts as materialized (

    select
        names_a_place.part_id,
        names_a_place.name_key_before,
        country_names.country_code
    from names_a_place
    inner join country_names
        on
            names_a_place.name_key = country_names.name_key
            and country_names.name_kind = 'name'
            and not country_names.needs_place
    left join country_names as countries_behind on names_a_place.name_key_behind = countries_behind.name_key
    where names_a_place.name_key_behind is not null and countries_behind.name_key is null

),

-- 'Tel Aviv, Israel, London, UK': a country behind one of its own towns ends a place, unless a country follows
closing_countries as (

    select part_id
    from countries_amid_parts
    where
        (name_key_before, country_code) in (
            select
                places_met.name_key,
                places_met.country_code
            from places_met
        )

),

with_tails_split as materialized (

    select
        names_a_place.location_raw,
        -- 'Tulsa Oklahoma, Bandung Indonesia': a part that brings its own state or country ends a place
        names_a_place.mention_id + count(coalesce(case when not tails.goes_on then tails.part_id end, closing_countries.part_id)) over (
            partition by names_a_place.mention_id
            order by names_a_place.part_number, halves.half
            rows between unbounded preceding and 1 preceding
        ) - case when halves.half = 2 and not tails.goes_on then 1 else 0 end as mention_id,
        names_a_place.part_number,
        halves.half,
        names_a_place.written_part_count,
        names_a_place.is_behind_quarter,
        -- 'Acme Group Haifa District': whoever writes so far-off a region behind a name puts a comma between
        halves.half = 1 and not coalesce(tails.is_well_known, true) as is_before_far_region,
        {{ matches('names_a_place.part_as_written', '[[:digit:]]') }} as has_digit,
        case
            when tails.tail_length is null then names_a_place.part_text
            when halves.half = 1 then {{ but_last_words('names_a_place.written_words', count='tails.tail_length') }}
            else {{ last_words('names_a_place.written_words', count='tails.tail_length') }}
        end as part_text,
        case
            when tails.tail_length is null then names_a_place.name_key
            when halves.half = 1 then {{ but_last_words('names_a_place.words', count='tails.tail_length') }}
            else {{ last_words('names_a_place.words', count='tails.tail_length') }}
        end as name_key
    from names_a_place
    left join tails_and_codes as tails on names_a_place.part_id = tails.part_id
    left join closing_countries on names_a_place.part_id = closing_countries.part_id
    inner join (values (1), (2)) as halves (half)
        on halves.half = 1 or tails.tail_length is not null

),

-- other forms of a name that the gazetteer may know
other_keys as materialized (

    select
        name_key,
        {{ location_unit_key('name_key', with_quarter=true) }} as unit_key,
        {{ location_metro_key('name_key') }} as metro_key,
        {{ location_plain_key('name_key') }} as plain_key,
        {{ location_city_of_quarter_key('name_key') }} as city_of_quarter_key
    from with_tails_split
    group by name_key

),

with_other_keys as materialized (

    select
        with_tails_split.*,
        other_keys.unit_key,
        other_keys.metro_key,
        other_keys.plain_key,
        other_keys.city_of_quarter_key,
        not with_tails_split.has_digit
        and not with_tails_split.is_before_far_region
        and {{ location_reads_as_name('with_tails_split.part_text', 'with_tails_split.name_key') }} as reads_as_name
    from with_tails_split
    inner join other_keys on with_tails_split.name_key = other_keys.name_key
    left join noise on with_tails_split.name_key = noise.phrase_key and noise.kind = 'nowhere'
    where noise.phrase_key is null

),

forms_and_nulls as (

    select
        name_key,
        -- most names have no other form
        {{ row_each(
            'name_key', 'nullif(unit_key, name_key)', 'metro_key', 'plain_key', 'city_of_quarter_key'
        ) }} as form_key
    from other_keys

),

forms as materialized (

    select *
    from forms_and_nulls
    where form_key is not null

),

known_forms as (

    select place_names.name_key as form_key
    from place_names
    inner join (
        select distinct form_key from forms
    ) as forms_met on place_names.name_key = forms_met.form_key

    union all

    select name_key
    from other_known_keys

),

known_names as (

    select distinct name_key
    from forms
    where form_key in (select known_forms.form_key from known_forms)

),

last_known_halves as (

    select
        with_other_keys.mention_id,
        max(with_other_keys.part_number * 2 + with_other_keys.half) as last_known
    from with_other_keys
    inner join known_names on with_other_keys.name_key = known_names.name_key
    group by with_other_keys.mention_id

),

words_of_no_name as (

    select {{ list_of('phrase_key') }} as words_of_no_name
    from noise
    where kind = 'not_a_name'

),

-- what comes behind the last known name ('London, land of opportunities') is talk
talk_dropped as (

    select
        with_other_keys.*,
        words_of_no_name.words_of_no_name
    from with_other_keys
    cross join words_of_no_name
    left join last_known_halves on with_other_keys.mention_id = last_known_halves.mention_id
    where
        last_known_halves.last_known is null
        or with_other_keys.part_number * 2 + with_other_keys.half <= last_known_halves.last_known

),

numbered as (

    select
        mention_id,
        location_raw,
        row_number() over (partition by mention_id order by part_number desc, half desc) as from_end,
        count(*) over (partition by mention_id) as part_count,
        -- with the parts that name nothing: 'Eastern, KY'
        greatest(written_part_count, count(*) over (partition by mention_id)) as written_part_count,
        part_text,
        name_key,
        unit_key,
        metro_key,
        plain_key,
        city_of_quarter_key,
        {{ matches('part_text', '^[A-Z]{2,3}$') }} as is_capitals,
        has_digit,
        -- 'Northern, VA' is a part of Virginia
        coalesce(is_behind_quarter, false) as is_behind_quarter,
        reads_as_name,
        -- may stand as a locality though the gazetteer does not know it
        reads_as_name
        and not {{ have_in_common(words_of('name_key'), 'words_of_no_name') }} as is_plausible_name
    from talk_dropped

)

select * from numbered
