-- Job postings gathered from public lists.
--
-- into: core.company_job_postings
-- reads: csv
-- columns: source, source_id, title, url, locations
-- optional: company_domain, company_linkedin_url, date_posted_raw, date_updated_raw, active
--
-- `job_id` is the source's own id. Where that is a UUID it stands alone: lists take over each other's postings with
-- their ids, and the row that was updated last wins. Elsewhere the source stands in front, for a number is no
-- identity over several sources. `company_url` is a page of a job site and names no company's domain.

with

trimmed as (

    select
        line_number,
        nullif(btrim(source), '') as source,
        lower(nullif(btrim(source_id), '')) as source_id,
        nullif(regexp_replace(lower(btrim(company_domain)), '^(https?://)?(www\.)?|[/:?#].*$', '', 'g'), '') as domain,
        nullif(btrim(title, E' \t\r\n'), '') as title,
        nullif(btrim(url), '') as url,
        nullif(btrim(company_linkedin_url), '') as company_linkedin_url,
        nullif(btrim(locations), '') as locations,
        btrim(date_posted_raw) as date_posted,
        btrim(date_updated_raw) as date_updated,
        lower(btrim(active)) as active
    from incoming

),

dated as (

    select
        *,
        -- '5 days ago' counts from a day nobody wrote down: no date
        case
            when date_posted ~ '^[0-9]{9,10}$' then to_timestamp(date_posted::bigint)
            when date_posted ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}' then date_posted::timestamptz
            when date_posted ~ '^[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}$' then to_date(date_posted, 'MM/DD/YYYY')::timestamptz
        end as posted_at,
        case when date_updated ~ '^[0-9]{9,10}$' then to_timestamp(date_updated::bigint) end as listed_at
    from trimmed

),

located as (

    select
        dated.*,
        case
            when dated.locations like '[%' then (
                select string_agg(btrim(listed.place), '; ' order by listed.position)
                from jsonb_array_elements_text(dated.locations::jsonb) with ordinality as listed (place, position)
                where btrim(listed.place) <> ''
            )
            else dated.locations
        end as location
    from dated

),

identified as (

    select
        *,
        case
            when source_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then source_id
            else source || ':' || source_id
        end as job_id,
        -- a list says that a posting is closed with its last update, and not when it was closed
        case when active = 'false' then listed_at end as closed_at
    from located

),

newest_per_posting as (

    select distinct on (domain, job_id) *
    from identified
    where job_id is not null
    order by domain, job_id, listed_at desc nulls last, line_number desc

)

select
    line_number,
    null as left_out,
    domain,
    job_id,
    title,
    location,
    url,
    company_linkedin_url,
    posted_at,
    closed_at
from newest_per_posting

union all

select
    line_number,
    case when source_id is null then 'no source_id' else 'no source' end,
    null, null, null, null, null, null, null, null
from identified
where job_id is null
