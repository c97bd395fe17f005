"""What the tests stand on: a real Postgres, a real sandbox over HTTP, the real command line; nothing of the owner's.

Every `PG*`, `DBT_*`, `ATTIO_*` and `CANON_*` variable is dropped before anything starts, and commands run in a private
project directory without a `.env`: no test can reach a database or a workspace that is not its own.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import itertools
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import httpx
import psycopg
import pytest
from psycopg import sql

from sync import localdb, mapping

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CHECKOUT = Path(__file__).resolve().parent.parent
POSTGRES_BIN = os.environ.get("POSTGRES_BIN")  # `make test POSTGRES_BIN=...`: the same suite on another PostgreSQL
OWNERS_VARIABLES = ("PG", "DBT_", "ATTIO_", "CANON_")
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # the sandbox speaks no TLS: no call has to load certificates

for _name in [name for name in os.environ if name.startswith(OWNERS_VARIABLES)]:
    del os.environ[_name]

_names_taken: set[str] = set()
"""Databases of this worker. A name is taken again once it is free: dbt reads a project anew for each name."""

_parsed = tempfile.TemporaryDirectory(prefix="canon-parsed-")
"""What dbt made of the project, by the database's name: dbt itself looks which files have changed since."""


WITHOUT_TESTS = ("--exclude-resource-type", "unit_test", "--exclude-resource-type", "test")

LONGEST = ("test_demo.py", "test_clean_up.py", "test_typed_values.py")
"""Begun first: begun last, one of them would be waited for alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@dataclass(frozen=True)
class Database:
    """A database of its own: `environment` are the `PG*` variables of the role that owns it."""

    environment: dict[str, str]

    def connect(self) -> psycopg.Connection:
        """Open it, in autocommit mode."""
        return _connect(self.environment)

    def rows(self, query: str, parameters: Any = None) -> list[Any]:
        """Return a statement's rows."""
        with self.connect() as connection:
            return connection.execute(query.encode(), parameters).fetchall()

    def run(self, *statements: str) -> None:
        """Execute statements."""
        with self.connect() as connection:
            for statement in statements:
                connection.execute(statement.encode())


@dataclass(frozen=True)
class Server:
    """The tests' PostgreSQL server."""

    owner: dict[str, str]
    superuser: dict[str, str]

    def create(self, template: str | None = None, name: str | None = None) -> Database:
        """Create a database, empty or a copy of `template`."""
        name = name or _free_name()
        with _connect(self.superuser) as connection:
            connection.execute(
                # the default writes each page of the template into the log, and takes several times as long
                sql.SQL("create database {} owner {} template {} strategy file_copy").format(
                    sql.Identifier(name), sql.Identifier(self.owner["PGUSER"]), sql.Identifier(template or "template0")
                )
            )
        return Database({**self.owner, "PGDATABASE": name})

    def drop(self, database: Database) -> None:
        """Drop a database, whoever is still connected."""
        with _connect(self.superuser) as connection:
            name = database.environment["PGDATABASE"]
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
        _names_taken.discard(name)


def _free_name() -> str:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw")
    name = next(name for number in itertools.count() if (name := f"t_{worker}_{number}") not in _names_taken)
    _names_taken.add(name)
    return name


def _connect(settings: Mapping[str, str]) -> psycopg.Connection:
    return psycopg.connect(
        host=settings["PGHOST"],
        port=settings["PGPORT"],
        user=settings["PGUSER"],
        password=settings["PGPASSWORD"],
        dbname=settings["PGDATABASE"],
        autocommit=True,
    )


@pytest.fixture(scope="session")
def shared_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return one directory for all workers of this run."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def server(shared_directory: Path) -> Iterator[Server]:
    """Return the run's server, shared by all workers; the last one to leave stops it."""
    home = shared_directory / "postgres"
    users = shared_directory / "postgres-users"
    users.mkdir(exist_ok=True)
    mine = users / str(os.getpid())
    bindir = Path(POSTGRES_BIN) if POSTGRES_BIN else localdb.binaries()
    fast = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}
    cluster = localdb.Cluster(home, bindir, shared_directory, fast)
    with _locked(shared_directory / "postgres-lock"):
        mine.touch()
        owner = cluster.start()
    yield Server(owner, cluster.superuser())
    with _locked(shared_directory / "postgres-lock"):
        mine.unlink()
        if not any(users.iterdir()):
            cluster.remove()


@pytest.fixture
def empty_database(server: Server) -> Iterator[Database]:
    """Return a database with nothing in it."""
    database = server.create()
    yield database
    server.drop(database)


@pytest.fixture(scope="session")
def migrated(server: Server, shared_directory: Path) -> str:
    """Return the name of a database where `canon migrate` has run, to copy from."""
    name = "template_migrated"
    with _locked(shared_directory / "migrated-lock"):
        done = shared_directory / "migrated"
        if not done.exists():
            database = server.create(name=name)
            with _private_project(shared_directory / "migrate") as directory:
                _run_canon(["migrate", "--yes"], directory, database.environment).expect(0)
            done.touch()
    return name


@pytest.fixture(scope="session")
def template(migrated: str) -> str:
    """Return the name of the database that each test's own is a copy of."""
    return migrated


@pytest.fixture
def database(server: Server, template: str) -> Iterator[Database]:
    """Return a fresh database where `canon migrate` has run."""
    database = server.create(template=template)
    yield database
    server.drop(database)


@dataclass(frozen=True)
class Result:
    """How a command ended, and what it said."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """Return the one JSON document on stdout."""
        return json.loads(self.stdout)

    def expect(self, exit_code: int) -> Result:
        """Fail the test, showing what the command said, unless it ended with `exit_code` and no traceback."""
        assert self.exit_code == exit_code, f"exit code {self.exit_code}\n{self.stdout}\n{self.stderr}"
        assert "Traceback" not in self.stderr
        return self


@contextlib.contextmanager
def _private_project(directory: Path) -> Iterator[Path]:
    directory.mkdir(parents=True)
    shutil.copytree(
        CHECKOUT / "dbt_project", directory / "dbt_project", ignore=shutil.ignore_patterns("target", "logs")
    )
    shutil.copy(CHECKOUT / "profiles.yml.example", directory / "profiles.yml")
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def parsed_manifest(shared_directory: Path) -> Path:
    """Return dbt's manifest of the project, parsed once for all that only read it."""
    made = shared_directory / "manifest.json"
    with _locked(shared_directory / "manifest-lock"):
        if not made.exists():
            with _private_project(shared_directory / "parse") as directory:
                mapping.manifest(directory)
                shutil.copy(directory / "dbt_project" / "target" / "manifest.json", made)
    return made


@pytest.fixture
def project(tmp_path: Path, parsed_manifest: Path) -> Iterator[Path]:
    """Return a private project directory: the dbt project with its manifest, a profile, no `.env`."""
    with _private_project(tmp_path / "project") as directory:
        target = directory / "dbt_project" / "target"
        target.mkdir()
        shutil.copyfile(parsed_manifest, target / "manifest.json")
        yield directory


def _environment(*parts: Mapping[str, str | None]) -> dict[str, str]:
    """Return the clean environment with `parts` over it; a name that is None leaves."""
    merged: dict[str, str | None] = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    for part in parts:
        merged |= part
    return {name: value for name, value in merged.items() if value is not None}


def _run_canon(
    arguments: list[str], project: Path, *environment: Mapping[str, str | None], stdin: str | None = None
) -> Result:
    done = subprocess.run(
        [sys.executable, "-m", "sync", *arguments, "--project-dir", str(project)],
        cwd=project,
        env=_environment(*environment),
        input=stdin or "",
        check=False,
        capture_output=True,
        text=True,
        timeout=240,
    )
    return Result(done.returncode, done.stdout, done.stderr)


class Canon(Protocol):
    """Runs `canon`."""

    def __call__(
        self, *arguments: str, env: Mapping[str, str | None] | None = None, stdin: str | None = None
    ) -> Result:
        """Run `canon ARGUMENTS` in the private project, `env` over its settings."""


@pytest.fixture
def canon(project: Path, database: Database, sandbox: Sandbox) -> Canon:
    """Return a runner of `canon` on this test's database and sandbox."""

    def run(*arguments: str, env: Mapping[str, str | None] | None = None, stdin: str | None = None) -> Result:
        return _run_canon(list(arguments), project, database.environment, sandbox.environment, env or {}, stdin=stdin)

    return run


@dataclass(frozen=True)
class Sandbox:
    """A running stand-in for Attio."""

    url: str
    process: subprocess.Popen[str]
    token: str = "test-token"

    @property
    def environment(self) -> dict[str, str]:
        """Return the settings that lead `canon` to it, without waiting for its limits."""
        return {
            "ATTIO_BASE_URL": self.url,
            "ATTIO_API_KEY": self.token,
            "CANON_WRITES_PER_SECOND": "1000",
            "CANON_READS_PER_SECOND": "1000",
        }

    def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Call the API as its client would; `path` begins behind `/v2`."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.request(method, f"{self.url}/v2{path}", json=body, headers=headers, timeout=60, verify=PLAIN)

    def play(self, action: str, body: Any = None) -> Any:
        """Do what a test double can and Attio cannot (`POST /sandbox/ACTION`); return its answer."""
        written = body if body is not None else {}
        answer = httpx.post(f"{self.url}/sandbox/{action}", json=written, timeout=60, verify=PLAIN)
        return answer.raise_for_status().json() if answer.content else None

    def stats(self) -> Any:
        """Return what it counted."""
        return httpx.get(f"{self.url}/sandbox/stats", timeout=60, verify=PLAIN).raise_for_status().json()

    def records(self, slug: str) -> list[dict[str, Any]]:
        """Read every record of an object, page by page."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.call("POST", f"/objects/{slug}/records/query", {"limit": 500, "offset": len(found)})
            found += page.raise_for_status().json()["data"]
            if len(page.json()["data"]) < 500:
                return found


@contextlib.contextmanager
def run_sandbox(directory: Path, *arguments: str) -> Iterator[Sandbox]:
    """Start `canon sandbox` on a free port and stop it at the end."""
    directory.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "sync", "sandbox", "--port", "0", *arguments, "--project-dir", str(directory)],
        cwd=CHECKOUT,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=(directory / "sandbox.log").open("w"),
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (directory / "sandbox.log").read_text()
        yield Sandbox(json.loads(line)["url"], process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture(scope="session")
def running_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Return the worker's one sandbox, without limits."""
    with run_sandbox(tmp_path_factory.mktemp("sandbox"), "--no-limits") as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Sandbox:
    """Return the sandbox as if just started."""
    running_sandbox.play("reset")
    return running_sandbox


class Dbt(Protocol):
    """Runs dbt."""

    def __call__(self, *arguments: str, env: Mapping[str, str | None] | None = None) -> Result:
        """Run `dbt ARGUMENTS` in the private project."""


def run_dbt(project: Path, database: Database, *arguments: str, env: Mapping[str, str | None] | None = None) -> Result:
    """Run dbt on a project directory and a database."""
    kept = Path(_parsed.name) / database.environment["PGDATABASE"]
    target = Path(dict(itertools.pairwise(arguments)).get("--target-path", project / "dbt_project" / "target"))
    mine = target / "partial_parse.msgpack"
    if kept.exists() and not mine.exists():
        target.mkdir(exist_ok=True)
        shutil.copy(kept, mine)
    environment = _environment(
        {"DBT_PROFILES_DIR": str(project), "DBT_SEND_ANONYMOUS_USAGE_STATS": "0"}, database.environment, env or {}
    )
    result = _call_dbt(list(arguments), project / "dbt_project", environment)
    if mine.exists() and not kept.exists():
        shutil.copy(mine, kept)
    return result


@functools.cache
def _dbt_process() -> subprocess.Popen[str]:
    """Return the worker's dbt, which ends when its stdin does."""
    command = [sys.executable, str(CHECKOUT / "tests" / "dbt_process.py")]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _call_dbt(arguments: list[str], cwd: Path, environment: dict[str, str]) -> Result:
    process = _dbt_process()
    assert process.stdin is not None
    assert process.stdout is not None
    said = {name: Path(_parsed.name) / name for name in ("stdout", "stderr")}
    written = {name: str(file) for name, file in said.items()}
    process.stdin.write(
        json.dumps({"arguments": arguments, "cwd": str(cwd), "environment": environment, **written}) + "\n"
    )
    process.stdin.flush()
    exit_code = int(process.stdout.readline())
    return Result(exit_code, *(said[name].read_text(encoding="utf-8") for name in ("stdout", "stderr")))


@pytest.fixture(scope="session")
def seeded(server: Server, migrated: str, shared_directory: Path) -> str:
    """Return the name of a migrated database to copy from, with what builds leave alone: seeds and names of places."""
    name, done = "template_seeded", shared_directory / "seeded"
    with _locked(shared_directory / "seeded-lock"):
        if not done.exists():
            database = server.create(template=migrated, name=name)
            with _private_project(shared_directory / "seed") as directory:
                names = [f"+int_location_{kind}_names" for kind in ("country", "region", "place")]
                left_alone = ("--select", "resource_type:seed", *names, *WITHOUT_TESTS)
                run_dbt(directory, database, "build", *left_alone).expect(0)
            done.touch()
    return name


@pytest.fixture
def dbt(project: Path, database: Database) -> Dbt:
    """Return a runner of dbt on this test's project and database."""

    def run(*arguments: str, env: Mapping[str, str | None] | None = None) -> Result:
        return run_dbt(project, database, *arguments, env=env)

    return run
