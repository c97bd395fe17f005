"""Is everything as it should be, and if not, what to do: database, dbt, Attio, ledger; looked at, not touched.

Nothing here raises for what it finds: whatever is wrong becomes a `Check` with a fix that can be run as it stands.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import psycopg
from psycopg import sql

from sync import database, ledger, mapping, migrate, rate_limiter, setup, warehouse
from sync.errors import SyncError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sync.mapping import Export

State = Literal["ok", "warn", "fail"]

TRANSACTION_POOLER_PORT = "6543"  # Supabase's; PgBouncer's usual 6432 says nothing of the mode
SHORTEST_STATEMENT_TIMEOUT_MS = 600_000
MOST_SECONDS_APART = 5.0
OLD = dt.timedelta(hours=24)
SCOPES = (("record_permission", True), ("object_configuration", True))
PATIENCE = rate_limiter.Patience(attempts=2, seconds=20.0, refused_seconds=20.0)

# What to run where a part of it cannot be looked at.
_NEXT = {
    "database": "canon migrate --plan",
    "dbt": "make build",
    "attio": "canon setup",
    "ledger": "canon migrate --plan",
}

# What the feeds and the load need beside reading.
WRITTEN = (
    "raw.companyenrich_payloads",
    "raw.person_discovery",
    "raw.person_discovery_cleaned",
    "raw.job_posting_payloads",
    "extracted.companyenrich_company",
    "extracted.person_discovery",
    "core.company_canonical",
    "core.company_job_postings",
)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: `area` (database, dbt, attio, ledger), what was found, and the command that mends it."""

    area: str
    name: str
    state: State
    what: str
    fix: str = ""


def checks(project_dir: Path) -> Iterator[Check]:
    """Yield what is found, one after the other; a part that cannot be looked at is a check that says why."""
    connection: psycopg.Connection | None = None
    try:
        connection = database.connect(project_dir, autocommit=True)
    except SyncError as error:
        yield Check("database", "connection", "fail", str(error), "psql -c 'select 1'")
    with contextlib.ExitStack() as stack:
        if connection is not None:
            stack.enter_context(connection)
            yield from _guarded("database", _database(connection))
        exports: list[Export] = []
        yield from _guarded("dbt", _dbt(project_dir, connection, exports))
        yield from _guarded("attio", _attio(exports, connection))
        if connection is not None:
            yield from _guarded("ledger", _ledger(connection))


def _guarded(area: str, found: Iterator[Check]) -> Iterator[Check]:
    """Pass on what an area finds; what stops it becomes its last check."""
    try:
        yield from found
    except SyncError as error:
        yield Check(area, "look", "fail", str(error), _NEXT[area])
    except psycopg.Error as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        yield Check(area, "look", "fail", f"the database says: {lines[0]}", _NEXT[area])


# The database


def _database(connection: psycopg.Connection) -> Iterator[Check]:
    info = connection.info
    version = f"{info.server_version // 10000}.{info.server_version % 10000}"
    place = f"{info.dbname} at {info.host or 'this machine'}:{info.port}"
    if info.server_version < migrate.OLDEST_SERVER:
        yield _fail(
            "database", "version", f"PostgreSQL {version}: 15 or newer is needed", "upgrade the server to 15 or newer"
        )
        return
    yield _ok("database", "version", f"PostgreSQL {version}, {place}")
    yield _pooler(str(info.port))
    yield _statement_timeout(connection)
    yield _letters(connection)
    yield _clock(connection)
    yield from _schema(connection)
    yield from _permissions(connection)


def _pooler(port: str) -> Check:
    if port == TRANSACTION_POOLER_PORT:
        return _warn(
            "database",
            "pooler",
            f"port {port} is a transaction pooler: long statements and locks do not get on with it",
            "export PGPORT=5432",
        )
    return _ok("database", "pooler", f"port {port} is no transaction pooler's usual one")


def _statement_timeout(connection: psycopg.Connection) -> Check:
    role, milliseconds = _row(
        connection, "select quote_ident(current_user), reset_val::int from pg_settings where name = 'statement_timeout'"
    )
    if 0 < milliseconds < SHORTEST_STATEMENT_TIMEOUT_MS:
        return _warn(
            "database",
            "statement timeout",
            f"{milliseconds / 1000:g} s for this role: canon lifts it for itself, `make build` would be cut off",
            f"psql -c 'alter role {role} set statement_timeout = 0'",
        )
    return _ok("database", "statement timeout", "long enough" if milliseconds else "none")


def _letters(connection: psycopg.Connection) -> Check:
    (lowers,) = _row(connection, "select lower('É') = 'é'")
    if not lowers:
        return _warn(
            "database",
            "letters",
            "lower('É') is not 'é' here (the database's locale is C): names beyond ASCII are not folded",
            "createdb --template template0 --locale C.UTF-8 --encoding UTF8 canon",
        )
    return _ok("database", "letters", "accents fold")


def _clock(connection: psycopg.Connection) -> Check:
    before = time.time()
    (theirs,) = _row(connection, "select extract(epoch from clock_timestamp())::float8")
    apart = abs(float(theirs) - (before + time.time()) / 2)
    if apart > MOST_SECONDS_APART:
        return _warn(
            "database",
            "clock",
            f"the database's clock and this machine's are {apart:.0f} s apart: times compare wrongly",
            "timedatectl set-ntp true",
        )
    return _ok("database", "clock", "agrees with this machine's")


def _schema(connection: psycopg.Connection) -> Iterator[Check]:
    plan = migrate.read(connection)
    for extension in plan.extensions:
        if extension.state == "present":
            continue
        state = _warn if extension.state == "absent" else _fail
        fix = "canon migrate" if extension.state == "absent" else f"psql -c 'create extension {extension.name}'"
        yield state("database", f"extension {extension.name}", extension.state, fix)
    if all(extension.state == "present" for extension in plan.extensions):
        yield _ok("database", "extensions", ", ".join(extension.name for extension in plan.extensions))
    if plan.pending:
        tables = f", which create {len(plan.creates)} tables" if plan.creates else ""
        names = ", ".join(migration.name for migration in plan.pending)
        yield _fail("database", "migrations", f"{len(plan.pending)} are not applied ({names}){tables}", "canon migrate")
    else:
        yield _ok("database", "migrations", f"all {len(plan.applied)} are applied")
    for file in plan.gazetteer:
        yield _warn("database", "gazetteer", f"{file.relation} holds another version, or nothing", "canon migrate")
    for difference in plan.differences:
        yield _warn("database", difference.table, difference.what, f'psql -c "{difference.sql}"')
    if not plan.differences:
        yield _ok("database", "tables", "columns, keys and triggers are as they should be")


def _permissions(connection: psycopg.Connection) -> Iterator[Check]:
    role, name, may_create = _row(
        connection,
        "select quote_ident(current_user), quote_ident(current_database()), "
        "has_database_privilege(current_database(), 'create')",
    )
    lacking = connection.execute(
        """
        select wanted.relation, string_agg(privileges.privilege, ', ' order by privileges.place)
        from unnest(%s::text[]) as wanted (relation)
        cross join unnest(array['select', 'insert', 'update']) with ordinality as privileges (privilege, place)
        where
            to_regclass(wanted.relation) is not null
            and not has_table_privilege(to_regclass(wanted.relation), privileges.privilege)
            and not (wanted.relation like 'raw.%%' and privileges.privilege = 'update')
        group by wanted.relation
        """,
        [list(WRITTEN)],
    ).fetchall()
    if not may_create:
        yield _fail(
            "database",
            "permissions",
            f"{role} may not create schemas, which dbt has to",
            f"psql -c 'grant create on database {name} to {role}'",
        )
    for relation, privileges in lacking:
        yield _fail(
            "database",
            "permissions",
            f"{role} may not {privileges} on {relation}",
            f"psql -c 'grant {privileges} on {relation} to {role}'",
        )
    if may_create and not lacking:
        yield _ok("database", "permissions", f"{role} may create schemas and write to the source tables")


# dbt


def _dbt(project_dir: Path, connection: psycopg.Connection | None, exports: list[Export]) -> Iterator[Check]:
    """Look at the profile, the manifest (its exports go into `exports`), the marts and the last results."""
    folder = os.environ.get("DBT_PROFILES_DIR", "")
    profile = (project_dir / folder if folder else project_dir) / "profiles.yml"
    if profile.is_file():
        yield _ok("dbt", "profile", str(profile))
    else:
        yield _warn("dbt", "profile", f"there is no {profile}", "cp profiles.yml.example profiles.yml")
    try:
        exports += mapping.load(project_dir)
    except SyncError as error:
        yield _fail("dbt", "manifest", str(error), "dbt parse --project-dir dbt_project")
        return
    yield _ok("dbt", "manifest", f"exports {', '.join(export.model for export in exports)}")
    if connection is not None:
        try:
            warehouse.check_exports(connection, exports)
        except SyncError as error:
            yield _fail("dbt", "marts", str(error), "make build")
        else:
            yield _ok("dbt", "marts", "the exports' tables are there, with their columns")
        yield from _reconciliation(project_dir, connection)
    yield from _results(project_dir)


def _reconciliation(project_dir: Path, connection: psycopg.Connection) -> Iterator[Check]:
    relation = mapping.relation(project_dir, "ingest_reconciliation")
    (is_there,) = _row(connection, "select to_regclass(%s) is not null", [relation.as_string(connection)])
    if not is_there:
        return
    rows = connection.execute(
        sql.SQL(
            "select source, sum(payloads), sum(extracted_changed), sum(extracted_identical), sum(extracted_refused), "
            "sum(extracted_missing) from {} group by source order by source"
        ).format(relation)
    ).fetchall()
    for source, payloads, changed, identical, refused, missing in rows:
        counted = (
            f"{payloads} payloads arrived: {changed} changed a row, {identical} said the same, {refused} were refused"
        )
        if missing:
            yield _fail("dbt", f"ingest {source}", f"{counted}, {missing} are not extracted", "canon extract --replay")
        else:
            yield _ok("dbt", f"ingest {source}", counted)


def _results(project_dir: Path) -> Iterator[Check]:
    path = project_dir / "dbt_project" / "target" / "run_results.json"
    try:
        found = json.loads(path.read_bytes())
        command = found["args"]["which"]
        when = dt.datetime.fromisoformat(found["metadata"]["generated_at"])
        failed = [str(one["unique_id"]) for one in found["results"] if one["status"] in {"error", "fail", "skipped"}]
    except FileNotFoundError:
        yield _warn("dbt", "last results", "nothing was built from this checkout yet", "make build")
        return
    except (OSError, ValueError, KeyError, TypeError):
        yield _warn("dbt", "last results", f"{path} cannot be read", "make build")
        return
    if failed:
        more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
        yield _fail("dbt", "last results", f"dbt {command} failed: {failed[0]}{more}", "make build")
    elif command != "build":
        yield _ok("dbt", "last results", f"dbt {command} passed; what the last build said is not known")
    else:
        yield _ok("dbt", "last results", f"{len(found['results'])} passed")
    yield _age("dbt", "freshness", "the last dbt results", when, "make build")


# Attio


def _attio(exports: list[Export], connection: psycopg.Connection | None) -> Iterator[Check]:
    if not os.environ.get("ATTIO_API_KEY", "").strip():
        yield _warn("attio", "token", "ATTIO_API_KEY is not set: no pull, no sync", "export ATTIO_API_KEY=...")
    else:
        yield from asyncio.run(_workspace(exports))
    if connection is not None:
        yield from _mirror(connection)


async def _workspace(exports: list[Export]) -> list[Check]:
    found: list[Check] = []
    try:
        async with rate_limiter.connect(patience=PATIENCE) as crm:
            identity = await crm.identify()
            found.append(_ok("attio", "token", f"workspace {identity.workspace_name}"))
            lacking = [area for area, write in SCOPES if not identity.may(area, write=write)]
            if lacking:
                names = ", ".join(f"{area}:read-write" for area in lacking)
                fix = "open https://app.attio.com/settings/developers and give the token these scopes"
                found.append(_fail("attio", "scopes", f"the token lacks {names}", fix))
            else:
                found.append(_ok("attio", "scopes", "records read-write, object configuration read-write"))
            difference = await setup.compare(crm, exports)
            found += [_fail("attio", "attributes", f"{fault}", fault.fix) for fault in difference.faults]
            found += [_warn("attio", "attributes", f"missing: {step}", "canon setup") for step in difference.steps]
            if exports and not (difference.faults or difference.steps):
                found.append(_ok("attio", "attributes", "every object, attribute and option of the mapping is there"))
    except SyncError as error:
        found.append(_fail("attio", "token" if not found else "attributes", str(error), "canon setup"))
    return found


def _mirror(connection: psycopg.Connection) -> Iterator[Check]:
    (is_there,) = _row(connection, "select to_regclass('attio_mirror.pulls') is not null")
    if not is_there:
        return
    pulls = connection.execute("select object, pulled_at, records from attio_mirror.pulls order by object").fetchall()
    if not pulls:
        yield _warn("attio", "mirror", "the CRM was never read", "canon pull")
        return
    for name, pulled_at, records in pulls:
        yield _age("attio", f"mirror of {name}", f"{records:,} records, read", pulled_at, "canon pull")
    cap = os.environ.get("CANON_RECORD_CAP", "").replace(",", "").replace("_", "").strip()
    total = sum(records for _, _, records in pulls)
    if cap.isdigit() and total > int(cap) * 0.9:
        state = _fail if total > int(cap) else _warn
        yield state(
            "attio",
            "record cap",
            f"{total:,} records of the {int(cap):,} that CANON_RECORD_CAP allows",
            "make duplicates",
        )
    elif cap.isdigit():
        yield _ok("attio", "record cap", f"{total:,} records of {int(cap):,}")
    elif cap:
        yield _fail("attio", "record cap", f"CANON_RECORD_CAP is {cap!r}, no number", "export CANON_RECORD_CAP=50000")


# The ledger


def _ledger(connection: psycopg.Connection) -> Iterator[Check]:
    (is_there,) = _row(connection, "select to_regclass('attio_sync.entries') is not null")
    if not is_there:
        yield _warn("ledger", "ledger", "there is none yet", "canon migrate")
        return
    holder = connection.execute(
        """
        select runs.run_id, runs.command, runs.host, runs.pid
        from pg_catalog.pg_locks
        left join attio_sync.runs on runs.backend_pid = pg_locks.pid and runs.state = 'running'
        where
            pg_locks.locktype = 'advisory'
            and pg_locks.granted
            and pg_locks.classid = %s::bigint::oid
            and pg_locks.database = (select oid from pg_catalog.pg_database where datname = current_database())
        """,
        [ledger.LOCK_SPACE],
    ).fetchone()
    if holder is None:
        yield _ok("ledger", "lock", "nobody writes")
    else:
        run_id, command, host, pid = holder
        yield _warn("ledger", "lock", f"run {run_id} ({command}) writes, process {pid} on {host}", "canon runs")
    (stuck,) = _row(
        connection,
        """
        select count(*)
        from attio_sync.entries
        where
            state in ('pending', 'unknown')
            and not exists (
                select from attio_sync.runs
                inner join pg_catalog.pg_locks on pg_locks.pid = runs.backend_pid and pg_locks.locktype = 'advisory'
                where runs.run_id = entries.run_id
            )
        """,
    )
    if stuck:
        yield _warn(
            "ledger", "intents", f"{stuck} writes were begun and not settled: the next sync looks them up", "canon sync"
        )
    else:
        yield _ok("ledger", "intents", "every write that was begun is settled")
    (rejected,) = _row(connection, "select count(*) from attio_sync.rejects")
    if rejected:
        yield _warn("ledger", "rejected rows", f"{rejected} rows stand refused by Attio", "canon rejected")
    last = connection.execute(
        "select run_id, command, state, message from attio_sync.runs order by run_id desc limit 1"
    ).fetchone()
    if last is None:
        yield _ok("ledger", "last run", "none yet")
        return
    run_id, command, state, message = last
    words = f"run {run_id} ({command}) {state}"
    if state in {"failed", "interrupted"}:
        yield _warn("ledger", "last run", f"{words}: {message or 'no message'}", "canon runs")
    else:
        yield _ok("ledger", "last run", words)


# Words


def _ok(area: str, name: str, what: str) -> Check:
    return Check(area, name, "ok", what)


def _warn(area: str, name: str, what: str, fix: str) -> Check:
    return Check(area, name, "warn", what, fix)


def _fail(area: str, name: str, what: str, fix: str) -> Check:
    return Check(area, name, "fail", what, fix)


def _age(area: str, name: str, what: str, when: dt.datetime, fix: str) -> Check:
    age = dt.datetime.now(dt.UTC) - (when if when.tzinfo else when.replace(tzinfo=dt.UTC))
    hours = age / dt.timedelta(hours=1)
    words = f"{what} {hours:.0f} h ago" if hours >= 1 else f"{what} {age / dt.timedelta(minutes=1):.0f} min ago"
    return _warn(area, name, words, fix) if age > OLD else _ok(area, name, words)


def _row(connection: psycopg.Connection, query: str, parameters: list[Any] | None = None) -> tuple[Any, ...]:
    row = connection.execute(query.encode(), parameters).fetchone()
    assert row is not None  # noqa: S101  # each of these selects has one row
    return tuple(row)
