with

pairs as (

    select * from {{ ref('int_crm_company_pairs_judged') }}

),

crm_companies as (

    select * from {{ ref('int_crm_companies_identified') }}

),

clusters as (

    select * from {{ ref('int_crm_company_clusters') }}

),

{{ duplicate_roles('pairs', 'crm_companies', 'clusters') }}
