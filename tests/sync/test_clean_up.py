"""The clean-up from the CRM to the CRM: pulled, built by dbt, removed, pulled again, taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import WITHOUT_TESTS
from tests.sync.sandbox_calls import made, record

if TYPE_CHECKING:
    from tests.conftest import Canon, Database, Dbt, Sandbox

ON_PEOPLE = ("--object", "people")
APPLY = ("duplicates", "apply", *ON_PEOPLE, "--yes", "--max", "10", "--json")
BUILD = (
    "build", *WITHOUT_TESTS, "--select",
    "+attio_company_duplicate_pairs", "+attio_person_duplicate_pairs",
    "+attio_company_removals", "+attio_person_removals",
)  # fmt: skip


def person(sandbox: Sandbox, first: str, last: str, **values: Any) -> str:
    """Create a person; return the record's id."""
    name = {"first_name": first, "last_name": last, "full_name": f"{first} {last}"}
    return record(sandbox, "people", name=[name], **values).rpartition("/")[2]


def company(sandbox: Sandbox, name: str, *domains: str) -> str:
    """Create a company; return the record's id."""
    return record(sandbox, "companies", name=name, domains=list(domains)).rpartition("/")[2]


def works_at(company_id: str) -> list[dict[str, str]]:
    """Return the reference to a company as one writes it."""
    return [{"target_object": "companies", "target_record_id": company_id}]


def people(sandbox: Sandbox) -> dict[str, Any]:
    """Return what every person holds, by the id of the record: values only, without who wrote them when."""
    found = sandbox.call("POST", "/objects/people/records/query", {"limit": 500}).raise_for_status().json()["data"]
    keep = ("value", "full_name", "email_address", "target_record_id", "domain")
    return {
        one["id"]["record_id"]: {
            slug: sorted(str({key: value[key] for key in keep if key in value}) for value in values)
            for slug, values in one["values"].items()
            if slug not in {"record_id", "created_at", "created_by"} and values
        }
        for one in found
    }


def tiers(database: Database, view: str) -> dict[frozenset[str], tuple[str, list[str]]]:
    """Return tier and reasons of each pair."""
    rows = database.rows(f"select record_id_a, record_id_b, tier, reasons from canon.{view}")
    return {frozenset((one, other)): (tier, reasons) for one, other, tier, reasons in rows}


@pytest.fixture(scope="session")
def template(seeded: str) -> str:
    """Return the name of the database that each test's own is a copy of: here one that holds the seeds."""
    return seeded


@pytest.fixture
def crm(sandbox: Sandbox) -> dict[str, str]:
    """Fill the CRM: by what each is here, the id of its record."""
    acme = company(sandbox, "Acme", "acme.com")
    bare = company(sandbox, "Acme Anvil Works")
    other = company(sandbox, "Other", "other.com")
    ids = {
        "acme": acme,
        "bare": bare,
        "ann": person(sandbox, "Ann", "Lee", linkedin=["https://www.linkedin.com/in/ann-lee"], company=works_at(acme)),
        "ann again": person(
            sandbox, "Ann", "Lee", linkedin=["http://uk.linkedin.com/in/Ann-Lee/?trk=x"], job_title=["Smith"]
        ),
        "bo": person(sandbox, "Bo", "Kim", email_addresses=["bo@acme.com"], company=works_at(acme)),
        "bo again": person(sandbox, "Bo", "Kim", email_addresses=["BO+news@acme.com"], company=works_at(bare)),
        "cy": person(sandbox, "Cy", "Roe", company=works_at(acme)),
        "cy of another": person(sandbox, "Cy", "Roe", company=works_at(other)),
    }
    parent = {"parent_object": "people", "parent_record_id": ids["bo again"]}
    made(sandbox, "/notes", **parent, title="Call", format="plaintext", content="Yes")
    return ids


def test_people_of_one_page_or_address_are_one_and_a_name_alone_says_nothing(
    canon: Canon, dbt: Dbt, database: Database, sandbox: Sandbox, crm: dict[str, str]
) -> None:
    canon("setup", "--yes").expect(0)
    before = people(sandbox)
    canon("pull").expect(0)
    dbt(*BUILD).expect(0)

    pairs = tiers(database, "attio_person_duplicate_pairs")
    ann, bo = frozenset((crm["ann"], crm["ann again"])), frozenset((crm["bo"], crm["bo again"]))
    assert {pair for pair, (tier, _) in pairs.items() if tier == "certain"} == {ann, bo}
    assert "same_linkedin" in pairs[ann][1]
    assert "same_email" in pairs[bo][1]
    # the people of a company without a domain write from the address of one that has it
    tier, reasons = tiers(database, "attio_company_duplicate_pairs")[frozenset((crm["acme"], crm["bare"]))]
    assert (tier, "same_email_domain" in reasons) == ("likely", True)

    planned = canon("duplicates", "plan", *ON_PEOPLE, "--json").expect(0).json
    assert planned["removal"]["copies"] == 2, planned
    done = canon(*APPLY).expect(0).json
    assert (done["counts"]["deleted"], done["counts"]["merged"]) == (1, 1), done
    left = people(sandbox)
    assert len(left) == len(before) - 2
    assert {crm["cy"], crm["cy of another"]} <= set(left)
    assert len(sandbox.call("GET", "/notes").json()["data"]) == 1, "the note moved with its person"
    # the survivor has what only the copy had
    [kept] = [values for values in left.values() if "ann-lee" in str(values.get("linkedin", "")).lower()]
    assert "Smith" in str(kept["job_title"])

    canon("pull").expect(0)
    dbt(*BUILD).expect(0)
    assert canon("duplicates", "plan", *ON_PEOPLE, "--json").expect(0).json["removal"]["copies"] == 0
    assert canon(*APPLY).expect(0).json["counts"].get("deleted", 0) == 0
    undone = canon("undo", str(done["run_id"]), "--yes", "--json").expect(1).json  # a merge cannot be taken back
    assert undone["counts"]["recreated"] == 1
    assert [one["reason"] for one in undone["stayed"] if "merge" in one["reason"]] != [], undone
    assert len(people(sandbox)) == len(before) - 1


def test_deleted_copies_stay_deleted_and_their_domains_lead_to_the_survivor(
    canon: Canon, dbt: Dbt, database: Database, sandbox: Sandbox
) -> None:
    page = {"linkedin": ["https://www.linkedin.com/company/acme"]}
    kept = record(sandbox, "companies", name="Acme", domains=["acme.com"], description=["Anvils"], **page)
    copy = record(sandbox, "companies", name="Acme Inc.", domains=["acme.io"], **page)
    kept_id, copy_id = kept.rpartition("/")[2], copy.rpartition("/")[2]
    # the sources know both domains, and every company known is to be in Attio
    database.run(
        "insert into extracted.companyenrich_company (domain, name, employees) values"
        " ('acme.com', 'Acme', '51-200'), ('acme.io', 'Acme', '51-200'), ('new.com', 'New', '11-50')"
    )
    exports = ("+attio_companies", "+attio_people", "+attio_job_postings")
    build = ("build", "--exclude-resource-type", "unit_test", "--vars", "{attio_scope: all}", "--select", *exports)
    sync = ("sync", "attio_companies", "--yes", "--json")
    canon("setup", "--yes").expect(0)
    canon("pull").expect(0)
    dbt(*BUILD).expect(0)
    done = canon("duplicates", "apply", "--yes", "--max", "10", "--json").expect(0).json
    assert done["counts"]["deleted"] == 1, done

    created = []
    for _ in range(2):
        canon("pull").expect(0)
        dbt(*build).expect(0)
        created.append(canon(*sync).expect(0).json["counts"].get("created", 0))
        left = {one["id"]["record_id"]: one["values"]["name"][0]["value"] for one in sandbox.records("companies")}
        assert copy_id not in left
        assert sorted(left.values()) == ["Acme", "New"], "nothing is made again"
    assert created == [1, 0], "only the company that was nowhere"
    assert database.rows(
        "select domain, record_id::text from canon_intermediate.int_companies_matched_in_crm"
        " where domain in ('acme.com', 'acme.io') order by domain"
    ) == [("acme.com", kept_id), ("acme.io", kept_id)]
