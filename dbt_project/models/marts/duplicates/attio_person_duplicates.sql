with

roles as (

    select * from {{ ref('int_crm_person_roles') }}

),

crm_people as (

    select * from {{ ref('int_crm_people_identified') }}

),

described as (

    select
        -- keys
        roles.cluster_id,
        roles.record_id,
        roles.survivor_record_id,

        -- text
        roles.role,
        roles.tier,
        crm_people.full_name as name,
        crm_people.linkedin_url,
        crm_people.web_url,

        -- lists
        roles.reasons,
        -- where the person can be written to; the same place as a company's domains
        (
            select coalesce({{ json_list_of_rows("split_part(listed.address, '@', 2)", distinct=true) }}, {{ json_list() }})
            from {{ json_texts('crm_people.email_addresses') }} as listed (address)
        ) as domains,
        crm_people.email_addresses,

        -- numbers
        roles.score,
        crm_people.entry_count,
        crm_people.note_count,
        crm_people.task_count,

        -- timestamps
        crm_people.created_at
    from roles
    inner join crm_people on roles.record_id = crm_people.record_id

)

select * from described
