with

blocks as (

    select * from {{ ref('int_crm_company_blocks') }}

),

decisions as (

    select * from {{ ref('stg_reference__duplicate_decisions') }}

),

crm_companies as (

    select * from {{ ref('int_crm_companies_identified') }}

),

sharing_a_block as (

    select
        one.record_id as record_id_a,
        other.record_id as record_id_b
    from blocks as one
    inner join blocks as other
        on
            one.block_kind = other.block_kind
            and one.block_key = other.block_key
            and one.record_id < other.record_id
    where
        not one.is_dropped
        -- a start of five letters and a city say something only where one name goes on where the other ends
        and (
            one.block_kind != 'name_start_and_city'
            or starts_with(one.name_key, other.name_key)
            or starts_with(other.name_key, one.name_key)
        )

),

-- what a person called the same is compared, whatever it shares
decided as (

    select
        least(decisions.record_id_a, decisions.record_id_b) as record_id_a,
        greatest(decisions.record_id_a, decisions.record_id_b) as record_id_b
    from decisions
    inner join crm_companies as one on decisions.record_id_a = one.record_id
    inner join crm_companies as other on decisions.record_id_b = other.record_id
    where decisions.object = 'companies' and decisions.record_id_a != decisions.record_id_b

)

select
    record_id_a,
    record_id_b
from sharing_a_block
union
select
    record_id_a,
    record_id_b
from decided
