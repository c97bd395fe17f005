"""What the last build said of its tests decides which exports may go; later commands take nothing of it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sync import mapping, warehouse

if TYPE_CHECKING:
    from pathlib import Path

    from sync.mapping import Export, Upstream
    from tests.conftest import Database

NODES = ("model.p.stg_people", "model.p.stg_companies", "model.p.attio_people", "model.p.attio_companies")
PARENTS = {
    "model.p.stg_people": [],
    "model.p.stg_companies": [],
    "model.p.attio_people": ["model.p.stg_people"],
    "model.p.attio_companies": ["model.p.stg_companies"],
    "test.p.unique_people.1": ["model.p.stg_people"],
    "test.p.relationships.1": ["model.p.attio_people", "model.p.attio_companies"],
    "test.p.warned.1": ["model.p.stg_companies"],
}


@pytest.fixture(scope="module")
def template(migrated: str) -> str:
    """Return the name of a database where dbt has never run."""
    return migrated


def manifest() -> dict[str, object]:
    """Return two exports, each over a staging model, with tests on them."""
    nodes: dict[str, dict[str, object]] = {}
    for unique_id in NODES:
        name = unique_id.split(".")[2]
        meta: dict[str, object] = {"meta": {"attio": {}}} if name.startswith("attio") else {}
        nodes[unique_id] = {"resource_type": "model", "name": name, "config": {"materialized": "table", **meta}}
    for unique_id, attached, severity in (
        ("test.p.unique_people.1", "model.p.stg_people", "error"),
        ("test.p.relationships.1", "model.p.attio_people", "ERROR"),
        ("test.p.warned.1", "model.p.stg_companies", "warn"),
    ):
        config = {"severity": severity}
        nodes[unique_id] = {"resource_type": "test", "attached_node": attached, "config": config}
    return {"nodes": nodes, "parent_map": PARENTS}


def export(model: str) -> Export:
    """Return an export of which only the place matters here."""
    field = mapping.Field("k", "k", "text", None, "always", None, None, None, unique=True, options=())
    return mapping.Export(model, "o", "k", "upsert", 1, None, None, "canon", model, "k", None, ("k",), (field,))


def reason(database: Database, model: str) -> str | None:
    rests_on: Upstream = mapping.upstream_of(manifest())[model]
    with database.connect() as connection:
        return warehouse.held_back(connection, export(model), rests_on)


def remember(database: Database, at: str, **statuses: str) -> None:
    """Write results as the macro does."""
    with database.connect() as connection:
        for name, status in statuses.items():
            kind = "test" if name in {"unique_people", "relationships", "warned"} else "model"
            unique_id = f"{kind}.p.{name}.1" if kind == "test" else f"{kind}.p.{name}"
            connection.execute(
                "insert into canon_intermediate.results_remembered values (%s, %s, 'Got 3 results', %s)"
                " on conflict (unique_id) do update set status = excluded.status, finished_at = excluded.finished_at",
                [unique_id, status, at],
            )


def test_a_failed_test_upstream_holds_back_what_depends_on_it_and_nothing_else(database: Database) -> None:
    assert "make build" in str(reason(database, "attio_people"))
    database.run(
        "create schema canon_intermediate",
        "create table canon_intermediate.results_remembered"
        " (unique_id text primary key, status text not null, message text, finished_at timestamptz not null)",
    )
    assert "has no result" in str(reason(database, "attio_companies"))

    built = {"stg_people": "success", "stg_companies": "success", "attio_companies": "success"}
    remember(database, "2026-01-01", **built, attio_people="skipped", unique_people="fail", relationships="skipped")
    told = str(reason(database, "attio_people"))
    assert "test unique_people upstream ended with fail (Got 3 results)" in told
    assert reason(database, "attio_companies") is None, "relationships is attached to people; warned only warns"

    remember(database, "2026-01-02", **built, attio_people="success", unique_people="pass", relationships="pass")
    assert reason(database, "attio_people") is None

    remember(database, "2026-01-03", stg_people="success")
    assert "did not run on what was built last" in str(reason(database, "attio_people"))
    assert reason(database, "attio_companies") is None


def test_a_manifest_that_does_not_say_what_rests_on_what_holds_nothing_back(project: Path) -> None:
    assert project.exists()
    assert mapping.upstream_of({"nodes": manifest()["nodes"]}) == {}
