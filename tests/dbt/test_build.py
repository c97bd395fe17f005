"""dbt builds on nothing, on hostile rows, on tables that lack columns, and twice with the same end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import WITHOUT_TESTS, run_dbt
from tests.dbt.conftest import HOSTILE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Database, Server
    from tests.dbt.conftest import Build

OURS = "('canon', 'canon_staging', 'canon_intermediate', 'canon_seeds')"
OF_LAST_BUILD = {
    f"canon_intermediate.{name}"
    for name in (
        *("int_location_texts_prepared", "int_location_parts"),
        *("int_location_places_named", "int_location_readings"),
    )
}
"""The steps between a text of a place and what was read of it: they hold the texts that the last build read anew."""


def contents(database: Database) -> dict[str, str]:
    """Return every relation of ours with a hash of its rows, in any order."""
    relations = [
        name
        for (name,) in database.rows(
            f"""
            select format('%I.%I', nspname, relname) from pg_class
            inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
            where nspname in {OURS} and relkind in ('r', 'v') and relname !~ '_remembered$' order by 1
            """
        )
    ]
    return {
        name: database.rows(
            f"select md5(coalesce(string_agg(r, '' order by r), '')) from (select t::text as r from {name} t) x"
        )[0][0]
        for name in relations
    }


def catalog(database: Database) -> list[Any]:
    """Return every schema and relation outside the system's own, with its identity."""
    return database.rows(
        """
        select nspname, relname, pg_class.oid from pg_namespace
        left join pg_class on pg_class.relnamespace = pg_namespace.oid
        where nspname !~ '^pg_' and nspname <> 'information_schema' order by 1, 2
        """
    )


def test_hostile_cells_stop_no_model_and_fail_no_test(built: Build) -> None:
    assert " ERROR=0 " in built.result.stdout
    (people,) = built.database.rows("select count(*) from canon_staging.stg_extracted__person_discovery")
    assert people[0] >= len(HOSTILE)


def test_the_quality_mart_says_what_it_met_in_hostile_cells(built: Build) -> None:
    found = built.database.rows(
        "select rule, source_table, cells_met, cells_nulled, nulled_samples::text from canon.data_quality"
    )
    met = {source: max(cells for _, table, cells, *_ in found if table == source) for _, source, *_ in found}
    # what is blank is no cell
    told = sum(1 for text in HOSTILE if text.strip(" \t\n\r"))
    assert min(met[table] for table in met) >= told - 1
    assert met.keys() == {
        "attio_mirror.companies",
        "attio_mirror.people",
        "core.company_canonical",
        "core.company_job_postings",
        "extracted.companyenrich_company",
        "extracted.person_discovery",
        "raw.person_discovery",
    }
    emptied = {(rule, table): (cells, samples) for rule, table, _, cells, samples in found if cells}
    # of the places most are kept: the same hostile texts stand in the owner's corrections, which win
    for key, at_least in (
        (("linkedin_url", "attio_mirror.people"), len(HOSTILE) // 2),
        (("domain", "core.company_canonical"), len(HOSTILE) // 2),
        (("employee_range", "extracted.companyenrich_company"), len(HOSTILE) // 2),
        (("location", "extracted.person_discovery"), 1),
    ):
        assert emptied[key][0] >= at_least, key
        assert emptied[key][1] != "[]", key


def test_a_second_build_changes_nothing(built: Build) -> None:
    before = contents(built.database)
    assert len(before) > 40
    built.dbt("build", *WITHOUT_TESTS).expect(0)
    after = contents(built.database)
    assert {name for name in before if before[name] != after[name]} <= OF_LAST_BUILD
    assert before.keys() == after.keys()


def test_documented_columns_are_the_columns_that_are_there(built: Build) -> None:
    there: dict[str, set[str]] = {}
    for relation, column in built.database.rows(
        "select table_schema || '.' || table_name, column_name from information_schema.columns"
        f" where table_schema in {OURS}"
    ):
        there.setdefault(relation, set()).add(column)
    for node in built.nodes("model") + built.nodes("seed"):
        assert set(node["columns"]) == there[f"{node['schema']}.{node['alias']}"], node["name"]


def test_unit_tests_leave_an_owners_database_as_it_was(built: Build) -> None:
    before = catalog(built.database)
    built.dbt("test", "--select", "test_type:unit").expect(0)
    assert catalog(built.database) == before


def test_dbt_test_says_what_it_needs_and_leaves_nothing_where_nothing_was_built(
    database: Database, project: Path
) -> None:
    before = [row for row in catalog(database) if row[1] is not None]
    done = run_dbt(project, database, "test", "--select", "test_type:unit,attio_people")
    assert done.exit_code != 0
    assert [row for row in catalog(database) if row[1] is not None] == before


def test_the_whole_project_builds_on_an_empty_database(server: Server, migrated: str, project: Path) -> None:
    database = server.create(template=migrated)
    run_dbt(project, database, "build", "--exclude-resource-type", "unit_test").expect(0)
    assert database.rows("select count(*) from canon.attio_companies") == [(0,)]
    server.drop(database)


def test_a_source_table_without_its_optional_columns_still_builds(built_once: Any, server: Any, project: Path) -> None:
    database = server.create(template=built_once[0])
    for schema in ("canon", "canon_intermediate", "canon_staging", "canon_seeds"):
        database.run(f"drop schema {schema} cascade")
    database.run(
        "alter table extracted.person_discovery drop column cleaned_full_name, drop column latest_start_date",
        "alter table extracted.companyenrich_company drop column naics_codes, drop column founded_year",
        "alter table core.company_job_postings drop column closed_at, drop column company_linkedin_url",
        "alter table core.company_canonical drop column cleaned_name",
        "alter table reference.location_lookup drop column has_city",
        "alter table raw.person_discovery drop column clay_table_url",
    )
    run_dbt(project, database, "build", *WITHOUT_TESTS).expect(0)
    # without the cleaned name the rule's counts; without a closing time every posting is open
    assert database.rows("select name from canon.company_canonical where domain = 'acme.com'") == [("Acme",)]
    assert database.rows("select distinct is_open from canon.job_posting_export") == [(True,)]
    server.drop(database)


def test_without_source_tables_one_line_says_what_to_run(empty_database: Database, project: Path) -> None:
    done = run_dbt(project, empty_database, "build", *WITHOUT_TESTS)
    assert done.exit_code != 0
    lines = [line for line in done.stdout.splitlines() if "canon migrate" in line]
    assert lines
    assert "source tables are missing" in lines[0]
    assert "OK created" not in done.stdout


def one(built: Build, query: str) -> Any:
    (row,) = built.database.rows(query)
    return row


def test_the_small_world_comes_out_as_its_decisions_say(built: Build) -> None:
    acme, beta = (f"00000000-0000-4000-8000-00000000000{letter}" for letter in "ab")
    # asserted before bought; the place, the range and the description from where they are
    assert one(
        built,
        "select name, original_name, linkedin_url, employee_range, locality, country_code, sources ->> 'industry'"
        " from canon.company_canonical where domain = 'acme.com'",
    ) == (
        "Acme",
        "Acme Inc.",
        "https://www.linkedin.com/company/acme",
        "501-1000",
        "Berlin",
        "DE",
        "extracted.companyenrich_company",
    )
    # a host that many share is no company; an answer about another company says nothing
    assert (
        built.database.rows(
            "select 1 from canon.company_canonical where domain in ('github.com', 'other.com', 'gamma.org')"
        )
        == []
    )
    # the very domain, and the record that has only another host of it
    assert built.database.rows(
        "select domain, record_id, open_job_count from canon.attio_companies"
        " where domain in ('acme.com', 'beta.io') order by 1"
    ) == [("acme.com", acme, 1), ("beta.io", beta, 1)]
    # the newest job; the profile on two records stays out; who is elsewhere stays out
    assert built.database.rows(
        "select linkedin_url, company, job_title, record_id from canon.attio_people"
        " where linkedin_url ~ '-(king|roe|poe|moe)$' order by 1"
    ) == [
        ("https://www.linkedin.com/in/ada-king", "beta.io", "CTO", None),
        ("https://www.linkedin.com/in/bob-roe", "beta.io", None, "00000000-0000-4000-8000-0000000000a1"),
    ]
    assert one(
        built,
        "select location_raw, full_name, first_name from canon.person_export where linkedin_url like '%/ada-king'",
    ) == (
        "Berlin, Germany",
        "ADA KING",
        "Ada",
    )
    # the company in the CRM before the newer agency; a LinkedIn page leads to its only company
    assert built.database.rows(
        "select job_id, company, salary_currency, is_open from canon.attio_job_postings"
        " where job_id in ('j1', 'j2', 'j3') order by 1"
    ) == [("j1", "acme.com", "EUR", True), ("j2", "beta.io", None, False), ("j3", "beta.io", None, True)]


@pytest.mark.parametrize(
    ("source", "counts"),
    [("companyenrich", (2, 0, 0, 1, 0)), ("person_discovery", (1, 0, 0, 0, 0)), ("job_posting", (1, 0, 0, 0, 0))],
)
def test_payloads_are_accounted_for(built: Build, source: str, counts: tuple[int, ...]) -> None:
    found = built.database.rows(
        "select payloads ="
        " extracted_new + extracted_changed + extracted_identical + extracted_refused + extracted_missing,"
        " extracted_new, extracted_changed, extracted_identical, extracted_refused, extracted_missing"
        f" from canon.ingest_reconciliation where source = '{source}'"
    )
    assert all(row[0] for row in found)
    # the small world's own rows are among them; the hostile ones are counted beside
    assert all(sum(row[place + 1] for row in found) >= counts[place] for place in range(5))
