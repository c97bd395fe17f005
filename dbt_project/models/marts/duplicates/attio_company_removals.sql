with

duplicates as (

    select * from {{ ref('attio_company_duplicates') }}

),

crm_companies as (

    select * from {{ ref('stg_attio__companies') }}

),

removable as (

    select
        -- keys
        duplicates.record_id,
        duplicates.survivor_record_id,
        duplicates.cluster_id,

        -- text
        duplicates.name,
        duplicates.web_url,

        -- lists and documents
        duplicates.reasons,
        crm_companies.record_values,
        survivors.record_values as survivor_values,

        -- numbers
        duplicates.score
    from duplicates
    inner join crm_companies on duplicates.record_id = crm_companies.record_id::text
    inner join crm_companies as survivors on duplicates.survivor_record_id = survivors.record_id::text
    where duplicates.role = 'duplicate' and duplicates.tier = 'certain'

)

select * from removable
