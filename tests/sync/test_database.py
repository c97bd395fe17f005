"""The way to a database of the owner's: any password, TLS, and one clear line when it does not let us in."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from psycopg import sql

from sync import database as warehouse
from sync.errors import WarehouseError
from tests.conftest import CHECKOUT, Result, _connect, _environment, _run_canon, run_dbt
from tests.sync.tls_relay import TlsRelay, tls_relay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.conftest import Database, Server

PASSWORDS = (
    'it\'s "quoted" \\ 100 % @:/?#&=+;,|<>!*~^`$HOME${HOME}$(id)',
    "{{ env_var('HOME') }}{% raw %} é 名 ß \U0001f511",
    "00123",
    "null",
)


@pytest.fixture
def role(server: Server) -> Iterator[Callable[..., dict[str, str]]]:
    """Return a maker of login roles with a password; they go with the test."""
    made: list[str] = []

    def make(database: Database, password: str, *settings: str) -> dict[str, str]:
        name = f"r_{database.environment['PGDATABASE']}"
        with _connect(server.superuser) as connection:
            connection.execute(
                sql.SQL("create role {} login password {}").format(sql.Identifier(name), sql.Literal(password))
            )
            connection.execute(
                sql.SQL("alter database {} owner to {}").format(
                    sql.Identifier(database.environment["PGDATABASE"]), sql.Identifier(name)
                )
            )
            for setting in settings:
                connection.execute(sql.SQL("alter role {} set ").format(sql.Identifier(name)) + sql.SQL(setting))
        made.append(name)
        return {**database.environment, "PGUSER": name, "PGPASSWORD": password}

    yield make
    with _connect(server.superuser) as connection:
        for name in made:
            connection.execute(
                sql.SQL("alter database {} owner to {}").format(
                    sql.Identifier(name.removeprefix("r_")), sql.Identifier(server.owner["PGUSER"])
                )
            )
            connection.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


def look(project: Path, settings: Mapping[str, str | None]) -> Result:
    """Run a `canon` command that does nothing but look at the database."""
    return _run_canon(["migrate", "--plan", "--json"], project, settings)


@pytest.fixture
def tls(server: Server, tmp_path: Path) -> Iterator[TlsRelay]:
    """Return a server that speaks TLS only."""
    with tls_relay(int(server.owner["PGPORT"]), tmp_path) as relay:
        yield relay


@pytest.mark.parametrize("password", PASSWORDS)
def test_any_password_opens_the_database_for_canon(
    password: str, project: Path, empty_database: Database, role: Callable[..., dict[str, str]]
) -> None:
    assert look(project, role(empty_database, password)).expect(0).json


@pytest.mark.parametrize("password", PASSWORDS)
def test_any_password_opens_the_database_for_dbt(
    password: str, project: Path, empty_database: Database, role: Callable[..., dict[str, str]]
) -> None:
    settings = role(empty_database, password)
    told = run_dbt(project, empty_database, "debug", "--connection", env=settings).expect(0)
    assert "OK connection ok" in told.stdout


def test_any_password_may_stand_in_the_env_file(
    project: Path, empty_database: Database, role: Callable[..., dict[str, str]]
) -> None:
    settings = role(empty_database, PASSWORDS[0].replace("'", ""))
    (project / ".env").write_text(
        "".join(f"{name}='{value}'\n".replace("\\", "\\\\") for name, value in settings.items())
    )
    assert look(project, {}).expect(0).json


@pytest.mark.parametrize("mode", ["require", "verify-full"])
def test_canon_and_dbt_speak_tls(mode: str, project: Path, empty_database: Database, tls: TlsRelay) -> None:
    settings = {
        **empty_database.environment,
        "PGHOST": "localhost",
        "PGPORT": str(tls.port),
        "PGSSLMODE": mode,
        "PGSSLROOTCERT": str(tls.authority),
    }
    assert look(project, settings).expect(0).json
    assert "OK connection ok" in run_dbt(project, empty_database, "debug", "--connection", env=settings).stdout


def test_a_certificate_that_nobody_vouches_for_is_refused(
    project: Path, empty_database: Database, tls: TlsRelay, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with tls_relay(1, other) as stranger:
        settings = {
            **empty_database.environment,
            "PGHOST": "localhost",
            "PGPORT": str(tls.port),
            "PGSSLMODE": "verify-full",
            "PGSSLROOTCERT": str(stranger.authority),
        }
        refused = look(project, settings).expect(5)
    assert "certificate verify failed" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_a_server_that_demands_tls_says_so_in_one_line(project: Path, empty_database: Database, tls: TlsRelay) -> None:
    settings = {**empty_database.environment, "PGPORT": str(tls.port), "PGSSLMODE": "disable"}
    refused = look(project, settings).expect(5)
    assert "connection requires TLS" in refused.stderr
    assert "PGSSLMODE" in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"PGHOST": "no-such-host.invalid"}, "no-such-host.invalid"),
        ({"PGPORT": "1"}, "Connection refused"),
        ({"PGPORT": "1", "PGHOST": "localhost"}, "Connection refused"),
        ({"PGPORT": "many"}, "invalid integer value"),
        ({"PGPASSWORD": "wrong-secret"}, "password authentication failed"),
        ({"PGUSER": "nobody_of_that_name"}, "password authentication failed"),
        ({"PGDATABASE": "no_such_database"}, 'database "no_such_database" does not exist'),
        ({"PGSSLMODE": "require"}, "server does not support SSL, but SSL was required"),
        ({"PGSSLMODE": "perhaps"}, 'invalid sslmode value: "perhaps"'),
    ],
    ids=str,
)
def test_a_wrong_setting_is_told_in_one_line_without_the_password(
    wrong: dict[str, str], reason: str, project: Path, empty_database: Database
) -> None:
    settings = {**empty_database.environment, **wrong}
    refused = look(project, settings).expect(5)
    assert reason in refused.stderr
    assert "check PGHOST" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert refused.json["exit_code"] == 5
    log = (project / ".local" / "canon.log").read_text()
    assert settings["PGPASSWORD"] not in refused.stderr + refused.stdout + log
    assert not (project / ".local" / "postgres").exists()


def test_our_statements_may_take_longer_than_the_roles_timeout(
    empty_database: Database, role: Callable[..., dict[str, str]], project: Path
) -> None:
    settings = role(empty_database, "secret", "statement_timeout = '200ms'", "timezone = 'Asia/Kathmandu'")
    ask = (
        "import sys; from pathlib import Path; from sync import database\n"
        "with database.connect(Path(sys.argv[1])) as connection:\n"
        "    connection.execute('select pg_sleep(0.5)')\n"
        "    print(connection.execute('show timezone').fetchone()[0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", ask, str(project)],
        cwd=CHECKOUT,
        env=_environment(settings),
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "UTC\n"), done.stderr


def test_a_statement_that_takes_long_is_not_waited_for_in_silence(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    with database.connect() as connection, warehouse.waiting_told(connection):
        connection.execute("select pg_sleep(5)")

    assert "waiting for the database (" in capsys.readouterr().err


def test_what_the_database_refuses_is_told_in_one_line(database: Database) -> None:
    with (
        database.connect() as connection,
        pytest.raises(WarehouseError, match=r'^reading: the database says: relation "x" does not exist$'),
        warehouse.refusals_told("reading"),
    ):
        connection.execute("select *\nfrom x")
