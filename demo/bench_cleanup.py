"""The clean-up of duplicates at the size it was made for: 8,000 companies, 3,700 of them copies, at Attio's limits.

From the CRM to the CRM: pulled, built by dbt, removed, read back. One copy in ten has a person, a list entry, a note or
a task. Scenarios: `limits` (how long it takes, what is lost, what three syncs afterwards make again), `kills` (kill -9
at 20 random points) and `undo` (500 deleted copies brought back).
"""

from __future__ import annotations

import collections
import json
import os
import random
import shutil
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from psycopg import sql

from demo.bench_duplicates import SCHEMAS
from demo.bench_sync import CHECKOUT, FAST, Bench, console, stats, table
from sync import localdb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

HOME = CHECKOUT / ".local" / "bench" / "cleanup"
SCENARIOS = ("limits", "kills", "undo")
COMPANIES, COPIES, WITH_THREE = 4_300, 3_700, 400
"""Companies; their copies; the companies that have three of these, where others have one or none."""
HANGING = ("people", "entries", "notes", "tasks")
KILLS, UNDONE, ROUNDS = 20, 500, 3
WRITES_PER_SECOND, MERGES_PER_SECOND = 25, 5
APPLY = ("duplicates", "apply", "--yes", "--max", str(COPIES))
REMOVALS = ("+attio_company_duplicate_pairs", "+attio_company_duplicates", "+attio_company_removals")
EXPORTS = ("+attio_companies", "+attio_people", "+attio_job_postings")
PACE = {"CANON_WRITES_PER_SECOND": "150", "CANON_READS_PER_SECOND": "600"}
UNLIMITED = dict.fromkeys(("reads_per_second", "writes_per_second", "merges_per_second", "notes_per_second")) | {
    "latency_ms": 0,
    "latency_p99_ms": 0,
}

Held = dict[str, set[tuple[str, ...]]]
"""Kind -> (company, what it has). Companies go by their names, so that copies and their survivor are one."""


def run(argument: str) -> None:
    """Measure the scenarios named (commas between them), all when none is."""
    shutil.rmtree(HOME / "dbt_project", ignore_errors=True)
    HOME.mkdir(parents=True, exist_ok=True)
    shutil.copytree(CHECKOUT / "dbt_project", HOME / "dbt_project", ignore=shutil.ignore_patterns("target", "logs"))
    shutil.copy(CHECKOUT / "profiles.yml.example", HOME / "profiles.yml")
    bench = Bench(localdb.ensure_started(HOME), home=HOME)
    try:
        for name in argument.split(",") if argument else SCENARIOS:
            with bench.connect() as connection:
                for (schema,) in connection.execute(SCHEMAS).fetchall():
                    connection.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(schema)))
            bench.canon("migrate")
            globals()[f"measure_{name}"](bench)
    finally:
        localdb.stop(HOME)


def measure_limits(bench: Bench) -> None:
    """Remove every copy at Attio's limits, then sync three times from sources that know every domain."""
    seed = _workspace(COMPANIES, COPIES, hanging=True)
    with bench.sandbox("--latency", "120", "--latency-p99", "800", "--seed", str(seed)) as url:
        _find_copies(bench)
        before, counted = held(url), stats(url)
        done, seconds, silent = _heard(bench, *APPLY)
        written, after, left = stats(url), held(url), len(_companies(url))
        httpx.post(f"{url}/sandbox/limits", json=UNLIMITED).raise_for_status()
        created = _sync_again_and_again(bench)
    refused = int(written["refused"]) - int(counted["refused"])
    writes = int(written["writes"]) - int(counted["writes"])
    least = max(writes / WRITES_PER_SECOND, done["counts"]["merged"] / MERGES_PER_SECOND)
    shown = table(
        f"{COMPANIES + COPIES:,} companies, {COPIES:,} of them copies, at Attio's limits, latency 120 ms, p99 800 ms",
        *("what", "measured", "aim"),
    )
    shown.add_row("deleted, merged", _removed(done), f"{COPIES:,} in all")
    shown.add_row("survivors that gained values", f"{done['survivors_updated']:,}", "")
    shown.add_row("removing", f"{done['seconds']:.0f} s, {done['seconds'] / least - 1:+.1%}", f"{least:.0f} s, +10 %")
    shown.add_row("with the pulls before and after", f"{seconds:.0f} s", "")
    shown.add_row("refused by a limit", f"{refused} of {writes:,} writes", "1 %")
    shown.add_row("longest silence, output in a file", f"{silent:.1f} s", "5 s")
    _add_losses(shown, before, after, left)
    shown.add_row(f"made by {ROUNDS} syncs afterwards", ", ".join(map(str, created)), ", ".join("0" * ROUNDS))
    console.print(shown)


def measure_kills(bench: Bench) -> None:
    """Kill the clean-up after so many writes as the lot says, again and again, then let it end."""
    chance = random.Random()  # noqa: S311  # nothing secret
    seed = _workspace(COMPANIES, COPIES, hanging=True)
    with bench.sandbox("--no-limits", "--latency", "30", "--seed", str(seed)) as url:
        _find_copies(bench)
        before = held(url)
        points = sorted(chance.sample(range(1, COPIES - 100), KILLS))
        interrupted = sum(_killed_after(bench, url, writes) for writes in points)
        done = bench.canon(*APPLY, settings=PACE).document
        after, left = held(url), len(_companies(url))
        again = bench.canon(*APPLY, settings=PACE).document
    with bench.connect() as connection:
        states: dict[str, int] = dict(
            connection.execute(
                "select state, count(*) from attio_sync.entries where method in ('delete', 'merge') group by state"
            ).fetchall()
        )
    shown = table(f"The same, killed {KILLS} times", "what", "measured", "aim")
    shown.add_row("killed after so many removals", ", ".join(map(str, points)), f"{KILLS} points")
    shown.add_row("killed before it ended by itself", str(interrupted), str(KILLS))
    shown.add_row("left for the last run", _removed(done), "more than 0")
    shown.add_row(
        "removals noted as done, and as open",
        f"{states.get('done', 0):,}, {states.get('pending', 0)}",
        f"{COPIES:,}, 0",
    )
    _add_losses(shown, before, after, left)
    shown.add_row("removed by one more run", _removed(again), "0, 0")
    console.print(shown)


def measure_undo(bench: Bench) -> None:
    """Delete 500 copies that have nothing attached, a third of them typed by people, and bring them back."""
    seed = _workspace(UNDONE + 100, UNDONE, hanging=False)
    with bench.sandbox("--no-limits", "--seed", str(seed)) as url:
        _find_copies(bench)
        before = fields(url)
        done = bench.canon(*APPLY, settings=FAST).document
        between = fields(url)
        started = time.monotonic()
        undone = bench.canon("undo", str(done["run_id"]), "--yes", settings=FAST).document
        seconds = time.monotonic() - started
        after = fields(url)
    shown = table(f"{UNDONE} deleted copies brought back", "what", "measured", "aim")
    shown.add_row("deleted, merged", _removed(done), f"{UNDONE}, 0")
    shown.add_row("survivors that gained values", f"{done['survivors_updated']:,}", "more than 0")
    shown.add_row("brought back", f"{undone['counts']['recreated']} in {seconds:.0f} s", str(UNDONE))
    shown.add_row("records that differ in between", f"{(between - before).total():,}", "more than 0")
    shown.add_row("records that differ afterwards", str((before - after).total() + (after - before).total()), "0")
    console.print(shown)


# the workspace


def _workspace(companies: int, copies: int, *, hanging: bool) -> Path:
    """Write the workspace; a copy agrees with its company on name and LinkedIn page, half of them have a domain too."""
    lots = random.Random(companies)  # noqa: S311  # nothing secret
    path = HOME / "workspace.ndjson"
    with path.open("w", encoding="utf-8") as file:
        for line in _lines(lots, companies, copies, hanging=hanging):
            file.write(json.dumps(line) + "\n")
    return path


def _lines(lots: random.Random, companies: int, copies: int, *, hanging: bool) -> Iterator[dict[str, Any]]:
    if hanging:
        yield {"list": {"name": "Targets", "api_slug": "targets", "parent_object": "companies"}}
    made = 0
    for number in range(companies):
        word = "".join(lots.choice(["ka", "lo", "mi", "ru", "te", "vo", "za", "ne"]) for _ in range(12))
        own = uuid.UUID(int=lots.getrandbits(128), version=4)
        page = f"https://www.linkedin.com/company/{word}"
        values: dict[str, Any] = {"name": word.capitalize(), "domains": [f"{word}.com"], "linkedin": page}
        yield _record(own, values, "workspace-member" if number % 3 == 0 else None)
        several = 3 if number < WITH_THREE and hanging else 1
        for _ in range(min(several, copies - made)):
            copy = uuid.UUID(int=lots.getrandbits(128), version=4)
            values = {"name": f"{word.upper()}, Inc.", "linkedin": f"{page}/about/"}
            if made % 2:
                values["domains"] = [f"{word}{made}.io"]
            if made % 3 == 0:
                values |= {"description": f"About {word} {made}", "categories": ["SaaS", "B2B"][: 1 + made % 2]}
            yield _record(copy, values, "workspace-member" if made % 3 == 0 else None)
            if hanging and made % 10 == 0:
                kind = HANGING[made // 10 % len(HANGING)]
                yield from (_hanging(kind, own), _hanging(kind, own), _hanging(kind, copy))
            made += 1


def _record(record_id: uuid.UUID, values: dict[str, Any], actor: str | None) -> dict[str, Any]:
    return {"object": "companies", "record_id": str(record_id), "values": values, "actor": actor}


def _hanging(kind: str, record_id: uuid.UUID) -> dict[str, Any]:
    """Return what hangs on a record; what stays has more of it than its copy."""
    parent, name = {"parent_object": "companies", "parent_record_id": str(record_id)}, uuid.uuid4().hex
    target = {"target_object": "companies", "target_record_id": str(record_id)}
    if kind == "people":
        return {"object": "people", "values": {"job_title": name, "company": [target]}}
    if kind == "entries":
        return {"entry": {"list": "targets", "parent_record_id": str(record_id)}}
    if kind == "notes":
        return {"note": {**parent, "title": name, "content": "Yes"}}
    return {
        "task": {
            "content": name,
            "linked_records": [{"target_object": "companies", "target_record_id": str(record_id)}],
        }
    }


# what happens


def _find_copies(bench: Bench) -> None:
    bench.canon("setup", "--yes", settings=FAST)
    bench.canon("pull")
    _build(bench, *REMOVALS)


def _build(bench: Bench, *models: str, scope: str = "crm") -> None:
    command = (
        str(Path(sys.executable).parent / "dbt"), "build", "--quiet", "--exclude-resource-type", "unit_test",
        "--vars", f"{{attio_scope: {scope}}}", "--select", *models,
        "--project-dir", str(HOME / "dbt_project"), "--profiles-dir", str(HOME),
    )  # fmt: skip
    done = subprocess.run(
        command, cwd=CHECKOUT, env={**os.environ, **bench.database}, check=False, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise SystemExit(f"bench: dbt build ended with {done.returncode}: {done.stdout}{done.stderr}")


def _heard(bench: Bench, *arguments: str) -> tuple[dict[str, Any], float, float]:
    """Run `canon` with its words in a file; return answer, seconds, and the longest that the file stood still."""
    words, started = HOME / "words.log", time.monotonic()
    command = [sys.executable, "-m", "sync", *arguments, "--json", "--project-dir", str(HOME)]
    with words.open("w") as heard, (HOME / "answer.json").open("w+") as answer:
        environment = {**os.environ, **bench.database, **bench.settings}
        process = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=answer, stderr=heard)
        size, last, silent = 0, started, 0.0
        while process.poll() is None:
            time.sleep(0.05)
            if (grown := words.stat().st_size) > size:
                size, last = grown, time.monotonic()
            silent = max(silent, time.monotonic() - last)
        answer.seek(0)
        text = answer.read()
    if process.returncode != 0:
        raise SystemExit(
            f"bench: canon {' '.join(arguments)} ended with {process.returncode}: {text}{words.read_text()}"
        )
    return json.loads(text), time.monotonic() - started, silent


def _killed_after(bench: Bench, url: str, removals: int) -> bool:
    """Begin the clean-up and kill it once so many copies are gone in all; return whether it was at work still."""
    command = [sys.executable, "-m", "sync", *APPLY, "--project-dir", str(HOME)]
    with (HOME / "words.log").open("w") as words:
        environment = {**os.environ, **bench.database, **bench.settings, **PACE}
        process = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=words, stderr=words)
        while process.poll() is None and _removals(url) < removals:
            time.sleep(0.01)
        at_work = process.poll() is None
        process.kill()
        process.wait()
    return at_work


def _removals(url: str) -> int:
    routes = stats(url)["by_route"]
    return sum(
        int(routes.get(route, 0))
        for route in ("DELETE /objects/{object}/records/{record}", "POST /objects/{object}/records/merge")
    )


def _sync_again_and_again(bench: Bench) -> list[int]:
    """Pull, build and sync with every domain known to the sources, the copies' too; return how many were created."""
    with bench.connect() as connection:
        connection.execute(
            """
            insert into extracted.companyenrich_company (domain, name, employees)
            select domain, domain, '11-50'
            from (
                select jsonb_array_elements(before -> 'domains') ->> 'domain' as domain
                from attio_sync.entries where method = 'delete'
                union
                select jsonb_array_elements(values -> 'domains') ->> 'domain' from attio_mirror.records
            ) as known
            where domain is not null
            """
        )
    created = []
    for _ in range(ROUNDS):
        bench.canon("pull", settings=FAST)
        _build(bench, *EXPORTS, scope="all")
        done = bench.canon("sync", "attio_companies", "--yes", settings=FAST).document
        created.append(int(done["counts"].get("created", 0)))
    return created


# what the CRM holds


def held(url: str) -> Held:
    """Return what every company has, its copies' counted to it."""
    found: Held = collections.defaultdict(set)
    names: dict[str, str] = {}
    for record in _companies(url):
        values = record["values"]
        name = names[record["id"]["record_id"]] = str(values["name"][0]["value"]).removesuffix(", Inc.").lower()
        found["companies"].add((name,))
        found["values"] |= {(name, str(value["domain"])) for value in values["domains"]}
        found["values"] |= {(name, str(value["option"]["title"])) for value in values["categories"]}
        found["values"] |= {(name, slug) for slug in ("description", "linkedin") if values[slug]}
    for person in _query(url, "objects/people/records"):
        for value in person["values"]["company"]:
            found["people"].add((names[value["target_record_id"]], person["id"]["record_id"]))
    for entry in _query(url, "lists/targets/entries"):
        found["entries"].add((names[entry["parent_record_id"]], entry["id"]["entry_id"]))
    for note in _listed(url, "notes", 50):
        found["notes"].add((names[note["parent_record_id"]], note["title"]))
    for task in _listed(url, "tasks", 500):
        for linked in task["linked_records"]:
            found["tasks"].add((names[linked["target_record_id"]], task["content_plaintext"]))
    return found


def fields(url: str) -> collections.Counter[str]:
    """Return every company as text, field by field, without ids, and without who wrote a value and when."""
    apart = {"record_id", "created_at", "created_by"}
    keep = ("value", "domain", "root_domain", "option", "target_record_id")
    return collections.Counter(
        json.dumps(
            {
                slug: sorted(
                    json.dumps({key: value[key] for key in keep if key in value}, sort_keys=True) for value in values
                )
                for slug, values in record["values"].items()
                if slug not in apart
            },
            sort_keys=True,
        )
        for record in _companies(url)
    )


def _companies(url: str) -> list[dict[str, Any]]:
    return _query(url, "objects/companies/records")


def _query(url: str, what: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    sorts = [{"attribute": "created_at", "direction": "asc"}]
    while len(found) % 500 == 0:
        body = {"limit": 500, "offset": len(found), "sorts": sorts}
        page = (
            httpx.post(f"{url}/v2/{what}/query", json=body, headers=TOKEN, timeout=60).raise_for_status().json()["data"]
        )
        if not page:
            break
        found += page
    return found


def _listed(url: str, what: str, size: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while len(found) % size == 0:
        given = {"limit": size, "offset": len(found)}
        page = httpx.get(f"{url}/v2/{what}", params=given, headers=TOKEN, timeout=60).raise_for_status().json()["data"]
        if not page:
            break
        found += page
    return found


TOKEN = {"Authorization": "Bearer bench"}


def _removed(done: dict[str, Any]) -> str:
    return f"{done['counts']['deleted']:,}, {done['counts']['merged']:,}"


def _add_losses(shown: Table, before: Held, after: Held, left: int) -> None:
    for kind, had in before.items():
        shown.add_row(f"{kind} lost", f"{len(had - after[kind]):,} of {len(had):,}", "0")
    shown.add_row("records left", f"{left:,}", f"{COMPANIES:,}")
