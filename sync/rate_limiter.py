"""Rate, retries, waiting: what stands between our jobs and `attio.py`, known to nobody else.

Attio counts requests as they arrive, per calendar second: 25 writes and 100 reads. `RateLimiter` keeps just under
such a ceiling and gives way when Attio answers 429; `Crm` has the endpoints of `Attio`, as many of them in flight as
latency needs, each governed and, where repeating is harmless, tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import random
import time
from collections import deque
from dataclasses import dataclass
from operator import methodcaller
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import stamina

from sync import attio, progress
from sync.errors import ConfigError, Conflict, RecordRejected, Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from sync.attio import Attachment, Attio, Attribute, Identity, Json, Object, Option, Record, Settings

T = TypeVar("T")

logger = logging.getLogger(__name__)

DEFAULT_READS_PER_SECOND = 100.0
DEFAULT_WRITES_PER_SECOND = 25.0
MOST_IN_FLIGHT = 64
MERGES_PER_SECOND = 5.0
NOTES_PER_SECOND = 10.0
"""Two endpoints have ceilings of their own (section 2)."""
FIRST_ATTEMPTS = 4

GUARD = 0.02
"""How much longer than a second a ceiling of requests takes: room for what the network adds to one and not the next."""
WIDEST_GUARD = 0.08
GUARD_STEP = 0.01
GUARD_RELAXES_PER_SECOND = 0.0002

CATCH_UP_SECONDS = 0.3
"""A late wake-up is made good up to this; the ceiling holds all the same."""
SLEEP_GRANULARITY = 0.0015
"""Shorter waits are not slept: an event loop sleeps a millisecond at least, which would cap us at some 900 a second."""

SLOWEST = 0.5
BACK_OFF = 0.95
SURPRISE_SECONDS = 3.0
"""A refusal when we have hardly begun is somebody else's burst in that second; a second one within this time is not."""
RECOVERY_PER_SECOND = 0.004
RECOVERY_QUICKENS_AFTER = 10.0
PAUSE_WITHOUT_DATE = 1.0
LONGEST_PAUSE = 120.0
HALT_SEEN_WITHIN = 0.5
"""Seconds: no wait is slept longer in one go, so that a job that is to end does not sit out a pause."""


class Halted(Exception):  # noqa: N818  # not an error: the job was told to end
    """A call was not made, because the job is to end."""


class RateLimiter:
    """A ceiling on requests per second.

    Slots are evenly spaced, and no stretch of a second and `GUARD` ever holds more than the ceiling. A 429 stops
    every request until the time that Attio names. Where it came although we were below the ceiling, the limit itself
    is lower now (or somebody shares it): the rate falls to what was let through, and recovers slowly.

    A request of an endpoint with a ceiling of its own counts `within` another one too. Its turn comes at the head of
    that other queue, so that it is sent when both allow it, and its refusal says nothing of the other ceiling.
    """

    def __init__(
        self,
        ceiling: float,
        *,
        name: str = "requests",
        within: RateLimiter | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.ceiling = ceiling
        self.rate = ceiling
        self.name = name
        self.within = within
        self.sent = 0
        self.refusals = 0
        self.lowest_rate = ceiling
        self._clock = clock
        self._sleep = sleep
        self._queue = asyncio.Lock()  # fair: first come, first served
        self._turn = asyncio.Lock()
        self._slots: deque[float] = deque(maxlen=math.ceil(ceiling) * 2 + 1)
        self._refused_slots: deque[float] = deque(maxlen=math.ceil(ceiling) * 2 + 1)
        self._due = -math.inf
        self._guard = GUARD
        self._paused_until = -math.inf
        self._slowed_at = -math.inf
        self._surprised_at = -math.inf
        self._recovered_at = -math.inf

    async def slot(self, is_halted: Callable[[], bool] = lambda: False) -> float:
        """Wait for the turn to send one request; return the slot's time, which `refused` wants back.

        Raises `Halted`, at once for all who wait, when `is_halted` says so.
        """
        async with self._queue:
            return await self._next_slot(is_halted)

    async def _next_slot(self, is_halted: Callable[[], bool]) -> float:
        async with self._turn:
            now = self._clock()
            while (wait := self._earliest(now) - now) > SLEEP_GRANULARITY:
                if is_halted():
                    break
                await self._sleep(min(wait, HALT_SEEN_WITHIN))
                now = self._clock()
            if is_halted():
                raise Halted
            if self.within is not None:
                now = await self.within._next_slot(is_halted)  # noqa: SLF001  # one of our own
            slot = max(self._earliest(now), now)
            self._due = max(self._due, now - CATCH_UP_SECONDS) + (1 + self._guard) / self.rate
            self._slots.append(slot)
            self.sent += 1
            return slot

    def refused(self, slot: float, retry_after: float | None) -> None:
        """Take note of a 429 for the request sent at `slot`: pause, and slow down once for all then in flight."""
        self.refusals += 1
        self._refused_slots.append(slot)
        pause = PAUSE_WITHOUT_DATE if retry_after is None else retry_after
        now = self.pause(pause)
        if slot <= self._slowed_at:
            return
        self._slowed_at = self._recovered_at = now
        sent = _within(self._slots, slot - 1, slot)
        let_through = sent - _within(self._refused_slots, slot - 1, slot)
        was_surprised, self._surprised_at = now - self._surprised_at < SURPRISE_SECONDS, -math.inf
        if sent < self.rate / 2 and not was_surprised:
            self._surprised_at = now
        elif let_through >= 0.9 * self.ceiling:
            self._guard = min(self._guard + GUARD_STEP, WIDEST_GUARD)
        else:
            self.rate = max(min(self.rate, max(let_through, self.rate / 4)) * BACK_OFF, min(SLOWEST, self.ceiling))
            self.lowest_rate = min(self.lowest_rate, self.rate)
        logger.warning(
            "Attio refused a request for its rate limit",
            extra={"fields": {"kind": self.name, "pause": pause, "rate": self.rate, "guard": self._guard}},
        )

    def pause(self, seconds: float) -> float:
        """Send nothing for so long, two minutes at the most; return the time."""
        now = self._clock()
        jitter = random.uniform(0.01, 0.05)  # noqa: S311  # spreads several processes, keeps no secret
        self._paused_until = max(self._paused_until, now + min(seconds, LONGEST_PAUSE) + jitter)
        self._due = max(self._due, self._paused_until)
        return now

    def describe(self) -> str:
        """Return what is out of the ordinary: `slowed to 9.5/s of 25/s, 7 writes put off by Attio`, or nothing."""
        self._recover(self._clock())
        parts = []
        if self.rate < 0.95 * self.ceiling:
            parts.append(f"slowed to {self.rate:.1f}/s of {self.ceiling:g}/s")
        if self.refusals:
            parts.append(f"{self.refusals:,} {self.name} put off by Attio")
        return ", ".join(parts)

    def _earliest(self, now: float) -> float:
        """Return when the next request may go; moves with pauses and with the rate."""
        self._recover(now)
        spacing = (1 + self._guard) / self.rate
        earliest = max(self._due, self._paused_until)
        if self._slots:
            earliest = max(earliest, self._slots[-1] + spacing / 2)
        whole = math.ceil(self.rate)
        if len(self._slots) >= whole:
            earliest = max(earliest, self._slots[-whole] + whole * spacing)
        return earliest

    def _recover(self, now: float) -> None:
        since = max(self._recovered_at, self._paused_until)
        if now <= since or since == -math.inf:
            return
        clean = now - max(self._slowed_at, self._paused_until)
        step = (now - since) * self.ceiling * RECOVERY_PER_SECOND * (1 + clean / RECOVERY_QUICKENS_AFTER)
        self.rate = min(self.rate + step, self.ceiling)
        self._guard = max(self._guard - (now - since) * GUARD_RELAXES_PER_SECOND, GUARD)
        self._recovered_at = now


def _within(times: Sequence[float], after: float, until: float) -> int:
    return sum(1 for one in times if after < one <= until)


@dataclass(frozen=True, slots=True)
class Ceilings:
    """Requests per second that the workspace allows, reads and writes apart."""

    reads: float = DEFAULT_READS_PER_SECOND
    writes: float = DEFAULT_WRITES_PER_SECOND


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a call is tried: `attempts` at failures, `seconds` in all, `refused_seconds` against 429s."""

    attempts: int = 8
    seconds: float = 150.0
    refused_seconds: float = 180.0


def ceilings(environment: Mapping[str, str]) -> Ceilings:
    """Read `CANON_READS_PER_SECOND`, `CANON_WRITES_PER_SECOND`; `ConfigError` unless they are positive numbers."""
    return Ceilings(
        reads=_ceiling(environment, "CANON_READS_PER_SECOND", DEFAULT_READS_PER_SECOND),
        writes=_ceiling(environment, "CANON_WRITES_PER_SECOND", DEFAULT_WRITES_PER_SECOND),
    )


def _ceiling(environment: Mapping[str, str], name: str, default: float) -> float:
    text = environment.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.1 <= value <= 100_000:  # NaN fails too
        raise ConfigError(f"{name} is {text!r}: give requests per second, from 0.1 to 100000 (default {default:g})")
    return value


@contextlib.asynccontextmanager
async def connect(
    environment: Mapping[str, str] | None = None, *, patience: Patience | None = None
) -> AsyncIterator[Crm]:
    """Open the way to Attio that the environment names; connections are made as they are needed and closed at the end.

    Raises `ConfigError` when a setting is missing or malformed. Sends nothing yet.
    """
    environment = os.environ if environment is None else environment
    crm = Crm(attio.settings(environment), ceilings(environment), patience=patience or Patience())
    try:
        with progress.while_waiting("waiting for Attio", lambda: crm.open_calls > 0):
            yield crm
    finally:
        await crm.close()


class Crm:
    """Attio's endpoints, governed: start as many calls at once as you like, up to `MOST_IN_FLIGHT` go together.

    `tell` is called with a few words when a call is about to be tried again: set it to show them with the progress.
    `is_halted` is asked before each write is sent: once it says True, writes that wait for their turn raise `Halted`.
    Errors are those of `Attio`, raised after the retries: `Unavailable` and `Conflict` then mean that Attio stayed so.
    """

    def __init__(self, where: Settings, limits: Ceilings, *, patience: Patience) -> None:
        self.reads = RateLimiter(limits.reads, name="reads")
        self.writes = RateLimiter(limits.writes, name="writes")
        self.merges = RateLimiter(min(limits.writes, MERGES_PER_SECOND), name="merges", within=self.writes)
        self.notes_read = RateLimiter(min(limits.reads, NOTES_PER_SECOND), name="notes", within=self.reads)
        self.retried = 0
        self.open_calls = 0
        self.tell: Callable[[str], None] = lambda _words: None
        self.is_halted: Callable[[], bool] = lambda: False
        self._where = where
        self._patience = patience
        self._in_flight = asyncio.Semaphore(MOST_IN_FLIGHT)
        self._tls = httpx.create_ssl_context()
        self._clients: list[httpx.AsyncClient] = []
        self._idle: list[Attio] = []  # last in, first out: few connections, all warm

    async def close(self) -> None:
        """Close every connection."""
        for client in self._clients:
            await client.aclose()

    def note(self) -> str:
        """Return in words what is out of the ordinary with Attio's limits, for a progress line."""
        return ", ".join(part for one in (self.reads, self.writes, self.merges) if (part := one.describe()))

    async def identify(self) -> Identity:
        """Return whose token this is; raise `AuthError` when Attio does not know it.

        The first call of every job: where nobody answers, we say so after a few seconds. An Attio that answers with its
        own failure is there, and waited for as ever.
        """
        return await self._call(self.reads, lambda api: api.identify(), attempts_unanswered=FIRST_ATTEMPTS)

    # records

    async def query(
        self,
        object_slug: str,
        *,
        filter: Json | None = None,  # noqa: A002  # Attio's own word
        sorts: Sequence[Json] = (),
        limit: int = attio.PAGE_LIMIT,
        offset: int = 0,
    ) -> list[Record]:
        """Return one page of records; fewer than `limit` of them means that there are no more."""
        return await self._call(
            self.reads, lambda api: api.query(object_slug, filter=filter, sorts=sorts, limit=limit, offset=offset)
        )

    async def get_record(self, object_slug: str, record_id: str) -> Record:
        """Return one record; `RecordRejected` with status 404 when there is none."""
        return await self._call(self.reads, lambda api: api.get_record(object_slug, record_id))

    async def create_record(self, object_slug: str, values: Mapping[str, Any]) -> Record:
        """Create a record. Tried again only where it surely did not happen.

        Raises `Unavailable` with `lost_answer` when the record may exist now: look it up before you try again.
        """
        return await self._call(self.writes, lambda api: api.create_record(object_slug, values), repeatable=False)

    async def update_record(self, object_slug: str, record_id: str, values: Mapping[str, Any]) -> Record:
        """Write the given attributes; lists gain what they lack and lose nothing (PATCH)."""
        return await self._call(self.writes, lambda api: api.update_record(object_slug, record_id, values))

    async def replace_record(self, object_slug: str, record_id: str, values: Mapping[str, Any]) -> Record:
        """Write the given attributes; lists become exactly what is given (PUT)."""
        return await self._call(self.writes, lambda api: api.replace_record(object_slug, record_id, values))

    async def delete_record(self, object_slug: str, record_id: str) -> bool:
        """Delete a record for good; False when there was none (any more)."""
        try:
            await self._call(self.writes, lambda api: api.delete_record(object_slug, record_id))
        except RecordRejected as error:
            if error.status == 404:
                return False
            raise
        return True

    async def merge_records(self, object_slug: str, primary_record_id: str, secondary_record_id: str) -> str:
        """Merge two records; return the new one's id. A write that has a ceiling of its own besides.

        Raises `Unavailable` with `lost_answer` when it may have happened: look before you try again.
        """
        return await self._call(
            self.merges,
            lambda api: api.merge_records(object_slug, primary_record_id, secondary_record_id),
            repeatable=False,
        )

    # what hangs on records

    async def entries(self, object_slug: str, record_id: str) -> list[Attachment]:
        """Return the list entries of a record."""
        return await self._call(self.reads, lambda api: api.entries(object_slug, record_id))

    async def lists(self) -> list[str]:
        """Return the ids of the workspace's lists."""
        return await self._call(self.reads, lambda api: api.lists())

    async def entries_of_list(self, list_id: str, *, offset: int) -> list[Attachment]:
        """Return one page of a list's entries; fewer than `attio.PAGE_LIMIT` mean that there are no more."""
        return await self._call(self.reads, lambda api: api.entries_of_list(list_id, offset=offset))

    async def notes(self, *, offset: int) -> list[Attachment]:
        """Return one page of the workspace's notes; fewer than `attio.NOTES_LIMIT` mean that there are no more."""
        return await self._call(self.notes_read, lambda api: api.notes(offset=offset))

    async def tasks(self, *, offset: int) -> list[Attachment]:
        """Return one page of the workspace's tasks; fewer than `attio.PAGE_LIMIT` mean that there are no more."""
        return await self._call(self.reads, lambda api: api.tasks(offset=offset))

    # configuration: a second try of a creation answers `slug_conflict`, so all of it is repeatable

    async def objects(self) -> list[Object]:
        """Return every object of the workspace."""
        return await self._call(self.reads, lambda api: api.objects())

    async def create_object(self, slug: str, *, singular: str, plural: str) -> Object:
        """Create an object; `RecordRejected` with code `slug_conflict` when slug or nouns are taken."""
        return await self._call(self.writes, lambda api: api.create_object(slug, singular=singular, plural=plural))

    async def attributes(self, object_slug: str) -> list[Attribute]:
        """Return all attributes of an object, archived ones too."""
        found: list[Attribute] = []
        while True:
            one_page = methodcaller("attributes", object_slug, offset=len(found))
            page: list[Attribute] = await self._call(self.reads, one_page)
            found += page
            if len(page) < attio.PAGE_LIMIT:
                return found

    async def create_attribute(
        self,
        object_slug: str,
        slug: str,
        *,
        title: str,
        type: str,  # noqa: A002  # Attio's own word
        description: str | None = None,
        is_unique: bool = False,
        is_multiselect: bool = False,
        allowed_objects: Sequence[str] = (),
    ) -> Attribute:
        """Create an attribute; `RecordRejected` with code `slug_conflict` when the slug is taken (archived too)."""
        return await self._call(
            self.writes,
            lambda api: api.create_attribute(
                object_slug,
                slug,
                title=title,
                type=type,
                description=description,
                is_unique=is_unique,
                is_multiselect=is_multiselect,
                allowed_objects=allowed_objects,
            ),
        )

    async def options(self, object_slug: str, attribute: str) -> list[Option]:
        """Return the options of a select attribute."""
        return await self._call(self.reads, lambda api: api.options(object_slug, attribute))

    async def create_option(self, object_slug: str, attribute: str, title: str) -> Option:
        """Create an option; `RecordRejected` with code `slug_conflict` when the title is taken."""
        return await self._call(self.writes, lambda api: api.create_option(object_slug, attribute, title))

    # governing

    async def _call(
        self,
        limiter: RateLimiter,
        send: Callable[[Attio], Awaitable[T]],
        *,
        repeatable: bool = True,
        attempts_unanswered: int | None = None,
    ) -> T:
        """Send within the limits; try again by error class, the one place where that is decided."""
        failed: list[Exception] = []

        def worth_retrying(error: Exception) -> bool:
            if isinstance(error, Halted) and failed:  # what became of the call is what its last try said
                raise failed[-1]
            failed.append(error)
            worth = _worth_retrying(error, repeatable=repeatable)
            if attempts_unanswered is not None and isinstance(error, Unavailable) and error.status == 0:
                worth = worth and len(failed) < attempts_unanswered
            if worth:
                self.retried += 1
                self.tell(f"trying again: {error}")
                logger.warning("trying again", extra={"fields": {"error": str(error)}})
            return worth

        async with self._in_flight, self._counted():
            async for attempt in stamina.retry_context(
                on=worth_retrying,
                attempts=self._patience.attempts,
                timeout=self._patience.seconds,
                wait_initial=0.2,
                wait_max=5.0,
                wait_jitter=0.5,
            ):
                with attempt:
                    return await self._send_when_allowed(limiter, send)
        raise AssertionError("unreachable: the last attempt returns or raises")

    @contextlib.asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        self.open_calls += 1
        try:
            yield
        finally:
            self.open_calls -= 1

    async def _send_when_allowed(self, limiter: RateLimiter, send: Callable[[Attio], Awaitable[T]]) -> T:
        """Send once; a request that Attio put off (429: not processed) goes again after the pause."""
        give_up_at = time.monotonic() + self._patience.refused_seconds
        while True:
            writes = limiter in {self.writes, self.merges}
            slot = await (limiter.slot(self._is_halted) if writes else limiter.slot())
            api = self._idle.pop() if self._idle else self._new_api()
            try:
                answer = await send(api)
            except asyncio.CancelledError:
                raise  # its connection stays taken (httpcore never gives it back): not to be used again
            except Unavailable as error:
                self._idle.append(api)
                if error.status != 429:
                    if error.retry_after:  # maintenance, say: for all, not for this call alone
                        (limiter.within or limiter).pause(error.retry_after)
                    raise
                limiter.refused(slot, error.retry_after)
                if time.monotonic() + (error.retry_after or 0.0) > give_up_at:
                    raise
            except Exception:
                self._idle.append(api)
                raise
            else:
                self._idle.append(api)
                return answer

    def _is_halted(self) -> bool:
        return self.is_halted()  # as it is set by then

    def _new_api(self) -> Attio:
        client = attio.new_client(self._where, tls=self._tls)
        self._clients.append(client)
        return attio.Attio(client)


def _worth_retrying(error: Exception, *, repeatable: bool) -> bool:
    """Tell whether a failed call is to be tried again: not when Attio asks for more patience than we have."""
    if isinstance(error, Conflict):
        return True
    if not isinstance(error, Unavailable) or error.status == 429:  # 429 had its own patience
        return False
    if error.lost_answer and not repeatable:
        return False
    return (error.retry_after or 0.0) <= LONGEST_PAUSE
