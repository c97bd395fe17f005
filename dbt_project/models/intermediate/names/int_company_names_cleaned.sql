{%- set passes = 3 -%}
with

asserted_companies as (

    select * from {{ ref('stg_core__company_canonical') }}

),

enriched_companies as (

    select * from {{ ref('stg_extracted__companyenrich_company') }}

),

people as (

    select * from {{ ref('stg_extracted__person_discovery') }}

),

crm_companies as (

    select * from {{ ref('stg_attio__companies') }}

),

legal_forms as (

    select * from {{ ref('legal_forms') }}

),

-- a name is cleaned once, however many rows it stands in
distinct_names as (

    select original_name as name_raw from asserted_companies
    union
    select cleaned_name as name_raw from asserted_companies
    union
    select name as name_raw from enriched_companies
    union
    select latest_company as name_raw from people
    union
    select name as name_raw from crm_companies

),

one_spaced as (

    select
        name_raw,
        btrim(regexp_replace({{ without_html_entities('name_raw') }}, '\s+', ' ', 'g')) as name
    from distinct_names
    where name_raw is not null

),

-- what stands behind a bar is a tagline; what stands in brackets at the end is a remark: (fka X), (YC W21), (The)
without_tagline as (

    select
        name_raw,
        coalesce(nullif(btrim(split_part(name, '|', 1)), ''), name) as name
    from one_spaced

),

without_remark as (

    select
        name_raw,
        case
            when right(name, 1) in (')', ']')
                then coalesce(nullif(btrim(regexp_replace(name, '(\s*[(\[][^()\[\]]*[)\]])+$', '')), ''), name)
            else name
        end as name
    from without_tagline

),

stripped_0 as materialized (

    select
        name_raw,
        string_to_array(name, ' ') as words
    from without_remark

),
{% for step in range(1, passes + 1) %}

-- The longest legal form at the end goes, then the longest one in front; never the whole name. A form of two letters is one
-- only in capitals, with dots or behind a comma ('Bolt AS', 'Acme, s.a.'), else it is a word ('Save as').
tails_{{ step }} as (

    select distinct on (stripped_{{ step - 1 }}.name_raw)
        stripped_{{ step - 1 }}.name_raw,
        tails.word_count
    from stripped_{{ step - 1 }}
    cross join lateral generate_series(1, least(5, cardinality(words) - 1)) as tails (word_count)
    cross join lateral (
        select words[cardinality(words) - tails.word_count + 1:] as tail
    ) as cut
    inner join legal_forms
        on legal_forms.term = btrim(replace(
            {{ word_key('cut.tail[1]') }}
            {%- for place in range(2, 6) %} || ' ' || coalesce({{ word_key('cut.tail[' ~ place ~ ']') }}, ''){% endfor -%}
            , '  ', ' '
        ))
    where
        length(legal_forms.term) > 2
        or cut.tail[1] = upper(cut.tail[1])
        or position('.' in cut.tail[1]) > 0
        or right(words[cardinality(words) - 1], 1) = ','
    order by stripped_{{ step - 1 }}.name_raw asc, tails.word_count desc

),

stripped_{{ step }} as materialized (

    select
        stripped_{{ step - 1 }}.name_raw,
        case
            when tails_{{ step }}.word_count is null then words
            else words[:cardinality(words) - tails_{{ step }}.word_count]
        end as words
    from stripped_{{ step - 1 }}
    left join tails_{{ step }} on tails_{{ step }}.name_raw = stripped_{{ step - 1 }}.name_raw

),
{% endfor %}

-- in front only where that is the custom: Cyrillic and East Asian forms
without_front as (

    select
        stripped_{{ passes }}.name_raw,
        array_to_string(
            case
                when
                    cardinality(words) > 1
                    and words[1] !~ '[[:ascii:]]'
                    and exists (select from legal_forms where legal_forms.term = {{ word_key('words[1]') }})
                    then words[2:]
                else words
            end,
            ' '
        ) as name
    from stripped_{{ passes }}

),

unglued as (

    select
        name_raw,
        coalesce(
            nullif(btrim(regexp_replace(name, '^(株式会社|有限会社|合同会社|주식회사)|(株式会社|有限会社|合同会社|주식회사)$', ''), ' ,;-&«»"'), ''),
            name
        ) as name
    from without_front

),

-- Shouting is mended only where all letters are capitals and one word is too long for an acronym.
mended as (

    select
        name_raw,
        case
            when name = upper(name) and name != lower(name) and name ~ '[[:alpha:]]{5}' and name !~ '[0-9.]' then initcap(name)
            else name
        end as name
    from unglued

),

keyed as (

    select
        name_raw,
        name,
        coalesce(nullif({{ name_key('name') }}, ''), nullif({{ name_key('name_raw') }}, ''), lower(name_raw)) as name_key
    from mended

)

select * from keyed
