"""The push: what Attio holds afterwards, read back from the sandbox; what a second run sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sync import small_exports as small

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Canon, Database, Sandbox


@pytest.fixture
def workspace(project: Path, database: Database, sandbox: Sandbox) -> Sandbox:
    """Return a sandbox with what the exports need; their tables are there and empty."""
    small.install(project)
    small.create_tables(database)
    small.prepare(sandbox)
    return sandbox


def acme_with_people(database: Database, people: int = 3) -> None:
    small.put(
        database,
        "attio_companies",
        {"domain": "acme.com", "name": "Acme", "industry": "Anvils", "description": "Things", "tags": ["Red", "Blue"]},
    )
    small.put(
        database,
        "attio_people",
        *(
            {
                "linkedin_url": f"https://www.linkedin.com/in/p{number:04}",
                "person_name": small.name(f"P{number}", "Doe"),
                "job_title": "Smith",
                "company": "acme.com",
                "location": small.place(locality="Berlin", country_code="DE", latitude="52.5200", longitude="13.405"),
            }
            for number in range(people)
        ),
    )
    small.put(
        database,
        "attio_job_postings",
        {
            "job_id": "j1",
            "title": "Smith",
            "salary_min": "50000.50",
            "posted_on": "2026-01-02",
            "is_open": True,
            "company": "acme.com",
        },
    )


def values(record: dict[str, Any], attribute: str) -> list[Any]:
    return [value.get("value", value) for value in record["values"][attribute]]


def test_companies_then_people_and_postings_arrive_and_a_second_run_writes_nothing(
    canon: Canon, database: Database, workspace: Sandbox
) -> None:
    acme_with_people(database)

    first = canon("sync", "--yes", "--json").expect(0).json

    assert first["counts"]["created"] == 5
    assert first["left"] == 0
    (company,) = workspace.records("companies")
    assert values(company, "name") == ["Acme"]
    assert [value["option"]["title"] for value in company["values"]["tags"]] == ["Red", "Blue"]
    people = workspace.records("people")
    assert len(people) == 3
    assert {person["values"]["company"][0]["target_record_id"] for person in people} == {company["id"]["record_id"]}
    (posting,) = workspace.records("job_postings")
    assert values(posting, "salary_min") == [50000.5]
    assert values(posting, "posted_on") == ["2026-01-02"]
    assert values(posting, "is_open") == [True]
    before = workspace.stats()["writes"]

    second = canon("sync", "--yes", "--json").expect(0).json

    assert second["written"] == 0
    assert second["plan"]["exports"][1]["outcomes"]["nothing"] == 3
    assert workspace.stats()["writes"] == before
