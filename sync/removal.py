"""Removing copies from the CRM: each read afresh, noted whole in the ledger, then deleted or merged into its survivor.

What may be removed is what the removals model of an object says (`REMOVALS`); nothing else is ever touched. A copy with
nothing attached is deleted, and its survivor gains what only the copy had; one that other records, list entries, notes
or tasks hang on is merged by Attio, which moves them. Every step is noted before it is taken, so that a run that was
killed anywhere is finished by the next one, and every copy stands in `attio_sync.entries` as it was.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import datetime as dt
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from psycopg import sql

from sync import attachments, attio, progress
from sync.database import refusals_told
from sync.errors import AttioError, AuthError, RecordRejected, SyncError, Unavailable
from sync.rate_limiter import MERGES_PER_SECOND, Halted
from sync.removal_ledger import RemovalLedger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import psycopg

    from sync.attio import Record
    from sync.rate_limiter import Ceilings, Crm

REMOVALS = {"companies": "attio_company_removals", "people": "attio_person_removals"}
"""Attio object -> the model with a row per copy that may be removed without a look."""

CLUSTERS_AT_ONCE = 32
MERGE_SECONDS = 120.0
"""How long a merge that Attio has accepted may take until the new record can be read."""
LOOK_AFTER_SECONDS = (0.5, 1.0, 2.0, 4.0)
LOOK_LATER_SECONDS = (0.0, 0.5, 1.0)
"""When to look for a merge whose answer was lost: at once, and in a later run."""

STATES = ("deleted", "merged", "changed", "gone", "kept", "rejected", "left")
"""How a copy may end: `changed` since it was decided, `gone` before we came, `kept` as Attio would not merge it."""


class SurpriseError(SyncError):
    """The CRM is not as it was when the copies were found: the run stops."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Limits:
    """`canary` copies are removed and read back first; at most `copies` of them in this run (None: all)."""

    canary: int = 10
    copies: int | None = None


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy of a cluster."""

    record_id: str
    name: str | None
    attached: dict[str, int]
    """What the CRM, as last read, has hanging on it: kind -> how many."""

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing hangs on it."""
        return not self.attached


@dataclass(frozen=True, slots=True)
class Cluster:
    """A survivor and its copies; they are handled together, one after the other."""

    cluster_id: str
    survivor_record_id: str
    copies: tuple[Copy, ...]
    is_begun: bool = False
    """True where a run of ours has removed a copy of it since the last build: the survivor has gained by that."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What removing would take: copies by strategy, calls at the most, seconds at the ceilings."""

    copies: int
    deletes: int
    merges: int
    calls: int
    seconds: float


def cost(todo: Sequence[Cluster], limits: Ceilings) -> Cost:
    """Count; a copy with a list entry is merged too, which shows only as it is read."""
    copies = [copy for cluster in todo for copy in cluster.copies]
    merges = sum(not copy.is_empty for copy in copies)
    calls = len(copies) + len(todo)
    seconds = max(calls / limits.writes, merges / min(limits.writes, MERGES_PER_SECOND))
    return Cost(len(copies), len(copies) - merges, merges, calls, seconds)


@dataclass
class Report:
    """What a run did: how many copies by state, those that stayed with the reason, and why it stopped, if it did."""

    counts: collections.Counter[str] = field(default_factory=collections.Counter)
    stayed: list[dict[str, Any]] = field(default_factory=list)
    survivors_updated: int = 0
    stopped: str | None = None
    failure: SyncError | None = None
    seconds: float = 0.0

    @property
    def removed(self) -> int:
        """How many copies are gone by our hand."""
        return self.counts["deleted"] + self.counts["merged"]


# what is to be done


def clusters(
    connection: psycopg.Connection, relation: sql.Identifier, object_slug: str, *, limit: int | None = None
) -> list[Cluster]:
    """Return the clusters with copies to remove, the surest first, whole ones up to `limit` copies.

    A copy that a run has removed is no copy any more, though the model, built before, still lists it.
    """
    query = sql.SQL(
        """
        with
        members as (
            select cluster_id, record_id from {removals}
            union
            select cluster_id, survivor_record_id from {removals}
        ),

        -- what a person said since the build holds at once; a build too sends the whole cluster to people
        doubted as (
            select one.cluster_id
            from reference.duplicate_decisions
            inner join members as one on duplicate_decisions.record_id_a = one.record_id
            inner join members as other
                on duplicate_decisions.record_id_b = other.record_id and one.cluster_id = other.cluster_id
            where
                duplicate_decisions.object = %(object)s
                and duplicate_decisions.decision in ('distinct', 'keep')
                and one.record_id <> other.record_id
        ),

        listed as (
            select
                removals.cluster_id,
                removals.survivor_record_id,
                removals.record_id,
                removals.name,
                removals.score,
                coalesce(
                    (
                        select jsonb_object_agg(attached.kind, attached.count)
                        from pg_temp.attached
                        where attached.record_id = removals.record_id
                    ),
                    '{{}}'
                ) as attached
            from {removals} as removals
            where not exists (
                select from attio_sync.entries
                where
                    entries.export = %(model)s
                    and entries.row_key = removals.record_id
                    and entries.method in ('delete', 'merge')
                    and entries.state = 'done'
            )
            and removals.cluster_id not in (select doubted.cluster_id from doubted)
            and not exists (  -- and what somebody wants kept is kept, whatever it is a copy of
                select from reference.duplicate_decisions
                where
                    duplicate_decisions.object = %(object)s
                    and duplicate_decisions.decision = 'keep'
                    and removals.record_id in (duplicate_decisions.record_id_a, duplicate_decisions.record_id_b)
            )
        )

        select
            cluster_id,
            survivor_record_id,
            jsonb_agg(
                jsonb_build_object('record_id', record_id, 'name', name, 'attached', attached)
                order by score desc, record_id
            ) as copies,
            cluster_id in (
                select entries.body ->> 'cluster_id'
                from attio_sync.entries
                where
                    entries.export = %(model)s and entries.method in ('delete', 'merge') and entries.state = 'done'
            ) as is_begun
        from listed
        group by cluster_id, survivor_record_id
        order by min(score) desc, cluster_id
        """
    ).format(removals=relation)
    found: list[Cluster] = []
    room = limit
    with refusals_told("reading the copies"):
        rows = connection.execute(query, {"model": REMOVALS[object_slug], "object": object_slug}).fetchall()
    for cluster_id, survivor_record_id, copies, is_begun in rows:
        taken = copies if room is None else copies[:room]
        if not taken:
            break
        found.append(Cluster(str(cluster_id), str(survivor_record_id), tuple(Copy(**copy) for copy in taken), is_begun))
        room = None if room is None else room - len(taken)
    return found


def references(connection: psycopg.Connection) -> None:
    """Begin `pg_temp.attached` with the references of mirrored records."""
    with refusals_told("reading what is attached"):
        connection.execute("drop table if exists pg_temp.attached")
        connection.execute(
            """
            create temporary table attached as
            select element ->> 'target_record_id' as record_id, records.object || ' referring to it' as kind, count(*)
            from attio_mirror.records
            cross join lateral jsonb_each(records.values) as attributes (slug, held)
            cross join lateral jsonb_array_elements(
                case when jsonb_typeof(held) = 'array' then held else '[]' end
            ) as elements (element)
            where element ->> 'attribute_type' = 'record-reference'
            group by 1, 2
            """
        )
        connection.execute("create index on pg_temp.attached (record_id)")


def read_mirrored(connection: psycopg.Connection) -> None:
    """Collect what hangs on records as the last pull saw it, in `pg_temp.attached`: what a plan can know."""
    references(connection)
    with refusals_told("reading what is attached"):
        connection.execute(
            """
            insert into pg_temp.attached (record_id, kind, count)
            select record_id::text, case kind when 'entries' then 'list entries' else kind end, count
            from attio_mirror.attached
            """
        )


async def read_attached(crm: Crm, connection: psycopg.Connection) -> None:
    """Collect what hangs on records, in `pg_temp.attached`: references of mirrored records, notes, tasks.

    Notes and tasks are listed in bulk; list entries are asked for record by record, just before each is removed.
    """
    references(connection)
    for kind, read in (("notes", attachments.notes), ("tasks", attachments.tasks)):
        found = await read(crm)
        with refusals_told("noting what is attached"):
            connection.execute(
                """
                insert into pg_temp.attached (record_id, kind, count)
                select listed.record_id, %s, count(*)
                from unnest(%s::text[]) as listed (record_id)
                group by listed.record_id
                """,
                [kind, [record_id for each in found for record_id in each.record_ids]],
            )


# doing it


class Removal:
    """One run's removing among the records of an object; the caller owns client and connections.

    The ledgers are one run's, each on a connection of its own: a dozen statements for each copy, one after the other to
    a database that is not near, would be slower than Attio.
    """

    def __init__(self, crm: Crm, ledgers: Sequence[RemovalLedger], limits: Limits) -> None:
        self.crm, self.limits = crm, limits
        self.object_slug = ledgers[0].object_slug
        self.report = Report()
        self.crm.is_halted = lambda: self.report.stopped is not None
        self._idle: asyncio.Queue[RemovalLedger] = asyncio.Queue()
        for ledger in ledgers:
            self._idle.put_nowait(ledger)
        self._merging_is_possible = True

    def stop(self, why: str) -> None:
        """Let nothing more begin; what is under way is finished and remembered."""
        self.report.stopped = self.report.stopped or why

    async def run(self, todo: Sequence[Cluster], *, tell_canary: Callable[[Report], None]) -> Report:
        """Remove a few and read them back, then remove the rest of `todo`; call `finish_earlier` before you list it."""
        started = time.monotonic()
        total = sum(len(cluster.copies) for cluster in todo)
        settled = self.report.removed
        with self._failures_reported():
            canary, rest = _split(todo, self.limits.canary)
            with progress.task("remove copies", total=total, unit="copies") as shown:
                self.crm.tell = lambda words: shown.advance(0, note=words)
                await self._all(canary, shown)
                await self._read_back(canary)
                if rest and self.report.removed == settled and self.report.counts["changed"]:
                    self.stop(
                        "all of the first have changed since the last build: `canon pull`, `make build`, then again"
                    )
                if self.report.stopped is None:
                    tell_canary(self.report)
                    await self._all(rest, shown)
        self.report.counts["left"] = total + settled - sum(self.report.counts[state] for state in STATES[:-1])
        self.report.seconds = time.monotonic() - started
        return self.report

    async def finish_earlier(self) -> None:
        """Settle what an earlier run had begun when it was ended: removals first, then what survivors gain."""
        begun = await self._do(RemovalLedger.open_entries)
        if not begun:
            return
        with (
            self._failures_reported(),
            progress.task("settle what an earlier run began", total=len(begun), unit="calls") as shown,
        ):
            for methods in (("delete", "merge"), ("patch",)):
                entries = [entry for entry in begun if entry["method"] in methods]
                await asyncio.gather(*(self._finish(entry, shown) for entry in entries))

    @contextlib.contextmanager
    def _failures_reported(self) -> Iterator[None]:
        """Put into the report what ends the run; everything done until then stands in the ledger."""
        try:
            yield
        except Halted:
            pass
        except (SurpriseError, AttioError) as error:
            self.stop(str(error))
            self.report.failure = self.report.failure or error

    async def _all(self, todo: Sequence[Cluster], shown: progress.Task) -> None:
        """Handle clusters side by side; the first surprise lets those under way end, and stops the rest."""
        waiting = collections.deque(todo)

        async def work() -> None:
            while waiting and self.report.stopped is None:
                cluster = waiting.popleft()
                try:
                    await self._one(cluster)
                except (SurpriseError, AttioError) as error:
                    self.stop(str(error))
                    self.report.failure = self.report.failure or error
                except Halted:
                    return
                shown.advance(len(cluster.copies), note=self.crm.note())

        await asyncio.gather(*(work() for _ in range(min(CLUSTERS_AT_ONCE, len(todo)))))

    async def _one(self, cluster: Cluster) -> None:
        """Read survivor and copies afresh, note them, delete the empty ones, hand on their values, merge the others."""
        survivor = await self._survivor(cluster)
        if not cluster.is_begun and (differing := await self._changed(cluster.copies[0], survivor, "survivor_values")):
            for copy in cluster.copies:
                self._stay("changed", copy, f"its survivor changed since the last build: {', '.join(differing)}")
            return
        read = await asyncio.gather(*(self._read(copy) for copy in cluster.copies))
        present = [pair for pair in read if pair is not None]
        empty = [(copy, record) for copy, record, entries in present if copy.is_empty and not entries]
        full = [(copy, record, entries) for copy, record, entries in present if not copy.is_empty or entries]
        if empty and self.report.stopped is None:
            await self._delete(cluster, survivor, empty)
        for copy, record, entries in full:
            if self.report.stopped is not None:
                return
            survivor = await self._merge(cluster, survivor, copy, record, entries)

    async def _survivor(self, cluster: Cluster) -> Record:
        record_id = await self._do(RemovalLedger.current_id, cluster.survivor_record_id)
        try:
            return await self.crm.get_record(self.object_slug, record_id)
        except RecordRejected as error:
            raise SurpriseError(
                f"survivor {record_id} of cluster {cluster.cluster_id} cannot be read ({error}): "
                "run `canon pull` and `make build`, then plan again"
            ) from error

    async def _read(self, copy: Copy) -> tuple[Copy, Record, list[dict[str, Any]]] | None:
        """Return a copy as it is now, with its list entries; None when it is not to be touched any more."""
        try:
            record, entries = await asyncio.gather(
                self.crm.get_record(self.object_slug, copy.record_id),
                self.crm.entries(self.object_slug, copy.record_id),
            )
        except RecordRejected as error:
            if error.status != 404:
                raise
            self._stay("gone", copy, "it is not in Attio any more")
            return None
        if differing := await self._changed(copy, record, "record_values"):
            self._stay("changed", copy, f"changed since the last build: {', '.join(differing)}")
            return None
        return copy, record, [each.document for each in entries]

    async def _changed(self, copy: Copy, record: Record, column: str) -> list[str]:
        found: list[str] = await self._do(RemovalLedger.differing, copy.record_id, record.values, column)
        return found

    async def _delete(self, cluster: Cluster, survivor: Record, copies: Sequence[tuple[Copy, Record]]) -> None:
        """Note the copies and what the survivor gains, delete them, then write the gains: by then domains are free."""
        records = [record for _, record in copies]
        gains = await self._do(RemovalLedger.gains, survivor.values, [record.values for record in records])
        ids = await self._do(RemovalLedger.note_deletes, cluster.cluster_id, survivor, records, gains)
        for copy, _ in copies:
            try:
                await self.crm.delete_record(self.object_slug, copy.record_id)
            except RecordRejected as error:
                await self._do(RemovalLedger.settle, ids[copy.record_id], "rejected", error)
                self._stay("rejected", copy, str(error))
            except Halted:
                await self._do(RemovalLedger.settle, ids[copy.record_id], "not_sent", None)
            else:
                await self._do(RemovalLedger.follow, [copy.record_id], survivor.record_id, ids[copy.record_id])
                self.report.counts["deleted"] += 1
        if gains:
            await self._gain(ids["survivor"], survivor.record_id, gains)

    async def _gain(self, entry_id: int, record_id: str, gains: Mapping[str, Any]) -> None:
        """Write what the survivor gains, though the run was told to stop: the copies are gone already."""
        halted, self.crm.is_halted = self.crm.is_halted, lambda: False
        try:
            await self.crm.update_record(self.object_slug, record_id, gains)
        except RecordRejected as refused:
            for slug, values in gains.items() if len(gains) > 1 else ():  # one bad value loses no other
                with contextlib.suppress(RecordRejected):  # the refusal as a whole is what is told
                    await self.crm.update_record(self.object_slug, record_id, {slug: values})
            await self._do(RemovalLedger.settle, entry_id, "rejected", refused)
            self.report.stayed.append(
                {"record_id": record_id, "name": None, "state": "rejected", "reason": f"gains of a survivor: {refused}"}
            )
        else:
            await self._do(RemovalLedger.settle, entry_id, "done", None)
            self.report.survivors_updated += 1
        finally:
            self.crm.is_halted = halted

    async def _merge(
        self, cluster: Cluster, survivor: Record, copy: Copy, record: Record, entries: Sequence[Mapping[str, Any]]
    ) -> Record:
        """Let Attio merge a copy into the survivor; return the new record, or the survivor where it does not merge."""
        if not self._merging_is_possible:
            self._stay("kept", copy, f"{_described(copy, entries)}; Attio's merging is not to be had here")
            return survivor
        entry_id = await self._do(RemovalLedger.note_merge, cluster.cluster_id, survivor, record, entries)
        try:
            new_id = await self.crm.merge_records(self.object_slug, survivor.record_id, copy.record_id)
        except Halted:
            await self._do(RemovalLedger.settle, entry_id, "not_sent", None)
            return survivor
        except Unavailable as error:
            if not error.lost_answer:
                await self._do(RemovalLedger.settle, entry_id, "not_sent", error)
                raise
            found = await self._find_merged(survivor, copy.record_id, dt.datetime.now(dt.UTC))
            if found is None:
                await self._do(RemovalLedger.settle, entry_id, "not_sent", error)
                raise
            new_id = found
        except (RecordRejected, AuthError) as error:
            await self._do(RemovalLedger.settle, entry_id, "rejected", error)
            if error.status in {403, 404} and error.code != "merge_in_progress":
                self._merging_is_possible = False
                self._stay("kept", copy, f"{_described(copy, entries)}; Attio would not merge: {error}")
            else:
                self._stay("rejected", copy, str(error))
            return survivor
        return await self._follow_merge(entry_id, survivor, record, new_id)

    async def _follow_merge(self, entry_id: int, survivor: Record, record: Record, new_id: str) -> Record:
        """Wait for the new record, let the ledger follow it, and hand on what the merge itself left out."""
        merged = await self._readable(new_id)
        await self._do(RemovalLedger.follow, [survivor.record_id, record.record_id], new_id, entry_id)
        self.report.counts["merged"] += 1
        gains = await self._do(RemovalLedger.gains, merged.values, [survivor.values, record.values])
        if gains:
            gain_id = await self._do(RemovalLedger.note_gain, merged, gains)
            await self._gain(gain_id, new_id, gains)
            merged = await self.crm.get_record(self.object_slug, new_id)
        return merged

    async def _readable(self, record_id: str) -> Record:
        until = time.monotonic() + MERGE_SECONDS
        while True:
            try:
                return await self.crm.get_record(self.object_slug, record_id)
            except (RecordRejected, Unavailable) as error:
                if time.monotonic() > until:
                    raise SurpriseError(
                        f"record {record_id} cannot be read {MERGE_SECONDS:.0f} s after its merge ({error}): "
                        "look at it in Attio, then run again"
                    ) from error
                if isinstance(error, RecordRejected) and error.status != 404:
                    raise
            await asyncio.sleep(LOOK_AFTER_SECONDS[0])

    async def _find_merged(
        self, survivor: Record, copy_record_id: str, since: dt.datetime, waits: Sequence[float] = LOOK_AFTER_SECONDS
    ) -> str | None:
        """After a lost answer: return the record that a merge begun at `since` made, or None when both are still there.

        Raises `SurpriseError` when the two are gone and no new record can be told to be theirs.
        """
        there = [True, True]
        for wait in waits:
            await asyncio.sleep(wait)
            there = [await self._is_there(record_id) for record_id in (survivor.record_id, copy_record_id)]
            found = [] if any(there) else await self._made_of(survivor, since)
            if len(found) == 1:
                return found[0]
        if all(there):
            return None
        raise SurpriseError(
            f"records {survivor.record_id} and {copy_record_id} were being merged when the answer was lost, and the "
            "new record cannot be told for sure: look at them in Attio, then run `canon pull` and `make build`"
        )

    async def _is_there(self, record_id: str) -> bool:
        try:
            await self.crm.get_record(self.object_slug, record_id)
        except RecordRejected as error:
            if error.status != 404:
                raise
            return False
        return True

    async def _made_of(self, survivor: Record, since: dt.datetime) -> list[str]:
        """Return the records, new to mirror and ledger, that hold a merged survivor's unique or text values."""
        filters = await self._do(RemovalLedger.telling_values, survivor.values)
        for each in filters:
            found = await self.crm.query(self.object_slug, filter=each)
            unknown: list[str] = await self._do(
                RemovalLedger.new_records, [record.record_id for record in found], since
            )
            if unknown:
                return unknown
        return []

    async def _finish(self, entry: Mapping[str, Any], shown: progress.Task) -> None:
        if entry["method"] == "merge":
            await self._finish_merge(entry)
        elif entry["method"] == "patch":
            await self._finish_gain(entry)
        elif await self._is_there(entry["record_id"]):
            await self._do(RemovalLedger.settle, entry["entry_id"], "not_sent", None)
        else:
            survivor_id = await self._do(RemovalLedger.current_id, entry["body"]["survivor_record_id"])
            await self._do(RemovalLedger.follow, [entry["record_id"]], survivor_id, entry["entry_id"])
            self.report.counts["deleted"] += 1
        shown.advance()

    async def _finish_merge(self, entry: Mapping[str, Any]) -> None:
        survivor = attio.Record(entry["record_id"], "", "", entry["before"]["survivor"])
        record = attio.Record(entry["row_key"], "", "", entry["before"]["values"])
        new_id = await self._do(RemovalLedger.current_id, survivor.record_id)
        if new_id == survivor.record_id:  # else somebody has followed it already, and only the entry was left open
            new_id = await self._find_merged(survivor, record.record_id, entry["started_at"], LOOK_LATER_SECONDS)
        if new_id is None:
            await self._do(RemovalLedger.settle, entry["entry_id"], "not_sent", None)
        else:
            await self._follow_merge(entry["entry_id"], survivor, record, new_id)

    async def _finish_gain(self, entry: Mapping[str, Any]) -> None:
        record_id = await self._do(RemovalLedger.current_id, entry["record_id"])
        survivor = await self.crm.get_record(self.object_slug, record_id)
        removed = await self._do(RemovalLedger.removed_with, entry["run_id"], entry["row_key"])
        gains = await self._do(RemovalLedger.gains, survivor.values, removed)
        if gains:
            await self._gain(entry["entry_id"], record_id, gains)
        else:
            await self._do(RemovalLedger.settle, entry["entry_id"], "done" if removed else "not_sent", None)

    async def _read_back(self, todo: Sequence[Cluster]) -> None:
        """Look at the first that were removed: gone they must be, and their survivors there."""
        if self.report.failure is None:
            found = await asyncio.gather(*(self._read_one_back(one) for one in todo), return_exceptions=True)
            for error in found:  # once all have ended: they share the ledger's connections
                if error is not None:
                    raise error

    async def _read_one_back(self, cluster: Cluster) -> None:
        await self._survivor(cluster)
        for record_id in await self._do(RemovalLedger.removed_by, [copy.record_id for copy in cluster.copies]):
            if await self._is_there(record_id):
                raise SurpriseError(f"record {record_id} was removed and can still be read: nothing more is removed")

    def _stay(self, state: str, copy: Copy, reason: str) -> None:
        self.report.counts[state] += 1
        self.report.stayed.append({"record_id": copy.record_id, "name": copy.name, "state": state, "reason": reason})

    async def _do(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Let the database do something while requests go on: on a connection that nothing else uses."""
        ledger = await self._idle.get()
        try:
            with refusals_told("ledger"):
                return await asyncio.to_thread(function, ledger, *arguments)
        finally:
            self._idle.put_nowait(ledger)


def _split(todo: Sequence[Cluster], canary: int) -> tuple[list[Cluster], list[Cluster]]:
    """Part the first clusters, together at least `canary` copies, from the rest."""
    copies, first = 0, 0
    while first < len(todo) and copies < canary:
        copies += len(todo[first].copies)
        first += 1
    return list(todo[:first]), list(todo[first:])


def _described(copy: Copy, entries: Sequence[Mapping[str, Any]]) -> str:
    attached = {**copy.attached, **({"list entries": len(entries)} if entries else {})}
    return "has " + ", ".join(f"{count} {kind}" for kind, count in sorted(attached.items()))
