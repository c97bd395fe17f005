"""Removing copies: what goes, what the survivor gains, what is left alone, and what a lost answer or a kill changes."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from psycopg import sql

from sync import ledger, pull, rate_limiter, removal
from sync.rate_limiter import Patience
from sync.removal_ledger import RemovalLedger, written_attributes
from tests.conftest import _environment
from tests.sync.relay import NO_ANSWER, Answer, Request, json_answer, relay
from tests.sync.sandbox_calls import made, record, values
from tests.sync.test_push import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.conftest import Canon, Database, Sandbox

PATIENCE = Patience(attempts=3, seconds=8)
APPLY = ("duplicates", "apply", "--yes", "--max", "40", "--canary", "3")
TABLE = sql.Identifier("canon", "attio_company_removals")
DECIDE = """
create schema if not exists canon;
drop table if exists canon.attio_company_removals;
create table canon.attio_company_removals as
select
    copies.record_id::text,
    survivors.record_id::text as survivor_record_id,
    survivors.record_id::text as cluster_id,
    copies.values #>> '{name,0,value}' as name,
    copies.web_url,
    '["same_name"]'::jsonb as reasons,
    copies.values as record_values,
    survivors.values as survivor_values,
    0.99 as score
from unnest(%s::uuid[], %s::uuid[]) as pairs (copy_id, survivor_id)
inner join attio_mirror.records as copies on pairs.copy_id = copies.record_id
inner join attio_mirror.records as survivors on pairs.survivor_id = survivors.record_id
"""


def id_of(path: str) -> str:
    """Return the record id at the end of a path."""
    return path.rpartition("/")[2]


def company(sandbox: Sandbox, **written: Any) -> str:
    """Create a company; return its path."""
    return record(sandbox, "companies", **written)


def person_of(sandbox: Sandbox, path: str) -> str:
    """Create a person at a company; return the person's path."""
    return record(sandbox, "people", company=[{"target_object": "companies", "target_record_id": id_of(path)}])


def decide(sandbox: Sandbox, database: Database, pairs: Sequence[tuple[str, str]]) -> None:
    """Pull the CRM and decide that each first is a copy of its second."""
    with database.connect() as connection:
        asyncio.run(_pull(sandbox, connection))
        copies, survivors = ([id_of(pair[place]) for pair in pairs] for place in (0, 1))
        for statement in DECIDE.split(";\n"):
            parameters = [copies, survivors] if "%s" in statement else None
            connection.execute(statement.encode(), parameters)


async def _pull(sandbox: Sandbox, connection: Any) -> None:
    async with rate_limiter.connect(sandbox.environment) as crm:
        await pull.pull(crm, connection, ["companies", "people"], may_be_absent=True)


def remove(
    sandbox: Sandbox,
    database: Database,
    *,
    canary: int = 10,
    limit: int | None = None,
    play: Callable[[Request], Answer | None] = lambda _request: None,
) -> removal.Report:
    """Remove what was decided, with `play` deciding about each request."""

    async def decide_on(request: Request) -> Answer | None:
        return await asyncio.to_thread(play, request)

    async def run() -> removal.Report:
        async with (
            relay(decide_on, sandbox.url) as url,
            rate_limiter.connect({**sandbox.environment, "ATTIO_BASE_URL": url}, patience=PATIENCE) as crm,
        ):
            run_id = ledger.begin_run(connection, "duplicates apply", {}, workspace_id="w")
            attributes = written_attributes(await crm.attributes("companies"))
            notes = RemovalLedger(connection, run_id, "companies", removal.REMOVALS["companies"], TABLE, attributes)
            removing = removal.Removal(crm, [notes], removal.Limits(canary, limit))
            await removing.finish_earlier()
            await removal.read_attached(crm, connection)
            todo = removal.clusters(connection, TABLE, "companies", limit=limit)
            return await removing.run(todo, tell_canary=lambda _report: None)

    with database.connect() as connection:
        return asyncio.run(run())


def is_there(sandbox: Sandbox, path: str) -> bool:
    """Tell whether a record can be read."""
    return sandbox.call("GET", path).status_code == 200


def now(database: Database, path: str) -> str:
    """Return the path of what a record has become."""
    rows = database.rows("select current_record_id::text from attio_sync.aliases where record_id = %s", [id_of(path)])
    return f"/objects/companies/records/{rows[0][0]}"


def test_an_empty_copy_is_deleted_and_its_survivor_gains_what_only_it_had(sandbox: Sandbox, database: Database) -> None:
    kept = company(sandbox, domains=["acme.com"], name="Acme", categories=["SaaS"])
    copy = company(sandbox, domains=["acme.de"], name="ACME GmbH", description="Anvils", categories=["B2B", "SaaS"])
    decide(sandbox, database, [(copy, kept)])
    report = remove(sandbox, database)
    assert (report.counts["deleted"], report.survivors_updated, report.stayed) == (1, 1, [])
    assert not is_there(sandbox, copy)
    assert values(sandbox, kept, "name") == ["Acme"]
    assert values(sandbox, kept, "description") == ["Anvils"]
    assert set(values(sandbox, kept, "domains", "domain")) == {"acme.com", "acme.de"}
    titles = [option["title"] for option in values(sandbox, kept, "categories", "option")]
    assert sorted(titles) == ["B2B", "SaaS"]


def test_the_ledger_holds_the_whole_copy_and_leads_from_it_to_its_survivor(
    sandbox: Sandbox, database: Database
) -> None:
    kept, copy = company(sandbox, name="Acme"), company(sandbox, name="Acme Inc", domains=["acme.com"])
    decide(sandbox, database, [(copy, kept)])
    database.run(
        "insert into attio_sync.row_states (export, row_key, object, record_id)"
        f" values ('attio_companies', 'acme.com', 'companies', '{id_of(copy)}')"
    )
    remove(sandbox, database)
    [(before, state)] = database.rows("select before, state from attio_sync.entries where method = 'delete'")
    assert before["name"][0]["value"] == "Acme Inc"
    assert before["domains"][0]["domain"] == "acme.com"
    assert before["name"][0]["created_by_actor"]["type"] == "api-token"
    assert state == "done"
    assert now(database, copy) == kept
    assert database.rows("select record_id::text from attio_sync.row_states") == [(id_of(kept),)]


def test_what_hangs_on_a_copy_is_kept_by_merging_it(sandbox: Sandbox, database: Database) -> None:
    kept = company(sandbox, domains=["acme.com"], name="Acme")
    copies = [company(sandbox, name=f"Acme {number}", domains=[f"acme{number}.com"]) for number in range(4)]
    person = person_of(sandbox, copies[0])
    made(
        sandbox,
        "/lists",
        name="Targets",
        api_slug="targets",
        parent_object="companies",
        workspace_access="full-access",
        workspace_member_access=[],
    )
    parent = {"parent_record_id": id_of(copies[1]), "parent_object": "companies"}
    entry = made(sandbox, "/lists/targets/entries", **parent, entry_values={})["id"]["entry_id"]
    parent["parent_record_id"] = id_of(copies[2])
    made(sandbox, "/notes", **parent, title="Call", format="plaintext", content="Yes")
    decide(sandbox, database, [(copy, kept) for copy in copies])
    report = remove(sandbox, database)
    assert (report.counts["merged"], report.counts["deleted"], report.stayed) == (3, 1, [])
    survivor = now(database, kept)
    assert {now(database, copy) for copy in copies} == {survivor}
    assert values(sandbox, person, "company", "target_record_id") == [id_of(survivor)]
    assert sandbox.call("GET", f"{survivor}/entries").json()["data"][0]["entry_id"] == entry
    assert sandbox.call("GET", "/notes").json()["data"][0]["parent_record_id"] == id_of(survivor)
    domains = {"acme.com", "acme0.com", "acme1.com", "acme2.com", "acme3.com"}
    assert set(values(sandbox, survivor, "domains", "domain")) == domains
    assert values(sandbox, survivor, "name") == ["Acme"]


@pytest.mark.parametrize("changed", ["copy", "survivor"])
def test_what_changed_since_it_was_decided_is_left_alone_and_named(
    changed: str, sandbox: Sandbox, database: Database
) -> None:
    kept, copy = company(sandbox, name="Acme"), company(sandbox, name="Acme Inc")
    decide(sandbox, database, [(copy, kept)])
    path = copy if changed == "copy" else kept
    sandbox.call("PATCH", path, {"data": {"values": {"description": ["Somebody's words"]}}}).raise_for_status()
    report = remove(sandbox, database)
    assert is_there(sandbox, copy)
    assert is_there(sandbox, kept)
    assert [(one["record_id"], one["state"]) for one in report.stayed] == [(id_of(copy), "changed")]
    assert "description" in report.stayed[0]["reason"]


def test_where_all_of_the_first_have_changed_the_rest_is_not_tried(sandbox: Sandbox, database: Database) -> None:
    pairs = [(company(sandbox, name=f"Copy {number}"), company(sandbox, name=f"Kept {number}")) for number in range(6)]
    decide(sandbox, database, pairs)
    for _, kept in pairs:
        sandbox.call("PATCH", kept, {"data": {"values": {"description": ["Synced"]}}}).raise_for_status()
    report = remove(sandbox, database, canary=2)
    assert (report.counts["changed"], report.counts["left"]) == (2, 4)
    assert "make build" in str(report.stopped)


def test_two_copies_that_a_person_called_distinct_hold_their_whole_cluster_back(
    sandbox: Sandbox, database: Database
) -> None:
    kept, one, other = (company(sandbox, name=f"Acme {number}") for number in range(3))
    sure, its_copy = company(sandbox, name="Zeta"), company(sandbox, name="Zeta Inc")
    decide(sandbox, database, [(one, kept), (other, kept), (its_copy, sure)])
    database.run(
        "insert into reference.duplicate_decisions (object, record_id_a, record_id_b, decision)"
        f" values ('companies', '{id_of(one)}', '{id_of(other)}', 'distinct')"
    )
    assert remove(sandbox, database).removed == 1
    assert all(is_there(sandbox, path) for path in (kept, one, other, sure))


def test_what_somebody_wants_kept_stays_though_its_cluster_goes(sandbox: Sandbox, database: Database) -> None:
    kept, one, other = (company(sandbox, name=f"Acme {number}") for number in range(3))
    decide(sandbox, database, [(one, kept), (other, kept)])
    database.run(
        "insert into reference.duplicate_decisions (object, record_id_a, record_id_b, decision)"
        f" values ('companies', '{id_of(one)}', '{id_of(one)}', 'keep')"
    )
    assert remove(sandbox, database).removed == 1
    assert is_there(sandbox, one)


def test_a_copy_that_is_gone_already_is_named_and_nothing_is_written(sandbox: Sandbox, database: Database) -> None:
    kept, copy = company(sandbox, name="Acme"), company(sandbox, name="Acme Inc", description="Anvils")
    decide(sandbox, database, [(copy, kept)])
    sandbox.call("DELETE", copy).raise_for_status()
    before = sandbox.stats()["writes"]
    report = remove(sandbox, database)
    assert [one["state"] for one in report.stayed] == ["gone"]
    assert sandbox.stats()["writes"] == before


def test_where_attio_does_not_merge_copies_with_something_attached_stay(sandbox: Sandbox, database: Database) -> None:
    kept = company(sandbox, name="Acme")
    full, empty = company(sandbox, name="Acme 1"), company(sandbox, name="Acme 2")
    person_of(sandbox, full)
    sandbox.play("faults", {"merging": False})
    decide(sandbox, database, [(full, kept), (empty, kept)])
    report = remove(sandbox, database)
    assert is_there(sandbox, full)
    assert not is_there(sandbox, empty)
    [stayed] = report.stayed
    assert (stayed["record_id"], stayed["state"]) == (id_of(full), "kept")
    assert "1 people referring to it" in stayed["reason"]


def test_a_missing_survivor_stops_the_run(sandbox: Sandbox, database: Database) -> None:
    pairs = [(company(sandbox, name=f"Copy {number}"), company(sandbox, name=f"Kept {number}")) for number in range(9)]
    decide(sandbox, database, pairs)
    sandbox.call("DELETE", pairs[4][1]).raise_for_status()
    report = remove(sandbox, database, canary=1)
    assert isinstance(report.failure, removal.SurpriseError)
    assert id_of(pairs[4][1]) in str(report.failure)
    assert is_there(sandbox, pairs[4][0])
    assert report.removed + report.counts["left"] == 9


def test_a_record_that_can_still_be_read_after_its_removal_stops_the_run(sandbox: Sandbox, database: Database) -> None:
    pairs = [(company(sandbox, name=f"Copy {number}"), company(sandbox, name=f"Kept {number}")) for number in range(5)]
    decide(sandbox, database, pairs)
    said_to_be_deleted: list[str] = []

    def only_say_so(request: Request) -> Answer | None:
        if request.method != "DELETE":
            return None
        said_to_be_deleted.append(request.path)
        return json_answer({})

    report = remove(sandbox, database, canary=2, play=only_say_so)
    assert isinstance(report.failure, removal.SurpriseError)
    assert str(report.failure) in {
        f"record {id_of(path)} was removed and can still be read: nothing more is removed"
        for path in said_to_be_deleted
    }
    assert len(said_to_be_deleted) == 2
    assert all(is_there(sandbox, copy) for copy, _ in pairs)


def test_a_limit_removes_so_many_and_the_next_run_the_rest(sandbox: Sandbox, database: Database) -> None:
    pairs = [(company(sandbox, name=f"Copy {number}"), company(sandbox, name=f"Kept {number}")) for number in range(6)]
    decide(sandbox, database, pairs)
    assert remove(sandbox, database, limit=4).removed == 4
    assert remove(sandbox, database).removed == 2
    assert remove(sandbox, database).removed == 0
    assert all(is_there(sandbox, kept) and not is_there(sandbox, copy) for copy, kept in pairs)


def test_a_survivor_that_gained_in_an_earlier_run_is_no_surprise(sandbox: Sandbox, database: Database) -> None:
    kept = company(sandbox, name="Acme")
    copies = [company(sandbox, name="Acme", domains=[f"acme{number}.com"]) for number in range(3)]
    decide(sandbox, database, [(copy, kept) for copy in copies])
    assert remove(sandbox, database, limit=1).removed == 1
    assert remove(sandbox, database).removed == 2
    assert len(values(sandbox, kept, "domains", "domain")) == 3


def test_one_value_that_attio_refuses_costs_no_other(sandbox: Sandbox, database: Database) -> None:
    kept = company(sandbox, name="Acme")
    copy = company(sandbox, name="Acme", domains=["acme.com"], description="Anvils")
    decide(sandbox, database, [(copy, kept)])

    def take_the_domain_once_it_is_free(request: Request) -> Answer | None:
        if request.method == "PATCH" and "domains" in request.json["data"]["values"]:
            sandbox.call("POST", "/objects/companies/records", {"data": {"values": {"domains": ["acme.com"]}}})
        return None

    report = remove(sandbox, database, play=take_the_domain_once_it_is_free)
    assert report.counts["deleted"] == 1
    assert values(sandbox, kept, "description") == ["Anvils"]
    assert values(sandbox, kept, "domains", "domain") == []
    assert [(one["record_id"], one["state"]) for one in report.stayed] == [(id_of(kept), "rejected")]


@pytest.mark.parametrize("domains", [["acme.com"], []], ids=["found by its domain", "found by its name"])
def test_a_merge_whose_answer_was_lost_is_found_and_not_repeated(
    domains: list[str], sandbox: Sandbox, database: Database
) -> None:
    kept = company(sandbox, name="Acme", domains=domains)
    copy = company(sandbox, name="Acme GmbH", description="Anvils")
    person = person_of(sandbox, copy)
    decide(sandbox, database, [(copy, kept)])
    merges: list[int] = []

    def lose_the_answer(request: Request) -> Answer | None:
        if not request.path.endswith("/merge"):
            return None
        merges.append(sandbox.call("POST", request.path, request.json).status_code)
        return NO_ANSWER

    report = remove(sandbox, database, play=lose_the_answer)
    assert (merges, report.counts["merged"], report.failure) == ([202], 1, None)
    assert values(sandbox, person, "company", "target_record_id") == [id_of(now(database, kept))]
    assert values(sandbox, now(database, kept), "description") == ["Anvils"]


def test_a_merge_that_was_followed_but_not_settled_is_settled_by_the_next_run(
    sandbox: Sandbox, database: Database
) -> None:
    kept, copy = company(sandbox, name="Acme"), company(sandbox, name="Acme GmbH")
    person = person_of(sandbox, copy)
    decide(sandbox, database, [(copy, kept)])
    assert remove(sandbox, database).counts["merged"] == 1
    survivor = now(database, kept)
    database.run("update attio_sync.entries set state = 'pending' where method = 'merge'")
    database.run(f"delete from attio_sync.aliases where record_id = '{id_of(copy)}'")

    report = remove(sandbox, database)

    assert (report.counts["merged"], report.failure) == (1, None)
    assert now(database, copy) == survivor
    assert values(sandbox, person, "company", "target_record_id") == [id_of(survivor)]


def test_a_merge_that_never_arrived_is_told_and_done_the_next_time(sandbox: Sandbox, database: Database) -> None:
    kept, copy = company(sandbox, name="Acme"), company(sandbox, name="Acme GmbH")
    person_of(sandbox, copy)
    decide(sandbox, database, [(copy, kept)])
    report = remove(sandbox, database, play=lambda request: NO_ANSWER if request.path.endswith("/merge") else None)
    assert report.removed == 0
    assert is_there(sandbox, copy)
    assert report.failure is not None
    assert remove(sandbox, database).counts["merged"] == 1


def test_an_outage_in_the_midst_loses_nothing(sandbox: Sandbox, database: Database) -> None:
    pairs = [
        (company(sandbox, name=f"Copy {number}", domains=[f"a{number}.com"]), company(sandbox, name=f"Kept {number}"))
        for number in range(12)
    ]
    decide(sandbox, database, pairs)

    def away_after_a_while(request: Request) -> Answer | None:
        return NO_ANSWER if request.number > 60 else None

    first = remove(sandbox, database, canary=2, play=away_after_a_while)
    assert first.failure is not None
    remove(sandbox, database)
    for copy, kept in pairs:
        assert not is_there(sandbox, copy)
        assert len(values(sandbox, kept, "domains", "domain")) == 1


def test_undo_brings_deleted_copies_back_and_takes_from_survivors_what_they_gained(
    sandbox: Sandbox, database: Database, canon: Canon
) -> None:
    canon("setup", "--yes").expect(0)
    pairs = []
    for number in range(30):
        kept = company(sandbox, name=f"Kept {number}", domains=[f"kept{number}.com"], categories=["SaaS"])
        copy = company(
            sandbox, name=f"Copy {number}", domains=[f"copy{number}.com"], description="Anvils", categories=["B2B"]
        )
        pairs.append((copy, kept))
    decide(sandbox, database, pairs)
    before = by_name(sandbox)
    apply = (*APPLY, "--json")
    run = canon(*apply).expect(0).json
    assert run["counts"]["deleted"] == len(pairs), run
    assert by_name(sandbox) != before

    undone = canon("undo", str(run["run_id"]), "--yes", "--json").expect(0).json

    assert undone["counts"]["recreated"] == len(pairs)
    assert undone["stayed"] == []
    assert by_name(sandbox) == before


def test_undo_says_which_merges_it_cannot_take_back(sandbox: Sandbox, database: Database, canon: Canon) -> None:
    canon("setup", "--yes").expect(0)
    kept, copy = company(sandbox, name="Acme"), company(sandbox, name="Acme Inc.")
    person_of(sandbox, copy)
    decide(sandbox, database, [(copy, kept)])
    run = canon(*APPLY, "--json").expect(0).json
    undone = canon("undo", str(run["run_id"]), "--yes", "--json").expect(1).json
    assert [(one["row_key"], "merged" in one["reason"]) for one in undone["stayed"]] == [(id_of(copy), True)]


def by_name(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    """Return name -> attribute -> values, without ids, and without who wrote them and when."""
    bookkeeping = {"active_from", "active_until", "created_by_actor"}
    found = {}
    for each in sandbox.records("companies"):
        held = {
            slug: sorted(
                str({name: part for name, part in value.items() if name not in bookkeeping}) for value in listed
            )
            for slug, listed in each["values"].items()
            if slug not in {"record_id", "created_at", "created_by"}
        }
        found[each["values"]["name"][0]["value"]] = held
    return found


def test_killed_in_the_midst_again_and_again_the_end_is_the_same(
    sandbox: Sandbox, database: Database, project: Path, canon: Canon
) -> None:
    pairs = []
    for number in range(40):
        kept = company(sandbox, name=f"Kept {number}")
        copy = company(sandbox, name=f"Copy {number}", domains=[f"a{number}.com"])
        if number % 4 == 0:
            person_of(sandbox, copy)
        pairs.append((copy, kept))
    canon("setup", "--yes").expect(0)
    decide(sandbox, database, pairs)
    database.run("delete from attio_sync.entries")
    written = sandbox.stats()["writes"]
    sandbox.play("limits", {"latency_ms": 40})
    for kills in (1, 9, 20, 31, 44):
        process = subprocess.Popen(
            [sys.executable, "-m", "sync", *APPLY, "--project-dir", str(project)],
            cwd=project,
            env=_environment(database.environment, sandbox.environment),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(lambda kills=kills: sandbox.stats()["writes"] >= written + kills)
        process.kill()
        process.wait(20)
    sandbox.play("limits", {"latency_ms": 0})

    canon(*APPLY).expect(0)

    for copy, kept in pairs:
        assert not is_there(sandbox, copy)
        survivor = now(database, copy)
        assert is_there(sandbox, survivor)
        assert len(values(sandbox, survivor, "domains", "domain")) == 1, kept
    assert len(sandbox.records("companies")) == len(pairs)
    assert all(person["values"]["company"] for person in sandbox.records("people"))
    assert database.rows("select count(*) from attio_sync.entries where state = 'pending'") == [(0,)]
    assert canon(*APPLY, "--json").expect(0).json["counts"]["deleted"] == 0


def test_with_its_output_in_a_file_it_is_never_silent_for_more_than_five_seconds(
    sandbox: Sandbox, database: Database, project: Path, canon: Canon
) -> None:
    pairs = [(company(sandbox, name=f"Copy {number}"), company(sandbox, name=f"Kept {number}")) for number in range(4)]
    canon("setup", "--yes").expect(0)
    decide(sandbox, database, pairs)
    sandbox.play("limits", {"latency_ms": 2500})
    process = subprocess.Popen(
        [sys.executable, "-m", "sync", *APPLY, "--project-dir", str(project)],
        cwd=project,
        env=_environment(database.environment, sandbox.environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    began, heard = time.monotonic(), []
    for line in process.stderr:
        heard.append((time.monotonic(), line))
        if time.monotonic() - began > 15:  # that was long enough to fall silent
            sandbox.play("limits", {"latency_ms": 0})
    process.stderr.close()
    assert process.wait(20) == 0
    assert heard[0][1].startswith("waiting for Attio")
    assert max(later[0] - earlier[0] for earlier, later in itertools.pairwise(heard)) <= 5
