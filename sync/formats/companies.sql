-- Company lists gathered from public directories: one row per company and source, several sources in one file.
--
-- into: extracted.companyenrich_company
-- reads: csv
-- columns: name, website
-- optional: source, linkedin_url, linkedin_id, location_text, city, region, country, employees_text, employees_min, employees_max, industry, founded_year, short_description, twitter_url, crunchbase_url, source_date
--
-- The key is the website's host in its syntactic form (no scheme, credentials, port, path, www); whether it is a
-- company's own is for the models to say. Rows of one host become one: for each column the newest source that says
-- something wins (`source_date`; then the earlier line). City, state and country come from one row together.

with

trimmed as (

    select
        line_number,
        nullif(btrim(name, E' \t\r\n\u00a0'), '') as name,
        nullif(btrim(website, E' \t\r\n\u00a0'), '') as website,
        nullif(btrim(linkedin_url), '') as linkedin_url,
        nullif(btrim(linkedin_id), '') as linkedin_id,
        nullif(btrim(location_text), '') as location_text,
        nullif(btrim(city), '') as city,
        nullif(btrim(region), '') as region,
        nullif(btrim(country), '') as country,
        nullif(btrim(employees_text), '') as employees_text,
        nullif(btrim(employees_min), '') as employees_min,
        nullif(btrim(employees_max), '') as employees_max,
        nullif(btrim(industry), '') as industry,
        substring(founded_year, '^\s*([12][0-9]{3})\M')::integer as founded_year,
        nullif(btrim(short_description), '') as description,
        nullif(btrim(twitter_url), '') as twitter_url,
        nullif(btrim(crunchbase_url), '') as crunchbase_url,
        nullif(btrim(source_date), '') as source_date
    from incoming

),

cut_to_authority as (

    select
        *,
        regexp_replace(
            regexp_replace(lower(website), '^((https?:/{0,2}|[a-z][a-z0-9+.-]*://|//)\s*)+', ''),
            '[/?#\\].*$', ''
        ) as authority
    from trimmed

),

cut_to_host as (

    select
        *,
        regexp_replace(
            regexp_replace(regexp_replace(authority, '^.*@', ''), '\.*(:[0-9]*)?$', ''),
            '^www\.', ''
        ) as host
    from cut_to_authority

),

with_domain as (

    select
        *,
        -- 'http://', 'http://url' and two addresses in one cell name no host
        case when host ~ '^[^][[:space:].,;:"''<>()@]+(\.[^][[:space:].,;:"''<>()@]+)+$' then host end as domain
    from cut_to_host

),

first_place as (

    -- 'San Francisco, CA, USA; Remote' -> its first place that is one
    select
        with_domain.*,
        place.parts
    from with_domain
    left join lateral (
        select regexp_split_to_array(btrim(listed.place), '\s*,\s*') as parts
        from regexp_split_to_table(with_domain.location_text, ';') with ordinality as listed (place, position)
        where
            btrim(listed.place) !~* '^remote'
            -- prose and street addresses are no list of places: they stay in `address` only
            and btrim(listed.place) ~ '^[[:alpha:]][^0-9:*,]{0,40}(,[^0-9:*,]{1,40}){1,2}$'
            and btrim(listed.place) !~ '(\S+\s+){4,}\S+\s*(,|$)'
        order by listed.position
        limit 1
    ) as place on with_domain.city is null and with_domain.country is null

),

located as (

    select
        *,
        case
            when city is not null or country is not null
                then jsonb_build_object('city', city, 'state', region, 'country', country)
            when array_length(parts, 1) = 3
                then jsonb_build_object('city', parts[1], 'state', parts[2], 'country', parts[3])
            -- 'MH, India' is a state's code before a country, 'Boston, MA' one behind a city
            when parts[1] ~ '^[A-Z]{2}$'
                then jsonb_build_object('state', parts[1], 'country', parts[2])
            when parts[2] ~ '^[A-Z]{2}$' and parts[2] <> 'UK'
                then jsonb_build_object('city', parts[1], 'state', parts[2])
            when parts is not null
                then jsonb_build_object('city', parts[1], 'country', parts[2])
        end as place
    from first_place

),

described as (

    select
        *,
        coalesce(
            employees_text,
            case
                when employees_max::numeric >= 1000000 then employees_min || '+' -- how the sources write 'or more'
                else concat_ws('-', employees_min, employees_max)
            end
        ) as employees,
        case when source_date ~ '^\d{4}-\d{2}-\d{2}$' then source_date::timestamptz end as source_seen_at
    from located

),

merged as (

    select
        domain,
        min(line_number) as line_number,
        (array_agg(name order by source_date desc nulls last, line_number) filter (where name is not null))[1]
            as name,
        (array_agg(website order by source_date desc nulls last, line_number))[1] as website,
        (array_agg(employees order by source_date desc nulls last, line_number) filter (where employees <> ''))[1]
            as employees,
        (array_agg(industry order by source_date desc nulls last, line_number) filter (where industry is not null))[1]
            as industry,
        (
            array_agg(description order by source_date desc nulls last, line_number)
            filter (where description is not null)
        )[1] as description,
        (
            array_agg(founded_year order by source_date desc nulls last, line_number)
            filter (where founded_year is not null)
        )[1] as founded_year,
        (
            array_agg(location_text order by source_date desc nulls last, line_number)
            filter (where location_text is not null)
        )[1] as address,
        (array_agg(place order by source_date desc nulls last, line_number) filter (where place is not null))[1]
            as place,
        (
            array_agg(linkedin_url order by source_date desc nulls last, line_number)
            filter (where linkedin_url is not null)
        )[1] as linkedin_url,
        (
            array_agg(linkedin_id order by source_date desc nulls last, line_number)
            filter (where linkedin_id is not null)
        )[1] as linkedin_id,
        (
            array_agg(twitter_url order by source_date desc nulls last, line_number)
            filter (where twitter_url is not null)
        )[1] as twitter_url,
        (
            array_agg(crunchbase_url order by source_date desc nulls last, line_number)
            filter (where crunchbase_url is not null)
        )[1] as crunchbase_url,
        max(source_seen_at) as source_seen_at
    from described
    where domain is not null
    group by domain

),

without_domain as (

    select
        line_number,
        case when website is null then 'no website' else 'website names no host' end as left_out
    from described
    where domain is null

)

select
    line_number,
    null as left_out,
    domain,
    name,
    website,
    employees,
    industry,
    description,
    founded_year,
    address,
    place ->> 'city' as city,
    place ->> 'state' as state,
    place ->> 'country' as country,
    linkedin_url,
    linkedin_id,
    twitter_url,
    crunchbase_url,
    source_seen_at as companyenrich_updated_at
from merged

union all

select
    line_number,
    left_out,
    null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null
from without_domain
