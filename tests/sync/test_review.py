"""The review page: who gets in, what it shows, and that decisions are kept and hold at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient
from psycopg import sql

from sync import removal
from sync.review.app import application, page
from sync.review.clusters import clusters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Database

VIEW = sql.Identifier("canon", "attio_company_duplicates")
ORIGIN = "http://testserver"
HEADERS = {"X-Review-Token": "secret", "Origin": ORIGIN}
KEPT, COPY, OTHER = (f"{number}0000000-0000-4000-8000-000000000000" for number in (1, 2, 3))
ROWS = f"""
create schema canon;
insert into attio_mirror.records (object, record_id, created_at, values) values
('companies', '{KEPT}', '2026-01-01', '{{"name": [{{"attribute_type": "text", "value": "Acme"}}]}}'),
('companies', '{COPY}', '2026-01-02', '{{"name": [{{"attribute_type": "text", "value": "Acme </script><b>"}}],
    "domains": [{{"attribute_type": "domain", "domain": "a.com"}}, {{"attribute_type": "domain", "domain": "b.com"}}],
    "description": []}}');
create table canon.attio_company_duplicates as
select
    '{KEPT}'::text as cluster_id, id as record_id, '{KEPT}'::text as survivor_record_id, role, 'likely'::text as tier,
    0.5 as score, '["same_name"]'::jsonb as reasons, 'https://app.attio.com/' || id as web_url, now() as created_at
from (values ('{KEPT}', 'survivor'), ('{COPY}', 'duplicate')) as made (id, role);
create table canon.attio_company_removals as
select
    record_id, survivor_record_id, cluster_id, 'Acme'::text as name, score
from canon.attio_company_duplicates
where role = 'duplicate';
"""


@pytest.fixture
def views(database: Database) -> Database:
    """Return a database with one cluster."""
    with database.connect() as connection:
        for statement in ROWS.split(";\n"):
            connection.execute(statement.encode())
    return database


@pytest.fixture
def client(views: Database) -> Iterator[TestClient]:
    """Return a client of the page's application."""
    with views.connect() as connection:
        app = application(connection, VIEW, object_slug="companies", token="secret", decided_by="somebody")
        yield TestClient(app, base_url=ORIGIN)


def decide(client: TestClient, decision: str | None, **headers: str) -> int:
    """Decide about the pair; return the status."""
    body: dict[str, Any] = {"pairs": [[COPY, KEPT]], "decision": decision}
    return int(client.post("/decisions", json=body, headers=HEADERS | headers).status_code)


def test_only_who_has_the_token_gets_in(client: TestClient) -> None:
    for path in ("/", "/clusters", "/?token=wrong", "/?token="):
        assert client.get(path).status_code == 403
    assert client.get("/?token=secret").status_code == 200
    assert client.get("/clusters", headers=HEADERS).status_code == 200


def test_somebody_elses_page_cannot_decide(client: TestClient, views: Database) -> None:
    body = {"pairs": [[COPY, KEPT]], "decision": "same"}
    assert decide(client, "same", Origin="https://elsewhere.example") == 403
    assert client.post("/decisions?token=secret", json=body, headers={"Origin": ORIGIN}).status_code == 403
    assert client.post("/decisions", json=body, headers={"X-Review-Token": "secret"}).status_code == 403
    assert views.rows("select count(*) from reference.duplicate_decisions") == [(0,)]


def test_a_cluster_shows_every_field_of_its_records_survivor_first(client: TestClient) -> None:
    [cluster] = client.get("/clusters", headers=HEADERS).json()
    assert [record["role"] for record in cluster["records"]] == ["survivor", "duplicate"]
    assert cluster["records"][0]["fields"] == {"name": "Acme"}
    assert cluster["records"][1]["fields"] == {"name": "Acme </script><b>", "domains": "a.com, b.com"}


def test_a_decision_is_kept_changed_and_taken_back(client: TestClient, views: Database) -> None:
    kept = "select record_id_a, record_id_b, decision, decided_by from reference.duplicate_decisions"
    assert decide(client, "distinct") == 204
    assert views.rows(kept) == [(KEPT, COPY, "distinct", "somebody")]
    assert decide(client, "same") == 204
    assert views.rows(kept) == [(KEPT, COPY, "same", "somebody")]
    [cluster] = client.get("/clusters", headers=HEADERS).json()
    assert [record["decision"] for record in cluster["records"]] == [None, "same"]
    assert decide(client, None) == 204
    assert views.rows(kept) == []


def test_what_was_said_to_be_distinct_is_not_removed_from_then_on(client: TestClient, views: Database) -> None:
    with views.connect() as connection:
        connection.execute("create temporary table attached (record_id text, kind text, count bigint)")
        relation = sql.Identifier("canon", "attio_company_removals")
        assert len(removal.clusters(connection, relation, "companies")) == 1
        decide(client, "distinct")
        assert removal.clusters(connection, relation, "companies") == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"pairs": [], "decision": "same"},
        {"pairs": [[COPY, KEPT]], "decision": "maybe"},
        {"pairs": [["no record", KEPT]], "decision": "same"},
    ],
)
def test_a_decision_of_another_shape_is_refused(client: TestClient, body: dict[str, Any]) -> None:
    assert client.post("/decisions", json=body, headers=HEADERS).status_code == 422


def test_the_page_as_a_file_holds_its_clusters_and_no_value_ends_its_script(views: Database) -> None:
    with views.connect() as connection:
        written = page(clusters(connection, VIEW, "companies"), "companies")
    assert "Acme \\u003c/script>" in written
    assert written.count("</script>") == 2
