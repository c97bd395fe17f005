"""A build after the first reads anew only what changed, and ends as one from nothing does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.dbt.test_build import OF_LAST_BUILD, contents

if TYPE_CHECKING:
    from tests.conftest import Database
    from tests.dbt.conftest import Build

INCREMENTAL = {
    *("int_people_read", "int_people_cells", "person_export", "attio_people"),
    *("int_payloads_read", "int_payloads_judged"),
    *("int_linkedin_urls_parsed", "int_domains_parsed", "int_company_names_cleaned", "int_locations_parsed"),
}
ADA = "https://www.linkedin.com/in/ada-king"


def versions(database: Database) -> dict[Any, Any]:
    """Return which transaction wrote each person of the export."""
    return dict(database.rows("select linkedin_url, xmin::text from canon.person_export"))


def outcomes(database: Database) -> list[Any]:
    """Return what became of each payload that speaks of a row."""
    return database.rows(
        "select key, outcome from canon_intermediate.int_payloads_judged"
        " where key ~ '^(acme|beta|.*/bob-roe)' order by 1, 2"
    )


def test_late_changed_and_deleted_rows_end_as_a_build_from_nothing_does(built: Build) -> None:
    database = built.database
    assert {
        node["name"] for node in built.nodes("model") if node["config"]["materialized"] == "incremental"
    } == INCREMENTAL
    before = versions(database)
    first_time = outcomes(database)
    database.run(
        # changed, and nobody moved its time stamp
        "alter table extracted.person_discovery disable trigger user",
        "update extracted.person_discovery set latest_title = 'Boss' where linkedin_url = 'linkedin.com/in/bob-roe'",
        "alter table extracted.person_discovery enable trigger user",
        # came late, with an old time stamp: to a profile that is there, and to none
        "insert into extracted.person_discovery"
        " (linkedin_url, full_name, location_name, latest_company, created_at, updated_at) values"
        " ('http://linkedin.com/in/di-moe?x=1', 'Di Old', 'Lyon, France', null, '2001-01-01', '2001-01-01'),"
        " ('linkedin.com/in/late', 'La Te', 'Paris, France', 'Late Works GmbH', '2001-01-01', '2001-01-01')",
        # one of two rows of a profile goes, another profile goes whole, a third changes its address
        "delete from extracted.person_discovery where linkedin_url like 'https://de.linkedin.com/in/Ada%'",
        "delete from extracted.person_discovery where linkedin_url = 'linkedin.com/in/cy-poe'",
        "update core.company_job_postings set company_linkedin_url = 'linkedin.com/company/gamma' where job_id = 'j3'",
        # of payloads one is mended, one goes, one comes late and speaks of a row that said something else
        """update raw.companyenrich_payloads set payload = '{"name": "Acme", "type": "x"}' where domain = 'acme.com'"""
        " and payload is not null",
        "delete from raw.person_discovery where linkedin_url ~ '/bob-roe$'",
        "insert into raw.companyenrich_payloads (domain, payload, created_at) values"
        """ ('beta.io', '{"name": "Old Beta"}', '2001-01-01')""",
        # the row of a payload changes
        "update core.company_job_postings set title = 'Farrier' where job_id = 'j1' and domain = 'acme.com'",
        # what a place says changes, and no row that names it
        "insert into reference.location_lookup (location_name, city, country) values ('Berlin, Germany', 'Bern', 'CH')",
    )
    # people first: of those that came, the employers are not read yet, as if they had come in the midst of a build
    built.dbt("run", "-s", "int_people_read", "person_export").expect(0)
    built.dbt("run").expect(0)
    assert database.rows(
        "select linkedin_url, full_name, job_title, location_raw, locality from canon.person_export"
        " where linkedin_url ~ '/(ada-king|bob-roe|di-moe|cy-poe|late)$' order by 1"
    ) == [
        (ADA, "Ada King", "Engineer", "Berlin, Germany", "Bern"),
        ("https://www.linkedin.com/in/bob-roe", "Bob Roe", "Boss", "Remote", None),
        ("https://www.linkedin.com/in/di-moe", "Di Moe", "Baker", "Lyon, France", "Lyon"),
        ("https://www.linkedin.com/in/late", "La Te", None, "Paris, France", "Paris"),
    ]
    after = versions(database)
    untouched = {key for key in before if after.get(key) == before[key]}
    assert untouched == before.keys() - {
        f"https://www.linkedin.com/in/{slug}" for slug in ("ada-king", "bob-roe", "di-moe", "cy-poe")
    }
    assert untouched
    # the late one now is the first of its key, and the one that was the first says something else
    told = [("acme.com", "new"), ("acme.com|j1", "new")]
    assert first_time == [*told, ("beta.io", "new"), ("linkedin.com/in/bob-roe", "new")]
    assert outcomes(database) == [*told, ("beta.io", "changed"), ("beta.io", "new")]
    gone_on = contents(database)
    # of steps that two builds made nothing is made, nor of texts that are not all there
    built.dbt("run", "-s", "int_location_texts_prepared").expect(0)
    for asked in ([], ["--full-refresh"]):
        alone = built.dbt("run", *asked, "-s", "int_locations_parsed").expect(1)
        assert "build int_location_texts_prepared+ as well" in alone.stdout
    built.dbt("run", "--full-refresh").expect(0)
    from_nothing = contents(database)
    assert {name for name in gone_on if gone_on[name] != from_nothing.get(name)} <= OF_LAST_BUILD
    assert gone_on.keys() == from_nothing.keys()


def test_of_two_builds_one_waits_until_the_other_has_counted_what_goes(built: Build) -> None:
    database = built.database
    models = ("int_people_read", "int_people_cells")
    kept = "select column_name, cell, cells from canon_intermediate.int_people_cells order by 1, 2"
    before = database.rows(kept)
    name = database.environment["PGDATABASE"]
    database.run(
        "delete from extracted.person_discovery where linkedin_url = 'linkedin.com/in/bob-roe'",
        f"alter database {name} set lock_timeout = '200ms'",
    )
    with database.connect() as another:
        with another.transaction():
            another.execute("lock table canon_intermediate.touched_cells_remembered in share row exclusive mode")
            for model in models:
                assert "lock timeout" in built.dbt("run", "-s", model).expect(1).stdout
        # read, and not counted yet: what is remembered counts too
        built.dbt("run", "-s", "int_people_read").expect(0)
        built.dbt("test", "-s", "assert_cells_of_people_are_all_counted").expect(0)
        assert database.rows(kept) == before
        built.dbt("run", "-s", "int_people_cells").expect(0)
        built.dbt("test", "-s", "assert_cells_of_people_are_all_counted").expect(0)
        assert database.rows(kept) != before
        another.execute("update canon_intermediate.int_people_cells set cells = cells + 1 where cells = 1")
    lost = built.dbt("test", "-s", "assert_cells_of_people_are_all_counted").expect(1)
    assert "assert_cells_of_people_are_all_counted" in lost.stdout


def test_people_of_a_company_follow_it_when_the_crm_says_that_it_is_another(built: Build) -> None:
    database = built.database
    companies = "select linkedin_url, company from canon.attio_people order by 1"
    before = database.rows(companies)
    assert before
    company = before[0][1]
    database.run(
        f"delete from canon.attio_companies where domain = '{company}'",
        # nobody touched the people
        "delete from canon_intermediate.touched_exports_remembered",
    )
    built.dbt("run", "-s", "attio_people").expect(0)
    assert database.rows(companies) == [row for row in before if row[1] != company]
    built.dbt("run", "-s", "attio_companies", "attio_people").expect(0)
    assert database.rows(companies) == before


def test_a_changed_rule_holds_for_rows_that_did_not_change(built: Build) -> None:
    models = ("int_people_cells", "int_domain_cells", "int_domains_parsed", "int_companies_employing", "person_export")
    selected = (
        "-s",
        "shared_hosts",
        *models,
        "--exclude-resource-type",
        "test",
        "--exclude-resource-type",
        "unit_test",
    )
    built.dbt("build", *selected).expect(0)
    found = "select company_domain from canon.person_export where linkedin_url like '%/di-moe'"
    assert built.database.rows(found) == [("elsewhere.net",)]
    seed = built.project / "dbt_project" / "seeds" / "shared_hosts.csv"
    seed.write_text(seed.read_text() + "elsewhere.net,site_builder,a host that gives out pages\n")
    built.dbt("build", *selected).expect(0)
    assert built.database.rows(found) == [(None,)]


def test_a_view_is_left_alone_until_what_it_reads_is_another_table_or_has_another_column(built: Build) -> None:
    database = built.database
    views = ("stg_reference__location_lookup", "stg_reference__gazetteer_countries")
    made = "select viewname, (schemaname || '.' || viewname)::regclass::oid from pg_views where viewname = any(%s)"
    # the database is a copy, and the views' queries name another one
    built.dbt("run", "-s", *views).expect(0)
    before = dict(database.rows(made, [list(views)]))
    built.dbt("run", "-s", *views).expect(0)
    assert dict(database.rows(made, [list(views)])) == before
    database.run(
        "alter table reference.location_lookup rename to old_lookup",
        "create table reference.location_lookup (like reference.old_lookup including all)",
        "insert into reference.location_lookup (location_name, city, country) values ('The Shire', 'Hobbiton', 'GB')",
    )
    built.dbt("run", "-s", *views).expect(0)
    after = dict(database.rows(made, [list(views)]))
    assert after["stg_reference__location_lookup"] != before["stg_reference__location_lookup"]
    assert database.rows("select location_name from canon_staging.stg_reference__location_lookup") == [("The Shire",)]
    built.dbt("run", "--full-refresh", "-s", *views).expect(0)
    assert not set(dict(database.rows(made, [list(views)])).values()) & set(after.values())
    # a column that a table had not when its view was made
    database.run("alter table reference.location_lookup drop column state cascade")
    built.dbt("run", "-s", *views).expect(0)
    states = "select state from canon_staging.stg_reference__location_lookup"
    assert database.rows(states) == [(None,)]
    database.run("alter table reference.location_lookup add column state text default 'Westfarthing'")
    built.dbt("run", "-s", *views).expect(0)
    assert database.rows(states) == [("Westfarthing",)]


def test_names_of_places_are_made_anew_only_when_the_gazetteer_is_another_one(built: Build) -> None:
    database = built.database
    names = "int_location_country_names"
    made = f"select 'canon_intermediate.{names}'::regclass::oid"
    before = database.rows(made)
    built.dbt("run", "-s", names).expect(0)
    assert database.rows(made) == before
    database.run("update reference.gazetteer_countries set aliases = 'Blighty' where alpha2 = 'GB'")
    built.dbt("run", "-s", names).expect(0)
    assert database.rows(made) != before
    found = f"select country_code from canon_intermediate.{names} where name_key = 'blighty'"
    assert database.rows(found) == [("GB",)]


def test_what_the_planner_knows_of_a_table_is_true_when_others_read_it(built: Build) -> None:
    unknown = built.database.rows(
        "select relname from pg_class inner join pg_namespace on relnamespace = pg_namespace.oid"
        " where nspname in ('canon', 'canon_intermediate', 'canon_seeds') and relkind = 'r' and reltuples < 0"
        " and relname !~ '_remembered$|^remembered_|_results$'"
    )
    assert unknown == []
