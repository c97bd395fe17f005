"""What goes wrong, all at once: 2,000 people created through lost answers, errors, dropped lines, an outage, kills.

LinkedIn is not unique in Attio, so nothing but the sync itself keeps a person from being created twice. The argument is
the seed of the kills (`make bench ARGS=faults:7`), a random one when there is none.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import httpx

from demo.bench_sync import CHECKOUT, HOME, Bench, console, people, stats, table
from sync import localdb

ROWS = 2_000
KILLS = 20
KILLS_BEFORE_WRITING = 3
MOST_WRITES_BEFORE_A_KILL = 120
OUTAGE_SECONDS = 10
FAULTS = {"cut_every": 10, "errors_every": 20, "error_status": 503, "drop_every": 33}
PACE = {"CANON_WRITES_PER_SECOND": "90", "CANON_READS_PER_SECOND": "400"}


def run(argument: str) -> None:
    """Create the people while everything goes wrong, and count them."""
    seed = int(argument) if argument else random.randrange(10**6)  # noqa: S311  # nothing secret
    HOME.mkdir(parents=True, exist_ok=True)
    bench = Bench(localdb.ensure_started(HOME))
    try:
        bench.reset()
        bench.put(ROWS)
        with bench.sandbox("--no-limits", "--latency", "60") as url:
            _set(url, **FAULTS)
            interrupted, points = _kill_again_and_again(bench, url, random.Random(seed))  # noqa: S311
            left = ROWS - sum(people(url).values())
            outage = threading.Timer(1.5, _set, [url], {"outage_seconds": OUTAGE_SECONDS})
            outage.start()
            last = bench.canon("sync", "--yes", "--canary", "0", may_fail=True, settings=PACE)
            outage.join()
            _set(url, **dict.fromkeys(FAULTS, 0))
            held = people(url)
            again = bench.canon("sync", "--yes", may_fail=True, settings=PACE)
    finally:
        localdb.stop(HOME)
    shown = table(
        f"{ROWS:,} people, every 10th answer cut, 5 % 503, every 33rd line dropped, an outage of {OUTAGE_SECONDS} s, "
        f"{KILLS} kills (seed {seed})",
        *("what", "measured", "aim"),
    )
    shown.add_row("killed after so many writes", ", ".join(map(str, points)), f"{KILLS} points")
    shown.add_row("killed before it ended by itself", str(interrupted), str(KILLS))
    shown.add_row("left for the last run, which meets the outage", f"{left:,}", "more than 0")
    shown.add_row("exit code of the last run, after", f"{last.exit_code} after {last.seconds:.0f} s", "0, over 10 s")
    shown.add_row("people in the CRM", f"{sum(held.values()):,}", f"{ROWS:,}")
    shown.add_row("rows without a record", str(ROWS - len(held)), "0")
    shown.add_row("rows with two records", str(sum(count > 1 for count in held.values())), "0")
    shown.add_row("written by one more run", str(again.document.get("written")), "0")
    console.print(shown)


def _kill_again_and_again(bench: Bench, url: str, chance: random.Random) -> tuple[int, list[int]]:
    """Start a sync and kill it, again and again; return how many were still at work, and after how many writes.

    By writes, not by the clock, the points lie among the writes on a slow machine too; the first ones before any.
    """
    interrupted, points = 0, []
    command = [sys.executable, "-m", "sync", "sync", "--yes", "--canary", "0", "--project-dir", str(HOME)]
    environment = {**os.environ, **bench.database, **bench.settings, **PACE}
    for number in range(KILLS):
        after = 0 if number < KILLS_BEFORE_WRITING else chance.randrange(1, MOST_WRITES_BEFORE_A_KILL)
        began = stats(url)["writes"]
        with (HOME / "words.log").open("w") as words:
            process = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=words, stderr=words)
            time.sleep(chance.uniform(0, 1))
            while after and stats(url)["writes"] - began < after and process.poll() is None:
                time.sleep(0.01)
            interrupted += process.poll() is None
            process.send_signal(signal.SIGKILL)
            process.wait()
        points.append(stats(url)["writes"] - began)
    return interrupted, points


def _set(url: str, **faults: Any) -> None:
    httpx.post(f"{url}/sandbox/faults", json=faults, timeout=60).raise_for_status()
