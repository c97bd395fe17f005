"""The ceilings, giving way, trying again: on a clock of the tests' own, then against the sandbox."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import json
import random
import socket
import time
from collections import Counter
from typing import TYPE_CHECKING, TypeVar

import pytest
import stamina

from sync import rate_limiter
from sync.errors import ConfigError, Conflict, RecordRejected, Unavailable
from sync.rate_limiter import Crm, Halted, Patience, RateLimiter
from tests.conftest import run_sandbox
from tests.sync.relay import Answer, Request, json_answer, relay, too_many

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from tests.conftest import Sandbox

LATENCY = 0.12
T = TypeVar("T")


class Simulation:
    """A service with a limit per calendar second, and a clock that only moves when we sleep or send.

    A request arrives `jitter` seconds late at the most, and its answer comes `LATENCY` later.
    """

    def __init__(self, ceiling: float, limit: int, *, start: float = 0.0, jitter: float = 0.01) -> None:
        self.now = start
        self.limit = limit
        self.accepted = 0
        self.refused = 0
        self.arrivals: Counter[int] = Counter()
        self.limiter = RateLimiter(ceiling, clock=lambda: self.now, sleep=self.sleep)
        self._jitter = jitter
        self._random = random.Random(int(start * 1000))
        self._answers: list[tuple[float, float, float]] = []

    async def sleep(self, seconds: float) -> None:
        """Let time pass: an event loop wakes up a millisecond late, and answers come in meanwhile."""
        self._until(self.now + max(seconds, 0.001))

    async def send(self) -> None:
        """Send one request when its turn has come."""
        slot = await self.limiter.slot()
        self.now += 0.00005
        arrival = slot + self._random.uniform(0, self._jitter)
        self.arrivals[int(arrival)] += 1
        if self.arrivals[int(arrival)] > self.limit:
            self.refused += 1
            heapq.heappush(self._answers, (arrival + LATENCY, slot, int(arrival) + 1.0))
        else:
            self.accepted += 1
        self._until(self.now)

    def _until(self, moment: float) -> None:
        while self._answers and self._answers[0][0] <= moment:
            self.now, slot, next_second = heapq.heappop(self._answers)
            self.limiter.refused(slot, max(next_second - self.now, 0.0))
        self.now = max(self.now, moment)


def run(simulation: Simulation, accepted: int) -> float:
    """Send until `accepted` more requests were let through; return how many a second that was."""

    async def send_all() -> float:
        began, before = simulation.now, simulation.accepted
        while simulation.accepted - before < accepted:
            await simulation.send()
        return accepted / (simulation.now - began)

    return asyncio.run(send_all())


# On a clock of our own


@pytest.mark.parametrize("start", [0.0, 0.21, 0.5, 0.73, 0.999])
def test_25_a_second_are_used_and_never_exceeded(start: float) -> None:
    simulation = Simulation(25, 25, start=start)
    assert run(simulation, 1000) >= 24.3
    assert simulation.refused == 0
    assert max(simulation.arrivals.values()) <= 25


def test_a_jittery_network_costs_few_refusals() -> None:
    simulation = Simulation(25, 25, jitter=0.05)
    assert run(simulation, 2000) >= 24
    assert simulation.refused <= 0.01 * 2000


def test_a_busy_event_loop_does_not_lead_to_a_burst() -> None:
    simulation = Simulation(25, 25, jitter=0.005)

    async def stumble() -> float:
        while simulation.accepted < 1000:
            await simulation.send()
            if simulation.accepted % 40 == 0:
                simulation.now += 0.25  # something else kept the loop busy
        return simulation.accepted / simulation.now

    assert asyncio.run(stumble()) >= 23.5
    assert simulation.refused == 0


def test_a_high_ceiling_is_not_slowed_by_short_sleeps() -> None:
    simulation = Simulation(2000, 2000, jitter=0.001)
    assert run(simulation, 10_000) >= 1900
    assert simulation.refused == 0


def test_a_limit_cut_in_mid_run_is_found_and_left_again() -> None:
    simulation = Simulation(25, 25)
    run(simulation, 250)
    simulation.limit = 10
    assert run(simulation, 500) >= 9
    assert simulation.refused <= 0.05 * 750
    assert "slowed to" in simulation.limiter.describe()
    simulation.limit = 25
    run(simulation, 1500)
    assert run(simulation, 250) >= 24
    assert simulation.limiter.rate == 25


def test_no_request_is_sent_before_the_time_that_attio_named() -> None:
    simulation = Simulation(25, 25, start=100.0)

    async def refused_for_three_seconds() -> float:
        slot = await simulation.limiter.slot()
        simulation.limiter.refused(slot, 3.0)
        return await simulation.limiter.slot()

    assert asyncio.run(refused_for_three_seconds()) >= 103.0


def test_a_refusal_without_a_date_pauses_all_the_same() -> None:
    simulation = Simulation(25, 25, start=100.0)

    async def refused() -> float:
        simulation.limiter.refused(await simulation.limiter.slot(), None)
        return await simulation.limiter.slot()

    assert 101.0 <= asyncio.run(refused()) < 102.0


def test_what_was_written_just_before_us_does_not_slow_us_down() -> None:
    simulation = Simulation(25, 25, start=7.5)
    simulation.arrivals[7] = 24  # another command, in the same second
    assert run(simulation, 250) >= 22
    assert simulation.limiter.lowest_rate == 25


def test_a_limit_far_below_the_ceiling_is_found_from_the_start() -> None:
    simulation = Simulation(25, 3)
    assert run(simulation, 100) >= 2.5
    assert simulation.refused <= 25


def test_an_idle_minute_is_no_credit() -> None:
    simulation = Simulation(25, 25)
    run(simulation, 25)
    simulation.now += 60
    run(simulation, 100)
    assert simulation.refused == 0


def test_a_ceiling_within_another_is_kept_while_the_others_queue_for_that_one() -> None:
    now, sleepers, order = 0.0, list[tuple[float, int, asyncio.Future[None]]](), itertools.count()

    async def sleep(seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(sleepers, (now + seconds, next(order), woken))
        await woken

    async def send_all() -> tuple[list[float], list[float]]:
        nonlocal now
        writes = RateLimiter(25, clock=lambda: now, sleep=sleep)
        merges = RateLimiter(5, within=writes, clock=lambda: now, sleep=sleep)
        sent: dict[RateLimiter, list[float]] = {writes: [], merges: []}

        async def send(limiter: RateLimiter, times: int) -> None:
            for _ in range(times):
                await limiter.slot()
                sent[limiter].append(now)

        jobs = [asyncio.create_task(send(writes, 25)) for _ in range(32)]
        jobs += [asyncio.create_task(send(merges, 20)) for _ in range(8)]
        while not all(job.done() for job in jobs):
            for _ in range(50):
                await asyncio.sleep(0)
            if sleepers:
                now, _, woken = heapq.heappop(sleepers)
                woken.set_result(None)
        return sent[writes] + sent[merges], sent[merges]

    everything, merged = asyncio.run(send_all())
    assert max(Counter(map(int, everything)).values()) <= 25
    assert max(Counter(map(int, merged)).values()) <= 5
    assert max(everything) <= 40
    assert max(merged) <= 34  # at the head of that queue, which 31 others stand in


@pytest.mark.parametrize("text", ["0", "-1", "many", "nan", "inf", "1e9"])
@pytest.mark.parametrize("name", ["CANON_READS_PER_SECOND", "CANON_WRITES_PER_SECOND"])
def test_a_ceiling_that_is_no_rate_is_refused(name: str, text: str) -> None:
    with pytest.raises(ConfigError, match=name):
        rate_limiter.ceilings({name: text})


def test_ceilings_default_to_attios() -> None:
    assert rate_limiter.ceilings({}) == rate_limiter.Ceilings(reads=100, writes=25)
    assert rate_limiter.ceilings({"CANON_WRITES_PER_SECOND": "12.5"}).writes == 12.5


# Against the sandbox


def with_crm(
    url: str, job: Callable[[Crm], Awaitable[T]], *, writes: str = "1000", patience: Patience | None = None
) -> T:
    """Do `job` with a governed client."""
    environment = {"ATTIO_API_KEY": "any", "ATTIO_BASE_URL": url, "CANON_WRITES_PER_SECOND": writes}

    async def run_job() -> T:
        async with rate_limiter.connect({**environment, "CANON_READS_PER_SECOND": "1000"}, patience=patience) as crm:
            return await job(crm)

    return asyncio.run(run_job())


async def update_often(crm: Crm, record_id: str, times: int) -> None:
    """Send `times` updates, as many at once as there may be."""
    await asyncio.gather(*(crm.update_record("companies", record_id, {"name": [f"n{i}"]}) for i in range(times)))


@pytest.fixture
def no_waiting() -> Iterator[None]:
    """Take the waiting out of the retries."""
    stamina.set_testing(True, attempts=4)
    yield
    stamina.set_testing(False)


def test_the_sandboxes_25_writes_a_second_are_used(tmp_path: Path) -> None:
    with run_sandbox(tmp_path, "--latency", "120") as limited:
        made = limited.call("POST", "/objects/companies/records", {"data": {"values": {"name": ["x"]}}})
        record_id = made.json()["data"]["id"]["record_id"]

        async def job(crm: Crm) -> tuple[float, int]:
            await asyncio.sleep(1)  # the creation above counts in its own second
            began = time.monotonic()
            await update_often(crm, record_id, 125)
            return 125 / (time.monotonic() - began), crm.writes.refusals

        rate, refusals = with_crm(limited.url, job, writes="25")
        assert 22 <= rate <= 26
        assert refusals <= 2
        assert limited.stats()["refused"] == refusals


def test_everything_gets_through_where_attio_keeps_refusing(sandbox: Sandbox) -> None:
    record_id = make_company(sandbox)
    sandbox.play("limits", {"writes_per_second": 30})

    async def job(crm: Crm) -> int:
        await update_often(crm, record_id, 60)
        return crm.writes.refusals

    assert with_crm(sandbox.url, job) > 0
    assert sandbox.stats()["writes"] >= 60


def test_failures_are_tried_again_where_repeating_is_harmless(sandbox: Sandbox, no_waiting: None) -> None:
    record_id = make_company(sandbox)
    sandbox.play("faults", {"errors_every": 3, "error_status": 503})
    with_crm(sandbox.url, lambda crm: update_often(crm, record_id, 3))
    sandbox.play("faults", {"errors_every": 0, "cut_every": 3})
    with_crm(sandbox.url, lambda crm: update_often(crm, record_id, 3))


def test_a_creation_whose_answer_is_lost_is_not_repeated(sandbox: Sandbox, no_waiting: None) -> None:
    sandbox.play("faults", {"cut_every": 1})
    with pytest.raises(Unavailable) as caught:
        with_crm(sandbox.url, lambda crm: crm.create_record("people", {"job_title": ["x"]}))
    assert caught.value.lost_answer
    assert len(sandbox.records("people")) == 1


def test_a_creation_that_surely_did_not_happen_is_repeated(no_waiting: None) -> None:
    record = {"id": {"record_id": "r"}, "created_at": "2026-01-01T00:00:00Z", "values": {}}

    async def run_all() -> int:
        refusals = [too_many("0"), json_answer({"code": "concurrent_write_conflict", "message": "m"}, 409)]

        async def play(_: Request) -> Answer:
            return refusals.pop(0) if refusals else json_answer({"data": record})

        async with relay(play) as url:
            environment = {"ATTIO_API_KEY": "any", "ATTIO_BASE_URL": url}
            async with rate_limiter.connect(environment) as crm:
                assert (await crm.create_record("people", {})).record_id == "r"
                return crm.retried + crm.writes.refusals

    assert asyncio.run(run_all()) == 2


def test_what_attio_rejects_is_not_tried_again(sandbox: Sandbox) -> None:
    with pytest.raises(RecordRejected):
        with_crm(sandbox.url, lambda crm: crm.create_record("people", {"no_such": ["x"]}))
    assert sandbox.stats()["writes"] == 1


def test_an_outage_ends_in_unavailable_after_bounded_attempts(sandbox: Sandbox, no_waiting: None) -> None:
    sandbox.play("faults", {"outage_seconds": 60})
    with pytest.raises(Unavailable) as caught:
        with_crm(sandbox.url, lambda crm: crm.objects(), patience=Patience(attempts=4))
    assert caught.value.exit_code == 4
    assert sandbox.stats()["reads"] == 4


def test_endless_conflicts_and_refusals_end_too(no_waiting: None) -> None:
    async def run_all(answer: Answer) -> int:
        asked = 0

        async def play(_: Request) -> Answer:
            nonlocal asked
            asked += 1
            return answer

        async with relay(play) as url:
            environment = {"ATTIO_API_KEY": "any", "ATTIO_BASE_URL": url}
            async with rate_limiter.connect(environment, patience=Patience(refused_seconds=0.5)) as crm:
                with pytest.raises((Unavailable, Conflict)):
                    await crm.update_record("people", "x", {})
        return asked

    conflict = json_answer({"code": "concurrent_write_conflict", "message": "m"}, 409)
    assert asyncio.run(run_all(conflict)) == 4
    assert 1 <= asyncio.run(run_all(too_many("0"))) < 50
    assert asyncio.run(run_all(too_many("3600"))) == 1  # an hour is more patience than we have


@pytest.mark.parametrize(("status", "seconds"), [(429, "60"), (503, "60")])
def test_a_job_that_is_to_end_sits_out_no_pause(status: int, seconds: str) -> None:
    async def run() -> float:
        answered = asyncio.Event()

        async def play(_: Request) -> Answer:
            answered.set()
            return json_answer({"message": "later"}, status, f"Retry-After: {seconds}")

        environment = {"ATTIO_API_KEY": "any"}
        async with relay(play) as url, rate_limiter.connect({**environment, "ATTIO_BASE_URL": url}) as crm:
            calls = [asyncio.create_task(crm.update_record("people", "r", {})) for _ in range(10)]
            await answered.wait()
            crm.is_halted = lambda: True
            started = time.monotonic()
            ended = await asyncio.gather(*calls, return_exceptions=True)
            assert all(isinstance(one, Halted | Unavailable) for one in ended)
            return time.monotonic() - started

    assert asyncio.run(run()) < 10


def test_maintenance_is_waited_for_as_long_as_attio_says_and_not_for_an_hour() -> None:
    async def run(seconds: str) -> float:
        asked = 0

        async def play(_: Request) -> Answer:
            nonlocal asked
            asked += 1
            if asked == 1:
                return json_answer({"message": "maintenance"}, 503, f"Retry-After: {seconds}")
            return json_answer({"data": []})

        environment = {"ATTIO_API_KEY": "any"}
        async with relay(play) as url, rate_limiter.connect({**environment, "ATTIO_BASE_URL": url}) as crm:
            started = time.monotonic()
            await crm.query("people")
            return time.monotonic() - started

    assert 2 <= asyncio.run(run("2")) < 10
    with pytest.raises(Unavailable, match="maintenance"):
        asyncio.run(run("3600"))


def test_an_outage_of_seconds_at_the_first_call_is_waited_for(sandbox: Sandbox) -> None:
    sandbox.play("faults", {"outage_seconds": 6})
    assert with_crm(sandbox.url, lambda crm: crm.identify()).workspace_id


def test_nobody_at_home_is_told_soon() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        began = time.monotonic()
        with pytest.raises(Unavailable, match="no connection to Attio"):
            with_crm(f"http://127.0.0.1:{taken.getsockname()[1]}", lambda crm: crm.identify())
    assert time.monotonic() - began < 10


def test_deleting_what_is_gone_is_done(sandbox: Sandbox) -> None:
    record_id = make_company(sandbox)

    async def job(crm: Crm) -> list[bool]:
        return [await crm.delete_record("companies", record_id) for _ in range(2)]

    assert with_crm(sandbox.url, job) == [True, False]


def test_few_connections_serve_many_requests() -> None:
    async def run_all() -> int:
        async def play(_: Request) -> Answer:
            return json_answer({"data": []})

        async with relay(play) as url:
            environment = {"ATTIO_API_KEY": "any", "ATTIO_BASE_URL": url, "CANON_READS_PER_SECOND": "100"}
            async with rate_limiter.connect(environment) as crm:
                await asyncio.gather(*(crm.query("people") for _ in range(100)))
                return len(crm._clients)

    assert asyncio.run(run_all()) <= rate_limiter.MOST_IN_FLIGHT / 2


def make_company(sandbox: Sandbox) -> str:
    made = sandbox.call("POST", "/objects/companies/records", {"data": {"values": {"name": ["x"]}}})
    record_id: str = json.loads(made.content)["data"]["id"]["record_id"]
    return record_id


def test_a_call_that_was_cancelled_leaves_no_connection_that_nobody_can_use() -> None:
    """Httpcore never gives back the connection of a cancelled request: the next call would wait for it in vain."""

    async def play(request: Request) -> Answer | None:
        await asyncio.sleep(0.5 if request.number == 1 else 0)
        return json_answer({"data": []})

    async def run() -> float:
        async with relay(play) as url, rate_limiter.connect({"ATTIO_API_KEY": "a", "ATTIO_BASE_URL": url}) as crm:
            call = asyncio.create_task(crm.query("companies"))
            await asyncio.sleep(0.1)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
            started = time.monotonic()
            await crm.query("companies")
            return time.monotonic() - started

    assert asyncio.run(run()) < 5


def test_writes_that_wait_for_their_turn_are_not_sent_once_the_job_is_to_end() -> None:
    arrived = 0

    async def play(_request: Request) -> Answer | None:
        nonlocal arrived
        arrived += 1
        return json_answer({"data": {"id": {"record_id": "r"}, "created_at": "", "values": {}}})

    async def run() -> list[object]:
        environment = {"ATTIO_API_KEY": "a", "CANON_WRITES_PER_SECOND": "10"}
        async with relay(play) as url, rate_limiter.connect({**environment, "ATTIO_BASE_URL": url}) as crm:
            calls = [asyncio.create_task(crm.update_record("companies", "r", {})) for _ in range(50)]
            await asyncio.sleep(0.45)
            crm.is_halted = lambda: True
            started = time.monotonic()
            ended = await asyncio.gather(*calls, return_exceptions=True)
            assert time.monotonic() - started < 0.5
            return [one for one in ended if isinstance(one, Halted)]

    halted = asyncio.run(run())

    assert 0 < arrived < 20
    assert len(halted) == 50 - arrived
