{#- What became of what arrived. Days are UTC. -#}
with

payloads as (

    select * from {{ ref('int_payloads_read') }}

),

judged as (

    select * from {{ ref('int_payloads_judged') }}

),

counted as (

    select
        payloads.source,
        (payloads.created_at at time zone 'UTC')::date as day,
        count(*)::integer as payloads,
        (count(*) filter (where judged.outcome = 'new'))::integer as extracted_new,
        (count(*) filter (where judged.outcome = 'changed'))::integer as extracted_changed,
        (count(*) filter (where judged.outcome = 'identical'))::integer as extracted_identical,
        -- what names no key was refused before it could be judged
        (count(*) filter (where coalesce(judged.outcome, 'refused') = 'refused'))::integer as extracted_refused,
        (count(*) filter (where judged.outcome = 'missing'))::integer as extracted_missing
    from payloads
    left join judged on payloads.source = judged.source and payloads.id = judged.id
    group by payloads.source, day

)

select * from counted
