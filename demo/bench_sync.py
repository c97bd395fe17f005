"""The sync, measured: on the sandbox, which counts what arrives, and in a process of its own, whose memory is its peak.

The export is one table of people, its mapping written by hand: no dbt, nothing of the owner's.
"""

from __future__ import annotations

import collections
import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
from rich.console import Console
from rich.table import Table

from sync import localdb

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CHECKOUT = Path(__file__).resolve().parent.parent
HOME = CHECKOUT / ".local" / "bench"
SCENARIOS = ("limits", "lowered", "latency", "planning", "memory", "slices")
FAST = {"CANON_WRITES_PER_SECOND": "2000", "CANON_READS_PER_SECOND": "2000"}
URL = "https://www.linkedin.com/in/bench-"

console = Console(highlight=False, width=130)


def run(argument: str) -> None:
    """Measure the scenarios named (commas between them), all when none is."""
    HOME.mkdir(parents=True, exist_ok=True)
    bench = Bench(localdb.ensure_started(HOME))
    try:
        for name in argument.split(",") if argument else SCENARIOS:
            bench.reset()
            globals()[f"measure_{name}"](bench)
    finally:
        localdb.stop(HOME)


@dataclass
class Ended:
    """One call of `canon`."""

    document: dict[str, Any]
    seconds: float
    peak_mb: float
    exit_code: int = 0


@dataclass
class Bench:
    """A database with one export, and ways to call what is measured."""

    database: dict[str, str]
    settings: dict[str, str] = field(default_factory=dict)
    home: Path = HOME

    def connect(self) -> psycopg.Connection:
        """Open the bench's own database."""
        names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGPASSWORD": "password", "PGDATABASE": "dbname"}
        return psycopg.connect(**{name: self.database[key] for key, name in names.items()}, autocommit=True)  # type: ignore[arg-type]

    def reset(self) -> None:
        """Begin with an empty export, an empty ledger and an empty mirror."""
        with self.connect() as connection:
            for schema in ("canon", "attio_sync", "attio_mirror"):
                connection.execute(f"drop schema if exists {schema} cascade".encode())
            for schema in ("raw", "extracted", "core", "reference"):
                connection.execute(f"drop schema if exists {schema} cascade".encode())
            connection.execute("create schema canon")
            connection.execute(
                """
                create table canon.attio_people (
                    linkedin_url text primary key, record_id text, job_title text,
                    updated_at timestamptz not null default now()
                )
                """
            )
        target = HOME / "dbt_project" / "target"
        target.mkdir(parents=True, exist_ok=True)
        (target / "manifest.json").write_text(json.dumps(_manifest()))
        self.canon("migrate")

    def put(self, count: int, title: str = "Smith") -> None:
        """Let the export have so many people."""
        with self.connect() as connection:
            connection.execute(
                """
                insert into canon.attio_people (linkedin_url, job_title)
                select %s || lpad(number::text, 7, '0'), %s from generate_series(1, %s) as number
                on conflict (linkedin_url) do update set job_title = excluded.job_title
                """,
                [URL, title, count],
            )
            connection.execute("analyze canon.attio_people")

    def canon(self, *arguments: str, settings: Mapping[str, str] | None = None, may_fail: bool = False) -> Ended:
        """Run `canon` in a process of its own, `settings` over what leads to the sandbox; raise unless it may fail."""
        command = [sys.executable, "-m", "sync", *arguments, "--json", "--project-dir", str(self.home)]
        environment = {**os.environ, **self.database, **self.settings, **(settings or {})}
        started = time.monotonic()
        with (self.home / "answer.json").open("w+") as answer, (self.home / "words.log").open("w") as words:
            process = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=answer, stderr=words)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            answer.seek(0)
            text = answer.read()
        if process.returncode != 0 and not may_fail:
            raise SystemExit(f"bench: canon {' '.join(arguments)} ended with {process.returncode}: {text}")
        scale = 1 if sys.platform == "darwin" else 1024
        peak = usage.ru_maxrss * scale / 1_000_000
        return Ended(json.loads(text or "{}"), time.monotonic() - started, peak, process.returncode)

    @contextlib.contextmanager
    def sandbox(self, *arguments: str) -> Iterator[str]:
        """Start the stand-in for Attio; every later `canon` talks to it."""
        command = [sys.executable, "-m", "sync", "sandbox", "--port", "0", *arguments, "--project-dir", str(self.home)]
        with (self.home / "sandbox.log").open("w") as log:
            process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=log, text=True)
        assert process.stdout is not None  # noqa: S101  # a pipe was asked for
        try:
            url = str(json.loads(process.stdout.readline())["url"])
            self.settings = {"ATTIO_BASE_URL": url, "ATTIO_API_KEY": "bench"}
            yield url
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
            process.stdout.close()


def _manifest() -> dict[str, Any]:
    columns = {
        "linkedin_url": {"attribute": "linkedin", "type": "text", "write": "fill_empty"},
        "record_id": {"record_id": True},
        "job_title": {"attribute": "job_title", "type": "text"},
    }
    node = {
        "resource_type": "model",
        "name": "attio_people",
        "schema": "canon",
        "alias": "attio_people",
        "config": {"meta": {"attio": {"object": "people", "match_on": "linkedin", "order": 1}}},
        "columns": {
            name: {
                "name": name,
                "constraints": [{"type": "primary_key"}] if name == "linkedin_url" else [],
                "config": {"meta": {"attio": meta}},
            }
            for name, meta in columns.items()
        },
    }
    return {"nodes": {"model.bench.attio_people": node}}


def stats(url: str) -> dict[str, Any]:
    """Return what the sandbox counted."""
    return dict(httpx.get(f"{url}/sandbox/stats", timeout=60).raise_for_status().json())


def table(title: str, *columns: str) -> Table:
    """Return an empty table."""
    found = Table(title=title, title_justify="left")
    for column in columns:
        found.add_column(column)
    return found


def measure_limits(bench: Bench) -> None:
    """Sustained creations, then updates, at Attio's limits, 120 ms median latency, 800 ms at the 99th percentile."""
    shown = table(
        "At Attio's limits: 25 writes/s, latency 120 ms, p99 800 ms",
        *("what", "created", "updated", "aim"),
    )
    bench.put(1700)
    columns = []
    with bench.sandbox("--latency", "120", "--latency-p99", "800") as url:
        for title in ("Smith", "Wright"):
            bench.put(1700, title)
            before = stats(url)
            done = bench.canon("sync", "--yes", "--max-seconds", "80", "--canary", "0")
            refused = stats(url)["refused"] - before["refused"]
            written = int(done.document["written"])
            columns.append(
                (
                    f"{written:,} in {done.document['seconds']:.0f} s",
                    f"{done.document['writes_per_second']:.1f}",
                    f"{refused} = {refused / (written + refused):.1%}",
                    f"{done.peak_mb:.0f} MB",
                )
            )
    names = ("records written", "writes a second, sustained", "calls put off (429)", "peak memory")
    for name, created, updated, aim in zip(names, *columns, ("60 s or more", "24", "1 %", "150 MB"), strict=True):
        shown.add_row(name, created, updated, aim)
    console.print(shown)


def measure_lowered(bench: Bench) -> None:
    """Cut the limit to 10 writes a second while a run is going."""
    bench.put(500)
    with bench.sandbox("--latency", "120") as url:
        cut = subprocess.Popen(
            [sys.executable, "-c", _CUT, url], cwd=CHECKOUT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        done = bench.canon("sync", "--yes", "--canary", "0")
        cut.wait(60)
        counted = stats(url)
    shown = table("The limit cut to 10 writes/s after 200 writes", "what", "measured", "aim")
    shown.add_row("records written", f"{done.document['written']:,} of 500", "500")
    share = counted["refused"] / (done.document["written"] + counted["refused"])
    shown.add_row("calls put off (429)", f"{counted['refused']} = {share:.1%}", "5 %")
    console.print(shown)


_CUT = """
import sys, time, httpx
url = sys.argv[1]
while httpx.get(url + "/sandbox/stats").json()["writes"] < 200:
    time.sleep(0.1)
httpx.post(url + "/sandbox/limits", json={"writes_per_second": 10}).raise_for_status()
"""


def measure_latency(bench: Bench) -> None:
    """No limits at all, 100 ms a call: how many are in flight."""
    bench.put(1000)
    with bench.sandbox("--no-limits", "--latency", "100"):
        done = bench.canon("sync", "--yes", "--canary", "0", settings=FAST)
        again = bench.canon("sync", "--yes", "--canary", "0", settings=FAST)
    shown = table("1,000 rows, 100 ms a call, no limits", "what", "measured")
    shown.add_row("rows a second", f"{done.document['writes_per_second']:.0f}")
    shown.add_row("second run sends", f"{again.document['written']} of 1,000")
    console.print(shown)


def measure_planning(bench: Bench) -> None:
    """200,000 rows, all of them in the CRM already: how long the plan takes."""
    bench.put(200_000)
    _mirror_all(bench)
    with bench.sandbox("--no-limits"):
        plan = bench.canon("plan", "--no-pull", settings=FAST)
    (counted,) = plan.document["exports"]
    shown = table("Planning 200,000 unchanged rows (mirror read before)", "what", "measured", "aim")
    shown.add_row("seconds, the start of Python included", f"{plan.seconds:.1f}", "20")
    shown.add_row("rows with nothing to do", f"{counted['outcomes']['nothing']:,}", "200,000")
    shown.add_row("peak memory", f"{plan.peak_mb:.0f} MB", "150 MB")
    console.print(shown)


SLICED_ROWS = 10_000


def measure_slices(bench: Bench) -> None:
    """Push 10,000 rows in one run, and in slices five times as fast as Attio's 25 writes a second and 50 s allow."""
    rate = {"CANON_WRITES_PER_SECOND": "125", "CANON_READS_PER_SECOND": "500"}
    shown = table(
        f"{SLICED_ROWS:,} rows at 125 writes/s: one run, and slices of 10 s",
        *("how", "runs", "records written", "writes that the sandbox counted", "people in the end", "their hash"),
    )
    shown.add_row("one run", *push_in_slices(bench, None, rate))
    bench.reset()
    shown.add_row("slices", *push_in_slices(bench, 10, rate))
    console.print(shown)


def push_in_slices(bench: Bench, seconds: float | None, settings: Mapping[str, str], *arguments: str) -> list[str]:
    """Push all rows by runs of so many seconds; `arguments` go to the sandbox. Return runs, writes and how it ended."""
    bench.put(SLICED_ROWS)
    limit = () if seconds is None else ("--max-seconds", str(seconds))
    written: list[int] = []
    with bench.sandbox(*(arguments or ("--no-limits",))) as url:
        left = SLICED_ROWS
        while left:
            done = bench.canon("sync", "--yes", "--canary", "0", *limit, settings=settings)
            written.append(int(done.document["written"]))
            left = int(done.document["left"])
            if not written[-1]:
                raise SystemExit(f"bench: a slice of {seconds} s wrote nothing, {left} rows are left")
        writes = int(stats(url)["writes"])
        held = sorted(people(url).elements())
    runs = ", ".join(f"{count:,}" for count in written)
    digest = hashlib.sha256("\n".join(held).encode()).hexdigest()[:12]
    return [f"{len(written)} ({runs})", f"{sum(written):,}", f"{writes:,}", f"{len(held):,}", digest]


def people(url: str) -> collections.Counter[str]:
    """Count the CRM's people by profile and title."""
    found: collections.Counter[str] = collections.Counter()
    offset = 0
    with httpx.Client(base_url=f"{url}/v2", headers={"Authorization": "Bearer bench"}, timeout=60) as client:
        while True:
            answer = client.post("/objects/people/records/query", json={"limit": 500, "offset": offset})
            if answer.status_code in {httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.TOO_MANY_REQUESTS}:
                time.sleep(0.2)
                continue
            records = answer.raise_for_status().json()["data"]
            for record in records:
                title = record["values"]["job_title"]
                found[f"{record['values']['linkedin'][0]['value']} {title[0]['value'] if title else ''}"] += 1
            offset += len(records)
            if len(records) < 500:
                return found


def _mirror_all(bench: Bench) -> None:
    """Let the mirror show every row of the export, as written by our token."""
    with bench.connect() as connection:
        connection.execute(
            """
            insert into attio_mirror.records (object, record_id, created_at, web_url, values)
            select
                'people', gen_random_uuid(), now(), '',
                jsonb_build_object(
                    'linkedin', jsonb_build_array(jsonb_build_object('value', linkedin_url, 'created_by_actor', actor)),
                    'job_title', jsonb_build_array(jsonb_build_object('value', job_title, 'created_by_actor', actor))
                )
            from canon.attio_people
            cross join (select jsonb_build_object('type', 'api-token', 'id', gen_random_uuid()) as actor) as one
            """
        )
        connection.execute("update canon.attio_people set record_id = null")
        connection.execute("analyze attio_mirror.records")


def measure_memory(bench: Bench) -> None:
    """Peak memory of a sync of 1,000 and of 200,000 rows; of the latter 2,000 are written, the others only planned."""
    shown = table("Peak memory of `canon sync`", "rows", "written", "MB", "aim")
    for rows in (1_000, 200_000):
        bench.reset()
        bench.put(rows)
        with bench.sandbox("--no-limits"):
            done = bench.canon("sync", "--yes", "--canary", "0", "--limit", "2000", settings=FAST)
        shown.add_row(f"{rows:,}", f"{done.document['written']:,}", f"{done.peak_mb:.0f}", "150")
    console.print(shown)
