with

crm_people as (

    select * from {{ ref('int_crm_people_identified') }}

),

decisions as (

    select * from {{ ref('stg_reference__duplicate_decisions') }}

),

keys as (

    select
        record_id,
        'linkedin' as block_kind,
        linkedin_url as block_key
    from crm_people
    where linkedin_url is not null

    union

    select
        crm_people.record_id,
        'email' as block_kind,
        listed.address as block_key
    from crm_people
    cross join {{ piece_rows('crm_people.email_keys', ' ') }} as listed (address)

    union

    -- never a name alone
    select
        record_id,
        'name_and_company' as block_kind,
        name_key || '|' || company_record_id as block_key
    from crm_people
    where name_key is not null and company_record_id is not null

),

-- a key that so many people share is no key
sized as (

    select
        keys.*,
        count(*) over (partition by keys.block_kind, keys.block_key) as record_count
    from keys

),

sharing_a_block as (

    select
        one.record_id as record_id_a,
        other.record_id as record_id_b
    from sized as one
    inner join sized as other
        on
            one.block_kind = other.block_kind
            and one.block_key = other.block_key
            and one.record_id < other.record_id
    where one.record_count between 2 and 60

),

decided as (

    select
        least(decisions.record_id_a, decisions.record_id_b) as record_id_a,
        greatest(decisions.record_id_a, decisions.record_id_b) as record_id_b
    from decisions
    inner join crm_people as one on decisions.record_id_a = one.record_id
    inner join crm_people as other on decisions.record_id_b = other.record_id
    where decisions.object = 'people' and decisions.record_id_a != decisions.record_id_b

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
