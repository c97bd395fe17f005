with

crm_companies as (

    select * from {{ ref('stg_attio__companies') }}

),

names as (

    select * from {{ ref('int_company_names_cleaned') }}

),

division_words as (

    select * from {{ ref('division_words') }}

),

roman_numerals (token, number) as (

    values
    ('i', '1'),
    ('ii', '2'),
    ('iii', '3'),
    ('iv', '4'),
    ('v', '5'),
    ('vi', '6'),
    ('vii', '7'),
    ('viii', '8'),
    ('ix', '9'),
    ('x', '10'),
    ('xi', '11'),
    ('xii', '12')

),

distinct_names as (

    select distinct name as name_raw
    from crm_companies
    where name is not null

),

folded as (

    select
        distinct_names.name_raw,
        {{ fold_text('coalesce(names.name, distinct_names.name_raw)') }} as name
    from distinct_names
    left join names on distinct_names.name_raw = names.name_raw

),

tokens as materialized (

    select
        folded.name_raw,
        listed.token,
        listed.place
    from folded
    cross join {{ words_numbered('folded.name') }} as listed (token, place)
    where listed.token != ''

),

distinguishing as (

    -- the digits in '3M', 'Fund 2' and '2nd Street'
    select
        tokens.name_raw,
        'number' as kind,
        ltrim(numbers.digits, '0') as element
    from tokens
    cross join {{ numbers_in('tokens.token') }} as numbers (digits)

    union all

    -- a name may begin with an I or a V, but numbers stand behind it
    select
        tokens.name_raw,
        'number' as kind,
        roman_numerals.number as element
    from tokens
    inner join roman_numerals on tokens.token = roman_numerals.token and tokens.place > 1

    union all

    select
        tokens.name_raw,
        'division' as kind,
        tokens.token as element
    from tokens
    inner join division_words on tokens.token = division_words.word and tokens.place > 1

    union all

    -- 'Habitat for Humanity of Austin'
    select
        folded.name_raw,
        'division' as kind,
        'of ' || {{ name_behind_of('folded.name') }} as element
    from folded
    where {{ name_behind_of('folded.name') }} is not null

),

keyed as (

    select
        folded.name_raw,
        coalesce(
            string_agg(distinguishing.element, ' ' order by distinguishing.element collate "C") -- noqa: RF02
            filter (where distinguishing.kind = 'number'),
            ''
        ) as number_key,
        coalesce(
            string_agg(distinguishing.element, ' ' order by distinguishing.element collate "C") -- noqa: RF02
            filter (where distinguishing.kind = 'division'),
            ''
        ) as division_key
    from folded
    left join distinguishing on folded.name_raw = distinguishing.name_raw
    group by folded.name_raw

)

select * from keyed
