"""How fast it is: `make bench`, or some parts of it by name: `make bench ARGS="sync"`.

Each part is a module of `demo` with `run(argument)`, named in `PARTS`; it prints tables. To add one: write it, name it.
"""`make bench`: how fast it is, as ratios within one run. `make bench ARGS=sync` measures that part only.

Machines differ and are busy: a figure here means something only beside the one it is compared with, taken in the same
run. Nothing of the owner's is touched: like the demo, it has a database and a sandbox of its own, in `.local/bench`.
"""

from __future__ import annotations

import importlib
import os
import sys

from rich.console import Console

PARTS = {
    "sync": ("demo.bench_sync", "writes at Attio's limits, memory, planning 200,000 rows, beside a naive loop"),
}
"""Name -> module, and what it measures. Arguments after a colon go to it: `sync:planning,memory`."""

OWNERS_VARIABLES = ("PG", "DBT_", "ATTIO_", "CANON_")

console = Console(highlight=False)


def main() -> int:
    """Run the parts that are named, all when none is; return 2 for a name unknown."""
    asked = sys.argv[1:] or list(PARTS)
    unknown = [name for name in asked if name.split(":")[0] not in PARTS]
    if unknown:
        console.print(f"bench: no part is called {unknown[0]}; there are:")
        for name, (_, what) in PARTS.items():
            console.print(f"  {name}: {what}")
        return 2
    for name in [name for name in os.environ if name.startswith(OWNERS_VARIABLES)]:
        del os.environ[name]
    for name in asked:
        part, _, argument = name.partition(":")
        module, what = PARTS[part]
        console.print(f"\n[bold]{part}[/bold]: {what}")
        importlib.import_module(module).run(argument)
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import httpx
from rich.console import Console
from rich.table import Table

from demo import run
from sync import localdb

if TYPE_CHECKING:
    from collections.abc import Callable

HOME = run.CHECKOUT / ".local" / "bench"
SYNC_SECONDS = 60
NAIVE_SECONDS = 20
LATENCY_MS, LATENCY_P99_MS = 120, 800

console = Console(highlight=False, width=100)


def sync() -> None:
    """Measure writes a second at Attio's limits: `canon sync` beside a loop that waits for each answer."""
    demo, url = run.prepare(HOME)
    run.fill_the_database(demo)
    demo.make("pull", why="Read the CRM")
    demo.make("build", why="Build the models")
    demo.canon("setup", "--yes", why="Create what the CRM lacks")
    run.limit_sandbox(url, writes=25, reads=100)
    latency = {"latency_ms": LATENCY_MS, "latency_p99_ms": LATENCY_P99_MS}
    httpx.post(f"{url}/sandbox/limits", json=latency).raise_for_status()
    try:
        ours = _ours(demo)
        naive = _naive(url)
    finally:
        localdb.stop_sandbox(HOME)
    table = Table("25 writes/s, 120 ms median, 800 ms at the 99th percentile", "writes/s", "put off (429)")
    table.add_row("canon sync", f"{ours['writes_per_second']:.1f}", str(ours["refusals"]))
    table.add_row("one call after the other", f"{naive:.1f}", "0")
    console.print(table)
    console.print(f"{ours['writes_per_second'] / naive:.1f} times as fast; peak memory {ours['peak_mb']:.0f} MB")


def _ours(demo: run.Demo) -> dict[str, Any]:
    """Sync for a minute; return the run's own report, with the peak memory of the process in MB."""
    limits = {"CANON_WRITES_PER_SECOND": "25", "CANON_READS_PER_SECOND": "100"}
    arguments = ["sync", "--yes", "--json", "--no-pull", "--max-seconds", str(SYNC_SECONDS)]
    measured = (
        "import resource, sys; from sync.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", measured, *arguments, "--project-dir", str(HOME)],
        cwd=run.CHECKOUT,
        env={**demo.environment, **limits},
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )
    report, peak = done.stdout.strip().splitlines()
    if done.returncode not in {0, 1}:
        raise run.DemoFailedError(f"canon sync ended with exit code {done.returncode}; its own words stand above")
    return {**json.loads(report), "peak_mb": float(peak)}


def _naive(url: str) -> float:
    """Write one record after the other, as a script does; return writes a second."""
    with httpx.Client(base_url=f"{url}/v2", headers={"Authorization": "Bearer naive"}, timeout=60) as client:
        records = client.post("/objects/companies/records/query", json={"limit": 500}).raise_for_status().json()["data"]
        started, written = time.monotonic(), 0
        while time.monotonic() - started < NAIVE_SECONDS:
            record = records[written % len(records)]
            body = {"data": {"values": {"twitter_follower_count": [written]}}}
            path = f"/objects/companies/records/{record['id']['record_id']}"
            client.patch(path, json=body).raise_for_status()
            written += 1
        return written / (time.monotonic() - started)


PARTS: dict[str, Callable[[], object]] = {"sync": sync}


def main(names: list[str]) -> int:
    """Measure the parts named, or all."""
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        sys.stderr.write(f"bench: there is no part {unknown[0]}: choose from {', '.join(PARTS)}\n")
        return 2
    try:
        for name in names or PARTS:
            console.rule(f"{name}: {(PARTS[name].__doc__ or '').splitlines()[0]}")
            PARTS[name]()
    except run.DemoFailedError as failed:
        console.print(f"bench: {failed}", style="bold red")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
    sys.exit(main(sys.argv[1:]))
