with

crm_domains as (

    select listed.domain
    from {{ ref('stg_attio__companies') }} as crm_companies
    cross join {{ json_texts('crm_companies.domains') }} as listed (domain)

),

crm_mail_addresses as (

    select listed.address
    from {{ ref('stg_attio__people') }} as crm_people
    cross join {{ json_texts('crm_people.email_addresses') }} as listed (address)

),

found as (

    {{ cells_found('company_domain', [
        ('core.company_canonical', ref('stg_core__company_canonical'), 'domain', 'domain'),
        ('extracted.companyenrich_company', ref('stg_extracted__companyenrich_company'), 'domain', 'domain'),
        ('extracted.companyenrich_company', ref('stg_extracted__companyenrich_company'), 'website', 'website'),
        ('core.company_job_postings', ref('stg_core__company_job_postings'), 'domain', 'domain'),
        ('attio_mirror.companies', 'crm_domains', 'domains', 'domain'),
        ('attio_mirror.people', 'crm_mail_addresses', 'email_addresses', 'address'),
    ], 'domain_raw') }}

)

select * from found
