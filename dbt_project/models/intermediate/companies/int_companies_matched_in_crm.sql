with

crm_domains as (

    select * from {{ ref('int_crm_company_domains_parsed') }}

),

crm_companies as (

    select * from {{ ref('int_crm_companies_identified') }}

),

asserted as (

    select * from {{ ref('int_companies_asserted') }}

),

enriched as (

    select * from {{ ref('int_companies_enriched') }}

),

-- The record with the very domain goes before one with another host of it (careers.acme.com); among several the one
-- that would survive as a copy.
one_record_per_domain as (

    select distinct on (crm_domains.company_domain)
        crm_domains.company_domain as domain,
        crm_domains.record_id,
        case
            when crm_domains.host = crm_domains.company_domain then 'domain'
            else 'registrable_domain'
        end as matched_by
    from crm_domains
    inner join crm_companies on crm_domains.record_id = crm_companies.record_id
    where crm_domains.company_domain is not null
    order by
        crm_domains.company_domain,
        crm_domains.host != crm_domains.company_domain,
        crm_companies.survivor_rank

),

-- A record with several domains (acme.com, acme.io) is one company and gets one row in the export: that of the domain
-- that a source describes, else the shortest.
one_domain_per_record as (

    select
        one_record_per_domain.*,
        first_value(one_record_per_domain.domain) over (
            partition by one_record_per_domain.record_id
            order by
                asserted.domain is null and enriched.domain is null,
                length(one_record_per_domain.domain),
                one_record_per_domain.domain collate "C" -- noqa: RF02
        ) as export_domain
    from one_record_per_domain
    left join asserted on one_record_per_domain.domain = asserted.domain
    left join enriched on one_record_per_domain.domain = enriched.domain

)

select * from one_domain_per_record
