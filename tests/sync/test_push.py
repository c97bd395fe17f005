"""The push: what Attio holds afterwards, read back from the sandbox; what a second run sends; when a run stops."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from sync import plan as planning
from tests.conftest import CHECKOUT, _environment
from tests.sync import small_exports as small

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Canon, Database, Sandbox

URL = "https://www.linkedin.com/in/p{:04}"


@pytest.fixture
def workspace(project: Path, database: Database, sandbox: Sandbox) -> Sandbox:
    """Return a sandbox with what the exports need; their tables are there and empty."""
    small.install(project)
    small.create_tables(database)
    small.prepare(sandbox)
    return sandbox


def acme(database: Database, **cells: Any) -> None:
    small.put(database, "attio_companies", {"domain": "acme.com", **cells})


def people(database: Database, count: int, **cells: Any) -> None:
    rows = ({"linkedin_url": URL.format(number), "job_title": "Smith", **cells} for number in range(count))
    small.put(database, "attio_people", *rows)


def shown(record: dict[str, Any], attribute: str) -> list[Any]:
    return [value.get("value", value) for value in record["values"][attribute]]


def titles(sandbox: Sandbox) -> dict[str, list[Any]]:
    """Return profile -> job titles of every person in the CRM."""
    return {shown(each, "linkedin")[0]: shown(each, "job_title") for each in sandbox.records("people")}


def test_companies_then_people_and_postings_arrive_and_a_second_run_writes_nothing(
    canon: Canon, database: Database, workspace: Sandbox
) -> None:
    acme(database, name="Acme", industry="Anvils", description="Things", tags=["Red", "Blue"])
    location = small.place(locality="Berlin", country_code="DE", latitude="52.5200", longitude="13.405")
    people(database, 3, company="acme.com", person_name=small.name("Ada", "Doe"), location=location)
    posting = {"job_id": "j1", "title": "Smith", "salary_min": "50000.50", "posted_on": "2026-01-02", "is_open": True}
    small.put(database, "attio_job_postings", {**posting, "company": "acme.com"})

    first = canon("sync", "--yes", "--json").expect(0).json

    assert first["counts"]["created"] == 5
    assert first["left"] == 0
    (company,) = workspace.records("companies")
    assert shown(company, "name") == ["Acme"]
    assert [value["option"]["title"] for value in company["values"]["tags"]] == ["Red", "Blue"]
    persons = workspace.records("people")
    assert len(persons) == 3
    assert {person["values"]["company"][0]["target_record_id"] for person in persons} == {company["id"]["record_id"]}
    assert persons[0]["values"]["primary_location"][0]["locality"] == "Berlin"
    (posting,) = workspace.records("job_postings")
    assert shown(posting, "salary_min") == [50000.5]
    assert shown(posting, "posted_on") == ["2026-01-02"]
    assert shown(posting, "is_open") == [True]
    before = workspace.stats()["writes"]

    second = canon("sync", "--yes", "--json").expect(0).json

    assert second["written"] == 0
    assert second["plan"]["exports"][1]["outcomes"]["nothing"] == 3
    assert workspace.stats()["writes"] == before
    runs = canon("runs", "--json").expect(0).json["runs"]
    assert [each["run_id"] for each in runs] == [second["run_id"], first["run_id"]]
    assert [each["state"] for each in runs] == ["done", "done"]
    assert runs[1]["counts"]["attio_people"]["created"] == 3


def test_changes_are_found_without_any_timestamp_and_only_they_are_written(
    canon: Canon, database: Database, workspace: Sandbox
) -> None:
    people(database, 30)
    canon("sync", "--yes").expect(0)
    before = workspace.stats()["writes"]
    for number in (3, 11, 27):
        small.put(database, "attio_people", {"linkedin_url": URL.format(number), "job_title": "Wright"})

    done = canon("sync", "--yes", "--json").expect(0).json

    assert done["counts"]["updated"] == workspace.stats()["writes"] - before == 3
    assert {url for url, held in titles(workspace).items() if held == ["Wright"]} == set(map(URL.format, (3, 11, 27)))


def test_what_a_person_typed_stays_and_blanks_erase_nothing(
    canon: Canon, database: Database, workspace: Sandbox
) -> None:
    people(database, 3)
    canon("sync", "--yes").expect(0)
    one, *_ = sorted(workspace.records("people"), key=lambda each: str(shown(each, "linkedin")))
    typed = {"object": "people", "record_id": one["id"]["record_id"], "values": {"job_title": ["Queen"]}}
    workspace.play("as-member", typed)
    small.put(database, "attio_people", {"linkedin_url": URL.format(1), "job_title": None})
    small.put(database, "attio_people", {"linkedin_url": URL.format(2), "job_title": ""})

    done = canon("sync", "--yes", "--json").expect(0).json

    assert done["written"] == 0
    assert titles(workspace) == {URL.format(0): ["Queen"], URL.format(1): ["Smith"], URL.format(2): ["Smith"]}


def test_a_company_made_by_hand_since_the_plan_is_left_alone_by_name_and_taken_up_by_the_next(
    canon: Canon, database: Database, workspace: Sandbox
) -> None:
    acme(database, name="Acme", industry="Anvils")
    canon("pull").expect(0)
    typed = {"object": "companies", "values": {"domains": ["acme.com"], "industry": ["Bakery"]}}
    workspace.play("as-member", typed)

    late = canon("sync", "--yes", "--no-pull", "--json").expect(1).json

    assert [each["row_key"] for each in late["changed"]] == ["acme.com"]
    assert (late["written"], late["rejected"]) == (0, [])
    assert canon("sync", "--yes", "--json").expect(0).json["counts"]["updated"] == 1
    (company,) = workspace.records("companies")
    assert (shown(company, "name"), shown(company, "industry")) == (["Acme"], ["Bakery"])


def test_a_person_made_by_hand_since_the_plan_is_left_alone_by_name_and_taken_up_by_the_next(
    canon: Canon, database: Database, workspace: Sandbox
) -> None:
    people(database, 3)
    canon("pull").expect(0)
    workspace.play("as-member", {"object": "people", "values": {"linkedin": [URL.format(1)], "job_title": ["Queen"]}})

    late = canon("sync", "--yes", "--no-pull", "--json").expect(1).json

    assert [each["row_key"] for each in late["changed"]] == [URL.format(1)]
    assert (late["counts"]["created"], late["rejected"]) == (2, [])
    assert canon("sync", "--yes", "--json").expect(0).json["written"] == 0
    assert titles(workspace) == {URL.format(0): ["Smith"], URL.format(1): ["Queen"], URL.format(2): ["Smith"]}
    assert len(workspace.records("people")) == 3, "Attio itself would take a second one with the same profile"


def test_a_crm_that_was_never_read_is_not_taken_for_empty(canon: Canon, database: Database, workspace: Sandbox) -> None:
    people(database, 1)
    workspace.play("as-member", {"object": "people", "values": {"linkedin": [URL.format(0)]}})
    canon("pull", "companies").expect(0)
    writes = workspace.stats()["writes"]

    for command in (["plan", "attio_people"], ["sync", "attio_people", "--yes"]):
        refused = canon(*command, "--no-pull").expect(2).stderr
        assert "the mirror has never read people: run `canon pull`" in refused

    assert workspace.stats()["writes"] == writes


def test_a_deleted_record_stays_deleted_also_where_nothing_was_ever_written(
    canon: Canon, database: Database, workspace: Sandbox
) -> None:
    values = {"linkedin": [URL.format(0)], "job_title": ["Smith"]}
    workspace.play("as-member", {"object": "people", "values": values})
    people(database, 2)
    canon("sync", "--yes").expect(0)  # writes one, matches the other
    for person in workspace.records("people"):
        workspace.call("DELETE", f"/objects/people/records/{person['id']['record_id']}").raise_for_status()

    for _ in range(3):
        done = canon("sync", "--yes", "--json").expect(0).json
        assert done["plan"]["exports"][1]["outcomes"]["gone"] == 2

    assert workspace.records("people") == []


def test_a_refused_row_does_not_stop_the_others_and_is_tried_again(
    canon: Canon, database: Database, workspace: Sandbox
) -> None:
    acme(database, tags=["Purple"])
    small.put(database, "attio_companies", {"domain": "b.com"}, {"domain": "c.com"})
    people(database, 1, company="acme.com")

    done = canon("sync", "--yes", "--json").expect(1).json

    assert done["counts"]["created"] == 2
    assert [each["row_key"] for each in done["rejected"]] == ["acme.com"]
    assert done["waiting"] == [
        {"export": "attio_people", "row_key": URL.format(0), "message": "acme.com is not in Attio"}
    ]
    (reject,) = canon("rejected", "--json").expect(0).json["rejected"]
    assert (reject["row_key"], reject["status"], reject["code"]) == ("acme.com", 400, "value_not_found")
    assert "Purple" in reject["message"]
    assert "Purple" in canon("rejected").expect(0).stderr

    again = canon("sync", "--yes", "--json").expect(1).json

    assert again["counts"]["rejected"] == 1

    workspace.call("POST", "/objects/companies/attributes/tags/options", {"data": {"title": "Purple"}})
    canon("sync", "--yes").expect(0)

    assert canon("rejected", "--json").expect(0).json["rejected"] == []
    assert len(workspace.records("companies")) == 3
    assert len(workspace.records("people")) == 1


def test_too_many_rejects_end_the_run(canon: Canon, database: Database, workspace: Sandbox) -> None:
    for number in range(40):
        tags = ["Purple"] if number % 2 else ["Red"]
        small.put(database, "attio_companies", {"domain": f"c{number:02}.com", "tags": tags})

    slowly = {"CANON_WRITES_PER_SECOND": "30"}
    done = canon("sync", "--yes", "--json", "--canary", "0", "--max-rejects", "3", env=slowly).expect(1).json

    assert "--max-rejects" in done["stopped"]
    assert done["left"] > 0

    done = canon("sync", "--yes", "--json", "--max-rejects", "80%").expect(1).json

    assert done["stopped"] is None
    assert done["counts"]["rejected"] == len(workspace.records("companies")) == 20


def test_a_limit_and_slices_of_time_end_in_the_same_state_with_as_many_writes(
    canon: Canon, database: Database, workspace: Sandbox
) -> None:
    people(database, 200)

    limited = canon("sync", "--yes", "--json", "--limit", "30").expect(0).json

    assert (limited["written"], limited["left"]) == (30, 170)
    assert "--limit 30" in limited["stopped"]
    slices = 0
    left = 170
    while left:
        # 170 writes at this pace take nearly twice as long as a slice, however fast the machine is.
        sliced = canon("sync", "--yes", "--json", "--max-seconds", "3", env={"CANON_WRITES_PER_SECOND": "30"})
        left = sliced.expect(0).json["left"]
        slices += 1
        assert slices < 20
    assert slices > 1
    assert len(titles(workspace)) == 200
    assert len(workspace.records("people")) == 200
    assert database.rows("select count(*) from attio_sync.entries where state = 'done'") == [(200,)]


def test_without_yes_and_without_a_terminal_nothing_is_written(
    canon: Canon, database: Database, workspace: Sandbox
) -> None:
    people(database, 1)
    before = workspace.stats()["writes"]

    done = canon("sync").expect(2)

    assert "--yes" in done.stderr
    assert workspace.stats()["writes"] == before
    (run,) = canon("runs", "--json").json["runs"]
    assert (run["state"], run["exit_code"]) == ("failed", 2)


def test_what_the_workspace_lacks_is_named_before_anything_is_written(
    canon: Canon, project: Path, database: Database, sandbox: Sandbox
) -> None:
    small.install(project)
    small.create_tables(database)
    people(database, 1)

    done = canon("sync", "--yes").expect(2)

    assert "attio_companies.industry" in done.stderr
    assert "canon setup" in done.stderr
    assert sandbox.stats()["writes"] == 0


def test_an_export_goes_though_the_workspace_lacks_what_another_one_needs(
    canon: Canon, project: Path, database: Database, sandbox: Sandbox
) -> None:
    only_people = {**small.MODELS["attio_people"], "columns": dict(small.MODELS["attio_people"]["columns"])}
    del only_people["columns"]["company"]
    models = {"attio_people": only_people, "attio_job_postings": small.MODELS["attio_job_postings"]}
    small.install(project, {**models, "attio_companies": small.MODELS["attio_companies"]})
    small.create_tables(database)
    people(database, 2)

    assert "job_postings" in canon("plan", env={"CANON_RECORD_CAP": "100"}).expect(2).stderr
    canon("plan", "attio_people", env={"CANON_RECORD_CAP": "100"}).expect(0)
    assert canon("sync", "attio_people", "--yes", "--json").expect(0).json["written"] == 2
    assert len(sandbox.records("people")) == 2
    # whoever has nothing left to write is not sent to write it
    again = canon("plan", "attio_people").expect(0).stderr
    assert "Nothing to write." in again
    assert "canon sync" not in again


def test_a_plan_is_kept_while_somebody_looks_at_it_however_many_are_made_meanwhile(
    canon: Canon, project: Path, database: Database, workspace: Sandbox
) -> None:
    people(database, 2)
    terminal, ours = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "sync", "sync", "--project-dir", str(project)],
        cwd=CHECKOUT,
        env=_environment(database.environment, workspace.environment),
        stdin=ours,
        stdout=ours,
        stderr=ours,
    ) as asking:
        os.close(ours)
        said = b""
        while b"[y/N]" not in said:
            said += os.read(terminal, 4096)
        for _ in range(planning.PLANS_KEPT + 1):
            canon("plan").expect(0)
        os.write(terminal, b"y\n")
        with contextlib.suppress(OSError):  # how Linux tells that the other end is closed
            while os.read(terminal, 4096):
                pass
    os.close(terminal)

    assert asking.returncode == 0
    assert len(workspace.records("people")) == 2


def test_slices_of_time_are_no_failures_though_attio_fails_now_and_then(
    canon: Canon, database: Database, workspace: Sandbox
) -> None:
    people(database, 80)
    workspace.play("faults", {"errors_every": 3, "error_status": 503, "latency_ms": 50})
    pace = {"CANON_WRITES_PER_SECOND": "20"}  # 80 writes are more than a slice
    slices = [80]
    while slices[-1] and len(slices) < 20:
        sliced = canon("sync", "--yes", "--json", "--max-seconds", "3", "--canary", "0", env=pace).expect(0).json
        slices.append(sliced["left"])

    assert slices[-1] == 0
    assert len(slices) > 2
    assert len(titles(workspace)) == len(workspace.records("people")) == 80
    assert "attio_people: " in canon("runs").expect(0).stderr


def test_another_workspace_is_refused_before_its_records_are_taken_for_deleted(
    canon: Canon, database: Database, workspace: Sandbox
) -> None:
    database.run("insert into attio_sync.runs (command, workspace_id) values ('sync', 'another')")

    assert "another" in canon("sync", "--yes").expect(2).stderr
    assert "another" in canon("plan").expect(2).stderr


def test_a_second_run_is_told_who_holds_the_lock(
    canon: Canon, project: Path, database: Database, workspace: Sandbox
) -> None:
    people(database, 500)
    workspace.play("faults", {"latency_ms": 50})
    with background(project, database, workspace, "--yes") as first:
        wait_until(lambda: workspace.stats()["writes"] > 20)

        done = canon("sync", "--yes").expect(6)

        assert f"process {first.pid}" in done.stderr
        assert "run 1 (sync)" in done.stderr
        assert first.wait(60) == 0
    assert len(workspace.records("people")) == 500


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupted_run_ends_between_two_rows_and_the_next_goes_on(
    canon: Canon, project: Path, database: Database, workspace: Sandbox, name: str
) -> None:
    people(database, 300)
    workspace.play("faults", {"latency_ms": 100})
    with background(project, database, workspace, "--yes") as first:
        wait_until(lambda: workspace.stats()["writes"] > 60)
        first.send_signal(getattr(signal, name))
        assert first.wait(30) == 130
    workspace.play("faults", {"latency_ms": 0})
    assert database.rows("select count(*) from attio_sync.entries where state in ('pending', 'unknown')") == [(0,)]
    (run,) = canon("runs", "--json").json["runs"]
    assert (run["state"], run["exit_code"]) == ("interrupted", 130)
    written = len(workspace.records("people"))
    assert 60 <= written < 300

    done = canon("sync", "--yes", "--json").expect(0).json

    assert done["written"] == 300 - written
    assert len(titles(workspace)) == len(workspace.records("people")) == 300


def background(project: Path, database: Database, sandbox: Sandbox, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a sync and return at once."""
    return subprocess.Popen(
        [sys.executable, "-m", "sync", "sync", *arguments, "--project-dir", str(project)],
        cwd=CHECKOUT,
        env=_environment(database.environment, sandbox.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_until(holds: Any, seconds: float = 30) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def test_what_changes_in_attio_after_the_plan_is_skipped_by_name(
    canon: Canon, database: Database, workspace: Sandbox
) -> None:
    people(database, 20)
    canon("sync", "--yes").expect(0)
    canon("pull").expect(0)
    people(database, 20, job_title="Wright")
    by_profile = {shown(each, "linkedin")[0]: each["id"]["record_id"] for each in workspace.records("people")}
    typed = {"object": "people", "record_id": by_profile[URL.format(7)], "values": {"job_title": ["Queen"]}}
    workspace.play("as-member", typed)
    workspace.call("DELETE", f"/objects/people/records/{by_profile[URL.format(9)]}").raise_for_status()

    done = canon("sync", "--yes", "--no-pull", "--json").expect(1).json

    assert (done["counts"]["updated"], done["counts"]["changed"], done["left"]) == (18, 2, 0)
    assert {each["row_key"]: each["message"] for each in done["changed"]} == {
        URL.format(7): "somebody changed its job_title since it was planned",
        URL.format(9): f"record {by_profile[URL.format(9)]} is not there any more",
    }
    assert titles(workspace)[URL.format(7)] == ["Queen"]
    again = canon("sync", "--yes", "--json").expect(0).json
    assert again["written"] == 0


def test_a_blank_empties_only_where_the_mapping_says_so_and_never_what_a_person_typed(
    canon: Canon, database: Database, workspace: Sandbox, project: Path
) -> None:
    models = small.with_column(small.MODELS, "attio_people", "job_title", clear=True)
    models = small.with_column(models, "attio_companies", "tags", clear=True)
    small.install(project, models)
    acme(database, tags=["Red"], industry="Anvils")
    people(database, 3)
    canon("sync", "--yes").expect(0)
    one, *_ = sorted(workspace.records("people"), key=lambda each: str(shown(each, "linkedin")))
    typed = {"object": "people", "record_id": one["id"]["record_id"], "values": {"job_title": ["Queen"]}}
    workspace.play("as-member", typed)
    people(database, 2, job_title=None)
    small.put(database, "attio_companies", {"domain": "acme.com", "tags": None, "industry": None})

    done = canon("sync", "--yes", "--json").expect(0).json

    assert done["counts"]["updated"] == 2
    assert titles(workspace) == {URL.format(0): ["Queen"], URL.format(1): [], URL.format(2): ["Smith"]}
    (company,) = workspace.records("companies")
    assert company["values"]["tags"] == []
    assert shown(company, "industry") == ["Anvils"]
    assert canon("sync", "--yes", "--json").expect(0).json["written"] == 0
    canon("undo", str(done["run_id"]), "--yes").expect(0)
    assert titles(workspace)[URL.format(1)] == ["Smith"]
