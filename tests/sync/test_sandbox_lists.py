"""Lists in the sandbox: who may use them, their attributes, and entries whose values are as strict as a record's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sync.sandbox_calls import FLAGS, UNKNOWN, made, record, refused

if TYPE_CHECKING:
    from tests.conftest import Sandbox

LIST: dict[str, Any] = {
    "name": "Deals",
    "api_slug": "deals",
    "parent_object": "companies",
    "workspace_access": "full-access",
    "workspace_member_access": [],
}
ENTRIES = "/lists/deals/entries"


@pytest.fixture
def company(sandbox: Sandbox) -> str:
    """Make a list of companies with a stage, tags, a score and a champion; return a company's id."""
    made(sandbox, "/lists", **LIST)
    for slug, kind, settings in (
        ("stage", "status", {}),
        ("tags", "select", {"is_multiselect": True}),
        ("score", "number", {}),
        ("champion", "record-reference", {"config": {"record_reference": {"allowed_objects": ["people"]}}}),
    ):
        data = {"title": slug, "api_slug": slug, "type": kind, **FLAGS, **settings}
        made(sandbox, "/lists/deals/attributes", **data)
    for stage in ("Open", "Won"):
        made(sandbox, "/lists/deals/attributes/stage/statuses", title=stage)
    for tag in ("Big", "Old"):
        made(sandbox, "/lists/deals/attributes/tags/options", title=tag)
    return record(sandbox, "companies", name="Acme", domains=["acme.com"]).rpartition("/")[2]


def on(company: str, **values: Any) -> dict[str, Any]:
    """Return the body that puts a company on the list."""
    return {"data": {"parent_record_id": company, "parent_object": "companies", "entry_values": values}}


def entry(sandbox: Sandbox, company: str, **values: Any) -> str:
    """Put a company on the list; return the entry's path."""
    created = made(sandbox, ENTRIES, **on(company, **values)["data"])
    return f"{ENTRIES}/{created['id']['entry_id']}"


def held(sandbox: Sandbox, path: str) -> dict[str, list[Any]]:
    """Return what an entry holds, by attribute."""
    read = sandbox.call("GET", path).raise_for_status().json()["data"]["entry_values"]
    return {
        "stage": [value["status"]["title"] for value in read["stage"]],
        "tags": [value["option"]["title"] for value in read["tags"]],
        "score": [value["value"] for value in read["score"]],
        "champion": [value["target_record_id"] for value in read["champion"]],
    }


def found(sandbox: Sandbox, **query: Any) -> list[Any]:
    """Return the scores of the entries that a query finds."""
    answer = sandbox.call("POST", f"{ENTRIES}/query", query).raise_for_status().json()["data"]
    return [one["entry_values"]["score"][0]["value"] for one in answer]


# Lists


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"workspace_access": "read-only"}, (400, "validation_type")),
        ({"workspace_access": None}, (400, "validation_type")),
        ({"workspace_access": "all"}, (400, "validation_type")),
        (
            {"workspace_member_access": [{"workspace_member_id": UNKNOWN, "level": "read-only"}]},
            (400, "value_not_found"),
        ),
        ({"workspace_member_access": [{"level": "read-only"}]}, (400, "validation_type")),
        ({"parent_object": "robots"}, (404, "not_found")),
        ({"name": ""}, (400, "validation_type")),
        ({"api_slug": "two words"}, (400, "validation_type")),
        ({"colour": "red"}, (400, "validation_type")),
    ],
    ids=str,
)
def test_a_list_that_nobody_could_use_is_refused(
    sandbox: Sandbox, changes: dict[str, Any], error: tuple[int, str]
) -> None:
    assert refused(sandbox, "POST", "/lists", {"data": {**LIST, **changes}}) == error
    assert sandbox.call("GET", "/lists").json()["data"] == []


def test_a_list_keeps_somebody_with_full_access_and_a_slug_of_its_own(sandbox: Sandbox) -> None:
    made(sandbox, "/lists", **LIST)
    made(sandbox, "/lists", **{**LIST, "api_slug": "leads"})
    assert refused(sandbox, "POST", "/lists", {"data": LIST}) == (409, "slug_conflict")
    assert refused(sandbox, "PATCH", "/lists/deals", {"data": {"api_slug": "leads"}}) == (409, "slug_conflict")
    assert refused(sandbox, "PATCH", "/lists/deals", {"data": {"workspace_access": None}}) == (400, "validation_type")
    assert refused(sandbox, "PATCH", "/lists/deals", {"data": {}}) == (400, "validation_type")
    assert refused(sandbox, "PATCH", "/lists/deals", {"data": {"parent_object": "people"}}) == (400, "validation_type")
    renamed = sandbox.call("PATCH", "/lists/deals", {"data": {"name": "Sales", "api_slug": "sales"}}).json()["data"]
    assert (renamed["name"], renamed["api_slug"], renamed["workspace_access"]) == ("Sales", "sales", "full-access")
    assert sandbox.call("GET", f"/lists/{renamed['id']['list_id']}").json()["data"] == renamed
    assert refused(sandbox, "GET", "/lists/deals") == (404, "not_found")


@pytest.mark.usefixtures("company")
def test_a_status_is_for_lists_and_a_relationship_for_objects(sandbox: Sandbox) -> None:
    status = {"data": {"title": "Stage", "api_slug": "stage", "type": "status", **FLAGS}}
    assert refused(sandbox, "POST", "/objects/companies/attributes", status) == (400, "validation_type")
    other_side = {"object": "people", "title": "Deals", "api_slug": "deals", "is_multiselect": True}
    related = {"title": "Person", "api_slug": "person", "type": "record-reference", **FLAGS, "relationship": other_side}
    assert refused(sandbox, "POST", "/lists/deals/attributes", {"data": related}) == (400, "validation_type")
    statuses = "/lists/deals/attributes/stage/statuses"
    assert refused(sandbox, "POST", statuses, {"data": {"title": "Won"}}) == (409, "slug_conflict")
    assert refused(sandbox, "POST", "/lists/deals/attributes/tags/statuses", {"data": {"title": "Won"}})[0] == 400
    lasting = {"data": {"title": "Lost", "target_time_in_status": "a day"}}
    assert refused(sandbox, "POST", statuses, lasting) == (400, "validation_type")


# Entries


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"stage": "Lost"}, "value_not_found"),
        ({"tags": ["Big", "Unheard of"]}, "value_not_found"),
        ({"tags": "Big"}, "validation_type"),
        ({"score": "17"}, "validation_type"),
        ({"name": "Acme"}, "value_not_found"),
        ({"champion": [{"target_object": "people", "target_record_id": UNKNOWN}]}, "value_not_found"),
        ({"entry_id": UNKNOWN}, "validation_type"),
        ({"parent_record": UNKNOWN}, "validation_type"),
    ],
    ids=str,
)
def test_a_bad_value_refuses_the_whole_entry(sandbox: Sandbox, company: str, values: dict[str, Any], code: str) -> None:
    assert refused(sandbox, "POST", ENTRIES, on(company, **{"score": 1, **values})) == (400, code)
    assert found(sandbox) == []
    path = entry(sandbox, company, score=2)
    assert refused(sandbox, "PATCH", path, {"data": {"entry_values": {"score": 1, **values}}}) == (400, code)
    assert held(sandbox, path)["score"] == [2]


@pytest.mark.parametrize(
    ("parent", "code"),
    [
        ({"parent_record_id": UNKNOWN}, "value_not_found"),
        ({"parent_record_id": "acme.com"}, "validation_type"),
        ({"parent_object": "people"}, "validation_type"),
    ],
    ids=str,
)
def test_an_entry_is_of_a_record_of_the_lists_object(
    sandbox: Sandbox, company: str, parent: dict[str, str], code: str
) -> None:
    assert refused(sandbox, "POST", ENTRIES, {"data": on(company)["data"] | parent}) == (400, code)


def test_patch_adds_to_a_list_of_values_and_put_replaces_it(sandbox: Sandbox, company: str) -> None:
    path = entry(sandbox, company, tags=["Big"], stage="Open", score=1)
    sandbox.call("PATCH", path, {"data": {"entry_values": {"tags": ["Old"], "stage": "Won"}}}).raise_for_status()
    assert held(sandbox, path) == {"stage": ["Won"], "tags": ["Old", "Big"], "score": [1], "champion": []}
    sandbox.call("PUT", path, {"data": {"entry_values": {"tags": ["Big"]}}}).raise_for_status()
    assert held(sandbox, path) == {"stage": ["Won"], "tags": ["Big"], "score": [1], "champion": []}
    history = sandbox.call("GET", f"{path}/attributes/stage/values?show_historic=true").json()["data"]
    assert [(one["status"]["title"], one["active_until"] is None) for one in history] == [
        ("Open", False),
        ("Won", True),
    ]


def test_a_record_may_stand_on_a_list_twice_but_is_then_not_found_by_its_parent(sandbox: Sandbox, company: str) -> None:
    made(sandbox, "/lists", **{**LIST, "api_slug": "leads"})
    sandbox.call("PUT", "/lists/leads/entries", on(company)).raise_for_status()
    first = sandbox.call("PUT", ENTRIES, on(company, tags=["Big"], score=1)).raise_for_status().json()["data"]
    again = sandbox.call("PUT", ENTRIES, on(company, tags=["Old"])).raise_for_status().json()["data"]
    assert again["id"] == first["id"]
    assert held(sandbox, f"{ENTRIES}/{first['id']['entry_id']}")["tags"] == ["Old"]
    second = entry(sandbox, company, score=2)
    assert refused(sandbox, "PUT", ENTRIES, on(company)) == (400, "multiple_match_results")
    listed = sandbox.call("GET", f"/objects/companies/records/{company}/entries").json()["data"]
    assert [one["list_api_slug"] for one in listed] == ["leads", "deals", "deals"]
    assert [one["entry_id"] for one in listed[1:]] == [first["id"]["entry_id"], second.rpartition("/")[2]]
    sandbox.call("DELETE", second).raise_for_status()
    assert refused(sandbox, "DELETE", second) == (404, "not_found")
    assert sandbox.call("PUT", ENTRIES, on(company)).json()["data"]["id"] == first["id"]


def test_entries_are_found_by_their_values_and_by_their_parents(sandbox: Sandbox, company: str) -> None:
    other = record(sandbox, "companies", name="Beta").rpartition("/")[2]
    entry(sandbox, company, stage="Open", score=1)
    entry(sandbox, other, stage="Won", score=2)
    entry(sandbox, other, stage="Open", score=3)
    assert found(sandbox) == [3, 2, 1]  # no order is promised: not that of creation
    assert found(sandbox, sorts=[{"attribute": "created_at", "direction": "asc"}], limit=2, offset=1) == [2, 3]
    assert found(sandbox, filter={"stage": "Open"}) == [3, 1]
    assert found(sandbox, filter={"score": {"$gte": 2}}) == [3, 2]
    through = {"path": [["deals", "parent_record"], ["companies", "name"]], "constraints": {"value": {"$eq": "Beta"}}}
    assert found(sandbox, filter=through) == [3, 2]
    for wrong in (
        {"filter": {"colour": "red"}},
        {"sorts": [{"attribute": "colour", "direction": "asc"}]},
        {"limit": 501},
    ):
        assert refused(sandbox, "POST", f"{ENTRIES}/query", wrong)[0] == 400


def test_a_required_and_a_unique_attribute_hold_on_a_list_too(sandbox: Sandbox, company: str) -> None:
    data = {"title": "No.", "api_slug": "number", "type": "text", **FLAGS, "is_required": True, "is_unique": True}
    made(sandbox, "/lists/deals/attributes", **data)
    assert refused(sandbox, "POST", ENTRIES, on(company)) == (400, "missing_value")
    path = entry(sandbox, company, number="D-1")
    assert refused(sandbox, "POST", ENTRIES, on(company, number="D-1")) == (400, "uniqueness_conflict")
    sandbox.call("DELETE", path).raise_for_status()
    entry(sandbox, company, number="D-1")


def test_a_deleted_record_is_forgotten_by_the_entries_that_refer_to_it(sandbox: Sandbox, company: str) -> None:
    person = record(sandbox, "people", name="Doe, Jo")
    path = entry(
        sandbox, company, champion=[{"target_object": "people", "target_record_id": person.rpartition("/")[2]}]
    )
    assert held(sandbox, path)["champion"] == [person.rpartition("/")[2]]
    sandbox.call("DELETE", person).raise_for_status()
    assert held(sandbox, path)["champion"] == []
