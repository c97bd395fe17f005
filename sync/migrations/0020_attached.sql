-- How much hangs on a record of the CRM: its notes, tasks and list entries, counted by `canon pull`.

create table if not exists attio_mirror.attached (
    record_id uuid,
    kind text check (kind in ('notes', 'tasks', 'entries')),
    count bigint not null,
    pulled_at timestamptz default now(),
    primary key (record_id, kind)
);
select attio_sync.register_new_table('attio_mirror.attached');
