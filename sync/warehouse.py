"""Every statement we run on the mirror and the marts.

The caller owns the connection, in autocommit mode: nothing here keeps a transaction open between two calls. A refusal
of the database comes out as `WarehouseError`, in one line.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
from psycopg import sql

from sync.errors import MappingError, WarehouseError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping, Sequence

    from sync.mapping import Export, Upstream


class MirrorRow(NamedTuple):
    """One record on its way into the mirror; `values` is JSON text."""

    record_id: str
    created_at: str
    web_url: str
    values: str


@contextlib.contextmanager
def refusals_told(doing: str) -> Iterator[None]:
    """Turn what the database refuses into a `WarehouseError` that says what we were doing."""
    try:
        yield
    except psycopg.errors.UndefinedTable as error:
        raise WarehouseError(f"{doing}: {_first_line(error)}: run `canon migrate` first") from error
    except psycopg.Error as error:
        raise WarehouseError(f"{doing}: {_first_line(error)}") from error


def _first_line(error: psycopg.Error) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def json_text(value: Any) -> str:
    """Return JSON text that PostgreSQL can hold: it knows neither the character NUL nor half a surrogate pair."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if "\\u0000" in text or not _is_encodable(text):
        text = json.dumps(_storable(value), ensure_ascii=False, separators=(",", ":"))
    return text


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "").encode(errors="replace").decode()
    if isinstance(value, list):
        return [_storable(one) for one in value]
    if isinstance(value, dict):
        return {_storable(name): _storable(one) for name, one in value.items()}
    return value


# the marts


def check_exports(connection: psycopg.Connection, exports: Sequence[Export]) -> None:
    """Raise `MappingError` unless every export's table is there with the columns that the mapping names."""
    for export in exports:
        relation = sql.Identifier(export.schema, export.table).as_string(connection)
        with refusals_told(export.model):
            found = connection.execute(
                """
                select to_regclass(%(relation)s) is not null, array(
                    select attname::text
                    from pg_catalog.pg_attribute
                    where attrelid = to_regclass(%(relation)s) and attnum > 0 and not attisdropped
                )
                """,
                {"relation": relation},
            ).fetchone()
        assert found is not None  # noqa: S101  # a select without a table has one row
        is_there, columns = found
        if not is_there:
            raise MappingError(
                f"{export.model}: manifest and tables differ; {export.schema}.{export.table} does not exist: "
                "run `make build` first"
            )
        wanted = [export.key, export.record_id_column, *(field.column for field in export.fields)]
        for column in wanted:
            if column is not None and column not in columns:
                raise MappingError(
                    f'{export.model}: manifest and tables differ; column "{column}" does not exist: '
                    "run `make build` first"
                )


def held_back(connection: psycopg.Connection, export: Export, rests_on: Upstream) -> str | None:
    """Return why an export must wait, by what the last build said of what it rests on; None when it need not.

    What did not succeed, or was built again after its tests ran, counts as failed.
    """
    table = sql.Identifier(f"{export.schema}_intermediate", "results_remembered")
    with refusals_told(export.model):
        found = connection.execute("select to_regclass(%s)", [table.as_string(connection)]).fetchone()
        if found == (None,):
            return "no build has said how its tests ended: run `make build`"
        row = connection.execute(
            sql.SQL(
                """
                with
                needed (unique_id, is_test, tested) as (
                    select unnest(%(nodes)s::text[]), false, null
                    union all
                    select * from unnest(%(tests)s::text[], %(is_test)s::boolean[], %(tested)s::text[])
                )

                select needed.unique_id, needed.is_test, remembered.status, remembered.message
                from needed
                left join {table} as remembered on remembered.unique_id = needed.unique_id
                left join {table} as built on built.unique_id = needed.tested
                where
                    remembered.status is null
                    or remembered.status not in ('success', 'pass', 'warn', 'no-op')
                    or remembered.finished_at < built.finished_at
                order by
                    coalesce(remembered.status in ('fail', 'error'), false) desc, needed.is_test desc, needed.unique_id
                limit 1
                """
            ).format(table=table),
            {
                "nodes": sorted(rests_on.nodes),
                "tests": [test for test, _ in rests_on.tests],
                "is_test": [True] * len(rests_on.tests),
                "tested": [node for _, node in rests_on.tests],
            },
        ).fetchone()
    if row is None:
        return None
    unique_id, is_test, status, message = row
    name = f"{'test' if is_test else 'model'} {unique_id.split('.')[2]}"
    if status is None:
        return f"{name} has no result: run `make build`"
    if status in {"success", "pass", "warn", "no-op"}:
        return f"{name} did not run on what was built last: run `make build`"
    return f"{name} upstream ended with {status} ({message or 'no message'}): mend it and run `make build`"


# the mirror


def never_read(connection: psycopg.Connection, objects: Sequence[str]) -> list[str]:
    """Return those of `objects` that no pull has read yet, and of which the mirror holds nothing."""
    with refusals_told("mirror"):
        rows = connection.execute(
            """
            select wanted.object
            from unnest(%s::text[]) with ordinality as wanted (object, position)
            where
                not exists (select from attio_mirror.pulls where pulls.object = wanted.object)
                and not exists (select from attio_mirror.records where records.object = wanted.object)
            order by wanted.position
            """,
            [list(objects)],
        ).fetchall()
    return [slug for (slug,) in rows]


def begin_pull(connection: psycopg.Connection, object_slug: str) -> tuple[dt.datetime, int | None]:
    """Make room for an object's records; return the time by the database's clock and how many the last pull read.

    The rows collect in a temporary table of this session: the mirror shows the old ones until `replace_mirror`.
    """
    with refusals_told(f"pull {object_slug}"):
        row = connection.execute(
            """
            select clock_timestamp(), (select pulls.records from attio_mirror.pulls where pulls.object = %s)
            from (select count(*) from attio_mirror.records where false) as the_mirror_is_there
            """,
            (object_slug,),
        ).fetchone()
        assert row is not None  # noqa: S101  # a select of an aggregate has one row
        connection.execute(
            """
            create temporary table if not exists pulled_records (
                read_number bigint generated always as identity,
                record_id uuid,
                created_at timestamptz,
                web_url text,
                values jsonb
            )
            """
        )
        empty_spool(connection)
        return row[0], row[1]


def empty_spool(connection: psycopg.Connection) -> None:
    """Forget what this session has read so far."""
    with refusals_told("pull"):
        connection.execute("truncate pg_temp.pulled_records")


def spool(connection: psycopg.Connection, rows: Sequence[MirrorRow]) -> None:
    """Put one page's records by, behind those of the pages before."""
    statement = "copy pg_temp.pulled_records (record_id, created_at, web_url, values) from stdin"
    with refusals_told("pull"), connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def count_spooled(connection: psycopg.Connection) -> int:
    """Return how many different records this session has read."""
    with refusals_told("pull"):
        row = connection.execute("select count(distinct record_id) from pg_temp.pulled_records").fetchone()
    assert row is not None  # noqa: S101
    return int(row[0])


def replace_attached(connection: psycopg.Connection, kind: str, counts: Mapping[str, int]) -> None:
    """Store how many of a kind (notes, tasks, entries) hang on each record, in place of what was known."""
    with refusals_told("storing what hangs on records"), connection.transaction():
        connection.execute("delete from attio_mirror.attached where kind = %s", [kind])
        connection.execute(
            """
            insert into attio_mirror.attached (record_id, kind, count)
            select counted.record_id::uuid, %s, counted.count
            from unnest(%s::text[], %s::bigint[]) as counted (record_id, count)
            """,
            [kind, list(counts), list(counts.values())],
        )


def replace_mirror(connection: psycopg.Connection, object_slug: str, began_at: dt.datetime) -> bool:
    """Put what was read in the place of the object's rows, in one transaction; the tables keep their identity.

    A record that was read twice counts as read last. Returns False, and leaves the mirror, when a pull that began
    later has already been stored.
    """
    with refusals_told(f"pull {object_slug}"):
        with connection.transaction():
            connection.execute(
                "select pg_advisory_xact_lock(hashtextextended('attio_mirror.' || %s::text, 0))", (object_slug,)
            )
            if connection.execute(
                "select 1 from attio_mirror.pulls where object = %s and pulled_at > %s", (object_slug, began_at)
            ).fetchone():
                return False
            connection.execute("delete from attio_mirror.records where object = %s", (object_slug,))
            connection.execute(
                """
                insert into attio_mirror.records (object, record_id, created_at, web_url, values, pulled_at)
                select distinct on (record_id) %s::text, record_id, created_at, web_url, values, %s::timestamptz
                from pg_temp.pulled_records
                order by record_id, read_number desc
                """,
                (object_slug, began_at),
            )
            connection.execute(
                """
                insert into attio_mirror.pulls (object, pulled_at, records)
                select %(object)s::text, %(began_at)s::timestamptz, count(*)
                from attio_mirror.records
                where records.object = %(object)s::text
                on conflict (object) do update set pulled_at = excluded.pulled_at, records = excluded.records
                """,
                {"object": object_slug, "began_at": began_at},
            )
            _create_view(connection, object_slug)
        connection.execute("analyze attio_mirror.records")
        empty_spool(connection)
    return True


def _create_view(connection: psycopg.Connection, object_slug: str) -> None:
    """Give the object a view of its own; a relation of that name stays what it is."""
    taken = connection.execute("select to_regclass(format('attio_mirror.%%I', %s::text))", (object_slug,)).fetchone()
    if taken == (None,):
        connection.execute(
            sql.SQL(
                "create view attio_mirror.{view} as select record_id, created_at, web_url, values, pulled_at"
                " from attio_mirror.records where object = {slug}"
            ).format(view=sql.Identifier(object_slug), slug=sql.Literal(object_slug))
        )
