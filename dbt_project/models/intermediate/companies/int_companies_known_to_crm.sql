with

companies_in_crm as (

    select * from {{ ref('int_companies_matched_in_crm') }}

),

crm_companies as (

    select * from {{ ref('stg_attio__companies') }}

),

linkedin_urls as (

    select * from {{ ref('int_linkedin_urls_parsed') }}

),

names as (

    select * from {{ ref('int_company_names_cleaned') }}

),

known as (

    select
        -- keys
        companies_in_crm.domain,

        -- text
        crm_companies.name as original_name,
        coalesce(names.name, crm_companies.name) as name,
        linkedin_urls.linkedin_url_normalized as linkedin_url,
        crm_companies.description,
        crm_companies.locality,
        crm_companies.region,
        upper({{ caught_in('crm_companies.country_code', '^[A-Za-z]{2}$') }}) as country_code,

        -- booleans
        coalesce(crm_companies.locality, crm_companies.region, crm_companies.country_code) is not null as has_place,

        -- timestamps
        crm_companies.created_at
    from companies_in_crm
    inner join crm_companies on companies_in_crm.record_id = crm_companies.record_id::text
    left join names on crm_companies.name = names.name_raw
    left join linkedin_urls
        on
            crm_companies.linkedin_url_raw = linkedin_urls.linkedin_url_raw
            and linkedin_urls.linkedin_kind in ('company', 'school', 'showcase')

)

select * from known
