{%- set commonest_first = 'people_count desc, company_name collate "C"' -%}

{{ config(pre_hook="{{ room_for_hashing() }}") }}

with

people as (

    select * from {{ ref('int_people_looked_up') }}

),

-- One voice a person, the newest: a profile found ten times is still one person. URLs all begin alike: by a number first,
-- sorting them takes two thirds of the time.
one_voice_per_person as (

    select distinct on (hashtextextended(linkedin_url, 0), linkedin_url, company_domain)
        linkedin_url,
        company_domain,
        company_name,
        company_name_raw,
        company_name_key,
        updated_at
    from people
    where linkedin_url is not null and company_domain is not null and company_name_key is not null
    order by hashtextextended(linkedin_url, 0), linkedin_url, company_domain, {{ newest_first('people') }}

),

spellings as (

    select
        company_domain,
        company_name_key,
        company_name,
        min(company_name_raw) as company_name_raw,
        count(*) as people_count,
        max(updated_at) as updated_at
    from one_voice_per_person
    group by company_domain, company_name_key, company_name

),

names as (

    select
        company_domain,
        company_name_key,
        sum(people_count) as people_count,
        sum(sum(people_count)) over (partition by company_domain) as people_of_domain,
        -- of one name's spellings the commonest; the alphabet breaks a tie, so that every build says the same
        {{ first_value_of('company_name', commonest_first) }} as company_name,
        {{ first_value_of('company_name_raw', commonest_first) }} as company_name_raw,
        max(updated_at) as updated_at
    from spellings
    group by company_domain, company_name_key

),

-- a domain on which people name many employers (a provider, a fund) has no name by majority
names_of_most as (

    select
        company_domain as domain,
        company_name as name,
        company_name_raw as original_name,
        people_of_domain::integer as people_count,
        updated_at
    from names
    where people_count * 2 > people_of_domain

)

select * from names_of_most
