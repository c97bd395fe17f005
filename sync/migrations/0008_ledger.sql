-- The ledger: what was planned, sent and seen, what was there before, what Attio refused.

create table if not exists attio_sync.runs (
    run_id bigint generated always as identity primary key,
    command text not null,
    arguments jsonb not null default '{}',
    state text not null default 'running' check (state in ('running', 'done', 'stopped', 'failed', 'interrupted')),
    exit_code integer,
    counts jsonb not null default '{}',
    message text,
    host text,
    os_user text,
    pid integer,
    backend_pid integer,
    started_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz
);
select attio_sync.register_new_table('attio_sync.runs');
comment on table attio_sync.runs is 'One row is a run of canon that wrote, or meant to write, to Attio.';

create table if not exists attio_sync.plans (
    plan_id bigint generated always as identity primary key,
    exports text[] not null,
    created_at timestamptz not null default clock_timestamp()
);
select attio_sync.register_new_table('attio_sync.plans');
comment on table attio_sync.plans is 'One row is a plan: what a sync would have done at that moment.';

create table if not exists attio_sync.plan_rows (
    plan_id bigint not null references attio_sync.plans on delete cascade,
    export text not null,
    position bigint not null,
    row_key text not null,
    outcome text not null check (
        outcome in ('create', 'update', 'nothing', 'conflict', 'ambiguous', 'held', 'left_out')
    ),
    record_id uuid,
    reason text,
    method text check (method in ('patch', 'put', 'post', 'assert')),
    body jsonb,
    pending_references jsonb,
    sent jsonb,
    before jsonb,
    changes jsonb,
    is_doubtful boolean not null default false,
    primary key (plan_id, export, position)
);
create index if not exists plan_rows_by_key on attio_sync.plan_rows (plan_id, export, row_key);
select attio_sync.register_new_table('attio_sync.plan_rows');
comment on table attio_sync.plan_rows is
'One row is a row of an export in a plan: its outcome, the record it belongs to, what would be written and what stays.';

create table if not exists attio_sync.row_states (
    export text not null,
    row_key text not null,
    object text not null,
    record_id uuid not null,
    sent jsonb not null default '{}',
    seen jsonb not null default '{}',
    is_created_by_us boolean not null default false,
    run_id bigint,
    written_at timestamptz not null default clock_timestamp(),
    primary key (export, row_key)
);
create index if not exists row_states_by_record on attio_sync.row_states (record_id);
select attio_sync.register_new_table('attio_sync.row_states');
comment on table attio_sync.row_states is
'One row is a row we wrote: its record, and per attribute the hash of what was sent and of what Attio then showed.';

create table if not exists attio_sync.entries (
    entry_id bigint generated always as identity primary key,
    run_id bigint not null,
    export text not null,
    row_key text not null,
    object text not null,
    method text not null,
    record_id uuid,
    body jsonb not null,
    before jsonb,
    state text not null default 'pending' check (state in ('pending', 'done', 'rejected', 'unknown', 'not_sent')),
    status integer,
    code text,
    message text,
    started_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz
);
create index if not exists entries_by_row on attio_sync.entries (export, row_key);
create index if not exists entries_by_run on attio_sync.entries (run_id);
create index if not exists entries_open on attio_sync.entries (export, row_key) where state in ('pending', 'unknown');
select attio_sync.register_new_table('attio_sync.entries');
comment on table attio_sync.entries is
'One row is a write to Attio, noted before it is sent; `before` are the values it replaced, with who had written them.';

create table if not exists attio_sync.rejects (
    export text not null,
    row_key text not null,
    run_id bigint not null,
    status integer,
    code text,
    message text,
    rejected_at timestamptz not null default clock_timestamp(),
    primary key (export, row_key)
);
select attio_sync.register_new_table('attio_sync.rejects');
comment on table attio_sync.rejects is
'One row is a row of an export that Attio refused when it was last tried; it leaves when Attio takes it.';

create table if not exists attio_sync.aliases (
    object text not null,
    record_id uuid not null,
    current_record_id uuid not null,
    created_at timestamptz not null default clock_timestamp(),
    primary key (object, record_id)
);
select attio_sync.register_new_table('attio_sync.aliases');
comment on table attio_sync.aliases is 'One row is a record that is another one now (merged): where its id leads.';

-- One normal form for a value as we write it and as Attio shows it (Attio lower-cases, cuts and re-types), or everything
-- would look changed for ever. Null for what is no value. Never raises.
create or replace function attio_sync.normal_form(attribute_type text, value jsonb) returns text
language sql
stable
parallel safe
as $normal$
    select case
        when value is null or jsonb_typeof(value) = 'null' then null
        when attribute_type = 'text' then nullif(coalesce(value ->> 'value', value #>> '{}'), '')
        when attribute_type in ('number', 'currency', 'rating') then (
            select case
                when number_text ~ '^-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?$'
                    then (number_text::double precision)::text
                else number_text
            end
            from (select coalesce(value ->> 'value', value ->> 'currency_value', value #>> '{}') as number_text) as numbers
        )
        when attribute_type = 'checkbox' then lower(coalesce(value ->> 'value', value #>> '{}'))
        when attribute_type = 'date' then left(coalesce(value ->> 'value', value #>> '{}'), 10)
        when attribute_type = 'timestamp' then regexp_replace(
            regexp_replace(
                replace(coalesce(value ->> 'value', value #>> '{}'), '+00:00', 'Z'), '(\.[0-9]*[1-9])0+Z$', '\1Z'
            ),
            '\.0*Z$', 'Z'
        )
        when attribute_type = 'domain' then lower(coalesce(value ->> 'domain', value #>> '{}'))
        when attribute_type = 'email-address' then lower(coalesce(value ->> 'email_address', value #>> '{}'))
        when attribute_type = 'phone-number' then regexp_replace(
            coalesce(value ->> 'phone_number', value ->> 'original_phone_number', value #>> '{}'), '[^0-9+]', '', 'g'
        )
        when attribute_type = 'select' then coalesce(value #>> '{option,title}', value ->> 'option', value #>> '{}')
        when attribute_type = 'status' then coalesce(value #>> '{status,title}', value ->> 'status', value #>> '{}')
        when attribute_type = 'record-reference' then lower(coalesce(value ->> 'target_record_id', value #>> '{}'))
        when attribute_type = 'actor-reference' then lower(coalesce(value ->> 'referenced_actor_id', value #>> '{}'))
        when attribute_type = 'personal-name' and jsonb_typeof(value) = 'object' then jsonb_build_array(
            coalesce(value ->> 'first_name', ''), coalesce(value ->> 'last_name', ''), coalesce(value ->> 'full_name', '')
        )::text
        when attribute_type = 'location' and jsonb_typeof(value) = 'object' then jsonb_build_array(
            nullif(value ->> 'line_1', ''),
            nullif(value ->> 'line_2', ''),
            nullif(value ->> 'line_3', ''),
            nullif(value ->> 'line_4', ''),
            nullif(value ->> 'locality', ''),
            nullif(value ->> 'region', ''),
            nullif(value ->> 'postcode', ''),
            upper(nullif(value ->> 'country_code', '')),
            attio_sync.normal_form('number', value -> 'latitude'),
            attio_sync.normal_form('number', value -> 'longitude')
        )::text
        else value #>> '{}'
    end
$normal$;
comment on function attio_sync.normal_form(text, jsonb) is
'One written or read value of an attribute type in the form in which both are compared.';

create or replace function attio_sync.normal_forms(attribute_type text, attribute_values jsonb) returns text[]
language sql
stable
parallel safe
as $normals$
    select coalesce(array_agg(distinct form order by form), '{}')
    from (
        select attio_sync.normal_form(attribute_type, element) as form
        from jsonb_array_elements(
            case jsonb_typeof(attribute_values) when 'array' then attribute_values else '[]'::jsonb end
        ) as elements (element)
    ) as forms
    where form is not null
$normals$;
comment on function attio_sync.normal_forms(text, jsonb) is 'The normal forms of an attribute''s values, sorted, each once.';

create or replace function attio_sync.hash_of(forms text[]) returns text
language sql
immutable
parallel safe
return md5(array_to_string(forms, chr(31)));
comment on function attio_sync.hash_of(text[]) is 'What the ledger remembers of an attribute''s values.';
