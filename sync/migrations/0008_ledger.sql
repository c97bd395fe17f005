-- The ledger: what was planned, sent and seen, what was there before, what Attio refused.

create table if not exists attio_sync.runs (
    run_id bigint generated always as identity primary key,
    command text not null,
    arguments jsonb not null default '{}',
    workspace_id text,
    plan_id bigint,
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
    counts jsonb not null default '{}',
    created_at timestamptz not null default clock_timestamp()
);
select attio_sync.register_new_table('attio_sync.plans');
comment on table attio_sync.plans is
'One row is a plan: what a sync would have done at that moment. `counts` are export -> outcome -> rows.';

create table if not exists attio_sync.plan_rows (
    plan_id bigint not null references attio_sync.plans on delete cascade,
    export text not null,
    position bigint not null,
    row_key text not null,
    outcome text not null check (
        outcome in ('create', 'update', 'nothing', 'conflict', 'ambiguous', 'held', 'gone', 'vanished', 'left_out')
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
'One row is a row of an export in a plan: its outcome, the record it belongs to, what would be written and what stays. Rows
with nothing to write, and nothing to remember, are only counted (attio_sync.plans).';

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
-- would look changed for ever. Null for what is no value. Never raises: a cell that makes no sense is compared as it is.
-- Plain expressions, without subqueries: so the planner puts them in place of the call, and of the branches keeps one.
create or replace function attio_sync.number_form(written text) returns text
language sql
immutable
parallel safe
return case
    when written ~ '^-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?$' then (written::double precision + 0)::text
    else written
end;
comment on function attio_sync.number_form(text) is 'A number as the shortest text of the double that Attio keeps.';

create or replace function attio_sync.timestamp_form(written text) returns text
language plpgsql
immutable
parallel safe
as $form$
begin
    if written !~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d' then
        return written;
    end if;
    return to_char(
        (written || case when written ~ '(Z|[+-]\d\d(:?\d\d)?)$' then '' else 'Z' end)::timestamptz at time zone 'UTC',
        'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
    );
exception
    when data_exception then return written;
end
$form$;
comment on function attio_sync.timestamp_form(text) is
'A moment in UTC to the microsecond; without a zone it is UTC already. Its zone is always named, so no setting matters.';

create or replace function attio_sync.normal_form(attribute_type text, value jsonb) returns text
language sql
immutable
parallel safe
return case
    when value is null or value = 'null'::jsonb then null
    when attribute_type = 'text' then nullif(coalesce(value ->> 'value', value #>> '{}'), '')
    when attribute_type in ('number', 'currency', 'rating')
        then attio_sync.number_form(coalesce(value ->> 'value', value ->> 'currency_value', value #>> '{}'))
    when attribute_type = 'checkbox' then lower(coalesce(value ->> 'value', value #>> '{}'))
    when attribute_type = 'date' then left(
        coalesce(value ->> 'value', value #>> '{}')
        || case length(coalesce(value ->> 'value', value #>> '{}')) when 4 then '-01-01' when 7 then '-01' else '' end,
        10
    )
    when attribute_type = 'timestamp' then attio_sync.timestamp_form(coalesce(value ->> 'value', value #>> '{}'))
    when attribute_type = 'domain' then rtrim(
        regexp_replace(
            regexp_replace(lower(btrim(coalesce(value ->> 'domain', value #>> '{}'))), '^[a-z][a-z0-9+.-]*://', ''),
            '[/?#:].*$', ''
        ),
        '.'
    )
    when attribute_type = 'email-address' then lower(btrim(coalesce(value ->> 'email_address', value #>> '{}')))
    when attribute_type = 'phone-number' then regexp_replace(
        coalesce(value ->> 'phone_number', value ->> 'original_phone_number', value #>> '{}'), '[^0-9+]', '', 'g'
    )
    when attribute_type = 'select' then coalesce(value #>> '{option,title}', value ->> 'option', value #>> '{}')
    when attribute_type = 'status' then coalesce(value #>> '{status,title}', value ->> 'status', value #>> '{}')
    when attribute_type = 'record-reference' then lower(coalesce(value ->> 'target_record_id', value #>> '{}'))
    when attribute_type = 'actor-reference' then lower(coalesce(value ->> 'referenced_actor_id', value #>> '{}'))
    when attribute_type = 'personal-name' and jsonb_typeof(value) = 'object' then
        coalesce(value ->> 'first_name', '') || chr(31)
        || coalesce(value ->> 'last_name', '') || chr(31)
        || coalesce(value ->> 'full_name', '')
    when attribute_type = 'location' and jsonb_typeof(value) = 'object' then
        coalesce(value ->> 'line_1', '') || chr(31)
        || coalesce(value ->> 'line_2', '') || chr(31)
        || coalesce(value ->> 'line_3', '') || chr(31)
        || coalesce(value ->> 'line_4', '') || chr(31)
        || coalesce(value ->> 'locality', '') || chr(31)
        || coalesce(value ->> 'region', '') || chr(31)
        || coalesce(value ->> 'postcode', '') || chr(31)
        || upper(coalesce(value ->> 'country_code', '')) || chr(31)
        || coalesce(attio_sync.number_form(value ->> 'latitude'), '') || chr(31)
        || coalesce(attio_sync.number_form(value ->> 'longitude'), '')
    else value #>> '{}'
end;
comment on function attio_sync.normal_form(text, jsonb) is
'One written or read value of an attribute type in the form in which both are compared.';

create or replace function attio_sync.shown_value(attribute_type text, value jsonb) returns text
language sql
immutable
parallel safe
return case
    when attribute_type = 'personal-name' then coalesce(value ->> 'full_name', value #>> '{}')
    when attribute_type = 'location' and jsonb_typeof(value) = 'object'
        then regexp_replace(btrim(attio_sync.normal_form('location', value), chr(31)), chr(31) || '+', ', ', 'g')
    else attio_sync.normal_form(attribute_type, value)
end;
comment on function attio_sync.shown_value(text, jsonb) is 'One value, written or read, as a person reads it.';

-- Where the type is known when the statement is written, call normal_form itself: there the planner keeps one branch of it.
-- Here it is a parameter; without the setting every call would be planned anew, at ten times the cost.
create or replace function attio_sync.normal_forms(attribute_type text, attribute_values jsonb) returns text[]
language plpgsql
immutable
parallel safe
set plan_cache_mode = force_generic_plan
as $forms$
begin
    if jsonb_typeof(attribute_values) is distinct from 'array' then
        return '{}';
    end if;
    return array(
        select distinct attio_sync.normal_form(attribute_type, elements.element) as form
        from jsonb_array_elements(attribute_values) as elements (element)
        where attio_sync.normal_form(attribute_type, elements.element) is not null
        order by form
    );
end
$forms$;
comment on function attio_sync.normal_forms(text, jsonb) is 'The normal forms of an attribute''s values, sorted, each once.';

-- stable, as jsonb_build_array is: a function that promises more is not put in place of its call
create or replace function attio_sync.as_list(cell jsonb) returns jsonb
language sql
stable
parallel safe
return case
    when cell is null or cell in ('null'::jsonb, '""'::jsonb, '[]'::jsonb, '[null]'::jsonb) then null
    when jsonb_typeof(cell) = 'array' then cell
    else jsonb_build_array(cell)
end;
comment on function attio_sync.as_list(jsonb) is
'A column''s value as the list that Attio''s API takes; null where it is blank, which is never written.';

create or replace function attio_sync.hash_of(forms text[]) returns text
language sql
immutable
parallel safe
return md5(array_to_string(forms, chr(30)));
comment on function attio_sync.hash_of(text[]) is 'What the ledger remembers of an attribute''s values.';
