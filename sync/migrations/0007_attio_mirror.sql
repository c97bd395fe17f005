-- What `canon pull` read out of Attio. A pull replaces an object's rows in one transaction, when it is complete.

create schema if not exists attio_mirror;

create table if not exists attio_mirror.records (
    object text,
    record_id uuid,
    created_at timestamptz,
    web_url text,
    values jsonb,
    pulled_at timestamptz default now(),
    primary key (object, record_id)
);
select attio_sync.register_new_table('attio_mirror.records');

create table if not exists attio_mirror.pulls (
    object text primary key,
    pulled_at timestamptz,
    records bigint
);
select attio_sync.register_new_table('attio_mirror.pulls');

-- One view per object; `canon pull` adds one for each further object. A relation of that name stays what it is.
do $create$
declare
    object_slug text;
begin
    foreach object_slug in array array['companies', 'people', 'job_postings'] loop
        if to_regclass(format('attio_mirror.%I', object_slug)) is null then
            execute format(
                'create view attio_mirror.%I as'
                ' select record_id, created_at, web_url, values, pulled_at'
                ' from attio_mirror.records where object = %L',
                object_slug, object_slug
            );
        end if;
    end loop;
end
$create$;
