{{ config(materialized="view") }}

with

people as (

    select * from {{ ref('int_people_read') }}

),

found as (
    {{ linkedin_urls_found() }}
),

linkedin_urls as (

    select * from {{ ref('int_linkedin_urls_parsed') }}

),

parsed as (

    select
        'extracted.person_discovery' as source_table,
        id::text as source_id,
        linkedin_url_raw,
        coalesce(linkedin_url, linkedin_url_of_no_person) as linkedin_url_normalized,
        linkedin_kind
    from people
    where linkedin_url_raw is not null

    union all

    select
        found.source_table,
        found.source_id,
        found.linkedin_url_raw,
        linkedin_urls.linkedin_url_normalized,
        linkedin_urls.linkedin_kind
    from found
    -- a cell that came since the last build is not read yet
    inner join linkedin_urls on found.linkedin_url_raw = linkedin_urls.linkedin_url_raw

)

select
    -- keys
    source_table,
    source_id,

    -- text
    linkedin_url_raw,
    linkedin_url_normalized,
    linkedin_kind,
    {{ linkedin_slug('linkedin_url_normalized') }} as linkedin_slug
from parsed
