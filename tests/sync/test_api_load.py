"""How much the service costs beside what it stands on: measured in one run, so that only the ratio counts."""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from tests.conftest import PLAIN, _environment
from tests.sync.api_service import TOKEN, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Database

CONNECTIONS = 50
LOOK_UPS = 1000


def answers(first: int) -> str:
    rows = [
        {
            "domain": f"n{number}.com",
            "raw_payload": {
                "name": f"N {number}",
                "domain": f"n{number}.com",
                "description": "What they do, in a sentence. " * 10,
                "industries": ["Software", "Rockets"],
                "location": {"city": {"name": "Paris"}, "country": {"code": "FR", "name": "France"}},
                "updated_at": "2026-05-01T00:00:00Z",
            },
        }
        for number in range(first, first + 1000)
    ]
    return json.dumps(rows)


def test_a_list_over_http_is_no_slower_than_a_third_of_the_sql_behind_it(
    database: Database, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    directly: list[float] = []
    over_http: list[float] = []
    with serving(tmp_path, database) as service, database.connect() as connection:
        for turn in range(4):
            first, second = answers(turn * 2000), answers(turn * 2000 + 1000)
            started = time.perf_counter()
            connection.execute("select core.ingest_companyenrich(%s::jsonb)", [first]).fetchone()
            directly.append(time.perf_counter() - started)
            started = time.perf_counter()
            assert service.post("/ingest_companyenrich", content=second).status_code == 200
            over_http.append(time.perf_counter() - started)
    direct, http = 1000 / statistics.median(directly), 1000 / statistics.median(over_http)
    told = f"lists of 1,000: {direct:,.0f} rows/s by SQL, {http:,.0f} rows/s over HTTP"
    record_property("speed", told)
    assert database.rows("select count(*) from extracted.companyenrich_company") == [(8000,)]
    assert http >= direct / 3, told


@contextlib.contextmanager
def bare(database: Database) -> Iterator[str]:
    """Run the bare service; yield its address."""
    program = Path(__file__).parent / "bare_service.py"
    environment = _environment(database.environment)
    with subprocess.Popen([sys.executable, program], env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()


async def look_ups(url: str) -> tuple[float, float]:
    """Look up companies over 50 connections; return look-ups a second and the 99th percentile in milliseconds."""
    took: list[float] = []
    numbers = iter(range(LOOK_UPS))
    limits = httpx.Limits(max_connections=CONNECTIONS)
    headers = {"Authorization": f"Bearer {TOKEN}"}

    async def worker() -> None:
        async with httpx.AsyncClient(base_url=url, headers=headers, verify=PLAIN, timeout=60, limits=limits) as client:
            for number in numbers:
                started = time.perf_counter()
                answer: Any = await client.post("/lookup_company_canonical", json={"domain": f"n{number % 900}.com"})
                took.append(time.perf_counter() - started)
                assert answer.json()["domain"] == f"n{number % 900}.com"

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(CONNECTIONS)))
    return LOOK_UPS / (time.perf_counter() - started), statistics.quantiles(took, n=100)[98] * 1000


def test_look_ups_at_50_connections_keep_up_with_a_bare_route(
    database: Database, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    database.run(
        "insert into core.company_canonical (domain) select 'n' || n || '.com' from generate_series(0, 899) as n"
    )
    with serving(tmp_path, database) as service, bare(database) as url:
        ours, theirs = [], []
        for _ in range(2):
            theirs.append(asyncio.run(look_ups(url)))
            ours.append(asyncio.run(look_ups(service.url)))
    (our_speed, our_p99), (their_speed, their_p99) = max(ours), max(theirs)
    told = (
        f"look-ups at {CONNECTIONS} connections: {our_speed:,.0f}/s, p99 {our_p99:.0f} ms; "
        f"a bare route {their_speed:,.0f}/s, p99 {their_p99:.0f} ms"
    )
    record_property("speed", told)
    assert our_speed >= their_speed / 2, told
