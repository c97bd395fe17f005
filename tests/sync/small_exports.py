"""Three small exports over plain tables, their manifest written by hand: for tests of what is planned and pushed."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from sync import mapping

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sync.mapping import Export
    from tests.conftest import Database, Sandbox

MEMBER = {"type": "workspace-member", "id": "aaaaaaaa-0000-4000-8000-000000000001"}
TOKEN = {"type": "api-token", "id": "bbbbbbbb-0000-4000-8000-000000000001"}

COMPANIES: Mapping[str, Any] = {
    "attio": {"object": "companies", "match_on": "domains", "order": 10},
    "key": "domain",
    "columns": {
        "domain": ("text", {"attribute": "domains", "type": "domain", "write": "fill_empty"}),
        "record_id": ("text", {"record_id": True}),
        "name": ("text", {"attribute": "name", "type": "text", "write": "fill_empty"}),
        "description": ("text", {"attribute": "description", "type": "text", "write": "always"}),
        "industry": ("text", {"attribute": "industry", "type": "text", "title": "Industry"}),
        "tags": ("jsonb", {"attribute": "tags", "type": "select", "title": "Tags", "list": "replace"}),
        "updated_at": ("timestamptz", None),
    },
}
PEOPLE: Mapping[str, Any] = {
    "attio": {"object": "people", "match_on": "linkedin", "order": 20},
    "key": "linkedin_url",
    "columns": {
        "linkedin_url": ("text", {"attribute": "linkedin", "type": "text", "write": "fill_empty"}),
        "record_id": ("text", {"record_id": True}),
        "person_name": ("jsonb", {"attribute": "name", "type": "personal-name"}),
        "job_title": ("text", {"attribute": "job_title", "type": "text"}),
        "company": (
            "text",
            {"attribute": "company", "type": "record-reference", "references": "attio_companies"},
        ),
        "location": ("jsonb", {"attribute": "primary_location", "type": "location", "write": "fill_empty"}),
    },
}
POSTINGS: Mapping[str, Any] = {
    "attio": {
        "object": "job_postings",
        "match_on": "job_id",
        "order": 30,
        "singular": "Job posting",
        "plural": "Job postings",
    },
    "key": "job_id",
    "columns": {
        "job_id": ("text", {"attribute": "job_id", "type": "text", "title": "Job id", "unique": True}),
        "title": ("text", {"attribute": "title", "type": "text", "title": "Title"}),
        "salary_min": ("numeric", {"attribute": "salary_min", "type": "number", "title": "Salary from"}),
        "posted_on": ("date", {"attribute": "posted_on", "type": "date", "title": "Posted on"}),
        "is_open": ("boolean", {"attribute": "is_open", "type": "checkbox", "title": "Open"}),
        "company": (
            "text",
            {"attribute": "company", "type": "record-reference", "title": "C", "references": "attio_companies"},
        ),
    },
}
MODELS = {"attio_companies": COMPANIES, "attio_people": PEOPLE, "attio_job_postings": POSTINGS}


def manifest(models: Mapping[str, Mapping[str, Any]] = MODELS) -> dict[str, Any]:
    """Return what of dbt's manifest the mapping reads."""
    nodes = {}
    for name, model in models.items():
        columns = {}
        for column, (kind, meta) in model["columns"].items():
            columns[column] = {
                "name": column,
                "data_type": kind,
                "constraints": [{"type": "primary_key"}] if column == model["key"] else [],
                "config": {"meta": {"attio": meta} if meta else {}},
            }
        nodes[f"model.small.{name}"] = {
            "resource_type": "model",
            "name": name,
            "schema": "canon",
            "alias": name,
            "columns": columns,
            "config": {"meta": {"attio": model["attio"]}},
        }
    return {"nodes": nodes}


def exports(models: Mapping[str, Mapping[str, Any]] = MODELS) -> list[Export]:
    """Return the exports of `models`."""
    return mapping.exports_of(manifest(models))


def with_column(models: Mapping[str, Any], model: str, column: str, **meta: object) -> dict[str, Any]:
    """Return `models` with the meta of one column changed."""
    changed = {name: {**each, "columns": dict(each["columns"])} for name, each in models.items()}
    kind, before = changed[model]["columns"][column]
    changed[model]["columns"][column] = (kind, {**before, **meta})
    return changed


def with_mode(model: str, mode: str) -> dict[str, Any]:
    """Return the models with the mode of one changed."""
    return {**MODELS, model: {**MODELS[model], "attio": {**MODELS[model]["attio"], "mode": mode}}}


def install(project: Path, models: Mapping[str, Mapping[str, Any]] = MODELS) -> None:
    """Make `project` one whose manifest is that of `models`."""
    target = project / "dbt_project" / "target"
    target.mkdir(parents=True, exist_ok=True)
    (target / "manifest.json").write_text(json.dumps(manifest(models)))


def create_tables(database: Database, models: Mapping[str, Mapping[str, Any]] = MODELS) -> None:
    """Create the tables that dbt would build."""
    statements = ["create schema canon"]
    for name, model in models.items():
        columns = ", ".join(
            f"{column} {kind}{' primary key' if column == model['key'] else ''}"
            for column, (kind, _) in model["columns"].items()
        )
        statements.append(f"create table canon.{name} ({columns})")
    database.run(*statements)


def put(database: Database, table: str, *rows: Mapping[str, Any]) -> None:
    """Insert rows into an export's table; a row with a known key takes its place."""
    with database.connect() as connection:
        for row in rows:
            key = MODELS[table]["key"]
            cells = [json.dumps(cell) if isinstance(cell, dict | list) else cell for cell in row.values()]
            statement = (
                f"insert into canon.{table} ({', '.join(row)}) values ({', '.join(['%s'] * len(row))}) "
                f"on conflict ({key}) do update set {', '.join(f'{name} = excluded.{name}' for name in row)}"
            )
            connection.execute(statement.encode(), cells)


def prepare(sandbox: Sandbox) -> None:
    """Create in the sandbox what the exports need and a workspace does not have by itself."""
    data = {"api_slug": "job_postings", "singular_noun": "Job posting", "plural_noun": "Job postings"}
    sandbox.call("POST", "/objects", {"data": data}).raise_for_status()
    for each in exports():
        for field in each.fields:
            if field.title is None:
                continue
            reference = {"record_reference": {"allowed_objects": [field.refers_to]}} if field.refers_to else {}
            attribute = {
                "title": field.title,
                "description": None,
                "api_slug": field.attribute,
                "type": field.type,
                "is_required": False,
                "is_unique": field.unique,
                "is_multiselect": field.list is not None,
                "config": reference,
            }
            path = f"/objects/{each.object_slug}/attributes"
            sandbox.call("POST", path, {"data": attribute}).raise_for_status()
    for title in ("Red", "Green", "Blue"):
        path = "/objects/companies/attributes/tags/options"
        sandbox.call("POST", path, {"data": {"title": title}}).raise_for_status()


def mirror(
    database: Database, object_slug: str, values: Mapping[str, Sequence[Any]], *, actor: Mapping[str, str] = TOKEN
) -> str:
    """Put a record into the mirror, as a pull would; return its id."""
    record_id = str(uuid.uuid4())
    read = {slug: [{"created_by_actor": actor, **value} for value in held] for slug, held in values.items()}
    with database.connect() as connection:
        connection.execute(
            "insert into attio_mirror.records (object, record_id, created_at, web_url, values)"
            " values (%s, %s, now(), '', %s)",
            [object_slug, record_id, json.dumps(read)],
        )
    return record_id


def name(first: str, last: str) -> dict[str, str]:
    """Return a name in Attio's shape."""
    return {"first_name": first, "last_name": last, "full_name": f"{first} {last}"}


def place(**parts: str) -> dict[str, str | None]:
    """Return a location with all of its ten keys."""
    keys = ("line_1", "line_2", "line_3", "line_4", "locality", "region", "postcode", "country_code")
    return {key: parts.get(key) for key in (*keys, "latitude", "longitude")}
