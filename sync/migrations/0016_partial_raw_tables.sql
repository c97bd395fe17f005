-- An owner's raw table may lack a column that is not essential, as its extracted one may: what arrives goes into those there
-- are.

-- Inserts a list of objects, by the columns that the table has.
create function core.store_arrived(target regclass, arrived jsonb) returns void
language plpgsql
as $$
declare
    columns text;
begin
    if arrived is null then
        return;
    end if;
    select string_agg(quote_ident(attname), ', ' order by attnum)
    into columns
    from pg_catalog.pg_attribute
    where
        attrelid = target
        and attnum > 0
        and not attisdropped
        and attgenerated = ''
        and attname in (select jsonb_object_keys(entry) from jsonb_array_elements(arrived) as entry);

    execute format(
        'insert into %1$s (%2$s) select %2$s from jsonb_populate_recordset(null::%1$s, $1)', target, columns
    ) using arrived;
end
$$;

-- {domain, raw_payload}: an answer of the company enrichment.
create or replace function core.ingest_companyenrich(jsonb) returns jsonb
language plpgsql
as $$
declare
    arrived jsonb;
    entries jsonb;
begin
    with checked as materialized (
        select
            index,
            gen_random_uuid() as id,
            core.domain_of(case when fault is null then given ->> 'domain' end) as domain,
            coalesce(core.object_in(given -> 'raw_payload'), 'null') as payload,
            now() + index * interval '1 microsecond' as arrived_at,
            case
                when fault is not null then fault
                when core.domain_of(given ->> 'domain') is null
                    then '{"field": "domain", "reason": "names no host"}'
                when given -> 'raw_payload' is null then '{"field": "raw_payload", "reason": "is missing"}'
                when given -> 'raw_payload' <> 'null' and core.object_in(given -> 'raw_payload') is null
                    then '{"field": "raw_payload", "reason": "is not a JSON object"}'
            end as fault
        from core.rows_given($1)
        cross join lateral core.fault_in(given, '{domain}', '{}') as fault
    )
    select
        jsonb_agg(jsonb_build_object(
            'id', id, 'domain', domain, 'payload', nullif(payload, 'null'), 'created_at', arrived_at
        ) order by index) filter (where fault is null),
        jsonb_agg(
            jsonb_build_object('index', index) || case
                when fault is not null then '{"status": "refused"}' || fault
                when reading ? 'reason' then '{"status": "kept"}' || reading
                else core.entry_of(reading, id)
            end
            order by index
        )
    into arrived, entries
    from checked
    cross join lateral core.companyenrich_reading(domain, payload, arrived_at) as reading;

    perform core.store_arrived('raw.companyenrich_payloads', arrived);
    return coalesce(core.merge_companyenrich(entries), '[]');
end
$$;

-- {linkedin_url, workflow_slug, raw_payload, cleaned_*?, clay_table_url?}: a person as Clay finds people.
create or replace function core.ingest_person_discovery(jsonb) returns jsonb
language plpgsql
as $$
declare
    arrived jsonb;
    entries jsonb;
    names jsonb;
begin
    with checked as materialized (
        select
            index,
            gen_random_uuid() as id,
            core.clean_text(case when fault is null then given ->> 'linkedin_url' end) as linkedin_url,
            core.clean_text(case when fault is null then given ->> 'workflow_slug' end) as workflow_slug,
            core.clean_text(case when fault is null then given ->> 'clay_table_url' end) as clay_table_url,
            case
                when fault is null
                    then jsonb_strip_nulls(jsonb_build_object(
                        'cleaned_first_name', core.text_in(given, 'cleaned_first_name'),
                        'cleaned_last_name', core.text_in(given, 'cleaned_last_name'),
                        'cleaned_full_name', core.text_in(given, 'cleaned_full_name')
                    ))
            end as cleaned,
            coalesce(core.object_in(given -> 'raw_payload'), 'null') as payload,
            now() + index * interval '1 microsecond' as arrived_at,
            case
                when fault is not null then fault
                when
                    lower(core.clean_text(given ->> 'linkedin_url'))
                    in ('-', '--', 'n/a', '#n/a', 'na', 'nan', 'none', 'null', 'unknown', 'undefined')
                    then '{"field": "linkedin_url", "reason": "is a placeholder"}'
                when given -> 'raw_payload' is null then '{"field": "raw_payload", "reason": "is missing"}'
                when given -> 'raw_payload' <> 'null' and core.object_in(given -> 'raw_payload') is null
                    then '{"field": "raw_payload", "reason": "is not a JSON object"}'
            end as fault
        from core.rows_given($1)
        cross join lateral core.fault_in(
            given,
            '{linkedin_url}',
            '{workflow_slug,clay_table_url,cleaned_first_name,cleaned_last_name,cleaned_full_name}'
        ) as fault
    )
    select
        jsonb_agg(jsonb_build_object(
            'id', id, 'linkedin_url', linkedin_url, 'workflow_slug', workflow_slug,
            'raw_payload', nullif(payload, 'null'), 'clay_table_url', clay_table_url, 'created_at', arrived_at
        ) order by index) filter (where fault is null),
        jsonb_agg(cleaned || jsonb_build_object('id', id, 'created_at', arrived_at) order by index) filter (
            where fault is null and cleaned ?| '{cleaned_first_name,cleaned_last_name,cleaned_full_name}'
        ),
        jsonb_agg(
            jsonb_build_object('index', index) || case
                when fault is not null then '{"status": "refused"}' || fault
                when reading ? 'reason' then '{"status": "kept"}' || reading
                else core.entry_of(reading, id)
            end
            order by index
        )
    into arrived, names, entries
    from checked
    cross join lateral core.person_discovery_reading(linkedin_url, payload, clay_table_url, cleaned) as reading;

    perform core.store_arrived('raw.person_discovery', arrived);
    perform core.store_arrived('raw.person_discovery_cleaned', names);
    return coalesce(core.merge_person_discovery(entries), '[]');
end
$$;

-- {domain, job_posting_payload, clay_table_url?}: a posting, flat or under jobPostData.
create or replace function core.ingest_job_posting(jsonb) returns jsonb
language plpgsql
as $$
declare
    arrived jsonb;
    entries jsonb;
begin
    with checked as materialized (
        select
            index,
            gen_random_uuid() as id,
            core.domain_of(case when fault is null then given ->> 'domain' end) as domain,
            core.clean_text(case when fault is null then given ->> 'clay_table_url' end) as clay_table_url,
            coalesce(core.object_in(given -> 'job_posting_payload'), 'null') as payload,
            now() + index * interval '1 microsecond' as arrived_at,
            case
                when fault is not null then fault
                when core.domain_of(given ->> 'domain') is null
                    then '{"field": "domain", "reason": "names no host"}'
                when given -> 'job_posting_payload' is null
                    then '{"field": "job_posting_payload", "reason": "is missing"}'
                when given -> 'job_posting_payload' <> 'null' and core.object_in(given -> 'job_posting_payload') is null
                    then '{"field": "job_posting_payload", "reason": "is not a JSON object"}'
            end as fault
        from core.rows_given($1)
        cross join lateral core.fault_in(given, '{domain}', '{clay_table_url}') as fault
    )
    select
        jsonb_agg(jsonb_build_object(
            'id', id, 'domain', domain, 'job_id', core.text_in(core.job_post_in(payload), 'job_id'),
            'payload', nullif(payload, 'null'), 'clay_table_url', clay_table_url, 'created_at', arrived_at
        ) order by index) filter (where fault is null),
        jsonb_agg(
            jsonb_build_object('index', index) || case
                when fault is not null then '{"status": "refused"}' || fault
                when reading ? 'reason' then '{"status": "kept"}' || reading
                else core.entry_of(reading, id)
            end
            order by index
        )
    into arrived, entries
    from checked
    cross join lateral core.job_posting_reading(domain, payload) as reading;

    perform core.store_arrived('raw.job_posting_payloads', arrived);
    return coalesce(core.merge_job_posting(entries), '[]');
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
                    stored.linkedin_url, stored.raw_payload, to_jsonb(stored) ->> 'clay_table_url', to_jsonb(person_discovery_cleaned)
                )
            from raw.person_discovery as stored
            left join raw.person_discovery_cleaned on stored.id = person_discovery_cleaned.id
            where stored.id = any (ids);
        when 'job_posting' then return query
            select stored.id, row_number() over (order by stored.created_at, stored.id),
                core.job_posting_reading(stored.domain, stored.payload, to_jsonb(stored) ->> 'job_id')
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
                        core.text_in(core.job_post_in(stored.payload), 'job_id'), core.clean_text(to_jsonb(stored) ->> 'job_id')
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
