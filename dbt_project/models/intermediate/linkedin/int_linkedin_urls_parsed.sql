{{ config(
    materialized="incremental",
    incremental_strategy="append",
    pre_hook="{{ delete_unless('from (' ~ linkedin_urls_found() ~ ') as found where made.linkedin_url_raw = found.linkedin_url_raw') }}",
    post_hook="analyze {{ this }}",
) }}

with

found as (
    {{ linkedin_urls_found() }}

),

-- the same cell stands in many rows: each is read once, and once for all builds
distinct_urls as (

    select distinct found.linkedin_url_raw
    from found
    {%- if is_incremental() %}
        left join {{ this }} as made on found.linkedin_url_raw = made.linkedin_url_raw
        where made.linkedin_url_raw is null
    {%- endif %}

),

-- Materialized, or the planner works the long expression out again for every use below.
normalized as materialized (

    select
        linkedin_url_raw,
        {{ linkedin_url_normalized('linkedin_url_raw') }} as linkedin_url_normalized
    from distinct_urls

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
