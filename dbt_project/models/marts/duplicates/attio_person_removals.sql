with

duplicates as (

    select * from {{ ref('attio_person_duplicates') }}

),

crm_people as (

    select * from {{ ref('stg_attio__people') }}

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
        crm_people.record_values,
        survivors.record_values as survivor_values,

        -- numbers
        duplicates.score
    from duplicates
    inner join crm_people on duplicates.record_id = crm_people.record_id::text
    inner join crm_people as survivors on duplicates.survivor_record_id = survivors.record_id::text
    where duplicates.role = 'duplicate' and duplicates.tier = 'certain'

)

select * from removable
