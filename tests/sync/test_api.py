"""`canon serve`: what callers send, what they are told, and what is in the database afterwards."""

from __future__ import annotations

import contextlib
import json
import random
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.conftest import PLAIN
from tests.sync.api_service import TOKEN, Service, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Canon, Database, Server

ENDPOINTS = (
    "/ingest_company_canonical",
    "/lookup_company_canonical",
    "/ingest_companyenrich",
    "/ingest_person_discovery",
    "/ingest_job_posting",
)
TABLES = (
    "raw.companyenrich_payloads",
    "raw.person_discovery",
    "raw.job_posting_payloads",
    "extracted.companyenrich_company",
    "extracted.person_discovery",
    "core.company_canonical",
    "core.company_job_postings",
)


@pytest.fixture(scope="module")
def shared(server: Server, migrated: str) -> Iterator[Database]:
    """Return this module's database; tests keep apart by their companies' domains."""
    database = server.create(template=migrated)
    yield database
    server.drop(database)


@pytest.fixture(scope="module")
def service(shared: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("serve"), shared) as running:
        yield running


def contents(database: Database) -> dict[str, Any]:
    return {table: database.rows(f"select to_jsonb(t) from {table} as t order by id") for table in TABLES}


def company(database: Database, domain: str) -> tuple[Any, ...]:
    (row,) = database.rows(
        "select original_name, cleaned_name, linkedin_url from core.company_canonical where domain = %s", [domain]
    )
    return tuple(row)


# The door


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize(
    "given", [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer é"]
)
def test_without_the_token_nobody_gets_in(service: Service, endpoint: str, given: str | None) -> None:
    headers = {} if given is None else {b"Authorization": given.encode()}
    answer = httpx.post(service.url + endpoint, json={"domain": "acme.com"}, headers=headers, verify=PLAIN)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_health_needs_no_token(service: Service) -> None:
    answer = httpx.get(f"{service.url}/health", verify=PLAIN)
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"{},{}", 400),
        (b"nonsense", 400),
        (b'{"domain": NaN}', 400),
        (b'{"domain": "\xff\xfe"}', 400),
        (b"[" * 200_000 + b"]" * 200_000, 400),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400),
        (b"5", 422),
        (b"null", 422),
        (b'"text"', 422),
        (b"{}", 422),
        (b'{"domain": null, "linkedin_url": null}', 422),
        (b'{"domain": ["acme.com"], "linkedin_url": {}}', 422),
        (b'{"domain": "a\\u0000.com", "linkedin_url": "a\\u0000"}', 422),
        (json.dumps([{}] * 1001).encode(), 422),
        (b" " * (8 * 1024 * 1024 + 1), 413),
        (b'{"domain": "' + b"a" * 10_000_000 + b'"}', 413),
    ],
    ids=lambda value: value[:20].decode("latin-1") if isinstance(value, bytes) else str(value),
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    service: Service, shared: Database, endpoint: str, body: bytes, status: int
) -> None:
    before = contents(shared)
    answer = service.post(endpoint, content=body)
    assert (answer.status_code, set(answer.json()) >= {"detail"}) == (status, True), answer.text
    assert contents(shared) == before


def test_a_body_that_does_not_say_how_long_it_is_is_read_no_further_than_allowed(service: Service) -> None:
    answer = service.post("/ingest_companyenrich", content=(b" " * 1_000_000 for _ in range(9)))
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("endpoint", "row", "field"),
    [
        ("/ingest_company_canonical", {"original_name": "Acme"}, "domain"),
        ("/ingest_company_canonical", {"domain": "CRM"}, "domain"),
        ("/ingest_company_canonical", {"domain": 7}, "domain"),
        ("/ingest_company_canonical", {"domain": "refused.com", "original_name": 7}, "original_name"),
        ("/ingest_company_canonical", {"domain": "refused.com", "cleaned_name": ["Acme"]}, "cleaned_name"),
        ("/ingest_company_canonical", {"domain": "refused.com", "cleaned_name": "A\0me"}, "cleaned_name"),
        ("/ingest_company_canonical", {"domain": "refused.com", "linkedin_url": {}}, "linkedin_url"),
        ("/lookup_company_canonical", {"domain": "Ada Example"}, "domain"),
        ("/ingest_companyenrich", {"domain": "refused.com"}, "raw_payload"),
        ("/ingest_companyenrich", {"domain": "refused.com", "raw_payload": [1]}, "raw_payload"),
        ("/ingest_companyenrich", {"raw_payload": {"name": "Acme"}}, "domain"),
        ("/ingest_person_discovery", {"raw_payload": {"name": "Ada"}}, "linkedin_url"),
        ("/ingest_person_discovery", {"linkedin_url": "N/A", "raw_payload": {"name": "Ada"}}, "linkedin_url"),
        ("/ingest_person_discovery", {"linkedin_url": "x" * 2001, "raw_payload": {}}, "linkedin_url"),
        ("/ingest_person_discovery", {"linkedin_url": "in/ada", "raw_payload": "text"}, "raw_payload"),
        (
            "/ingest_person_discovery",
            {"linkedin_url": "in/ada", "raw_payload": {}, "workflow_slug": 1},
            "workflow_slug",
        ),
        ("/ingest_job_posting", {"domain": "refused.com"}, "job_posting_payload"),
        ("/ingest_job_posting", {"domain": "", "job_posting_payload": {"job_id": 1}}, "domain"),
    ],
)
def test_a_bad_object_is_refused_by_its_field_and_nothing_of_it_is_stored(
    service: Service, shared: Database, endpoint: str, row: dict[str, Any], field: str
) -> None:
    before = contents(shared)
    answer = service.post(endpoint, row)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert field in answer.json()["detail"]
    assert contents(shared) == before


def test_each_answer_carries_a_request_id_that_the_log_knows_and_the_log_knows_no_contents(service: Service) -> None:
    given = service.post("/lookup_company_canonical", {"domain": "secret.example"}, headers={"X-Request-Id": "mine-1"})
    made = service.post("/ingest_company_canonical", {"domain": "a\0.com", "original_name": "Secret Name"})
    assert given.headers["x-request-id"] == "mine-1"

    by_id = service.logged({"mine-1", made.headers["x-request-id"]})
    assert (by_id["mine-1"]["path"], by_id["mine-1"]["status"]) == ("/lookup_company_canonical", 200)
    assert by_id[made.headers["x-request-id"]]["status"] == 422
    assert not any(word in service.log.read_text() for word in ("secret.example", "Secret Name", TOKEN))


def test_the_description_has_an_example_that_each_endpoint_takes(service: Service) -> None:
    paths = service.client.get("/openapi.json").json()["paths"]
    assert service.client.get("/docs").status_code == 200
    for endpoint in ENDPOINTS:
        examples = paths[endpoint]["post"]["requestBody"]["content"]["application/json"]["examples"]
        for example in examples.values():
            answer = service.post(endpoint, example["value"])
            assert answer.status_code == 200, answer.text


# Companies


def test_spellings_of_a_domain_are_one_company_and_blanks_do_not_overwrite(service: Service, shared: Database) -> None:
    path = "/ingest_company_canonical"
    first = service.post(path, {"domain": "https://ada@WWW.Spelled.com:443/a?b#c", "original_name": " Spelled, Inc. "})
    second = service.post(path, {"domain": "spelled.com.", "original_name": "  ", "cleaned_name": "Spelled"})
    third = service.post(path, {"domain": "spelled.com", "cleaned_name": None, "original_name": "Spelled, Inc."})

    assert [answer.json() for answer in (first, second, third)] == [
        {"status": "inserted"},
        {"status": "updated"},
        {"status": "unchanged"},
    ]
    assert company(shared, "spelled.com") == ("Spelled, Inc.", "Spelled", None)


def test_a_look_up_sees_what_came_in_a_moment_ago(service: Service) -> None:
    asked = {"domain": "http://www.moment.io/"}
    unknown = {"found": False, "domain": "moment.io", "original_name": None, "cleaned_name": None, "linkedin_url": None}
    assert service.post("/lookup_company_canonical", asked).json() == unknown

    service.post("/ingest_company_canonical", {"domain": "moment.io", "cleaned_name": "Moment"})

    known = {**unknown, "found": True, "cleaned_name": "Moment"}
    assert service.post("/lookup_company_canonical", asked).json() == known
    listed = service.results("/lookup_company_canonical", [asked, {"domain": "nobody.io"}, {"domain": "?"}])
    assert [entry.get("found") for entry in listed] == [True, False, None]


def test_good_rows_of_a_list_are_stored_though_others_are_bad(service: Service, shared: Database) -> None:
    rows = [{"domain": "list1.com"}, {"domain": "a\0b.com"}, "text", {"domain": "CRM"}, {"domain": "list2.com"}]
    found = service.results("/ingest_company_canonical", rows)
    assert [entry["status"] for entry in found] == ["inserted", "refused", "refused", "refused", "inserted"]
    assert [entry.get("field") for entry in found] == [None, "domain", None, "domain", None]
    assert shared.rows("select count(*) from core.company_canonical where domain ~ '^list[12]'") == [(2,)]


def test_a_list_says_of_each_row_what_one_by_one_would(service: Service, shared: Database) -> None:
    row = {"domain": "twice.com", "original_name": "One"}
    rows = [row, {**row, "original_name": "Two"}, {**row, "original_name": "Two"}, {"domain": "twice.com"}]
    found = service.results("/ingest_company_canonical", rows)
    assert [entry["status"] for entry in found] == ["inserted", "updated", "unchanged", "unchanged"]
    assert company(shared, "twice.com") == ("Two", None, None)


def test_a_thousand_rows_are_taken_at_once(service: Service, shared: Database) -> None:
    rows = [{"domain": f"n{number}.thousand.com"} for number in range(1000)]
    assert {entry["status"] for entry in service.results("/ingest_company_canonical", rows)} == {"inserted"}
    assert shared.rows("select count(*) from core.company_canonical where domain ~ 'thousand'") == [(1000,)]


def test_what_looks_like_sql_is_text(service: Service, shared: Database) -> None:
    hostile = "'); drop table core.company_canonical; -- %s $1 {} \\"
    service.post("/ingest_company_canonical", {"domain": "hostile.com", "original_name": hostile})
    service.post("/ingest_companyenrich", {"domain": "hostile.com", "raw_payload": {"name": hostile, hostile: hostile}})
    assert company(shared, "hostile.com")[0] == hostile
    stored = shared.rows("select name from extracted.companyenrich_company where domain = 'hostile.com'")
    assert stored == [(hostile,)]


def test_what_a_constraint_or_a_trigger_of_the_owners_objects_to_costs_only_its_row(
    service: Service, shared: Database
) -> None:
    shared.run(
        "alter table core.company_canonical add constraint nobody check (cleaned_name <> 'Nobody')",
        "create function core.refuse() returns trigger language plpgsql as "
        "$$ begin if new.cleaned_name = 'Noone' then raise exception 'secret words'; end if; return new; end $$",
        "create trigger refuse before insert on core.company_canonical for each row execute function core.refuse()",
    )
    rows = [
        {"domain": "rule1.com", "cleaned_name": "Somebody"},
        {"domain": "rule2.com", "cleaned_name": "Nobody"},
        {"domain": "rule3.com", "cleaned_name": "Noone"},
        {"domain": "rule4.com", "cleaned_name": "Anybody"},
    ]
    found = service.results("/ingest_company_canonical", rows)
    assert [entry["status"] for entry in found] == ["inserted", "refused", "refused", "inserted"]
    assert [entry.get("reason") for entry in found[1:3]] == [
        "breaks the rule nobody of its table",
        "is refused by a trigger of its table",
    ]
    assert service.post("/ingest_company_canonical", rows[1]).status_code == 422
    assert "secret words" not in service.log.read_text()


def test_lists_of_the_same_companies_in_any_order_do_not_stand_in_each_others_way(
    service: Service, shared: Database
) -> None:
    fields = ("original_name", "cleaned_name", "linkedin_url")
    domains = [f"n{number}.together.com" for number in range(200)]
    lists = []
    for turn in range(9):
        chosen = random.Random(turn).sample(domains, 150)
        lists.append([{"domain": domain, fields[turn % 3]: f"{fields[turn % 3]} of {domain}"} for domain in chosen])
    with ThreadPoolExecutor(9) as at_once:
        found = list(at_once.map(lambda rows: service.results("/ingest_company_canonical", rows), lists))

    assert {entry["status"] for results in found for entry in results} <= {"inserted", "updated", "unchanged"}
    said = {(row["domain"], name, value) for rows in lists for row in rows for name, value in row.items()}
    stored = shared.rows(
        "select domain, domain, original_name, cleaned_name, linkedin_url from core.company_canonical"
        " where domain ~ 'together'"
    )
    kept = {
        (domain, name, value)
        for domain, *values in stored
        for name, value in zip(("domain", *fields), values, strict=True)
        if value is not None
    }
    assert kept == said, "nothing that one list said was lost to another"


# The command


def test_it_does_not_start_without_a_token(canon: Canon) -> None:
    refused = canon("serve", "--port", "0").expect(2)
    assert "CANON_API_TOKEN is not set" in refused.stderr


def test_it_does_not_start_on_a_database_without_its_functions(canon: Canon, empty_database: Database) -> None:
    refused = canon("serve", "--port", "0", env={**empty_database.environment, "CANON_API_TOKEN": TOKEN}).expect(2)
    assert "run `canon migrate` first" in refused.stderr


def test_a_taken_port_is_one_line(canon: Canon) -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        refused = canon("serve", "--port", str(port), env={"CANON_API_TOKEN": TOKEN}).expect(2)
    assert refused.stderr.splitlines() == [
        f"canon: port {port} on 127.0.0.1 cannot be had (Address already in use): choose another with --port"
    ]
