-- Extracting again what arrived, for `canon extract`: payloads are replayed in their order into a temporary table, as if
-- they had come in one by one; that table then says what the extracted one should hold.

-- What each feed consists of.
create or replace function core.feeds()
returns table (source text, arrived regclass, extracted regclass, keys text[], dated_by text, together jsonb)
language sql stable
as $$
    values
    (
        'companyenrich', 'raw.companyenrich_payloads'::regclass, 'extracted.companyenrich_company'::regclass,
        '{domain}'::text[], 'companyenrich_updated_at',
        -- a place is known as a whole
        '[{
            "by": ["city", "state", "state_code", "country", "country_code"],
            "columns": ["address", "postal_code", "city", "state", "state_code", "country", "country_code", "latitude", "longitude"]
        }]'::jsonb
    ),
    (
        'person_discovery', 'raw.person_discovery'::regclass, 'extracted.person_discovery'::regclass,
        '{linkedin_url}'::text[], null,
        -- with another employer, what was known of the last job no longer holds
        '[{
            "by": ["latest_company", "company_domain"],
            "columns": [
                "company_domain", "latest_title", "latest_company", "latest_start_date",
                "clay_company_table_id", "clay_company_record_id"
            ]
        }]'::jsonb
    ),
    (
        'job_posting', 'raw.job_posting_payloads'::regclass, 'core.company_job_postings'::regclass,
        '{domain,job_id}'::text[], null,
        '[{
            "by": ["salary_min", "salary_max", "salary_currency", "salary_unit"],
            "columns": ["salary_min", "salary_max", "salary_currency", "salary_unit"]
        }]'::jsonb
    )
$$;

-- The same merges as in 0012, by the list above.
create or replace function core.merge_feed(feed text, entries jsonb, target regclass default null) returns jsonb
language sql
as $$
    select core.merge_in_order(coalesce(target, extracted), keys, entries, together, dated_by)
    from core.feeds()
    where source = feed
$$;

create or replace function core.merge_companyenrich(entries jsonb) returns jsonb
language sql
as $$ select core.merge_feed('companyenrich', entries) $$;

create or replace function core.merge_person_discovery(entries jsonb) returns jsonb
language sql
as $$ select core.merge_feed('person_discovery', entries) $$;

create or replace function core.merge_job_posting(entries jsonb) returns jsonb
language sql
as $$ select core.merge_feed('job_posting', entries) $$;

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
                core.job_posting_reading(stored.domain, stored.payload)
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
                    core.text_in(core.job_post_in(stored.payload), 'job_id') as job_id
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

-- Creates the temporary table pg_temp.replayed: the extracted table's columns, and nothing in it.
create or replace function core.begin_replay(feed text) returns void
language plpgsql
as $$
declare
    described record;
begin
    select * into strict described from core.feeds() where source = feed;
    drop table if exists pg_temp.replayed;
    execute format('create temporary table replayed (like %s including defaults)', described.extracted);
    execute format(
        'create unique index on pg_temp.replayed (%s)',
        (select string_agg(quote_ident(key), ', ') from unnest(described.keys) as key)
    );
end
$$;

-- Replays payloads into pg_temp.replayed; gives back how many were refused.
create or replace function core.replay(feed text, ids uuid[]) returns bigint
language plpgsql
as $$
declare
    entries jsonb;
    refused bigint;
begin
    select
        coalesce(
            jsonb_agg(jsonb_build_object('index', place) || core.entry_of(reading, id) order by place)
            filter (where reading ? 'patch'),
            '[]'
        ),
        count(*) filter (where not reading ? 'patch')
    into entries, refused
    from core.readings_of(feed, ids);

    perform core.merge_feed(feed, entries, to_regclass('pg_temp.replayed'));
    return refused;
end
$$;

-- What pg_temp.replayed says and the extracted table does not: a row for each key, with the entry that mends it.
create or replace function core.replay_differences(feed text)
returns table (key jsonb, is_new boolean, changes text[], entry jsonb)
language plpgsql
as $$
declare
    described record;
begin
    select * into strict described from core.feeds() where source = feed;
    return query execute format(
        $sql$
        with said as (
            select
                replayed as row_said,
                jsonb_strip_nulls(to_jsonb(replayed)) - '{id,created_at,updated_at,linkedin_url_normalized}'::text[] as patch
            from pg_temp.replayed
        ),
        compared as (
            select
                said.patch,
                to_jsonb(there) as held
            from said
            left join %1$s as there on %2$s
        )
        select
            (select jsonb_object_agg(name, patch -> name) from unnest($1) as name),
            held is null,
            array(
                select name
                from jsonb_object_keys(patch) as name
                where held is not null and name <> 'raw_payload_id' and held -> name is distinct from patch -> name
                order by name
            ),
            jsonb_build_object('patch', patch, 'as_of', patch -> $2)
        from compared
        where
            held is null
            or (
                (held || patch) - 'raw_payload_id' <> held - 'raw_payload_id'
                and ((held ->> $2)::timestamptz > (patch ->> $2)::timestamptz) is not true
            )
        order by 1
        $sql$,
        described.extracted,
        (select string_agg(format('there.%1$I = (said.row_said).%1$I', name), ' and ') from unnest(described.keys) as name)
    ) using described.keys, described.dated_by;
end
$$;

-- The payloads that arrived since, in their order: a replay goes on with them before it is written.
create or replace function core.payloads_since(feed text, since timestamptz) returns setof uuid
language plpgsql stable
as $$
begin
    return query execute (
        select format('select id from %s where created_at >= $1 order by created_at, id', arrived)
        from core.feeds()
        where source = feed
    ) using since;
end
$$;
