{%- set commonest_first = 'people_count desc, company_name collate "C"' -%}

{{ config(pre_hook="{{ room_for_hashing() }}") }}

with

people as (

    select * from {{ ref('int_people_read') }}

),

domains as (

    select * from {{ ref('int_domains_parsed') }}

),

cleaned_names as (

    select * from {{ ref('int_company_names_cleaned') }}

),

-- One voice a person, the newest: a profile found ten times is still one person. URLs all begin alike: by a number first,
-- sorting them takes two thirds of the time.
one_voice_per_person as (

    select distinct on (hashtextextended(people.linkedin_url, 0), people.linkedin_url, domains.company_domain)
        domains.company_domain,
        people.company_name_raw,
        people.updated_at
    from people
    inner join domains on people.company_domain_raw = domains.domain_raw
    where people.linkedin_url is not null and domains.company_domain is not null and people.company_name_raw is not null
    order by
        hashtextextended(people.linkedin_url, 0), people.linkedin_url, domains.company_domain,
        {{ newest_first('people') }}

),

voices as (

    select
        company_domain,
        company_name_raw,
        count(*) as people_count,
        max(updated_at) as updated_at
    from one_voice_per_person
    group by company_domain, company_name_raw

),

spellings as (

    select
        voices.company_domain,
        cleaned_names.name_key as company_name_key,
        cleaned_names.name as company_name,
        min(voices.company_name_raw) as company_name_raw,
        sum(voices.people_count) as people_count,
        max(voices.updated_at) as updated_at
    from voices
    inner join cleaned_names on voices.company_name_raw = cleaned_names.name_raw
    group by voices.company_domain, cleaned_names.name_key, cleaned_names.name

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
