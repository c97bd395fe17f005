"""`canon doctor` names what is wrong, each with a command that mends it, and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sync import ledger
from tests.conftest import Result, _private_project, _run_canon

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Database, Sandbox


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return one project for the module: its manifest is parsed once."""
    with _private_project(tmp_path_factory.mktemp("doctor") / "project") as directory:
        yield directory


class Doctor:
    """Runs `canon doctor --json` on a database and a sandbox."""

    def __init__(self, project: Path, database: Database, sandbox: Sandbox) -> None:
        self._given = project, database.environment, sandbox.environment

    def run(self, **environment: str) -> Result:
        project, database, sandbox = self._given
        return _run_canon(["doctor", "--json"], project, database, sandbox, environment)

    def found(self, exit_code: int, **environment: str) -> dict[tuple[str, str], dict[str, Any]]:
        """Return the checks by area and name."""
        checks = self.run(**environment).expect(exit_code).json["checks"]
        assert all(check["fix"] for check in checks if check["state"] != "ok")
        return {(check["area"], check["name"]): check for check in checks}


@pytest.fixture
def doctor(checkout: Path, database: Database, sandbox: Sandbox) -> Doctor:
    return Doctor(checkout, database, sandbox)


def test_a_migrated_database_that_was_never_built_lacks_only_that(doctor: Doctor) -> None:
    found = doctor.found(1)
    assert [key for key, check in found.items() if check["state"] == "fail"] == [("dbt", "marts")]
    assert found["dbt", "marts"]["fix"] == "make build"
    assert found["attio", "attributes"]["fix"] == "canon setup"
    assert found["attio", "mirror"]["fix"] == "canon pull"
    assert found["ledger", "last run"]["state"] == "ok"


def test_an_empty_database_is_told_to_be_migrated(checkout: Path, empty_database: Database, sandbox: Sandbox) -> None:
    found = Doctor(checkout, empty_database, sandbox).found(1)
    assert found["database", "migrations"]["state"] == "fail"
    assert found["database", "migrations"]["fix"] == "canon migrate"
    assert empty_database.rows("select count(*) from pg_namespace where nspname in ('core', 'raw')") == [(0,)]


def test_without_a_database_the_rest_is_still_looked_at(doctor: Doctor) -> None:
    found = doctor.found(1, PGPASSWORD="not-this")
    assert "check PGHOST" in found["database", "connection"]["what"]
    assert found["attio", "token"]["state"] == "ok"
    assert not any(area == "ledger" for area, _ in found)


def test_what_the_owners_table_lacks_is_named_with_the_sql_that_adds_it(doctor: Doctor, database: Database) -> None:
    database.run(
        "drop trigger touch_updated_at on core.company_canonical",
        "alter table extracted.person_discovery drop column latest_title",
        "revoke insert on core.company_job_postings from current_user",
        "alter database " + database.environment["PGDATABASE"] + " set statement_timeout = '60s'",
    )
    found = doctor.found(1)
    assert "create trigger touch_updated_at" in found["database", "core.company_canonical"]["fix"]
    assert found["database", "extracted.person_discovery"]["what"] == "has no column latest_title"
    assert "may not insert on core.company_job_postings" in found["database", "permissions"]["what"]
    assert "60 s" in found["database", "statement timeout"]["what"]


def test_a_refused_token_is_a_finding(doctor: Doctor) -> None:
    found = doctor.found(1, ATTIO_API_KEY="refused")
    assert found["attio", "token"]["state"] == "fail"


def test_writes_without_an_end_and_a_held_lock_are_found(doctor: Doctor, database: Database) -> None:
    database.run(
        "insert into attio_sync.runs (command, state, message) values ('sync', 'failed', 'Attio was away')",
        "insert into attio_sync.entries (run_id, export, row_key, object, method, body, state) "
        "values (1, 'attio_people', 'in/ada', 'people', 'post', '{}', 'unknown')",
    )
    with database.connect() as other:
        other.execute("select pg_advisory_lock(%s, 1)", [ledger.LOCK_SPACE])
        found = doctor.found(1)
    assert found["ledger", "lock"]["state"] == "warn"
    assert found["ledger", "intents"]["what"].startswith("1 writes were begun and not settled")
    assert "Attio was away" in found["ledger", "last run"]["what"]


def test_people_read_a_line_a_finding_and_the_command_below_it(checkout: Path, doctor: Doctor) -> None:
    lines = doctor.run(ATTIO_API_KEY="").stderr.splitlines()
    at = lines.index("warn attio: token: ATTIO_API_KEY is not set: no pull, no sync")
    assert lines[at + 1] == "       run: export ATTIO_API_KEY=..."
