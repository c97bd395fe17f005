"""The plan: which row is whose, what would be written, what stays and why; decided in SQL over ledger and mirror."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from sync import plan as planning
from sync import warehouse
from sync.errors import MappingError, WarehouseError
from tests.sync import small_exports as small

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sync.plan import Plan
    from tests.conftest import Canon, Database, Sandbox

LINKEDIN = "https://www.linkedin.com/in/ada"


@pytest.fixture
def tables(database: Database) -> Database:
    """Return a migrated database with the exports' tables, empty."""
    small.create_tables(database)
    return database


def make(database: Database, *names: str, models: Mapping[str, Any] = small.MODELS) -> Plan:
    every = small.exports(models)
    with database.connect() as connection:
        return planning.make(connection, every, [each for each in every if not names or each.model in names])


def outcome(database: Database, plan: Plan, row_key: str) -> dict[str, Any]:
    """Return how one row is planned."""
    (row,) = database.rows(
        "select outcome, record_id::text, reason, method, body, pending_references, before, changes"
        " from attio_sync.plan_rows where plan_id = %s and row_key = %s",
        [plan.plan_id, row_key],
    )
    return dict(
        zip(("outcome", "record_id", "reason", "method", "body", "pending", "before", "changes"), row, strict=True)
    )


def counts(plan: Plan, export: str = "attio_companies") -> dict[str, int]:
    (found,) = (dict(each.outcomes) for each in plan.exports if each.export == export)
    return found


def company(database: Database, **values: Any) -> str:
    """Put Acme into the mirror."""
    actor = values.pop("actor", small.TOKEN)
    read = {"domains": [{"domain": "acme.com", "root_domain": "acme.com"}]}
    read |= {slug: [{"value": value}] for slug, value in values.items()}
    return small.mirror(database, "companies", read, actor=actor)


def remember(database: Database, export: str, row_key: str, record_id: str, slug: str = "companies") -> None:
    database.run(
        "insert into attio_sync.row_states (export, row_key, object, record_id)"
        f" values ('{export}', '{row_key}', '{slug}', '{record_id}')"
    )


# what is written


def test_a_row_that_attio_does_not_hold_is_created_with_all_it_says(tables: Database) -> None:
    small.put(tables, "attio_companies", {"domain": "acme.com", "name": "Acme", "tags": ["Red"]})

    row = outcome(tables, make(tables), "acme.com")

    assert (row["outcome"], row["method"]) == ("create", "post")
    assert row["body"] == {"domains": ["acme.com"], "name": ["Acme"], "tags": ["Red"]}


def test_only_what_differs_is_written_with_old_new_and_author(tables: Database) -> None:
    record_id = company(tables, name="ACME", description="Old", industry="Anvils")
    small.put(tables, "attio_companies", {"domain": "acme.com", "description": "New", "industry": "Anvils"})

    row = outcome(tables, make(tables), "acme.com")

    assert (row["outcome"], row["method"], row["record_id"]) == ("update", "patch", record_id)
    assert row["body"] == {"description": ["New"]}
    assert row["before"]["description"][0]["value"] == "Old"
    assert row["before"]["description"][0]["created_by_actor"] == small.TOKEN
    assert row["changes"] == [
        {"attribute": "description", "action": "write", "old": "Old", "new": "New", "old_by": "api-token"}
    ]


def test_an_equal_row_is_nothing_however_attio_spells_it(tables: Database) -> None:
    small.mirror(
        tables,
        "companies",
        {"domains": [{"domain": "acme.com"}], "name": [{"value": "Acme"}], "tags": [{"option": {"title": "Red"}}]},
    )
    small.put(tables, "attio_companies", {"domain": "ACME.com", "name": "Acme", "tags": ["Red"]})
    small.mirror(
        tables,
        "job_postings",
        {
            "job_id": [{"value": "j1"}],
            "salary_min": [{"value": 50000}],
            "posted_on": [{"value": "2026-01-02"}],
            "is_open": [{"value": True}],
        },
    )
    small.put(
        tables,
        "attio_job_postings",
        {"job_id": "j1", "salary_min": "50000.00", "posted_on": "2026-01-02", "is_open": True},
    )

    plan = make(tables)

    assert plan.writes == 0
    assert counts(plan) == {"nothing": 1}
    assert counts(plan, "attio_job_postings") == {"nothing": 1}


@pytest.mark.parametrize("blank", [None, ""])
def test_a_blank_never_erases(tables: Database, blank: str | None) -> None:
    company(tables, description="Old", industry="Anvils", name="Acme")
    small.put(
        tables,
        "attio_companies",
        {"domain": "acme.com", "description": blank, "industry": blank, "name": blank, "tags": None},
    )

    assert counts(make(tables)) == {"nothing": 1}


def test_a_value_that_a_person_typed_stays_and_is_told(tables: Database) -> None:
    company(tables, actor=small.MEMBER, industry="Hammers")
    small.put(tables, "attio_companies", {"domain": "acme.com", "industry": "Anvils"})

    plan = make(tables)

    row = outcome(tables, plan, "acme.com")
    assert row["outcome"] == "nothing"
    assert row["changes"][0]["why"] == "typed by a person"
    assert plan.exports[0].stays == {"typed by a person": 1}


def test_what_is_always_ours_is_written_over_a_person(tables: Database) -> None:
    company(tables, actor=small.MEMBER, description="Mine")
    small.put(tables, "attio_companies", {"domain": "acme.com", "description": "Ours"})

    assert outcome(tables, make(tables), "acme.com")["body"] == {"description": ["Ours"]}


def test_what_fills_only_gaps_leaves_what_is_there(tables: Database) -> None:
    company(tables, name="ACME Corp")
    small.put(tables, "attio_companies", {"domain": "acme.com", "name": "Acme"})

    plan = make(tables)

    assert counts(plan) == {"nothing": 1}
    assert plan.exports[0].stays == {"not empty": 1}


def test_what_attio_stores_otherwise_is_not_sent_for_ever(tables: Database) -> None:
    """Sent and seen are remembered apart: ours is as it was sent, Attio's as it was seen then."""
    record_id = company(tables, industry="Anvils & mo")
    small.put(tables, "attio_companies", {"domain": "acme.com", "industry": "Anvils & more"})
    remember(tables, "attio_companies", "acme.com", record_id)
    tables.run(
        "update attio_sync.row_states set"
        " sent = jsonb_build_object('industry', attio_sync.hash_of(array['Anvils & more'])),"
        " seen = jsonb_build_object('industry', attio_sync.hash_of(array['Anvils & mo']))"
    )

    assert counts(make(tables)) == {"nothing": 1}

    small.put(tables, "attio_companies", {"domain": "acme.com", "industry": "Anvils & yet more"})

    assert outcome(tables, make(tables), "acme.com")["body"] == {"industry": ["Anvils & yet more"]}


def test_a_change_in_attio_by_a_program_is_set_right_again(tables: Database) -> None:
    record_id = company(tables, industry="Changed")
    small.put(tables, "attio_companies", {"domain": "acme.com", "industry": "Anvils"})
    remember(tables, "attio_companies", "acme.com", record_id)
    tables.run(
        "update attio_sync.row_states set"
        " sent = jsonb_build_object('industry', attio_sync.hash_of(array['Anvils'])),"
        " seen = jsonb_build_object('industry', attio_sync.hash_of(array['Anvils']))"
    )

    assert outcome(tables, make(tables), "acme.com")["body"] == {"industry": ["Anvils"]}


# lists


def test_a_list_that_is_replaced_goes_as_a_put_and_appended_lists_keep_what_they_hold(tables: Database) -> None:
    models = small.with_column(small.MODELS, "attio_companies", "domain", write="always")
    record_id = small.mirror(
        tables,
        "companies",
        {"domains": [{"domain": "acme.de"}, {"domain": "acme.fr"}], "tags": [{"option": {"title": "Green"}}]},
    )
    remember(tables, "attio_companies", "acme.com", record_id)
    small.put(tables, "attio_companies", {"domain": "acme.com", "tags": ["Red", "Blue"]})

    row = outcome(tables, make(tables, models=models), "acme.com")

    assert row["method"] == "put"
    assert row["body"] == {"tags": ["Red", "Blue"], "domains": ["acme.com", "acme.de", "acme.fr"]}
    assert row["changes"][1] == {
        "attribute": "tags",
        "action": "write",
        "old": "Green",
        "new": "Red, Blue",
        "old_by": "api-token",
    }


def test_an_appended_list_sends_only_what_is_missing(tables: Database) -> None:
    models = small.with_column(small.MODELS, "attio_companies", "tags", list="append")
    small.mirror(tables, "companies", {"domains": [{"domain": "acme.com"}], "tags": [{"option": {"title": "Red"}}]})
    small.put(tables, "attio_companies", {"domain": "acme.com", "tags": ["Red", "Blue"]})

    row = outcome(tables, make(tables, models=models), "acme.com")

    assert (row["method"], row["body"]) == ("patch", {"tags": ["Blue"]})


def test_the_order_of_a_list_is_no_difference(tables: Database) -> None:
    held = [{"option": {"title": "Blue"}}, {"option": {"title": "Red"}}]
    small.mirror(tables, "companies", {"domains": [{"domain": "acme.com"}], "tags": held})
    small.put(tables, "attio_companies", {"domain": "acme.com", "tags": ["Red", "Blue"]})

    assert counts(make(tables)) == {"nothing": 1}


# who is whom


def test_the_ledger_knows_a_record_that_nothing_else_finds(tables: Database) -> None:
    record_id = small.mirror(tables, "companies", {"domains": [{"domain": "moved.com"}]})
    small.put(tables, "attio_companies", {"domain": "acme.com", "industry": "Anvils"})
    remember(tables, "attio_companies", "acme.com", record_id)

    row = outcome(tables, make(tables), "acme.com")

    assert (row["outcome"], row["record_id"]) == ("update", record_id)


def test_a_merged_record_leads_to_the_one_it_is_now(tables: Database) -> None:
    record_id = small.mirror(tables, "companies", {"domains": [{"domain": "acme.com"}]})
    gone = str(uuid.uuid4())
    remember(tables, "attio_companies", "acme.com", gone)
    tables.run(
        "insert into attio_sync.aliases (object, record_id, current_record_id)"
        f" values ('companies', '{gone}', '{record_id}')"
    )
    small.put(tables, "attio_companies", {"domain": "acme.com", "industry": "Anvils"})

    assert outcome(tables, make(tables), "acme.com")["record_id"] == record_id


def test_the_record_that_the_model_names_is_taken_where_it_is_there(tables: Database) -> None:
    """People are matched on normalized URLs, which only SQL can compare."""
    record_id = small.mirror(tables, "people", {"linkedin": [{"value": "linkedin.com/in/Ada/"}]})
    small.put(
        tables,
        "attio_people",
        {"linkedin_url": LINKEDIN, "record_id": record_id, "job_title": "Engineer"},
        {"linkedin_url": f"{LINKEDIN}2", "record_id": str(uuid.uuid4()), "job_title": "Engineer"},
        {"linkedin_url": f"{LINKEDIN}3", "record_id": "no uuid at all", "job_title": "Engineer"},
    )

    plan = make(tables)

    assert outcome(tables, plan, LINKEDIN)["record_id"] == record_id
    assert counts(plan, "attio_people") == {"update": 1, "create": 2}
    assert outcome(tables, plan, f"{LINKEDIN}2")["method"] == "post"


def test_a_record_that_was_deleted_in_attio_stays_deleted(tables: Database) -> None:
    remember(tables, "attio_companies", "acme.com", str(uuid.uuid4()))
    small.put(tables, "attio_companies", {"domain": "acme.com", "industry": "Anvils"})

    row = outcome(tables, make(tables), "acme.com")

    assert row["outcome"] == "gone"
    assert "deleted in Attio" in row["reason"]


def test_a_deleted_copy_leads_to_the_record_that_took_its_domain(tables: Database) -> None:
    remember(tables, "attio_companies", "acme.com", str(uuid.uuid4()))
    survivor = company(tables)
    small.put(tables, "attio_companies", {"domain": "acme.com", "industry": "Anvils"})

    row = outcome(tables, make(tables), "acme.com")

    assert (row["outcome"], row["record_id"]) == ("update", survivor)


def test_two_records_for_one_row_are_ambiguous(tables: Database) -> None:
    ids = sorted(small.mirror(tables, "people", {"linkedin": [{"value": LINKEDIN}]}) for _ in range(2))
    small.put(tables, "attio_people", {"linkedin_url": LINKEDIN, "job_title": "Engineer"})

    plan = make(tables)

    row = outcome(tables, plan, LINKEDIN)
    assert (row["outcome"], row["body"]) == ("ambiguous", None)
    assert ids[0] in row["reason"]
    assert ids[1] in row["reason"]
    assert plan.exports[1].set_aside == 1


def test_two_rows_for_one_record_are_ambiguous_both(tables: Database) -> None:
    small.mirror(tables, "companies", {"domains": [{"domain": "acme.com"}, {"domain": "acme.de"}]})
    small.put(tables, "attio_companies", {"domain": "acme.com", "name": "A"}, {"domain": "acme.de", "name": "B"})

    plan = make(tables)

    assert counts(plan) == {"ambiguous": 2}
    assert "acme.de" in outcome(tables, plan, "acme.com")["reason"]


def test_the_row_that_wrote_a_record_keeps_it_against_a_newcomer(tables: Database) -> None:
    record_id = small.mirror(tables, "companies", {"domains": [{"domain": "acme.com"}, {"domain": "acme.de"}]})
    remember(tables, "attio_companies", "acme.com", record_id)
    small.put(
        tables, "attio_companies", {"domain": "acme.com", "industry": "A"}, {"domain": "acme.de", "industry": "B"}
    )

    plan = make(tables)

    assert outcome(tables, plan, "acme.com")["outcome"] == "update"
    assert outcome(tables, plan, "acme.de")["outcome"] == "ambiguous"


def test_a_unique_value_on_another_record_is_a_conflict(tables: Database) -> None:
    ours = small.mirror(tables, "companies", {"domains": [{"domain": "other.com"}]})
    theirs = company(tables)
    remember(tables, "attio_companies", "acme.com", ours)
    small.put(tables, "attio_companies", {"domain": "acme.com", "industry": "Anvils"})

    row = outcome(tables, make(tables), "acme.com")

    assert row["outcome"] == "conflict"
    assert theirs in row["reason"]


def test_a_match_that_contradicts_the_model_is_ambiguous(tables: Database) -> None:
    by_model = small.mirror(tables, "people", {"linkedin": [{"value": "https://www.linkedin.com/in/other"}]})
    small.mirror(tables, "people", {"linkedin": [{"value": LINKEDIN}]})
    small.put(tables, "attio_people", {"linkedin_url": LINKEDIN, "record_id": by_model, "job_title": "Engineer"})

    assert outcome(tables, make(tables), LINKEDIN)["outcome"] == "ambiguous"


def test_rows_that_left_the_export_are_told_and_nothing_else(tables: Database) -> None:
    remember(tables, "attio_companies", "acme.com", company(tables, industry="Anvils"))

    plan = make(tables)

    assert counts(plan) == {"vanished": 1}
    assert plan.writes == 0


def test_update_only_makes_no_record_and_create_only_changes_none(tables: Database) -> None:
    company(tables, industry="Old")
    small.put(tables, "attio_companies", {"domain": "acme.com", "industry": "A"}, {"domain": "new.com"})

    update_only = make(tables, models=small.with_mode("attio_companies", "update_only"))
    create_only = make(tables, models=small.with_mode("attio_companies", "create_only"))

    assert counts(update_only) == {"update": 1, "left_out": 1}
    assert counts(create_only) == {"nothing": 1, "create": 1}


# references


def test_a_reference_is_the_record_of_the_referenced_row(tables: Database) -> None:
    record_id = company(tables)
    small.put(tables, "attio_companies", {"domain": "acme.com"})
    small.put(tables, "attio_people", {"linkedin_url": LINKEDIN, "company": "acme.com"})

    row = outcome(tables, make(tables), LINKEDIN)

    assert row["body"]["company"] == [{"target_object": "companies", "target_record_id": record_id}]


def test_a_reference_to_a_row_that_is_created_first_is_filled_in_later(tables: Database) -> None:
    small.put(tables, "attio_companies", {"domain": "acme.com"})
    small.put(tables, "attio_people", {"linkedin_url": LINKEDIN, "company": "acme.com"})

    row = outcome(tables, make(tables), LINKEDIN)

    assert row["pending"] == {"company": {"export": "attio_companies", "keys": ["acme.com"]}}
    assert "company" not in row["body"]
    assert {"attribute": "company", "action": "write", "new": "acme.com"} in row["changes"]


def test_a_new_row_without_its_company_is_held_and_an_old_one_keeps_the_rest(tables: Database) -> None:
    small.mirror(tables, "people", {"linkedin": [{"value": LINKEDIN}]})
    small.put(
        tables,
        "attio_people",
        {"linkedin_url": LINKEDIN, "company": "nowhere.com", "job_title": "Engineer"},
        {"linkedin_url": f"{LINKEDIN}2", "company": "nowhere.com", "job_title": "Engineer"},
    )

    plan = make(tables)

    assert outcome(tables, plan, LINKEDIN)["body"] == {"job_title": ["Engineer"]}
    held = outcome(tables, plan, f"{LINKEDIN}2")
    assert (held["outcome"], held["reason"]) == ("held", "nowhere.com is not in Attio")


def test_without_its_companies_export_a_person_waits_for_a_company_that_is_not_there(tables: Database) -> None:
    small.put(tables, "attio_companies", {"domain": "acme.com"})
    small.put(tables, "attio_people", {"linkedin_url": LINKEDIN, "company": "acme.com"})

    plan = make(tables, "attio_people")

    assert [each.export for each in plan.exports] == ["attio_people"]
    assert counts(plan, "attio_people") == {"held": 1}


def test_a_company_that_a_person_chose_stays_though_ours_is_yet_to_come(tables: Database) -> None:
    other = str(uuid.uuid4())
    small.mirror(
        tables,
        "people",
        {
            "linkedin": [{"value": LINKEDIN}],
            "company": [{"target_object": "companies", "target_record_id": other}],
        },
        actor=small.MEMBER,
    )
    small.put(tables, "attio_companies", {"domain": "acme.com"})
    small.put(tables, "attio_people", {"linkedin_url": LINKEDIN, "company": "acme.com"})

    plan = make(tables)

    assert outcome(tables, plan, LINKEDIN)["outcome"] == "nothing"
    assert plan.exports[1].stays == {"typed by a person": 1}


# manners


def test_refused_rows_come_last(tables: Database) -> None:
    small.put(tables, "attio_companies", {"domain": "a.com"}, {"domain": "b.com"})
    tables.run("insert into attio_sync.rejects (export, row_key, run_id) values ('attio_companies', 'a.com', 1)")

    plan = make(tables)

    rows = tables.rows("select row_key from attio_sync.plan_rows where plan_id = %s order by position", [plan.plan_id])
    assert rows == [("b.com",), ("a.com",)]


def test_old_plans_leave_but_never_one_that_is_being_executed(tables: Database) -> None:
    first = make(tables)
    tables.run(f"insert into attio_sync.runs (command, plan_id) values ('sync', {first.plan_id})")
    second = make(tables)
    for _ in range(planning.PLANS_KEPT):
        make(tables)

    kept = {plan_id for (plan_id,) in tables.rows("select plan_id from attio_sync.plans")}

    assert first.plan_id in kept
    assert second.plan_id not in kept
    assert len(kept) == planning.PLANS_KEPT + 1


def test_a_column_that_the_table_lacks_is_one_line_before_anything_is_read(tables: Database) -> None:
    tables.run("alter table canon.attio_people drop column job_title")

    with tables.connect() as connection, pytest.raises(MappingError) as told:
        warehouse.check_exports(connection, small.exports())

    assert str(told.value).startswith('attio_people: manifest and tables differ; column "job_title" does not exist')


def test_what_the_database_refuses_is_one_line_and_nothing_is_stored(tables: Database) -> None:
    tables.run("alter table canon.attio_people drop column job_title")

    with pytest.raises(WarehouseError, match="job_title does not exist"):
        make(tables)

    assert tables.rows("select count(*) from attio_sync.plans") == [(0,)]


def test_canon_plan_reads_the_crm_says_it_all_and_changes_nothing(
    canon: Canon, project: Path, tables: Database, sandbox: Sandbox
) -> None:
    small.install(project)
    small.prepare(sandbox)
    values = {"domains": ["acme.com"], "industry": ["Hammers"], "description": ["Old"]}
    sandbox.play("as-member", {"object": "companies", "values": values})
    small.put(
        tables,
        "attio_companies",
        {"domain": "acme.com", "industry": "Anvils", "description": "New"},
        {"domain": "new.com", "name": "New [bold]"},
    )
    writes = sandbox.stats()["writes"]

    done = canon("plan", "--json", env={"CANON_RECORD_CAP": "1", "CANON_WRITES_PER_SECOND": "25"}).expect(0)
    shown = canon("plan", "--no-pull", env={"CANON_RECORD_CAP": "1"}).expect(0)

    assert sandbox.stats()["writes"] == writes
    assert done.json["exports"][0]["outcomes"]["create"] == 1
    assert (done.json["calls"], done.json["seconds"], done.json["records_afterwards"]) == (2, 0.1, 2)
    (update,) = (row for row in done.json["rows"] if row["outcome"] == "update")
    changes = {change["attribute"]: change for change in update["changes"]}
    assert (changes["description"]["old"], changes["description"]["new"]) == ("Old", "New")
    assert changes["industry"]["why"] == "typed by a person"
    assert "New [bold]" in shown.stderr
    assert "WARNING: more than CANON_RECORD_CAP allows: 2 of 1 records" in shown.stderr
    assert "Nothing was changed. `canon sync` does it." in shown.stderr
