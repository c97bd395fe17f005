"""The one way to the database: libpq's own settings, or the embedded Postgres while `PGHOST` is unset."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus

from sync import localdb, progress
from sync.errors import WarehouseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_KEYWORDS = {
    "PGHOST": "host",
    "PGPORT": "port",
    "PGUSER": "user",
    "PGPASSWORD": "password",
    "PGDATABASE": "dbname",
    "PGSSLMODE": "sslmode",
}


def conninfo(settings: Mapping[str, str]) -> str:
    """Return what libpq needs to connect with these `PG*` settings; what makes no sense raises psycopg's own error."""
    given = {_KEYWORDS[name]: value for name, value in settings.items() if name in _KEYWORDS}
    return make_conninfo(connect_timeout=10, fallback_application_name="attio-canon", **given)


def connect(project_dir: Path, *, autocommit: bool = False) -> psycopg.Connection:
    """Open a connection whose statements may run long; raise `WarehouseError`, in one line, when there is none."""
    settings = localdb.environment(project_dir)
    try:
        connection = psycopg.connect(conninfo(settings), autocommit=True)
        connection.execute("set statement_timeout = 0")
        connection.execute("set timezone = 'UTC'")
        connection.autocommit = autocommit
    except psycopg.Error as error:
        raise WarehouseError(
            f"no database {settings['PGDATABASE']} at {settings['PGHOST']}:{settings['PGPORT']} "
            f"for {settings['PGUSER']}: "
            f"{_reason(error)}; check PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE and PGSSLMODE"
        ) from error
    return connection


@contextlib.contextmanager
def waiting_told(connection: psycopg.Connection) -> Iterator[None]:
    """Let nobody wait for a statement in silence, whoever runs it: outside of tasks, a line every few seconds."""

    def is_working() -> bool:
        return connection.info.transaction_status == TransactionStatus.ACTIVE

    with progress.while_waiting("waiting for the database", is_working):
        yield


@contextlib.contextmanager
def refusals_told(doing: str) -> Iterator[None]:
    """Turn whatever the database refuses inside the `with` into a `WarehouseError` of one line; `doing` begins it."""
    try:
        yield
    except psycopg.Error as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise WarehouseError(f"{doing}: the database says: {lines[0]}") from error


def _reason(error: psycopg.Error) -> str:
    """Return libpq's last line that is no hint (hints are indented); no line of libpq's holds a password."""
    lines = [line for line in str(error).splitlines() if line.strip() and not line[0].isspace()]
    return lines[-1].strip() if lines else type(error).__name__
