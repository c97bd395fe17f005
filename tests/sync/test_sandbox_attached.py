"""What hangs on records in the sandbox, and what becomes of it when records are deleted or merged."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.sync.sandbox_calls import JOBS, UNKNOWN, attribute, made, record, refused, values, write

if TYPE_CHECKING:
    from tests.conftest import Sandbox


MERGE = "/objects/companies/records/merge"


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
    answer = sandbox.call("POST", MERGE, {"data": data})
    assert answer.status_code == 202, answer.text
    path = f"/objects/companies/records/{answer.json()['data']['new_record_id']}"
    until = time.monotonic() + 10
    while (answer := sandbox.call("GET", path)).status_code != 200:
        assert answer.json()["code"] == "merge_in_progress"
        assert time.monotonic() < until, "the merge did not end within 10 s"
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
    sandbox.call("DELETE", merged).raise_for_status()
    assert sandbox.call("GET", "/notes").json()["data"] == []
    assert sandbox.call("POST", "/lists/targets/entries/query", {}).json()["data"] == []
    assert sandbox.call("GET", "/tasks").json()["data"][0]["linked_records"] == []


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
    assert refused(sandbox, "POST", MERGE, again) == (404, "not_found")


def test_a_merge_of_one_record_or_of_none_is_refused(sandbox: Sandbox, pair: tuple[str, str]) -> None:
    same = {"primary_record_id": id_of(pair[0]), "secondary_record_id": id_of(pair[0])}
    unknown = {"primary_record_id": id_of(pair[0]), "secondary_record_id": UNKNOWN}
    assert refused(sandbox, "POST", MERGE, {"data": same}) == (400, "self_merge")
    assert refused(sandbox, "POST", MERGE, {"data": unknown}) == (404, "not_found")
    assert refused(sandbox, "POST", MERGE, {"data": {}}) == (400, "validation_type")


def test_a_deleted_record_takes_entries_and_notes_with_it(sandbox: Sandbox, pair: tuple[str, str]) -> None:
    sandbox.call("DELETE", pair[1]).raise_for_status()
    assert sandbox.call("GET", "/notes").json()["data"] == []
    assert sandbox.call("POST", "/lists/targets/entries/query", {}).json()["data"] == []
    assert sandbox.call("GET", "/tasks").json()["data"][0]["linked_records"] == []


def test_merges_and_lists_of_notes_have_limits_of_their_own(sandbox: Sandbox) -> None:
    sandbox.play("limits", {"merges_per_second": 5, "notes_per_second": 10})
    body = {"data": {"primary_record_id": UNKNOWN, "secondary_record_id": UNKNOWN}}
    merges = [sandbox.call("POST", MERGE, body).status_code for _ in range(30)]
    notes = [sandbox.call("GET", "/notes").status_code for _ in range(50)]
    by_second = sandbox.stats()["by_second"].values()
    assert 429 in merges
    assert 429 in notes
    assert merges.count(404) <= 5 * len(by_second)
    assert notes.count(200) <= 10 * len(by_second)


@pytest.mark.parametrize(("status", "code"), [(404, "not_found"), (403, "unauthorized")])
def test_where_merging_is_not_to_be_had_its_endpoint_refuses(
    sandbox: Sandbox, pair: tuple[str, str], status: int, code: str
) -> None:
    sandbox.play("faults", {"merging": False, "merging_status": status})
    body = {"data": {"primary_record_id": id_of(pair[0]), "secondary_record_id": id_of(pair[1])}}
    assert refused(sandbox, "POST", MERGE, body) == (status, code)
    assert sandbox.call("GET", pair[1]).status_code == 200


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


# Merging, which takes a while


def merged_slowly(sandbox: Sandbox, pair: tuple[str, str]) -> str:
    """Begin a merge that does not end by itself; return the path of the record that it makes."""
    sandbox.play("limits", {"merge_ms": 3_600_000})
    data = {"primary_record_id": id_of(pair[0]), "secondary_record_id": id_of(pair[1])}
    answer = sandbox.call("POST", MERGE, {"data": data})
    assert answer.status_code == 202
    return f"/objects/companies/records/{answer.json()['data']['new_record_id']}"


def test_until_it_is_done_a_merge_shows_nothing_and_takes_no_writes(sandbox: Sandbox, pair: tuple[str, str]) -> None:
    listed = sandbox.call("GET", f"{pair[1]}/entries").json()["data"][0]["entry_id"]
    path = merged_slowly(sandbox, pair)
    assert refused(sandbox, "GET", path) == (404, "merge_in_progress")
    values_of_entry: dict[str, Any] = {"data": {"entry_values": {}}}
    for method in ("PATCH", "PUT"):
        written = refused(sandbox, method, f"/lists/targets/entries/{listed}", values_of_entry)
        assert written == (400, "merge_in_progress")
    for method in ("PATCH", "PUT"):
        assert refused(sandbox, method, path, write({"name": "Acme"})) == (400, "merge_in_progress")
    by_domain = "/objects/companies/records?matching_attribute=domains"
    assert refused(sandbox, "PUT", by_domain, write({"domains": ["acme.com"]})) == (400, "merge_in_progress")
    assert sandbox.records("companies") == []
    again = {"data": {"primary_record_id": id_of(path), "secondary_record_id": id_of(pair[1])}}
    assert refused(sandbox, "POST", MERGE, again) == (404, "not_found")


def test_a_merge_may_be_done_at_once(sandbox: Sandbox, pair: tuple[str, str]) -> None:
    sandbox.play("limits", {"merge_ms": 0})
    data = {"primary_record_id": id_of(pair[0]), "secondary_record_id": id_of(pair[1])}
    answer = sandbox.call("POST", MERGE, {"data": data})
    assert answer.status_code == 200
    assert answer.json()["data"].keys() == {"new_record_id"}
    assert [one["id"]["record_id"] for one in sandbox.records("companies")] == [answer.json()["data"]["new_record_id"]]


def test_a_merge_whose_answer_is_lost_has_happened(sandbox: Sandbox, pair: tuple[str, str]) -> None:
    sandbox.play("limits", {"merge_ms": 0})
    sandbox.play("faults", {"cut_every": 1})
    data = {"primary_record_id": id_of(pair[0]), "secondary_record_id": id_of(pair[1])}
    with pytest.raises(httpx.TransportError):
        sandbox.call("POST", MERGE, {"data": data})
    sandbox.play("faults", {"cut_every": 0})
    assert len(sandbox.records("companies")) == 1
    assert refused(sandbox, "POST", MERGE, {"data": data}) == (404, "not_found")


def test_what_was_merged_can_be_neither_written_nor_referred_to(sandbox: Sandbox, pair: tuple[str, str]) -> None:
    merge(sandbox, *pair)
    parent: dict[str, Any] = {"parent_object": "companies", "parent_record_id": id_of(pair[0])}
    note = {"data": {**parent, "title": "x", "format": "plaintext", "content": "x"}}
    employer = [{"target_object": "companies", "target_record_id": id_of(pair[0])}]
    for method in ("PATCH", "PUT", "DELETE"):
        assert refused(sandbox, method, pair[0], write({})) == (404, "not_found")
    assert refused(sandbox, "POST", "/notes", note) == (404, "not_found")
    entry = {"data": {**parent, "entry_values": {}}}
    assert refused(sandbox, "POST", "/lists/targets/entries", entry) == (400, "value_not_found")
    assert refused(sandbox, "POST", "/objects/people/records", write({"company": employer})) == (400, "value_not_found")


def test_references_from_one_side_only_follow_a_merge_once(sandbox: Sandbox, pair: tuple[str, str]) -> None:
    made(sandbox, "/objects", **JOBS)
    config = {"record_reference": {"allowed_objects": ["companies"]}}
    attribute(sandbox, "jobs", "clients", "record-reference", is_multiselect=True, config=config)
    attribute(sandbox, "companies", "parent", "record-reference", config=config)
    clients = [{"target_object": "companies", "target_record_id": id_of(path)} for path in pair]
    job = record(sandbox, "jobs", clients=clients)
    child = record(sandbox, "companies", parent=clients[1:])
    sandbox.call("PATCH", pair[1], write({"parent": clients[:1]})).raise_for_status()
    merged = merge(sandbox, *pair)
    assert values(sandbox, job, "clients", "target_record_id") == [id_of(merged)]
    assert values(sandbox, child, "parent", "target_record_id") == [id_of(merged)]
    assert values(sandbox, merged, "parent") == []  # not itself
    sandbox.call("DELETE", merged).raise_for_status()
    assert values(sandbox, job, "clients") == values(sandbox, child, "parent") == []


def test_a_merged_person_works_where_the_primary_did(sandbox: Sandbox, pair: tuple[str, str]) -> None:
    first, second = [f"/objects/people/records/{one['id']['record_id']}" for one in sandbox.records("people")[::-1]]
    data = {"data": {"primary_record_id": id_of(second), "secondary_record_id": id_of(first)}}
    employer = values(sandbox, second, "company", "target_record_id")
    sandbox.play("limits", {"merge_ms": 0})
    new_id = sandbox.call("POST", "/objects/people/records/merge", data).raise_for_status().json()["data"]
    teams = {id_of(path): values(sandbox, path, "team", "target_record_id") for path in pair}
    assert sorted(teams.values()) == [[], [new_id["new_record_id"]]]
    assert teams[employer[0]] == [new_id["new_record_id"]]


# Notes


def note(sandbox: Sandbox, company: str, content: str = "Yes", **settings: Any) -> Any:
    """Write a note on a company."""
    data = {"parent_object": "companies", "parent_record_id": id_of(company), "title": "Call", "format": "plaintext"}
    return made(sandbox, "/notes", **{**data, "content": content, **settings})


def test_notes_come_in_small_pages_and_by_record(sandbox: Sandbox, pair: tuple[str, str]) -> None:
    for number in range(12):
        note(sandbox, pair[0], f"No. {number}")
    pages = [sandbox.call("GET", f"/notes{query}").json()["data"] for query in ("", "?offset=10", "?limit=50")]
    assert [len(page) for page in pages] == [10, 3, 13]
    assert {one["id"]["note_id"] for one in pages[0] + pages[1]} == {one["id"]["note_id"] for one in pages[2]}
    of_one = f"/notes?limit=50&parent_object=companies&parent_record_id={id_of(pair[0])}"
    assert len(sandbox.call("GET", of_one).json()["data"]) == 12
    assert sandbox.call("GET", "/notes?parent_object=people").json()["data"] == []
    assert refused(sandbox, "GET", "/notes?limit=51") == (400, "validation_type")
    assert refused(sandbox, "GET", "/notes?parent_object=robots") == (404, "not_found")
    assert refused(sandbox, "GET", f"/notes?parent_record_id={id_of(pair[0])}") == (400, "validation_type")


def test_the_same_note_twice_is_two_notes(sandbox: Sandbox, pair: tuple[str, str]) -> None:
    first, second = note(sandbox, pair[0]), note(sandbox, pair[0])
    assert first["id"] != second["id"]
    path = f"/notes/{first['id']['note_id']}"
    sandbox.call("DELETE", path).raise_for_status()
    assert refused(sandbox, "GET", path) == refused(sandbox, "DELETE", path) == (404, "not_found")
    assert attached_to(sandbox, pair[0])["notes"] == 1


def test_a_note_of_marked_text_has_a_plain_side_without_the_marks(sandbox: Sandbox, pair: tuple[str, str]) -> None:
    marked = "## Recap\n**They** said *yes* to [us](https://a.com), not ~~maybe~~; a_b_c and 2 * 3 * 4 stay"
    written = note(sandbox, pair[0], marked, format="markdown")
    assert written["content_markdown"] == marked
    assert written["content_plaintext"] == "Recap\nThey said yes to us, not maybe; a_b_c and 2 * 3 * 4 stay"
    assert note(sandbox, pair[0], "**as it is**")["content_plaintext"] == "**as it is**"


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"created_at": "2999-01-01T00:00:00Z"}, (400, "validation_type")),
        ({"created_at": "1969-12-31T23:59:59Z"}, (400, "validation_type")),
        ({"created_at": "yesterday"}, (400, "validation_type")),
        ({"created_at": None}, (400, "validation_type")),
        ({"format": "html"}, (400, "validation_type")),
        ({"content": 17}, (400, "validation_type")),
        ({"content": "x" * 10_000_001}, (413, "validation_type")),
        ({"parent_object": "robots"}, (404, "not_found")),
        ({"parent_record_id": UNKNOWN}, (404, "not_found")),
        ({"parent_record_id": "acme.com"}, (400, "validation_type")),
        ({"meeting_id": UNKNOWN}, (404, "not_found")),
        ({"tags": []}, (400, "validation_type")),
    ],
    ids=lambda part: repr(part)[:50],
)
def test_a_wrong_note_is_refused(
    sandbox: Sandbox, pair: tuple[str, str], settings: dict[str, Any], error: tuple[int, str]
) -> None:
    data = {"parent_object": "companies", "parent_record_id": id_of(pair[0]), "title": "Call", "format": "plaintext"}
    assert refused(sandbox, "POST", "/notes", {"data": {**data, "content": "x", **settings}}) == error


def test_a_note_may_be_older_than_its_writing(sandbox: Sandbox, pair: tuple[str, str]) -> None:
    old = note(sandbox, pair[0], created_at="2020-05-01T12:00:00.123456789+02:00")
    assert old["created_at"] == "2020-05-01T10:00:00.123456789Z"


# Tasks

TASK: dict[str, Any] = {
    "content": "Call",
    "format": "plaintext",
    "deadline_at": None,
    "is_completed": False,
    "linked_records": [],
    "assignees": [],
}


def links(*paths: str) -> list[dict[str, str]]:
    """Return what links a task to companies."""
    return [{"target_object": "companies", "target_record_id": id_of(path)} for path in paths]


def test_a_task_is_found_by_what_it_is_about_and_to_whom_it_falls(sandbox: Sandbox, pair: tuple[str, str]) -> None:
    [first] = sandbox.call("GET", "/tasks").json()["data"]
    mine = [{"workspace_member_email_address": "member@sandbox.attio.com"}]
    by_domain = [{"target_object": "companies", "domains": [{"domain": "acme.com"}]}]
    second = made(sandbox, "/tasks", **{**TASK, "assignees": mine, "linked_records": by_domain, "is_completed": True})
    assert second["linked_records"][0]["target_record_id"] == id_of(pair[0])

    def found(query: str) -> list[Any]:
        tasks: list[Any] = sandbox.call("GET", f"/tasks?{query}").raise_for_status().json()["data"]
        return tasks

    assert found("") == found("sort=created_at:asc") == [first, second]
    assert found("sort=created_at:desc") == [second, first]
    assert found("limit=1&offset=1") == found("is_completed=true") == [second]
    assert found(f"linked_object=companies&linked_record_id={id_of(pair[0])}") == [second]
    assert found("assignee=member@sandbox.attio.com") == [second]
    assert found("assignee=null") == [first]
    for wrong in (f"linked_record_id={id_of(pair[0])}", "sort=content", "is_completed=perhaps", "limit=501"):
        assert refused(sandbox, "GET", f"/tasks?{wrong}") == (400, "validation_type")


def test_a_task_changes_but_for_what_it_says(sandbox: Sandbox, pair: tuple[str, str]) -> None:
    path = f"/tasks/{made(sandbox, '/tasks', **TASK)['id']['task_id']}"
    changes = {"linked_records": links(*pair, *pair), "deadline_at": "2027-01-01", "is_completed": True}
    changed = sandbox.call("PATCH", path, {"data": changes}).raise_for_status().json()["data"]
    assert [one["target_record_id"] for one in changed["linked_records"]] == [id_of(each) for each in pair]
    assert (changed["deadline_at"], changed["is_completed"]) == ("2027-01-01T00:00:00.000000000Z", True)
    assert refused(sandbox, "PATCH", path, {"data": {"content": "Write"}}) == (400, "validation_type")
    half = {"is_completed": False, "linked_records": links(UNKNOWN)}
    assert refused(sandbox, "PATCH", path, {"data": half}) == (404, "not_found")
    assert sandbox.call("GET", path).json()["data"] == changed
    merged = merge(sandbox, *pair)
    [link] = sandbox.call("GET", path).json()["data"]["linked_records"]
    assert link["target_record_id"] == id_of(merged)
    sandbox.call("DELETE", path).raise_for_status()
    assert refused(sandbox, "GET", path) == refused(sandbox, "DELETE", path) == (404, "not_found")


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"content": ""}, (400, "validation_type")),
        ({"content": "x" * 2001}, (400, "validation_type")),
        ({"format": "markdown"}, (400, "validation_type")),
        ({"deadline_at": "soon"}, (400, "validation_type")),
        ({"is_completed": "no"}, (400, "validation_type")),
        ({"linked_records": links("acme.com")}, (400, "validation_type")),
        ({"linked_records": links(UNKNOWN)}, (404, "not_found")),
        ({"linked_records": [{"target_object": "robots", "target_record_id": UNKNOWN}]}, (404, "not_found")),
        ({"linked_records": [{"target_object": "companies", "domains": [{"domain": "b.com"}]}]}, (404, "not_found")),
        ({"linked_records": [{"target_object": "companies", "name": [{"value": "Acme"}]}]}, (400, "validation_type")),
        ({"assignees": ["member@sandbox.attio.com"]}, (400, "validation_type")),
        ({"assignees": [{"workspace_member_email_address": "b@b.com"}]}, (404, "not_found")),
    ],
    ids=lambda part: repr(part)[:50],
)
@pytest.mark.usefixtures("pair")
def test_a_wrong_task_is_refused(sandbox: Sandbox, settings: dict[str, Any], error: tuple[int, str]) -> None:
    assert refused(sandbox, "POST", "/tasks", {"data": {**TASK, **settings}}) == error
    assert len(sandbox.call("GET", "/tasks").json()["data"]) == 1


# Faults and scopes


@pytest.mark.parametrize("fault", ["errors_every", "drop_every", "cut_every"])
def test_faults_hit_what_hangs_on_records_too(sandbox: Sandbox, pair: tuple[str, str], fault: str) -> None:
    data = {"parent_object": "companies", "parent_record_id": id_of(pair[0]), "entry_values": {}}
    sandbox.play("faults", {fault: 1})
    for path, body in (("/lists/targets/entries", data), ("/tasks", TASK)):
        if fault == "errors_every":
            assert refused(sandbox, "POST", path, {"data": body}) == (500, "internal_error")
        else:
            with pytest.raises(httpx.TransportError):
                sandbox.call("POST", path, {"data": body})
    sandbox.play("faults", {fault: 0})
    written = int(fault == "cut_every")  # executed, though nobody heard of it
    assert attached_to(sandbox, pair[0])["entries"] == written
    assert len(sandbox.call("GET", "/tasks").json()["data"]) == 1 + written


def test_who_lacks_a_scope_is_told_so(sandbox: Sandbox, pair: tuple[str, str]) -> None:
    scopes = "object_configuration:read record_permission:read-write note:read list_entry:read"
    sandbox.play("faults", {"scopes": scopes})
    assert sandbox.call("GET", "/self").json()["scope"] == scopes
    assert sandbox.call("GET", "/notes").status_code == 200
    assert sandbox.call("GET", f"{pair[1]}/entries").status_code == 200
    assert sandbox.call("PATCH", pair[1], write({"name": "Acme"})).status_code == 200
    body = {"data": {"parent_object": "companies"}}
    for method, path in (("POST", "/notes"), ("GET", "/tasks"), ("GET", "/lists"), ("GET", "/workspace_members")):
        assert refused(sandbox, method, path, body if method == "POST" else None) == (403, "unauthorized")
    assert sandbox.call("GET", "/lists").json()["type"] == "auth_error"
