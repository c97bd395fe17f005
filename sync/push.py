"""Execute a stored plan: a few rows first, read back; then the rest, concurrently, each write noted before it is sent.

Rows stream out of the plan, 200 at a time; each batch is noted in the ledger before its calls, and what came of them is
settled in batches, twice a second: memory stays flat, and a crash anywhere leaves entries that say `pending`. A write
that may have happened is repeated where that is harmless; a creation is looked up first.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sync import attio, ledger, progress
from sync.errors import AttioError, AuthError, RecordRejected, Unavailable
from sync.ledger import Outcome, Planned
from sync.rate_limiter import LONGEST_PAUSE, MOST_IN_FLIGHT, Halted
from sync.warehouse import refusals_told

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import psycopg

    from sync.attio import Record
    from sync.mapping import Export
    from sync.rate_limiter import Crm

BATCH = 200
WORKERS = MOST_IN_FLIGHT
FLUSH_SECONDS = 0.5
CREATE_ATTEMPTS = 8
SECOND_LOOK_SECONDS = 1.0
"""A creation whose answer was lost may still be under way: not found at once, it is looked for again after this."""
OLDEST_FIRST = {"attribute": "created_at", "direction": "asc"}
MOST_NAMED = 1000
CHANGED = "changed_since"
"""The code of a row that was left alone."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop: `canary` rows are read back first; until `deadline` (`time.monotonic`); `rows` written at the most.

    `max_rejects` is a number of rows, or a share of those tried (0 to 1) when `is_share`. None: no end.
    """

    canary: int = 10
    deadline: float | None = None
    rows: int | None = None
    max_rejects: float | None = None
    is_share: bool = False

    def too_many(self, rejected: int, tried: int) -> bool:
        """Tell whether so many rejects end the run; a share is not taken of fewer rows than it could be held in."""
        if self.max_rejects is None:
            return False
        if not self.is_share:
            return rejected > self.max_rejects
        return rejected > self.max_rejects * max(tried, self.canary)


STATES = ("created", "updated", "changed", "rejected", "waiting", "differing", "unknown", "not_sent")
"""How a row may end: `changed` in Attio since it was planned, and so left alone; `waiting` for a record it refers to,
`differing` when read back, `unknown` without an answer."""


@dataclass
class Report:
    """What a run did: rows by export and state, the first that were refused or wait, and why it stopped, if it did."""

    counts: dict[str, collections.Counter[str]] = field(default_factory=dict)
    rejected: list[dict[str, Any]] = field(default_factory=list)
    waiting: list[dict[str, Any]] = field(default_factory=list)
    changed: list[dict[str, Any]] = field(default_factory=list)
    left: int = 0
    stopped: str | None = None
    failure: AttioError | None = None
    seconds: float = 0.0

    def total(self, *states: str) -> int:
        """Return how many rows ended so, over all exports."""
        return sum(counter[state] for counter in self.counts.values() for state in states)

    @property
    def written(self) -> int:
        """How many records were written."""
        return self.total("created", "updated")


@dataclass(frozen=True, slots=True)
class _Ready:
    """A row with its references filled in and its entry noted; `taken` is a record made for it meanwhile by others."""

    row: Planned
    body: dict[str, Any]
    entry_id: int
    taken: str | None


class Push:
    """One run's pushing; the caller owns connection and client, and calls `stop` to end it between two rows."""

    def __init__(self, connection: psycopg.Connection, crm: Crm, *, run_id: int, plan_id: int, limits: Limits) -> None:
        self.connection, self.crm = connection, crm
        self.crm.is_halted = lambda: not self._may_send()
        self.run_id, self.plan_id, self.limits = run_id, plan_id, limits
        self.report = Report()
        self._database = asyncio.Lock()
        self._taken = 0
        self._newest: dict[str, str | None] = {}
        """Object -> when its newest record that we know of was made."""
        self._unsettled: list[Outcome] = []
        self._enough = asyncio.Event()

    def stop(self, why: str) -> None:
        """Let nothing more begin; what is under way is finished and remembered."""
        self.report.stopped = self.report.stopped or why

    async def run(self, exports: Sequence[Export], expected: Mapping[str, int]) -> Report:
        """Push `exports` in order; `expected` are the writes planned of each.

        Attio's failures end up in the report; `WarehouseError` when the database goes away, all that was sent and not
        settled then is settled by the next run.
        """
        started = time.monotonic()
        try:
            for export in exports:
                self.report.counts[export.model] = collections.Counter()
                await self._do(ledger.take_over, self.run_id, self.plan_id, export)
                if expected.get(export.model) and not self._is_over():
                    with progress.task(f"push {export.model}", total=expected[export.model], unit="records") as shown:
                        self.crm.tell = lambda words, shown=shown: shown.advance(0, note=words)  # type: ignore[misc]
                        await self._export(export, shown)
        finally:
            ended = self.report.total("created", "updated", "changed", "rejected", "waiting")
            self.report.left = sum(expected.values()) - ended
            self.report.seconds = time.monotonic() - started
        return self.report

    async def _export(self, export: Export, shown: progress.Task) -> None:
        rows = _Rows(self, export)
        if self.limits.canary:
            await self._send_all(export, rows, shown, most=self.limits.canary, then=self._read_back)
        if not self._is_over():
            await self._send_all(export, rows, shown, most=None)
            if rows.are_left:
                self._is_over()

    async def _send_all(
        self,
        export: Export,
        rows: _Rows,
        shown: progress.Task,
        *,
        most: int | None,
        then: Callable[[Export, list[Outcome]], Any] | None = None,
    ) -> None:
        """Send up to `most` rows; `then` gets how they ended (so it is for a few rows)."""
        queue: asyncio.Queue[_Ready | None] = asyncio.Queue(BATCH)
        kept: list[Outcome] = []
        workers = min(WORKERS, most or WORKERS)

        async def produce() -> None:
            left = most
            while self._may_send() and (left is None or left > 0):
                ready, waiting = await rows.next(BATCH if left is None else min(left, BATCH))
                shown.advance(waiting)
                if not ready and not waiting:
                    break
                for each in ready:
                    await queue.put(each)
                left = None if left is None else left - len(ready)
            for _ in range(workers):
                await queue.put(None)

        async def work() -> None:
            while (ready := await queue.get()) is not None:
                outcome = await self._one(export, ready)
                self._count(export, outcome)
                shown.advance(outcome.state != "not_sent")
                self._unsettled.append(outcome)
                if len(self._unsettled) >= BATCH:
                    self._enough.set()
                if then is not None:
                    kept.append(outcome)

        sent = asyncio.Event()
        settling = asyncio.create_task(self._settle_regularly(export, shown, sent))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(produce())
                for _ in range(workers):
                    group.create_task(work())
        finally:
            sent.set()  # told, not cancelled: before Python 3.12 `wait_for` may swallow a cancellation
            self._enough.set()
            await settling
            await self._settle(export)
        if then is not None:
            await then(export, kept)

    async def _settle_regularly(self, export: Export, shown: progress.Task, sent: asyncio.Event) -> None:
        while not sent.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._enough.wait(), FLUSH_SECONDS)
            self._enough.clear()
            try:
                await self._settle(export)
            except Exception as error:  # noqa: BLE001  # told by the last settling, which fails in the same way
                logger.warning("settling failed", extra={"fields": {"error": str(error)}})
                self.stop(str(error))
                return
            shown.advance(0, note=self.crm.note())

    async def _settle(self, export: Export) -> None:
        """Remember how writes ended; what cannot be remembered stays for the next try."""
        async with self._database:
            outcomes = self._unsettled[:]
            if not outcomes:
                return
            with refusals_told("ledger"):
                await asyncio.to_thread(ledger.settle, self.connection, self.run_id, self.plan_id, export, outcomes)
            del self._unsettled[: len(outcomes)]

    async def _do(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Let the ledger do something, one thing at a time, while requests go on."""
        async with self._database:
            with refusals_told("ledger"):
                return await asyncio.to_thread(function, self.connection, *arguments, **named)

    def _is_over(self) -> bool:
        """Tell, between two exports or parts of one, whether that was all; note why."""
        if self.limits.deadline is not None and time.monotonic() >= self.limits.deadline:
            early = "" if self._taken else " before the first write: reading and planning take longer, give it more"
            self.stop(f"--max-seconds are over{early}")
        if self.limits.rows is not None and self._taken >= self.limits.rows:
            self.stop(f"--limit {self.limits.rows} is reached")
        return self.report.stopped is not None

    def _may_send(self) -> bool:
        """Tell whether another call may begin; what was taken before a `--limit` was reached, may."""
        return self.report.stopped is None and (self.limits.deadline is None or time.monotonic() < self.limits.deadline)

    async def prepare(self, export: Export, rows: Sequence[Planned]) -> tuple[list[_Ready], int]:
        """Fill in references and note the rows' entries; return those and how many rows wait for a record."""
        wanted = {(ref["export"], key) for row in rows for ref in row.references.values() for key in ref["keys"]}
        known = await self._do(ledger.referenced_records, sorted(wanted)) if wanted else {}
        bodies: dict[int, dict[str, Any]] = {}
        for row in rows:
            body, missing = _with_references(row, known)
            if missing is None:
                bodies[row.position] = body
            else:
                self.report.counts[export.model]["waiting"] += 1
                if len(self.report.waiting) < MOST_NAMED:
                    self.report.waiting.append(
                        {"export": export.model, "row_key": row.row_key, "message": f"{missing} is not in Attio"}
                    )
        ready = [row for row in rows if row.position in bodies]
        self._taken += len(ready)
        try:
            taken = await self._made_meanwhile(export, ready)
        except AttioError as error:
            self._fail(error)
            return [], 0
        entries = await self._do(ledger.note_before_sending, self.run_id, self.plan_id, export, ready) if ready else {}
        return [
            _Ready(row, bodies[row.position], entries[row.position], taken.get(row.position)) for row in ready
        ], len(rows) - len(ready)

    async def _made_meanwhile(self, export: Export, rows: Sequence[Planned]) -> dict[int, str]:
        """Return which rows have a record by now that others made since the CRM was read: position -> record.

        Attio refuses a second one only where the attribute is unique. Asked are the newest records, once a batch, and
        not each row by its key: Attio counts how much its queries have to search.
        """
        new = [row.position for row in rows if row.record_id is None and not row.is_doubtful]
        if export.is_unique or not new:
            return {}
        slug = export.object_slug
        if slug not in self._newest:
            self._newest[slug] = await self._do(ledger.begin_noting_made, slug)
        since = self._newest[slug]
        if since is None:
            return {}
        offset, is_last = 0, False
        while not is_last:
            newer = {"created_at": {"$gte": since}}
            page = await self.crm.query(slug, filter=newer, sorts=[OLDEST_FIRST], offset=offset)
            is_last, offset = len(page) < attio.PAGE_LIMIT, offset + len(page)
            await self._do(ledger.note_made, export, page)
            if page:
                self._newest[slug] = page[-1].created_at
        return dict(await self._do(ledger.made_for, self.plan_id, export, new))

    def most(self, wanted: int) -> int:
        """Return how many of `wanted` rows may still be taken."""
        return wanted if self.limits.rows is None else min(wanted, self.limits.rows - self._taken)

    def _count(self, export: Export, outcome: Outcome) -> None:
        state = outcome.state
        if state == "done":
            state = "created" if outcome.record_was_missing else "updated"
        if outcome.code == CHANGED:
            state = "changed"
            if len(self.report.changed) < MOST_NAMED:
                self.report.changed.append(
                    {"export": export.model, "row_key": outcome.row_key, "message": outcome.message}
                )
        self.report.counts[export.model][state] += 1
        if outcome.state != "rejected":
            return
        if len(self.report.rejected) < MOST_NAMED:
            self.report.rejected.append(
                {"export": export.model, "row_key": outcome.row_key, "code": outcome.code, "message": outcome.message}
            )
        rejected = self.report.total("rejected")
        if self.limits.too_many(rejected, rejected + self.report.written):
            self.stop(f"{rejected} rows were rejected, more than --max-rejects allows")

    async def _one(self, export: Export, ready: _Ready) -> Outcome:
        """Write one row; whatever Attio makes of it is an outcome."""
        row = ready.row

        def ended(state: str, error: AttioError | None = None) -> Outcome:
            return Outcome(
                row.position,
                row.row_key,
                ready.entry_id,
                state,
                status=error.status if error else None,
                code=error.code if error else None,
                message=str(error) if error else None,
            )

        if not self._may_send():
            return ended("not_sent")
        try:
            if ready.taken is not None:
                raise _made_since(export, ready.taken)
            record = await self._send(export, row, ready.body)
        except Halted:
            return ended("not_sent")
        except RecordRejected as error:
            logger.warning(
                "rejected", extra={"fields": {"export": export.model, "row": row.row_key, "code": error.code}}
            )
            return ended("not_sent" if error.code == CHANGED else "rejected", error)
        except AuthError as error:
            self._fail(error)
            return ended("not_sent", error)
        except AttioError as error:  # after all retries: it stays away
            if self._may_send():  # else it was not tried again, because the time is over
                self._fail(error)
            return ended("unknown" if isinstance(error, Unavailable) and error.lost_answer else "not_sent", error)
        return Outcome(
            row.position,
            row.row_key,
            ready.entry_id,
            "done",
            record_id=record.record_id,
            record_was_missing=row.record_id is None,
            is_created_by_us=row.record_id is None and not _is_made_by_hand(record),
            body=ready.body,
            values=record.values,
            status=200,
        )

    def _fail(self, error: AttioError) -> None:
        self.report.failure = self.report.failure or error
        self.stop(str(error))

    async def _send(self, export: Export, row: Planned, body: dict[str, Any]) -> Record:
        slug = export.object_slug
        if row.record_id is not None:
            await self._still_as_planned(export, row, row.record_id)
            write = self.crm.replace_record if row.method == "put" else self.crm.update_record
            return await write(slug, row.record_id, body)
        return await self._create_once(export, row, body)

    async def _still_as_planned(self, export: Export, row: Planned, record_id: str) -> None:
        """Raise unless Attio holds what the plan saw: somebody may have looked at the plan for a day."""
        try:
            record = await self.crm.get_record(export.object_slug, record_id)
        except RecordRejected as error:
            if error.status == 404:
                raise RecordRejected(f"record {record_id} is not there any more", status=404, code=CHANGED) from error
            raise
        changed = await self._do(ledger.changed_since, self.plan_id, export, row, record.values)
        if changed:
            what = f"somebody changed its {', '.join(changed)} since it was planned"
            raise RecordRejected(what, status=409, code=CHANGED)

    async def _create_once(self, export: Export, row: Planned, body: dict[str, Any]) -> Record:
        """Create a record; after a lost answer look it up, then try again.

        Not by Attio's assert, also where `match_on` is unique there: it writes over what a person typed into a record
        made since the plan. Such a record is left alone.
        """
        # what an earlier run may have made is there by now, or never will be
        looks: tuple[float, ...] = (0.0,) if row.is_doubtful else ()
        lost: Unavailable | None = None
        for attempt in range(1, CREATE_ATTEMPTS + 1):
            found = await self._look_up(export, body, looks)
            if found is not None:
                return found
            try:
                return await self.crm.create_record(export.object_slug, body)
            except Halted:
                if lost is not None:
                    raise lost from None
                raise
            except Unavailable as error:
                has_patience = attempt < CREATE_ATTEMPTS and (error.retry_after or 0.0) <= LONGEST_PAUSE
                if not error.lost_answer or not has_patience:
                    raise
                # late or not, a second one is refused where the attribute is unique
                lost, looks = error, (0.0,) if export.is_unique else (0.0, SECOND_LOOK_SECONDS)
            except RecordRejected as error:
                if error.code != "uniqueness_conflict":
                    raise
                taken = await self._look_up(export, body, (0.0,))
                if taken is None:  # another unique attribute
                    raise
                if lost is not None or row.is_doubtful:
                    return taken
                raise _made_since(export, taken.record_id) from error
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _look_up(self, export: Export, body: Mapping[str, Any], looks: Sequence[float]) -> Record | None:
        """Return the record that an earlier try may have made; `RecordRejected` when there are several.

        `looks` are the seconds to wait before each look.
        """
        key = body[export.match_on][0]
        for seconds in looks:
            await asyncio.sleep(seconds)
            found = await self.crm.query(export.object_slug, filter={export.match_on: key}, limit=2)
            if len(found) > 1:
                raise RecordRejected(
                    f"several records carry its {export.match_on}, {found[0].record_id} and {found[1].record_id} among "
                    "them: merge them in Attio",
                    status=409,
                    code="ambiguous",
                )
            if found:
                return found[0]
        return None

    async def _read_back(self, export: Export, outcomes: list[Outcome]) -> None:
        """Compare the first rows with what Attio now shows; stop at a difference, or when it took none of them."""
        done = [each for each in outcomes if each.state == "done"]
        refused = [each for each in outcomes if each.state == "rejected"]
        if refused and not done and len(refused) == self.limits.canary:
            self.stop(
                f"{export.model}: Attio refused all of the first {len(refused)} rows, row {refused[0].row_key} with: "
                f"{refused[0].message}"
            )
            return
        records = await asyncio.gather(
            *(self.crm.get_record(export.object_slug, str(outcome.record_id)) for outcome in done),
            return_exceptions=True,
        )
        for outcome, record in zip(done, records, strict=True):
            if isinstance(record, RecordRejected):
                self._differs(export, outcome, f"record {outcome.record_id} cannot be read back ({record})")
                return
            if isinstance(record, AttioError):
                self._fail(record)
                return
            if isinstance(record, BaseException):
                raise record
            differing = await self._do(ledger.differing_attributes, export, outcome.body or {}, record.values)
            if differing:
                what = f"{', '.join(differing)} read back from record {outcome.record_id} is not what was sent"
                self._differs(export, outcome, what)
                return

    def _differs(self, export: Export, outcome: Outcome, what: str) -> None:
        self.report.counts[export.model]["differing"] += 1
        self.stop(
            f"{export.model} {outcome.row_key}: {what}; nothing more was written (canon sync --canary 0 does not look)"
        )


class _Rows:
    """The rows of one export that are to be written, in the plan's order."""

    def __init__(self, push: Push, export: Export) -> None:
        self._push, self._export = push, export
        self._position = 0
        self.are_left = True

    async def next(self, most: int) -> tuple[list[_Ready], int]:
        """Return up to `most` rows ready to be sent, and how many others wait; none of either at the end."""
        push = self._push
        most = push.most(most)
        if most <= 0:
            return [], 0
        rows = await push._do(  # noqa: SLF001  # the other half of one thing
            ledger.next_planned, push.plan_id, self._export.model, after=self._position, limit=most
        )
        if not rows:
            self.are_left = False
            return [], 0
        self._position = rows[-1].position
        return await push.prepare(self._export, rows)


def _made_since(export: Export, record_id: str) -> RecordRejected:
    what = f"record {record_id} has had its {export.match_on} since it was planned"
    return RecordRejected(what, status=409, code=CHANGED)


def _is_made_by_hand(record: Record) -> bool:
    creators = record.values.get("created_by") or [{}]
    return bool(creators[0].get("referenced_actor_type") == "workspace-member")


def _with_references(
    row: Planned, known: Mapping[tuple[str, str], tuple[str, str]]
) -> tuple[dict[str, Any], str | None]:
    """Return the body with its references filled in, and the first of them that has no record yet."""
    body = dict(row.body)
    for attribute, reference in row.references.items():
        values = list(body.get(attribute, ()))
        for key in reference["keys"]:
            found = known.get((reference["export"], key))
            if found is None:
                return body, key
            values.append({"target_object": found[0], "target_record_id": found[1]})
        body[attribute] = values
    return body, None
