"""`make build` at size: time, memory, the share of each model; then again with one person in a hundred changed.

A machine does other things too, at times for a minute: each build is made several times, the first one on copies of the
loaded database, and the fastest of each kind counts.

The rows come from a generator that writes `person_discovery.csv`, `companyenrich_payloads.ndjson` and
`attio_companies.ndjson`, called as `GENERATOR --out DIR --people N --payloads N --attio N`.

`make bench ARGS=build:PATH/OF/GENERATOR.py`, or with sizes: `build:GENERATOR.py,100000,10000,3000`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from demo import scratch
from demo.bench_sync import table

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES = ("1000000", "100000", "9000")
FEEDS = (
    ("person_discovery.csv", "extracted.person_discovery", "person_discovery"),
    ("companyenrich_payloads.ndjson", "raw.companyenrich_payloads", "companyenrich_payloads"),
    ("attio_companies.ndjson", "attio_mirror.records", "attio_companies"),
)
SHOWN = 15
"""Models."""

FIRST_BUILDS, REBUILDS = 2, 3
CHANGES = """
update extracted.person_discovery set latest_title = 'Changed', location_name = 'Oslo, Norway'
where abs(hashtext(linkedin_url) % 1000) / 7 = {round};
delete from extracted.person_discovery where abs(hashtext(linkedin_url) % 2000) / 3 = 400 + {round};
insert into extracted.person_discovery (linkedin_url, full_name, location_name, company_domain, latest_company)
select
    'https://www.linkedin.com/in/new-' || md5('{round}/' || number), 'New Person', 'Lyon, France',
    'new' || number || '-{round}.com', 'New Company ' || number
from generate_series(1, (select count(*) * 15 / 10000 from extracted.person_discovery)) as number;
"""
"""Of the people 0.7 % updated, 0.15 % deleted, 0.15 % new; others in each round."""

console = Console(highlight=False, width=120)


@dataclass(frozen=True)
class Built:
    """One build: seconds in all and per node (`model.name`), peak memory in MB of dbt and of the server."""

    seconds: float
    nodes: dict[str, float]
    dbt_mb: float
    server_mb: float

    def of(self, kind: str) -> float:
        """Return the seconds of all models, tests or seeds."""
        return sum(seconds for name, seconds in self.nodes.items() if name.startswith(f"{kind}."))


def run(argument: str) -> None:
    """Measure; the argument is the generator's path and, behind commas, how many people, payloads and CRM records."""
    generator, *sizes = argument.split(",")
    if not Path(generator).is_file():
        console.print("build: no generator of rows given: make bench ARGS=build:PATH/make_people.py")
        return
    people, payloads, attio = (*sizes, *SIZES[len(sizes) :])
    with scratch.database() as database:
        made = database.home / "made"
        command = [sys.executable, generator, "--out", str(made), "--people", people, "--payloads", payloads]
        subprocess.run([*command, "--attio", attio], check=True, stdout=subprocess.DEVNULL)
        for file, into, format_name in FEEDS:
            database.canon("load", str(made / file), "--into", into, "--format", format_name, "--yes")
        database.canon("extract", "--yes")
        with database.connect() as connection:
            connection.execute("analyze")
        firsts = []
        for _ in range(FIRST_BUILDS - 1):
            with scratch.copy(database) as again:
                firsts.append(_build(again))
        firsts.append(_build(database))
        unchanged, changed = [], []
        for number in range(REBUILDS):
            unchanged.append(_build(database))
            with database.connect() as connection:
                connection.execute(CHANGES.format(round=number).encode())
            changed.append(_build(database))
    kinds = {"first": firsts, "nothing changed": unchanged, "1 % changed": changed}
    first, second, third = (min(built, key=lambda each: each.seconds) for built in kinds.values())
    _show(
        first, second, third, f"{int(people):,} people, {int(payloads):,} payloads, {int(attio):,} companies in the CRM"
    )
    for name, built in kinds.items():
        console.print(f"{name}: {', '.join(f'{each.seconds:.1f} s' for each in built)}")


def _show(first: Built, second: Built, third: Built, size: str) -> None:
    shown = table(f"make build: {size}", "", "first", "nothing changed", "1 % of the people changed", "aim")
    for name, kind in (("models", "model"), ("data tests", "test"), ("seeds", "seed")):
        shown.add_row(name, *(f"{built.of(kind):.1f} s" for built in (first, second, third)), "")
    builds = (first, second, third)
    shown.add_row("in all", *(f"{built.seconds:.1f} s" for built in builds), "")
    shown.add_row("of the first", *(f"{built.seconds / first.seconds:.0%}" for built in builds), "33 % at most")
    shown.add_row("peak memory, dbt", *(f"{built.dbt_mb:.0f} MB" for built in builds), "")
    shown.add_row("peak memory, Postgres", *(f"{built.server_mb:.0f} MB" for built in builds), "")
    console.print(shown)
    parts = table(f"The {SHOWN} models that take longest", "model", "first", "share", "nothing changed", "1 % changed")
    longest = sorted((name for name in first.nodes if name.startswith("model.")), key=first.nodes.__getitem__)
    for name in longest[: -SHOWN - 1 : -1]:
        seconds = [built.nodes.get(name, 0.0) for built in (first, second, third)]
        again, changed = (f"{each:.1f} s" for each in seconds[1:])
        share = seconds[0] / first.of("model")
        parts.add_row(name.removeprefix("model."), f"{seconds[0]:.1f} s", f"{share:.0%}", again, changed)
    console.print(parts)


def _build(database: scratch.Scratch) -> Built:
    """Build as `make build` does."""
    command = database.dbt("build", "--exclude-resource-type", "unit_test")
    ended = threading.Event()
    peaks: list[float] = []
    watch = threading.Thread(target=lambda: peaks.extend(_memory(database, ended)))
    began = time.monotonic()
    process = subprocess.Popen(command, cwd=scratch.CHECKOUT, env=database.environment)
    watch.start()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - began
    ended.set()
    watch.join()
    if process.returncode != 0:
        raise SystemExit(f"bench: dbt build ended with {process.returncode}; what failed stands above")
    scale = 1 if sys.platform == "darwin" else 1024
    return Built(seconds, database.seconds(), usage.ru_maxrss * scale / 1_000_000, max(peaks, default=0.0))


def _memory(database: scratch.Scratch, ended: threading.Event) -> Iterator[float]:
    """Yield every two seconds what the server's processes hold in MB, a shared page once; nothing where /proc is not.

    Not more often: to count the pages takes a tenth of a core's time.
    """
    if not Path("/proc/self/smaps_rollup").exists():
        return
    with database.connect() as connection:
        postmaster = _parent(connection.info.backend_pid)
    while not ended.wait(2):
        held = 0
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if postmaster in (_parent(int(entry.name)), int(entry.name)):
                    pages = (entry / "smaps_rollup").read_text()
                    held += next(int(line.split()[1]) for line in pages.splitlines() if line.startswith("Pss:"))
            except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                continue
        if held:
            yield held * 1024 / 1_000_000


def _parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[1])
