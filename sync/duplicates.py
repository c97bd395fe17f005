"""Who is a copy of whom in the CRM: what the duplicate views say, counted, shown and written as CSV.

The views decide (`attio_company_duplicates`, `attio_person_duplicates`); nothing here changes a record.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from sync.errors import WarehouseError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VIEWS = {"companies": "attio_company_duplicates", "people": "attio_person_duplicates"}
"""Attio object -> the model with a row per record in a cluster."""


@dataclass(frozen=True, slots=True)
class Tier:
    """How sure the rules are, and how many clusters, and copies beside the survivors, they are so sure of."""

    tier: str
    clusters: int
    copies: int


def tiers(connection: psycopg.Connection, relation: sql.Identifier) -> list[Tier]:
    """Count clusters and copies by tier, the surest first."""
    query = sql.SQL(
        """
        select tier, count(distinct cluster_id), count(*) filter (where role = 'duplicate')
        from {}
        group by tier
        order by array_position(array['certain', 'likely', 'possible'], tier)
        """
    ).format(relation)
    with _explained(connection, relation):
        return [Tier(*row) for row in connection.execute(query)]


def riskiest(connection: psycopg.Connection, relation: sql.Identifier, *, limit: int) -> list[dict[str, Any]]:
    """Return the copies that the rules are surest of with the least evidence, each with its survivor's name."""
    query = sql.SQL(
        """
        select
            copies.tier,
            copies.score::double precision as score,
            copies.reasons,
            copies.record_id,
            copies.name,
            copies.domains,
            copies.survivor_record_id,
            survivors.name as survivor_name,
            survivors.domains as survivor_domains,
            copies.web_url
        from {relation} as copies
        left join {relation} as survivors
            on survivors.cluster_id = copies.cluster_id and survivors.record_id = copies.survivor_record_id
        where copies.role = 'duplicate'
        order by array_position(array['certain', 'likely', 'possible'], copies.tier), copies.score, copies.record_id
        limit %s
        """
    ).format(relation=relation)
    with _explained(connection, relation), connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, [limit]).fetchall()


def export(connection: psycopg.Connection, relation: sql.Identifier, path: Path) -> int:
    """Write every record of every cluster to `path` as CSV, clusters together; return how many; raise `OSError`."""
    query = sql.SQL(
        "copy (select * from {} order by cluster_id, role desc, record_id) to stdout (format csv, header)"
    ).format(relation)
    with _explained(connection, relation), connection.cursor() as cursor:
        with cursor.copy(query) as copy, path.open("wb") as file:
            file.writelines(copy)
        return cursor.rowcount


@contextlib.contextmanager
def _explained(connection: psycopg.Connection, relation: sql.Identifier) -> Iterator[None]:
    """Turn a missing view into the line that says how to make it."""
    try:
        yield
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
        raise WarehouseError(f"{relation.as_string(connection)} does not exist: run `make build` first") from error
