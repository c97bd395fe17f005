"""An owner's tables may have other types than ours: what can be read is read, the rest is null, nothing raises."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.conftest import run_dbt

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Database


def test_columns_of_other_types_are_read_where_they_can_be(database: Database, project: Path) -> None:
    database.run(
        "alter table core.company_job_postings alter salary_min type text, alter salary_max type integer,"
        " alter posted_at type text, alter closed_at type date, alter job_id type bigint using job_id::bigint",
        "alter table extracted.companyenrich_company alter founded_year type text, alter latitude type text,"
        " alter categories type text[] using null, alter linkedin_id type bigint using null",
        "alter table extracted.person_discovery alter latest_start_date type text,"
        " alter created_at drop default, alter created_at type bigint using 1",
        "alter table reference.location_lookup alter has_city type integer using 0, alter has_state type text",
        "insert into core.company_job_postings (domain, job_id, salary_min, salary_max, posted_at, closed_at) values"
        " ('a.example', 1, '12.5', 13, '2025-02-03T04:05:06Z', '2025-03-01'),"
        " ('b.example', 2, '12,5', null, 'soon', null)",
        "insert into extracted.companyenrich_company (domain, founded_year, latitude, categories, linkedin_id) values"
        " ('a.example', '2015', '48.2', '{b2b,saas}', 7), ('b.example', 'MMXV', '-1e309', null, null)",
        "insert into extracted.person_discovery (linkedin_url, latest_start_date, created_at) values"
        " ('a', '2024-02-29', 5), ('b', '2023-02-29', 6)",
        "insert into reference.location_lookup (location_name, has_city, has_state) values"
        " ('a', 1, 'yes'), ('b', 0, 'perhaps')",
    )
    run_dbt(project, database, "run", "-s", "path:models/staging").expect(0)
    assert database.rows(
        "select job_id, salary_min::text, salary_max::text, posted_at at time zone 'UTC' = '2025-02-03 04:05:06',"
        " closed_at::date::text from canon_staging.stg_core__company_job_postings order by job_id"
    ) == [("1", "12.5", "13", True, "2025-03-01"), ("2", None, None, None, None)]
    assert database.rows(
        "select founded_year, latitude, categories, linkedin_id"
        " from canon_staging.stg_extracted__companyenrich_company order by domain"
    ) == [(2015, 48.2, ["b2b", "saas"], "7"), (None, None, None, None)]
    assert database.rows(
        "select latest_start_date::text, created_at from canon_staging.stg_extracted__person_discovery"
        " order by linkedin_url"
    ) == [("2024-02-29", None), (None, None)]
    assert database.rows(
        "select has_city, has_state from canon_staging.stg_reference__location_lookup order by location_name"
    ) == [(True, True), (False, None)]


def test_words_that_postgres_takes_for_dates_or_numbers_are_none(database: Database) -> None:
    assert database.rows(
        "select core.timestamptz_or_null('infinity'::text), core.date_or_null('yesterday'::text),"
        " core.numeric_or_null('NaN'::text), core.integer_or_null('2015.5'::text), core.boolean_or_null(''::text)"
    ) == [(None, None, None, None, None)]


def test_a_column_of_the_right_type_costs_nothing(database: Database) -> None:
    plan = database.rows(
        "explain verbose select core.timestamptz_or_null(updated_at), core.date_or_null(latest_start_date)"
        " from extracted.person_discovery"
    )
    assert any("Output: updated_at, latest_start_date" in line for (line,) in plan)


def test_the_crm_is_read_by_the_slugs_that_this_workspace_has(database: Database, project: Path) -> None:
    company = "00000000-0000-4000-8000-0000000000c1"
    company_values = {"company_name": [{"value": "Acme"}], "name": [{"value": "old"}]}
    person_values = {"employer": [{"target_record_id": company}]}
    database.run(
        'insert into attio_mirror.records (object, record_id, created_at, "values") values'
        f" ('companies', '{company}', now(), '{json.dumps(company_values)}'),"
        f" ('people', '00000000-0000-4000-8000-0000000000b1', now(), '{json.dumps(person_values)}')"
    )
    slugs = json.dumps({"attio_companies_name": "company_name", "attio_people_company": "employer"})
    run_dbt(project, database, "run", "-s", "path:models/staging/attio", "--vars", slugs).expect(0)
    assert database.rows("select name from canon_staging.stg_attio__companies") == [("Acme",)]
    assert database.rows("select company_record_id::text from canon_staging.stg_attio__people") == [(company,)]


def test_what_is_no_reference_and_no_list_is_none_and_stops_nothing(database: Database, project: Path) -> None:
    for slug, values in (
        ("people", {"company": [{"target_record_id": "not a record"}]}),
        ("job_postings", {"company": [{"target_record_id": 7}]}),
        ("companies", {"team": "x", "associated_deals": {"a": 1}, "domains": "acme.com"}),
    ):
        database.run(
            'insert into attio_mirror.records (object, record_id, created_at, "values")'
            f" values ('{slug}', gen_random_uuid(), now(), '{json.dumps(values)}')"
        )
    run_dbt(project, database, "run", "-s", "path:models/staging/attio").expect(0)
    assert database.rows(
        "select company_record_id from canon_staging.stg_attio__people"
        " union all select company_record_id from canon_staging.stg_attio__job_postings"
    ) == [(None,), (None,)]
    assert database.rows("select team_count, deal_count from canon_staging.stg_attio__companies") == [(0, 0)]


def test_a_cell_that_only_says_there_is_nothing_to_say_is_null(database: Database, project: Path) -> None:
    nothing = ["N/A", "#N/A", " - ", "null", "None", "NaN", "undefined", "Unknown", "…", "not available"]
    something = ["Acme", "NA", "Null Labs", "3M", "N26", "X", "Nonesuch"]
    with database.connect() as connection:
        connection.execute(
            "insert into extracted.person_discovery (linkedin_url, full_name, latest_title, latest_company)"
            " select cell, cell, cell, cell from unnest(%s::text[]) as cells (cell)",
            [nothing + something],
        )
    run_dbt(project, database, "run", "-s", "stg_extracted__person_discovery").expect(0)
    kept = "select latest_company from canon_staging.stg_extracted__person_discovery where {} is not null order by 1"
    for column in ("latest_title", "latest_company"):
        assert [row[0] for row in database.rows(kept.format(column))] == sorted(something)
    # some people are called so
    assert database.rows(
        "select full_name from canon_staging.stg_extracted__person_discovery where latest_company is null"
        " and full_name is not null order by 1"
    ) == [("NaN",), ("None",), ("Unknown",), ("null",)]
