"""Every success answer of the sandbox has the shape that Attio's own OpenAPI document gives it."""

from __future__ import annotations

import gzip
import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]

from sync.sandbox.endpoints import ROUTES, needed_scopes
from sync.sandbox.model import MEMBER_ID

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Sandbox

SNAPSHOT = Path(__file__).resolve().parent.parent / "fixtures" / "attio-openapi.json.gz"
FLAGS: dict[str, Any] = {
    "description": None,
    "is_required": False,
    "is_unique": False,
    "is_multiselect": False,
    "config": {},
}
NOWHERE = dict.fromkeys(
    ("line_1", "line_2", "line_3", "line_4", "locality", "region", "postcode", "country_code", "latitude", "longitude")
)


@cache
def openapi() -> Any:
    """Return the document, with null allowed where `nullable` or a type of null means it though the enum forgets it."""
    document = json.loads(gzip.decompress(SNAPSHOT.read_bytes()))

    def allow_null(schema: Any) -> None:
        for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
            allow_null(part)
        if not isinstance(schema, dict):
            return
        if schema.get("nullable") is True:
            schema["type"] = [schema["type"], "null"]
        if isinstance(schema.get("type"), list) and "null" in schema["type"] and "enum" in schema:
            schema["enum"] = [*schema["enum"], None]

    allow_null(document)
    return document


def shape(method: str, path: str) -> Draft202012Validator:
    """Return the validator of an endpoint's success body."""
    answer = openapi()["paths"][path][method.lower()]["responses"]["200"]
    schema = {**answer["content"]["application/json"]["schema"], "components": openapi()["components"]}
    return Draft202012Validator(schema, format_checker=FormatChecker(["uuid"]))


def documented(path: str) -> str:
    """Return the path by which the document knows a path of the sandbox."""
    path = re.sub(r"^/(objects/\{object\}|lists/\{list\})/attributes", "/{target}/{identifier}/attributes", path)
    path = path.replace("/statuses/{option}", "/statuses/{status}")
    for ours in ("record", "entry", "note", "task"):
        path = path.replace(f"{{{ours}}}", f"{{{ours}_id}}")
    return "/v2" + path


def create(sandbox: Sandbox, path: str, **data: Any) -> Any:
    """Create something; return it."""
    return sandbox.call("POST", path, {"data": data}).raise_for_status().json()["data"]


def a_company(sandbox: Sandbox) -> str:
    """Create a company with values of many types; return its path."""
    values: dict[str, Any] = {
        "domains": ["acme.com", "acme.de"],
        "name": "Acme",
        "categories": ["SaaS"],
        "foundation_date": "1999",
    }
    values |= {"primary_location": {**NOWHERE, "country_code": "DE"}, "funding_raised_usd": 12.5}
    record: str = create(sandbox, "/objects/companies/records", values=values)["id"]["record_id"]
    return f"/objects/companies/records/{record}"


def an_option(sandbox: Sandbox) -> httpx.Response:
    """Rename an option."""
    option = create(sandbox, "/objects/companies/attributes/categories/options", title="Robots")["id"]["option_id"]
    path = f"/objects/companies/attributes/categories/options/{option}"
    return sandbox.call("PATCH", path, {"data": {"title": "Robotics", "is_archived": True}})


def a_changed_attribute(sandbox: Sandbox) -> httpx.Response:
    """Archive an attribute."""
    create(sandbox, "/objects/companies/attributes", title="Score", api_slug="score", type="number", **FLAGS)
    return sandbox.call(
        "PATCH", "/objects/companies/attributes/score", {"data": {"is_archived": True, "title": "Points"}}
    )


def a_history(sandbox: Sandbox) -> httpx.Response:
    """Read the values that an attribute had."""
    path = a_company(sandbox)
    sandbox.call("PATCH", path, {"data": {"values": {"name": "Acme Inc"}}}).raise_for_status()
    return sandbox.call("GET", f"{path}/attributes/name/values?show_historic=true")


def a_page(sandbox: Sandbox) -> httpx.Response:
    """Query a page."""
    a_company(sandbox)
    return sandbox.call(
        "POST", "/objects/companies/records/query", {"sorts": [{"attribute": "name", "direction": "asc"}]}
    )


NEW = {"api_slug": "job_postings", "singular_noun": "Job posting", "plural_noun": "Job postings"}
RELATED = {
    "title": "Company",
    "api_slug": "company",
    "type": "record-reference",
    **FLAGS,
    "config": {"record_reference": {"allowed_objects": ["companies"]}},
    "relationship": {"object": "companies", "title": "Jobs", "api_slug": "jobs", "is_multiselect": True},
}
ACME = {"data": {"values": {"domains": ["acme.com"], "name": "Acme"}}}


def a_related_attribute(sandbox: Sandbox) -> httpx.Response:
    """Create both sides of a relationship."""
    create(sandbox, "/objects", **NEW)
    return sandbox.call("POST", "/objects/job_postings/attributes", {"data": RELATED})


def on_companies(sandbox: Sandbox) -> str:
    """Create a list of companies; return its path."""
    create(
        sandbox,
        "/lists",
        name="Targets",
        api_slug="targets",
        parent_object="companies",
        workspace_access="full-access",
        workspace_member_access=[],
    )
    return "/lists/targets"


def a_stage(sandbox: Sandbox) -> str:
    """Give a list of companies a status; return its path."""
    create(sandbox, f"{on_companies(sandbox)}/attributes", title="Stage", api_slug="stage", type="status", **FLAGS)
    create(sandbox, "/lists/targets/attributes/stage/statuses", title="Won", celebration_enabled=True)
    return "/lists/targets/attributes/stage"


def a_priority(sandbox: Sandbox) -> str:
    """Give a list of companies a select; return its path."""
    create(sandbox, f"{on_companies(sandbox)}/attributes", title="P", api_slug="priority", type="select", **FLAGS)
    create(sandbox, "/lists/targets/attributes/priority/options", title="High")
    return "/lists/targets/attributes/priority"


def an_entry(sandbox: Sandbox) -> tuple[str, str]:
    """Put a company on a list; return the paths of entry and company."""
    stage, company = a_stage(sandbox), a_company(sandbox)
    values = {"stage": "Won"}
    parent = {"parent_record_id": company.rpartition("/")[2], "parent_object": "companies", "entry_values": values}
    entries = stage.replace("attributes/stage", "entries")
    return f"{entries}/{create(sandbox, entries, **parent)['id']['entry_id']}", company


def a_note(sandbox: Sandbox) -> str:
    """Write a note on a company; return its path."""
    parent = {"parent_object": "companies", "parent_record_id": a_company(sandbox).rpartition("/")[2]}
    note = create(sandbox, "/notes", **parent, title="Call", format="plaintext", content="They said yes.")
    return f"/notes/{note['id']['note_id']}"


def a_task(sandbox: Sandbox) -> str:
    """Create a task about a company; return its path."""
    linked = [{"target_object": "companies", "target_record_id": a_company(sandbox).rpartition("/")[2]}]
    assignees = [{"referenced_actor_type": "workspace-member", "referenced_actor_id": MEMBER_ID}]
    task = create(
        sandbox,
        "/tasks",
        content="Call them",
        format="plaintext",
        deadline_at="2027-01-01T00:00:00Z",
        is_completed=False,
        linked_records=linked,
        assignees=assignees,
    )
    return f"/tasks/{task['id']['task_id']}"


def after(sandbox: Sandbox, made: object, method: str, path: str, body: Any = None) -> httpx.Response:
    """Call once something was made."""
    assert made
    return sandbox.call(method, path, body)


ENTRY: dict[str, Any] = {"data": {"entry_values": {}}}

CALLS: dict[tuple[str, str], Callable[[Sandbox], httpx.Response]] = {
    ("GET", "/self"): lambda sandbox: sandbox.call("GET", "/self"),
    ("GET", "/workspace_members"): lambda sandbox: sandbox.call("GET", "/workspace_members"),
    ("GET", "/objects"): lambda sandbox: sandbox.call("GET", "/objects"),
    ("POST", "/objects"): lambda sandbox: sandbox.call("POST", "/objects", {"data": NEW}),
    ("GET", "/objects/{object}"): lambda sandbox: sandbox.call("GET", "/objects/companies"),
    ("PATCH", "/objects/{object}"): lambda sandbox: sandbox.call(
        "PATCH", "/objects/people", {"data": {"singular_noun": "Human"}}
    ),
    ("GET", "/objects/{object}/attributes"): lambda sandbox: sandbox.call("GET", "/objects/people/attributes"),
    ("POST", "/objects/{object}/attributes"): a_related_attribute,
    ("GET", "/objects/{object}/attributes/{attribute}"): lambda sandbox: sandbox.call(
        "GET", "/objects/companies/attributes/team"
    ),
    ("PATCH", "/objects/{object}/attributes/{attribute}"): a_changed_attribute,
    ("GET", "/objects/{object}/attributes/{attribute}/options"): lambda sandbox: sandbox.call(
        "GET", "/objects/companies/attributes/categories/options"
    ),
    ("POST", "/objects/{object}/attributes/{attribute}/options"): lambda sandbox: sandbox.call(
        "POST", "/objects/companies/attributes/categories/options", {"data": {"title": "Robots"}}
    ),
    ("PATCH", "/objects/{object}/attributes/{attribute}/options/{option}"): an_option,
    ("POST", "/objects/{object}/records/query"): a_page,
    ("POST", "/objects/{object}/records"): lambda sandbox: sandbox.call("POST", "/objects/companies/records", ACME),
    ("PUT", "/objects/{object}/records"): lambda sandbox: sandbox.call(
        "PUT", "/objects/companies/records?matching_attribute=domains", ACME
    ),
    ("GET", "/objects/{object}/records/{record}"): lambda sandbox: sandbox.call("GET", a_company(sandbox)),
    ("PATCH", "/objects/{object}/records/{record}"): lambda sandbox: sandbox.call("PATCH", a_company(sandbox), ACME),
    ("PUT", "/objects/{object}/records/{record}"): lambda sandbox: sandbox.call("PUT", a_company(sandbox), ACME),
    ("DELETE", "/objects/{object}/records/{record}"): lambda sandbox: sandbox.call("DELETE", a_company(sandbox)),
    ("GET", "/objects/{object}/records/{record}/attributes/{attribute}/values"): a_history,
    ("GET", "/objects/{object}/records/{record}/entries"): lambda sandbox: sandbox.call(
        "GET", f"{an_entry(sandbox)[1]}/entries"
    ),
    ("GET", "/lists"): lambda sandbox: after(sandbox, on_companies(sandbox), "GET", "/lists"),
    ("POST", "/lists"): lambda sandbox: sandbox.call(
        "POST",
        "/lists",
        {
            "data": {
                "name": "People",
                "api_slug": "candidates",
                "parent_object": "people",
                "workspace_access": None,
                "workspace_member_access": [{"workspace_member_id": MEMBER_ID, "level": "full-access"}],
            }
        },
    ),
    ("GET", "/lists/{list}"): lambda sandbox: sandbox.call("GET", on_companies(sandbox)),
    ("PATCH", "/lists/{list}"): lambda sandbox: sandbox.call(
        "PATCH", on_companies(sandbox), {"data": {"name": "Leads"}}
    ),
    ("GET", "/lists/{list}/attributes"): lambda sandbox: after(
        sandbox, a_stage(sandbox), "GET", "/lists/targets/attributes"
    ),
    ("POST", "/lists/{list}/attributes"): lambda sandbox: sandbox.call(
        "POST",
        f"{on_companies(sandbox)}/attributes",
        {"data": {"title": "Score", "api_slug": "score", "type": "number", **FLAGS}},
    ),
    ("GET", "/lists/{list}/attributes/{attribute}"): lambda sandbox: sandbox.call("GET", a_stage(sandbox)),
    ("PATCH", "/lists/{list}/attributes/{attribute}"): lambda sandbox: sandbox.call(
        "PATCH", a_stage(sandbox), {"data": {"title": "Phase"}}
    ),
    ("GET", "/lists/{list}/attributes/{attribute}/options"): lambda sandbox: sandbox.call(
        "GET", f"{a_priority(sandbox)}/options"
    ),
    ("POST", "/lists/{list}/attributes/{attribute}/options"): lambda sandbox: sandbox.call(
        "POST", f"{a_priority(sandbox)}/options", {"data": {"title": "Low"}}
    ),
    ("PATCH", "/lists/{list}/attributes/{attribute}/options/{option}"): lambda sandbox: sandbox.call(
        "PATCH", f"{a_priority(sandbox)}/options/High", {"data": {"is_archived": True}}
    ),
    ("GET", "/lists/{list}/attributes/{attribute}/statuses"): lambda sandbox: sandbox.call(
        "GET", f"{a_stage(sandbox)}/statuses"
    ),
    ("POST", "/lists/{list}/attributes/{attribute}/statuses"): lambda sandbox: sandbox.call(
        "POST", f"{a_stage(sandbox)}/statuses", {"data": {"title": "Lost", "target_time_in_status": "P1D"}}
    ),
    ("PATCH", "/lists/{list}/attributes/{attribute}/statuses/{option}"): lambda sandbox: sandbox.call(
        "PATCH", f"{a_stage(sandbox)}/statuses/Won", {"data": {"title": "Signed", "celebration_enabled": False}}
    ),
    ("POST", "/lists/{list}/entries/query"): lambda sandbox: after(
        sandbox, an_entry(sandbox), "POST", "/lists/targets/entries/query", {"limit": 10}
    ),
    ("POST", "/lists/{list}/entries"): lambda sandbox: sandbox.call(
        "POST",
        f"{on_companies(sandbox)}/entries",
        {
            "data": {
                "parent_record_id": a_company(sandbox).rpartition("/")[2],
                "parent_object": "companies",
                "entry_values": {},
            }
        },
    ),
    ("PUT", "/lists/{list}/entries"): lambda sandbox: sandbox.call(
        "PUT",
        f"{on_companies(sandbox)}/entries",
        {
            "data": {
                "parent_record_id": a_company(sandbox).rpartition("/")[2],
                "parent_object": "companies",
                "entry_values": {},
            }
        },
    ),
    ("GET", "/lists/{list}/entries/{entry}/attributes/{attribute}/values"): lambda sandbox: sandbox.call(
        "GET", f"{an_entry(sandbox)[0]}/attributes/stage/values"
    ),
    ("GET", "/lists/{list}/entries/{entry}"): lambda sandbox: sandbox.call("GET", an_entry(sandbox)[0]),
    ("PATCH", "/lists/{list}/entries/{entry}"): lambda sandbox: sandbox.call("PATCH", an_entry(sandbox)[0], ENTRY),
    ("PUT", "/lists/{list}/entries/{entry}"): lambda sandbox: sandbox.call("PUT", an_entry(sandbox)[0], ENTRY),
    ("DELETE", "/lists/{list}/entries/{entry}"): lambda sandbox: sandbox.call("DELETE", an_entry(sandbox)[0]),
    ("GET", "/notes"): lambda sandbox: after(sandbox, a_note(sandbox), "GET", "/notes"),
    ("POST", "/notes"): lambda sandbox: sandbox.call(
        "POST",
        "/notes",
        {
            "data": {
                "parent_object": "companies",
                "parent_record_id": a_company(sandbox).rpartition("/")[2],
                "title": "Call",
                "format": "markdown",
                "content": "*yes*",
            }
        },
    ),
    ("GET", "/notes/{note}"): lambda sandbox: sandbox.call("GET", a_note(sandbox)),
    ("DELETE", "/notes/{note}"): lambda sandbox: sandbox.call("DELETE", a_note(sandbox)),
    ("GET", "/tasks"): lambda sandbox: after(sandbox, a_task(sandbox), "GET", "/tasks"),
    ("POST", "/tasks"): lambda sandbox: sandbox.call(
        "POST",
        "/tasks",
        {
            "data": {
                "content": "Call",
                "format": "plaintext",
                "deadline_at": None,
                "is_completed": True,
                "linked_records": [],
                "assignees": [],
            }
        },
    ),
    ("GET", "/tasks/{task}"): lambda sandbox: sandbox.call("GET", a_task(sandbox)),
    ("PATCH", "/tasks/{task}"): lambda sandbox: sandbox.call(
        "PATCH", a_task(sandbox), {"data": {"is_completed": True}}
    ),
    ("DELETE", "/tasks/{task}"): lambda sandbox: sandbox.call("DELETE", a_task(sandbox)),
}


@pytest.mark.parametrize(("method", "path"), CALLS, ids=[" ".join(call) for call in CALLS])
def test_a_success_answer_has_the_documented_shape(sandbox: Sandbox, method: str, path: str) -> None:
    answer = CALLS[method, path](sandbox)
    assert answer.status_code == 200, answer.text
    shape(method, documented(path)).validate(answer.json())


def test_every_route_that_attio_documents_was_called() -> None:
    known = {
        (method, path) for method, path, _ in ROUTES if method.lower() in openapi()["paths"].get(documented(path), {})
    }
    assert known == set(CALLS)


@pytest.mark.parametrize(("method", "path"), CALLS, ids=[" ".join(call) for call in CALLS])
def test_a_call_needs_the_scopes_that_are_documented(method: str, path: str) -> None:
    described: str = openapi()["paths"][documented(path)][method.lower()].get("description", "")
    _, found, scopes = described.partition("Required scopes: ")
    if found:
        assert needed_scopes(method, path) == set(re.findall(r"`(\w+:[\w-]+)`", scopes))


def test_a_refused_token_is_described_as_documented(sandbox: Sandbox) -> None:
    answer = httpx.get(f"{sandbox.url}/v2/self", headers={"Authorization": "Bearer refused"})
    assert answer.json() == {"active": False}
    shape("GET", "/v2/self").validate(answer.json())


SETTINGS: dict[str, dict[str, Any]] = {
    "currency": {"config": {"currency": {"default_currency_code": "CHF", "display_type": "code"}}},
    "record-reference": {"config": {"record_reference": {"allowed_objects": ["people"]}}},
}
BERLIN = {**NOWHERE, "locality": "Berlin", "country_code": "DE", "latitude": "52.52", "longitude": "13.405"}

WRITTEN_AND_READ: list[tuple[str, Any, dict[str, Any]]] = [
    ("text", "abc", {"value": "abc"}),
    ("text", {"value": "üñ 🙂\n"}, {"value": "üñ 🙂\n"}),
    ("number", 17, {"value": 17}),
    ("number", {"value": -0.25}, {"value": -0.25}),
    ("checkbox", True, {"value": True}),
    ("checkbox", "false", {"value": False}),
    ("currency", 99.5, {"currency_value": 99.5, "currency_code": "CHF"}),
    ("currency", {"currency_value": 1.2345}, {"currency_value": 1.2345, "currency_code": "CHF"}),
    ("date", "2023-01-02", {"value": "2023-01-02"}),
    ("date", "2023", {"value": "2023-01-01"}),
    ("date", {"value": "2023-04"}, {"value": "2023-04-01"}),
    ("date", "2023-01-02T13:00", {"value": "2023-01-02"}),
    ("date", "2023-01-02T15:00:00.000000000+02:00", {"value": "2023-01-02"}),
    ("date", "2023-01-02T23:00:00-10:00", {"value": "2023-01-03"}),
    ("timestamp", "2023-01-02T10:00:00+02:00", {"value": "2023-01-02T08:00:00.000000000Z"}),
    ("timestamp", "2023-01-02T10:00:00", {"value": "2023-01-02T10:00:00.000000000Z"}),
    ("timestamp", "2022-11-21T13:22:49.061281123Z", {"value": "2022-11-21T13:22:49.061281123Z"}),
    ("rating", 5, {"value": 5}),
    ("rating", {"value": 0}, {"value": 0}),
    ("location", BERLIN, BERLIN),
    ("domain", "https://App.Acme.co.uk/jobs?x=1", {"domain": "app.acme.co.uk", "root_domain": "acme.co.uk"}),
    ("domain", {"domain": "acme.com"}, {"domain": "acme.com", "root_domain": "acme.com"}),
    (
        "email-address",
        "Jo.Doe@Mail.Acme.com",
        {
            "original_email_address": "Jo.Doe@Mail.Acme.com",
            "email_address": "jo.doe@mail.acme.com",
            "email_domain": "mail.acme.com",
            "email_root_domain": "acme.com",
            "email_local_specifier": "jo.doe",
        },
    ),
    (
        "phone-number",
        "+49 151 1234-5678",
        {"original_phone_number": "+49 151 1234-5678", "phone_number": "+4915112345678", "country_code": "DE"},
    ),
    (
        "phone-number",
        {"original_phone_number": "+447700900123", "country_code": "GB"},
        {"original_phone_number": "+447700900123", "phone_number": "+447700900123", "country_code": "GB"},
    ),
]


@pytest.mark.parametrize(("kind", "written", "read"), WRITTEN_AND_READ)
def test_a_value_is_read_back_in_the_documented_shape(
    sandbox: Sandbox, kind: str, written: Any, read: dict[str, Any]
) -> None:
    data = {"title": "Probe", "api_slug": "probe", "type": kind, **FLAGS, **SETTINGS.get(kind, {})}
    attribute = sandbox.call("POST", "/objects/companies/attributes", {"data": data})
    shape("POST", "/v2/{target}/{identifier}/attributes").validate(attribute.json())
    answer = sandbox.call("POST", "/objects/companies/records", {"data": {"values": {"probe": [written]}}})
    shape("POST", "/v2/objects/{object}/records").validate(answer.json())
    [value] = answer.json()["data"]["values"]["probe"]
    stamp = {name: value.pop(name) for name in ("active_from", "active_until", "created_by_actor", "attribute_type")}
    assert value == read
    assert stamp["attribute_type"] == kind
    assert stamp["active_from"] == answer.json()["data"]["created_at"]
    assert stamp["active_until"] is None
    assert stamp["created_by_actor"]["type"] == "api-token"


def test_names_options_references_and_actors_are_read_back_in_the_documented_shape(sandbox: Sandbox) -> None:
    lead = {"title": "Lead", "api_slug": "lead", "type": "actor-reference", **FLAGS}
    create(sandbox, "/objects/people/attributes", **lead)
    company = create(sandbox, "/objects/companies/records", values={"domains": ["acme.com"], "categories": ["SaaS"]})
    values = {"name": "Doe, Jo", "company": "acme.com", "lead": "member@sandbox.attio.com"}
    answer = sandbox.call("POST", "/objects/people/records", {"data": {"values": values}})
    shape("POST", "/v2/objects/{object}/records").validate(answer.json())
    read = answer.json()["data"]["values"]
    assert [read["name"][0][key] for key in ("first_name", "last_name", "full_name")] == ["Jo", "Doe", "Jo Doe"]
    assert read["company"][0]["target_object"] == "companies"
    assert read["company"][0]["target_record_id"] == company["id"]["record_id"]
    assert read["lead"][0]["referenced_actor_type"] == "workspace-member"
    assert company["values"]["categories"][0]["option"]["title"] == "SaaS"


def test_the_shape_check_can_fail(sandbox: Sandbox) -> None:
    body = sandbox.call("POST", "/objects/companies/records", ACME).json()
    body["data"]["values"]["name"][0]["token_level"] = "workspace"
    assert not shape("POST", "/v2/objects/{object}/records").is_valid(body)
