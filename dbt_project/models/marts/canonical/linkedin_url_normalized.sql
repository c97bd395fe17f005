{{ config(
    materialized="incremental",
    incremental_strategy="append",
    indexes=[{"columns": ["source_id", "source_table"], "unique": true}],
    pre_hook=[
        "{{ room_for_hashing() }}",
        "{{ find_changed_rows(changes_of_linkedin_urls_found()) }}",
        "{{ delete_changed_rows(['source_table', 'source_id']) }}",
    ],
) }}

with

linkedin_urls as (

    select * from {{ ref('int_linkedin_urls_parsed') }}

),

{% if is_incremental() -%}
found as (

    select
        source_table,
        source_id,
        linkedin_url_raw
    from changed_rows
    where source_id is not null

),
{%- else -%}
found as (
    {{ linkedin_urls_found() }}
),
{%- endif %}

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
    -- a cell that came while this build ran is not read yet, and the next build finds it
    inner join linkedin_urls on found.linkedin_url_raw = linkedin_urls.linkedin_url_raw

)

select * from parsed
