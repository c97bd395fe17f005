{{ config(
    materialized="incremental",
    incremental_strategy="append",
    pre_hook="{{ delete_unless('from (' ~ linkedin_urls_found() ~ ') as found where made.source_id = found.source_id and made.source_table = found.source_table and made.linkedin_url_raw = found.linkedin_url_raw') }}",
) }}

with

linkedin_urls as (

    select * from {{ ref('int_linkedin_urls_parsed') }}

),

found as (
    {{ linkedin_urls_found() }}

),

parsed as (

    select
        -- keys
        found.source_table,
        found.source_id,

        -- text
        found.linkedin_url_raw,
        linkedin_urls.linkedin_url_normalized,
        linkedin_urls.linkedin_kind,
        linkedin_urls.linkedin_slug
    from found
    left join linkedin_urls on found.linkedin_url_raw = linkedin_urls.linkedin_url_raw
    {%- if is_incremental() %}
        left join {{ this }} as made
            on
                found.source_id = made.source_id
                and found.source_table = made.source_table
                and found.linkedin_url_raw = made.linkedin_url_raw
        where made.source_id is null
    {%- endif %}

)

select * from parsed
