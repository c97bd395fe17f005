"""The same table pushed into the same sandbox by other tools and by us, each as a process of its own.

The others write what Attio takes, one record a call. They get a cursor on `updated_at`, Attio's rate where they can be
told one, and their own retries. The sandbox counts what arrives, and what became of it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
from rich.console import Console

from demo import peers
from demo.bench_sync import CHECKOUT, FAST, HOME, URL, Bench, stats, table
from sync import localdb

if TYPE_CHECKING:
    from collections.abc import Iterator

DRT = ("drt-core==1.2.1", "psycopg2-binary==2.9.10")
DLT = ("dlt==1.31.0", "psycopg2-binary==2.9.10")
COLUMNS = (
    "tool",
    "10,000 rows: rows/s",
    "peak MB",
    "unchanged second run sends",
    "57 changed + 3 gone: sends",
    "100 ms a call: rows/s",
    "25/s, 500 rows: 429s",
    "of these lost",
    "kill -9, run again: twice",
)

console = Console(highlight=False, width=160)


@dataclass
class Ended:
    """One run of a tool: seconds and peak memory in MB."""

    seconds: float
    peak_mb: float


class Tool:
    """Something that pushes `canon.attio_people` to the sandbox; remembers what it sent as it likes."""

    name = ""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.home = HOME / "beside"

    def forget(self) -> None:
        """Begin as if never run."""
        subprocess.run(["rm", "-rf", self.home], check=True)
        self.home.mkdir(parents=True)

    def command(self, url: str, per_second: int) -> tuple[list[str], dict[str, str]]:
        """Return what to run, and the variables it wants on top of ours."""
        raise NotImplementedError

    def start(self, url: str, per_second: int = 5000) -> subprocess.Popen[bytes]:
        """Start a run in a process group of its own."""
        command, variables = self.command(url, per_second)
        with (HOME / "beside.log").open("a") as log:
            return subprocess.Popen(
                command,
                cwd=CHECKOUT,
                env={**os.environ, **self.bench.database, **self.bench.settings, **variables},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def run(self, url: str, per_second: int = 5000) -> Ended:
        """Run to the end, whatever the end is: what arrived is what counts."""
        started = time.monotonic()
        process = self.start(url, per_second)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return Ended(
            time.monotonic() - started, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1_000_000
        )


class Ours(Tool):
    """`canon sync`: plans against the CRM and remembers in its ledger."""

    name = "canon sync"

    def forget(self) -> None:
        """Empty ledger and mirror; the rows stay."""
        super().forget()
        self.bench.reset()

    def command(self, url: str, per_second: int) -> tuple[list[str], dict[str, str]]:
        """Without a canary, which the others lack too."""
        del url
        limits = FAST if per_second > 100 else {}  # no limits at all
        return [
            sys.executable, "-m", "sync", "sync", "--yes", "--canary", "0", "--project-dir", str(HOME)
        ], limits  # fmt: skip


class Naive(Tool):
    """A loop over the rows."""

    name = "naive loop"

    def command(self, url: str, per_second: int) -> tuple[list[str], dict[str, str]]:
        """As fast as it goes, whatever the limit."""
        del per_second
        return [sys.executable, "-m", "demo.peer_naive", url], {}


class Drt(Tool):
    """drt-core: its REST destination, an incremental sync by cursor."""

    name = "drt-core 1.2.1, cursor"

    def command(self, url: str, per_second: int) -> tuple[list[str], dict[str, str]]:
        """Its project is written anew each time, since the sandbox's address changes; its state stays."""
        python = peers.interpreter("drt", *DRT)
        database = self.bench.database
        files = {
            "drt_project.yml": 'name: bench\nversion: "0.1"\nprofile: bench\n',
            ".drt/profiles.yml": (
                f"bench:\n  type: postgres\n  host: {database['PGHOST']}\n  port: {database['PGPORT']}\n"
                f"  dbname: {database['PGDATABASE']}\n  user: {database['PGUSER']}\n  password_env: PGPASSWORD\n"
            ),
            "syncs/people.yml": DRT_SYNC.format(url=url, per_second=per_second),
        }
        for name, text in files.items():
            (self.home / name).parent.mkdir(parents=True, exist_ok=True)
            (self.home / name).write_text(text)
        run = f'cd "{self.home}" && exec "{python.parent}/drt" run'
        return ["sh", "-c", run], {"HOME": str(self.home), "DO_NOT_TRACK": "1"}


DRT_SYNC = """
name: people
model: select linkedin_url, job_title, updated_at from canon.attio_people
destination:
  type: rest_api
  url: {url}/v2/objects/people/records
  method: POST
  headers: {{Authorization: Bearer bench, Content-Type: application/json}}
  body_template: |
    {{"data": {{"values": {{
    "linkedin": [{{{{ row.linkedin_url | tojson }}}}], "job_title": [{{{{ row.job_title | tojson }}}}]
    }}}}}}
sync:
  mode: incremental
  cursor_field: updated_at
  rate_limit: {{requests_per_second: {per_second}}}
  on_error: skip
"""


class Dlt(Tool):
    """dlt: a custom destination, one record a call."""

    name = "dlt 1.31, one record a call"
    workers = 1

    def command(self, url: str, per_second: int) -> tuple[list[str], dict[str, str]]:
        """Say no rate, for it knows none; it tries again after a 429."""
        del per_second
        python = peers.interpreter("dlt", *DLT)
        return [
            str(python), str(CHECKOUT / "demo" / "peer_dlt.py"), url, str(self.home / "dlt"), str(self.workers)
        ], {}  # fmt: skip


class DltTuned(Dlt):
    """The same with 20 workers, and files of 50 rows for them."""

    name = "dlt tuned, 20 workers"
    workers = 20


TOOLS = (Naive, Drt, Dlt, DltTuned, Ours)


def run(argument: str) -> None:
    """Measure the tools whose names begin so (commas between them), all when none is named."""
    HOME.mkdir(parents=True, exist_ok=True)
    bench = Bench(localdb.ensure_started(HOME))
    shown = table("One table, the same sandbox", *COLUMNS)
    asked = [tool for tool in TOOLS if not argument or tool.name.startswith(tuple(argument.split(",")))]
    try:
        for tool in asked:
            console.print(f"measuring {tool.name} ...")
            try:
                shown.add_row(tool.name, *_measured(tool(bench)))
            except peers.PeerMissingError as error:
                console.print(str(error))
    finally:
        localdb.stop(HOME)
    console.print(shown)
    console.print(
        "Rows a second are of the whole process, its start included; ours reads the CRM and plans in that time too."
    )


def _measured(tool: Tool) -> Iterator[str]:
    bench = tool.bench
    _begin(tool, 10_000)
    with bench.sandbox("--no-limits") as url:
        first = tool.run(url)
        arrived = _records(url)
        yield f"{len(arrived) / first.seconds:,.0f}" if len(arrived) == 10_000 else f"{len(arrived):,} arrived"
        yield f"{first.peak_mb:.0f}"
    _begin(tool, 1000)
    with bench.sandbox("--no-limits") as url:
        tool.run(url)
        before = stats(url)["writes"]
        tool.run(url)
        again = stats(url)["writes"] - before
        yield f"{again:,}"
        _change(bench)
        tool.run(url)
        yield f"{stats(url)['writes'] - before - again:,}"
    _begin(tool, 300)
    with bench.sandbox("--no-limits", "--latency", "100") as url:
        slow = tool.run(url)
        yield f"{len(_records(url)) / slow.seconds:.1f}"
    _begin(tool, 500)
    with bench.sandbox() as url:
        tool.run(url, per_second=25)
        yield str(stats(url)["refused"])
        yield str(500 - len(_records(url)))
    _begin(tool, 1000)
    with bench.sandbox("--no-limits", "--latency", "5") as url:
        process = tool.start(url)
        while stats(url)["writes"] < 400 and process.poll() is None:
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)
        tool.run(url)
        counts = _records(url)
        yield f"{sum(counts.values()) - len(counts)} ({1000 - len(counts)} missing)"


def _begin(tool: Tool, rows: int) -> None:
    tool.bench.reset()
    tool.forget()
    tool.bench.put(rows)


def _change(bench: Bench) -> None:
    """Change 57 rows, 7 of them without `updated_at`, and take 3 away."""
    with bench.connect() as connection:
        connection.execute(
            """
            update canon.attio_people set
                job_title = 'Wright',
                updated_at = case when right(linkedin_url, 4) < '0051' then now() else updated_at end
            where right(linkedin_url, 4) between '0001' and '0057'
            """
        )
        connection.execute("delete from canon.attio_people where right(linkedin_url, 4) between '0998' and '1000'")


def _records(url: str) -> dict[str, int]:
    """Return how many records the sandbox has for each LinkedIn URL of ours."""
    counts: dict[str, int] = {}
    with httpx.Client(headers={"Authorization": "Bearer bench"}, timeout=60) as client:
        httpx.post(f"{url}/sandbox/limits", json={"latency_ms": 0}, timeout=60).raise_for_status()
        page: list[dict[str, Any]] = []
        offset = 0
        while offset == 0 or page:
            asked = {"limit": 500, "offset": offset}
            answer = client.post(f"{url}/v2/objects/people/records/query", json=asked)
            while answer.status_code == 429:
                time.sleep(0.2)
                answer = client.post(f"{url}/v2/objects/people/records/query", json=asked)
            page = answer.raise_for_status().json()["data"]
            offset += len(page)
            for record in page:
                for value in record["values"]["linkedin"]:
                    if value["value"].startswith(URL):
                        counts[value["value"]] = counts.get(value["value"], 0) + 1
    return counts
