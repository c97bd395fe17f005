with

candidates as (

    select * from {{ ref('int_crm_person_candidates') }}

),

crm_people as (

    select * from {{ ref('int_crm_people_identified') }}

),

decisions as (

    select * from {{ ref('stg_reference__duplicate_decisions') }}

),

newest_decisions as (

    select distinct on (least(record_id_a, record_id_b), greatest(record_id_a, record_id_b))
        least(record_id_a, record_id_b) as record_id_a,
        greatest(record_id_a, record_id_b) as record_id_b,
        decision
    from decisions
    where object = 'people'
    order by
        least(record_id_a, record_id_b),
        greatest(record_id_a, record_id_b),
        decided_at desc nulls last,
        decision asc

),

compared as (

    select
        candidates.record_id_a,
        candidates.record_id_b,
        newest_decisions.decision,
        coalesce(one.linkedin_url = other.linkedin_url, false) as has_same_linkedin,
        coalesce({{ shares_a_word('one.email_keys', 'other.email_keys') }}, false)
            as has_same_email,
        coalesce(one.name_key = other.name_key, false) as has_same_name,
        coalesce(one.company_record_id = other.company_record_id, false) as has_same_company,
        one.name_key is not null and other.name_key is not null as has_both_names,
        {{ people_vetoes('one', 'other') }}
    from candidates
    inner join crm_people as one on candidates.record_id_a = one.record_id
    inner join crm_people as other on candidates.record_id_b = other.record_id
    left join newest_decisions
        on
            candidates.record_id_a = newest_decisions.record_id_a
            and candidates.record_id_b = newest_decisions.record_id_b

),

judged as (

    select
        *,
        has_other_linkedin or has_other_name as has_veto,
        case
            when decision = 'same' then 'certain'
            when decision in ('distinct', 'keep') then null
            -- a profile or a mailbox, and a name that agrees: a URL pasted into the wrong record has another name
            when not (has_other_linkedin or has_other_name) and (has_same_linkedin or has_same_email) and has_both_names
                then 'certain'
            when not (has_other_linkedin or has_other_name) then 'likely'
            when has_same_linkedin or has_same_email then 'possible'
        end as rule_tier,
        0.5 * has_same_linkedin::integer
        + 0.3 * has_same_email::integer
        + 0.15 * has_same_name::integer
        + 0.05 * has_same_company::integer as evidence,
        {{ json_codes([
            ("decision = 'same'", 'person_said_same'),
            ('has_same_linkedin', 'same_linkedin'),
            ('has_same_email', 'same_email'),
            ('has_same_name', 'same_name'),
            ('has_same_company', 'same_company'),
            ('has_other_linkedin', 'veto_other_linkedin'),
            ('has_other_name', 'veto_other_name'),
        ]) }} as reasons
    from compared

)

-- the score orders the review within a tier, nothing else
select
    record_id_a,
    record_id_b,
    rule_tier,
    decision,
    has_veto,
    round((case
        when decision = 'same' then 1
        when rule_tier = 'certain' then 0.9 + 0.1 * evidence
        when rule_tier = 'likely' then 0.5 + 0.4 * evidence
        else 0.5 * evidence
    end)::numeric, 3) as score,
    reasons
from judged
where rule_tier is not null or decision is not null
