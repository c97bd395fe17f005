"""The sandbox is as strict as Attio: what may be written, what becomes of it, and how it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Sandbox

FLAGS: dict[str, Any] = {
    "description": None,
    "is_required": False,
    "is_unique": False,
    "is_multiselect": False,
    "config": {},
}
LOCATION = ("line_1", "line_2", "line_3", "line_4", "locality", "region", "postcode", "country_code")
BERLIN: dict[str, Any] = {
    **dict.fromkeys((*LOCATION, "latitude", "longitude")),
    "locality": "Berlin",
    "country_code": "DE",
}
JOBS = {"api_slug": "jobs", "singular_noun": "Job", "plural_noun": "Jobs"}
UNKNOWN = "00000000-0000-4000-8000-000000000000"


def refused(sandbox: Sandbox, method: str, path: str, body: Any = None) -> tuple[int, str]:
    """Make a call that is to be refused in Attio's shape; return status and code."""
    answer = sandbox.call(method, path, body)
    error = answer.json()
    assert answer.status_code >= 400, error
    assert {"status_code", "type", "code", "message"} <= set(error)
    assert error["status_code"] == answer.status_code
    assert error["message"]
    return error["status_code"], error["code"]


def made(sandbox: Sandbox, path: str, **data: Any) -> Any:
    """Create something."""
    return sandbox.call("POST", path, {"data": data}).raise_for_status().json()["data"]


def record(sandbox: Sandbox, slug: str, **values: Any) -> str:
    """Create a record; return its path."""
    created = made(sandbox, f"/objects/{slug}/records", values=values)
    return f"/objects/{slug}/records/{created['id']['record_id']}"


def attribute(sandbox: Sandbox, slug: str, api_slug: str, kind: str, **settings: Any) -> Any:
    """Create an attribute."""
    data = {"title": api_slug, "api_slug": api_slug, "type": kind, **FLAGS, **settings}
    return made(sandbox, f"/objects/{slug}/attributes", **data)


def write(values: Any) -> dict[str, Any]:
    """Return the body of a write."""
    return {"data": {"values": values}}


def values(sandbox: Sandbox, path: str, slug: str, key: str = "value") -> list[Any]:
    """Return what a record holds."""
    found = sandbox.call("GET", path).raise_for_status().json()["data"]["values"][slug]
    return [value[key] for value in found]


# Values


BAD_VALUES: list[tuple[str, Any]] = [
    *(
        ("domains", bad)
        for bad in ("acme.com", ["acme"], ["acme.example"], ["a b.com"], [" acme.com"], [{"host": "a.com"}])
    ),
    *(("primary_location", bad) for bad in ("Berlin", {"locality": "Berlin"}, {**BERLIN, "planet": None})),
    *(("primary_location", {**BERLIN, key: bad}) for key, bad in (("country_code", "Germany"), ("country_code", "ZZ"))),
    *(
        ("primary_location", {**BERLIN, key: bad})
        for key, bad in (("latitude", 52.5), ("latitude", "91"), ("region", 1))
    ),
    *(("name", bad) for bad in (17, ["a", "b"], {"text": "a"}, {"value": "a", "more": 1}, [None], "a\x00b")),
    *(("twitter_follower_count", bad) for bad in ("17", True, 10**400)),
    *(("foundation_date", bad) for bad in ("17.3.1999", "1999-02-30", 1999, "2023-01-02Tnoon")),
    *(("funding_raised_usd", bad) for bad in (1.23456, {"currency_value": 1, "currency_code": "EUR"})),
    *(("categories", bad) for bad in ("SaaS", [17])),
    *(("record_id", UNKNOWN), ("created_at", "2026-01-01"), ("first_interaction", "2026-01-01")),
]


@pytest.mark.parametrize(("slug", "value"), BAD_VALUES, ids=lambda part: repr(part)[:50])
def test_a_bad_value_refuses_the_whole_record(sandbox: Sandbox, slug: str, value: Any) -> None:
    body = write({"description": "is fine", slug: value})
    assert refused(sandbox, "POST", "/objects/companies/records", body) == (400, "validation_type")
    assert sandbox.records("companies") == []


@pytest.mark.parametrize(
    ("slug", "value"),
    [
        *(("phone_numbers", [bad]) for bad in ("0151 1234567", "+12125550100", "+49", 49)),
        *(
            ("phone_numbers", [{"original_phone_number": "+4915112345678", "country_code": bad}])
            for bad in ("Germany", 49)
        ),
        *(("email_addresses", bad) for bad in ("jo@acme.com", ["jo"], ["jo@acme.example"], ["jo@@acme.com"])),
        *(
            ("name", bad)
            for bad in ({"full_name": "Jo Doe"}, {"first_name": "Jo", "last_name": None, "full_name": "Jo"})
        ),
        *(
            ("company", bad)
            for bad in ([{"target_object": "people", "target_record_id": UNKNOWN}], 17, {"name": "Acme"})
        ),
        *(
            ("company", {"target_object": "companies", key: bad})
            for key, bad in (("name", "A"), ("target_record_id", ["x"]))
        ),
        ("avatar_url", "https://acme.com/jo.png"),
    ],
    ids=lambda part: repr(part)[:50],
)
def test_a_bad_value_refuses_the_whole_person(sandbox: Sandbox, slug: str, value: Any) -> None:
    body = write({"job_title": "is fine", slug: value})
    assert refused(sandbox, "POST", "/objects/people/records", body) == (400, "validation_type")
    assert sandbox.records("people") == []


@pytest.mark.parametrize(
    "written",
    [
        {"no_such_attribute": "x"},
        {"categories": ["Never heard of"]},
        {"categories": ["saas"]},
        {"team": [{"target_object": "people", "target_record_id": UNKNOWN}]},
        {"team": ["nobody@acme.com"]},
    ],
)
def test_what_is_named_has_to_exist(sandbox: Sandbox, written: dict[str, Any]) -> None:
    assert refused(sandbox, "POST", "/objects/companies/records", write(written)) == (400, "value_not_found")


def test_a_value_error_names_the_attribute(sandbox: Sandbox) -> None:
    error = sandbox.call("POST", "/objects/companies/records", write({"domains": "acme.com"})).json()
    assert error["message"] == 'An invalid value was passed to attribute with slug "domains".'
    assert error["validation_errors"][0]["path"] == ["domains"]


def test_every_attribute_is_read_as_a_list(sandbox: Sandbox) -> None:
    created = made(sandbox, "/objects/companies/records", values={"name": "Acme"})
    assert created["values"]["domains"] == []
    assert created["values"]["record_id"][0]["value"] == created["id"]["record_id"]
    assert created["values"]["created_at"][0]["value"] == created["created_at"]
    assert created["values"]["created_by"][0]["referenced_actor_type"] == "api-token"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"values": {}},
        {"data": {}},
        {"data": []},
        {"data": {"values": []}},
        {"data": {"values": {}, "more": 1}},
        [],
        "x",
    ],
)
def test_a_body_of_another_shape_is_refused(sandbox: Sandbox, body: Any) -> None:
    assert refused(sandbox, "POST", "/objects/companies/records", body) == (400, "validation_type")
    assert sandbox.records("companies") == []


# Uniqueness


def test_a_taken_unique_value_stores_nothing(sandbox: Sandbox) -> None:
    record(sandbox, "companies", domains=["acme.com"])
    other = record(sandbox, "companies", domains=["other.com"], name="Other")
    conflict = (400, "uniqueness_conflict")
    bad = write({"domains": ["new.com", "ACME.com"], "name": "Changed"})
    assert refused(sandbox, "POST", "/objects/companies/records", bad) == conflict
    assert refused(sandbox, "PATCH", other, bad) == conflict
    assert refused(sandbox, "PUT", other, bad) == conflict
    assert len(sandbox.records("companies")) == 2
    assert values(sandbox, other, "domains", "domain") == ["other.com"]
    assert values(sandbox, other, "name") == ["Other"]


def test_uniqueness_is_by_domain_not_by_root_domain_and_e_mails_have_no_case(sandbox: Sandbox) -> None:
    record(sandbox, "companies", domains=["acme.com"])
    record(sandbox, "companies", domains=["app.acme.com"])
    record(sandbox, "people", email_addresses=["Jo@acme.com"])
    body = write({"email_addresses": ["jo@ACME.com"]})
    assert refused(sandbox, "POST", "/objects/people/records", body) == (400, "uniqueness_conflict")


def test_a_unique_value_that_is_let_go_can_be_taken(sandbox: Sandbox) -> None:
    first = record(sandbox, "companies", domains=["acme.com", "acme.de"])
    sandbox.call("PUT", first, write({"domains": ["acme.de"]})).raise_for_status()
    second = record(sandbox, "companies", domains=["acme.com"])
    sandbox.call("DELETE", second).raise_for_status()
    record(sandbox, "companies", domains=["acme.com"])


# Lists and nulls


def test_patch_prepends_and_neither_moves_nor_repeats(sandbox: Sandbox) -> None:
    path = record(sandbox, "people", email_addresses=["a@acme.com", "b@acme.com"])
    sandbox.call("PATCH", path, write({"email_addresses": ["c@acme.com", "B@acme.com"]})).raise_for_status()
    assert values(sandbox, path, "email_addresses", "email_address") == ["c@acme.com", "a@acme.com", "b@acme.com"]
    sandbox.call("PATCH", path, write({"email_addresses": []})).raise_for_status()
    assert len(values(sandbox, path, "email_addresses", "email_address")) == 3


def test_put_replaces_lists_in_the_order_sent_and_leaves_the_rest(sandbox: Sandbox) -> None:
    path = record(sandbox, "companies", domains=["a.com", "b.com"], name="Acme", categories=["SaaS"])
    sandbox.call("PUT", path, write({"domains": ["c.com", "a.com"]})).raise_for_status()
    assert values(sandbox, path, "domains", "domain") == ["c.com", "a.com"]
    assert values(sandbox, path, "name") == ["Acme"]
    assert len(values(sandbox, path, "categories", "option")) == 1


def test_assert_adds_to_the_matching_list_and_replaces_the_others(sandbox: Sandbox) -> None:
    path = record(sandbox, "companies", domains=["a.com"], categories=["SaaS"], name="Acme")
    body = write({"domains": ["a.com", "b.com"], "categories": ["B2B"]})
    answer = sandbox.call("PUT", "/objects/companies/records?matching_attribute=domains", body)
    assert answer.json()["data"]["id"]["record_id"] == path.rsplit("/", 1)[1]
    assert sorted(values(sandbox, path, "domains", "domain")) == ["a.com", "b.com"]
    assert [option["title"] for option in values(sandbox, path, "categories", "option")] == ["B2B"]
    assert values(sandbox, path, "name") == ["Acme"]


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_null_clears(sandbox: Sandbox, method: str) -> None:
    path = record(sandbox, "companies", domains=["a.com"], name="Acme", description="x")
    sandbox.call(method, path, write({"domains": None, "name": None, "description": []})).raise_for_status()
    for slug, key in (("domains", "domain"), ("name", "value"), ("description", "value")):
        assert values(sandbox, path, slug, key) == []


def test_replaced_values_are_remembered_with_who_wrote_them(sandbox: Sandbox) -> None:
    path = record(sandbox, "companies", name="Acme")
    body = {"object": "companies", "record_id": path.rsplit("/", 1)[1], "values": {"name": "Acme GmbH"}}
    sandbox.play("as-member", body)
    history = sandbox.call("GET", f"{path}/attributes/name/values?show_historic=true").json()["data"]
    assert [value["value"] for value in history] == ["Acme", "Acme GmbH"]
    assert [value["created_by_actor"]["type"] for value in history] == ["api-token", "workspace-member"]
    assert history[0]["active_until"] == history[1]["active_from"]
    sandbox.call("PATCH", path, write({"name": "Acme GmbH"})).raise_for_status()
    [current] = sandbox.call("GET", f"{path}/attributes/name/values").json()["data"]
    assert current == history[1], "an unchanged value stays whose it was"
