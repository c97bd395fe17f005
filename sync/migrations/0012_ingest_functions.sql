-- Puts patches into a table: what a patch does not name stays. `entries` is a list of {"patch", "as_of"?}, each key once.
-- Columns the table does not have are left out, and values take the types it has: an owner's table may differ.
--
-- `together` is a list of {"by": [columns], "columns": [columns]}: where a patch contradicts one of `by`, the others of
-- `columns` are no longer true and go, unless the patch names them. A patch older than the row's `dated_by` is kept back.
create or replace function core.merge_rows(
    target regclass, keys text[], entries jsonb, together jsonb default '[]', dated_by text default null
) returns table (place integer, status text)
language plpgsql
as $merge$
declare
    columns text[];
    columns_listed text;
    keys_listed text;
    keys_match text;
    stamp text;
    placed_new integer[];
begin
    select
        array_agg(attname::text order by attnum),
        string_agg(quote_ident(attname), ', ' order by attnum),
        (select string_agg(quote_ident(key), ', ') from unnest(keys) as key),
        (
            select string_agg(format('there.%1$I = (made.made).%1$I', key), ' and ')
            from unnest(keys) as key
        )
    into columns, columns_listed, keys_listed, keys_match
    from pg_catalog.pg_attribute
    where
        attrelid = target
        and attnum > 0
        and not attisdropped
        and attgenerated = ''
        and attname in (
            select jsonb_object_keys(entry -> 'patch') from jsonb_array_elements(entries) as entry
            union
            select jsonb_array_elements_text(set_of_columns -> 'columns') from jsonb_array_elements(together) as set_of_columns
        );
    if columns is null then
        return;
    end if;

    -- in the order of the keys, so that two lists never wait for each other
    execute format(
        $sql$
        with made as materialized (
            select entries.place, jsonb_populate_record(null::%1$s, entries.entry -> 'patch') as made
            from jsonb_array_elements($1) with ordinality as entries (entry, place)
        ),
        inserted as (
            insert into %1$s as there (%2$s)
            select %3$s from made order by %4$s
            on conflict (%5$s) do nothing
            returning %5$s
        )
        select array_agg(made.place::integer) from made inner join inserted as there on %6$s
        $sql$,
        target,
        columns_listed,
        (select string_agg(format('(made.made).%I', name), ', ') from unnest(columns) as name),
        (select string_agg(format('(made.made).%I', key), ', ') from unnest(keys) as key),
        keys_listed,
        keys_match
    ) into placed_new using entries;

    execute format(
        $sql$
        with made as materialized (
            select jsonb_populate_record(null::%1$s, entry -> 'patch') as made from jsonb_array_elements($1) as entry
        )
        select from %1$s as there inner join made on %2$s order by %3$s for update of there
        $sql$,
        target,
        keys_match,
        (select string_agg(format('there.%I', key), ', ') from unnest(keys) as key)
    ) using entries;

    stamp := case
        when exists (
            select from pg_catalog.pg_attribute
            where attrelid = target and attname = 'updated_at' and not attisdropped
        ) then ', updated_at = clock_timestamp()' -- where a table has no trigger; elsewhere the trigger has the last word
        else ''
    end;

    return query execute format(
        $sql$
        with made as materialized (
            select
                entries.place,
                entries.entry,
                jsonb_populate_record(null::%1$s, entries.entry -> 'patch') as made
            from jsonb_array_elements($1) with ordinality as entries (entry, place)
            where entries.place <> all ($2)
        ),
        judged as materialized (
            select
                made.place,
                there as before,
                jsonb_populate_record(there, no_longer_true.nulls || (made.entry -> 'patch')) as after,
                (to_jsonb(there) ->> $4)::timestamptz > (made.entry ->> 'as_of')::timestamptz as is_older
            from made
            inner join %1$s as there on %2$s
            cross join lateral (
                select coalesce(jsonb_object_agg(gone.name, null), '{}') as nulls
                from jsonb_array_elements($3) as set_of_columns
                cross join lateral jsonb_array_elements_text(set_of_columns -> 'columns') as gone (name)
                where exists (
                    select from jsonb_array_elements_text(set_of_columns -> 'by') as by_column (name)
                    where to_jsonb(there) ->> by_column.name <> made.entry -> 'patch' ->> by_column.name
                )
            ) as no_longer_true
        ),
        changed as (
            select place, after
            from judged
            where
                is_older is not true
                and to_jsonb(before) - '{raw_payload_id,updated_at}'::text[]
                is distinct from to_jsonb(after) - '{raw_payload_id,updated_at}'::text[]
        ),
        updated as (
            update %1$s as there set %3$s%4$s
            from changed as made where %5$s
            returning made.place
        )
        select place, 'inserted' from unnest($2) as place
        union all
        select
            judged.place::integer,
            case
                when judged.is_older then 'older'
                when updated.place is null then 'unchanged'
                else 'updated'
            end
        from judged
        left join updated on judged.place = updated.place
        $sql$,
        target,
        keys_match,
        (select string_agg(format('%1$I = (made.after).%1$I', name), ', ') from unnest(columns) as name),
        stamp,
        (select string_agg(format('there.%1$I = (made.after).%1$I', key), ' and ') from unnest(keys) as key)
    ) using entries, coalesce(placed_new, '{}'), together, dated_by;
end
$merge$;
comment on function core.merge_rows(regclass, text[], jsonb, jsonb, text) is
'Inserts or patches rows by key; says for each entry whether it was inserted, updated, unchanged or older.';

-- The rows of a document, an object being a list of one.
create or replace function core.rows_given(document jsonb)
returns table (index integer, given jsonb)
language sql immutable parallel safe
as $$
    select
        (listed.place - 1)::integer as index,
        listed.given
    from jsonb_array_elements(
        case when jsonb_typeof(document) = 'array' then document else jsonb_build_array(document) end
    ) with ordinality as listed (given, place)
$$;

-- Why a row cannot be taken: {"field", "reason"}, the first that is found; null when it can.
-- `texts` may be missing or null; `required` may not.
create or replace function core.fault_in(given jsonb, required text[], texts text[])
returns jsonb
language sql immutable parallel safe
as $$
    select case
        when jsonb_typeof(given) <> 'object' then jsonb_build_object('reason', 'the row is not a JSON object')
        else (
            select jsonb_build_object(
                'field', field,
                'reason',
                case
                    when given -> field is null then 'is missing'
                    when jsonb_typeof(given -> field) <> 'string' then 'is not a text'
                    when core.clean_text(given ->> field) is null then 'is empty'
                    else 'is longer than 2,000 bytes'
                end
            )
            from unnest(required || texts) with ordinality as fields (field, place)
            where
                case
                    when field = any (required)
                        then
                            jsonb_typeof(given -> field) is distinct from 'string'
                            or core.clean_text(given ->> field) is null
                            or octet_length(given ->> field) > 2000
                    else jsonb_typeof(given -> field) not in ('string', 'null')
                end
            order by place
            limit 1
        )
    end
$$;

-- Merges entries in their order: the second of a key after the first, as if they had come one by one.
-- `entries`: a list of {"index", "patch"?, "as_of"?, "status"?, "field"?, "reason"?}; those without a patch are passed on.
create or replace function core.merge_in_order(
    target regclass, keys text[], entries jsonb, together jsonb default '[]', dated_by text default null
) returns jsonb
language plpgsql
as $$
declare
    results jsonb;
    turns jsonb[];
    turn jsonb;
begin
    select coalesce(jsonb_agg(entry - '{patch,as_of}'::text[]), '[]')
    into results
    from jsonb_array_elements(entries) as entry
    where not entry ? 'patch';

    select array_agg(turn_entries order by turn_number)
    into turns
    from (
        select
            turn_number,
            jsonb_agg(entry order by place) as turn_entries
        from (
            select
                entry,
                place,
                row_number() over (
                    partition by (select jsonb_agg(entry -> 'patch' -> key) from unnest(keys) as key) order by place
                ) as turn_number
            from jsonb_array_elements(entries) with ordinality as listed (entry, place)
            where entry ? 'patch'
        ) as numbered
        group by turn_number
    ) as grouped;

    foreach turn in array coalesce(turns, '{}') loop
        results := results || (
            select jsonb_agg(
                jsonb_build_object('index', turn -> (merged.place - 1) -> 'index')
                || case merged.status
                    when 'older' then '{"status": "kept", "reason": "older than what is there"}'::jsonb
                    else jsonb_build_object('status', merged.status)
                end
            )
            from core.merge_rows(target, keys, turn, together, dated_by) as merged
        );
    end loop;

    return (
        select jsonb_agg(result order by (result -> 'index')::integer)
        from jsonb_array_elements(results) as result
    );
end
$$;

-- How each feed merges: the same for what arrives and for what is extracted again.
-- raw_payload_id names the payload that changed the row last.

create or replace function core.entry_of(reading jsonb, raw_id uuid) returns jsonb
language sql immutable parallel safe
as $$
    select jsonb_build_object(
        'patch', reading -> 'patch' || jsonb_build_object('raw_payload_id', raw_id),
        'as_of', reading -> 'patch' -> 'companyenrich_updated_at'
    )
$$;

create or replace function core.merge_companyenrich(entries jsonb) returns jsonb
language sql
as $$
    select core.merge_in_order(
        'extracted.companyenrich_company', '{domain}', entries,
        -- a place is known as a whole
        '[{
            "by": ["city", "state", "state_code", "country", "country_code"],
            "columns": ["address", "postal_code", "city", "state", "state_code", "country", "country_code", "latitude", "longitude"]
        }]',
        'companyenrich_updated_at'
    )
$$;

create or replace function core.merge_person_discovery(entries jsonb) returns jsonb
language sql
as $$
    select core.merge_in_order(
        'extracted.person_discovery', '{linkedin_url}', entries,
        -- with another employer, what was known of the last job no longer holds
        '[{
            "by": ["latest_company", "company_domain"],
            "columns": [
                "company_domain", "latest_title", "latest_company", "latest_start_date",
                "clay_company_table_id", "clay_company_record_id"
            ]
        }]'
    )
$$;

create or replace function core.merge_job_posting(entries jsonb) returns jsonb
language sql
as $$
    select core.merge_in_order(
        'core.company_job_postings', '{domain,job_id}', entries,
        '[{
            "by": ["salary_min", "salary_max", "salary_currency", "salary_unit"],
            "columns": ["salary_min", "salary_max", "salary_currency", "salary_unit"]
        }]'
    )
$$;

-- The feeds. The parameter has no name, so that a Supabase RPC hands over the body of the request as it is.

-- {domain, original_name?, cleaned_name?, linkedin_url?}: what people and their tools assert.
create or replace function core.ingest_company_canonical(jsonb) returns jsonb
language plpgsql
as $$
declare
    entries jsonb;
begin
    select jsonb_agg(
        jsonb_build_object('index', index) || case
            when fault is not null then '{"status": "refused"}' || fault
            when core.domain_of(given ->> 'domain') is null
                then '{"status": "refused", "field": "domain", "reason": "names no host"}'
            else jsonb_build_object('patch', jsonb_strip_nulls(jsonb_build_object(
                'domain', core.domain_of(given ->> 'domain'),
                'original_name', core.clean_text(given ->> 'original_name'),
                'cleaned_name', core.clean_text(given ->> 'cleaned_name'),
                'linkedin_url', core.clean_text(given ->> 'linkedin_url')
            )))
        end
        order by index
    )
    into entries
    from core.rows_given($1)
    cross join lateral core.fault_in(given, '{domain}', '{original_name,cleaned_name,linkedin_url}') as fault;

    return coalesce(core.merge_in_order('core.company_canonical', '{domain}', entries), '[]');
end
$$;
comment on function core.ingest_company_canonical(jsonb) is
'Takes {domain, original_name?, cleaned_name?, linkedin_url?}, or a list of it, into core.company_canonical.';

-- {domain} -> {found, domain, original_name, cleaned_name, linkedin_url}
create or replace function core.lookup_company_canonical(jsonb) returns jsonb
language sql stable
as $$
    select coalesce(jsonb_agg(
        jsonb_build_object('index', index) || case
            when fault is not null then '{"status": "refused"}' || fault
            when asked.domain is null then '{"status": "refused", "field": "domain", "reason": "names no host"}'
            else jsonb_build_object(
                'status', case when there.company is null then 'not_found' else 'found' end,
                'found', there.company is not null,
                'domain', asked.domain,
                'original_name', there.company -> 'original_name',
                'cleaned_name', there.company -> 'cleaned_name',
                'linkedin_url', there.company -> 'linkedin_url'
            )
        end
        order by index
    ), '[]')
    from core.rows_given($1)
    cross join lateral core.fault_in(given, '{domain}', '{}') as fault
    cross join lateral (
        select case when fault is null then core.domain_of(given ->> 'domain') end as domain
    ) as asked
    left join lateral (
        select to_jsonb(company_canonical) as company
        from core.company_canonical
        where company_canonical.domain = asked.domain
        limit 1
    ) as there on true
$$;
comment on function core.lookup_company_canonical(jsonb) is
'Takes {domain}, or a list of it, and gives what core.company_canonical holds of it now.';

-- {domain, raw_payload}: an answer of the company enrichment.
create or replace function core.ingest_companyenrich(jsonb) returns jsonb
language plpgsql
as $$
declare
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
    ),
    stored as (
        insert into raw.companyenrich_payloads (id, domain, payload, created_at)
        select id, domain, nullif(payload, 'null'), arrived_at from checked where fault is null
    )
    select jsonb_agg(
        jsonb_build_object('index', index) || case
            when fault is not null then '{"status": "refused"}' || fault
            when reading ? 'reason' then '{"status": "kept"}' || reading
            else core.entry_of(reading, id)
        end
        order by index
    )
    into entries
    from checked
    cross join lateral core.companyenrich_reading(domain, payload, arrived_at) as reading;

    return coalesce(core.merge_companyenrich(entries), '[]');
end
$$;
comment on function core.ingest_companyenrich(jsonb) is
'Takes {domain, raw_payload}, or a list of it, into raw.companyenrich_payloads and extracted.companyenrich_company.';

-- {linkedin_url, workflow_slug, raw_payload, cleaned_*?, clay_table_url?}: a person as Clay finds people.
create or replace function core.ingest_person_discovery(jsonb) returns jsonb
language plpgsql
as $$
declare
    entries jsonb;
begin
    with checked as materialized (
        select
            index,
            gen_random_uuid() as id,
            core.clean_text(case when fault is null then given ->> 'linkedin_url' end) as linkedin_url,
            core.clean_text(case when fault is null then given ->> 'workflow_slug' end) as workflow_slug,
            core.clean_text(case when fault is null then given ->> 'clay_table_url' end) as clay_table_url,
            case when fault is null then given end as cleaned,
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
    ),
    stored as (
        insert into raw.person_discovery (id, linkedin_url, workflow_slug, raw_payload, clay_table_url, created_at)
        select id, linkedin_url, workflow_slug, nullif(payload, 'null'), clay_table_url, arrived_at
        from checked
        where fault is null
    ),
    stored_names as (
        insert into raw.person_discovery_cleaned (id, cleaned_first_name, cleaned_last_name, cleaned_full_name)
        select
            id,
            core.text_in(cleaned, 'cleaned_first_name'),
            core.text_in(cleaned, 'cleaned_last_name'),
            core.text_in(cleaned, 'cleaned_full_name')
        from checked
        where
            fault is null
            and coalesce(
                core.text_in(cleaned, 'cleaned_first_name'),
                core.text_in(cleaned, 'cleaned_last_name'),
                core.text_in(cleaned, 'cleaned_full_name')
            ) is not null
    )
    select jsonb_agg(
        jsonb_build_object('index', index) || case
            when fault is not null then '{"status": "refused"}' || fault
            when reading ? 'reason' then '{"status": "kept"}' || reading
            else core.entry_of(reading, id)
        end
        order by index
    )
    into entries
    from checked
    cross join lateral core.person_discovery_reading(linkedin_url, payload, clay_table_url, cleaned) as reading;

    return coalesce(core.merge_person_discovery(entries), '[]');
end
$$;
comment on function core.ingest_person_discovery(jsonb) is
'Takes {linkedin_url, workflow_slug, raw_payload, cleaned_*?, clay_table_url?}, or a list of it, into raw and extracted.person_discovery.';

-- {domain, job_posting_payload, clay_table_url?}: a posting, flat or under jobPostData.
create or replace function core.ingest_job_posting(jsonb) returns jsonb
language plpgsql
as $$
declare
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
    ),
    stored as (
        insert into raw.job_posting_payloads (id, domain, job_id, payload, clay_table_url, created_at)
        select
            id, domain, core.text_in(core.job_post_in(payload), 'job_id'), nullif(payload, 'null'), clay_table_url, arrived_at
        from checked
        where fault is null
    )
    select jsonb_agg(
        jsonb_build_object('index', index) || case
            when fault is not null then '{"status": "refused"}' || fault
            when reading ? 'reason' then '{"status": "kept"}' || reading
            else core.entry_of(reading, id)
        end
        order by index
    )
    into entries
    from checked
    cross join lateral core.job_posting_reading(domain, payload) as reading;

    return coalesce(core.merge_job_posting(entries), '[]');
end
$$;
comment on function core.ingest_job_posting(jsonb) is
'Takes {domain, job_posting_payload, clay_table_url?}, or a list of it, into raw.job_posting_payloads and core.company_job_postings.';
