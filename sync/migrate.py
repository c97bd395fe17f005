"""Bring a database to the newest shape: numbered SQL files, extensions, the gazetteer.

What is absent is created; what is there already is never altered. `read` says what `apply` would do and asks only
the catalog, so it changes nothing. Tables are compared with the `create table` statements of the migration files.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import hashlib
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from sync import database, progress
from sync.errors import ConfigError, LockedError, WarehouseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MIGRATIONS = Path(__file__).parent / "migrations"
GAZETTEER = Path(__file__).parent / "gazetteer"
EXTENSIONS = ("pg_trgm", "unaccent", "fuzzystrmatch")
OLDEST_SERVER = 150000  # `nulls not distinct`
LOCK = 0x6361_6E6F_6E01  # "canon", 1
SECONDS_TO_WAIT_FOR_LOCK = 600
CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of `sync/migrations`: its name without the ending, its text, the hash of that text."""

    name: str
    text: str
    sha256: str

    def tables(self) -> list[Table]:
        """Return the tables this file creates, as written in its `create table if not exists` statements."""
        return [_parse_table(found["name"], found["body"]) for found in _CREATE_TABLE.finditer(self.text)]


@dataclass(frozen=True, slots=True)
class Column:
    """A column as a migration writes it; `generated` is the expression of a stored generated column, else ``""``."""

    name: str
    type: str
    generated: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table as a migration writes it; `name` is `schema.table`, `keys` are its unique and primary keys."""

    name: str
    columns: tuple[Column, ...]
    keys: tuple[tuple[str, ...], ...]

    @property
    def is_touched(self) -> bool:
        """Whether the table has an `updated_at`, and so the trigger that moves it."""
        return any(column.name == "updated_at" for column in self.columns)


@dataclass(frozen=True, slots=True)
class Difference:
    """What an existing table lacks or has otherwise; `sql` is what its owner may run, `cost` what that does.

    `is_trigger`: it is the missing trigger, which `add_triggers` adds.
    """

    table: str
    what: str
    sql: str
    cost: str = ""
    is_trigger: bool = False

    def line(self) -> str:
        """Return the one line a person reads."""
        cost = f" ({self.cost})" if self.cost else ""
        return f"{self.table}: {self.what}; left as it is. You may run{cost}: {self.sql}"


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension the models use. `state`: `present`, `absent` (can be created) or `unavailable`."""

    name: str
    state: str
    where: str

    def create(self) -> sql.Composed:
        """Return the statement that creates it."""
        return sql.SQL("create extension if not exists {} with schema {}").format(
            sql.Identifier(self.name), sql.Identifier(self.where)
        )


@dataclass(frozen=True, slots=True)
class GazetteerFile:
    """A gazetteer file and the table it goes into (`places.csv.gz` -> `reference.gazetteer_places`)."""

    path: Path
    relation: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What `apply` would do, and what it would leave alone."""

    pending: tuple[Migration, ...]
    creates: tuple[str, ...]
    keeps: tuple[str, ...]
    differences: tuple[Difference, ...]
    extensions: tuple[Extension, ...]
    gazetteer: tuple[GazetteerFile, ...]
    applied: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to do."""
        return not (self.pending or self.gazetteer or any(e.state == "absent" for e in self.extensions))

    def document(self) -> dict[str, Any]:
        """Return the plan as `--json` prints it."""
        return {
            "migrations": [migration.name for migration in self.pending],
            "creates": list(self.creates),
            "keeps": list(self.keeps),
            "differences": [
                {"table": d.table, "what": d.what, "sql": d.sql, "cost": d.cost or None} for d in self.differences
            ],
            "extensions": [{"name": e.name, "state": e.state, "schema": e.where or None} for e in self.extensions],
            "gazetteer": [file.relation for file in self.gazetteer],
            "applied": list(self.applied),
        }


def migrations() -> tuple[Migration, ...]:
    """Return the migration files in the order they run."""
    found = []
    for path in sorted(MIGRATIONS.glob("[0-9][0-9][0-9][0-9]_*.sql")):
        text = path.read_text(encoding="utf-8")
        found.append(Migration(path.stem, text, hashlib.sha256(text.encode()).hexdigest()))
    return tuple(found)


def read(connection: psycopg.Connection) -> Plan:
    """Compare the database with the files; change nothing.

    Raises `ConfigError` when an applied file was edited, is gone, or the server is too old; the connection must be
    in autocommit mode.
    """
    with database.refusals_told("cannot compare the database with the migrations"):
        return _read(connection)


def _read(connection: psycopg.Connection) -> Plan:
    _check_server(connection)
    files = migrations()
    applied = _applied(connection)
    _check_history(files, applied)
    pending = tuple(migration for migration in files if migration.name not in applied)

    every_table = [(migration, table) for migration in files for table in migration.tables()]
    existing = _existing_relations(connection, [table.name for _, table in every_table])
    own = _own_tables(connection)
    creates = tuple(
        table.name for migration, table in every_table if migration in pending and table.name not in existing
    )
    keeps = tuple(table.name for _, table in every_table if table.name in existing and table.name not in own)
    differences = [
        difference
        for _, table in every_table
        if table.name in existing
        for difference in _compare(connection, table, existing[table.name])
    ]
    differences += _compare_trigger_function(connection, files)
    return Plan(
        pending=pending,
        creates=creates,
        keeps=keeps,
        differences=tuple(differences),
        extensions=tuple(_extensions(connection)),
        gazetteer=tuple(_stale_gazetteer(connection, existing, own)),
        applied=tuple(applied),
    )


def apply(connection: psycopg.Connection, say: Callable[[str], None]) -> Plan:
    """Do what is left to do, one transaction per file, and return what that was.

    One migration runs at a time per database: another one is waited for. Raises `LockedError` when that takes longer
    than ten minutes, `WarehouseError` when a file fails (everything before it stays done). `say` gets a line per step.
    """
    with database.refusals_told("migrating stopped"), _lock(connection, say):
        plan = read(connection)
        for extension in plan.extensions:
            if extension.state == "absent":
                _create_extension(connection, extension, say)
        for migration in plan.pending:
            _run(connection, migration)
            say(f"applied {migration.name}")
        for file in read(connection).gazetteer:  # asked again: the tables may be new
            _load_gazetteer(connection, file)
    return plan


def add_triggers(connection: psycopg.Connection, differences: Sequence[Difference], say: Callable[[str], None]) -> int:
    """Create the missing triggers, on tables that are not ours: only once their owner agreed. Return how many.

    Each waits at most ten seconds for its table; raises `WarehouseError` at the first that cannot be created.
    """
    missing = [difference for difference in differences if difference.is_trigger]
    for difference in missing:
        with (
            database.refusals_told(f"{difference.table} got no trigger (those before it did)"),
            connection.transaction(),
        ):
            connection.execute("set local lock_timeout = '10s'")
            connection.execute(difference.sql.encode())
        say(f"{difference.table}: its updated_at now moves when content changes")
    return len(missing)


# What the files say

_CREATE_TABLE = re.compile(
    r"^create table if not exists (?P<name>[a-z_0-9]+\.[a-z_0-9]+) \(\n(?P<body>.*?)\n\);$", re.MULTILINE | re.DOTALL
)
_COLUMN = re.compile(
    r"^    (?P<name>[a-z_0-9]+) (?P<type>[a-z]+(?: precision)?(?:\[\])?)"
    r"(?P<rest>.*?(?:generated always as \((?P<generated>.*?)^    \) stored)?)(?=,?$)",
    re.MULTILINE | re.DOTALL,
)
_TABLE_KEY = re.compile(r"^    (?:unique(?: nulls not distinct)?|primary key) \((?P<columns>[^)]*)\)", re.MULTILINE)


def _parse_table(name: str, body: str) -> Table:
    columns: list[Column] = []
    keys = [tuple(re.split(r",\s*", found["columns"])) for found in _TABLE_KEY.finditer(body)]
    without_keys = _TABLE_KEY.sub("", body)
    for found in _COLUMN.finditer(without_keys):
        generated = _one_line(found["generated"] or "")
        columns.append(Column(found["name"], found["type"], generated))
        if "primary key" in found["rest"]:
            keys.append((found["name"],))
    return Table(name, tuple(columns), tuple(keys))


def _one_line(expression: str) -> str:
    """Return an expression without its comments and line ends (none of its literals goes over one)."""
    lines = (line.strip() for line in expression.splitlines())
    return " ".join(line for line in lines if line and not line.startswith("--"))


# What the database says


def _check_server(connection: psycopg.Connection) -> None:
    if connection.info.server_version < OLDEST_SERVER:
        version = connection.info.server_version // 10000
        raise ConfigError(f"this server is PostgreSQL {version}: version 15 or newer is needed")
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise ConfigError(f"the database's encoding is {encoding}: create one with encoding UTF8")


def _exists(connection: psycopg.Connection, relation: str) -> bool:
    return connection.execute("select to_regclass(%s) is not null", [relation]).fetchone() == (True,)


def _applied(connection: psycopg.Connection) -> dict[str, str]:
    if not _exists(connection, "attio_sync.migrations"):
        return {}
    return dict(connection.execute("select name, sha256 from attio_sync.migrations order by name").fetchall())


def _check_history(files: tuple[Migration, ...], applied: dict[str, str]) -> None:
    hashes = {migration.name: migration.sha256 for migration in files}
    for name, sha256 in applied.items():
        if name not in hashes:
            raise ConfigError(
                f"the database has migration {name}, this checkout has not: a newer version of canon was here; "
                "update the checkout"
            )
        if hashes[name] != sha256:
            raise ConfigError(
                f"migration {name} was edited after it ran on this database: restore the file "
                f"(git checkout -- sync/migrations/{name}.sql) and put the change into a new one"
            )


def _own_tables(connection: psycopg.Connection) -> set[str]:
    if not _exists(connection, "attio_sync.own_tables"):
        return set()
    return {name for (name,) in connection.execute("select relation from attio_sync.own_tables")}


def _existing_relations(connection: psycopg.Connection, names: list[str]) -> dict[str, str]:
    """Return those of `names` that exist, with their kind (`pg_class.relkind`)."""
    return dict(
        connection.execute(
            """
            select wanted.name, pg_class.relkind::text
            from unnest(%s::text[]) as wanted (name)
            inner join pg_catalog.pg_class on pg_class.oid = to_regclass(wanted.name)
            """,
            [names],
        ).fetchall()
    )


def _extensions(connection: psycopg.Connection) -> Iterator[Extension]:
    rows = connection.execute(
        """
        select
            wanted.name,
            pg_namespace.nspname,
            pg_available_extensions.name is not null,
            coalesce(has_schema_privilege(to_regnamespace('extensions'), 'usage'), false)
        from unnest(%s::text[]) as wanted (name)
        left join pg_catalog.pg_extension on pg_extension.extname = wanted.name
        left join pg_catalog.pg_namespace on pg_namespace.oid = pg_extension.extnamespace
        left join pg_catalog.pg_available_extensions on pg_available_extensions.name = wanted.name
        """,
        [list(EXTENSIONS)],
    ).fetchall()
    for name, schema, is_available, has_extensions_schema in rows:
        if schema is not None:
            yield Extension(name, "present", schema)
        elif is_available:
            yield Extension(name, "absent", "extensions" if has_extensions_schema else "public")
        else:
            yield Extension(name, "unavailable", "")


def _compare(connection: psycopg.Connection, table: Table, kind: str) -> Iterator[Difference]:
    """Yield how the existing `table` differs from what its migration would have created."""
    if kind not in {"r", "p"}:
        yield Difference(
            table.name,
            "is not a table",
            f"alter table {table.name} rename to ...",
            "then `canon migrate` creates the table",
        )
        return
    yield from _compare_columns(connection, table)
    yield from _compare_keys(connection, table)
    if table.is_touched:
        yield from _compare_trigger(connection, table)


def _compare_columns(connection: psycopg.Connection, table: Table) -> Iterator[Difference]:
    found = {
        name: (type_name, is_generated)
        for name, type_name, is_generated in connection.execute(
            """
            select attname, format_type(atttypid, atttypmod), attgenerated <> ''
            from pg_catalog.pg_attribute
            where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped
            """,
            [table.name],
        )
    }
    wanted_types: dict[str, str] = dict(
        connection.execute(
            "select name, format_type(to_regtype(name), null) from unnest(%s::text[]) as wanted (name)",
            [sorted({column.type for column in table.columns})],
        ).fetchall()
    )
    for column in table.columns:
        rule = f" generated always as ({column.generated}) stored" if column.generated else ""
        rewrite = "rewrites the whole table and locks it against readers and writers meanwhile" if rule else ""
        add = f"alter table {table.name} add column {column.name} {column.type}{rule};"
        if column.name not in found:
            yield Difference(table.name, f"has no column {column.name}", add, rewrite)
            continue
        type_name, is_generated = found[column.name]
        if type_name != wanted_types[column.type]:
            yield Difference(
                table.name,
                f"column {column.name} is {type_name}, not {wanted_types[column.type]}",
                f"alter table {table.name} alter column {column.name} type {column.type} "
                f"using {column.name}::{column.type};",
                "may rewrite the whole table and locks it meanwhile",
            )
        if column.generated and not (is_generated and _same_expression(connection, table, column)):
            what = "is generated by another rule" if is_generated else "is not a generated column"
            yield Difference(
                table.name,
                f"column {column.name} {what} (the models always compute their own)",
                f"alter table {table.name} drop column {column.name}, {add.partition(f'{table.name} ')[2]}",
                rewrite,
            )


def _same_expression(connection: psycopg.Connection, table: Table, column: Column) -> bool:
    """Return whether the existing generated column has our rule.

    Postgres keeps expressions in a form of its own, so ours is put through the same mill: a temporary table that
    never comes into being, as its transaction is rolled back.
    """
    sources = ", ".join(f"{each.name} {each.type}" for each in table.columns if not each.generated)
    expression = """
        select pg_get_expr(pg_attrdef.adbin, pg_attrdef.adrelid)
        from pg_catalog.pg_attrdef
        inner join pg_catalog.pg_attribute
            on pg_attribute.attrelid = pg_attrdef.adrelid and pg_attribute.attnum = pg_attrdef.adnum
        where pg_attrdef.adrelid = to_regclass(%s) and pg_attribute.attname = %s
    """
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(
                f"create temporary table canon_expected ({sources}, {column.name} {column.type} "
                f"generated always as ({column.generated}) stored)".encode()
            )
            ours = connection.execute(expression, ["pg_temp.canon_expected", column.name]).fetchone()
    except (psycopg.errors.UndefinedFunction, psycopg.errors.InvalidSchemaName):
        return False  # our rule calls a function that is not there yet, so what is there cannot be our rule
    return ours == connection.execute(expression, [table.name, column.name]).fetchone()


def _compare_keys(connection: psycopg.Connection, table: Table) -> Iterator[Difference]:
    found = {
        tuple(sorted(columns)): not nulls_repeat
        for columns, nulls_repeat in connection.execute(
            """
            select
                array_agg(pg_attribute.attname::text),
                not pg_index.indnullsnotdistinct and not bool_and(pg_attribute.attnotnull)
            from pg_catalog.pg_index
            cross join lateral unnest(pg_index.indkey[0:pg_index.indnkeyatts - 1]) as part (attnum)
            left join pg_catalog.pg_attribute
                on pg_attribute.attrelid = pg_index.indrelid and pg_attribute.attnum = part.attnum
            where
                pg_index.indrelid = to_regclass(%s)
                and pg_index.indisunique
                and pg_index.indisvalid
                and pg_index.indpred is null
                and pg_index.indexprs is null
            group by pg_index.indexrelid
            """,
            [table.name],
        )
    }
    for key in table.keys:
        columns = ", ".join(key)
        create = f"create unique index concurrently on {table.name} ({columns}) nulls not distinct;"
        cost = "fails while two rows share the key"
        if tuple(sorted(key)) not in found:
            yield Difference(table.name, f"has no unique key ({columns})", create, cost)
        elif not found[tuple(sorted(key))] and key != ("id",):
            yield Difference(table.name, f"unique key ({columns}) lets empty ones repeat", create, cost)


def _compare_trigger(connection: psycopg.Connection, table: Table) -> Iterator[Difference]:
    functions = [
        name
        for (name,) in connection.execute(
            """
            select pg_namespace.nspname || '.' || pg_proc.proname
            from pg_catalog.pg_trigger
            inner join pg_catalog.pg_proc on pg_proc.oid = pg_trigger.tgfoid
            inner join pg_catalog.pg_namespace on pg_namespace.oid = pg_proc.pronamespace
            where
                pg_trigger.tgrelid = to_regclass(%s)
                and not pg_trigger.tgisinternal
                and pg_trigger.tgenabled <> 'D'
                and pg_trigger.tgtype & 19 = 19 -- row, before, update
            """,
            [table.name],
        )
    ]
    if "core.touch_updated_at" in functions:
        return
    others = f" (it has a trigger that calls {', '.join(functions)})" if functions else ""
    yield Difference(
        table.name,
        f"has no trigger core.touch_updated_at{others}",
        f"create trigger touch_updated_at before update on {table.name} "
        "for each row execute function core.touch_updated_at();",
        "after `canon migrate`; `canon migrate --add-triggers` does it; locks the table for a moment",
        is_trigger=True,
    )


_TOUCH_BODY = re.compile(r"as \$touch\$(?P<body>.*?)\$touch\$", re.DOTALL)


def _compare_trigger_function(connection: psycopg.Connection, files: tuple[Migration, ...]) -> Iterator[Difference]:
    found = connection.execute(
        "select prosrc from pg_catalog.pg_proc where oid = to_regprocedure('core.touch_updated_at()')"
    ).fetchone()
    bodies = [body["body"] for migration in files for body in _TOUCH_BODY.finditer(migration.text)]
    if found is None or " ".join(found[0].split()) in {" ".join(body.split()) for body in bodies}:
        return
    yield Difference(
        "core.touch_updated_at()",
        "has another body than canon's, and our tables' triggers call it",
        "alter function core.touch_updated_at() rename to ...;",
        "your triggers follow it; before the first `canon migrate`, which then creates its own",
    )


# Doing it


@contextlib.contextmanager
def _lock(connection: psycopg.Connection, say: Callable[[str], None]) -> Iterator[None]:
    started = time.monotonic()
    next_word = started
    while connection.execute("select pg_try_advisory_lock(%s)", [LOCK]).fetchone() != (True,):
        if time.monotonic() - started > SECONDS_TO_WAIT_FOR_LOCK:
            raise LockedError("another `canon migrate` has held this database for ten minutes: look what it waits for")
        if time.monotonic() >= next_word:
            say("another `canon migrate` runs on this database: waiting for it")
            next_word += progress.SECONDS_BETWEEN_LINES
        time.sleep(0.2)
    try:
        yield
    finally:
        connection.execute("select pg_advisory_unlock(%s)", [LOCK])


def _create_extension(connection: psycopg.Connection, extension: Extension, say: Callable[[str], None]) -> None:
    try:
        connection.execute(extension.create())
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[0]
        say(
            f"extension {extension.name} is missing and cannot be created ({reason}): "
            f"have an administrator of the database run: create extension {extension.name};"
        )
    else:
        say(f"created extension {extension.name} in schema {extension.where}")


def _run(connection: psycopg.Connection, migration: Migration) -> None:
    try:
        with connection.transaction():
            connection.execute(migration.text.encode())
            connection.execute(
                "insert into attio_sync.migrations (name, sha256) values (%s, %s)", [migration.name, migration.sha256]
            )
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[0]
        raise WarehouseError(
            f"migration {migration.name} failed and left nothing behind: {reason}; mend that and run it again"
        ) from error


# The gazetteer


def _gazetteer_files() -> Iterator[GazetteerFile]:
    for path in sorted(GAZETTEER.glob("*.csv.gz")):
        table = path.name.removesuffix(".csv.gz")
        yield GazetteerFile(path, f"reference.gazetteer_{table}", hashlib.sha256(path.read_bytes()).hexdigest())


def _stale_gazetteer(
    connection: psycopg.Connection, existing: dict[str, str], own: set[str]
) -> Iterator[GazetteerFile]:
    """Yield the files whose table is ours (or will be) and holds another version of them, or nothing."""
    loaded: dict[str, str] = {}
    if _exists(connection, "attio_sync.loaded_files"):
        loaded = dict(connection.execute("select relation, sha256 from attio_sync.loaded_files").fetchall())
    for file in _gazetteer_files():
        is_ours = file.relation in own or file.relation not in existing
        if is_ours and loaded.get(file.relation) != file.sha256:
            yield file


def _load_gazetteer(connection: psycopg.Connection, file: GazetteerFile) -> None:
    schema, _, table = file.relation.partition(".")
    target = sql.Identifier(schema, table)
    with gzip.open(file.path, "rt", encoding="utf-8", newline="") as lines:
        header = next(csv.reader(lines))
    columns = sql.SQL(", ").join(map(sql.Identifier, header))
    copy = sql.SQL("copy {} ({}) from stdin with (format csv, header match)").format(target, columns)
    try:
        with (
            progress.task(file.relation, unit="rows") as task,
            connection.transaction(),
            connection.cursor() as cursor,
            gzip.open(file.path, "rb") as content,
        ):
            cursor.execute(sql.SQL("truncate {}").format(target))
            with cursor.copy(copy) as stream:
                while chunk := content.read(CHUNK):
                    stream.write(chunk)
            cursor.execute(sql.SQL("select count(*) from {}").format(target))
            counted = cursor.fetchone()
            records = int(counted[0]) if counted else 0
            task.advance(records)
            cursor.execute(
                """
                insert into attio_sync.loaded_files (relation, sha256, records)
                values (%s, %s, %s)
                on conflict (relation) do update
                set sha256 = excluded.sha256, records = excluded.records, loaded_at = now()
                """,
                [file.relation, file.sha256, records],
            )
        connection.execute(sql.SQL("analyze {}").format(target))
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[0]
        raise WarehouseError(f"{file.path.name} did not go into {file.relation}: {reason}") from error
