"""What we remember of every write: noted before it is sent, settled after, in batches; runs, rejects and the lock."""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from sync.errors import ConfigError, LockedError
from sync.warehouse import json_text, refusals_told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import psycopg

    from sync.attio import Record
    from sync.mapping import Export, Field

LOCK_SPACE = 0x63_61_6E_6F  # "cano": advisory locks are shared with whoever else uses the database


@dataclass(frozen=True, slots=True)
class Planned:
    """A row of a stored plan that is to be written.

    `references` are those that had no record when it was planned: attribute -> {export, keys}. `is_doubtful` when an
    earlier write of the row was never answered.
    """

    position: int
    row_key: str
    record_id: str | None
    method: str
    body: dict[str, Any]
    references: dict[str, dict[str, Any]]
    is_doubtful: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a write ended. `state` is `done`, `rejected`, `unknown` or `not_sent`; `values` is what Attio then showed.

    `record_was_missing` when we knew of no record; `is_created_by_us` when this write made it (an assert may have found
    one that was made meanwhile).
    """

    position: int
    row_key: str
    entry_id: int
    state: str
    record_id: str | None = None
    record_was_missing: bool = False
    is_created_by_us: bool = False
    body: Mapping[str, Any] | None = None
    values: Mapping[str, Any] | None = None
    status: int | None = None
    code: str | None = None
    message: str | None = None


@contextlib.contextmanager
def locked(connection: psycopg.Connection, workspace_id: str) -> Iterator[None]:
    """Hold the workspace's lock: one writer at a time. Raises `LockedError` naming who holds it."""
    key = int.from_bytes(hashlib.blake2s(workspace_id.encode(), digest_size=4).digest(), "big", signed=True)
    with refusals_told("lock"):
        taken = connection.execute("select pg_try_advisory_lock(%s, %s)", [LOCK_SPACE, key]).fetchone()
        if taken != (True,):
            raise LockedError(f"{_owner(connection, key)} is writing to this workspace: wait until it ends, or stop it")
        connection.execute(
            """
            update attio_sync.runs
            set
                state = 'interrupted',
                finished_at = clock_timestamp(),
                message = 'it ended without a word; what it had begun is settled by later runs'
            where
                state = 'running'
                and not exists (
                    select from pg_catalog.pg_locks
                    where
                        pg_locks.locktype = 'advisory'
                        and pg_locks.classid = %s::bigint::oid
                        and pg_locks.pid = runs.backend_pid
                        and pg_locks.pid <> pg_backend_pid()
                )
            """,
            [LOCK_SPACE],
        )  # runs on other workspaces hold locks of their own
    try:
        yield
    finally:
        if not connection.closed and not connection.broken:
            connection.execute("select pg_advisory_unlock(%s, %s)", [LOCK_SPACE, key])


def _owner(connection: psycopg.Connection, key: int) -> str:
    """Return who holds the lock."""
    owner = connection.execute(
        """
        select
            runs.run_id, runs.command, runs.os_user, runs.host, runs.pid,
            to_char(runs.started_at, 'YYYY-MM-DD HH24:MI')
        from pg_catalog.pg_locks
        inner join attio_sync.runs on runs.backend_pid = pg_locks.pid and runs.state = 'running'
        where
            pg_locks.locktype = 'advisory'
            and pg_locks.granted
            and pg_locks.classid = %s::bigint::oid
            and pg_locks.objid = (%s::bigint & 4294967295)::oid
            and pg_locks.database = (select oid from pg_catalog.pg_database where datname = current_database())
        """,
        [LOCK_SPACE, key],
    ).fetchone()
    return "another run" if owner is None else "run {} ({}) of {} on {}, process {}, since {} UTC,".format(*owner)


def os_user() -> str:
    """Return who runs this, for people to read."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return str(os.getuid())


def check_workspace(connection: psycopg.Connection, workspace_id: str) -> None:
    """Raise `ConfigError` when the ledger is that of another workspace: none of its records would be found."""
    with refusals_told("ledger"):
        row = connection.execute(
            """
            select workspace_id, run_id, to_char(started_at, 'YYYY-MM-DD')
            from attio_sync.runs
            where workspace_id is not null
            order by run_id desc
            limit 1
            """
        ).fetchone()
    if row is not None and row[0] != workspace_id:
        raise ConfigError(
            f"the ledger in this database is that of workspace {row[0]} (run {row[1]} of {row[2]}), the token is for "
            f"{workspace_id}: use a database of its own for each workspace"
        )


def begin_run(
    connection: psycopg.Connection, command: str, arguments: Mapping[str, Any], *, workspace_id: str | None
) -> int:
    """Note that a run begins; return its id."""
    row = connection.execute(
        """
        insert into attio_sync.runs (command, arguments, workspace_id, host, os_user, pid, backend_pid)
        values (%s, %s, %s, %s, %s, %s, pg_backend_pid())
        returning run_id
        """,
        [command, Jsonb(dict(arguments)), workspace_id, socket.gethostname(), os_user(), os.getpid()],
    ).fetchone()
    assert row is not None  # noqa: S101  # insert returning
    return int(row[0])


def tell_plan(connection: psycopg.Connection, run_id: int, plan_id: int) -> None:
    """Note which plan a run executes: it is kept as long."""
    connection.execute("update attio_sync.runs set plan_id = %s where run_id = %s", [plan_id, run_id])


def end_run(
    connection: psycopg.Connection,
    run_id: int,
    *,
    state: str,
    exit_code: int,
    counts: Mapping[str, Any],
    message: str | None,
) -> None:
    """Note how a run ended."""
    connection.execute(
        """
        update attio_sync.runs
        set state = %s, exit_code = %s, counts = %s, message = %s, finished_at = clock_timestamp()
        where run_id = %s
        """,
        [state, exit_code, Jsonb(dict(counts)), message, run_id],
    )


def runs(connection: psycopg.Connection, *, limit: int) -> list[dict[str, Any]]:
    """Return runs, newest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            select run_id, command, state, exit_code, arguments, counts, message, started_at, finished_at
            from attio_sync.runs
            order by run_id desc
            limit %s
            """,
            [limit],
        ).fetchall()


def rejects(connection: psycopg.Connection, *, limit: int) -> list[dict[str, Any]]:
    """Return the rows Attio refused when they were last tried, newest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            select export, row_key, run_id, status, code, message, rejected_at
            from attio_sync.rejects
            order by rejected_at desc, export, row_key
            limit %s
            """,
            [limit],
        ).fetchall()


def take_over(connection: psycopg.Connection, run_id: int, plan_id: int, export: Export) -> None:
    """Remember what a plan found out without writing: whose record is whose, and what became of unanswered writes.

    A row whose record was only matched is remembered too, so that it stays deleted when somebody deletes it.
    """
    parameters = {"run_id": run_id, "plan_id": plan_id, "export": export.model, "object": export.object_slug}
    with connection.transaction():
        for statement in _TAKE_OVER:
            connection.execute(statement, parameters)


_TAKE_OVER = (
    """
    insert into attio_sync.row_states (export, row_key, object, record_id, is_created_by_us, run_id)
    select
        plan_rows.export,
        plan_rows.row_key,
        %(object)s,
        plan_rows.record_id,
        exists (
            select from attio_sync.entries
            inner join attio_mirror.records
                on records.object = entries.object and records.record_id = plan_rows.record_id
            where
                entries.export = plan_rows.export
                and entries.row_key = plan_rows.row_key
                and entries.state in ('pending', 'unknown')
                and entries.record_id is null
                and records.created_at >= entries.started_at - interval '5 minutes'
        ),
        %(run_id)s
    from attio_sync.plan_rows
    where
        plan_rows.plan_id = %(plan_id)s
        and plan_rows.export = %(export)s
        and plan_rows.outcome in ('nothing', 'update')
    on conflict (export, row_key) do update set record_id = excluded.record_id
    where row_states.record_id <> excluded.record_id
    """,
    # unanswered writes of rows with nothing left to write have happened
    """
    update attio_sync.entries
    set
        state = 'done',
        record_id = coalesce(entries.record_id, row_states.record_id),
        message = 'no answer; found done by a later plan',
        finished_at = clock_timestamp()
    from attio_sync.row_states
    where
        entries.export = %(export)s
        and entries.state in ('pending', 'unknown')
        and row_states.export = entries.export
        and row_states.row_key = entries.row_key
        and not exists (
            select from attio_sync.plan_rows
            where
                plan_rows.plan_id = %(plan_id)s
                and plan_rows.export = entries.export
                and plan_rows.row_key = entries.row_key
                and plan_rows.outcome <> 'nothing'
        )
    """,
    # so do refused rows that are not to be written any more
    """
    delete from attio_sync.rejects
    where
        rejects.export = %(export)s
        and not exists (
            select from attio_sync.plan_rows
            where
                plan_rows.plan_id = %(plan_id)s
                and plan_rows.export = rejects.export
                and plan_rows.row_key = rejects.row_key
                and plan_rows.outcome in ('create', 'update')
        )
    """,
)


def next_planned(connection: psycopg.Connection, plan_id: int, export: str, *, after: int, limit: int) -> list[Planned]:
    """Return the next rows to write, in the plan's order."""
    with connection.cursor(row_factory=class_row(Planned)) as cursor:
        return cursor.execute(
            """
            select
                position, row_key, record_id::text, method, body, coalesce(pending_references, '{}') as references,
                is_doubtful
            from attio_sync.plan_rows
            where plan_id = %s and export = %s and position > %s and outcome in ('create', 'update')
            order by position
            limit %s
            """,
            [plan_id, export, after, limit],
        ).fetchall()


def referenced_records(
    connection: psycopg.Connection, wanted: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], tuple[str, str]]:
    """Return (export, key) -> (object, record id) for those that have a record by now."""
    if not wanted:
        return {}
    rows = connection.execute(
        """
        select row_states.export, row_states.row_key, row_states.object, row_states.record_id::text
        from unnest(%s::text[], %s::text[]) as wanted (export, row_key)
        inner join attio_sync.row_states on row_states.export = wanted.export and row_states.row_key = wanted.row_key
        """,
        [[export for export, _ in wanted], [key for _, key in wanted]],
    )
    return {(export, key): (slug, record_id) for export, key, slug, record_id in rows}


def note_before_sending(
    connection: psycopg.Connection, run_id: int, plan_id: int, export: Export, rows: Sequence[Planned]
) -> dict[int, int]:
    """Write the entries of a batch ahead of its calls; return position -> entry id."""
    found = connection.execute(
        """
        with noted as (
            insert into attio_sync.entries (run_id, export, row_key, object, method, record_id, body, before)
            select %s, export, row_key, %s, method, record_id, body, before
            from attio_sync.plan_rows
            where plan_id = %s and export = %s and position = any (%s)
            returning entry_id, row_key
        )

        select plan_rows.position, noted.entry_id
        from noted
        inner join attio_sync.plan_rows
            on plan_rows.plan_id = %s and plan_rows.export = %s and plan_rows.row_key = noted.row_key
        """,
        [run_id, export.object_slug, plan_id, export.model, [row.position for row in rows], plan_id, export.model],
    ).fetchall()
    return dict(found)


def settle(
    connection: psycopg.Connection, run_id: int, plan_id: int, export: Export, outcomes: Sequence[Outcome]
) -> None:
    """Remember how a batch of writes ended, in one transaction."""
    documents = [
        {
            "position": each.position,
            "row_key": each.row_key,
            "entry_id": each.entry_id,
            "state": each.state,
            "record_id": each.record_id,
            "is_created": each.is_created_by_us,
            "body": each.body,
            "values": {slug: (each.values or {}).get(slug) or [] for slug in each.body or ()},
            "status": each.status,
            "code": each.code,
            "message": each.message,
        }
        for each in outcomes
    ]
    forms = sql.SQL("\n        union all").join(_hashes(field) for field in export.fields)
    parameters = {
        "outcomes": json_text(documents),
        "run_id": run_id,
        "plan_id": plan_id,
        "export": export.model,
        "object": export.object_slug,
    }
    with connection.transaction():
        for statement in _SETTLE:
            connection.execute(sql.SQL(statement).format(outcomes=_OUTCOMES, hashes=forms), parameters)


def _hashes(field: Field) -> sql.Composed:
    """Return the hashes of what was written to one attribute and of what Attio then showed; the type is a literal."""

    def forms(values: str) -> sql.Composed:
        return sql.SQL(
            "attio_sync.hash_of(array(select distinct attio_sync.normal_form({}, element) from"
            " jsonb_array_elements({} -> {}) as held (element) order by 1))"
        ).format(sql.Literal(field.type), sql.Identifier("outcomes", values), sql.Literal(field.attribute))

    return sql.SQL(
        """
        select outcomes.row_key, outcomes.position, {attribute}, {written}, {shown}
        from outcomes
        where outcomes.state = 'done' and outcomes.body ? {attribute}"""
    ).format(attribute=sql.Literal(field.attribute), written=forms("body"), shown=forms("values"))


_OUTCOMES = sql.SQL(
    """
    outcomes as materialized (
        select *
        from jsonb_to_recordset(%(outcomes)s::jsonb) as outcomes (
            position bigint, row_key text, entry_id bigint, state text, record_id uuid, is_created boolean, body jsonb,
            values jsonb, status integer, code text, message text
        )
    )
"""
)

_SETTLE = (
    """
    with {outcomes}
    update attio_sync.entries
    set
        state = outcomes.state,
        record_id = coalesce(outcomes.record_id, entries.record_id),
        body = coalesce(outcomes.body, entries.body),
        status = outcomes.status,
        code = outcomes.code,
        message = outcomes.message,
        finished_at = clock_timestamp()
    from outcomes
    where entries.entry_id = outcomes.entry_id
    """,
    # an earlier write whose answer never came is answered by this one
    """
    with {outcomes}
    update attio_sync.entries
    set state = 'done', record_id = outcomes.record_id, finished_at = clock_timestamp()
    from outcomes
    where
        outcomes.state = 'done'
        and entries.export = %(export)s
        and entries.row_key = outcomes.row_key
        and entries.entry_id < outcomes.entry_id
        and entries.state in ('pending', 'unknown')
    """,
    """
    with {outcomes},

    hashes (row_key, position, attribute, written, shown) as ({hashes}
    ),

    hashed as (
        select
            hashes.row_key,
            jsonb_object_agg(
                hashes.attribute, coalesce(plan_rows.sent ->> hashes.attribute, hashes.written)
            ) as sent,
            jsonb_object_agg(hashes.attribute, hashes.shown) as seen
        from hashes
        inner join attio_sync.plan_rows
            on plan_rows.plan_id = %(plan_id)s
            and plan_rows.export = %(export)s
            and plan_rows.position = hashes.position
        group by hashes.row_key
    )

    insert into attio_sync.row_states (export, row_key, object, record_id, sent, seen, is_created_by_us, run_id)
    select
        %(export)s, outcomes.row_key, %(object)s, outcomes.record_id, coalesce(hashed.sent, '{{}}'),
        coalesce(hashed.seen, '{{}}'), outcomes.is_created, %(run_id)s
    from outcomes
    left join hashed on hashed.row_key = outcomes.row_key
    where outcomes.state = 'done'
    on conflict (export, row_key) do update set
        record_id = excluded.record_id,
        sent = row_states.sent || excluded.sent,
        seen = row_states.seen || excluded.seen,
        is_created_by_us = row_states.is_created_by_us or excluded.is_created_by_us,
        run_id = excluded.run_id,
        written_at = clock_timestamp()
    """,
    """
    with {outcomes}
    delete from attio_sync.rejects
    using outcomes
    where rejects.export = %(export)s and rejects.row_key = outcomes.row_key and outcomes.state = 'done'
    """,
    """
    with {outcomes}
    insert into attio_sync.rejects (export, row_key, run_id, status, code, message)
    select %(export)s, row_key, %(run_id)s, status, code, message
    from outcomes
    where state = 'rejected'
    on conflict (export, row_key) do update set
        run_id = excluded.run_id,
        status = excluded.status,
        code = excluded.code,
        message = excluded.message,
        rejected_at = clock_timestamp()
    """,
)


def changed_since(
    connection: psycopg.Connection, plan_id: int, export: Export, row: Planned, values: Mapping[str, Any]
) -> list[str]:
    """Return the attributes a row would write that Attio holds otherwise than when it was planned.

    What we last saw there ourselves, after a write that the plan's mirror had missed, is no change; nor is what we are
    about to write.
    """
    types = {field.attribute: field.type for field in export.fields}
    slugs = [*row.body, *(slug for slug in row.references if slug not in row.body)]
    rows = connection.execute(
        """
        select checked.attribute
        from unnest(%(slugs)s::text[], %(types)s::text[]) as checked (attribute, type)
        inner join attio_sync.plan_rows
            on plan_rows.plan_id = %(plan_id)s
            and plan_rows.export = %(export)s
            and plan_rows.position = %(position)s
        left join attio_sync.row_states
            on row_states.export = plan_rows.export and row_states.row_key = plan_rows.row_key
        cross join lateral (
            select attio_sync.normal_forms(checked.type, %(values)s::jsonb -> checked.attribute) as forms
        ) as now
        where
            now.forms <> attio_sync.normal_forms(checked.type, plan_rows.before -> checked.attribute)
            and now.forms <> attio_sync.normal_forms(checked.type, plan_rows.body -> checked.attribute)
            and attio_sync.hash_of(now.forms) is distinct from row_states.seen ->> checked.attribute
        order by checked.attribute
        """,
        {
            "slugs": slugs,
            "types": [types[slug] for slug in slugs],
            "plan_id": plan_id,
            "export": export.model,
            "position": row.position,
            "values": json_text({slug: values.get(slug) for slug in slugs}),
        },
    )
    return [attribute for (attribute,) in rows]


def begin_noting_made(connection: psycopg.Connection, object_slug: str) -> str | None:
    """Make room for what is made in Attio meanwhile; return since when, None when the object was never read.

    By Attio's clock, since the newest record we know; by ours, which may differ, where we know of none.
    """
    connection.execute(
        "create temporary table if not exists made_meanwhile (object text, record_id uuid, form text,"
        " unique (object, form, record_id))"
    )
    row = connection.execute(
        """
        select to_char(known.since at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        from (
            select coalesce(
                (select max(created_at) from attio_mirror.records where object = %(object)s),
                (select pulled_at - interval '5 minutes' from attio_mirror.pulls where object = %(object)s)
            ) as since
        ) as known
        """,
        {"object": object_slug},
    ).fetchone()
    return None if row is None else row[0]


def note_made(connection: psycopg.Connection, export: Export, records: Sequence[Record]) -> None:
    """Note records that the mirror does not have, by what they are matched on."""
    documents = [{"record_id": each.record_id, "held": each.values.get(export.match_on) or []} for each in records]
    connection.execute(
        """
        insert into pg_temp.made_meanwhile (object, record_id, form)
        select %(object)s, noted.record_id, attio_sync.normal_form(%(type)s, held.element)
        from jsonb_to_recordset(%(records)s::jsonb) as noted (record_id uuid, held jsonb)
        cross join lateral jsonb_array_elements(noted.held) as held (element)
        where not exists (
            select from attio_mirror.records
            where records.object = %(object)s and records.record_id = noted.record_id
        )
        on conflict do nothing
        """,
        {"object": export.object_slug, "type": export.matching_field.type, "records": json_text(documents)},
    )


def made_for(
    connection: psycopg.Connection, plan_id: int, export: Export, positions: Sequence[int]
) -> list[tuple[int, str]]:
    """Return which planned rows have a record among those noted."""
    return connection.execute(
        """
        select plan_rows.position, min(made_meanwhile.record_id::text)
        from attio_sync.plan_rows
        cross join lateral jsonb_array_elements(plan_rows.body -> %(match_on)s) as wanted (element)
        inner join pg_temp.made_meanwhile
            on made_meanwhile.object = %(object)s
            and made_meanwhile.form = attio_sync.normal_form(%(type)s, wanted.element)
        where
            plan_rows.plan_id = %(plan_id)s
            and plan_rows.export = %(export)s
            and plan_rows.position = any (%(positions)s)
        group by plan_rows.position
        """,
        {
            "plan_id": plan_id,
            "export": export.model,
            "object": export.object_slug,
            "match_on": export.match_on,
            "type": export.matching_field.type,
            "positions": list(positions),
        },
    ).fetchall()


def differing_attributes(
    connection: psycopg.Connection, export: Export, body: Mapping[str, Any], values: Mapping[str, Any]
) -> list[str]:
    """Return the attributes of which a record, read back, does not show what was sent."""
    types = {field.attribute: field.type for field in export.fields}
    rows = connection.execute(
        """
        select checked.attribute
        from unnest(%s::text[], %s::text[]) as checked (attribute, type)
        where not (
            attio_sync.normal_forms(checked.type, %s::jsonb -> checked.attribute)
            <@ attio_sync.normal_forms(checked.type, %s::jsonb -> checked.attribute)
        )
        """,
        [
            list(body),
            [types[slug] for slug in body],
            json_text(body),
            json_text({slug: values.get(slug) for slug in body}),
        ],
    )
    return [attribute for (attribute,) in rows]
