"""A CRM of 5,000 companies: the plan finds the 57 that differ, in few pages; slices end where one run ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import run_sandbox
from tests.sync import small_exports as small

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Canon, Database, Sandbox

COMPANIES = 5000
DIFFERING = range(100, 157)
URL = "https://www.linkedin.com/in/p{:04}"


@pytest.fixture
def crm(project: Path, database: Database, tmp_path: Path) -> Iterator[Sandbox]:
    """Return a workspace with 5,000 companies, and an export of them in which 57 differ."""
    small.install(project)
    small.create_tables(database)
    seed = tmp_path / "seed.ndjson"
    records = (
        {"object": "companies", "values": {"domains": [f"c{number}.com"], "description": [f"What {number} does"]}}
        for number in range(COMPANIES)
    )
    seed.write_text("".join(json.dumps({**record, "actor": small.TOKEN}) + "\n" for record in records))
    database.run(
        "insert into canon.attio_companies (domain, description)"
        " select 'c' || number || '.com', 'What ' || number || ' does'"
        f" from generate_series(0, {COMPANIES - 1}) as number",
        "update canon.attio_companies set description = description || ' now'"
        f" where substr(domain, 2, length(domain) - 5)::int between {DIFFERING.start} and {DIFFERING.stop - 1}",
    )
    with run_sandbox(tmp_path / "crm", "--no-limits", "--seed", str(seed)) as sandbox:
        small.prepare(sandbox)
        yield sandbox


def pages(sandbox: Sandbox) -> int:
    """Return how many pages of records were asked for."""
    return sum(count for route, count in sandbox.stats()["by_route"].items() if "query" in route and "POST" in route)


def test_exactly_what_differs_is_planned_and_written_and_a_hand_edit_in_between_is_skipped_by_name(
    canon: Canon, crm: Sandbox
) -> None:
    before = pages(crm)

    plan = canon("plan", "attio_companies", "--json", env=crm.environment).expect(0).json

    asked = pages(crm) - before
    assert asked <= 12, "of companies alone: the export refers to nothing else"
    updates = {row["row_key"]: row for row in plan["rows"] if row["outcome"] == "update"}
    assert set(updates) == {f"c{number}.com" for number in DIFFERING}
    assert plan["writes"] == 57
    (change,) = updates["c120.com"]["changes"]
    assert (change["old"], change["new"]) == ("What 120 does", "What 120 does now")

    before = pages(crm)
    canon("plan", "--json", env=crm.environment).expect(0)
    assert pages(crm) - before <= 12 + 1 + 1, "people and postings are empty: one page each"

    edited = updates["c120.com"]["record_id"]
    typed = {"object": "companies", "record_id": edited, "values": {"description": ["By hand"]}}
    crm.play("as-member", typed)
    writes = crm.stats()["writes"]
    done = canon("sync", "attio_companies", "--yes", "--no-pull", "--json", env=crm.environment).expect(1).json

    assert crm.stats()["writes"] - writes == 56
    assert [each["row_key"] for each in done["changed"]] == ["c120.com"]


def test_many_short_slices_end_where_one_run_ends_with_as_many_writes(
    canon: Canon, project: Path, database: Database, sandbox: Sandbox
) -> None:
    small.install(project)
    small.create_tables(database)
    small.prepare(sandbox)
    rows: list[dict[str, Any]] = [{"linkedin_url": URL.format(number), "job_title": "Smith"} for number in range(120)]
    small.put(database, "attio_people", *rows)
    sandbox.play("limits", {"latency_ms": 100})
    settings = {"CANON_WRITES_PER_SECOND": "12"}
    writes = sandbox.stats()["writes"]
    left: list[int] = []
    while not left or left[-1]:
        done = canon("sync", "--yes", "--max-seconds", "5", "--canary", "0", "--json", env=settings).expect(0).json
        left.append(done["left"])
        assert len(left) < 20, "it goes on and never ends"

    assert len(left) > 1
    assert sandbox.stats()["writes"] - writes == 120
    assert len(sandbox.records("people")) == 120
