"""What is extracted of payloads in the shapes they really have, as they arrive and by replaying them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import CHECKOUT, _connect

if TYPE_CHECKING:
    from tests.conftest import Canon, Database, Server

ANSWER: dict[str, Any] = {
    "id": "01fd",
    "name": "Acme",
    "domain": "acme.com",
    "website": "https://www.acme.com",
    "type": "private",
    "industry": "Software",
    "industries": ["Software", "Rockets"],
    "categories": ["b2b"],
    "keywords": [],
    "employees": "51-200",
    "revenue": "1m-10m",
    "founded_year": 1999,
    "page_rank": 4.25,
    "location": {
        "country": {"code": "FR", "name": "France"},
        "state": {"code": "IDF", "name": "Île-de-France"},
        "city": {"name": "Paris", "latitude": 48.85, "longitude": 2.35},
        "address": "1 rue de la Paix",
        "postal_code": "75002",
        "phone": None,
    },
    "financial": {"total_funding": 2500000, "funding_stage": "seed", "funding_date": "2024-02-01T00:00:00Z"},
    "socials": {"linkedin_url": "https://www.linkedin.com/company/acme", "linkedin_id": 77},
    "updated_at": "2026-05-01T00:00:00Z",
    "subsidiaries": [],
}
PLACES = [
    *("domain", "website", "status", "updated_at", "location", "city", "state", "country", "socials", "financial"),
    *("founded_year", "page_rank", "employees", "industries", "keywords", "total_funding", "funding_date"),
    *("first_name", "latest_experience_start_date", "latest_experience_company", "company_table_id", "jobPostData"),
    *("title", "salary_min", "salary_max", "posted_at", "closed_at", "company_url", "employment_type"),
]
RAW_AND_EXTRACTED = (
    "raw.companyenrich_payloads",
    "raw.person_discovery",
    "extracted.companyenrich_company",
    "extracted.person_discovery",
    "core.company_job_postings",
)


def ingest(database: Database, feed: str, *rows: dict[str, Any]) -> list[str]:
    """Call a feed's function with a list; return the statuses, with the reason where there is one."""
    ((results,),) = database.rows(f"select core.ingest_{feed}(%s::jsonb)", [json.dumps(rows)])
    return [": ".join(filter(None, [entry["status"], entry.get("reason")])) for entry in results]


def enrich(database: Database, *answers: Any, domain: str = "acme.com") -> list[str]:
    return ingest(database, "companyenrich", *({"domain": domain, "raw_payload": answer} for answer in answers))


def row(database: Database, table: str, *columns: str) -> dict[str, Any]:
    ((found,),) = database.rows(f"select to_jsonb(t) from {table} as t")
    return {name: found[name] for name in columns} if columns else dict(found)


def everything(database: Database) -> list[Any]:
    return [database.rows(f"select to_jsonb(t) from {table} as t order by id") for table in RAW_AND_EXTRACTED]


# Enrichment


def test_an_answer_fills_the_columns_of_the_table(database: Database) -> None:
    assert enrich(database, ANSWER) == ["inserted"]
    found = row(database, "extracted.companyenrich_company")
    assert {name: found[name] for name in ("companyenrich_id", "name", "founded_year", "page_rank")} == {
        "companyenrich_id": "01fd",
        "name": "Acme",
        "founded_year": 1999,
        "page_rank": 4.25,
    }
    assert (found["city"], found["state"], found["state_code"], found["country"], found["country_code"]) == (
        *("Paris", "Île-de-France", "IDF"),
        *("France", "FR"),
    )
    assert (found["latitude"], found["total_funding"], found["funding_date"]) == (48.85, 2500000, "2024-02-01")
    assert (found["linkedin_id"], found["industries"], found["keywords"]) == ("77", ["Software", "Rockets"], None)
    assert database.rows("select payload, id = %s from raw.companyenrich_payloads", [found["raw_payload_id"]]) == [
        (ANSWER, True)
    ]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (None, "the answer is empty"),
        ({}, "the answer names no company"),
        (
            {"title": "Not Found", "status": 404, "type": "https://tools.ietf.org/html/rfc9110"},
            "the answer is a refusal",
        ),
        ({"title": "Too Many Requests", "status": "429"}, "the answer is a refusal"),
        ({"name": "Acme", "domain": "acme.io"}, "the answer is about acme.io"),
        ({"name": "Getacme", "domain": None, "website": "https://www.getacme.com/"}, "the answer is about getacme.com"),
        ({**ANSWER, "name": "Older", "updated_at": "2026-04-30T23:59:59Z"}, "older than what is there"),
    ],
)
def test_what_must_not_overwrite_is_kept_as_it_came(database: Database, answer: Any, reason: str) -> None:
    enrich(database, ANSWER)
    before = row(database, "extracted.companyenrich_company")
    assert enrich(database, answer) == [f"kept: {reason}"]
    assert row(database, "extracted.companyenrich_company") == before
    assert database.rows("select count(*) from raw.companyenrich_payloads") == [(2,)]


RETYPED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"founded_year": "1999"}, {"founded_year": 1999}),
    ({"founded_year": "nineteen"}, {"founded_year": None}),
    ({"founded_year": 10**30}, {"founded_year": None}),
    ({"page_rank": "4.5"}, {"page_rank": 4.5}),
    ({"page_rank": {"value": 4}}, {"page_rank": None}),
    ({"employees": 250}, {"employees": "250"}),
    ({"employees": {"from": 1}}, {"employees": None}),
    ({"industries": "Software"}, {"industries": ["Software"]}),
    ({"industry": ["A", "B"]}, {"industry": "A; B"}),
    ({"location": "Paris, France"}, {"address": "Paris, France", "city": None}),
    (
        {"location": {"city": "Paris", "country": "France"}},
        {"city": "Paris", "country": "France", "country_code": None},
    ),
    ({"location": {"city": {"name": "Paris", "latitude": "48.85"}}}, {"latitude": 48.85}),
    ({"location": {"city": {"name": "Paris", "latitude": 4885}}}, {"latitude": None}),
    ({"location": []}, {"city": None}),
    ({"socials": "none", "financial": 3}, {"linkedin_url": None, "total_funding": None}),
    (
        {"financial": {"total_funding": "2,500,000", "funding_date": "soon"}},
        {"total_funding": 2500000, "funding_date": None},
    ),
    ({"updated_at": "2026-02-31"}, {"companyenrich_updated_at": None}),
    ({"updated_at": "2999-01-01T00:00:00Z"}, {"companyenrich_updated_at": None}),
    ({"updated_at": 1777593600}, {"companyenrich_updated_at": "2026-05-01T00:00:00+00:00"}),
    ({"name": {"legal": "Acme"}, "description": 5}, {"name": None, "description": "5"}),
]


@pytest.mark.parametrize(("fields", "columns"), RETYPED, ids=[json.dumps(fields)[:50] for fields, _ in RETYPED])
def test_a_field_of_another_type_is_read_where_it_can_be_and_costs_only_itself(
    database: Database, fields: dict[str, Any], columns: dict[str, Any]
) -> None:
    assert enrich(database, {"id": "01fd", "name": "Acme", "type": "private", **fields}) == ["inserted"]
    assert row(database, "extracted.companyenrich_company", *columns) == columns
    assert row(database, "extracted.companyenrich_company", "type") == {"type": "private"}


def test_what_an_answer_does_not_say_stays_and_a_place_is_known_as_a_whole(database: Database) -> None:
    enrich(database, ANSWER)
    assert enrich(database, {"name": "Acme", "industry": None, "location": {"country": {"code": "DE"}}}) == ["updated"]
    assert row(database, "extracted.companyenrich_company", "industry", "country_code", "city", "latitude") == {
        "industry": "Software",
        "country_code": "DE",
        "city": None,
        "latitude": None,
    }


def test_updated_at_moves_with_the_content_and_only_then(database: Database) -> None:
    enrich(database, ANSWER)
    before = row(database, "extracted.companyenrich_company")
    assert enrich(database, ANSWER, dict(reversed(ANSWER.items()))) == ["unchanged", "unchanged"]
    assert row(database, "extracted.companyenrich_company") == before

    assert enrich(database, {**ANSWER, "revenue": "over-1b"}) == ["updated"]
    after = row(database, "extracted.companyenrich_company", "updated_at", "revenue")
    assert after["updated_at"] > before["updated_at"]
    assert after["revenue"] == "over-1b"


def test_an_owners_table_with_other_columns_and_no_trigger_takes_what_it_can(database: Database) -> None:
    database.run(
        "alter table extracted.companyenrich_company drop column naics_codes, alter column founded_year type text",
        "drop trigger touch_updated_at on extracted.companyenrich_company",
    )
    enrich(database, {**ANSWER, "naics_codes": ["1"]})
    before = row(database, "extracted.companyenrich_company", "updated_at", "founded_year")
    enrich(database, {**ANSWER, "naics_codes": ["1"]})
    assert row(database, "extracted.companyenrich_company", "updated_at", "founded_year") == before
    enrich(database, {**ANSWER, "founded_year": 2001})
    after = row(database, "extracted.companyenrich_company", "updated_at", "founded_year")
    assert (after["founded_year"], after["updated_at"] > before["updated_at"]) == ("2001", True)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        ["2026-02-31", "2021-13", "1e400", "1,000", "-", " ", "{", '{"a": "\\u0000"}', "400", "0001-01-01"]
    )
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*PLACES, "name", "latitude", "code"]), inner, max_size=5)
    ),
    max_leaves=12,
)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
@given(
    payloads=st.lists(st.dictionaries(st.sampled_from(PLACES), JSON, min_size=1, max_size=8), min_size=20, max_size=40)
)
def test_no_payload_whatever_stops_a_list(database: Database, payloads: list[dict[str, Any]]) -> None:
    """Each row is stored as it came, and what is read of it fits its columns."""
    rows: dict[str, list[dict[str, Any]]] = {"companyenrich": [], "person_discovery": [], "job_posting": []}
    for number, payload in enumerate(payloads):
        rows["companyenrich"].append({"domain": f"p{number}.com", "raw_payload": {**payload, "name": "P"}})
        rows["person_discovery"].append(
            {"linkedin_url": f"in/p{number}", "workflow_slug": None, "raw_payload": payload}
        )
        rows["job_posting"].append({"domain": "p.com", "job_posting_payload": {**payload, "job_id": number}})
    for feed, given_rows in rows.items():
        statuses = {status.partition(":")[0] for status in ingest(database, feed, *given_rows)}
        assert statuses <= {"inserted", "updated", "unchanged", "kept"}


def test_an_owners_raw_tables_may_lack_what_is_not_essential(canon: Canon, database: Database) -> None:
    database.run(
        "alter table raw.person_discovery drop column workflow_slug, drop column clay_table_url",
        "alter table raw.job_posting_payloads drop column clay_table_url, drop column job_id",
    )
    fill(database)
    assert database.rows("select count(*) from raw.job_posting_payloads") == [(2,)]
    before = everything(database)
    canon("extract", "--replay").expect(0)
    assert everything(database) == before


# People and postings


def test_a_found_person_is_extracted_with_the_names_the_caller_had_cleaned(database: Database) -> None:
    payload = {
        "name": "ADA Lovelace",
        "first_name": "ADA",
        "location_name": "London",
        "domain": "acme.com",
        "latest_experience_title": "Engineer",
        "latest_experience_company": "Acme",
        "latest_experience_start_date": "2021-03",
        "company_table_id": "t_1",
        "company_record_id": 77,
    }
    person = {
        "linkedin_url": " https://www.linkedin.com/in/Ada/?x=1 ",
        "workflow_slug": "find",
        "raw_payload": json.dumps(payload),
        "cleaned_first_name": "Ada",
        "clay_table_url": "https://app.clay.com/t",
    }
    assert ingest(database, "person_discovery", person) == ["inserted"]
    assert database.rows("select raw_payload, workflow_slug from raw.person_discovery") == [(payload, "find")]
    found = row(database, "extracted.person_discovery")
    assert (found["full_name"], found["cleaned_first_name"], found["company_domain"]) == (
        "ADA Lovelace",
        "Ada",
        "acme.com",
    )
    assert (found["latest_start_date"], found["clay_company_record_id"]) == ("2021-03-01", "77")
    assert found["linkedin_url_normalized"] == "https://www.linkedin.com/in/ada"

    moved = {**person, "raw_payload": {"latest_experience_company": "Other"}}
    assert ingest(database, "person_discovery", moved, moved) == ["updated", "unchanged"]
    found = row(database, "extracted.person_discovery")
    assert (found["latest_company"], found["latest_title"], found["latest_start_date"]) == ("Other", None, None)
    assert (found["full_name"], found["location_name"]) == ("ADA Lovelace", "London")


@pytest.mark.parametrize("nested", [False, True])
def test_a_posting_is_extracted_flat_or_nested(database: Database, nested: bool) -> None:
    posting = {
        "job_id": 4012,
        "title": "Engineer (m/f/x)",
        "normalized_title": "Engineer",
        "location": ["Berlin", "Remote"],
        "salary_min": "100,000",
        "salary_max": 120000.5,
        "posted_at": "2026-05-01",
        "company_url": "https://www.linkedin.com/company/acme",
        "unknown": {"deep": [1]},
    }
    payload = {"jobPostData": posting, "other": 1} if nested else posting
    assert ingest(database, "job_posting", {"domain": "www.acme.com", "job_posting_payload": payload}) == ["inserted"]
    found = row(database, "core.company_job_postings")
    assert (found["domain"], found["job_id"], found["cleaned_job_title"]) == ("acme.com", "4012", "Engineer")
    assert (found["location"], found["salary_min"], found["salary_max"]) == ("Berlin; Remote", 100000, 120000.5)
    assert (found["posted_at"], found["company_linkedin_url"]) == (
        "2026-05-01T00:00:00+00:00",
        "https://www.linkedin.com/company/acme",
    )
    assert database.rows("select domain, job_id, payload from raw.job_posting_payloads") == [
        ("acme.com", "4012", payload)
    ]


def test_a_posting_without_an_id_is_kept_as_it_came(database: Database) -> None:
    row_ = {"domain": "acme.com", "job_posting_payload": {"title": "Engineer"}}
    assert ingest(database, "job_posting", row_) == ["kept: the payload has no job_id"]
    assert database.rows("select job_id, payload ->> 'title' from raw.job_posting_payloads") == [(None, "Engineer")]


def test_raw_and_extracted_are_stored_together_or_not_at_all(database: Database) -> None:
    database.run("alter table extracted.companyenrich_company add constraint no_acme check (name <> 'Acme')")
    with pytest.raises(Exception, match="no_acme"):
        enrich(database, ANSWER)
    assert database.rows("select count(*) from raw.companyenrich_payloads") == [(0,)]


# canon extract


def fill(database: Database) -> None:
    """Let payloads come in for each feed, some of them changing what others said."""
    enrich(database, ANSWER, {"title": "Not Found", "status": 404}, {**ANSWER, "revenue": "over-1b"})
    enrich(database, {"name": "Acme", "location": {"country": {"code": "DE"}}})
    enrich(database, {"name": "Beta"}, {"domain": "gamma.io"}, domain="beta.io")
    ada = {
        "workflow_slug": "w",
        "linkedin_url": "in/ada",
        "raw_payload": {"name": "Ada", "domain": "acme.com"},
        "cleaned_first_name": "Ada",
    }
    ingest(database, "person_discovery", ada, {**ada, "raw_payload": {"domain": "beta.io"}})
    posting = {"domain": "acme.com", "job_posting_payload": {"job_id": "1", "title": "A", "salary_min": 5}}
    ingest(database, "job_posting", posting, {**posting, "job_posting_payload": {"job_id": "1", "salary_max": 9}})


def test_a_replay_of_what_is_there_changes_nothing(canon: Canon, database: Database) -> None:
    fill(database)
    before = everything(database)
    answer = canon("extract", "--replay", "--json").expect(0).json
    assert [(feed["feed"], feed["payloads"], feed["refused"]) for feed in answer["feeds"]] == [
        ("companyenrich", 6, 2),
        ("person_discovery", 2, 0),
        ("job_posting", 2, 0),
    ]
    assert everything(database) == before


def test_what_was_lost_is_rebuilt_after_it_was_shown_and_a_second_replay_changes_nothing(
    canon: Canon, database: Database
) -> None:
    fill(database)
    volatile = {"id", "created_at", "updated_at", "linkedin_url_normalized"}

    def extracted() -> list[Any]:
        return [
            sorted(
                json.dumps({name: value for name, value in found.items() if name not in volatile}, sort_keys=True)
                for (found,) in database.rows(f"select to_jsonb(t) from {table} as t")
            )
            for table in RAW_AND_EXTRACTED[2:]
        ]

    before = extracted()
    database.run(
        "delete from extracted.person_discovery",
        "delete from core.company_job_postings",
        "delete from extracted.companyenrich_company where domain = 'beta.io'",
        "update extracted.companyenrich_company set name = 'Wrong', revenue = null",
    )
    damaged = everything(database)

    refused = canon("extract", "--replay").expect(2)
    assert "acme.com: name, revenue" in refused.stderr
    assert "nothing done" in refused.stderr
    dry = canon("extract", "--replay", "--dry-run", "--json").expect(0).json
    assert [(feed["new"], feed["changed"], feed["written"]) for feed in dry["feeds"]] == [
        (1, 1, 0),
        (1, 0, 0),
        (1, 0, 0),
    ]
    assert everything(database) == damaged

    done = canon("extract", "--replay", "--yes", "--json").expect(0).json
    assert [feed["written"] for feed in done["feeds"]] == [2, 1, 1]
    assert extracted() == before
    settled = everything(database)
    canon("extract", "--replay", "--yes").expect(0)
    assert everything(database) == settled


def test_without_replay_only_what_was_not_extracted_is(canon: Canon, database: Database) -> None:
    fill(database)
    database.run(
        "insert into raw.companyenrich_payloads (domain, payload) values ('https://new.io', '{\"name\": \"New\"}')",
        "update extracted.companyenrich_company set name = 'Mended by hand' where domain = 'acme.com'",
    )
    done = canon("extract", "companyenrich", "--yes", "--json").expect(0).json
    assert [(feed["new"], feed["changed"]) for feed in done["feeds"]] == [(1, 0)]
    names = dict(database.rows("select domain, name from extracted.companyenrich_company"))
    assert names == {"acme.com": "Mended by hand", "beta.io": "Beta", "new.io": "New"}


def test_a_feed_that_there_is_not_is_named(canon: Canon) -> None:
    assert "no feed is named crm" in canon("extract", "crm").expect(2).stderr


# Without the service


def test_the_grants_of_the_supabase_recipe_are_enough_for_each_feed(database: Database, server: Server) -> None:
    recipe = (CHECKOUT / "docs" / "deploy.md").read_text(encoding="utf-8")
    (grants,) = re.findall(r"```sql\n(.*?)```", recipe, re.DOTALL)
    with _connect({**server.superuser, "PGDATABASE": database.environment["PGDATABASE"]}) as superuser:
        superuser.execute("drop role if exists service_role")
        superuser.execute("create role service_role")
        superuser.execute(grants.encode())
        superuser.execute("set role service_role")
        for feed, row_ in {
            "company_canonical": {"domain": "acme.com", "cleaned_name": "Acme"},
            "companyenrich": {"domain": "acme.com", "raw_payload": {"name": "Acme"}},
            "person_discovery": {
                "linkedin_url": "in/ada",
                "workflow_slug": "find",
                "raw_payload": {"name": "Ada"},
                "cleaned_first_name": "Ada",
            },
            "job_posting": {"domain": "acme.com", "job_posting_payload": {"job_id": "1"}},
        }.items():
            for status in ("inserted", "unchanged"):
                found = superuser.execute(
                    f"select core.ingest_{feed}(%s::jsonb)".encode(), [json.dumps(row_)]
                ).fetchone()
                assert found == ([{"index": 0, "status": status}],)
        looked = superuser.execute("""select core.lookup_company_canonical('{"domain": "acme.com"}')""").fetchone()
        assert looked is not None
        assert looked[0][0]["cleaned_name"] == "Acme"
        superuser.execute("reset role")
        superuser.execute("drop owned by service_role")
        superuser.execute("drop role service_role")
