-- Data coming in: one function per feed. Each takes one JSON object or a list of them and gives back a list with an
-- entry per row: {"index", "status", "field"?, "reason"?}.
--
--   inserted, updated, unchanged   what became of the extracted row
--   kept                           stored as it arrived, and not extracted; `reason` says why
--   refused                        not stored at all; `field` and `reason` say why
--
-- What arrived and what was extracted from it are stored by one statement of the caller: both or neither.

-- What a caller says of a person beside the payload, for the payload stays as it came.
create table if not exists raw.person_discovery_cleaned (
    id uuid primary key default gen_random_uuid(),
    cleaned_first_name text,
    cleaned_last_name text,
    cleaned_full_name text,
    created_at timestamptz default now()
);
select attio_sync.register_new_table('raw.person_discovery_cleaned');
comment on table raw.person_discovery_cleaned is
'One row is the names a caller had cleaned and sent along with a payload; id is the id in raw.person_discovery.';

-- Readings: a payload -> {"patch": columns it says something about} or {"reason": why there is nothing to extract}.
-- A blank never erases, so nulls are left out.

create or replace function core.companyenrich_reading(domain text, payload jsonb, arrived_at timestamptz)
returns jsonb
language sql immutable parallel safe
as $$
    with asked as (

        select
            core.domain_of(domain) as asked_domain,
            core.object_in(payload) as answer

    ),

    answered as (

        select
            *,
            coalesce(
                core.domain_of(core.text_in(answer, 'domain')),
                -- a site may live on a host below the domain
                (
                    select case when website = asked_domain or website like '%.' || asked_domain then asked_domain else website end
                    from core.domain_of(core.text_in(answer, 'website')) as website
                )
            ) as answered_domain,
            core.time_in(answer, 'updated_at') as dated
        from asked

    )

    select case
        when asked_domain is null then jsonb_build_object('reason', 'the domain names no host')
        when answer is null then jsonb_build_object('reason', 'the answer is empty')
        when core.is_refusal(answer) then jsonb_build_object('reason', 'the answer is a refusal')
        when
            core.text_in(answer, 'name') is null
            and answered_domain is null
            and core.text_in(answer, 'id') is null
            then jsonb_build_object('reason', 'the answer names no company')
        when answered_domain <> asked_domain
            then jsonb_build_object('reason', 'the answer is about ' || answered_domain)
        else jsonb_build_object('patch', jsonb_strip_nulls(jsonb_build_object(
            'domain', asked_domain,
            'companyenrich_id', core.text_in(answer, 'id'),
            'name', core.text_in(answer, 'name'),
            'type', core.text_in(answer, 'type'),
            'website', core.text_in(answer, 'website'),
            'revenue', core.text_in(answer, 'revenue'),
            'employees', core.text_in(answer, 'employees'),
            'industry', core.text_in(answer, 'industry'),
            'industries', core.list_in(answer, 'industries'),
            'description', core.text_in(answer, 'description'),
            'seo_description', core.text_in(answer, 'seo_description'),
            'founded_year', substring(core.text_in(answer, 'founded_year') from '^([12][0-9]{3})(?![0-9])')::integer,
            'page_rank', core.number_in(answer, 'page_rank'),
            'logo_url', core.text_in(answer, 'logo_url'),
            'categories', core.list_in(answer, 'categories'),
            'keywords', core.list_in(answer, 'keywords'),
            'technologies', core.list_in(answer, 'technologies'),
            'naics_codes', core.list_in(answer, 'naics_codes')
        ) || jsonb_build_object(
            'address', coalesce(core.text_in(answer, 'location', 'address'), core.text_in(answer, 'location')),
            'phone', core.text_in(answer, 'location', 'phone'),
            'postal_code', core.text_in(answer, 'location', 'postal_code'),
            'city', coalesce(core.text_in(answer, 'location', 'city', 'name'), core.text_in(answer, 'location', 'city')),
            'state', coalesce(core.text_in(answer, 'location', 'state', 'name'), core.text_in(answer, 'location', 'state')),
            'state_code', core.text_in(answer, 'location', 'state', 'code'),
            'country',
            coalesce(core.text_in(answer, 'location', 'country', 'name'), core.text_in(answer, 'location', 'country')),
            'country_code', core.text_in(answer, 'location', 'country', 'code'),
            'latitude', (
                select degrees::double precision
                from core.number_in(answer, 'location', 'city', 'latitude') as degrees
                where degrees between -90 and 90
            ),
            'longitude', (
                select degrees::double precision
                from core.number_in(answer, 'location', 'city', 'longitude') as degrees
                where degrees between -180 and 180
            ),
            'linkedin_url', core.text_in(answer, 'socials', 'linkedin_url'),
            'linkedin_id', core.text_in(answer, 'socials', 'linkedin_id'),
            'twitter_url', core.text_in(answer, 'socials', 'twitter_url'),
            'facebook_url', core.text_in(answer, 'socials', 'facebook_url'),
            'github_url', core.text_in(answer, 'socials', 'github_url'),
            'crunchbase_url', core.text_in(answer, 'socials', 'crunchbase_url'),
            'total_funding', core.number_in(answer, 'financial', 'total_funding'),
            'funding_stage', core.text_in(answer, 'financial', 'funding_stage'),
            'funding_date', core.day_in(answer, 'financial', 'funding_date'),
            'stock_symbol', core.text_in(answer, 'financial', 'stock_symbol'),
            'stock_exchange', core.text_in(answer, 'financial', 'stock_exchange'),
            -- a date to come is a clock that is wrong, and would beat every later answer
            'companyenrich_updated_at', case when dated <= arrived_at + interval '1 day' then dated end
        )))
    end
    from answered
$$;

create or replace function core.person_discovery_reading(
    linkedin_url text, payload jsonb, clay_table_url text, cleaned jsonb
) returns jsonb
language sql immutable parallel safe
as $$
    select case
        when core.clean_text(linkedin_url) is null or octet_length(linkedin_url) > 2000
            then jsonb_build_object('reason', 'no LinkedIn URL')
        when answer is null or answer = '{}'::jsonb then jsonb_build_object('reason', 'the payload is empty')
        when core.is_refusal(answer) then jsonb_build_object('reason', 'the payload is a refusal')
        else jsonb_build_object('patch', jsonb_strip_nulls(jsonb_build_object(
            'linkedin_url', core.clean_text(linkedin_url),
            'first_name', core.text_in(answer, 'first_name'),
            'last_name', core.text_in(answer, 'last_name'),
            'full_name', core.text_in(answer, 'name'),
            'cleaned_first_name', core.text_in(cleaned, 'cleaned_first_name'),
            'cleaned_last_name', core.text_in(cleaned, 'cleaned_last_name'),
            'cleaned_full_name', core.text_in(cleaned, 'cleaned_full_name'),
            'location_name', core.text_in(answer, 'location_name'),
            'company_domain', core.text_in(answer, 'domain'),
            'latest_title', core.text_in(answer, 'latest_experience_title'),
            'latest_company', core.text_in(answer, 'latest_experience_company'),
            'latest_start_date', core.day_in(answer, 'latest_experience_start_date'),
            'clay_company_table_id', core.text_in(answer, 'company_table_id'),
            'clay_company_record_id', core.text_in(answer, 'company_record_id'),
            'clay_table_url', core.clean_text(clay_table_url)
        )))
    end
    from (select core.object_in(payload) as answer) as given
$$;

-- The posting itself: flat, or under jobPostData.
create or replace function core.job_post_in(payload jsonb) returns jsonb
language sql immutable parallel safe
as $$
    select coalesce(core.object_in(core.object_in(payload) -> 'jobPostData'), core.object_in(payload))
$$;

create or replace function core.job_posting_reading(domain text, payload jsonb) returns jsonb
language sql immutable parallel safe
as $$
    select case
        when core.domain_of(domain) is null then jsonb_build_object('reason', 'the domain names no host')
        when answer is null or answer = '{}'::jsonb then jsonb_build_object('reason', 'the payload is empty')
        when core.is_refusal(answer) then jsonb_build_object('reason', 'the payload is a refusal')
        when core.text_in(answer, 'job_id') is null then jsonb_build_object('reason', 'the payload has no job_id')
        when octet_length(core.text_in(answer, 'job_id')) > 2000
            then jsonb_build_object('reason', 'the job_id is longer than 2,000 bytes')
        else jsonb_build_object('patch', jsonb_strip_nulls(jsonb_build_object(
            'domain', core.domain_of(domain),
            'job_id', core.text_in(answer, 'job_id'),
            'title', core.text_in(answer, 'title'),
            'cleaned_job_title', core.text_in(answer, 'normalized_title'),
            'job_function', core.text_in(answer, 'job_function'),
            'location', core.text_in(answer, 'location'),
            'seniority', core.text_in(answer, 'seniority'),
            'employment_type', core.text_in(answer, 'employment_type'),
            'salary_min', core.number_in(answer, 'salary_min'),
            'salary_max', core.number_in(answer, 'salary_max'),
            'salary_currency', core.text_in(answer, 'salary_currency'),
            'salary_unit', core.text_in(answer, 'salary_unit'),
            'url', core.text_in(answer, 'url'),
            'company_linkedin_url', (
                select company_url
                from core.text_in(answer, 'company_url') as company_url
                where lower(company_url) like '%linkedin.com/%'
            ),
            'posted_at', core.time_in(answer, 'posted_at'),
            'closed_at', core.time_in(answer, 'closed_at')
        )))
    end
    from (select core.job_post_in(payload) as answer) as given
$$;
