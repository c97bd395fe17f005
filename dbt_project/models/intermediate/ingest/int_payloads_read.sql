{{ config(
    materialized="incremental",
    incremental_strategy="append",
    pre_hook=[
        "{{ room_for_hashing() }}",
        "{{ find_changed_rows(changes_of_payloads()) }}",
        "{{ delete_changed_rows(['source', 'id']) }}",
    ],
) }}

{#- Read by the functions with which the endpoints and `canon extract` read payloads. -#}
with

companyenrich_payloads as (

    select * from {{ ref('stg_raw__companyenrich_payloads') }}
    {%- if is_incremental() %}
    where {{ is_to_be_made('id', of="source = 'companyenrich'") }}
    {%- endif %}

),

person_payloads as (

    select * from {{ ref('stg_raw__person_discovery') }}
    {%- if is_incremental() %}
    where {{ is_to_be_made('id', of="source = 'person_discovery'") }}
    {%- endif %}

),

cleaned_person_names as (

    select * from {{ ref('stg_raw__person_discovery_cleaned') }}

),

job_posting_payloads as (

    select * from {{ ref('stg_raw__job_posting_payloads') }}
    {%- if is_incremental() %}
    where {{ is_to_be_made('id', of="source = 'job_posting'") }}
    {%- endif %}

),

-- Materialized, or every use of a reading below reads the payload once more.
payloads_read as materialized (

    select
        'companyenrich' as source,
        id,
        {{ json_under('core.companyenrich_reading(domain, payload, created_at)', 'patch') }} as patch,
        created_at,
        row_version
    from companyenrich_payloads
    union all
    select
        'person_discovery' as source,
        person_payloads.id,
        {{ json_under(
            'core.person_discovery_reading(person_payloads.linkedin_url, person_payloads.raw_payload,'
            ' person_payloads.clay_table_url, ' ~ json_of_row('cleaned_person_names', without='row_version') ~ ')',
            'patch'
        ) }} as patch,
        person_payloads.created_at,
        {{ payload_version('person_payloads', 'cleaned_person_names') }} as row_version
    from person_payloads
    left join cleaned_person_names on person_payloads.id = cleaned_person_names.id
    union all
    select
        'job_posting' as source,
        id,
        {{ json_under('core.job_posting_reading(domain, payload, job_id)', 'patch') }} as patch,
        created_at,
        row_version
    from job_posting_payloads

),

keyed as (

    select
        -- keys
        source,
        id,
        case
            when patch is null then null
            when source = 'person_discovery' then {{ json_text('patch', 'linkedin_url') }}
            else concat_ws('|', {{ json_text('patch', 'domain') }}, {{ json_text('patch', 'job_id') }})
        end as key,

        -- json
        patch,

        -- timestamps
        ({{ json_text('patch', 'companyenrich_updated_at') }})::timestamptz as dated,
        created_at,

        -- which version of the payload was read
        row_version
    from payloads_read

)

select * from keyed
