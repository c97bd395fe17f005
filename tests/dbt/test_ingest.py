"""What came in, counted: 148 answers of the enrichment, of which 40 said something new."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.dbt.conftest import fill

if TYPE_CHECKING:
    from tests.conftest import Database, Dbt

COUNTS = "payloads, extracted_new, extracted_changed, extracted_identical, extracted_refused, extracted_missing"
MODELS = "+ingest_reconciliation +company_canonical"


def enrich(database: Database, rows: list[dict[str, Any]]) -> list[str]:
    ((results,),) = database.rows("select core.ingest_companyenrich(%s::jsonb)", [json.dumps(rows)])
    return [entry["status"] for entry in results]


def reconciled(database: Database, day: str) -> tuple[int, ...]:
    """Return the counts of the enrichment on `day`, an SQL expression."""
    (row,) = database.rows(
        f"select {COUNTS} from canon.ingest_reconciliation where source = 'companyenrich' and day = {day}"
    )
    return tuple(row)


def test_148_payloads_arrive_and_it_is_said_what_each_of_them_did(database: Database, dbt: Dbt) -> None:
    fill(database)
    database.run("truncate raw.companyenrich_payloads, extracted.companyenrich_company")
    answers: list[dict[str, Any]] = [
        {"domain": f"c{n}.com", "raw_payload": {"name": f"C {n}", "employees": "1-10", "updated_at": "2026-05-01"}}
        for n in range(148)
    ]
    assert set(enrich(database, answers)) == {"inserted"}
    database.run(
        "update raw.companyenrich_payloads set created_at = created_at - interval '1 day'",
        "alter table extracted.companyenrich_company disable trigger all",
        "update extracted.companyenrich_company set created_at = created_at - interval '1 day', "
        "updated_at = updated_at - interval '1 day'",
        "alter table extracted.companyenrich_company enable trigger all",
    )
    before = dict(database.rows("select domain, updated_at from extracted.companyenrich_company"))

    for row in answers[:40]:
        row["raw_payload"] |= {"employees": "11-50", "updated_at": "2026-06-01"}
    for row in answers[140:]:
        row["raw_payload"] |= {"name": "Somebody else", "domain": "else.com"}
    statuses = enrich(database, answers)

    assert [statuses.count(status) for status in ("updated", "unchanged", "kept")] == [40, 100, 8]
    after = dict(database.rows("select domain, updated_at from extracted.companyenrich_company"))
    assert {domain for domain in before if before[domain] != after[domain]} == {f"c{n}.com" for n in range(40)}

    dbt("build", "-s", MODELS, "--exclude-resource-type", "unit_test").expect(0)
    assert reconciled(database, "(now() at time zone 'UTC')::date - 1") == (148, 148, 0, 0, 0, 0)
    assert reconciled(database, "(now() at time zone 'UTC')::date") == (148, 0, 40, 100, 8, 0)
    # what came in is in the canonical companies after the build
    assert database.rows(
        "select count(*) from canon.company_canonical where domain ~ '^c[0-9]+.com$' and employee_range = '11-50'"
    ) == [(40,)]

    # the old feed: payloads are stored, and nobody extracts them
    database.run(
        "insert into raw.companyenrich_payloads (domain, payload) values "
        """('c0.com', '{"name": "C 0", "employees": "over-10K"}'), ('unheard-of.com', '{"name": "New"}')"""
    )
    failed = dbt("build", "-s", "int_payloads_read+", "--exclude-resource-type", "unit_test").expect(1)
    assert "no_payload_is_missing_in_extracted" in failed.stdout
    assert reconciled(database, "(now() at time zone 'UTC')::date") == (150, 0, 40, 100, 8, 2)
