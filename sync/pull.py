"""Read every record of an object out of Attio and replace its rows in `attio_mirror`: the whole of it, or nothing.

Attio has no cursor: pages are asked for by offset, sorted by `created_at`, several at once. Each page begins with the
last record of the page before. Where it does not, records were inserted or deleted meanwhile and the offsets moved:
the rest is read again, from further in front, until the pages join. A pull in which that happened is read a second
time for a picture without records that are gone. Pages that do not join in the end are a loud failure, never a part
taken for the whole.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync import attio, progress, warehouse
from sync.errors import ConfigError, RecordRejected, Unavailable
from sync.warehouse import MirrorRow

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    import psycopg

    from sync.attio import Record
    from sync.mapping import Export
    from sync.rate_limiter import Crm

PAGE = attio.PAGE_LIMIT
STRIDE = PAGE - 1
"""How far apart two pages begin: one record is read twice, to see that they join."""

MOST_IN_FLIGHT = 8
PASSES = 3
MOST_SHIFTS = 20
STEP_BACK = PAGE // 2

SORTS = ({"attribute": "created_at", "direction": "asc"},)


@dataclass(frozen=True, slots=True)
class Pulled:
    """How one object's pull ended.

    `is_known` is False when the workspace has no such object (it then counts as empty). `is_newest` is False when a
    pull that began later was stored before this one, which then changed nothing. `passes` is how often the object was
    read.
    """

    object_slug: str
    records: int
    pages: int
    passes: int
    seconds: float
    is_known: bool
    is_newest: bool


def default_objects(exports: Sequence[Export]) -> list[str]:
    """Return the objects that a pull reads when none is named: companies, and every object that an export fills."""
    return list(dict.fromkeys(["companies", *(one.object_slug for one in exports)]))


async def pull(
    crm: Crm, connection: psycopg.Connection, objects: Sequence[str], *, may_be_absent: bool = False
) -> list[Pulled]:
    """Read `objects` and replace each one's rows, object by object; `connection` is in autocommit mode.

    An object that the workspace lacks counts as empty when it `may_be_absent` (before `canon setup` made it), else it
    is a `ConfigError`. Raises `Unavailable` when an object kept changing or Attio stayed away: what was not read
    whole is as it was.
    """
    return [await _pull(crm, connection, slug, may_be_absent=may_be_absent) for slug in dict.fromkeys(objects)]


async def _pull(crm: Crm, connection: psycopg.Connection, object_slug: str, *, may_be_absent: bool) -> Pulled:
    started = time.monotonic()
    began_at, expected = await asyncio.to_thread(warehouse.begin_pull, connection, object_slug)
    with progress.task(f"pull {object_slug}", total=expected, unit="records") as task:
        is_known = True
        reading = _Reading(crm, connection, object_slug, expected, task)
        try:
            records = await reading.read()
        except RecordRejected as error:
            if error.status != 404:
                raise
            if not may_be_absent:
                raise ConfigError(
                    f"the workspace has no object {object_slug}: see its slug in Attio's settings"
                ) from error
            is_known, records = False, 0
            task.advance(0, note="no such object in the workspace yet: counted as empty")
        task.expect(records)
        is_newest = await asyncio.to_thread(warehouse.replace_mirror, connection, object_slug, began_at)
    return Pulled(
        object_slug=object_slug,
        records=records,
        pages=reading.pages,
        passes=reading.passes,
        seconds=round(time.monotonic() - started, 3),
        is_known=is_known,
        is_newest=is_newest,
    )


class _Apart(Exception):  # noqa: N818  # a turn in the reading, not an error that anybody sees
    """Two pages do not join."""


class _Reading:
    """One object being read into the spool."""

    def __init__(
        self, crm: Crm, connection: psycopg.Connection, object_slug: str, expected: int | None, task: progress.Task
    ) -> None:
        self.pages = 0
        self.passes = 0
        self._crm = crm
        self._connection = connection
        self._object_slug = object_slug
        self._expected = expected
        self._task = task
        crm.tell = lambda words: task.advance(0, note=words)

    async def read(self) -> int:
        """Spool all records, and return how many there are; `Unavailable` when they kept changing."""
        for is_last in (*(False,) * (PASSES - 1), True):
            self.passes += 1
            if self.passes > 1:
                await asyncio.to_thread(warehouse.empty_spool, self._connection)
                self._task.advance(-self._task.done, note=f"it changed while we read: pass {self.passes}")
            try:
                end, shifts = await read_pages(self._page, self._keep, expected=self._expected)
            except _Apart:
                continue
            records = await asyncio.to_thread(warehouse.count_spooled, self._connection)
            is_whole = records >= end
            if is_whole and (is_last or not shifts):
                return records
        raise Unavailable(
            f"{self._object_slug} kept changing while it was read, {PASSES} times over: the mirror is as it was; "
            "pull again when less is going on in Attio"
        )

    async def _page(self, offset: int) -> list[MirrorRow]:
        records = await self._crm.query(self._object_slug, sorts=SORTS, limit=PAGE, offset=offset)
        self.pages += 1
        return [_mirror_row(record) for record in records]

    async def _keep(self, rows: list[MirrorRow], new: int) -> None:
        await asyncio.to_thread(warehouse.spool, self._connection, rows)
        self._task.advance(new, note=self._crm.note())


async def read_pages(
    page_at: Callable[[int], Awaitable[list[MirrorRow]]],
    keep: Callable[[list[MirrorRow], int], Awaitable[None]],
    *,
    expected: int | None = None,
) -> tuple[int, int]:
    """Read from offset 0 to the first short page; hand each page that joins the one before to `keep`, in order.

    `keep` gets a page's rows and how many of them are new. `expected` is how many records there were last time: so
    far we read ahead boldly, beyond it (or when nothing is known) carefully, because a page behind the end is a read
    for nothing; the first page of an object never read may be its last. Returns where the last page ended, counted from
    0, and how often offsets had moved. Raises `_Apart` when pages cannot be made to join.
    """
    under_way: deque[tuple[int, asyncio.Task[list[MirrorRow]]]] = deque()
    next_offset = kept = shifts = steps_back = 0
    before: list[MirrorRow] | None = None
    try:
        while True:
            while len(under_way) < _window(next_offset, kept, expected):
                under_way.append((next_offset, asyncio.ensure_future(page_at(next_offset))))
                next_offset += STRIDE
            offset, request = under_way.popleft()
            rows = await request
            if before is not None and not _join(before, rows):
                await _drop(under_way)
                shifts += 1
                steps_back += 1
                if offset == 0 or shifts > MOST_SHIFTS:
                    raise _Apart
                next_offset = max(offset - STEP_BACK * 2 ** (steps_back - 1), 0)
                continue
            steps_back = 0
            known = {row.record_id for row in before or ()}
            await keep(rows, sum(row.record_id not in known for row in rows))
            kept += 1
            before = rows
            if len(rows) < PAGE:
                return offset + len(rows), shifts
    finally:
        await _drop(under_way)


def _window(next_offset: int, kept: int, expected: int | None) -> int:
    """Return how many pages may be on their way when the next begins at `next_offset`."""
    if expected is None:
        return min(max(2, kept // 8), MOST_IN_FLIGHT) if kept else 1
    if next_offset < expected:
        return MOST_IN_FLIGHT
    return min(max(1, (kept - expected // STRIDE) // 8), MOST_IN_FLIGHT)


def _join(before: Sequence[MirrorRow], rows: Sequence[MirrorRow]) -> bool:
    """Tell whether nothing can lie between two pages: they share a record.

    Where the order is kept, what lies behind the shared record is in the second page, what lies before it in the first.
    """
    if not before or not rows:
        return False
    if before[-1].record_id == rows[0].record_id:
        return True
    return not {row.record_id for row in before}.isdisjoint(row.record_id for row in rows)


async def _drop(under_way: deque[tuple[int, asyncio.Task[list[MirrorRow]]]]) -> None:
    requests = [request for _, request in under_way]
    under_way.clear()
    for request in requests:
        request.cancel()
    await asyncio.gather(*requests, return_exceptions=True)


def _mirror_row(record: Record) -> MirrorRow:
    return MirrorRow(record.record_id, record.created_at, record.web_url, warehouse.json_text(record.values))
