{{ config(meta={"whole": true}) }}

with

countries as (

    select * from {{ ref('stg_reference__gazetteer_countries') }}

),

aliases_people_edit as (

    select * from {{ ref('location_country_aliases') }}

),

gazetteer_names as (

    select
        country_code,
        country_name as name,
        'name' as name_kind,
        1 as trust
    from countries

    union all

    select
        country_code,
        {{ row_each('official_name', 'common_name') }} as name,
        'name' as name_kind,
        3 as trust
    from countries

    union all

    select
        country_code,
        {{ piece_rows('aliases', '|') }} as name,
        'name' as name_kind,
        4 as trust
    from countries

    union all

    select
        country_code,
        {{ row_each('country_code', 'country_code_alpha3') }} as name,
        'code' as name_kind,
        5 as trust
    from countries

    union all

    -- a flag is written as 'flag xx' by int_location_texts_prepared
    select
        country_code,
        'flag ' || country_code as name,
        'name' as name_kind,
        1 as trust
    from countries

),

keyed as (

    select
        {{ location_key('name') }} as name_key,
        country_code,
        name_kind,
        false as needs_place,
        trust
    from gazetteer_names

    union all

    select
        {{ location_key('alias') }} as name_key,
        country_code,
        'name' as name_kind,
        needs_place,
        0 as trust
    from aliases_people_edit

),

-- Names that several countries share ("Congo", "Saint Martin") say nothing unless one of them is surer.
one_country_per_name as (

    select
        *,
        rank() over (partition by name_key order by trust) as trust_rank
    from (
        select
            name_key,
            country_code,
            {{ first_value_of('name_kind', in_order_of='trust') }} as name_kind,
            bool_or(needs_place) as needs_place,
            min(trust) as trust
        from keyed
        where length(name_key) >= 2
        group by name_key, country_code
    ) as per_country

),

unambiguous as (

    select
        name_key,
        min(country_code) as country_code,
        min(name_kind) as name_kind,
        bool_or(needs_place) as needs_place
    from one_country_per_name
    where trust_rank = 1
    group by name_key
    having count(*) = 1

)

select * from unambiguous
