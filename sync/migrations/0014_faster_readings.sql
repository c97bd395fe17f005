-- The readings of 0010 and 0011, five times as fast: ingest_reconciliation reads every payload at each build. A function
-- with a sub-select in it is not inlined, and an expression with one is prepared anew at each call. A posting whose
-- payload names no job_id has the one that was stored beside it.

-- The texts and numbers of a list.
create or replace function core.joined(list jsonb) returns text
language sql immutable parallel safe
as $$
    select string_agg(core.clean_text(listed.value #>> '{}'), '; ' order by listed.place)
    from jsonb_array_elements(list) with ordinality as listed (value, place)
    where jsonb_typeof(listed.value) in ('string', 'number')
$$;

create or replace function core.text_in(payload jsonb, variadic path text[]) returns text
language sql immutable parallel safe
as $$
    select case jsonb_typeof(payload #> path)
        when 'string' then core.clean_text(payload #>> path)
        when 'number' then payload #>> path
        when 'array' then core.joined(payload #> path)
    end
$$;

create or replace function core.number_in(payload jsonb, variadic path text[]) returns numeric
language plpgsql immutable parallel safe
as $$
declare
    written text := core.text_in(payload, variadic path);
begin
    return case
        when written ~ '^[+-]?[0-9]{1,30}(\.[0-9]{1,30})?$' then written::numeric
        when written ~ '^[+-]?[0-9]{1,3}(,[0-9]{3}){1,8}(\.[0-9]{1,30})?$' then replace(written, ',', '')::numeric
        when jsonb_typeof(payload #> path) = 'number' and length(written) < 60 then written::numeric
    end;
end
$$;

create or replace function core.is_refusal(payload jsonb) returns boolean
language sql immutable parallel safe
as $$
    select payload ?| '{status,statusCode,status_code}' and coalesce(
        core.number_in(payload, 'status') between 400 and 599
        or core.number_in(payload, 'statusCode') between 400 and 599
        or core.number_in(payload, 'status_code') between 400 and 599, false
    )
$$;

create or replace function core.companyenrich_reading(domain text, payload jsonb, arrived_at timestamptz)
returns jsonb
language plpgsql immutable parallel safe
as $$
declare
    asked_domain text := core.domain_of(domain);
    answer jsonb := core.object_in(payload);
    website text := core.domain_of(core.text_in(answer, 'website'));
    answered_domain text := coalesce(
        core.domain_of(core.text_in(answer, 'domain')),
        -- a site may live on a host below the domain
        case when website like '%.' || asked_domain then asked_domain else website end
    );
    dated timestamptz := core.time_in(answer, 'updated_at');
    latitude numeric := core.number_in(answer, 'location', 'city', 'latitude');
    longitude numeric := core.number_in(answer, 'location', 'city', 'longitude');
begin
    return case
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
            'latitude', case when latitude between -90 and 90 then latitude::double precision end,
            'longitude', case when longitude between -180 and 180 then longitude::double precision end,
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
    end;
end
$$;

create or replace function core.person_discovery_reading(
    linkedin_url text, payload jsonb, clay_table_url text, cleaned jsonb
) returns jsonb
language plpgsql immutable parallel safe
as $$
declare
    answer jsonb := core.object_in(payload);
begin
    return case
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
    end;
end
$$;

drop function core.job_posting_reading(text, jsonb);

-- `stored_job_id` is the raw row's own, where the payload names none.
create or replace function core.job_posting_reading(domain text, payload jsonb, stored_job_id text default null)
returns jsonb
language plpgsql immutable parallel safe
as $$
declare
    company_domain text := core.domain_of(domain);
    answer jsonb := core.job_post_in(payload);
    job_id text := coalesce(core.text_in(answer, 'job_id'), core.clean_text(stored_job_id));
    company_url text := core.text_in(answer, 'company_url');
begin
    return case
        when company_domain is null then jsonb_build_object('reason', 'the domain names no host')
        when answer is null or answer = '{}'::jsonb then jsonb_build_object('reason', 'the payload is empty')
        when core.is_refusal(answer) then jsonb_build_object('reason', 'the payload is a refusal')
        when job_id is null then jsonb_build_object('reason', 'the payload has no job_id')
        when octet_length(job_id) > 2000
            then jsonb_build_object('reason', 'the job_id is longer than 2,000 bytes')
        else jsonb_build_object('patch', jsonb_strip_nulls(jsonb_build_object(
            'domain', company_domain,
            'job_id', job_id,
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
            'company_linkedin_url', case when lower(company_url) like '%linkedin.com/%' then company_url end,
            'posted_at', core.time_in(answer, 'posted_at'),
            'closed_at', core.time_in(answer, 'closed_at')
        )))
    end;
end
$$;

-- How stored payloads are read, in the order in which they arrived.
create or replace function core.readings_of(feed text, ids uuid[])
returns table (id uuid, place bigint, reading jsonb)
language plpgsql stable
as $$
begin
    case feed
        when 'companyenrich' then return query
            select stored.id, row_number() over (order by stored.created_at, stored.id),
                core.companyenrich_reading(stored.domain, stored.payload, stored.created_at)
            from raw.companyenrich_payloads as stored
            where stored.id = any (ids);
        when 'person_discovery' then return query
            select stored.id, row_number() over (order by stored.created_at, stored.id),
                core.person_discovery_reading(
                    stored.linkedin_url, stored.raw_payload, stored.clay_table_url, to_jsonb(person_discovery_cleaned)
                )
            from raw.person_discovery as stored
            left join raw.person_discovery_cleaned on stored.id = person_discovery_cleaned.id
            where stored.id = any (ids);
        when 'job_posting' then return query
            select stored.id, row_number() over (order by stored.created_at, stored.id),
                core.job_posting_reading(stored.domain, stored.payload, stored.job_id)
            from raw.job_posting_payloads as stored
            where stored.id = any (ids);
    end case;
end
$$;

-- The payloads to replay, in their order. `only_new`: those of rows that are missing, or that a payload came for after
-- they changed last; of these rows every payload, for what they hold is what all of them say.
create or replace function core.payloads_to_replay(feed text, only_new boolean) returns setof uuid
language plpgsql stable
as $$
begin
    if not only_new then
        return query execute (
            select format('select id from %s order by created_at, id', arrived) from core.feeds() where source = feed
        );
        return;
    end if;
    case feed
        when 'companyenrich' then return query
            with keyed as (
                select stored.id, stored.created_at, core.domain_of(stored.domain) as domain
                from raw.companyenrich_payloads as stored
            )
            select keyed.id
            from keyed
            where keyed.domain in (
                select newer.domain
                from keyed as newer
                left join extracted.companyenrich_company as there on newer.domain = there.domain
                where there.domain is null or there.updated_at < newer.created_at
            )
            order by keyed.created_at, keyed.id;
        when 'person_discovery' then return query
            with keyed as (
                select stored.id, stored.created_at, core.clean_text(stored.linkedin_url) as linkedin_url
                from raw.person_discovery as stored
            )
            select keyed.id
            from keyed
            where keyed.linkedin_url in (
                select newer.linkedin_url
                from keyed as newer
                left join extracted.person_discovery as there on newer.linkedin_url = there.linkedin_url
                where there.linkedin_url is null or there.updated_at < newer.created_at
            )
            order by keyed.created_at, keyed.id;
        when 'job_posting' then return query
            with keyed as (
                select
                    stored.id,
                    stored.created_at,
                    core.domain_of(stored.domain) as domain,
                    coalesce(
                        core.text_in(core.job_post_in(stored.payload), 'job_id'), core.clean_text(stored.job_id)
                    ) as job_id
                from raw.job_posting_payloads as stored
            )
            select keyed.id
            from keyed
            where (keyed.domain, keyed.job_id) in (
                select newer.domain, newer.job_id
                from keyed as newer
                left join core.company_job_postings as there
                    on newer.domain = there.domain and newer.job_id = there.job_id
                where there.job_id is null or there.updated_at < newer.created_at
            )
            order by keyed.created_at, keyed.id;
    end case;
end
$$;
