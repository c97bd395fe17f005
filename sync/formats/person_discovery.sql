-- People as a Clay table of found people exports them.
--
-- into: extracted.person_discovery
-- reads: csv
-- columns: linkedin_url, full_name
-- optional: found_at, first_name, last_name, title, company_name, company_domain, location_name
--
-- The key is the LinkedIn URL as found: which forms of it are one person is for the models to say. Of several rows with
-- one URL the one found last wins. `created_at` and `updated_at` of a new row are the time it was found at, so that
-- what is known of a person has an order.

with

trimmed as (

    select
        line_number,
        nullif(linkedin_url, '') as linkedin_url,
        nullif(btrim(first_name, E' \t\r\n'), '') as first_name,
        nullif(btrim(last_name, E' \t\r\n'), '') as last_name,
        nullif(btrim(full_name, E' \t\r\n'), '') as full_name,
        nullif(btrim(location_name, E' \t\r\n'), '') as location_name,
        nullif(btrim(company_domain, E' \t\r\n'), '') as company_domain,
        nullif(btrim(title, E' \t\r\n'), '') as latest_title,
        nullif(btrim(company_name, E' \t\r\n'), '') as latest_company,
        case when found_at ~ '^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}' then found_at::timestamptz end as found_at
    from incoming

),

with_reason as (

    select
        *,
        case
            when lower(btrim(coalesce(linkedin_url, ''), E' \t\r\n\u00a0\u200b'))
                in ('', '-', '--', 'n/a', '#n/a', 'na', 'nan', 'none', 'null', 'unknown')
                then 'no LinkedIn URL'
        end as left_out
    from trimmed

),

last_found as (

    select distinct on (linkedin_url) *
    from with_reason
    where left_out is null
    order by linkedin_url, found_at desc nulls last, line_number desc

)

select
    line_number,
    left_out,
    linkedin_url,
    first_name,
    last_name,
    full_name,
    location_name,
    company_domain,
    latest_title,
    latest_company,
    found_at as created_at,
    found_at as updated_at
from last_found

union all

select
    line_number,
    left_out,
    null, null, null, null, null, null, null, null, null, null
from with_reason
where left_out is not null
