"""References, deletions, filters, sorts and pages of the sandbox behave as Attio's do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sync.sandbox_calls import JOBS, UNKNOWN, attribute, made, record, refused, values, write

if TYPE_CHECKING:
    from tests.conftest import Sandbox

COMPANIES = "/objects/companies/records/query"


def identity(path: str) -> str:
    """Return the record id of a path."""
    return path.rsplit("/", 1)[1]


def names(sandbox: Sandbox, **query: Any) -> list[str]:
    """Return the names of the companies that a query finds."""
    found = sandbox.call("POST", COMPANIES, query).raise_for_status().json()["data"]
    return [one["values"]["name"][0]["value"] for one in found]


# References and deletion


def test_team_and_company_are_two_sides_of_one_thing(sandbox: Sandbox) -> None:
    acme, other = (record(sandbox, "companies", domains=[domain]) for domain in ("acme.com", "other.com"))
    jo = record(sandbox, "people", company="acme.com")
    assert values(sandbox, acme, "team", "target_record_id") == [identity(jo)]
    sandbox.call("PATCH", jo, write({"company": "other.com"})).raise_for_status()
    assert values(sandbox, acme, "team", "target_record_id") == []
    assert values(sandbox, other, "team", "target_record_id") == [identity(jo)]
    team = [{"target_object": "people", "target_record_id": identity(jo)}]
    sandbox.call("PATCH", acme, write({"team": team})).raise_for_status()
    assert values(sandbox, jo, "company", "target_record_id") == [identity(acme)]
    assert values(sandbox, other, "team", "target_record_id") == []
    sandbox.call("PUT", acme, write({"team": []})).raise_for_status()
    assert values(sandbox, jo, "company", "target_record_id") == []


def test_a_relationship_of_ones_own_has_two_sides_too(sandbox: Sandbox) -> None:
    made(sandbox, "/objects", **JOBS)
    other_side = {"object": "companies", "title": "Jobs", "api_slug": "jobs", "is_multiselect": True}
    config = {"record_reference": {"allowed_objects": ["companies"]}}
    attribute(sandbox, "jobs", "company", "record-reference", config=config, relationship=other_side)
    acme = record(sandbox, "companies", domains=["acme.com"])
    job = record(sandbox, "jobs", company={"target_object": "companies", "domains": [{"domain": "acme.com"}]})
    assert values(sandbox, acme, "jobs", "target_record_id") == [identity(job)]


def test_a_deleted_record_is_gone_for_good_with_all_references_to_it(sandbox: Sandbox) -> None:
    acme = record(sandbox, "companies", domains=["acme.com"])
    jo = record(sandbox, "people", company="acme.com")
    assert sandbox.call("DELETE", acme).json() == {}
    assert values(sandbox, jo, "company", "target_record_id") == []
    for method, body in (("GET", None), ("DELETE", None), ("PATCH", write({})), ("PUT", write({}))):
        assert refused(sandbox, method, acme, body) == (404, "not_found")
    assert sandbox.records("companies") == []
    assert record(sandbox, "companies", domains=["acme.com"]) != acme


# Filters


@pytest.fixture
def three(sandbox: Sandbox) -> Sandbox:
    """Return the sandbox with three companies: Acme, Beta and Gamma; Acme alone has everything."""
    attribute(sandbox, "companies", "seen", "timestamp")
    filled: dict[str, Any] = {"categories": ["SaaS"], "foundation_date": "1999-03-01", "seen": "2026-01-01T00:00:00.5Z"}
    record(sandbox, "companies", name="Acme", domains=["acme.com"], twitter_follower_count=10, **filled)
    record(sandbox, "companies", name="Beta", domains=["app.beta.com"], twitter_follower_count=5)
    record(sandbox, "companies", name="Gamma")
    record(sandbox, "people", company="acme.com", email_addresses=["jo@acme.com"])
    return sandbox


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({}, "Acme Beta Gamma"),
        ({"name": "Acme"}, "Acme"),
        ({"name": "acme"}, ""),
        ({"name": {"$eq": "Acme"}}, "Acme"),
        ({"name": {"value": {"$contains": "M"}}}, "Acme Gamma"),
        ({"name": {"$starts_with": "be"}}, "Beta"),
        ({"name": {"$ends_with": "A"}}, "Beta Gamma"),
        ({"domains": "ACME.com"}, "Acme"),
        ({"domains": {"root_domain": {"$eq": "beta.com"}}}, "Beta"),
        ({"domains": {"$not_empty": True}}, "Acme Beta"),
        ({"$not": {"domains": {"$not_empty": True}}}, "Gamma"),
        ({"twitter_follower_count": {"$gte": 5, "$lt": 10}}, "Beta"),
        ({"foundation_date": {"$lte": "1999-03-01"}}, "Acme"),
        ({"seen": {"$gt": "2026-01-01T00:00:00Z"}}, "Acme"),
        ({"seen": {"$lt": "2026-01-01T00:00:00.500000001Z"}}, "Acme"),
        ({"seen": "2026-01-01T00:00:00.500000000Z"}, "Acme"),
        ({"categories": "SaaS"}, "Acme"),
        ({"$or": [{"name": "Acme"}, {"name": "Gamma"}]}, "Acme Gamma"),
        ({"$and": [{"name": "Acme"}, {"domains": "app.beta.com"}]}, ""),
        ({"name": "Acme", "domains": "acme.com"}, "Acme"),
        ({"path": [["companies", "team"], ["people", "email_addresses"]], "constraints": "jo@acme.com"}, "Acme"),
    ],
)
def test_a_filter_finds_what_it_says(three: Sandbox, where: dict[str, Any], found: str) -> None:
    assert sorted(names(three, filter=where)) == found.split()


def test_records_are_found_by_id(three: Sandbox) -> None:
    acme = three.records("companies")[-1]["id"]["record_id"]
    assert names(three, filter={"record_id": {"$in": [acme, UNKNOWN]}}) == ["Acme"]
    people = three.call("POST", "/objects/people/records/query", {"filter": {"company": {"target_record_id": acme}}})
    assert len(people.json()["data"]) == 1


@pytest.mark.parametrize(
    ("where", "code"),
    [
        ([], "filter_error"),
        ({"nothing": "x"}, "unknown_filter_attribute_slug"),
        ({"$nor": []}, "unknown_filter_attribute_slug"),
        ({"$not": {"$or": [{"name": "Acme"}]}}, "unknown_filter_attribute_slug"),
        ({"$or": {"name": "Acme"}}, "filter_error"),
        ({"name": {}}, "filter_error"),
        ({"name": {"first_name": "x"}}, "invalid_filter_field"),
        ({"primary_location": {"latitude": "1"}}, "invalid_filter_field"),
        ({"name": {"$regex": "x"}}, "invalid_filter_operator"),
        ({"name": {"$gt": "x"}}, "invalid_filter_operator"),
        ({"name": {"$in": ["x"]}}, "invalid_filter_operator"),
        ({"twitter_follower_count": {"$contains": "1"}}, "invalid_filter_operator"),
        ({"twitter_follower_count": {"$gt": "1"}}, "filter_error"),
        ({"name": ["Acme"]}, "filter_error"),
        ({"name": {"$contains": 1}}, "filter_error"),
        ({"domains": {"$not_empty": False}}, "filter_error"),
        ({"created_at": {"$gt": "2026-01-01T00:00:00+00:00"}}, "filter_error"),
        ({"created_at": {"$gt": "yesterdayZ"}}, "filter_error"),
        ({"record_id": {"$in": "x"}}, "filter_error"),
        ({"path": [["people", "company"]], "constraints": {}}, "filter_error"),
        ({"path": [["companies", "team"], ["companies", "name"]], "constraints": "x"}, "filter_error"),
        ({"path": [["companies", "nothing"]], "constraints": "x"}, "unknown_filter_attribute_slug"),
    ],
)
def test_a_bad_filter_is_refused_with_its_path(three: Sandbox, where: Any, code: str) -> None:
    assert refused(three, "POST", COMPANIES, {"filter": where}) == (400, code)
    assert isinstance(three.call("POST", COMPANIES, {"filter": where}).json()["path"], list)


def test_e_mails_know_no_not_empty_and_phones_need_their_prefix(sandbox: Sandbox) -> None:
    record(sandbox, "people", email_addresses=["Jo@Acme.com"], phone_numbers=["+49 151 12345678"])
    path = "/objects/people/records/query"
    not_empty = {"filter": {"email_addresses": {"$not_empty": True}}}
    assert refused(sandbox, "POST", path, not_empty) == (400, "invalid_filter_operator")
    found = {
        address: len(sandbox.call("POST", path, {"filter": {slug: address}}).json()["data"])
        for slug, address in (
            ("email_addresses", "JO@acme.com"),
            ("phone_numbers", "+4915112345678"),
            ("phone_numbers", "15112345678"),
        )
    }
    assert found == {"JO@acme.com": 1, "+4915112345678": 1, "15112345678": 0}


# Sorts and pages


def test_sorts_order_by_value_with_empty_ones_last(three: Sandbox) -> None:
    count = "twitter_follower_count"
    assert names(three, sorts=[{"attribute": "name", "direction": "desc"}]) == ["Gamma", "Beta", "Acme"]
    assert names(three, sorts=[{"attribute": count, "direction": "asc"}]) == ["Beta", "Acme", "Gamma"]
    assert names(three, sorts=[{"attribute": count, "direction": "desc"}]) == ["Acme", "Beta", "Gamma"]
    assert names(three, sorts=[{"attribute": "created_at", "direction": "asc"}]) == ["Acme", "Beta", "Gamma"]
    through = {"path": [["companies", "team"], ["people", "email_addresses"]], "direction": "asc"}
    assert names(three, sorts=[through, {"attribute": "name", "direction": "desc"}]) == ["Acme", "Gamma", "Beta"]


def test_without_sorts_the_order_is_not_that_of_creation(three: Sandbox) -> None:
    assert names(three) != ["Acme", "Beta", "Gamma"]


@pytest.mark.parametrize(
    ("sorts", "code"),
    [
        ("name", "validation_type"),
        ([{"attribute": "name"}], "validation_type"),
        ([{"attribute": "name", "direction": "up"}], "validation_type"),
        ([{"attribute": "name", "direction": "asc", "path": []}], "validation_type"),
        ([{"attribute": "nothing", "direction": "asc"}], "unknown_filter_attribute_slug"),
        ([{"attribute": "name", "field": "first_name", "direction": "asc"}], "invalid_filter_field"),
    ],
)
def test_a_bad_sort_is_refused(sandbox: Sandbox, sorts: Any, code: str) -> None:
    assert refused(sandbox, "POST", COMPANIES, {"sorts": sorts}) == (400, code)


@pytest.mark.parametrize(
    "page", [{"limit": 501}, {"limit": 0}, {"limit": "5"}, {"limit": 1.5}, {"offset": -1}, {"cursor": "x"}]
)
def test_a_page_holds_at_most_500(sandbox: Sandbox, page: dict[str, Any]) -> None:
    assert refused(sandbox, "POST", COMPANIES, page) == (400, "validation_type")


def test_pages_follow_each_other_and_a_short_one_ends(three: Sandbox) -> None:
    sorts = [{"attribute": "created_at", "direction": "asc"}]
    assert names(three, sorts=sorts, limit=2) == ["Acme", "Beta"]
    assert names(three, sorts=sorts, limit=2, offset=2) == ["Gamma"]
    assert names(three, sorts=sorts, limit=2, offset=4) == []
    shown = three.call("GET", "/objects/companies/attributes?limit=2&offset=1").json()["data"]
    assert len(shown) == 2
    assert refused(three, "GET", "/objects/companies/attributes?limit=x") == (400, "validation_type")
