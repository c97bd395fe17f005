-- What an undo puts back carries our token as its author; whose value it was is remembered here, and that ownership holds.

create table if not exists attio_sync.typed_values (
    object text not null,
    record_id uuid not null,
    attribute text not null,
    hash text not null,
    noted_at timestamptz not null default clock_timestamp(),
    primary key (object, record_id, attribute)
);
select attio_sync.register_new_table('attio_sync.typed_values');
comment on table attio_sync.typed_values is
'One row is a value that a person had typed and an undo put back: as long as Attio shows it, it counts as typed.';
