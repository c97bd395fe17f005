"""What goes wrong between us, Attio and the database: nothing doubled, nothing lost, and the run says what is left."""

from __future__ import annotations

import asyncio
import collections
import json
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from sync import ledger, pull, rate_limiter
from sync import plan as planning
from sync.errors import AuthError, Unavailable, WarehouseError
from sync.push import Limits, Push, Report
from sync.rate_limiter import Patience
from tests.sync import small_exports as small
from tests.sync.relay import Answer, Request, json_answer, relay
from tests.sync.test_push import URL, background, people, shown, wait_until, workspace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from pathlib import Path

    from tests.conftest import Canon, Database, Sandbox

__all__ = ["workspace"]  # a fixture

NO_CANARY = Limits(canary=0)
IMPATIENT = Patience(attempts=2, seconds=2, refused_seconds=2)


async def push_once(
    database: Database,
    url: str,
    *,
    limits: Limits = NO_CANARY,
    patience: Patience | None = None,
    begun: Callable[[Push], Coroutine[Any, Any, None]] | None = None,
    is_pulling: bool = True,
) -> Report:
    """Pull, plan and push in this process; `begun` is called beside the pushing."""
    every = small.exports()
    environment = {
        "ATTIO_API_KEY": "any",
        "ATTIO_BASE_URL": url,
        "CANON_WRITES_PER_SECOND": "500",
        "CANON_READS_PER_SECOND": "500",
    }
    async with rate_limiter.connect(environment, patience=patience) as crm:
        with database.connect() as connection:
            if is_pulling:
                await pull.pull(crm, connection, pull.default_objects(every))
            plan = planning.make(connection, every, every)
            run_id = ledger.begin_run(connection, "sync", {}, workspace_id="w")
            pushing = Push(connection, crm, run_id=run_id, plan_id=plan.plan_id, limits=limits)
            beside = asyncio.create_task(begun(pushing)) if begun else None
            try:
                return await pushing.run(every, {each.export: each.writes for each in plan.exports})
            finally:
                if beside is not None:
                    await beside
                connection.close()


def push(database: Database, url: str, **options: Any) -> Report:
    return asyncio.run(push_once(database, url, **options))


def through(
    sandbox: Sandbox, play: Callable[[Request], Awaitable[Answer | None]], database: Database, **o: Any
) -> Report:
    """Push through a relay in which `play` decides what is answered."""

    async def run() -> Report:
        async with relay(play, sandbox.url) as url:
            return await push_once(database, url, **o)

    return asyncio.run(run())


def profiles(sandbox: Sandbox) -> collections.Counter[str]:
    """Count the CRM's people by profile."""
    return collections.Counter(shown(each, "linkedin")[0] for each in sandbox.records("people"))


def each_once(sandbox: Sandbox, count: int) -> bool:
    return profiles(sandbox) == collections.Counter(map(URL.format, range(count)))


def open_entries(database: Database) -> int:
    (row,) = database.rows("select count(*) from attio_sync.entries where state in ('pending', 'unknown')")
    return int(row[0])


def is_write(request: Request) -> bool:
    return request.method != "GET" and not request.path.endswith("/query")


def test_creations_whose_answer_is_lost_are_neither_doubled_nor_missing(database: Database, workspace: Sandbox) -> None:
    """LinkedIn is not unique in Attio: a creation repeated blindly is a second person."""
    people(database, 300)
    small.put(database, "attio_companies", *({"domain": f"c{number}.com", "name": "C"} for number in range(60)))
    workspace.play("faults", {"cut_every": 10, "drop_every": 37})

    report = push(database, workspace.url)

    assert report.counts["attio_companies"] == {"created": 60}
    assert report.counts["attio_people"] == {"created": 300}
    assert len(workspace.records("companies")) == 60
    assert each_once(workspace, 300)
    workspace.play("faults", {"cut_every": 0, "drop_every": 0})
    assert push(database, workspace.url).written == 0


def test_a_creation_that_was_slow_to_appear_is_found_at_the_second_look(database: Database, workspace: Sandbox) -> None:
    people(database, 1)
    late: list[asyncio.Task[Any]] = []

    async def play(request: Request) -> Answer | None:
        if request.method != "POST" or not request.path.endswith("/records") or late:
            return None

        async def arrive() -> None:
            await asyncio.sleep(0.3)
            await asyncio.to_thread(workspace.call, "POST", request.path, request.json)

        late.append(asyncio.create_task(arrive()))
        return Answer(cut=0)

    report = through(workspace, play, database)

    assert report.written == 1
    assert each_once(workspace, 1)


def test_killed_in_the_midst_again_and_again_every_row_has_one_record(
    canon: Canon, project: Path, database: Database, workspace: Sandbox
) -> None:
    """2,000 people, 20 kills at random and an outage: `make bench ARGS=faults`."""
    people(database, 400)
    workspace.play("faults", {"latency_ms": 60, "cut_every": 10, "errors_every": 20, "drop_every": 33})
    for kills in (40, 130, 240):
        with background(project, database, workspace, "--yes", "--canary", "0") as run:
            wait_until(lambda kills=kills: workspace.stats()["writes"] >= kills)
            run.send_signal(signal.SIGKILL)
    assert open_entries(database) > 0
    workspace.play("faults", {"latency_ms": 0})

    canon("sync", "--yes").expect(0)

    assert each_once(workspace, 400)
    assert open_entries(database) == 0
    workspace.play("faults", {"cut_every": 0, "errors_every": 0, "drop_every": 0})
    states = [each["state"] for each in canon("runs", "--json").json["runs"]]
    assert states == ["done", "interrupted", "interrupted", "interrupted"]
    assert canon("sync", "--yes", "--json").expect(0).json["written"] == 0


def test_without_a_new_pull_an_unanswered_creation_is_looked_up(database: Database, workspace: Sandbox) -> None:
    """The mirror does not show it yet; the ledger says that it may be there."""
    people(database, 2)
    push(database, workspace.url, limits=Limits(canary=0, rows=1))
    database.run(
        "update attio_sync.entries set state = 'pending', record_id = null, finished_at = null",
        "delete from attio_sync.row_states",
    )

    push(database, workspace.url, is_pulling=False)

    assert each_once(workspace, 2)
    assert open_entries(database) == 0


def test_what_a_killed_run_created_is_known_as_ours(database: Database, workspace: Sandbox) -> None:
    people(database, 1)
    push(database, workspace.url)
    database.run(
        "update attio_sync.entries set state = 'pending', record_id = null, finished_at = null",
        "delete from attio_sync.row_states",
    )

    report = push(database, workspace.url)

    assert report.written == 0
    assert database.rows("select is_created_by_us from attio_sync.row_states") == [(True,)]
    assert open_entries(database) == 0


def test_an_outage_ends_the_run_with_what_is_left_and_the_next_goes_on(database: Database, workspace: Sandbox) -> None:
    people(database, 200)

    async def fall_silent(_push: Push) -> None:
        await asyncio.to_thread(wait_until, lambda: workspace.stats()["writes"] > 50)
        await asyncio.to_thread(workspace.play, "faults", {"outage_seconds": 60})

    workspace.play("faults", {"latency_ms": 100})
    report = push(database, workspace.url, patience=IMPATIENT, begun=fall_silent)

    assert isinstance(report.failure, Unavailable)
    assert report.failure.exit_code == 4
    workspace.play("faults", {"outage_seconds": 0, "latency_ms": 0})
    assert report.left == 200 - len(workspace.records("people")) > 0

    assert push(database, workspace.url).left == 0
    assert each_once(workspace, 200)


def test_a_refused_token_stops_the_run_at_once(database: Database, workspace: Sandbox) -> None:
    people(database, 500)
    writes = 0

    async def play(request: Request) -> Answer | None:
        nonlocal writes
        writes += is_write(request)
        if is_write(request) and writes > 20:
            body = {"status_code": 401, "type": "auth_error", "code": "unauthorized", "message": "revoked"}
            return json_answer(body, 401)
        return None

    report = through(workspace, play, database)

    assert isinstance(report.failure, AuthError)
    assert report.failure.exit_code == 3
    assert report.counts["attio_people"]["created"] == 20
    assert writes <= 20 + rate_limiter.MOST_IN_FLIGHT
    assert report.left == 480
    assert open_entries(database) == 0
    assert push(database, workspace.url).left == 0
    assert each_once(workspace, 500)


def test_a_wrong_token_is_told_before_anything_is_done(canon: Canon, database: Database, workspace: Sandbox) -> None:
    people(database, 1)

    assert "ATTIO_API_KEY" in canon("sync", "--yes", env={"ATTIO_API_KEY": "refused"}).expect(3).stderr
    assert "ATTIO_API_KEY" in canon("sync", "--yes", env={"ATTIO_API_KEY": None}).expect(2).stderr
    assert workspace.records("people") == []


def test_the_first_rows_are_read_back_and_a_difference_stops_the_run(
    canon: Canon, database: Database, workspace: Sandbox
) -> None:
    people(database, 100)

    async def play(request: Request) -> Answer | None:
        if request.method != "GET" or "/people/records/" not in request.path:
            return None
        record = (await asyncio.to_thread(workspace.call, "GET", request.path)).json()
        record["data"]["values"]["job_title"][0]["value"] = "Wright"
        return json_answer(record)

    report = through(workspace, play, database, limits=Limits(canary=10))

    assert report.stopped is not None
    assert "job_title read back from record" in report.stopped
    assert len(workspace.records("people")) == 10
    assert report.left == 90


def test_when_attio_refuses_all_of_the_first_rows_no_more_are_tried(
    canon: Canon, database: Database, workspace: Sandbox
) -> None:
    for number in range(30):
        small.put(database, "attio_companies", {"domain": f"c{number:02}.com", "tags": ["Purple"]})

    done = canon("sync", "--yes", "--json").expect(1).json

    assert "refused all of the first 10 rows" in done["stopped"]
    assert (done["counts"]["rejected"], done["left"]) == (10, 20)


def test_a_record_deleted_since_the_pull_is_left_alone_and_gone_the_next_time(
    database: Database, workspace: Sandbox
) -> None:
    people(database, 1)
    push(database, workspace.url)
    (person,) = workspace.records("people")
    small.put(database, "attio_people", {"linkedin_url": URL.format(0), "job_title": "Wright"})
    workspace.call("DELETE", f"/objects/people/records/{person['id']['record_id']}").raise_for_status()

    late = push(database, workspace.url, is_pulling=False)

    assert "is not there any more" in late.changed[0]["message"]
    assert push(database, workspace.url).written == 0
    assert database.rows("select count(*) from attio_sync.rejects") == [(0,)]
    assert workspace.records("people") == []


def test_a_database_that_goes_away_is_told_and_the_next_run_settles_what_was_sent(
    canon: Canon, project: Path, database: Database, workspace: Sandbox
) -> None:
    people(database, 300)
    workspace.play("faults", {"latency_ms": 60})
    with background(project, database, workspace, "--yes", "--canary", "0") as run:
        wait_until(lambda: workspace.stats()["writes"] > 50)
        database.run(
            "select pg_terminate_backend(backend_pid) from attio_sync.runs where state = 'running'",
        )
        assert run.wait(30) == 5
    workspace.play("faults", {"latency_ms": 0})

    canon("sync", "--yes").expect(0)

    assert each_once(workspace, 300)
    assert open_entries(database) == 0


def test_characters_that_postgres_cannot_hold_do_not_break_the_ledger(database: Database, workspace: Sandbox) -> None:
    people(database, 1, job_title="a \\u0000 b")

    async def play(request: Request) -> Answer | None:
        if request.method != "POST" or not request.path.endswith("/records"):
            return None
        made = (await asyncio.to_thread(workspace.call, "POST", request.path, request.json)).json()
        made["data"]["values"]["job_title"][0]["value"] = "a \x00 \ud800"
        return Answer(200, json.dumps(made).encode())

    report = through(workspace, play, database)

    assert report.written == 1
    assert open_entries(database) == 0


@pytest.mark.parametrize("rate", [40])
def test_the_ceiling_is_used_though_every_answer_takes_its_time(
    database: Database, workspace: Sandbox, canon: Canon, rate: int
) -> None:
    """One call after the other would make 3 a second here."""
    people(database, 300)
    workspace.play("faults", {"latency_ms": 300})

    done = canon("sync", "--yes", "--json", "--canary", "0", env={"CANON_WRITES_PER_SECOND": str(rate)}).expect(0).json

    assert done["writes_per_second"] > 0.85 * rate
    started = time.time()
    assert all(
        each["writes"] <= rate for second, each in workspace.stats()["by_second"].items() if int(second) < started
    )


def test_a_database_failure_in_the_process_is_one_error(database: Database, workspace: Sandbox) -> None:
    people(database, 100)

    async def cut_off(pushing: Push) -> None:
        await asyncio.to_thread(wait_until, lambda: workspace.stats()["writes"] > 5)
        pushing.connection.close()

    workspace.play("faults", {"latency_ms": 100})
    with pytest.raises((WarehouseError, ExceptionGroup)) as told:
        push(database, workspace.url, begun=cut_off)
    error: BaseException = told.value
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, WarehouseError)
