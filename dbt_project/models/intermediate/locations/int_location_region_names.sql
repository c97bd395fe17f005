{{ config(meta={"whole": true}, indexes=[{"columns": ["name_key"]}]) }}

with

regions as (

    select
        *,
        {{ location_key('region') }} as region_key
    from {{ ref('stg_reference__gazetteer_regions') }}

),

subdivisions as (

    select
        *,
        {{ location_key('subdivision_name') }} as subdivision_key,
        -- 'Asturias, Principado de' is filed under its first word
        {{ location_key("split_part(subdivision_name, ',', 1)") }} as short_key
    from {{ ref('stg_reference__gazetteer_subdivisions') }}

),

aliases_people_edit as (

    select
        country_code,
        region,
        {{ location_key('alias') }} as alias_key
    from {{ ref('location_region_aliases') }}

),

region_keys as (

    select
        country_code,
        region_code,
        region,
        region_key as name_key,
        1 as trust
    from regions

    union all

    select
        regions.country_code,
        regions.region_code,
        regions.region,
        aliases_people_edit.alias_key as name_key,
        0 as trust
    from aliases_people_edit
    inner join regions
        on aliases_people_edit.country_code = regions.country_code and aliases_people_edit.region = regions.region

    union all

    select
        country_code,
        region_code,
        region,
        {{ location_unit_key('region_key') }} as name_key,
        2 as trust
    from regions

),

-- ISO's subdivisions are matched to the gazetteer's first-level units by name: their codes only look alike.
subdivision_keys as (

    select
        subdivision_code,
        country_code,
        subdivision_key as name_key,
        1 as closeness
    from subdivisions

    union all

    select
        subdivision_code,
        country_code,
        short_key as name_key,
        2 as closeness
    from subdivisions

    union all

    select
        subdivision_code,
        country_code,
        {{ location_unit_key('subdivision_key') }} as name_key,
        3 as closeness
    from subdivisions

),

subdivisions_in_regions as (

    select distinct on (subdivisions.subdivision_code)
        subdivisions.*,
        region_keys.region_code,
        region_keys.region
    from subdivisions
    inner join subdivision_keys on subdivisions.subdivision_code = subdivision_keys.subdivision_code
    inner join region_keys
        on
            subdivision_keys.country_code = region_keys.country_code
            and subdivision_keys.name_key = region_keys.name_key
    order by subdivisions.subdivision_code, subdivision_keys.closeness, region_keys.trust, region_keys.region_code

),

-- Hampshire is no first-level unit: it counts as the unit it lies in, England.
subdivisions_by_parent as (

    select
        subdivisions.country_code,
        subdivisions.local_code,
        subdivisions.subdivision_key,
        subdivisions.short_key,
        subdivisions.subdivision_type,
        parents.region_code,
        parents.region
    from subdivisions
    inner join subdivisions_in_regions as parents
        on
            subdivisions.parent_subdivision_code = parents.subdivision_code
            and subdivisions.country_code = parents.country_code
    left join subdivisions_in_regions as themselves
        on subdivisions.subdivision_code = themselves.subdivision_code
    where themselves.subdivision_code is null

),

all_names as (

    select
        name_key,
        country_code,
        region_code,
        region,
        'name' as name_kind,
        trust
    from region_keys

    union all

    select
        {{ row_each('subdivision_key', 'short_key', location_unit_key('subdivision_key')) }} as name_key,
        country_code,
        region_code,
        region,
        'name' as name_kind,
        3 as trust
    from subdivisions_in_regions

    union all

    select
        lower(local_code) as name_key,
        country_code,
        region_code,
        region,
        'code' as name_kind,
        4 as trust
    from subdivisions_in_regions
    where {{ matches('local_code', '^[A-Z]{2,3}$') }}

    union all

    select
        {{ row_each('subdivision_key', 'short_key', location_unit_key('subdivision_key')) }} as name_key,
        country_code,
        region_code,
        region,
        -- a borough may be a person's locality, a county may not
        case
            when subdivision_type ilike '%borough%' or subdivision_type ilike 'metropolitan district' then 'borough'
            else 'part'
        end as name_kind,
        5 as trust
    from subdivisions_by_parent

    union all

    -- 'Milano, MI': the letters of provinces; three letters are words too often
    select
        lower(local_code) as name_key,
        country_code,
        region_code,
        region,
        'province_code' as name_kind,
        6 as trust
    from subdivisions_by_parent
    where {{ matches('local_code', '^[A-Z]{2}$') }}

),

one_region_per_name_and_country as (

    select distinct on (name_key, country_code)
        name_key,
        country_code,
        region_code,
        region,
        -- '広島' has more bytes
        case when octet_length(name_key) <= 3 and name_kind != 'province_code' then 'code' else name_kind end as name_kind
    from all_names
    where length(name_key) >= 2
    order by name_key, country_code, trust, region_code

),

populations as (

    select
        country_code,
        region_code,
        sum(population) as population
    from {{ ref('stg_reference__gazetteer_places') }}
    group by country_code, region_code

),

with_population as (

    select
        one_region_per_name_and_country.name_key,
        one_region_per_name_and_country.country_code,
        one_region_per_name_and_country.region_code,
        one_region_per_name_and_country.region,
        one_region_per_name_and_country.name_kind,
        coalesce(populations.population, 0)::bigint as population
    from one_region_per_name_and_country
    left join populations
        on
            one_region_per_name_and_country.country_code = populations.country_code
            and one_region_per_name_and_country.region_code = populations.region_code

)

select * from with_population
