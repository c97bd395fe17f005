{{ config(
    materialized="incremental",
    incremental_strategy="append",
    indexes=[{"columns": ["linkedin_url"], "unique": true}],
    pre_hook=[
        "{{ room_for_hashing() }}",
        "{{ take_touched_profiles() }}",
        "{{ find_changed_rows(changes_of_profiles()) }}",
        "{{ delete_changed_rows(['linkedin_url']) }}",
        "{{ take_rows_of_profiles() }}",
    ],
    post_hook="{{ remember_profiles_left_out() }}; {{ remember_touched_exports() }}",
) }}

with

rows_of_people as (

    {% if is_incremental() -%}
        select * from rows_of_profiles
    {%- else -%}
        select * from {{ ref('int_people_read') }}
        where linkedin_url is not null
    {%- endif %}

),

domains as (

    select * from {{ ref('int_domains_parsed') }}

),

names as (

    select * from {{ ref('int_company_names_cleaned') }}

),

locations as (

    select * from {{ ref('int_locations_parsed') }}

),

people as (

    select
        rows_of_people.*,
        domains.company_domain,
        coalesce(names.name, rows_of_people.company_name_raw) as company_name,
        names.name_key as company_name_key,
        row_number() over (
            partition by rows_of_people.linkedin_url
            order by {{ newest_first('rows_of_people') }}
        ) as newest_first
    from rows_of_people
    left join domains on rows_of_people.company_domain_raw = domains.domain_raw
    left join names on rows_of_people.company_name_raw = names.name_raw
    where {{ cells_are_looked_up('rows_of_people', 'domains', 'names') }}

),

-- Who employs a person is said by the newest row that says anything about a job.
newest_jobs as (

    select distinct on (linkedin_url)
        linkedin_url,
        company_domain,
        company_name_key
    from people
    where job_title is not null or company_domain is not null or company_name is not null
    order by linkedin_url, newest_first

),

-- An older row may fill in what the newest one left blank about the same employer; about another one it is out of date.
told_apart as (

    select
        people.*,
        coalesce(
            people.company_domain = newest_jobs.company_domain
            or people.company_name_key = newest_jobs.company_name_key
            or (newest_jobs.company_domain is null and newest_jobs.company_name_key is null)
            or (people.company_domain is null and people.company_name_key is null),
            false
        ) as is_about_current_job
    from people
    left join newest_jobs on people.linkedin_url = newest_jobs.linkedin_url

),

one_per_profile as (

    select
        linkedin_url,
        {{ first_filled('cleaned_full_name', in_order_of='newest_first') }} as cleaned_full_name,
        {{ first_filled('cleaned_first_name', in_order_of='newest_first') }} as cleaned_first_name,
        {{ first_filled('cleaned_last_name', in_order_of='newest_first') }} as cleaned_last_name,
        {{ first_filled('full_name', in_order_of='newest_first') }} as found_full_name,
        {{ first_filled('first_name', in_order_of='newest_first') }} as found_first_name,
        {{ first_filled('last_name', in_order_of='newest_first') }} as found_last_name,
        {{ first_filled('case when is_about_current_job then job_title end', in_order_of='newest_first') }}
            as job_title,
        {{ first_filled('case when is_about_current_job then company_domain end', in_order_of='newest_first') }}
            as company_domain,
        {{ first_filled('case when is_about_current_job then company_name end', in_order_of='newest_first') }}
            as company_name,
        {{ first_filled('location_raw', in_order_of='newest_first') }} as location_raw,
        max(updated_at) as updated_at
    from told_apart
    group by linkedin_url

),

-- what a person cleaned wins over what was found
named as (

    select
        *,
        coalesce(cleaned_first_name, found_first_name) as first_name,
        coalesce(cleaned_last_name, found_last_name) as last_name,
        coalesce(
            cleaned_full_name,
            case
                when cleaned_first_name is not null and coalesce(cleaned_last_name, found_last_name) is not null
                    then cleaned_first_name || ' ' || coalesce(cleaned_last_name, found_last_name)
                when cleaned_last_name is not null and found_first_name is not null
                    then found_first_name || ' ' || cleaned_last_name
            end,
            found_full_name,
            nullif(
                concat_ws(
                    ' ', coalesce(cleaned_first_name, found_first_name), coalesce(cleaned_last_name, found_last_name)
                ),
                ''
            )
        ) as full_name
    from one_per_profile

),

located as (

    select
        -- keys
        named.linkedin_url,

        -- text
        named.full_name,
        named.first_name,
        named.last_name,
        named.job_title,
        named.company_domain,
        named.company_name,
        named.location_raw,
        locations.locality,
        locations.region,
        locations.country_code,
        locations.location_precision,

        -- numbers
        locations.latitude,
        locations.longitude,

        -- booleans
        locations.is_remote,

        -- timestamps
        named.updated_at
    from named
    left join locations on named.location_raw = locations.location_raw

)

select * from located
