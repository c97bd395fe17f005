-- The schemas, the record of what `canon migrate` did, and the one trigger function.

create schema if not exists attio_sync;
create schema if not exists core;

comment on schema attio_sync is 'The ledger of canon: what it created, planned, wrote and saw. Only canon writes here.';

create table if not exists attio_sync.migrations (
    name text primary key,
    sha256 text not null,
    applied_at timestamptz not null default now(),
    applied_by text not null default current_user
);
comment on table attio_sync.migrations is 'One row is a migration file that ran, with the hash of its text at that time.';

create table if not exists attio_sync.own_tables (
    relation text primary key,
    created_at timestamptz not null default now()
);
comment on table attio_sync.own_tables is 'One row is a table that canon created. Any other table is its owner''s: later migrations leave it alone.';

create table if not exists attio_sync.loaded_files (
    relation text primary key,
    sha256 text not null,
    records bigint not null,
    loaded_at timestamptz not null default now()
);
comment on table attio_sync.loaded_files is 'One row is a gazetteer table and the hash of the file it was loaded from.';

-- `updated_at` moves when content changes, and only then; what a statement sets `updated_at` to has no say in it.
-- Restoring rows with the times they had means to disable the trigger for that statement.
-- Generated columns are null in a BEFORE trigger's new row, so a comparison with them would see a change every time.
-- A function of that name that was there before stays: other tables may hang on it (`canon migrate` reports it).
do $create$
begin
    if to_regprocedure('core.touch_updated_at()') is not null then
        return;
    end if;

    create function core.touch_updated_at() returns trigger
    language plpgsql
    as $touch$
declare
    content_before jsonb := to_jsonb(old) - 'updated_at';
    content_after jsonb := to_jsonb(new) - 'updated_at';
    generated_columns text[];
begin
    if content_before is distinct from content_after then
        select array_agg(attname::text)
        into generated_columns
        from pg_catalog.pg_attribute
        where attrelid = tg_relid and attnum > 0 and attgenerated <> '';

        if generated_columns is not null then
            content_before := content_before - generated_columns;
            content_after := content_after - generated_columns;
        end if;
    end if;

    new.updated_at := case
        when content_before is distinct from content_after then clock_timestamp()
        else old.updated_at
    end;
    return new;
end
$touch$;

    comment on function core.touch_updated_at() is
    'BEFORE UPDATE trigger: moves updated_at when content changes, and only then.';
end
$create$;

-- Follows each `create table if not exists`: when this very transaction created the table, remembers it as ours and
-- gives it the trigger (where it has an updated_at); a table that was there before is not touched.
create or replace function attio_sync.register_new_table(table_name text) returns boolean
language plpgsql
as $register$
declare
    created_now boolean;
begin
    select pg_class.xmin = pg_current_xact_id()::xid and pg_class.relkind = 'r'
    into strict created_now
    from pg_catalog.pg_class
    where pg_class.oid = table_name::regclass;

    if not created_now then
        return false;
    end if;

    insert into attio_sync.own_tables (relation) values (table_name)
    on conflict (relation) do update set created_at = excluded.created_at;

    if exists (
        select from pg_catalog.pg_attribute
        where attrelid = table_name::regclass and attname = 'updated_at' and not attisdropped
    ) then
        execute format(
            'create trigger touch_updated_at before update on %s for each row execute function core.touch_updated_at()',
            table_name::regclass
        );
    end if;
    return true;
end
$register$;
comment on function attio_sync.register_new_table(text) is
'For migrations: call it after `create table if not exists`, with the schema-qualified name.';

select attio_sync.register_new_table('attio_sync.migrations');
select attio_sync.register_new_table('attio_sync.own_tables');
select attio_sync.register_new_table('attio_sync.loaded_files');
