"""Domains are what tldextract says they are; what cannot be a company's own is no key."""

from __future__ import annotations

import csv
import random
from typing import TYPE_CHECKING

import pytest
import tldextract

from tests.conftest import CHECKOUT, WITHOUT_TESTS, _private_project, run_dbt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Database, Server

SEEDS = CHECKOUT / "dbt_project" / "seeds"
Parsed = dict[str, tuple[str | None, str | None, str, str | None]]

CELLS = {
    "https://user:pw@WWW.Careers.Acme.com:8080/jobs?x=1#y": ("careers.acme.com", "acme.com"),
    "  Acme.com. ": ("acme.com", "acme.com"),
    "www.www.acme.co.uk": ("acme.co.uk", "acme.co.uk"),
    "http://acme.com\\@evil.example": ("acme.com", "acme.com"),
    "ada.l@mail.acme.co.uk": ("mail.acme.co.uk", "acme.co.uk"),
    "mailto:ada@acme.de": ("acme.de", "acme.de"),
    "//acme.io/x": ("acme.io", "acme.io"),
    "acme.com, acme.io": ("acme.com", "acme.com"),
    "\u200bacme.com\u00a0": ("acme.com", "acme.com"),
    "https://bücher.de": ("bücher.de", "bücher.de"),
    "Ada Example": (None, None),
    "CRM": (None, None),
    "http://url": (None, None),
    "10.0.0.1": (None, None),
    "-": (None, None),
    "acme": (None, None),
    "acme..com": (None, None),
    "bit.ly/3xYz": ("bit.ly", None),
    "https://www.linkedin.com/company/acme": ("linkedin.com", None),
    "jobs.lever.co/acme": ("jobs.lever.co", None),
    "someone@gmail.com": ("gmail.com", None),
    "co.uk": ("co.uk", None),
    "foo.github.io": ("foo.github.io", "foo.github.io"),
    "github.io": ("github.io", None),
}


def hosts() -> list[str]:
    """Return hosts below suffixes of every kind of rule, picked by chance."""
    chance = random.Random(6)
    with (SEEDS / "public_suffixes.csv").open(encoding="utf-8", newline="") as file:
        rules = list(csv.DictReader(file))
    picked = [rule for rule in rules if rule["kind"] != "exact"] + chance.sample(rules, 1500)
    found = set()
    for rule in picked:
        suffix = rule["suffix"]
        found |= {suffix, f"acme.{suffix}", f"www2.acme.{suffix}", f"a.b.acme-x1.{suffix}"}
    found |= {f"acme.{ending}" for ending in ("com", "invalid-tld-x", "co.uk", "kawasaki.jp", "city.kawasaki.jp")}
    # `ex.futurecms.at` falls under `*.futurecms.at`, and so is a suffix by the list's own algorithm; tldextract stops
    # at the stem of the longer rule `*.ex.futurecms.at` and sees no suffix there
    stems = {rule["suffix"] for rule in rules if rule["kind"] == "wildcard"}
    found -= {stem for stem in stems if stem.partition(".")[2] in stems}
    return sorted(host for host in found if not host.startswith("www."))


@pytest.fixture(scope="module")
def parsed(server: Server, seeded: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parsed]:
    """Return cell -> host, registrable domain, kind and company domain, as the model reads them."""
    database: Database = server.create(template=seeded)
    with database.connect() as connection:
        cells = sorted({*hosts(), *CELLS})
        connection.execute("insert into core.company_canonical (domain) select unnest(%s::text[])", [cells])
    with _private_project(tmp_path_factory.mktemp("domains") / "project") as project:
        run_dbt(project, database, "build", "-s", "+int_domains_parsed", *WITHOUT_TESTS).expect(0)
    rows = database.rows(
        "select domain_raw, host, registrable_domain, domain_kind, company_domain"
        " from canon_intermediate.int_domains_parsed"
    )
    yield {row[0]: row[1:] for row in rows}
    server.drop(database)


def test_the_seed_is_the_list_that_tldextract_carries() -> None:
    extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)
    with (SEEDS / "public_suffixes.csv").open(encoding="utf-8", newline="") as file:
        kept = {(row["suffix"], row["kind"]) for row in csv.DictReader(file)}
    marks = {"exact": "", "wildcard": "*.", "exception": "!"}
    assert set(extract.tlds) <= {marks[kind] + suffix for suffix, kind in kept}


def test_registrable_domains_are_those_of_tldextract(
    parsed: Parsed,
) -> None:
    extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)
    wrong = []
    for host in hosts():
        found = extract(host)
        wanted = found.top_domain_under_public_suffix if found.suffix else ""
        if (parsed[host][1] or "") != wanted:
            wrong.append((host, parsed[host][1], wanted))
    assert len(hosts()) > 4000
    assert wrong == []


@pytest.mark.parametrize("cell", CELLS)
def test_cells_as_people_write_them(parsed: Parsed, cell: str) -> None:
    assert (parsed[cell][0], parsed[cell][3]) == CELLS[cell]


def test_no_shared_host_is_a_companys_own(parsed: Parsed) -> None:
    with (SEEDS / "shared_hosts.csv").open(encoding="utf-8", newline="") as file:
        shared = [row["host"] for row in csv.DictReader(file)]
    assert len(shared) > 300
    assert [host for host in shared if host in parsed and parsed[host][3] is not None] == []
