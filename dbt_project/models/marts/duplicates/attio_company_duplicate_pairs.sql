with

pairs as (

    select * from {{ ref('int_crm_company_pairs_judged') }}

),

clusters as (

    select * from {{ ref('int_crm_company_clusters') }}

),

-- A pair is no surer than the cluster it stands in. What a person called distinct, or wants to keep, is settled and
-- not listed.
open_pairs as (

    select
        -- keys
        pairs.record_id_a,
        pairs.record_id_b,

        -- text
        case when clusters.doubt is not null and pairs.rule_tier = 'certain' then 'likely' else pairs.rule_tier end
            as tier,

        -- lists
        pairs.reasons
        || case
            when clusters.doubt is not null and pairs.rule_tier = 'certain' then {{ json_list('clusters.doubt') }}
            else {{ json_list() }}
        end as reasons,

        -- numbers
        case when clusters.doubt is not null and pairs.rule_tier = 'certain' then 0.5 else pairs.score end as score
    from pairs
    left join clusters on pairs.record_id_a = clusters.record_id
    where pairs.rule_tier is not null

)

select * from open_pairs
