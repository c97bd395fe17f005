{#- Above this many records in one block nobody can tell them apart by what they share; is_dropped names them. -#}
{%- set most_records = 60 -%}
with

crm_companies as (

    select * from {{ ref('int_crm_companies_identified') }}

),

keys as (

    select
        record_id,
        name_key,
        'linkedin' as block_kind,
        linkedin_url as block_key
    from crm_companies
    where linkedin_url is not null

    union

    -- a record's own domain and the one that its people's e-mails come from
    select
        crm_companies.record_id,
        crm_companies.name_key,
        'domain' as block_kind,
        listed.domain as block_key
    from crm_companies
    cross join
        {{ piece_rows("concat_ws(' ', crm_companies.company_domains, crm_companies.email_domains)", ' ') }}
            as listed (domain)
    where listed.domain != ''

    union

    -- 'Acme' and acme.com lead to each other
    select
        record_id,
        name_key,
        'name' as block_kind,
        name_key as block_key
    from crm_companies
    where name_key is not null

    union

    select
        crm_companies.record_id,
        crm_companies.name_key,
        'name' as block_kind,
        listed.label as block_key
    from crm_companies
    cross join {{ piece_rows('crm_companies.domain_labels', ' ') }} as listed (label)
    where length(listed.label) >= 3

    union

    select
        record_id,
        name_key,
        'name_start_and_city' as block_kind,
        concat_ws('|', left(name_key, 5), locality_key, country_code) as block_key
    from crm_companies
    where length(name_key) >= 5 and locality_key is not null and country_code is not null

),

sized as (

    select
        block_kind,
        block_key,
        record_id,
        name_key,
        (count(*) over (partition by block_kind, block_key))::integer as record_count
    from keys

),

worth_comparing as (

    select
        block_kind,
        block_key,
        record_id,
        name_key,
        record_count,
        record_count > {{ most_records }} as is_dropped
    from sized
    where record_count > 1

)

select * from worth_comparing
