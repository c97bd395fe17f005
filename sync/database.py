"""The one way to the database: libpq's own settings, or the embedded Postgres when `PGHOST` is unset."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psycopg

from sync import localdb
from sync.errors import WarehouseError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def settings(project_dir: Path) -> Mapping[str, str]:
    """Return the `PG*` variables to connect with; starts the embedded Postgres when `PGHOST` is unset."""
    if os.environ.get("PGHOST"):
        return {name: value for name, value in os.environ.items() if name.startswith("PG")}
    return localdb.ensure_started(project_dir)


def connect(project_dir: Path, *, autocommit: bool = False) -> psycopg.Connection:
    """Open a connection whose statements may run long; raise `WarehouseError` in one line when there is none."""
    if not os.environ.get("PGHOST"):
        for name in [name for name in os.environ if name.startswith("PG")]:
            del os.environ[name]  # PGHOSTADDR and PGSERVICE win over an explicit host
        os.environ.update(localdb.ensure_started(project_dir))
    try:
        connection = psycopg.connect(autocommit=True, fallback_application_name="attio-canon", connect_timeout=10)
        connection.execute("set statement_timeout = 0")
        connection.execute("set timezone = 'UTC'")
    except psycopg.Error as error:
        where = f"{os.environ.get('PGHOST')}:{os.environ.get('PGPORT', '5432')}"
        first_line = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        raise WarehouseError(f"no database at {where}: {first_line} Check PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE.") from error
    connection.autocommit = autocommit
    return connection
