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
        {{ fold_text('coalesce(names.name, distinct_names.name_raw)') }} as name,
        {{ folded_words(name_of_branch('distinct_names.name_raw')) }} as branch
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
    inner join division_words
        on tokens.token = division_words.word and tokens.place > 1 and division_words.kind in ('division', 'place')

    union all

    -- 'Habitat for Humanity of Austin'
    select
        folded.name_raw,
        'division' as kind,
        'of ' || {{ name_behind_of('folded.name') }} as element
    from folded
    where {{ name_behind_of('folded.name') }} is not null

),

-- 'Acme - Official' is Acme
in_plain_words as (

    select
        tokens.name_raw,
        string_agg(tokens.token, ' ' order by tokens.place) as name_words,
        string_agg(tokens.token, '' order by tokens.place) filter (where remarks.word is null) as plain_key
    from tokens
    left join division_words as remarks
        on tokens.token = remarks.word and tokens.place > 1 and remarks.kind = 'remark'
    group by tokens.name_raw

),

-- '(HQ)' and '(formerly Acme)' name no branch
branches as (

    select
        folded.name_raw,
        folded.branch
    from folded
    where
        folded.branch is not null
        and not exists (
            select 1 from division_words
            where division_words.kind = 'remark' and {{ has_word('folded.branch', 'division_words.word') }}
        )

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
        ) as division_key,
        coalesce(max(branches.branch), '') as branch_key,
        max(in_plain_words.name_words) as name_words,
        max(in_plain_words.plain_key) as plain_key
    from folded
    left join distinguishing on folded.name_raw = distinguishing.name_raw
    left join branches on folded.name_raw = branches.name_raw
    left join in_plain_words on folded.name_raw = in_plain_words.name_raw
    group by folded.name_raw

)

select * from keyed
