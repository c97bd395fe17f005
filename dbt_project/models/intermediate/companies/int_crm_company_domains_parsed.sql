with

crm_companies as (

    select * from {{ ref('stg_attio__companies') }}

),

domains as (

    select * from {{ ref('int_domains_parsed') }}

),

listed as (

    select
        crm_companies.record_id::text as record_id,
        entries.domain_raw,
        entries.list_position::integer as list_position
    from crm_companies
    cross join {{ json_texts_numbered('crm_companies.domains') }} as entries (domain_raw, list_position)

),

parsed as (

    select
        listed.record_id,
        listed.domain_raw,
        domains.host,
        domains.domain_kind,
        domains.company_domain,
        listed.list_position
    from listed
    left join domains on listed.domain_raw = domains.domain_raw

)

select * from parsed
