with

enrichments as (

    select * from {{ ref('stg_extracted__companyenrich_company') }}

),

domains as (

    select * from {{ ref('int_domains_parsed') }}

),

names as (

    select * from {{ ref('int_company_names_cleaned') }}

),

linkedin_urls as (

    select * from {{ ref('int_linkedin_urls_parsed') }}

),

locations as (

    select * from {{ ref('int_locations_parsed') }}

),

employee_ranges as (

    select * from {{ ref('int_employee_ranges_read') }}

),

-- Asked for acme.com, the enricher at times answers with another company: then nothing of it is about acme.com. The
-- same label under another ending (acme.co.uk for acme.com) is the same company.
about_the_company_asked_for as (

    select
        enrichments.*,
        asked_for.company_domain,
        asked_for.host
    from enrichments
    inner join domains as asked_for on enrichments.domain = asked_for.domain_raw
    left join domains as answered on enrichments.website = answered.domain_raw
    where
        asked_for.company_domain is not null
        and (
            answered.company_domain is null
            or split_part(answered.company_domain, '.', 1) = split_part(asked_for.company_domain, '.', 1)
        )

),

looked_up as (

    select
        about_the_company_asked_for.company_domain as domain,
        about_the_company_asked_for.name as original_name,
        coalesce(names.name, about_the_company_asked_for.name) as name,
        linkedin_urls.linkedin_url_normalized as linkedin_url,
        coalesce(about_the_company_asked_for.description, about_the_company_asked_for.seo_description) as description,
        about_the_company_asked_for.industry,
        employee_ranges.employee_range,
        case
            when about_the_company_asked_for.founded_year between 1000 and 2100
                then about_the_company_asked_for.founded_year
        end as founded_year,
        locations.locality,
        locations.region,
        coalesce(
            locations.country_code,
            -- a code beside a text that names no country; beside one that does, the text counts
            case
                when locations.location_raw is null or coalesce(locations.locality, locations.region) is null
                    then upper({{ caught_in('about_the_company_asked_for.country_code', '^[A-Za-z]{2}$') }})
            end
        ) as country_code,
        case when locations.country_code is not null then locations.latitude end as parsed_latitude,
        case when locations.country_code is not null then locations.longitude end as parsed_longitude,
        case
            when
                about_the_company_asked_for.latitude between -90 and 90
                and about_the_company_asked_for.longitude between -180 and 180
                -- where the sea meets the equator: what unset coordinates look like
                and (about_the_company_asked_for.latitude, about_the_company_asked_for.longitude) != (0, 0)
                then about_the_company_asked_for.latitude
        end as stated_latitude,
        about_the_company_asked_for.longitude as stated_longitude,
        about_the_company_asked_for.updated_at,
        row_number() over (
            partition by about_the_company_asked_for.company_domain
            order by
                about_the_company_asked_for.host != about_the_company_asked_for.company_domain,
                about_the_company_asked_for.updated_at desc nulls last,
                about_the_company_asked_for.id asc
        ) as place
    from about_the_company_asked_for
    left join names on about_the_company_asked_for.name = names.name_raw
    left join linkedin_urls
        on
            about_the_company_asked_for.linkedin_url = linkedin_urls.linkedin_url_raw
            and linkedin_urls.linkedin_kind in ('company', 'school', 'showcase')
    left join locations
        on
            {{ company_location_text(
                'about_the_company_asked_for.city',
                'about_the_company_asked_for.state',
                'about_the_company_asked_for.country',
            ) }} = locations.location_raw
    left join employee_ranges on about_the_company_asked_for.employees = employee_ranges.employees_raw

),

with_coordinates as (

    select
        *,
        coalesce(stated_latitude, parsed_latitude) as latitude,
        case when stated_latitude is not null then stated_longitude else parsed_longitude end as longitude,
        coalesce(locality, region, country_code) is not null as has_place
    from looked_up

),

one_per_domain as (

    select
        domain,
        {{ first_filled('name', in_order_of='place') }} as name,
        {{ first_filled('original_name', in_order_of='place') }} as original_name,
        {{ first_filled('linkedin_url', in_order_of='place') }} as linkedin_url,
        {{ first_filled('description', in_order_of='place') }} as description,
        {{ first_filled('industry', in_order_of='place') }} as industry,
        {{ first_filled('employee_range', in_order_of='place') }} as employee_range,
        {{ first_filled('founded_year', in_order_of='place') }} as founded_year,
        -- a place is taken whole from one row, never the city of one and the country of another
        {{ first_value_of('locality', in_order_of='place', only_where='has_place') }} as locality,
        {{ first_value_of('region', in_order_of='place', only_where='has_place') }} as region,
        {{ first_value_of('country_code', in_order_of='place', only_where='has_place') }} as country_code,
        {{ first_value_of('latitude', in_order_of='place', only_where='has_place') }} as latitude,
        {{ first_value_of('longitude', in_order_of='place', only_where='has_place') }} as longitude,
        bool_or(has_place) as has_place,
        max(updated_at) as updated_at
    from with_coordinates
    group by domain

)

select * from one_per_domain
