with

roles as (

    select * from {{ ref('int_crm_company_roles') }}

),

crm_companies as (

    select * from {{ ref('int_crm_companies_identified') }}

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
        crm_companies.name,
        crm_companies.linkedin_url,
        crm_companies.web_url,

        -- lists
        roles.reasons,
        crm_companies.domains,

        -- numbers
        roles.score,
        crm_companies.team_count,
        crm_companies.deal_count,
        crm_companies.entry_count,
        crm_companies.note_count,
        crm_companies.task_count,

        -- timestamps
        crm_companies.created_at
    from roles
    inner join crm_companies on roles.record_id = crm_companies.record_id

)

select * from described
