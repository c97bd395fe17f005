"""The sandbox is as strict as Attio: what may be written, what becomes of it, and how it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sync.sandbox_calls import FLAGS, JOBS, UNKNOWN, attribute, made, record, refused, values, write

if TYPE_CHECKING:
    from tests.conftest import Sandbox

LOCATION = ("line_1", "line_2", "line_3", "line_4", "locality", "region", "postcode", "country_code")
BERLIN: dict[str, Any] = {
    **dict.fromkeys((*LOCATION, "latitude", "longitude")),
    "locality": "Berlin",
    "country_code": "DE",
}


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


# Assert


def test_assert_creates_once_and_then_updates(sandbox: Sandbox) -> None:
    path = "/objects/companies/records?matching_attribute=domains"
    ids = [
        sandbox.call("PUT", path, write({"domains": ["acme.com"], "name": name})).json()["data"]["id"]["record_id"]
        for name in ("Acme", "Acme Inc")
    ]
    assert ids[0] == ids[1]
    assert values(sandbox, f"/objects/companies/records/{ids[0]}", "name") == ["Acme Inc"]


@pytest.mark.parametrize(
    ("query", "body", "code"),
    [
        ("", {"domains": ["a.com"]}, "validation_type"),
        ("?matching_attribute=nothing", {"domains": ["a.com"]}, "value_not_found"),
        ("?matching_attribute=name", {"name": "Acme"}, "matching_attribute_definition_not_unique"),
        ("?matching_attribute=domains", {"name": "Acme"}, "missing_value"),
        ("?matching_attribute=domains", {"domains": []}, "missing_value"),
        ("?matching_attribute=domains", {"domains": ["first.com", "second.com"]}, "multiple_match_results"),
    ],
)
def test_assert_needs_one_unique_attribute_and_one_record_at_most(
    sandbox: Sandbox, query: str, body: dict[str, Any], code: str
) -> None:
    record(sandbox, "companies", domains=["first.com"])
    record(sandbox, "companies", domains=["second.com"])
    assert refused(sandbox, "PUT", f"/objects/companies/records{query}", write(body)) == (400, code)
    assert len(sandbox.records("companies")) == 2


def test_another_unique_value_of_another_record_refuses_an_assert(sandbox: Sandbox) -> None:
    made(sandbox, "/objects", **JOBS)
    attribute(sandbox, "jobs", "key", "text", is_unique=True)
    attribute(sandbox, "jobs", "code", "number", is_unique=True)
    record(sandbox, "jobs", key="a", code=1)
    record(sandbox, "jobs", key="b", code=2)
    body = write({"key": "a", "code": 2})
    answer = refused(sandbox, "PUT", "/objects/jobs/records?matching_attribute=key", body)
    assert answer == (400, "uniqueness_conflict")


def test_required_attributes_are_needed_only_when_a_record_is_created(sandbox: Sandbox) -> None:
    made(sandbox, "/objects", **JOBS)
    attribute(sandbox, "jobs", "key", "text", is_unique=True)
    path = record(sandbox, "jobs", key="a")
    attribute(sandbox, "jobs", "title", "text", is_required=True)
    by_key = "/objects/jobs/records?matching_attribute=key"
    missing = (400, "missing_value")
    assert refused(sandbox, "POST", "/objects/jobs/records", write({"key": "b"})) == missing
    assert refused(sandbox, "POST", "/objects/jobs/records", write({"key": "b", "title": None})) == missing
    assert refused(sandbox, "PUT", by_key, write({"key": "b"})) == missing
    sandbox.call("PUT", by_key, write({"key": "a"})).raise_for_status()
    sandbox.call("PATCH", path, write({"key": "c"})).raise_for_status()
    assert refused(sandbox, "PATCH", path, write({"title": None})) == missing


# Attributes and objects


@pytest.mark.parametrize(
    ("slug", "settings", "expected"),
    [
        ("companies", {"is_unique": True}, (400, "validation_type")),
        ("people", {"is_unique": True}, (400, "validation_type")),
        ("companies", {"default_value": {"type": "static", "template": ["x"]}}, (400, "validation_type")),
        ("companies", {"type": "status"}, (400, "validation_type")),
        ("companies", {"type": "personal-name"}, (400, "validation_type")),
        ("companies", {"is_multiselect": True}, (400, "validation_type")),
        ("companies", {"surprise": 1}, (400, "validation_type")),
        ("companies", {"config": None}, (400, "validation_type")),
        ("companies", {"is_required": "no"}, (400, "validation_type")),
        ("companies", {"api_slug": "with/slash"}, (400, "validation_type")),
        ("companies", {"type": "currency"}, (400, "validation_type")),
        ("companies", {"type": "record-reference"}, (400, "validation_type")),
        ("companies", {"api_slug": "name"}, (409, "slug_conflict")),
        ("nothing", {}, (404, "not_found")),
    ],
)
def test_an_attribute_that_attio_would_not_create_is_refused(
    sandbox: Sandbox, slug: str, settings: dict[str, Any], expected: tuple[int, str]
) -> None:
    data = {"title": "Probe", "api_slug": "probe", "type": "text", **FLAGS, **settings}
    assert refused(sandbox, "POST", f"/objects/{slug}/attributes", {"data": data}) == expected


@pytest.mark.parametrize("key", ["title", "api_slug", "type", *FLAGS])
def test_every_key_of_a_new_attribute_is_required(sandbox: Sandbox, key: str) -> None:
    data = {"title": "Probe", "api_slug": "probe", "type": "text", **FLAGS}
    del data[key]
    assert refused(sandbox, "POST", "/objects/companies/attributes", {"data": data}) == (400, "validation_type")


def test_the_slug_of_an_archived_attribute_stays_taken(sandbox: Sandbox) -> None:
    attribute(sandbox, "companies", "score", "number")
    path = record(sandbox, "companies", score=7)
    sandbox.call("PATCH", "/objects/companies/attributes/score", {"data": {"is_archived": True}}).raise_for_status()
    again = {"data": {"title": "Score", "api_slug": "score", "type": "number", **FLAGS}}
    assert refused(sandbox, "POST", "/objects/companies/attributes", again) == (409, "slug_conflict")
    assert refused(sandbox, "PATCH", path, write({"score": 8})) == (400, "value_not_found")
    listed = "/objects/companies/attributes"
    shown, everything = (sandbox.call("GET", listed + more).json()["data"] for more in ("", "?show_archived=true"))
    assert {one["api_slug"] for one in everything} - {one["api_slug"] for one in shown} == {"score"}
    sandbox.call("PATCH", "/objects/companies/attributes/score", {"data": {"is_archived": False}}).raise_for_status()
    assert values(sandbox, path, "score") == [7]


def test_what_is_fixed_of_an_attribute_cannot_be_changed(sandbox: Sandbox) -> None:
    attribute(sandbox, "companies", "score", "number")
    path = "/objects/companies/attributes/score"
    bad = (400, "validation_type")
    assert refused(sandbox, "PATCH", path, {"data": {"type": "text"}}) == bad
    assert refused(sandbox, "PATCH", path, {"data": {"is_multiselect": True}}) == bad
    assert refused(sandbox, "PATCH", path, {"data": {"is_unique": True}}) == bad
    assert refused(sandbox, "PATCH", path, {"data": {}}) == bad
    assert refused(sandbox, "PATCH", path, {"data": {"api_slug": "name"}}) == (409, "slug_conflict")
    system = refused(sandbox, "PATCH", "/objects/companies/attributes/name", {"data": {"title": "Firm"}})
    assert system == (400, "system_edit_unauthorized")


def test_a_renamed_attribute_keeps_its_values_and_its_uniqueness(sandbox: Sandbox) -> None:
    made(sandbox, "/objects", **JOBS)
    created = attribute(sandbox, "jobs", "key", "text", is_unique=True)
    path = record(sandbox, "jobs", key="a")
    sandbox.call("PATCH", "/objects/jobs/attributes/key", {"data": {"api_slug": "code"}}).raise_for_status()
    assert values(sandbox, path, "code") == ["a"]
    by_id = write({created["id"]["attribute_id"]: "a"})
    assert refused(sandbox, "POST", "/objects/jobs/records", by_id) == (400, "uniqueness_conflict")
    sandbox.call("PATCH", "/objects/jobs/attributes/code", {"data": {"is_unique": False}}).raise_for_status()
    record(sandbox, "jobs", code="a")


def test_default_values_fill_what_is_not_written(sandbox: Sandbox) -> None:
    made(sandbox, "/objects", **JOBS)
    attribute(sandbox, "jobs", "state", "text", default_value={"type": "static", "template": ["open"]})
    me = {"type": "dynamic", "template": "current-user"}
    attribute(sandbox, "jobs", "owner", "actor-reference", default_value=me)
    assert values(sandbox, record(sandbox, "jobs"), "state") == ["open"]
    assert values(sandbox, record(sandbox, "jobs", state="shut"), "state") == ["shut"]
    assert values(sandbox, record(sandbox, "jobs"), "owner", "referenced_actor_type") == ["api-token"]


def test_options_have_one_title_each_and_archived_ones_cannot_be_written(sandbox: Sandbox) -> None:
    path = "/objects/companies/attributes/categories/options"
    robots = made(sandbox, path, title="Robots")["id"]["option_id"]
    assert refused(sandbox, "POST", path, {"data": {"title": "Robots"}}) == (409, "slug_conflict")
    bad = (400, "validation_type")
    assert refused(sandbox, "POST", "/objects/companies/attributes/name/options", {"data": {"title": "x"}}) == bad
    sandbox.call("PATCH", f"{path}/{robots}", {"data": {"title": "Robotics"}}).raise_for_status()
    assert made(sandbox, path, title="Robots")["id"]["option_id"] != robots
    held = record(sandbox, "companies", categories=[robots])
    assert [option["title"] for option in values(sandbox, held, "categories", "option")] == ["Robotics"]
    sandbox.call("PATCH", f"{path}/{robots}", {"data": {"is_archived": True}}).raise_for_status()
    body = write({"categories": ["Robotics"]})
    assert refused(sandbox, "POST", "/objects/companies/records", body) == (400, "value_not_found")
    assert refused(sandbox, "PATCH", f"{path}/{UNKNOWN}", {"data": {"title": "x"}}) == (404, "not_found")


def test_slugs_and_nouns_of_objects_are_unique(sandbox: Sandbox) -> None:
    made(sandbox, "/objects", **JOBS)
    assert refused(sandbox, "POST", "/objects", {"data": JOBS}) == (409, "slug_conflict")
    assert refused(sandbox, "POST", "/objects", {"data": {**JOBS, "api_slug": "other"}}) == (409, "slug_conflict")
    assert refused(sandbox, "POST", "/objects", {"data": {"api_slug": "x"}}) == (400, "validation_type")
    assert refused(sandbox, "PATCH", "/objects/jobs", {"data": {}}) == (400, "validation_type")
    assert refused(sandbox, "PATCH", "/objects/jobs", {"data": {"api_slug": "people"}}) == (409, "slug_conflict")
    assert refused(sandbox, "GET", "/objects/nothing") == (404, "not_found")
