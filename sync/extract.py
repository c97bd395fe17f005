"""Extract again what arrived: replay stored payloads, see what would change, change it.

The rules are SQL functions (`core.replay` and its kin): this carries ids to them in batches, and nothing is written to
an extracted table before `apply`. One connection for all of it: what was replayed is in its temporary tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import sql

from sync import database, progress
from sync.errors import ConfigError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    import psycopg

BATCH = 1000
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Replayed:
    """What the payloads of a feed say and its extracted table does not.

    `refused` payloads have nothing to extract; `new` and `changed` count rows; `columns` says in how many rows each
    column would change; `examples` are some of the rows, as (key, columns), none for a new row.
    """

    feed: str
    began_at: dt.datetime
    payloads: int
    refused: int
    new: int
    changed: int
    columns: dict[str, int]
    examples: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def rows(self) -> int:
        """How many rows would be written."""
        return self.new + self.changed


def feeds(connection: psycopg.Connection, names: Sequence[str]) -> list[str]:
    """Return the feeds asked for, all when none is named; `ConfigError` when there is no such feed."""
    with database.refusals_told("the feeds cannot be listed (run `canon migrate` first)"):
        known = [name for (name,) in connection.execute("select source from core.feeds()").fetchall()]
    for name in names:
        if name not in known:
            raise ConfigError(f"no feed is named {name}: there are {', '.join(known)}")
    return [name for name in known if not names or name in names]


def replay(connection: psycopg.Connection, feed: str, *, only_new: bool) -> Replayed:
    """Replay a feed's payloads in their order, into a temporary table, and compare; `connection` is in autocommit."""
    ids_of = sql.SQL("select id from core.payloads_to_replay({}, {}) as id").format(feed, only_new)
    with database.refusals_told(f"{feed} cannot be replayed"):
        (began_at,) = _row(connection, "select now()")
        connection.execute("select core.begin_replay(%s)", [feed])
        payloads, refused = _replay(connection, feed, ids_of)
        return _compared(connection, feed, began_at, payloads, refused)


def catch_up(connection: psycopg.Connection, replayed: Replayed) -> Replayed:
    """Go on with what arrived since `replay` began (somebody may have thought long about it), and compare again."""
    feed = replayed.feed
    ids_of = sql.SQL("select id from core.payloads_since({}, {}) as id").format(feed, replayed.began_at)
    with database.refusals_told(f"{feed} cannot be replayed"):
        payloads, refused = _replay(connection, feed, ids_of)
        return _compared(connection, feed, replayed.began_at, replayed.payloads + payloads, replayed.refused + refused)


def _replay(connection: psycopg.Connection, feed: str, ids_of: sql.Composed) -> tuple[int, int]:
    payloads = refused = 0
    with progress.task(f"replay {feed}", unit="payloads") as task, connection.transaction():
        for ids in _batches(connection, ids_of):
            (count,) = _row(connection, "select core.replay(%s, %s)", [feed, ids])
            payloads, refused = payloads + len(ids), refused + count
            task.advance(len(ids))
    return payloads, refused


def apply(connection: psycopg.Connection, replayed: Replayed) -> int:
    """Write what `replay` of the same feed, the last on this connection, found; return how many rows changed."""
    written = 0
    feed = replayed.feed
    with (
        database.refusals_told(f"{feed} cannot be extracted (what was written before stays)"),
        progress.task(f"extract {feed}", total=replayed.rows, unit="rows") as task,
    ):
        for start in range(0, replayed.rows, BATCH):
            (count,) = _row(
                connection,
                """
                select count(*)
                from jsonb_array_elements(core.merge_feed(%s, (
                    select jsonb_agg(jsonb_build_object('index', place) || entry order by place)
                    from pg_temp.replay_changes
                    where place > %s and place <= %s
                ))) as result
                where result ->> 'status' in ('inserted', 'updated')
                """,
                [feed, start, start + BATCH],
            )
            written += count
            task.advance(min(BATCH, replayed.rows - start))
    return written


def _batches(connection: psycopg.Connection, ids_of: sql.Composed) -> Iterator[list[UUID]]:
    with connection.cursor("payloads") as cursor:
        cursor.execute(ids_of)
        while rows := cursor.fetchmany(BATCH):
            yield [row[0] for row in rows]


def _compared(
    connection: psycopg.Connection, feed: str, began_at: dt.datetime, payloads: int, refused: int
) -> Replayed:
    connection.execute("drop table if exists pg_temp.replay_changes")
    connection.execute(
        "create temporary table replay_changes as "
        "select row_number() over (order by key) as place, * from core.replay_differences(%s)",
        [feed],
    )
    connection.execute("create unique index on pg_temp.replay_changes (place)")
    new, changed = _row(
        connection,
        "select count(*) filter (where is_new), count(*) filter (where not is_new) from pg_temp.replay_changes",
    )
    columns = connection.execute(
        "select name, count(*) from pg_temp.replay_changes cross join unnest(changes) as name "
        "group by name order by 2 desc, 1"
    ).fetchall()
    examples = connection.execute(
        "select array_to_string(array(select value from jsonb_each_text(key)), ' '), changes "
        "from pg_temp.replay_changes order by is_new, place limit %s",
        [SHOWN],
    ).fetchall()
    return Replayed(
        feed,
        began_at,
        payloads,
        refused,
        new,
        changed,
        dict(columns),
        tuple((key, tuple(names)) for key, names in examples),
    )


def _row(connection: psycopg.Connection, query: str, parameters: list[Any] | None = None) -> tuple[Any, ...]:
    row = connection.execute(query.encode(), parameters).fetchone()
    assert row is not None  # noqa: S101  # each of these selects has one row
    return tuple(row)
