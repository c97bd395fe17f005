"""Execute a stored plan: a few rows first, read back; then the rest, concurrently, each write noted before it is sent."""

from __future__ import annotations

import asyncio
import collections
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sync import ledger, progress
from sync.errors import AttioError, AuthError, RecordRejected, Unavailable
from sync.ledger import Outcome, Planned

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from sync.attio import Record
    from sync.mapping import Export
    from sync.rate_limiter import Crm

BATCH = 200
WORKERS = 64
LOOK_UPS = 3

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop: `canary` rows are read back first; `seconds` and `rows` of writes at the most (None: no end).

    `max_rejects` is a number of rows, or a share of those tried (0 to 1) when `is_share`.
    """

    canary: int = 10
    seconds: float | None = None
    rows: int | None = None
    max_rejects: float | None = None
    is_share: bool = False

    def too_many(self, rejected: int, tried: int) -> bool:
        """Tell whether so many rejects end the run."""
        if self.max_rejects is None:
            return False
        return rejected > self.max_rejects * (tried if self.is_share else 1)


@dataclass
class Report:
    """What a run did: rows by export and outcome, the first rejects, and why it stopped before the end, if it did."""

    counts: dict[str, collections.Counter[str]] = field(default_factory=dict)
    rejected: list[dict[str, Any]] = field(default_factory=list)
    left: int = 0
    stopped: str | None = None
    failure: AttioError | None = None
    seconds: float = 0.0

    def total(self, state: str) -> int:
        """Return how many rows ended so, over all exports."""
        return sum(counter[state] for counter in self.counts.values())

    @property
    def written(self) -> int:
        """How many records were written."""
        return self.total("created") + self.total("updated")


class Push:
    """One run's pushing; the caller owns connection and client, and calls `stop` to end it between two rows."""

    def __init__(self, connection: psycopg.Connection, crm: Crm, *, run_id: int, plan_id: int, limits: Limits) -> None:
        self.connection, self.crm = connection, crm
        self.run_id, self.plan_id, self.limits = run_id, plan_id, limits
        self.report = Report()
        self._started = time.monotonic()
        self._taken = 0

    def stop(self, why: str) -> None:
        """Let nothing more begin; what is under way is finished and remembered."""
        self.report.stopped = self.report.stopped or why

    async def run(self, exports: Sequence[Export], expected: dict[str, int]) -> Report:
        """Push `exports` in order; `expected` are the writes planned of each."""
        for export in exports:
            self.report.counts[export.model] = collections.Counter()
            if expected.get(export.model) and not self.report.stopped:
                with progress.task(f"push {export.model}", total=expected[export.model], unit="records") as shown:
                    await self._export(export, shown)
        self.report.left = sum(expected.values()) - sum(
            self.report.total(state) for state in ("created", "updated", "rejected", "waiting")
        )
        self.report.seconds = time.monotonic() - self._started
        return self.report

    async def _export(self, export: Export, shown: progress.Task) -> None:
        position, canary = 0, self.limits.canary
        while not self._is_over():
            wanted = canary or BATCH
            if self.limits.rows is not None:
                wanted = min(wanted, self.limits.rows - self._taken)
            rows = await self._in_thread(ledger.next_planned, self.plan_id, export.model, after=position, limit=wanted)
            if not rows:
                return
            position = rows[-1].position
            self._taken += len(rows)
            outcomes = await self._batch(export, rows, shown)
            if canary:
                await self._read_back(export, outcomes)
                canary = 0

    def _is_over(self) -> bool:
        limits = self.limits
        if limits.seconds is not None and time.monotonic() - self._started >= limits.seconds:
            self.stop(f"--max-seconds {limits.seconds:g} is over")
        if limits.rows is not None and self._taken >= limits.rows:
            self.stop(f"--limit {limits.rows} is reached")
        return self.report.stopped is not None

    async def _in_thread(self, function: Any, *arguments: Any, **named: Any) -> Any:
        return await asyncio.to_thread(function, self.connection, *arguments, **named)

    async def _batch(self, export: Export, rows: list[Planned], shown: progress.Task) -> list[Outcome]:
        """Note a batch, send it, settle it; a row whose company is not there yet waits for the next run."""
        wanted = {(ref["export"], ref["key"]) for row in rows for ref in (row.pending_references or {}).values()}
        known = await self._in_thread(ledger.referenced_records, sorted(wanted))
        ready, counter = [], self.report.counts[export.model]
        for row in rows:
            body = _with_references(row, known)
            if body is None:
                counter["waiting"] += 1
                shown.advance()
            else:
                ready.append((row, body))
        if not ready:
            return []
        entries = await self._in_thread(
            ledger.note_before_sending, self.run_id, self.plan_id, export, [row for row, _ in ready]
        )
        queue = collections.deque(ready)
        outcomes: list[Outcome] = []

        async def work() -> None:
            while queue:
                row, body = queue.popleft()
                outcome = await self._one(export, row, body, entries[row.position])
                outcomes.append(outcome)
                self._count(export, outcome)
                shown.advance(note=self.crm.note())

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(WORKERS, len(queue))):
                    group.create_task(work())
        finally:
            await self._in_thread(ledger.settle, self.run_id, self.plan_id, export, outcomes)
        return outcomes

    def _count(self, export: Export, outcome: Outcome) -> None:
        state = outcome.state
        if state == "done":
            state = "created" if outcome.is_created else "updated"
        self.report.counts[export.model][state] += 1
        if outcome.state != "rejected":
            return
        self.report.rejected.append(
            {"export": export.model, "row_key": outcome.row_key, "code": outcome.code, "message": outcome.message}
        )
        rejected = self.report.total("rejected")
        if self.limits.too_many(rejected, rejected + self.report.written):
            self.stop(f"{rejected} rows were rejected, more than --max-rejects allows")

    async def _one(self, export: Export, row: Planned, body: dict[str, Any], entry_id: int) -> Outcome:
        """Write one row; whatever comes of it is an outcome."""
        if self.report.stopped or self._is_out_of_time():
            return Outcome(row.position, row.row_key, entry_id, "not_sent")
        try:
            record = await self._send(export, row, body)
        except RecordRejected as error:
            logger.warning("rejected", extra={"fields": {"export": export.model, "row": row.row_key, "code": error.code}})
            return Outcome(
                row.position, row.row_key, entry_id, "rejected", status=error.status, code=error.code, message=str(error)
            )
        except AuthError as error:
            self.report.failure = error
            self.stop(str(error))
            return Outcome(row.position, row.row_key, entry_id, "not_sent", status=error.status, code=error.code)
        except AttioError as error:  # after all retries: it stays away
            self.report.failure = error
            self.stop(str(error))
            lost = isinstance(error, Unavailable) and error.lost_answer
            state = "unknown" if lost else "not_sent"
            return Outcome(row.position, row.row_key, entry_id, state, status=error.status, message=str(error))
        return Outcome(
            row.position,
            row.row_key,
            entry_id,
            "done",
            record_id=record.record_id,
            is_created=row.record_id is None,
            body=body,
            values=record.values,
            status=200,
        )

    def _is_out_of_time(self) -> bool:
        return self.limits.seconds is not None and time.monotonic() - self._started >= self.limits.seconds

    async def _send(self, export: Export, row: Planned, body: dict[str, Any]) -> Record:
        slug = export.object_slug
        if row.record_id is not None:
            write = self.crm.replace_record if row.method == "put" else self.crm.update_record
            return await write(slug, row.record_id, body)
        if row.method == "assert":
            return await self.crm.assert_record(slug, export.match_on, body)
        return await self._create_once(export, row, body)

    async def _create_once(self, export: Export, row: Planned, body: dict[str, Any]) -> Record:
        """Create a record that no unique attribute protects: after a lost answer look it up, then try again."""
        is_doubtful = row.is_doubtful
        for attempt in range(LOOK_UPS):
            if is_doubtful:
                found = await self._look_up(export, body)
                if len(found) > 1:
                    raise RecordRejected(
                        f"{len(found)} records carry its {export.match_on}: merge them in Attio", status=409, code="ambiguous"
                    )
                if found:
                    return found[0]
            try:
                return await self.crm.create_record(export.object_slug, body)
            except Unavailable as error:
                if not error.lost_answer or attempt == LOOK_UPS - 1:
                    raise
                is_doubtful = True
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _look_up(self, export: Export, body: dict[str, Any]) -> list[Record]:
        key = body[export.match_on][0]
        return await self.crm.query(export.object_slug, filter={export.match_on: key}, limit=2)

    async def _read_back(self, export: Export, outcomes: Sequence[Outcome]) -> None:
        """Compare the first rows with what Attio now shows; stop at the first difference."""
        for outcome in outcomes:
            if outcome.state != "done" or outcome.record_id is None or outcome.body is None:
                continue
            record = await self.crm.get_record(export.object_slug, outcome.record_id)
            differing = await self._in_thread(ledger.differing_attributes, export, outcome.body, record.values)
            if differing:
                self.stop(
                    f"{export.model} {outcome.row_key}: {', '.join(differing)} read back from record {outcome.record_id} "
                    "is not what was sent; nothing more was written"
                )
                self.report.counts[export.model]["differing"] += 1
                return


def _with_references(row: Planned, known: dict[tuple[str, str], tuple[str, str]]) -> dict[str, Any] | None:
    """Return the body with its references filled in; None when one of them has no record yet."""
    body = dict(row.body)
    for attribute, reference in (row.pending_references or {}).items():
        found = known.get((reference["export"], reference["key"]))
        if found is None:
            return None
        body[attribute] = [{"target_object": found[0], "target_record_id": found[1]}]
    return body
