"""dbt replaces what it made, refuses by name what it did not make, and gives grants back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import WITHOUT_TESTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Database, Result
    from tests.dbt.conftest import Build

MART = "canon.person_export"


@pytest.fixture
def owned(built: Build) -> Iterator[Build]:
    """Return the build, and take away what a test put beside it."""
    yield built
    built.database.run("drop schema if exists reporting cascade")


def build(built: Build, select: str = "person_export", *arguments: str) -> Result:
    return built.dbt("build", "--select", select, *WITHOUT_TESTS, *arguments)


def identity(database: Database, relation: str = MART) -> int | None:
    found: int | None = database.rows(f"select to_regclass('{relation}')::oid")[0][0]
    return found


def refused(done: Result, *words: str) -> None:
    assert done.exit_code != 0
    said = [line for line in done.stdout.splitlines() if "not made by this project" in line]
    assert len(said) == 1, done.stdout
    assert [word for word in words if word not in said[0]] == []
    assert "OK created" not in done.stdout


def test_what_dbt_made_says_what_it_is_and_that_dbt_made_it(built: Build) -> None:
    unmarked = built.database.rows(
        """
        select format('%I.%I', nspname, relname) from pg_class
        inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
        where nspname ~ '^canon' and relkind in ('r', 'v')
            and coalesce(obj_description(pg_class.oid, 'pg_class'), '')
                not like '%__________' || chr(10) || chr(10) || '[built by dbt: attio\\_canon]%'
        """
    )
    assert unmarked == []


def test_a_relation_of_the_owners_is_not_replaced(owned: Build) -> None:
    owned.database.run(f"alter table {MART} rename to kept", f"create table {MART} as select 'mine' as note")
    before = identity(owned.database)
    refused(build(owned), MART, "adopt")
    # nor by a build of everything, and then nothing at all is built
    refused(owned.dbt("build", *WITHOUT_TESTS), MART)
    assert owned.database.rows(f"select note from {MART}") == [("mine",)]
    assert identity(owned.database) == before
    # what is not selected is nobody's business
    build(owned, "ingest_reconciliation").expect(0)
    owned.database.run(f"drop table {MART}", f"alter table canon.kept rename to {MART.split('.')[1]}")
    build(owned).expect(0)


def test_a_relation_that_lost_its_marker_is_adopted_by_hand(owned: Build) -> None:
    owned.database.run(f"comment on table {MART} is 'my note'")
    refused(build(owned), MART)
    owned.dbt("run-operation", "adopt", "--args", f"{{relation: {MART}}}").expect(0)
    build(owned).expect(0)


@pytest.mark.parametrize(
    ("hang", "named", "drop"),
    [
        ("create view reporting.people as select * from canon.person_export", "reporting.people", None),
        # through a view of ours
        ("create view reporting.copies as select * from canon.attio_company_duplicates", "reporting.copies", None),
        ("create materialized view reporting.m as select count(*) from canon.person_export", "reporting.m", None),
        (
            "create function reporting.everyone() returns setof canon.person_export"
            " language sql as 'select * from canon.person_export'",
            "reporting.everyone()",
            None,
        ),
        (
            "create table reporting.picks (url text references canon.attio_people (linkedin_url))",
            "reporting.picks",
            None,
        ),
        (
            "create policy mine on canon.person_export using (company_domain = current_user)",
            "policy mine",
            "drop policy mine on canon.person_export",
        ),
    ],
    ids=["view", "view on a view of ours", "materialized view", "function", "foreign key", "policy"],
)
def test_what_somebody_hung_on_a_mart_is_named_and_kept(owned: Build, hang: str, named: str, drop: str | None) -> None:
    owned.database.run("create schema reporting", hang)
    before = identity(owned.database)
    refused(build(owned, "person_export attio_people int_crm_company_roles"), named)
    assert identity(owned.database) == before
    if drop:
        owned.database.run(drop)


def test_a_view_of_ours_that_goes_with_its_table_is_named(owned: Build) -> None:
    done = build(owned, "int_crm_company_roles").expect(0)
    assert "canon.attio_company_duplicates: hangs on what this run replaces" in done.stdout
    build(owned, "attio_company_duplicates").expect(0)


def test_grants_survive_a_build(owned: Build) -> None:
    owner = owned.database
    owner.run(
        # whoever may read by default is not let in by a rebuild
        "alter default privileges in schema canon grant select on tables to pg_monitor",
        f"grant select on {MART} to pg_read_all_stats with grant option",
        "grant select (domain, name) on canon.company_canonical to pg_read_all_stats",
        # a view: it goes already when the table under it is replaced
        "grant select on canon.attio_company_duplicates to public",
    )
    query = """
        select nspname || '.' || relname, attname, acl.grantee::regrole::text, acl.privilege_type, acl.is_grantable
        from pg_class inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
        left join pg_attribute on attrelid = pg_class.oid and attacl is not null
        cross join lateral aclexplode(coalesce(attacl, relacl)) as acl
        where pg_class.oid in (
            'canon.person_export'::regclass,
            'canon.company_canonical'::regclass,
            'canon.attio_company_duplicates'::regclass
        ) and acl.grantee <> pg_class.relowner
        order by 1, 2, 3, 4
    """
    granted = owner.rows(query)
    assert len(granted) == 4
    before = {
        mart: identity(owner, f"canon.{mart}")
        for mart in ("person_export", "company_canonical", "attio_company_duplicates")
    }
    marts = "person_export company_canonical int_crm_company_roles attio_company_duplicates"
    build(owned, marts, "--full-refresh").expect(0)
    assert all(identity(owner, f"canon.{mart}") != oid for mart, oid in before.items())
    assert owner.rows(query) == granted
    # what is taken back stays taken back
    owner.run(f"revoke all on {MART} from pg_read_all_stats")
    build(owned).expect(0)
    assert [row for row in owner.rows(query) if row[0] == MART] == []
    owner.run("alter default privileges in schema canon revoke select on tables from pg_monitor")


def test_persisted_docs_keep_the_marker(owned: Build) -> None:
    configured_later(owned, "persist_docs: {relation: true}", "person_export ingest_reconciliation")
    comments = owned.database.rows(
        "select obj_description(oid) from pg_class"
        " where oid in ('canon.person_export'::regclass, 'canon.ingest_reconciliation'::regclass)"
    )
    assert all(comment.count("[built by dbt: attio_canon]") == 1 for (comment,) in comments)


def test_what_is_configured_later_reaches_a_view_that_would_be_left_alone(owned: Build) -> None:
    view = "canon_staging.stg_attio__people"
    may_read = f"has_table_privilege('pg_read_all_stats', '{view}', 'select')"
    query = f"select {may_read}, col_description('{view}'::regclass, 1)"
    build(owned, "stg_attio__people").expect(0)  # the database is a copy, and the view's query names another one
    before = identity(owned.database, view)
    build(owned, "stg_attio__people").expect(0)
    assert identity(owned.database, view) == before
    assert owned.database.rows(query) == [(False, None)]
    later = "persist_docs: {columns: true}\n    +grants: {select: [pg_read_all_stats]}"
    configured_later(owned, later, "stg_attio__people")
    [(granted, description)] = owned.database.rows(query)
    assert granted
    assert description
    owned.database.run(f"revoke all on {view} from pg_read_all_stats")


def configured_later(owned: Build, config: str, select: str) -> None:
    """Build with a config for all models, and put the project back."""
    project = owned.project / "dbt_project" / "dbt_project.yml"
    text = project.read_text(encoding="utf-8")
    project.write_text(text.replace("    staging:\n", f"    +{config}\n    staging:\n", 1), encoding="utf-8")
    try:
        build(owned, select).expect(0)
    finally:
        project.write_text(text, encoding="utf-8")
