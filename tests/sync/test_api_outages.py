"""The service while its database goes and comes back, and when it is killed itself: nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sync import localdb
from tests.conftest import PLAIN, POSTGRES_BIN, Database, _connect, _private_project, _run_canon
from tests.sync.api_service import TOKEN, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.sync.api_service import Service

HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[localdb.Cluster]:
    """Return a server of this test's own, for it is stopped in mid-work."""
    bindir = localdb.binaries() if POSTGRES_BIN is None else type(tmp_path)(POSTGRES_BIN)
    cluster = localdb.Cluster(tmp_path / "postgres", bindir, tmp_path, {})
    yield cluster
    cluster.remove()


async def _send_until(service: Service, stop: asyncio.Event, worker: int, told: dict[str, int]) -> None:
    """Take in companies, one a request, each with a domain of its own, and note what was answered."""
    async with httpx.AsyncClient(base_url=service.url, headers=HEADERS, verify=PLAIN, timeout=30) as client:
        number = 0
        while not stop.is_set():
            number += 1
            domain = f"c{number}.w{worker}.com"
            try:
                answer = await client.post("/ingest_company_canonical", json={"domain": domain})
            except httpx.TransportError:
                told[domain] = 0
                await asyncio.sleep(0.01)
            else:
                told[domain] = answer.status_code
                if answer.status_code != 200:
                    assert answer.headers.get("retry-after"), answer.text


async def _until(happened: Any, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


def test_a_database_that_stops_and_starts_costs_503s_and_nothing_that_was_acknowledged(
    cluster: localdb.Cluster, tmp_path: Path
) -> None:
    settings = cluster.start()
    database = Database(settings)
    with _private_project(tmp_path / "project") as project:
        _run_canon(["migrate", "--yes"], project, database.environment).expect(0)
        with serving(project, database) as service:
            told: dict[str, int] = {}

            async def scene() -> None:
                stop = asyncio.Event()
                workers = [asyncio.create_task(_send_until(service, stop, worker, told)) for worker in range(8)]
                await _until(lambda: list(told.values()).count(200) > 100)
                await asyncio.to_thread(cluster.stop)
                await _until(lambda: list(told.values()).count(503) >= 8)
                again = await asyncio.to_thread(cluster.start)
                assert again["PGPORT"] == settings["PGPORT"]
                before = list(told.values()).count(200)
                await _until(lambda: list(told.values()).count(200) > before + 100)
                stop.set()
                await asyncio.gather(*workers)

            asyncio.run(scene())
            assert set(told.values()) == {200, 503}
            stored = {domain for (domain,) in database.rows("select domain from core.company_canonical")}
            assert {domain for domain, status in told.items() if status == 200} <= stored
            assert service.client.get("/health").status_code == 200


def test_killed_it_loses_nothing_that_it_acknowledged(database: Database, tmp_path: Path) -> None:
    told: dict[str, int] = {}
    with serving(tmp_path, database, stop=False) as service:

        async def scene() -> None:
            stop = asyncio.Event()
            workers = [asyncio.create_task(_send_until(service, stop, worker, told)) for worker in range(4)]
            await _until(lambda: list(told.values()).count(200) > 100)
            service.process.kill()
            stop.set()
            await asyncio.gather(*workers)

        asyncio.run(scene())
    stored = {domain for (domain,) in database.rows("select domain from core.company_canonical")}
    assert {domain for domain, status in told.items() if status == 200} <= stored


def test_told_to_stop_it_finishes_what_is_in_work(database: Database, tmp_path: Path) -> None:
    rows = [{"domain": f"n{number}.com", "raw_payload": {"name": f"N {number}"}} for number in range(1000)]
    with serving(tmp_path, database, stop=False) as service, _connect(database.environment) as other:
        other.autocommit = False
        other.execute("lock table raw.companyenrich_payloads in share mode")  # inserts wait for it

        async def scene() -> None:
            async with httpx.AsyncClient(base_url=service.url, headers=HEADERS, verify=PLAIN, timeout=30) as client:
                waiting = asyncio.create_task(client.post("/ingest_companyenrich", content=json.dumps(rows)))
                await _until(
                    lambda: (
                        database.rows("select count(*) from pg_locks where not granted and mode = 'RowExclusiveLock'")
                        == [(1,)]
                    )
                )
                service.process.send_signal(signal.SIGTERM)
                other.rollback()
                assert (await waiting).status_code == 200

        asyncio.run(scene())
        assert service.process.wait(30) == 0
    assert database.rows("select count(*) from extracted.companyenrich_company") == [(1000,)]


def test_where_statements_wait_too_long_callers_are_told_to_come_back(database: Database, tmp_path: Path) -> None:
    with serving(tmp_path, database) as service, _connect(database.environment) as other:
        other.autocommit = False
        other.execute("lock table core.company_canonical in share mode")

        async def scene() -> list[httpx.Response]:
            async with httpx.AsyncClient(
                base_url=service.url,
                headers=HEADERS,
                verify=PLAIN,
                timeout=60,
                limits=httpx.Limits(max_connections=400),
            ) as client:
                answers = [
                    asyncio.create_task(client.post("/ingest_company_canonical", json={"domain": f"b{number}.com"}))
                    for number in range(300)
                ]
                await _until(lambda: sum(answer.done() for answer in answers) >= 290)
                other.rollback()
                return list(await asyncio.gather(*answers))

        answers = asyncio.run(scene())
        statuses = [answer.status_code for answer in answers]
        assert set(statuses) <= {200, 429, 503}
        assert statuses.count(429) + statuses.count(503) >= 290
        assert all("retry-after" in answer.headers for answer in answers if answer.status_code != 200)
        assert service.post("/ingest_company_canonical", {"domain": "after.com"}).json() == {"status": "inserted"}
        stored = database.rows("select count(*) from core.company_canonical")
        assert stored == [(statuses.count(200) + 1,)]


def test_bodies_that_would_fill_the_memory_together_are_told_to_come_back(database: Database, tmp_path: Path) -> None:
    with serving(tmp_path, database) as service:

        async def scene() -> list[int | None]:
            go_on = asyncio.Event()

            async def slow_body() -> AsyncIterator[bytes]:
                yield b" " * 7_000_000
                await go_on.wait()
                yield b'{"domain": "slow.com"}'

            async def send(client: httpx.AsyncClient) -> int | None:
                try:
                    return (await client.post("/ingest_company_canonical", content=slow_body())).status_code
                except httpx.TransportError:
                    return None  # it had been told, and went on sending

            async with httpx.AsyncClient(base_url=service.url, headers=HEADERS, verify=PLAIN, timeout=60) as client:
                answers = [asyncio.create_task(send(client)) for _ in range(24)]
                await _until(lambda: '"status": 429' in service.log.read_text())
                go_on.set()
                return list(await asyncio.gather(*answers))

        statuses = asyncio.run(scene())
        assert set(statuses) <= {200, 429, 503, None}  # 503 is a database that is slow at that moment
        assert statuses.count(200) >= 10
        assert service.post("/ingest_company_canonical", {"domain": "after.com"}).json() == {"status": "inserted"}
