-- Which workflow found a person is part of what arrives: it may be null, but not be left out.

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
                when not given ? 'workflow_slug' then '{"field": "workflow_slug", "reason": "is missing"}'
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
