"""What hangs on records is counted by a pull of everything, as far as the token may read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sync.sandbox_calls import made, record

if TYPE_CHECKING:
    from tests.conftest import Canon, Database, Sandbox


@pytest.fixture
def company(sandbox: Sandbox) -> dict[str, str]:
    """Return a company as others refer to it: with two notes, a task and an entry on each of two lists."""
    path = record(sandbox, "companies", domains=["acme.com"], name="Acme")
    parent = {"parent_object": "companies", "parent_record_id": path.rpartition("/")[2]}
    access: dict[str, Any] = {"workspace_access": "full-access", "workspace_member_access": []}
    for slug in ("targets", "partners"):
        made(sandbox, "/lists", name=slug, api_slug=slug, parent_object="companies", **access)
        made(sandbox, f"/lists/{slug}/entries", **parent, entry_values={})
    for title in ("First", "Second"):
        made(sandbox, "/notes", **parent, title=title, format="plaintext", content="Yes")
    task: dict[str, Any] = {
        "content": "Call",
        "format": "plaintext",
        "deadline_at": None,
        "is_completed": False,
        "assignees": [],
    }
    target = {"target_object": "companies", "target_record_id": parent["parent_record_id"]}
    made(sandbox, "/tasks", **task, linked_records=[target])
    return parent


def _counted(database: Database) -> dict[str, int]:
    return dict(database.rows("select kind, count from attio_mirror.attached order by kind"))


def test_notes_tasks_and_entries_of_every_list_are_counted(
    canon: Canon, database: Database, sandbox: Sandbox, company: dict[str, str]
) -> None:
    done = canon("pull", "--json").expect(0)
    assert done.json["not_counted"] == {}
    assert _counted(database) == {"entries": 2, "notes": 2, "tasks": 1}
    assert database.rows("select distinct record_id::text from attio_mirror.attached") == [
        (company["parent_record_id"],)
    ]
    for note in sandbox.call("GET", "/notes").json()["data"]:
        sandbox.call("DELETE", f"/notes/{note['id']['note_id']}")
    canon("pull").expect(0)
    assert _counted(database) == {"entries": 2, "tasks": 1}


@pytest.mark.usefixtures("company")
def test_a_pull_of_named_objects_leaves_the_counts_as_they_are(
    canon: Canon, database: Database, sandbox: Sandbox
) -> None:
    canon("pull").expect(0)
    sandbox.play("faults", {"scopes": "object_configuration:read record_permission:read"})
    assert canon("pull", "companies", "--json").expect(0).json["not_counted"] == {}
    assert _counted(database) == {"entries": 2, "notes": 2, "tasks": 1}


@pytest.mark.usefixtures("company")
def test_what_the_token_may_not_read_is_named_and_counts_as_unknown(
    canon: Canon, database: Database, sandbox: Sandbox
) -> None:
    canon("pull").expect(0)
    sandbox.play("faults", {"scopes": "object_configuration:read record_permission:read note:read"})
    done = canon("pull", "--json").expect(0)
    assert set(done.json["not_counted"]) == {"entries", "tasks"}
    assert "scope" in done.json["not_counted"]["tasks"]
    assert _counted(database) == {"notes": 2}
    assert "tasks were not counted" in canon("pull").expect(0).stderr
