"""A Postgres for one measurement: migrated, with a dbt profile, thrown away behind it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from sync import localdb

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parent.parent
SERVER = {"fsync": "off", "max_wal_size": "4GB"}


@dataclass(frozen=True)
class Scratch:
    """A migrated database: `home` holds the profile and all that is written, `environment` leads to it."""

    home: Path
    environment: dict[str, str]
    cluster: localdb.Cluster

    def connect(self) -> psycopg.Connection:
        """Open the database, each statement a transaction."""
        names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGPASSWORD": "password", "PGDATABASE": "dbname"}
        return psycopg.connect(
            psycopg.conninfo.make_conninfo(**{name: self.environment[key] for key, name in names.items()}),
            autocommit=True,
        )

    def canon(self, *arguments: str) -> None:
        """Run `canon`; raises CalledProcessError with what it said on stderr, which is shown."""
        command = [sys.executable, "-m", "sync", *arguments, "--project-dir", str(self.home)]
        subprocess.run(command, cwd=CHECKOUT, env=self.environment, check=True, stdout=subprocess.DEVNULL)

    def dbt(self, *arguments: str) -> list[str]:
        """Return the command line of a dbt call."""
        return [
            str(Path(sys.executable).parent / "dbt"), *arguments, "--quiet", "--target-path", str(self.home / "target"),
            "--project-dir", str(CHECKOUT / "dbt_project"), "--log-path", str(self.home),
        ]  # fmt: skip

    def seconds(self) -> dict[str, float]:
        """Return how long each node (`model.name`, `test.name`) of the last dbt call was in the database.

        What dbt took to write its text is left out: a collection of dbt's own garbage falls on one model or another.
        """
        results = json.loads((self.home / "target" / "run_results.json").read_text(encoding="utf-8"))["results"]
        return {
            f"{kind}.{name}": (
                datetime.fromisoformat(step["completed_at"]) - datetime.fromisoformat(step["started_at"])
            ).total_seconds()
            for result in results
            for step in result["timing"]
            if step["name"] == "execute"
            for kind, _, name in [result["unique_id"].split(".", 2)]
        }


@contextlib.contextmanager
def copy(original: Scratch) -> Iterator[Scratch]:
    """Copy a database that nobody is connected to, and drop the copy at the end. To dbt it is a new one."""
    names = original.environment
    home = original.home / "copy"
    home.mkdir()
    shutil.copy(original.home / "profiles.yml", home / "profiles.yml")
    superuser = original.cluster.superuser()
    made = sql.Identifier(f"{names['PGDATABASE']}_copy")
    server = replace(original, environment={**names, **superuser})
    with server.connect() as connection:
        connection.execute(
            sql.SQL("create database {} owner {} template {}").format(
                made, sql.Identifier(names["PGUSER"]), sql.Identifier(names["PGDATABASE"])
            )
        )
    try:
        yield replace(
            original,
            home=home,
            environment={**names, "PGDATABASE": f"{names['PGDATABASE']}_copy", "DBT_PROFILES_DIR": str(home)},
        )
    finally:
        with server.connect() as connection:
            connection.execute(sql.SQL("drop database {} with (force)").format(made))
        shutil.rmtree(home)


@contextlib.contextmanager
def database() -> Iterator[Scratch]:
    """Start a server of its own, migrate its database, and remove all of it at the end."""
    home = Path(tempfile.mkdtemp(prefix="canon-bench-"))
    cluster = localdb.Cluster(home / "postgres", localdb.binaries(), home, SERVER)
    try:
        environment = {**os.environ, **cluster.start(), "DBT_PROFILES_DIR": str(home)}
        shutil.copy(CHECKOUT / "profiles.yml.example", home / "profiles.yml")
        scratch = Scratch(home, environment, cluster)
        scratch.canon("migrate", "--yes")
        yield scratch
    finally:
        cluster.stop()
        cluster.remove()
        shutil.rmtree(home, ignore_errors=True)
