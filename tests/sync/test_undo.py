"""Undo: the workspace field by field before a run and after its undo; what people touched since stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sync import small_exports as small

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Canon, Database, Sandbox

URL = "https://www.linkedin.com/in/p{:04}"
OBJECTS = ("companies", "people", "job_postings")
BOOKKEEPING = {"active_from", "created_by_actor"}


@pytest.fixture
def workspace(project: Path, database: Database, sandbox: Sandbox) -> Sandbox:
    """Return a sandbox with what the exports need; their tables are there and empty."""
    small.install(project)
    small.create_tables(database)
    small.prepare(sandbox)
    return sandbox


def held(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    """Return record -> attribute -> values of the whole workspace, without who wrote them and when."""
    return {
        each["id"]["record_id"]: {
            slug: sorted(
                (
                    {name: part for name, part in value.items() if name not in BOOKKEEPING}
                    for value in each["values"][slug]
                ),
                key=str,
            )
            for slug in each["values"]
        }
        for object_slug in OBJECTS
        for each in sandbox.records(object_slug)
    }


def as_member(sandbox: Sandbox, record_id: str, **values: Any) -> None:
    sandbox.play("as-member", {"object": "people", "record_id": record_id, "values": values})


def person(sandbox: Sandbox, number: int) -> dict[str, Any]:
    """Return a person by its profile."""
    return next(
        each for each in sandbox.records("people") if each["values"]["linkedin"][0]["value"] == URL.format(number)
    )


def put_people(database: Database, numbers: range, **cells: Any) -> None:
    small.put(database, "attio_people", *({"linkedin_url": URL.format(number), **cells} for number in numbers))


def test_undo_of_a_mixed_run_leaves_the_workspace_as_it_was_field_by_field(
    canon: Canon, database: Database, workspace: Sandbox
) -> None:
    small.put(database, "attio_companies", {"domain": "acme.com", "name": "Acme", "tags": ["Red", "Green"]})
    place = small.place(locality="Berlin", country_code="DE", latitude="52.5200")
    put_people(database, range(150), job_title="Smith", company="acme.com", location=place)
    put_people(database, range(150, 200))
    canon("sync", "--yes").expect(0)
    before = held(workspace)
    tags = {"domain": "acme.com", "tags": ["Blue", "Red"], "industry": "Anvils", "description": "Things"}
    small.put(database, "attio_companies", tags, {"domain": "b.com", "name": "B"})
    put_people(database, range(200), job_title="Wright", person_name=small.name("Ada", "Doe"))
    put_people(database, range(200, 450), job_title="Baker", company="b.com")
    small.put(
        database, "attio_job_postings", *({"job_id": f"j{n}", "company": "b.com", "title": "T"} for n in range(48))
    )
    run = canon("sync", "--yes", "--json").expect(0).json
    assert run["written"] == 500

    undone = canon("undo", str(run["run_id"]), "--yes", "--json").expect(0).json

    assert undone["counts"]["reverted"] == 201
    assert undone["counts"]["deleted"] == 299
    assert undone["stayed"] == []
    assert held(workspace) == before
    assert canon("plan", "--json").expect(0).json["drift"] == [], "what we put back is no change of theirs"
    again = canon("undo", str(run["run_id"]), "--yes", "--json").expect(0).json
    assert sum(again["counts"].values()) == 0
    assert canon("runs", "--json").expect(0).json["runs"][1]["command"] == "undo"


def test_what_a_person_changed_since_stays_and_is_named(canon: Canon, database: Database, workspace: Sandbox) -> None:
    put_people(database, range(3), job_title="Smith")
    canon("sync", "--yes").expect(0)
    put_people(database, range(6), job_title="Wright")
    run = canon("sync", "--yes", "--json").expect(0).json["run_id"]
    touched = [person(workspace, number)["id"]["record_id"] for number in (1, 4)]
    as_member(workspace, touched[0], job_title=["Queen"])
    as_member(workspace, touched[1], description=["a friend"])
    noted = person(workspace, 5)["id"]["record_id"]
    note = {
        "parent_object": "people",
        "parent_record_id": noted,
        "title": "Call",
        "format": "plaintext",
        "content": "x",
    }
    workspace.call("POST", "/notes", {"data": note}).raise_for_status()

    undone = canon("undo", str(run), "--yes", "--json").expect(1).json

    assert (undone["counts"]["reverted"], undone["counts"]["deleted"]) == (2, 1)
    assert {each["record_id"]: each["reason"] for each in undone["stayed"]} == {
        touched[0]: "a person changed it since",
        touched[1]: "a person wrote its description",
        noted: "notes hang on it",
    }
    titles = {each["values"]["job_title"][0]["value"] for each in workspace.records("people")}
    assert titles == {"Smith", "Queen", "Wright"}
    assert len(workspace.records("people")) == 5


def test_nothing_is_touched_when_nobody_agrees_and_it_says_what_it_would_do(
    canon: Canon, database: Database, workspace: Sandbox
) -> None:
    put_people(database, range(1), job_title="Smith")
    run = canon("sync", "--yes", "--json").expect(0).json["run_id"]
    writes = workspace.stats()["writes"]

    refused = canon("undo", str(run)).expect(2)

    assert "1 records are deleted, as the run had created them" in refused.stderr
    assert workspace.stats()["writes"] == writes
    assert "there is no run 99" in canon("undo", "99", "--yes").expect(2).stderr


def test_an_undo_is_undone_and_deleted_records_come_back_with_their_values(
    canon: Canon, database: Database, workspace: Sandbox
) -> None:
    small.put(database, "attio_companies", {"domain": "acme.com", "name": "Acme", "tags": ["Red"]})
    put_people(database, range(2), job_title="Smith", company="acme.com")
    run = canon("sync", "--yes", "--json").expect(0).json["run_id"]
    undone = canon("undo", str(run), "--yes", "--json").expect(0).json
    assert held(workspace) == {}

    redone = canon("undo", str(undone["run_id"]), "--yes", "--json").expect(0).json

    assert redone["counts"]["recreated"] == 3
    (company,) = workspace.records("companies")
    assert [each["option"]["title"] for each in company["values"]["tags"]] == ["Red"]
    for number in range(2):
        shown = person(workspace, number)["values"]
        assert shown["job_title"][0]["value"] == "Smith"
        assert shown["company"][0]["target_record_id"] == company["id"]["record_id"]


def test_a_value_that_a_person_had_typed_is_theirs_again_after_an_undo(
    canon: Canon, database: Database, workspace: Sandbox, project: Path
) -> None:
    put_people(database, range(1), job_title="Smith")
    canon("sync", "--yes").expect(0)
    as_member(workspace, person(workspace, 0)["id"]["record_id"], job_title=["Queen"])
    small.install(project, small.with_column(small.MODELS, "attio_people", "job_title", write="always"))
    run = canon("sync", "--yes", "--json").expect(0).json
    assert run["written"] == 1

    canon("undo", str(run["run_id"]), "--yes").expect(0)
    small.install(project)
    after = canon("sync", "--yes", "--json").expect(0).json

    assert after["written"] == 0
    assert person(workspace, 0)["values"]["job_title"][0]["value"] == "Queen"
