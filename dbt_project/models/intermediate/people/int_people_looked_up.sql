{{ config(
    materialized="incremental",
    incremental_strategy="append",
    indexes=[{"columns": ["id"], "unique": true}],
    pre_hook=[
        "{{ room_for_hashing() }}",
        "{{ find_changed_rows(changes_of_people()) }}",
        "{{ remember_profiles_of_gone_rows() }}",
        "{{ delete_changed_rows(['id']) }}",
    ],
    post_hook="{{ remember_profiles_of_new_rows() }}",
) }}

with

people as (

    select * from {{ ref('stg_extracted__person_discovery') }}
    {%- if is_incremental() %}
    where {{ is_to_be_made('id') }}
    {%- endif %}

),

-- `offset 0` is a fence without a copy: without it the planner works the long expression out again for every use below.
linkedin_urls_normalized as (

    select
        *,
        {{ linkedin_url_normalized('linkedin_url') }} as linkedin_url_normalized
    from people
    offset 0

),

profiles as (

    select
        *,
        {{ linkedin_kind('linkedin_url', 'linkedin_url_normalized') }} as linkedin_kind
    from linkedin_urls_normalized
    offset 0

),

domains as (

    select * from {{ ref('int_domains_parsed') }}

),

names as (

    select * from {{ ref('int_company_names_cleaned') }}

),

looked_up as (

    select
        -- keys
        people.id,
        -- without a public profile a row cannot be told from another person's: it is counted, and goes no further
        case when people.linkedin_kind = 'person' then people.linkedin_url_normalized end as linkedin_url,

        -- text
        people.linkedin_url as linkedin_url_raw,
        case when people.linkedin_kind != 'person' then people.linkedin_url_normalized end as linkedin_url_of_no_person,
        people.linkedin_kind,
        people.first_name,
        people.last_name,
        people.full_name,
        people.cleaned_first_name,
        people.cleaned_last_name,
        people.cleaned_full_name,
        people.latest_title as job_title,
        people.location_name as location_raw,
        domains.company_domain,
        people.latest_company as company_name_raw,
        coalesce(names.name, people.latest_company) as company_name,
        names.name_key as company_name_key,

        -- text as found, where trimming changed or emptied it
        {%- for column, found in {
            'first_name': 'first_name', 'last_name': 'last_name', 'full_name': 'full_name',
            'job_title': 'latest_title', 'company_name': 'latest_company',
        }.items() %}
        nullif(people.{{ found }}_raw, people.{{ found }}) as untrimmed_{{ column }},
        {%- endfor %}

        -- dates and timestamps
        people.latest_start_date,
        people.updated_at,

        -- which version of the source's row this was made from
        people.row_version
    from profiles as people
    left join domains on people.company_domain = domains.domain_raw
    left join names on people.latest_company = names.name_raw
    -- a row that came while this build ran: its cells are not read yet, and the next build finds it
    where
        (people.company_domain is null or domains.domain_raw is not null)
        and (people.latest_company is null or names.name_raw is not null)

)

select * from looked_up
