with

pairs as (

    select * from {{ ref('int_crm_person_pairs_judged') }}

),

crm_people as (

    select * from {{ ref('int_crm_people_identified') }}

),

clusters as (

    select * from {{ ref('int_crm_person_clusters') }}

),

{{ duplicate_roles('pairs', 'crm_people', 'clusters') }}
