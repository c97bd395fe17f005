{{ config(pre_hook="{{ room_for_hashing() }}") }}

{#-
    What became of what arrived: every payload is read again, in its order, by the functions with which the endpoints and
    `canon extract` read it. Days are UTC.
-#}
with

companyenrich_payloads as (

    select * from {{ ref('stg_raw__companyenrich_payloads') }}

),

person_payloads as (

    select * from {{ ref('stg_raw__person_discovery') }}

),

cleaned_person_names as (

    select * from {{ ref('stg_raw__person_discovery_cleaned') }}

),

job_posting_payloads as (

    select * from {{ ref('stg_raw__job_posting_payloads') }}

),

companies as (

    select * from {{ ref('stg_extracted__companyenrich_company') }}

),

people as (

    select * from {{ ref('stg_extracted__person_discovery') }}

),

job_postings as (

    select * from {{ ref('stg_core__company_job_postings') }}

),

-- Materialized, or every use of a reading below reads the payload once more.
payloads_read as materialized (

    select
        'companyenrich' as source,
        id,
        created_at,
        core.companyenrich_reading(domain, payload, created_at) -> 'patch' as patch
    from companyenrich_payloads
    union all
    select
        'person_discovery' as source,
        person_payloads.id,
        person_payloads.created_at,
        core.person_discovery_reading(
            person_payloads.linkedin_url,
            person_payloads.raw_payload,
            person_payloads.clay_table_url,
            to_jsonb(cleaned_person_names)
        ) -> 'patch' as patch
    from person_payloads
    left join cleaned_person_names on person_payloads.id = cleaned_person_names.id
    union all
    select
        'job_posting' as source,
        id,
        created_at,
        core.job_posting_reading(domain, payload, job_id) -> 'patch' as patch
    from job_posting_payloads

),

payloads_keyed as (

    select
        source,
        id,
        created_at,
        patch,
        case source
            when 'person_discovery' then patch ->> 'linkedin_url'
            else concat_ws('|', patch ->> 'domain', patch ->> 'job_id')
        end as key,
        (patch ->> 'companyenrich_updated_at')::timestamptz as dated
    from payloads_read

),

beside_the_newest_before as (

    select
        *,
        max(dated) over (
            partition by source, key order by created_at, id rows between unbounded preceding and 1 preceding
        ) as newest_before
    from payloads_keyed
    where patch is not null

),

-- an older answer does not win over what is there
taken_in_turn as materialized (

    select
        source,
        id,
        created_at,
        patch,
        key,
        row_number() over in_order as place,
        lag(patch) over in_order as patch_before,
        first_value(patch) over in_reverse as last_patch,
        first_value(id) over in_reverse as last_id
    from beside_the_newest_before
    where dated >= newest_before or dated is null or newest_before is null
    window
        in_order as (partition by source, key order by created_at, id),
        in_reverse as (partition by source, key order by created_at desc, id desc)

),

keys_to_look_into as (

    select distinct
        source,
        key
    from taken_in_turn
    where patch != patch_before

),

-- a blank never erases: what a payload changes is told by each column's last value, not by the payload before
columns_in_turn as (

    select
        taken_in_turn.id,
        taken_in_turn.place,
        said.value,
        lag(said.value) over (
            partition by taken_in_turn.source, taken_in_turn.key, said.name order by taken_in_turn.place
        ) as value_before
    from taken_in_turn
    inner join keys_to_look_into
        on taken_in_turn.source = keys_to_look_into.source and taken_in_turn.key = keys_to_look_into.key
    cross join lateral jsonb_each(taken_in_turn.patch) as said (name, value)

),

changing as (

    select distinct id
    from columns_in_turn
    where place > 1 and value is distinct from value_before

),

-- a million rows that no payload speaks of need not be turned into json
keys_spoken_of as (

    select distinct
        source,
        key
    from taken_in_turn

),

extracted_rows as (

    select
        keys_spoken_of.source,
        keys_spoken_of.key,
        companies.raw_payload_id,
        companies.created_at,
        companies.updated_at,
        to_jsonb(companies) as content
    from companies
    inner join keys_spoken_of
        on keys_spoken_of.source = 'companyenrich' and keys_spoken_of.key = core.domain_of(companies.domain)
    union all
    select
        keys_spoken_of.source,
        keys_spoken_of.key,
        people.raw_payload_id,
        people.created_at,
        people.updated_at,
        to_jsonb(people) as content
    from people
    inner join keys_spoken_of
        on keys_spoken_of.source = 'person_discovery' and keys_spoken_of.key = {{ clean_text('people.linkedin_url') }}
    union all
    select
        keys_spoken_of.source,
        keys_spoken_of.key,
        null as raw_payload_id,
        job_postings.created_at,
        job_postings.updated_at,
        to_jsonb(job_postings) as content
    from job_postings
    inner join keys_spoken_of
        on keys_spoken_of.source = 'job_posting' and keys_spoken_of.key = concat_ws('|', core.domain_of(job_postings.domain), job_postings.job_id)

),

-- an owner's spellings of one key: the row touched last
extracted_keys as (

    select distinct on (source, key) *
    from extracted_rows
    order by source, key, updated_at desc nulls last

),

judged as (

    select
        taken_in_turn.id,
        case
            when extracted_keys.key is null then 'missing'
            -- nothing touched the row since, and it neither says what its last payload says nor whence it came
            when
                (taken_in_turn.place = 1 or changing.id is not null)
                and extracted_keys.updated_at < taken_in_turn.created_at
                and not coalesce(extracted_keys.raw_payload_id = taken_in_turn.last_id, false)
                and extracted_keys.content || (taken_in_turn.last_patch - '{domain,linkedin_url,job_id}'::text[])
                != extracted_keys.content
                then 'missing'
            when changing.id is not null then 'changed'
            when taken_in_turn.place > 1 then 'identical'
            -- the row was there before its first payload; one call stamps its payloads a millionth of a second apart
            when extracted_keys.created_at < taken_in_turn.created_at - interval '2 milliseconds'
                then
                    case
                        when extracted_keys.raw_payload_id = taken_in_turn.id then 'changed'
                        when extracted_keys.updated_at < taken_in_turn.created_at then 'identical'
                        else 'changed'
                    end
            else 'new'
        end as outcome
    from taken_in_turn
    left join extracted_keys
        on taken_in_turn.source = extracted_keys.source and taken_in_turn.key = extracted_keys.key
    left join changing on taken_in_turn.id = changing.id

),

counted as (

    select
        payloads_keyed.source,
        (payloads_keyed.created_at at time zone 'UTC')::date as day,
        count(*)::integer as payloads,
        (count(*) filter (where judged.outcome = 'new'))::integer as extracted_new,
        (count(*) filter (where judged.outcome = 'changed'))::integer as extracted_changed,
        (count(*) filter (where judged.outcome = 'identical'))::integer as extracted_identical,
        (count(*) filter (where judged.outcome is null))::integer as extracted_refused,
        (count(*) filter (where judged.outcome = 'missing'))::integer as extracted_missing
    from payloads_keyed
    left join judged on payloads_keyed.id = judged.id
    group by payloads_keyed.source, day

)

select * from counted
