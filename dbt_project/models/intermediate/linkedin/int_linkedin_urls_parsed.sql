{#- Repeats are dropped by hashing: sorting long texts takes twice as long. All values differ: a small sample says so as well. -#}
{{ config(
    materialized="incremental",
    incremental_strategy="append",
    pre_hook=[
        "{{ room_for_hashing() }}",
        "set local enable_sort = off",
        "set local default_statistics_target = 10",
        "{{ find_changed_rows(changes_of_linkedin_urls()) }}",
        "{{ delete_changed_rows(['linkedin_url_raw']) }}",
    ],
) }}

with

-- the same cell stands in many rows: each is read once, and once for all builds
{% if is_incremental() -%}
distinct_urls as (

    select linkedin_url_raw from changed_rows
    where linkedin_url_raw is not null

),
{%- else -%}
distinct_urls as (

    select distinct found.linkedin_url_raw
    from (
        {{ linkedin_urls_found() }}
    ) as found

),
{%- endif %}

-- `offset 0` is a fence without a copy: without it the planner works the long expression out again for every use below.
normalized as (

    select
        linkedin_url_raw,
        {{ linkedin_url_normalized('linkedin_url_raw') }} as linkedin_url_normalized
    from distinct_urls
    offset 0

),

taken_apart as (

    select
        linkedin_url_raw,
        linkedin_url_normalized,
        {{ linkedin_kind('linkedin_url_raw', 'linkedin_url_normalized') }} as linkedin_kind,
        {{ linkedin_slug('linkedin_url_normalized') }} as linkedin_slug
    from normalized

)

select * from taken_apart
