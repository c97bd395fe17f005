{#-
    What became of what arrived. `key` names a payload's row in the extracted table; a payload without one, or without content,
    cannot be extracted. Days are UTC.
-#}
with

companyenrich_payloads as (

    select * from {{ ref('stg_raw__companyenrich_payloads') }}

),

person_payloads as (

    select * from {{ ref('stg_raw__person_discovery') }}

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

payloads as (

    select
        'companyenrich' as source,
        id::text as id,
        lower(domain) as key,
        payload,
        created_at
    from companyenrich_payloads
    union all
    select
        'person_discovery' as source,
        id::text as id,
        linkedin_url as key,
        raw_payload as payload,
        created_at
    from person_payloads
    union all
    select
        'job_posting' as source,
        id::text as id,
        concat_ws('|', lower(domain), job_id) as key,
        case when job_id is not null then payload end as payload,
        created_at
    from job_posting_payloads

),

extracted_keys as (

    select
        'companyenrich' as source,
        lower(domain) as key
    from companies
    union
    select
        'person_discovery' as source,
        linkedin_url as key
    from people
    union
    select
        'job_posting' as source,
        concat_ws('|', lower(domain), job_id) as key
    from job_postings

),

-- one after the other, as they came for one key
beside_the_one_before as (

    select
        payloads.*,
        lag(payloads.payload)
            over (partition by payloads.source, payloads.key order by payloads.created_at, payloads.id)
            as payload_before,
        row_number()
            over (partition by payloads.source, payloads.key order by payloads.created_at, payloads.id)
            as place
    from payloads

),

judged as (

    select
        beside_the_one_before.source,
        (beside_the_one_before.created_at at time zone 'UTC')::date as day,
        case
            when
                beside_the_one_before.key is null
                or coalesce(jsonb_typeof(beside_the_one_before.payload), 'null') != 'object'
                then 'refused'
            when extracted_keys.key is null then 'missing'
            when beside_the_one_before.place = 1 then 'new'
            when beside_the_one_before.payload = beside_the_one_before.payload_before then 'identical'
            else 'changed'
        end as outcome
    from beside_the_one_before
    left join extracted_keys
        on
            beside_the_one_before.source = extracted_keys.source
            and beside_the_one_before.key = extracted_keys.key

),

counted as (

    select
        source,
        day,
        count(*)::integer as payloads,
        (count(*) filter (where outcome = 'new'))::integer as extracted_new,
        (count(*) filter (where outcome = 'changed'))::integer as extracted_changed,
        (count(*) filter (where outcome = 'identical'))::integer as extracted_identical,
        (count(*) filter (where outcome = 'refused'))::integer as extracted_refused,
        (count(*) filter (where outcome = 'missing'))::integer as extracted_missing
    from judged
    group by source, day

)

select * from counted
