"""What hangs on records in the sandbox, and what becomes of it when records are deleted or merged."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.sync.sandbox_calls import UNKNOWN, made, record, refused, values, write

if TYPE_CHECKING:
    from tests.conftest import Sandbox


@pytest.fixture
def pair(sandbox: Sandbox) -> tuple[str, str]:
    """Return the paths of two companies: the first has a person, the second a person, an entry, a note and a task."""
    first = record(sandbox, "companies", domains=["acme.com"], name="Acme")
    second = record(sandbox, "companies", domains=["acme.de"], name="Acme GmbH", description="Anvils")
    for company in (first, second):
        record(sandbox, "people", company=[{"target_object": "companies", "target_record_id": id_of(company)}])
    made(
        sandbox,
        "/lists",
        name="Targets",
        api_slug="targets",
        parent_object="companies",
        workspace_access="full-access",
        workspace_member_access=[],
    )
    made(
        sandbox,
        "/lists/targets/entries",
        parent_record_id=id_of(second),
        parent_object="companies",
        entry_values={},
    )
    made(
        sandbox,
        "/notes",
        parent_object="companies",
        parent_record_id=id_of(second),
        title="Call",
        format="plaintext",
        content="Yes",
    )
    made(
        sandbox,
        "/tasks",
        content="Call",
        format="plaintext",
        deadline_at=None,
        is_completed=False,
        linked_records=[{"target_object": "companies", "target_record_id": id_of(second)}],
        assignees=[],
    )
    return first, second


def id_of(path: str) -> str:
    """Return the record id at the end of a path."""
    return path.rpartition("/")[2]


def merge(sandbox: Sandbox, primary: str, secondary: str) -> str:
    """Merge two companies and wait until the new one can be read; return its path."""
    data = {"primary_record_id": id_of(primary), "secondary_record_id": id_of(secondary)}
    answer = sandbox.call("POST", "/objects/companies/records/merge", {"data": data})
    assert answer.status_code == 202, answer.text
    path = f"/objects/companies/records/{answer.json()['data']['new_record_id']}"
    until = time.monotonic() + 10
    while sandbox.call("GET", path).status_code != 200 and time.monotonic() < until:
        assert sandbox.call("GET", path).json()["code"] in {"merge_in_progress", None}
        time.sleep(0.05)
    return path


def attached_to(sandbox: Sandbox, path: str) -> dict[str, int]:
    """Return how much hangs on a record."""
    record_id = id_of(path)
    notes = sandbox.call("GET", f"/notes?parent_object=companies&parent_record_id={record_id}").json()["data"]
    tasks = sandbox.call("GET", "/tasks").json()["data"]
    linked = [task for task in tasks if any(one["target_record_id"] == record_id for one in task["linked_records"])]
    return {
        "people": len(values(sandbox, path, "team", "target_record_id")),
        "entries": len(sandbox.call("GET", f"{path}/entries").json()["data"]),
        "notes": len(notes),
        "tasks": len(linked),
    }


def test_a_merge_makes_a_new_record_that_has_what_hung_on_both(sandbox: Sandbox, pair: tuple[str, str]) -> None:
    merged = merge(sandbox, *pair)
    assert merged not in pair
    assert attached_to(sandbox, merged) == {"people": 2, "entries": 1, "notes": 1, "tasks": 1}
    companies = {person["values"]["company"][0]["target_record_id"] for person in sandbox.records("people")}
    assert companies == {id_of(merged)}


def test_in_a_merge_the_primary_wins_per_attribute_lists_too(sandbox: Sandbox, pair: tuple[str, str]) -> None:
    merged = merge(sandbox, *pair)
    assert values(sandbox, merged, "name") == ["Acme"]
    assert values(sandbox, merged, "description") == ["Anvils"]
    assert values(sandbox, merged, "domains", "domain") == ["acme.com"]
    record(sandbox, "companies", domains=["acme.de"])  # free again


def test_after_a_merge_neither_of_the_two_is_there(sandbox: Sandbox, pair: tuple[str, str]) -> None:
    merge(sandbox, *pair)
    for path in pair:
        assert refused(sandbox, "GET", path) == (404, "not_found")
    again = {"data": {"primary_record_id": id_of(pair[0]), "secondary_record_id": id_of(pair[1])}}
    assert refused(sandbox, "POST", "/objects/companies/records/merge", again) == (404, "not_found")


def test_a_merge_of_one_record_or_of_none_is_refused(sandbox: Sandbox, pair: tuple[str, str]) -> None:
    path = "/objects/companies/records/merge"
    same = {"primary_record_id": id_of(pair[0]), "secondary_record_id": id_of(pair[0])}
    unknown = {"primary_record_id": id_of(pair[0]), "secondary_record_id": UNKNOWN}
    assert refused(sandbox, "POST", path, {"data": same}) == (400, "self_merge")
    assert refused(sandbox, "POST", path, {"data": unknown}) == (404, "not_found")
    assert refused(sandbox, "POST", path, {"data": {}}) == (400, "validation_type")


def test_a_deleted_record_takes_entries_and_notes_with_it(sandbox: Sandbox, pair: tuple[str, str]) -> None:
    sandbox.call("DELETE", pair[1]).raise_for_status()
    assert sandbox.call("GET", "/notes").json()["data"] == []
    assert sandbox.call("POST", "/lists/targets/entries/query", {}).json()["data"] == []
    assert sandbox.call("GET", "/tasks").json()["data"][0]["linked_records"] == []


def test_merges_and_lists_of_notes_have_limits_of_their_own(sandbox: Sandbox) -> None:
    sandbox.play("limits", {"merges_per_second": 5, "notes_per_second": 10})
    body = {"data": {"primary_record_id": UNKNOWN, "secondary_record_id": UNKNOWN}}
    merges = [sandbox.call("POST", "/objects/companies/records/merge", body).status_code for _ in range(30)]
    notes = [sandbox.call("GET", "/notes").status_code for _ in range(50)]
    by_second = sandbox.stats()["by_second"].values()
    assert 429 in merges
    assert 429 in notes
    assert merges.count(404) <= 5 * len(by_second)
    assert notes.count(200) <= 10 * len(by_second)


def test_where_merging_is_not_to_be_had_there_is_no_such_endpoint(sandbox: Sandbox, pair: tuple[str, str]) -> None:
    sandbox.play("faults", {"merging": False})
    body = {"data": {"primary_record_id": id_of(pair[0]), "secondary_record_id": id_of(pair[1])}}
    assert refused(sandbox, "POST", "/objects/companies/records/merge", body) == (404, "not_found")


@pytest.mark.parametrize(
    ("path", "data", "error"),
    [
        ("/lists", {"name": "x"}, (400, "validation_type")),
        (
            "/lists/targets/entries",
            {"parent_record_id": UNKNOWN, "parent_object": "companies", "entry_values": {}},
            (400, "value_not_found"),
        ),
        (
            "/lists/targets/entries",
            {"parent_record_id": UNKNOWN, "parent_object": "people", "entry_values": {}},
            (400, "validation_type"),
        ),
        (
            "/lists/none/entries",
            {"parent_record_id": UNKNOWN, "parent_object": "people", "entry_values": {}},
            (404, "not_found"),
        ),
        ("/notes", {"title": "x"}, (400, "validation_type")),
        ("/tasks", {"content": "x"}, (400, "validation_type")),
    ],
    ids=str,
)
@pytest.mark.usefixtures("pair")
def test_what_is_wrong_is_refused_with_attios_codes(
    sandbox: Sandbox, path: str, data: dict[str, Any], error: tuple[int, str]
) -> None:
    assert refused(sandbox, "POST", path, {"data": data}) == error


def test_an_entry_keeps_its_parent_and_takes_no_unknown_value(sandbox: Sandbox, pair: tuple[str, str]) -> None:
    entry = sandbox.call("GET", f"{pair[1]}/entries").json()["data"][0]["entry_id"]
    path = f"/lists/targets/entries/{entry}"
    moved = {"data": {"parent_record_id": id_of(pair[0]), "entry_values": {}}}
    assert refused(sandbox, "PATCH", path, moved) == (400, "immutable_value")
    assert refused(sandbox, "PATCH", path, {"data": {"entry_values": {"stage": "x"}}}) == (400, "value_not_found")
    assert refused(sandbox, "PATCH", path, write({})) == (400, "validation_type")
