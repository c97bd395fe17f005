"""`canon migrate`: what is absent is created, what is there is told apart and left alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from sync import migrate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Canon, Database, Server

COMPANY_COLUMNS = (
    "domain raw_payload_id:uuid companyenrich_id name type website revenue employees industry industries:jsonb "
    "description seo_description founded_year:integer page_rank:numeric logo_url categories:jsonb keywords:jsonb "
    "technologies:jsonb naics_codes:jsonb address phone postal_code city state state_code country country_code "
    "latitude:double_precision longitude:double_precision linkedin_url linkedin_id twitter_url facebook_url github_url "
    "crunchbase_url total_funding:numeric funding_stage funding_date:date stock_symbol stock_exchange "
    "companyenrich_updated_at:timestamptz"
)
# Table -> its columns beside id, created_at and updated_at (text where no type stands), and its unique key beside id.
CONTRACT = {
    "raw.person_discovery": ("linkedin_url workflow_slug raw_payload:jsonb clay_table_url", None),
    "raw.companyenrich_payloads": ("domain payload:jsonb", None),
    "raw.job_posting_payloads": ("domain job_id payload:jsonb clay_table_url", None),
    "extracted.person_discovery": (
        "raw_payload_id:uuid linkedin_url first_name last_name full_name cleaned_first_name cleaned_last_name "
        "cleaned_full_name location_name company_domain latest_title latest_company latest_start_date:date "
        "clay_company_table_id clay_company_record_id clay_table_url linkedin_url_normalized",
        "linkedin_url",
    ),
    "extracted.companyenrich_company": (COMPANY_COLUMNS, "domain"),
    "core.company_canonical": ("domain original_name cleaned_name linkedin_url", "domain"),
    "core.company_job_postings": (
        "domain job_id title cleaned_job_title job_function location seniority employment_type salary_min:numeric "
        "salary_max:numeric salary_currency salary_unit url company_linkedin_url posted_at:timestamptz "
        "closed_at:timestamptz",
        "domain, job_id",
    ),
    "reference.location_lookup": (
        "location_name city state country has_city:boolean has_state:boolean has_country:boolean",
        "location_name",
    ),
}
OWNERS_TABLE = """
    create table extracted.person_discovery (
        id uuid primary key default gen_random_uuid(),
        linkedin_url text,
        first_name text, last_name text, full_name text, company_domain text, location_name text,
        latest_title varchar(200),
        latest_start_date text,
        created_at timestamptz default now(),
        updated_at timestamptz default now(),
        linkedin_url_normalized text generated always as (lower(linkedin_url)) stored
    )
"""
EVERYTHING = """
    select 'relation', oid::regclass::text, relkind::text from pg_class
    where relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) and relkind <> 't'
        and relnamespace::regnamespace::text !~ '^pg_t'
    union all select 'schema', nspname, '' from pg_namespace where nspname !~ '^pg_t'
    union all select 'extension', extname, extversion from pg_extension
    union all select 'function', oid::regprocedure::text, '' from pg_proc
    where pronamespace::regnamespace::text !~ '^pg_t'
    order by 1, 2, 3
"""
SHAPE_OF_OWNERS_TABLE = """
    select attname, format_type(atttypid, atttypmod), attgenerated::text from pg_attribute
    where attrelid = 'extracted.person_discovery'::regclass and attnum > 0
    union all select tgname, '', '' from pg_trigger where tgrelid = 'extracted.person_discovery'::regclass
    union all select indexrelid::regclass::text, '', '' from pg_index
    where indrelid = 'extracted.person_discovery'::regclass
    order by 1
"""


@pytest.fixture
def sandbox() -> Any:
    """Nothing here speaks to Attio."""
    return SimpleNamespace(environment={})


def test_an_empty_database_becomes_the_newest_and_a_second_run_has_nothing_to_do(
    canon: Canon, empty_database: Database
) -> None:
    first = canon("migrate", "--yes", "--json", env=empty_database.environment).expect(0).json
    assert first["migrations"] == [migration.name for migration in migrate.migrations()]
    assert first["differences"] == []
    before = empty_database.rows("select * from attio_sync.migrations order by name")

    second = canon("migrate", "--yes", "--json", env=empty_database.environment).expect(0)

    assert (
        second.json["migrations"]
        == second.json["gazetteer"]
        == second.json["differences"]
        == second.json["keeps"]
        == []
    )
    assert "nothing to do" in second.stderr
    assert empty_database.rows("select * from attio_sync.migrations order by name") == before


def test_the_plan_names_every_table_and_changes_nothing_at_all(canon: Canon, empty_database: Database) -> None:
    before = empty_database.rows(EVERYTHING)

    plan = canon("migrate", "--plan", "--json", env=empty_database.environment).expect(0)

    assert CONTRACT.keys() <= set(plan.json["creates"])
    assert "apply 0005_core: create core.company_canonical, core.company_job_postings" in plan.stderr
    assert empty_database.rows(EVERYTHING) == before


def test_the_migrations_run_as_a_role_that_is_no_superuser(database: Database) -> None:
    assert database.rows("select rolsuper from pg_roles where rolname = current_user") == [(False,)]
    assert database.rows("select distinct applied_by = current_user from attio_sync.migrations") == [(True,)]


@pytest.mark.parametrize("table", CONTRACT)
def test_a_source_table_has_the_columns_of_the_contract(database: Database, table: str) -> None:
    columns, _ = CONTRACT[table]
    wanted = {
        name: kind.replace("_", " ") or "text" for name, _, kind in (each.partition(":") for each in columns.split())
    }
    wanted |= {"id": "uuid", "created_at": "timestamptz"}
    wanted |= {} if table.startswith("raw.") else {"updated_at": "timestamptz"}

    found = dict(
        database.rows(
            "select attname, replace(format_type(atttypid, atttypmod), 'timestamp with time zone', 'timestamptz')"
            " from pg_attribute where attrelid = %s::regclass and attnum > 0",
            [table],
        )
    )

    assert found == wanted
    refuse_null = database.rows(
        "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and attnotnull", [table]
    )
    assert refuse_null == [("id",)]


@pytest.mark.parametrize("table", [table for table, (_, key) in CONTRACT.items() if key])
def test_a_source_tables_key_tells_rows_apart_even_where_it_is_empty(database: Database, table: str) -> None:
    _, key = CONTRACT[table]
    definitions = [
        row[0]
        for row in database.rows(
            "select pg_get_indexdef(indexrelid) from pg_index where indrelid = %s::regclass", [table]
        )
    ]
    assert any(definition.endswith(f"({key}) NULLS NOT DISTINCT") for definition in definitions)


def test_every_table_with_an_updated_at_has_the_trigger(database: Database) -> None:
    forgotten = database.rows(
        """
        select attrelid::regclass::text from pg_attribute
        inner join pg_class on pg_class.oid = attrelid and relkind = 'r'
        where attname = 'updated_at'
            and relnamespace::regnamespace::text
                in ('raw', 'extracted', 'core', 'reference', 'attio_mirror', 'attio_sync')
            and not exists (
                select from pg_trigger
                where tgrelid = attrelid and tgfoid = 'core.touch_updated_at'::regproc and tgtype & 19 = 19
            )
        """
    )
    assert forgotten == []
    triggers = database.rows(
        "select tgrelid::regclass::text from pg_trigger where tgfoid = 'core.touch_updated_at'::regproc"
    )
    assert {row[0] for row in triggers} >= {table for table in CONTRACT if not table.startswith("raw.")}


def test_updated_at_moves_when_content_changes_and_only_then(database: Database) -> None:
    database.run(
        "insert into extracted.person_discovery (linkedin_url, updated_at) values ('linkedin.com/in/a', '2020-01-01')"
    )

    def moves(assignments: str) -> bool:
        (before,) = database.rows("select updated_at from extracted.person_discovery")
        database.run(f"update extracted.person_discovery set {assignments}")
        (now,) = database.rows("select updated_at from extracted.person_discovery")
        return bool(now > before)

    assert not moves("linkedin_url = linkedin_url"), "an identical update, beside a generated column"
    assert not moves("updated_at = now()"), "nobody but the content moves it"
    assert moves("first_name = 'Ada'")
    assert not moves("first_name = 'Ada'")
    assert moves("linkedin_url = 'linkedin.com/in/b'")
    assert moves("first_name = null, updated_at = '2001-01-01'"), "what a statement sets has no say"


def test_the_generated_column_holds_the_normal_form(database: Database) -> None:
    database.run(
        "insert into extracted.person_discovery (linkedin_url) values ('http://uk.linkedin.com/in/J%C3%B6rg-1/?trk=x')"
    )
    assert database.rows("select linkedin_url_normalized from extracted.person_discovery") == [
        ("https://www.linkedin.com/in/jörg-1",)
    ]
    with pytest.raises(psycopg.errors.GeneratedAlways):
        database.run("update extracted.person_discovery set linkedin_url_normalized = 'x'")


def test_an_existing_table_is_reported_line_by_line_and_left_as_it_is(canon: Canon, empty_database: Database) -> None:
    empty_database.run("create schema extracted", OWNERS_TABLE, "insert into extracted.person_discovery default values")
    before = empty_database.rows(SHAPE_OF_OWNERS_TABLE)

    done = canon("migrate", "--yes", "--json", env=empty_database.environment).expect(0)

    assert empty_database.rows(SHAPE_OF_OWNERS_TABLE) == before
    assert done.json["keeps"] == ["extracted.person_discovery"]
    again = canon("migrate", "--plan", "--json", env=empty_database.environment).expect(0)
    told = {difference["what"]: difference for difference in again.json["differences"]}
    assert {difference["table"] for difference in told.values()} == {"extracted.person_discovery"}
    assert told["has no column cleaned_full_name"]["sql"].endswith("add column cleaned_full_name text;")
    assert "column latest_start_date is text, not date" in told
    assert "has no unique key (linkedin_url)" in told
    assert told["has no trigger core.touch_updated_at"]["sql"].startswith(
        "create trigger touch_updated_at before update"
    )
    rewrite = told["column linkedin_url_normalized is generated by another rule (the models always compute their own)"]
    assert "rewrites the whole table and locks it" in rewrite["cost"]
    reported = [line for line in again.stderr.splitlines() if line.startswith("extracted.person_discovery: ")]
    assert len(reported) == len(told), "one line each"


def test_the_sql_it_reports_makes_the_table_what_it_should_be(canon: Canon, empty_database: Database) -> None:
    empty_database.run("create schema extracted", OWNERS_TABLE)
    done = canon("migrate", "--yes", "--json", env=empty_database.environment).expect(0)
    assert done.json["differences"]

    empty_database.run(*(difference["sql"] for difference in done.json["differences"]))

    assert canon("migrate", "--plan", "--json", env=empty_database.environment).expect(0).json["differences"] == []


def test_what_needs_a_subtransaction_is_not_called_parallel_safe(database: Database) -> None:
    """An exception block is one; so is what calls it, however deep."""
    functions = database.rows(
        """
        select pg_proc.oid::regprocedure::text, nspname || '.' || proname, prosrc, proparallel = 's'
        from pg_proc inner join pg_namespace on pg_namespace.oid = pronamespace
        where nspname in ('core', 'attio_sync')
        """
    )
    unsafe = {name for _, name, body, _ in functions if re.search(r"\bexception\s+when\b", body)}
    assert "core.object_in" in unsafe
    overloaded = {name for name in unsafe if name.endswith("_or_null")}  # its safe forms have types of their own
    while True:
        callers = {name for _, name, body, _ in functions if any(f"{each}(" in body for each in unsafe - overloaded)}
        if callers <= unsafe:
            break
        unsafe |= callers
    assert [one for one, name, _, is_safe in functions if is_safe and name in unsafe - overloaded] == []


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("2026-05-01T10:00:00Z", "2026-05-01T10:00:00.000000Z"),
        ("2026-05-01 12:00+02", "2026-05-01T10:00:00.000000Z"),
        ("2026-05-01T10:00:00.123456789", "2026-05-01T10:00:00.123457Z"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000000Z"),
        ("2026-02-31T10:00:00Z", "2026-02-31T10:00:00Z"),
        ("2026-13-01T10:00:00Z", "2026-13-01T10:00:00Z"),
        ("0000-01-01T10:00:00Z", "0000-01-01T10:00:00Z"),
        ("2026-05-01T10:00:00+99", "2026-05-01T10:00:00+99"),
        ("2026-05-01", "2026-05-01"),
        ("soon", "soon"),
    ],
)
def test_a_time_has_one_form_and_what_is_none_stays(database: Database, written: str, form: str) -> None:
    assert database.rows("select attio_sync.timestamp_form(%s)", [written]) == [(form,)]


def test_missing_triggers_are_added_to_the_owners_tables_once_he_agrees(canon: Canon, empty_database: Database) -> None:
    empty_database.run(
        "create schema core",
        "create table core.company_canonical (domain text unique, cleaned_name text, updated_at timestamptz)",
        "insert into core.company_canonical values ('acme.com', 'Acme', '2020-01-01')",
        "create schema extracted",
        OWNERS_TABLE,
    )
    rename = "update core.company_canonical set cleaned_name = %s returning updated_at::date::text"

    nobody = canon("migrate", "--add-triggers", env=empty_database.environment).expect(2)
    assert "core.company_canonical" in nobody.stderr.splitlines()[-1]
    assert empty_database.rows("select to_regclass('attio_sync.migrations')") == [(None,)], "nothing at all was done"
    canon("migrate", "--yes", env=empty_database.environment).expect(0)
    assert empty_database.rows(rename, ["Other"]) == [("2020-01-01",)], "as it was: nobody asked for a trigger"

    added = canon("migrate", "--add-triggers", "--yes", "--json", env=empty_database.environment).expect(0)

    assert added.json["triggers_added"] == 2
    assert empty_database.rows(rename, ["Other"]) == [("2020-01-01",)]
    assert empty_database.rows(rename, ["Third"]) != [("2020-01-01",)]
    again = canon("migrate", "--add-triggers", "--json", env=empty_database.environment).expect(0)
    assert not any("trigger" in difference["what"] for difference in again.json["differences"])


@pytest.mark.parametrize("table", [table for table in CONTRACT if not table.startswith("raw.")])
def test_updated_at_of_a_table_moves_with_each_column_and_with_nothing_else(database: Database, table: str) -> None:
    columns = database.rows(
        "select attname::text, format_type(atttypid, null) from pg_attribute where attrelid = %s::regclass "
        "and attnum > 0 and attgenerated = '' and attname not in ('updated_at', 'id')",
        [table],
    )
    values = {"jsonb": "'[1]'", "uuid": "gen_random_uuid()", "boolean": "true", "date": "'2020-01-01'", "text": "'x'"}
    schema, _, name = table.partition(".")
    with database.connect() as connection:
        connection.execute(f"insert into {schema}.{name} default values".encode())
        moved = f"update {schema}.{name} set updated_at = '2001-01-01', {{}} returning updated_at"
        (last,) = connection.execute(moved.format("id = id").encode()).fetchall()
        for column, kind in columns:
            value = values.get(kind, "'2020-01-01'" if kind.startswith("timestamp") else "1")
            (after,) = connection.execute(moved.format(f"{column} = {value}").encode()).fetchall()
            assert after > last, column
            (last,) = connection.execute(moved.format(f"{column} = {column}").encode()).fetchall()
            assert after == last, column


def test_an_existing_table_with_nothing_of_ours_does_not_stop_the_migrations(
    canon: Canon, empty_database: Database
) -> None:
    empty_database.run(
        "create schema core",
        "create schema reference",
        "create schema raw",
        "create table core.company_job_postings (job_id text)",
        "create view core.company_canonical as select 'x.com'::text as domain",
        "create table reference.gazetteer_places (name text)",
        "insert into reference.gazetteer_places values ('my own')",
    )

    done = canon("migrate", "--yes", "--json", env=empty_database.environment).expect(0).json

    assert "core.company_canonical" in done["keeps"]
    assert {"table": "core.company_canonical", "what": "is not a table"}.items() <= done["differences"][0].items()
    assert empty_database.rows(
        "select count(*) from pg_trigger where tgrelid = 'core.company_job_postings'::regclass"
    ) == [(0,)]
    assert empty_database.rows("select name from reference.gazetteer_places") == [("my own",)]
    assert empty_database.rows("select count(*) > 200 from reference.gazetteer_countries") == [(True,)]


def test_an_owners_trigger_function_of_that_name_stays_and_is_reported(canon: Canon, empty_database: Database) -> None:
    body = "begin new.updated_at := now(); return new; end"
    empty_database.run(
        "create schema core",
        f"create function core.touch_updated_at() returns trigger language plpgsql as '{body}'",
    )
    done = canon("migrate", "--yes", "--json", env=empty_database.environment).expect(0).json
    assert [difference["table"] for difference in done["differences"]] == ["core.touch_updated_at()"]
    assert empty_database.rows("select prosrc from pg_proc where oid = 'core.touch_updated_at()'::regprocedure") == [
        (body,)
    ]


def test_an_edited_old_migration_stops_the_run(canon: Canon, database: Database) -> None:
    database.run("update attio_sync.migrations set sha256 = 'of another text' where name = '0003_raw'")
    stopped = canon("migrate", "--yes").expect(2)
    assert "migration 0003_raw was edited after it ran" in stopped.stderr


def test_a_database_that_is_ahead_of_the_checkout_stops_the_run(canon: Canon, database: Database) -> None:
    database.run("insert into attio_sync.migrations (name, sha256) values ('9999_tomorrow', 'x')")
    stopped = canon("migrate", "--plan").expect(2)
    assert "9999_tomorrow" in stopped.stderr
    assert "update the checkout" in stopped.stderr


def test_a_migration_that_fails_leaves_nothing_behind_and_keeps_those_before_it(
    canon: Canon, server: Server, empty_database: Database
) -> None:
    with psycopg.connect(_as(server.superuser, empty_database), autocommit=True) as superuser:
        superuser.execute("create schema reference")  # the role may look into it, and not create anything there
        superuser.execute(f"grant usage on schema reference to {empty_database.environment['PGUSER']}".encode())

    failed = canon("migrate", "--yes", env=empty_database.environment).expect(5)

    assert (
        "migration 0006_reference failed and left nothing behind: permission denied for schema reference"
        in failed.stderr
    )
    assert empty_database.rows("select max(name) from attio_sync.migrations") == [("0005_core",)]
    with psycopg.connect(_as(server.superuser, empty_database), autocommit=True) as superuser:
        superuser.execute(f"grant all on schema reference to {empty_database.environment['PGUSER']}".encode())
    canon("migrate", "--yes", env=empty_database.environment).expect(0)
    assert empty_database.rows("select count(*) > 30000 from reference.gazetteer_places") == [(True,)]


def test_a_schema_the_role_may_not_look_into_is_told_in_one_line(
    canon: Canon, server: Server, empty_database: Database
) -> None:
    with psycopg.connect(_as(server.superuser, empty_database), autocommit=True) as superuser:
        superuser.execute("create schema core")
    refused = canon("migrate", "--yes", env=empty_database.environment).expect(5)
    assert refused.stderr.splitlines() == [
        "canon: cannot compare the database with the migrations: the database says: permission denied for schema core"
    ]


def test_extensions_may_sit_in_another_schema(canon: Canon, server: Server, empty_database: Database) -> None:
    with psycopg.connect(_as(server.superuser, empty_database), autocommit=True) as superuser:
        superuser.execute("create schema extensions")
        superuser.execute("create extension pg_trgm schema extensions")
        superuser.execute(
            f"grant usage, create on schema extensions to {empty_database.environment['PGUSER']}".encode()
        )

    done = canon("migrate", "--yes", "--json", env=empty_database.environment).expect(0).json

    assert {(each["name"], each["state"], each["schema"]) for each in done["extensions"]} == {
        (name, "present", "extensions") for name in migrate.EXTENSIONS
    }


def test_an_extension_that_cannot_be_created_is_told_in_one_line(
    canon: Canon, server: Server, empty_database: Database
) -> None:
    with psycopg.connect(_as(server.superuser, empty_database), autocommit=True) as superuser:
        superuser.execute("create function public.unaccent(text) returns text language sql as 'select $1'")

    done = canon("migrate", "--yes", "--json", env=empty_database.environment).expect(0)

    told = [line for line in done.stderr.splitlines() if line.startswith("extension unaccent is missing and cannot be")]
    assert len(told) == 1
    assert "have an administrator of the database run: create extension unaccent;" in told[0]
    assert {each["name"]: each["state"] for each in done.json["extensions"]} == {
        "fuzzystrmatch": "present",
        "pg_trgm": "present",
        "unaccent": "absent",
    }


def test_two_runs_at_once_do_not_get_in_each_others_way(empty_database: Database, project: Path) -> None:
    command = [sys.executable, "-m", "sync", "migrate", "--yes", "--json", "--project-dir", str(project)]
    with _started(command, empty_database) as first, _started(command, empty_database) as second:
        assert (first.wait(120), second.wait(120)) == (0, 0)
    counted = empty_database.rows("select count(*), count(distinct name) from attio_sync.migrations")
    assert counted == [(len(migrate.migrations()), len(migrate.migrations()))]


def test_the_gazetteer_is_loaded_again_only_when_its_file_changed(canon: Canon, database: Database) -> None:
    counted = database.rows(
        "select"
        " (select count(*) from reference.gazetteer_places), (select count(*) from reference.gazetteer_countries),"
        " (select count(*) from reference.gazetteer_admin1), (select count(*) from reference.gazetteer_iso3166_2)"
    )
    assert counted == [(89570, 252, 3865, 5046)]
    assert database.rows("select name from reference.gazetteer_countries where alpha2 = 'NA'") == [("Namibia",)]
    database.run(
        "update reference.gazetteer_countries set name = 'changed by hand' where alpha2 = 'NA'",
        "update attio_sync.loaded_files set sha256 = 'an older file' where relation = 'reference.gazetteer_admin1'",
        "delete from reference.gazetteer_admin1",
    )

    done = canon("migrate", "--yes", "--json").expect(0).json

    assert done["gazetteer"] == ["reference.gazetteer_admin1"]
    assert database.rows("select count(*) from reference.gazetteer_admin1") == [(3865,)]
    assert database.rows("select name from reference.gazetteer_countries where alpha2 = 'NA'") == [("changed by hand",)]


def test_a_database_in_another_encoding_is_refused(canon: Canon, server: Server) -> None:
    name = "t_ascii"
    with psycopg.connect(_as(server.superuser), autocommit=True) as superuser:
        superuser.execute(
            f"create database {name} owner {server.owner['PGUSER']} template template0 encoding 'SQL_ASCII'"
            " locale_provider 'libc' locale 'C'".encode()
        )
        try:
            refused = canon("migrate", "--yes", env={"PGDATABASE": name}).expect(2)
        finally:
            superuser.execute(f"drop database {name} with (force)".encode())
    assert "the database's encoding is SQL_ASCII" in refused.stderr


def test_decisions_on_duplicates_are_same_distinct_or_keep(database: Database) -> None:
    for decision in ("same", "distinct", "keep"):
        database.run(
            f"insert into reference.duplicate_decisions values ('companies', 'a', '{decision}', '{decision}', 'me')"
        )
    with pytest.raises(psycopg.errors.CheckViolation):
        database.run("insert into reference.duplicate_decisions values ('companies', 'b', 'c', 'perhaps', 'me')")


def _as(role: dict[str, str], database: Database | None = None) -> str:
    name = database.environment["PGDATABASE"] if database else role["PGDATABASE"]
    return psycopg.conninfo.make_conninfo(
        host=role["PGHOST"], port=role["PGPORT"], user=role["PGUSER"], password=role["PGPASSWORD"], dbname=name
    )


def _started(command: list[str], database: Database) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        env={**os.environ, **database.environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_no_function_that_catches_errors_is_offered_to_parallel_queries(database: Database) -> None:
    """PostgreSQL refuses subtransactions there; only a table of many rows is read in parallel."""
    assert (
        database.rows(
            r"""
            with recursive ours as (
                select pg_proc.oid, proname, prosrc, proparallel, pg_proc.oid::regprocedure::text as signature
                from pg_proc inner join pg_namespace on pronamespace = pg_namespace.oid
                where nspname in ('core', 'attio_sync')
            ),
            catching as (
                select oid, proname from ours where prosrc ~* '\mexception\M\s+when'
                union
                select ours.oid, ours.proname from ours
                inner join catching on ours.prosrc ~ ('\m' || catching.proname || '\M')
            )
            select signature from ours where oid in (select oid from catching) and proparallel <> 'u'
            """
        )
        == []
    )
