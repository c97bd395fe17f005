"""Load CSV and NDJSON files into a table: COPY into a temporary table, then SQL; all or nothing per file.

Without a format the file's column names are the table's. A format (`sync/formats/NAME.sql`) is one query over the
temporary table `incoming`, whose columns are the target's; beside them it has `line_number` (the line a row came from)
and may have `left_out` (why a line yields no row). What then happens is the same for all:

- rows are inserted or updated by the table's unique key; a row that would change nothing is not written;
- a blank cell never erases a value that is there; `created_at` and `updated_at` are set only on insert;
- of several rows with one key the last one wins, and the others are counted as repeated;
- a row with no key at all is left out and named; a row that cannot be stored is a bad line and named;
- one bad line, and nothing of its file is stored.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from sync import database, files, migrate, progress
from sync.errors import ConfigError, WarehouseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

FORMATS = Path(__file__).parent / "formats"
LONGEST_KEY = 2000  # bytes; a btree key holds 2,704
NAMED_LINES = 10_000  # how many bad or left-out lines are remembered one by one
ROWS_PER_STEP = 2_000
SET_ONLY_ON_INSERT = frozenset({"created_at", "updated_at"})


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the target: its type without length, its default as SQL, whether null is refused."""

    name: str
    type: str
    default: str
    is_required: bool
    is_comparable: bool


@dataclass(frozen=True, slots=True)
class Target:
    """The table rows go into. `keys` are the unique keys that can tell rows apart, best first."""

    schema: str
    table: str
    columns: tuple[Column, ...]
    keys: tuple[tuple[str, ...], ...]
    is_source_table: bool

    @property
    def name(self) -> str:
        """`schema.table`."""
        return f"{self.schema}.{self.table}"

    @property
    def identifier(self) -> sql.Identifier:
        """The name, quoted."""
        return sql.Identifier(self.schema, self.table)


@dataclass(frozen=True, slots=True)
class Format:
    """A file of `sync/formats`.

    Its first comment lines say `into:` the table, `reads:` `csv` (or NDJSON with the same keys) or `ndjson` (lines
    whole, in the column `record`), `columns:` what a file must have and `optional:` what it may have.
    """

    name: str
    into: str
    reads: str
    columns: tuple[str, ...]
    optional: tuple[str, ...]
    query: str


@dataclass(frozen=True, slots=True)
class NamedLine:
    """A line of a file, and why it is named."""

    line: int
    reason: str


@dataclass(slots=True)
class FileReport:
    """What became of one file. `records` counts what was read; the lists are capped at `NAMED_LINES`."""

    path: Path
    records: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    merged: int = 0
    repeated: int = 0
    left_out_count: int = 0
    bad_count: int = 0
    left_out: list[NamedLine] = field(default_factory=list)
    bad: list[NamedLine] = field(default_factory=list)
    absent_columns: tuple[str, ...] = ()

    @property
    def is_loaded(self) -> bool:
        """Whether the file's rows are in the table."""
        return not self.bad_count

    def add_bad(self, line: int, reason: str) -> None:
        """Count a bad line; remember it while there is room."""
        self.bad_count += 1
        if len(self.bad) < NAMED_LINES:
            self.bad.append(NamedLine(line, reason))

    def document(self) -> dict[str, Any]:
        """Return the report as `--json` prints it."""
        return {
            "file": str(self.path),
            "loaded": self.is_loaded,
            "records": self.records,
            "inserted": self.inserted,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "merged": self.merged,
            "repeated": self.repeated,
            "left_out": self.left_out_count,
            "bad": self.bad_count,
            "left_out_lines": [{"line": each.line, "reason": each.reason} for each in self.left_out],
            "bad_lines": [{"line": each.line, "reason": each.reason} for each in self.bad],
            "columns_the_table_lacks": list(self.absent_columns),
        }


@dataclass(frozen=True, slots=True)
class _Job:
    """One file, made ready: which of its columns are copied, and the query that shapes them."""

    path: Path
    kind: files.Kind
    copied: tuple[str, ...]
    format: Format | None


def format_names() -> tuple[str, ...]:
    """Return the names of the formats there are."""
    return tuple(sorted(path.stem for path in FORMATS.glob("*.sql")))


def read_format(name: str) -> Format:
    """Return a format; raises `ConfigError` for an unknown name."""
    if name not in format_names():
        raise ConfigError(f"no format {name!r}: there are {', '.join(format_names())}")
    text = (FORMATS / f"{name}.sql").read_text(encoding="utf-8")
    said = dict(re.findall(r"^-- (into|reads|columns|optional): (.*)$", text, re.MULTILINE))

    def listed(key: str) -> tuple[str, ...]:
        return tuple(re.split(r",\s*", said[key])) if key in said else ()

    return Format(name, said["into"], said["reads"], listed("columns"), listed("optional"), text)


def read_target(connection: psycopg.Connection, name: str) -> Target:
    """Describe the table `name` (`schema.table`) out of the catalog; raises `ConfigError` when it cannot be loaded."""
    schema, _, table = name.partition(".")
    found = connection.execute(
        """
        select pg_class.oid, pg_class.relkind::text
        from pg_catalog.pg_class
        inner join pg_catalog.pg_namespace on pg_namespace.oid = pg_class.relnamespace
        where pg_namespace.nspname = %s and pg_class.relname = %s
        """,
        [schema, table],
    ).fetchone()
    shapes = {shape.name: shape for migration in migrate.migrations() for shape in migration.tables()}
    if found is None:
        if name in shapes:
            raise ConfigError(f"there is no table {name} yet: run canon migrate first")
        raise ConfigError(f"there is no table {name!r}: name it as SCHEMA.TABLE, as in extracted.person_discovery")
    oid, kind = found
    if kind not in {"r", "p"}:
        raise ConfigError(f"{name} is not a table: rows can only be loaded into a table")
    columns = tuple(
        Column(*row)
        for row in connection.execute(
            """
            select
                pg_attribute.attname,
                format_type(pg_attribute.atttypid, null),
                coalesce(pg_get_expr(pg_attrdef.adbin, pg_attrdef.adrelid), ''),
                pg_attribute.attnotnull and pg_attribute.attidentity = '',
                pg_type.typname not in ('json', 'xml', 'point', 'line', 'lseg', 'box', 'path', 'polygon', 'circle')
            from pg_catalog.pg_attribute
            inner join pg_catalog.pg_type on pg_type.oid = pg_attribute.atttypid
            left join pg_catalog.pg_attrdef
                on pg_attrdef.adrelid = pg_attribute.attrelid and pg_attrdef.adnum = pg_attribute.attnum
            where
                pg_attribute.attrelid = %s
                and pg_attribute.attnum > 0
                and not pg_attribute.attisdropped
                and pg_attribute.attgenerated = ''
                and pg_attribute.attidentity <> 'a'
            order by pg_attribute.attnum
            """,
            [oid],
        )
    )
    keys = [
        tuple(each)
        for (each,) in connection.execute(
            """
            select array_agg(pg_attribute.attname::text order by part.position)
            from pg_catalog.pg_index
            cross join lateral
                unnest(pg_index.indkey[0:pg_index.indnkeyatts - 1]) with ordinality as part (attnum, position)
            left join pg_catalog.pg_attribute
                on pg_attribute.attrelid = pg_index.indrelid and pg_attribute.attnum = part.attnum
            where
                pg_index.indrelid = %s
                and pg_index.indisunique
                and pg_index.indisvalid
                and pg_index.indpred is null
                and pg_index.indexprs is null
            group by pg_index.indexrelid
            order by bool_or(pg_index.indisprimary) desc, count(*), min(pg_index.indexrelid::bigint)
            """,
            [oid],
        )
    ]
    if name in shapes:  # an owner's older table may lack the unique key; what tells its rows apart is the same
        keys += [key for key in shapes[name].keys if key not in keys]
    return Target(schema, table, columns, tuple(keys), name in shapes)


def load(
    connection: psycopg.Connection,
    paths: Sequence[Path],
    target: Target,
    format_: Format | None,
    *,
    dry_run: bool = False,
) -> list[FileReport]:
    """Load `paths`, one transaction each; with `dry_run` every transaction is rolled back after counting.

    Raises `ConfigError` before anything is read when a file cannot be opened, has a column the table lacks, or lacks
    one the format or the key needs. The connection must be in autocommit mode.
    """
    jobs = [_prepare(path, target, format_) for path in paths]
    with database.refusals_told("loading stopped"):
        # 03/04/2024 is one day here and another there: such a date is a bad line, whatever the server is set to
        connection.execute("set datestyle = 'ISO, YMD'")
        return [_load_file(connection, job, target, dry_run=dry_run) for job in jobs]


# Before anything is read


def _prepare(path: Path, target: Target, format_: Format | None) -> _Job:
    files.check_readable(path)
    kind = files.kind_of(path)
    if format_ is not None:
        return _prepare_with_format(path, kind, target, format_)
    known = tuple(column.name for column in target.columns)
    if not target.keys:
        raise ConfigError(f"{target.name} has no unique key, so a second load could not know its rows again")
    if kind == "ndjson":
        return _Job(path, kind, known, None)
    found = files.header(path)
    for name in found:
        if name not in known:
            hint = " (a comma must separate the columns)" if re.search("[;\t|]", name) else ""
            raise ConfigError(f"{path}: {target.name} has no column {name!r} that could be loaded{hint}")
    if found:
        _key_among(target, found, path)
    return _Job(path, kind, found, None)


def _prepare_with_format(path: Path, kind: files.Kind, target: Target, format_: Format) -> _Job:
    if target.name != format_.into:
        raise ConfigError(f"format {format_.name} is for {format_.into}, not for {target.name}")
    if format_.reads == "ndjson":
        if kind != "ndjson":
            raise ConfigError(f"{path}: format {format_.name} reads NDJSON, this is {kind.upper()}")
        return _Job(path, kind, ("record",), format_)
    if kind == "ndjson":
        raise ConfigError(f"{path}: format {format_.name} reads CSV, this is NDJSON")
    found = files.header(path)
    missing = [name for name in format_.columns if found and name not in found]
    if missing:
        raise ConfigError(f"{path}: has no column {missing[0]!r}, so it is not a file of format {format_.name}")
    return _Job(path, kind, tuple(name for name in format_.columns + format_.optional if name in found), format_)


def _key_among(target: Target, columns: Sequence[str], path: Path) -> tuple[str, ...]:
    for key in target.keys:
        if set(key) <= set(columns):
            return key
    wanted = " or ".join(f"({', '.join(key)})" for key in target.keys)
    raise ConfigError(f"{path}: the key is missing: {target.name} tells rows apart by {wanted}")


# One file, one transaction


class _NothingOfThisFile(Exception):  # noqa: N818  # not an error: the way out of a transaction
    """The file has bad lines: roll its transaction back."""


def _load_file(connection: psycopg.Connection, job: _Job, target: Target, *, dry_run: bool) -> FileReport:
    report = FileReport(job.path)
    with (
        progress.task(f"load {job.path.name} into {target.name}", unit="records") as task,
        contextlib.suppress(_NothingOfThisFile),
    ):
        try:
            with connection.transaction(force_rollback=dry_run):
                _copy(connection, job, target, report, task)
                if not report.records and not report.bad_count:
                    return report
                task.advance(0, note="shaping")
                columns = _shape(connection, job, target, report)
                if report.bad_count:
                    raise _NothingOfThisFile
                task.advance(0, note="writing")
                _put(connection, job, target, columns, report)
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction) as error:
            raise ConfigError(f"{target.name}: {_first_line(error)}; grant it, then load again") from error
        except psycopg.Error as error:
            raise WarehouseError(f"{job.path}: nothing of it was loaded: {_first_line(error)}") from error
    if report.is_loaded and not dry_run and report.inserted + report.updated:
        with contextlib.suppress(psycopg.Error):  # only helps the planner, and only a table's owner may
            connection.execute(sql.SQL("analyze {}").format(target.identifier))
    return report


def _copy(connection: psycopg.Connection, job: _Job, target: Target, report: FileReport, task: progress.Task) -> None:
    """Fill `pg_temp.incoming` (line_number, and text columns named as in the file)."""
    optional = job.format.optional if job.format else ()
    names = (*job.copied, *(name for name in optional if name not in job.copied))
    connection.execute(
        sql.SQL("create temporary table incoming (line_number bigint{}) on commit drop").format(
            sql.SQL("").join(sql.SQL(", {} text").format(sql.Identifier(name)) for name in names)
        )
    )
    copy = sql.SQL("copy pg_temp.incoming ({}) from stdin").format(
        sql.SQL(", ").join(map(sql.Identifier, ("line_number", *job.copied)))
    )
    with connection.cursor() as cursor, cursor.copy(copy) as stream:
        for row in _rows(job, target, report.add_bad):
            stream.write_row((row.line, *row.cells))
            report.records += 1
            if report.records % ROWS_PER_STEP == 0:
                task.advance(ROWS_PER_STEP)
        task.advance(report.records % ROWS_PER_STEP)
    connection.execute("analyze pg_temp.incoming")


def _rows(job: _Job, target: Target, on_bad: Callable[[int, str], None]) -> Iterator[files.Row]:
    if job.kind == "csv":
        return files.csv_rows(job.path, job.copied, on_bad)
    if job.format is not None:
        return files.ndjson_documents(job.path, on_bad)
    as_json = frozenset(column.name for column in target.columns if column.type in {"json", "jsonb"})
    return files.ndjson_rows(job.path, job.copied, as_json, on_bad)


def _shape(connection: psycopg.Connection, job: _Job, target: Target, report: FileReport) -> list[Column]:
    """Turn `incoming` into `shaped` (line_number, then columns of the target); return those columns."""
    by_name = {column.name: column for column in target.columns}
    if job.format is None:
        loaded = [by_name[name] for name in job.copied]
        if job.kind == "ndjson":  # only the columns that some line has, and one key whether it is there or not
            found = {column.name for column in loaded if _has_values(connection, "incoming", column.name)}
            if not any(set(key) <= found for key in target.keys):
                found.update(target.keys[-1])
            loaded = [column for column in loaded if column.name in found]
        query = _cast_query(loaded)
        types = {column.name: column.type for column in loaded}
    else:
        loaded = []
        query = job.format.query
        types = {"record": "jsonb"} if job.format.reads == "ndjson" else {}
    make = b"create temporary table shaped on commit drop as\n" + query.encode()
    try:
        with connection.transaction():
            connection.execute(make)
    except psycopg.DataError as error:
        _name_uncastable(connection, types, report)
        if not report.bad_count:
            line = _first_failing_line(connection, "incoming", lambda: connection.execute(make))
            report.add_bad(line, _first_line(error))
        return loaded
    made = _columns_of(connection, "shaped")
    if job.format is not None:
        loaded = [by_name[name] for name in made if name in by_name]
        report.absent_columns = tuple(sorted(set(made) - set(by_name) - {"line_number", "left_out"}))
    if "left_out" in made:
        _take_left_out(connection, report)
    return loaded


def _cast_query(columns: Sequence[Column]) -> str:
    """Return the query that casts each cell to its column's type; a blank cell is null, other text stays as it is."""
    template = "case when {name} ~ '[^[:space:]]' then {name}::{type} end as {name}"
    casts = [template.format(name=_quoted(column.name), type=column.type) for column in columns]
    return f"select {', '.join(['line_number', *casts])} from incoming"  # noqa: S608  # names are quoted


def _put(connection: psycopg.Connection, job: _Job, target: Target, columns: list[Column], report: FileReport) -> None:
    """Check `shaped`, then insert and update the target from it."""
    names = [column.name for column in columns]
    filled = [name for name in names if _has_values(connection, "shaped", name)]
    # an `id` column that nobody filled in tells no rows apart
    key = next((key for key in target.keys if set(key) <= set(filled)), None) or _key_among(target, names, job.path)
    keys = [column for column in columns if column.name in key]
    before = _count(connection, "shaped")
    report.merged = report.records - report.left_out_count - before if job.format else 0

    blank = sql.SQL(" and ").join(sql.SQL("{} is null").format(sql.Identifier(column.name)) for column in keys)
    _name_lines(
        connection,
        sql.SQL("delete from shaped where {} returning line_number, {}").format(
            blank, sql.Literal(f"no {' and no '.join(key)}")
        ),
        report.left_out,
    )
    report.left_out_count += before - _count(connection, "shaped")
    for column in keys:
        _name_bad(
            connection,
            sql.SQL("select line_number, {} from shaped where octet_length({}::text) > {}").format(
                sql.Literal(f"{column.name} is over {LONGEST_KEY:,} bytes long"),
                sql.Identifier(column.name),
                sql.Literal(LONGEST_KEY),
            ),
            report,
        )
    for column in columns:
        if column.is_required and not column.default:
            _name_bad(
                connection,
                sql.SQL("select line_number, {} from shaped where {} is null").format(
                    sql.Literal(f"{column.name} must not be blank"), sql.Identifier(column.name)
                ),
                report,
            )
    if report.bad_count:
        raise _NothingOfThisFile

    key_list = sql.SQL(", ").join(sql.Identifier(column.name) for column in keys)
    repeated = connection.execute(
        sql.SQL(
            "delete from shaped where ctid in (select repeated.ctid from ("
            "select shaped.ctid, row_number() over (partition by {} order by line_number desc, ctid desc) as place"
            " from shaped) as repeated where repeated.place > 1)"
        ).format(key_list)
    )
    report.repeated = repeated.rowcount
    connection.execute("analyze pg_temp.shaped")
    connection.execute(sql.SQL("lock table {} in share row exclusive mode").format(target.identifier))
    update, insert = _statements(connection, target, keys, columns)

    def write() -> tuple[int, int]:
        changed = connection.execute(update).rowcount if update else 0
        return changed, connection.execute(insert).rowcount

    total = _count(connection, "shaped")
    try:
        with connection.transaction():
            report.updated, report.inserted = write()
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        line = _first_failing_line(connection, "shaped", write)
        report.add_bad(line, f"{target.name} refuses it: {_first_line(error)}")
        raise _NothingOfThisFile from error
    report.unchanged = max(total - report.updated - report.inserted, 0)


def _statements(
    connection: psycopg.Connection, target: Target, keys: list[Column], columns: list[Column]
) -> tuple[sql.Composed | None, sql.Composed]:
    """Return the update and the insert that bring `shaped` into the target."""

    def new(column: Column) -> sql.Composed:
        return sql.SQL("shaped.{}::{}").format(sql.Identifier(column.name), sql.SQL(column.type))

    def old(column: Column) -> sql.Composed:
        return sql.SQL("target.{}").format(sql.Identifier(column.name))

    # One side of the match must be a plain equality, or the join is quadratic; a key column that is never empty in
    # `shaped` can be one.
    same_key = sql.SQL(" and ").join(
        sql.SQL("{} is not distinct from {}" if _has_nulls(connection, "shaped", column.name) else "{} = {}").format(
            old(column), new(column)
        )
        for column in keys
    )
    names = {column.name for column in keys}
    changeable = [column for column in columns if column.name not in names | SET_ONLY_ON_INSERT]

    def value(column: Column) -> sql.Composed:
        return sql.SQL("coalesce({}, {})").format(new(column), old(column))

    def differs(column: Column) -> sql.Composed:
        template = "{} is distinct from {}" if column.is_comparable else "({})::text is distinct from ({})::text"
        return sql.SQL(template).format(old(column), value(column))

    update = None
    if changeable:
        update = sql.SQL("update {} as target set {} from shaped where {} and ({})").format(
            target.identifier,
            sql.SQL(", ").join(
                sql.SQL("{} = {}").format(sql.Identifier(column.name), value(column)) for column in changeable
            ),
            same_key,
            sql.SQL(" or ").join(differs(column) for column in changeable),
        )
    insert = sql.SQL(
        "insert into {} ({}) select {} from shaped"
        " where not exists (select from {} as target where {}) order by line_number"
    ).format(
        target.identifier,
        sql.SQL(", ").join(sql.Identifier(column.name) for column in columns),
        sql.SQL(", ").join(
            sql.SQL("coalesce({}, {})").format(new(column), sql.SQL(column.default)) if column.default else new(column)
            for column in columns
        ),
        target.identifier,
        same_key,
    )
    return update, insert


# Naming lines


def _take_left_out(connection: psycopg.Connection, report: FileReport) -> None:
    found = connection.execute("select count(*) from shaped where left_out is not null").fetchone()
    report.left_out_count = int(found[0]) if found else 0
    statement = sql.SQL("delete from shaped where left_out is not null returning line_number, left_out")
    _name_lines(connection, statement, report.left_out)


def _name_lines(connection: psycopg.Connection, statement: sql.Composable, into: list[NamedLine]) -> None:
    """Run a `delete ... returning line_number, reason` and remember its lines in order, while there is room."""
    room = max(NAMED_LINES - len(into), 0)
    query = sql.SQL("with gone as ({}) select * from gone order by 1 limit {}").format(statement, sql.Literal(room))
    into += [NamedLine(line, reason) for line, reason in connection.execute(query)]


def _name_bad(connection: psycopg.Connection, query: sql.Composable, report: FileReport) -> None:
    for line, reason in connection.execute(sql.SQL("{} order by 1").format(query)):
        report.add_bad(line, reason)


def _name_uncastable(connection: psycopg.Connection, types: dict[str, str], report: FileReport) -> None:
    """Find each cell of `incoming` that is no value of its column's type.

    Slow (PostgreSQL 15 has no `pg_input_is_valid`), and only run once a cast is known to have failed.
    """
    connection.execute(
        """
        create function pg_temp.cast_error(cell text, type_name text) returns text language plpgsql as $body$
        begin
            execute format('select %L::%s', cell, type_name);
            return null;
        exception when others then
            return sqlerrm;
        end
        $body$
        """
    )
    for name, type_name in types.items():
        if type_name == "text":
            continue
        _name_bad(
            connection,
            sql.SQL(
                "select line_number, {} || reason from (select line_number, pg_temp.cast_error({}, {}) as reason"
                " from incoming where {} ~ '[^[:space:]]') as tried where reason is not null"
            ).format(sql.Literal(f"{name}: "), sql.Identifier(name), sql.Literal(type_name), sql.Identifier(name)),
            report,
        )
    report.bad.sort(key=lambda each: each.line)


def _first_failing_line(connection: psycopg.Connection, table: str, action: Callable[[], object]) -> int:
    """Return the first line of the temporary `table` with which `action` fails, by halving."""
    lines = sql.Identifier("pg_temp", table)
    found = connection.execute(
        sql.SQL("select coalesce(min(line_number), 1), coalesce(max(line_number), 1) from {}").format(lines)
    ).fetchone()
    good, bad = (int(found[0]) - 1, int(found[1])) if found else (0, 1)
    while bad - good > 1:
        middle = (good + bad) // 2
        try:
            with connection.transaction(force_rollback=True):
                connection.execute(sql.SQL("delete from {} where line_number > {}").format(lines, sql.Literal(middle)))
                action()
        except psycopg.Error:
            bad = middle
        else:
            good = middle
    return bad


# Small questions to the database


def _columns_of(connection: psycopg.Connection, table: str) -> list[str]:
    return [
        name
        for (name,) in connection.execute(
            """
            select attname from pg_catalog.pg_attribute
            where attrelid = to_regclass('pg_temp.' || %s) and attnum > 0 and not attisdropped
            order by attnum
            """,
            [table],
        )
    ]


def _count(connection: psycopg.Connection, table: str) -> int:
    found = connection.execute(sql.SQL("select count(*) from {}").format(sql.Identifier("pg_temp", table))).fetchone()
    return int(found[0]) if found else 0


def _has_nulls(connection: psycopg.Connection, table: str, column: str) -> bool:
    query = sql.SQL("select exists (select from {} where {} is null)").format(
        sql.Identifier("pg_temp", table), sql.Identifier(column)
    )
    return connection.execute(query).fetchone() == (True,)


def _has_values(connection: psycopg.Connection, table: str, column: str) -> bool:
    query = sql.SQL("select exists (select from {} where {} is not null)").format(
        sql.Identifier("pg_temp", table), sql.Identifier(column)
    )
    return connection.execute(query).fetchone() == (True,)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _first_line(error: psycopg.Error) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
