{{ config(
    materialized="incremental",
    incremental_strategy="append",
    indexes=[{"columns": ["id"], "unique": true}],
    pre_hook=[
        "{{ room_for_hashing() }}",
        "{{ lock_touched_cells() }}",
        "{{ find_changed_rows(changes_of_people()) }}",
        "{{ remember_gone_rows() }}",
        "{{ delete_changed_rows(['id']) }}",
    ],
    post_hook="{{ remember_new_rows() }}",
) }}

with

people as (

    select * from {{ ref('stg_extracted__person_discovery') }}
    where {{ is_to_be_made('id') if is_incremental() else 'id is not null' }}

),

-- `offset 0` is a fence without a copy: without it the planner works the long expression out again for every use below.
normalized as (

    select
        *,
        {{ linkedin_url_normalized('linkedin_url') }} as linkedin_url_normalized
    from people
    offset 0

),

taken_apart as (

    select
        *,
        {{ linkedin_kind('linkedin_url', 'linkedin_url_normalized') }} as linkedin_kind
    from normalized
    offset 0

),

read as (

    select
        -- keys
        id,
        -- without a public profile a row cannot be told from another person's: it is counted, and goes no further
        case when linkedin_kind = 'person' then linkedin_url_normalized end as linkedin_url,

        -- text
        linkedin_url as linkedin_url_raw,
        case when linkedin_kind != 'person' then linkedin_url_normalized end as linkedin_url_of_no_person,
        linkedin_kind,
        first_name,
        last_name,
        full_name,
        cleaned_first_name,
        cleaned_last_name,
        cleaned_full_name,
        latest_title as job_title,
        location_name as location_raw,
        company_domain as company_domain_raw,
        latest_company as company_name_raw,

        -- text as found, where trimming changed or emptied it
        {%- for column, found in {
            'first_name': 'first_name', 'last_name': 'last_name', 'full_name': 'full_name',
            'job_title': 'latest_title', 'company_name': 'latest_company',
        }.items() %}
        nullif({{ found }}_raw, {{ found }}) as untrimmed_{{ column }},
        {%- endfor %}

        -- dates and timestamps
        latest_start_date,
        updated_at,

        -- which version of the source's row this was made from
        row_version
    from taken_apart

)

select * from read
