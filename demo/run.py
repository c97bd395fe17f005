"""`make demo`: what a user does, from an empty machine to records in a CRM, on a database and a sandbox of its own.

Everything lives in `.local/demo`: a private checkout with its own embedded Postgres and no `.env`. Each step is the
command a user would call, in an environment without a single `PG*`, `DBT_*`, `ATTIO_*` or `CANON_*` variable of the
owner's. The last step reads the sandbox back over HTTP and checks it against the source tables, not against the sync's
own counts.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg import sql
from rich.console import Console
from rich.table import Table

from sync import localdb

CHECKOUT = Path(__file__).resolve().parent.parent
DATA = CHECKOUT / "demo" / "data"
HOME = CHECKOUT / ".local" / "demo"
OWNERS_VARIABLES = ("PG", "DBT_", "ATTIO_", "CANON_", "MAKE", "MFLAGS")
MAKES_VARIABLES = ("ARGS", "PROJECT", "WORKERS")  # what `make demo` was called with is not for the makes it calls
PACED_WRITES = 100
PAGE = 500

console = Console(highlight=False)


class DemoFailedError(Exception):
    """A step failed, or the CRM does not hold what it should; the message is one line."""


@dataclass
class Demo:
    """The demo's environment, the settings of its database, and what each step took."""

    environment: dict[str, str]
    database: dict[str, str]
    seconds: list[tuple[str, float]] = field(default_factory=list)

    def make(self, target: str, arguments: str = "", *, why: str, **settings: str) -> None:
        """Run a make target as a user would; raise `DemoFailedError` unless it succeeds."""
        words = [*(f"{name}={value}" for name, value in settings.items()), "make", target]
        command = ["make", "--no-print-directory", target, f"PROJECT={HOME}"]
        if arguments:
            words.append(f'ARGS="{arguments}"')
            command.append(f"ARGS={arguments}")
        self._run(command, " ".join(words), why, settings)

    def canon(self, *arguments: str, why: str) -> None:
        """Run `canon` on the demo's checkout; raise `DemoFailedError` unless it succeeds."""
        words = " ".join(argument.removeprefix(f"{CHECKOUT}/") for argument in ("canon", *arguments))
        self._run([*_canon(), *arguments, "--project-dir", str(HOME)], words, why, {})

    def _run(self, command: list[str], words: str, why: str, settings: dict[str, str]) -> None:
        console.print(f"\n[bold]{why}[/bold]\n[dim]$ {words}[/dim]", soft_wrap=True)
        started = time.monotonic()
        done = subprocess.run(command, cwd=CHECKOUT, env={**self.environment, **settings}, check=False)
        self.seconds.append((" ".join(words.split()[:2]), time.monotonic() - started))
        if done.returncode != 0:
            raise DemoFailedError(f"`{words}` ended with exit code {done.returncode}; its own words stand above")

    def connect(self) -> psycopg.Connection:
        """Open the demo's own database and no other: each setting is given, none is taken from the environment."""
        settings = self.database
        return psycopg.connect(
            host=settings["PGHOST"],
            port=settings["PGPORT"],
            user=settings["PGUSER"],
            password=settings["PGPASSWORD"],
            dbname=settings["PGDATABASE"],
            autocommit=True,
        )


def main() -> int:
    """Run the demo; return 0 when every step and every check held."""
    started = time.monotonic()
    for name in [name for name in os.environ if name.startswith(OWNERS_VARIABLES) or name in MAKES_VARIABLES]:
        del os.environ[name]
    try:
        _lay_out_private_checkout()
        demo = Demo(dict(os.environ), localdb.ensure_started(HOME))
        _empty_the_database(demo)
        url = _start_sandbox(demo)
        demo.environment |= {"ATTIO_BASE_URL": url, "ATTIO_API_KEY": "demo-token"}
        demo.environment |= {"CANON_WRITES_PER_SECOND": "2000", "CANON_READS_PER_SECOND": "2000"}
        _fill_the_database(demo)
        _sync(demo, url)
        before = _stats(url)["writes"]
        demo.make("sync", "--yes", why="Sync again: nothing changed, so nothing is written")
        written_again = _stats(url)["writes"] - before
        demo.make("duplicates", "plan", why="Which companies in the CRM are copies of each other?")
        found = _check_the_crm(demo, url, written_again)
    except DemoFailedError as failed:
        console.print(f"\ndemo: {failed}", style="bold red", soft_wrap=True)
        return 1
    _summary(demo, url, found, time.monotonic() - started)
    return 0


def _canon() -> list[str]:
    return [sys.executable, "-m", "sync"]


def _lay_out_private_checkout() -> None:
    """Copy the dbt project into `.local/demo`, afresh; the database beside it stays."""
    HOME.mkdir(parents=True, exist_ok=True)
    project = HOME / "dbt_project"
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(CHECKOUT / "dbt_project", project, ignore=shutil.ignore_patterns("target", "logs", ".user.yml"))
    shutil.copy(CHECKOUT / "profiles.yml.example", HOME / "profiles.yml")


def _empty_the_database(demo: Demo) -> None:
    """Drop what an earlier demo left, so that each demo starts from nothing."""
    with demo.connect() as connection:
        schemas = connection.execute(
            "select nspname from pg_namespace where nspname !~ '^(pg_|information_schema$|public$)'"
        ).fetchall()
        for (schema,) in schemas:
            connection.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(schema)))


def _start_sandbox(demo: Demo) -> str:
    """Invent people and a CRM full of copies, start the sandbox on it in the background, and return its URL."""
    inputs = HOME / "inputs"
    generate = [sys.executable, str(CHECKOUT / "demo" / "generate.py"), "--out", str(inputs)]
    if subprocess.run(generate, cwd=CHECKOUT, env=demo.environment, check=False).returncode != 0:
        raise DemoFailedError("the demo's people and CRM records could not be generated; the reason stands above")
    localdb.stop_sandbox(HOME)
    arguments = ["sandbox", "--port", "0", "--no-limits", "--seed", str(inputs / "workspace.ndjson")]
    console.print(
        f"[bold]Start a stand-in for Attio[/bold]\n[dim]$ canon {' '.join(arguments)} &[/dim]", soft_wrap=True
    )
    log = HOME / ".local" / "sandbox.log"
    with log.open("w") as words:
        process = subprocess.Popen(
            [*_canon(), *arguments, "--project-dir", str(HOME)],
            cwd=CHECKOUT,
            env=demo.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=words,
            start_new_session=True,
            text=True,
        )
    assert process.stdout is not None  # noqa: S101  # it is a pipe
    line = process.stdout.readline()
    if not line:
        raise DemoFailedError(f"the sandbox did not start: {log.read_text().strip()}")
    url: str = json.loads(line)["url"]
    console.print(f"It listens on {url}")
    return url


def _fill_the_database(demo: Demo) -> None:
    demo.make("migrate", "--yes", why="Create the source tables, with their triggers and the gazetteer")
    for file, table, file_format, what in (
        (DATA / "companies.csv.gz", "extracted.companyenrich_company", "companies", "real companies"),
        (DATA / "job_postings.csv.gz", "core.company_job_postings", "job_postings", "real job postings"),
        (HOME / "inputs" / "people.csv", "extracted.person_discovery", "person_discovery", "invented people"),
    ):
        demo.canon("load", str(file), "--into", table, "--format", file_format, why=f"Load {what}")


def _sync(demo: Demo, url: str) -> None:
    demo.make("pull", why="Read the CRM, every page of it")
    demo.make("build", why="Clean, match and decide: dbt builds and tests every model")
    demo.canon("setup", "--yes", why="Create the attributes and the job postings object that the CRM lacks")
    demo.make("plan", why="See what would change before anything does")
    _limit_sandbox(url, writes=25, reads=100)
    demo.make(
        "sync",
        f"--yes --limit {PACED_WRITES}",
        why=f"The first {PACED_WRITES} at Attio's own limits: the sandbox now refuses the 26th write of a second",
        CANON_WRITES_PER_SECOND="25",
        CANON_READS_PER_SECOND="100",
    )
    console.print(f"At 25 writes a second the sandbox had to refuse {_stats(url)['refused']} requests.")
    _limit_sandbox(url, writes=None, reads=None)
    console.print(
        "\nFrom here the sandbox has no limits, so that you need not wait: at Attio's own 25/s the rest takes minutes.",
        soft_wrap=True,
    )
    demo.make("sync", "--yes", why="Sync everything else: companies, then people and job postings")


def _limit_sandbox(url: str, *, writes: int | None, reads: int | None) -> None:
    httpx.post(
        f"{url}/sandbox/limits", json={"writes_per_second": writes, "reads_per_second": reads}
    ).raise_for_status()


def _stats(url: str) -> dict[str, int]:
    answer: dict[str, int] = httpx.get(f"{url}/sandbox/stats").raise_for_status().json()
    return answer


def _read_all(url: str, slug: str) -> list[dict[str, Any]]:
    """Read every record of an object, page by page, as any client of Attio would."""
    records: list[dict[str, Any]] = []
    with httpx.Client(base_url=f"{url}/v2", headers={"Authorization": "Bearer demo-reader"}, timeout=60) as client:
        while True:
            body = {"limit": PAGE, "offset": len(records), "sorts": [{"attribute": "created_at", "direction": "asc"}]}
            page = client.post(f"/objects/{slug}/records/query", json=body).raise_for_status().json()["data"]
            records.extend(page)
            if len(page) < PAGE:
                return records


@dataclass(frozen=True)
class Found:
    """What the sandbox holds at the end."""

    companies: int
    people: int
    postings: int
    duplicates: int
    written_again: int


def _check_the_crm(demo: Demo, url: str, written_again: int) -> Found:
    """Read the sandbox back and compare it with the source tables; raise `DemoFailedError` at the first difference."""
    console.print("\n[bold]Read the CRM back and check it against the source tables[/bold]")
    companies, people, postings = (_read_all(url, slug) for slug in ("companies", "people", "job_postings"))
    companies_of_root: dict[str, set[str]] = {}
    for company in companies:
        for domain in company["values"]["domains"]:
            companies_of_root.setdefault(domain["root_domain"], set()).add(company["id"]["record_id"])
    target_of_posting = {
        posting["values"]["job_id"][0]["value"]: {value["target_record_id"] for value in posting["values"]["company"]}
        for posting in postings
    }
    linkedin = [value["value"].lower() for person in people for value in person["values"]["linkedin"]]
    with demo.connect() as connection:
        sources = connection.execute(
            "select job_id, domain from core.company_job_postings where job_id is not null and domain is not null"
        ).fetchall()
        [(mirrored,)] = connection.execute("select count(*) from attio_mirror.companies").fetchall()
        [(copies,)] = connection.execute(
            "select count(*) from canon.attio_company_duplicates where role = 'duplicate'"
        ).fetchall()
    with (HOME / "dbt_project" / "seeds" / "shared_hosts.csv").open(encoding="utf-8") as seed:
        shared = {row["host"] for row in csv.DictReader(seed)}  # what many share is nobody's own: no company's key
    known = {job_id: domain for job_id, domain in sources if domain in companies_of_root and domain not in shared}
    missing = sorted(known.keys() - target_of_posting.keys())
    astray = sorted(
        job_id
        for job_id, domain in known.items()
        if job_id in target_of_posting and not target_of_posting[job_id] & companies_of_root[domain]
    )
    twice = len(linkedin) - len(set(linkedin))
    for holds, otherwise in (
        (len(companies) >= 3000, f"{len(companies):,} companies; at least 3,000 were to be there"),
        (mirrored == len(companies), f"the mirror holds {mirrored:,} of its {len(companies):,} companies"),
        (len(known) >= 850, f"{len(known):,} postings of its companies; at least 850 were expected"),
        (not missing, f"{len(missing)} postings of known companies are missing, {missing[:3]} among them"),
        (not astray, f"{len(astray)} postings point at another company, {astray[:3]} among them"),
        (len(people) >= 5000, f"{len(people):,} people; at least 5,000 were to be there"),
        (not twice, f"{twice} people stand in it twice"),
        (copies > 0, "no copies were found in it, though it was filled with some"),
        (written_again == 0, f"the second sync wrote {written_again} times; 0 were expected"),
    ):
        if not holds:
            raise DemoFailedError(f"the CRM is not as it should be: {otherwise}")
    return Found(len(companies), len(people), len(postings), copies, written_again)


def _summary(demo: Demo, url: str, found: Found, seconds: float) -> None:
    table = Table(title="What the CRM holds now, read back page by page", title_justify="left", show_header=False)
    table.add_row("companies", f"{found.companies:,}", f"{found.duplicates:,} of them copies of another")
    table.add_row("people", f"{found.people:,}", "each LinkedIn profile once")
    table.add_row("job postings", f"{found.postings:,}", "each of a known company, and pointing at it")
    table.add_row("second sync", f"{found.written_again}", "writes")
    console.print()
    console.print(table)
    steps = ", ".join(f"{name} {took:.0f} s" for name, took in demo.seconds if took >= 1)
    home = HOME.relative_to(CHECKOUT)
    console.print(f"{seconds:.0f} s in all: {steps}.", soft_wrap=True)
    console.print(
        "\nWhere to look:\n"
        f"  make docs PROJECT={home}                         the models and what they mean, in a browser\n"
        f"  make plan PROJECT={home} ARGS=--no-pull          (needs the ATTIO_* settings below)\n"
        f"  ATTIO_BASE_URL={url} ATTIO_API_KEY=demo-token   the sandbox, for any client of Attio\n"
        "  README, 'On my own database and workspace'              the same with your own\n"
        "The database and the sandbox keep running; `make stop` stops them.",
        soft_wrap=True,
    )


if __name__ == "__main__":
    sys.exit(main())
