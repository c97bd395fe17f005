{#- Nothing is known of the passes' sizes: the planner would take them for one row each and compare every record with every other. -#}
{{ config(pre_hook=["{{ room_for_hashing() }}", "set local enable_nestloop = off"]) }}

{%- set conflicts %}
    -- what no pair was compared for may still not fit together
    select
        compared.record_id_a,
        compared.record_id_b
    from (
        select
            one.record_id as record_id_a,
            other.record_id as record_id_b,
            {{ company_vetoes('one', 'other') }},
            coalesce(one.linkedin_url = other.linkedin_url, false) as has_same_linkedin,
            {{ company_names_fit('one', 'other') }} as has_fitting_names,
            coalesce(pairs.decision = 'same', false) as is_said_same,
            coalesce(pairs.decision in ('distinct', 'keep'), false) as is_said_distinct
        from members as members_a
        inner join members as members_b
            on members_a.cluster_rank = members_b.cluster_rank and members_a.record_id < members_b.record_id
        inner join crm_companies as one on members_a.record_id = one.record_id
        inner join crm_companies as other on members_b.record_id = other.record_id
        left join pairs on members_a.record_id = pairs.record_id_a and members_b.record_id = pairs.record_id_b
    ) as compared
    where
        compared.is_said_distinct
        or (
            not compared.is_said_same
            and (
                compared.has_other_linkedin
                or compared.has_other_number
                or compared.has_other_division
                or not compared.has_fitting_names
                or (compared.has_other_domain and (compared.has_other_place or not compared.has_same_linkedin))
            )
        )
{%- endset -%}
with

pairs as (

    select * from {{ ref('int_crm_company_pairs_judged') }}

),

crm_companies as (

    select * from {{ ref('int_crm_companies_identified') }}

),

{{ duplicate_clusters('pairs', 'crm_companies', conflicts) }}
