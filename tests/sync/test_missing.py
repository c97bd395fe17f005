"""Rows that left their export: reported by default; cleared or deleted only what is ours and untouched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sync import small_exports as small

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Canon, Database, Sandbox

URL = "https://www.linkedin.com/in/p{:04}"


@pytest.fixture
def ids(canon: Canon, project: Path, database: Database, sandbox: Sandbox) -> dict[int, str]:
    """Return seven people's records; 1 to 6 leave: one a person made, one edited, one has a note, one is in a list."""
    small.install(project)
    small.create_tables(database)
    small.prepare(sandbox)
    sandbox.play("as-member", {"object": "people", "values": {"linkedin": [URL.format(5)]}})
    rows = [{"linkedin_url": URL.format(number), "job_title": "Smith"} for number in range(7)]
    small.put(database, "attio_people", *rows)
    canon("sync", "--yes").expect(0)
    found = {
        int(each["values"]["linkedin"][0]["value"][-4:]): each["id"]["record_id"] for each in sandbox.records("people")
    }
    sandbox.play("as-member", {"object": "people", "record_id": found[3], "values": {"description": ["a friend"]}})
    note = {
        "parent_object": "people",
        "parent_record_id": found[4],
        "title": "T",
        "format": "plaintext",
        "content": "x",
    }
    sandbox.call("POST", "/notes", {"data": note}).raise_for_status()
    make_list = {"workspace_access": "full-access", "workspace_member_access": [], "parent_object": "people"}
    sandbox.call("POST", "/lists", {"data": {"name": "VIP", "api_slug": "vip", **make_list}}).raise_for_status()
    entry = {"parent_record_id": found[6], "parent_object": "people", "entry_values": {}}
    sandbox.call("POST", "/lists/vip/entries", {"data": entry}).raise_for_status()
    database.run("delete from canon.attio_people where linkedin_url <> 'https://www.linkedin.com/in/p0000'")
    return found


def titled(sandbox: Sandbox) -> set[str]:
    """Return the records that have a title."""
    return {each["id"]["record_id"] for each in sandbox.records("people") if each["values"]["job_title"]}


def reasons(done: Any) -> dict[str, str]:
    return {each["record_id"]: each["reason"] for each in done["missing"]["stayed"]}


def test_by_default_they_are_only_reported(canon: Canon, sandbox: Sandbox, ids: dict[int, str]) -> None:
    done = canon("sync", "--yes", "--json").expect(0).json

    assert done["plan"]["exports"][1]["outcomes"]["vanished"] == 6
    assert titled(sandbox) == set(ids.values())


def test_delete_takes_only_records_that_we_made_and_nobody_touched_and_undo_brings_them_back(
    canon: Canon, sandbox: Sandbox, ids: dict[int, str]
) -> None:
    asked = canon("sync", "--on-missing", "delete").expect(2)
    assert "Change these 2 records" in asked.stderr
    assert len(sandbox.records("people")) == 7

    done = canon("sync", "--yes", "--on-missing", "delete", "--json").expect(1).json

    assert done["missing"]["deleted"] == 2
    assert {each["id"]["record_id"] for each in sandbox.records("people")} == {ids[0], *map(ids.get, range(3, 7))}
    assert reasons(done) == {
        ids[3]: "a person wrote its description",
        ids[4]: "notes hang on it",
        ids[5]: "we did not create it",
        ids[6]: "it stands in a list",
    }
    back = canon("undo", str(done["run_id"]), "--yes", "--json").expect(0).json
    assert back["counts"]["recreated"] == 2
    assert len(titled(sandbox)) == 7


def test_clear_empties_what_we_wrote_and_the_next_run_has_nothing_to_do(
    canon: Canon, sandbox: Sandbox, ids: dict[int, str]
) -> None:
    done = canon("sync", "--yes", "--on-missing", "clear", "--json").expect(0).json

    assert done["missing"]["cleared"] == 6
    assert titled(sandbox) == {ids[0]}
    assert all(each["values"]["linkedin"] for each in sandbox.records("people"))
    writes = sandbox.stats()["writes"]
    canon("sync", "--yes", "--on-missing", "clear").expect(0)
    assert sandbox.stats()["writes"] == writes


def test_an_export_without_any_row_deletes_nothing(
    canon: Canon, database: Database, sandbox: Sandbox, ids: dict[int, str]
) -> None:
    database.run("truncate canon.attio_people")

    done = canon("sync", "--yes", "--on-missing", "delete", "--json").expect(1).json

    assert done["missing"]["deleted"] == 0
    assert len(sandbox.records("people")) == len(ids)
    assert set(reasons(done).values()) == {"the export has no rows at all: look at the build"}
