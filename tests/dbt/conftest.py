"""One build for all tests that only read it, and copies of it for those that change something."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from psycopg import sql

from tests.conftest import Database, Result, _locked, _private_project, run_dbt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Server

ROWS = Path(__file__).parent / "rows.sql"
SOURCES = ("raw", "extracted", "core", "reference")

HOSTILE = (
    "",
    " \t\n\r ",
    "\u00a0\u200b\ufeff",
    "NULL",
    "N/A, N/A",
    "'; drop schema canon cascade; --",
    "{{ ref('x') }} $$ $1 %s %(x)s",
    "%FF%00%zz",
    "https://www.linkedin.com/in/%E2%28%A1%00",
    "https://" * 200,
    "\u202egnp.exe\u202c \U0001f3f4\U000e0067\U000e0062",
    "İstanbul, ÇANKAYA; ß ǅ ﬁ",
    "\\ \\\\ ' \" ` ] [ ) ( } { | ^ $ * + ?",
    "株式会社 ООО ذ م م",  # noqa: RUF001  # as it is written in Moscow
    "-1e309",
    "9" * 400,
    "a@b@c..d//e?f#g:99999",
    "1970-02-30T25:61:61Z",
    "x" * 2500,
)
"""Cells as nobody wants them: no model may raise because of one."""


@dataclass(frozen=True)
class Build:
    """A database, the project it is built from, and how the last build ended."""

    database: Database
    project: Path
    result: Result

    def dbt(self, *arguments: str) -> Result:
        """Run dbt on this database."""
        return run_dbt(self.project, self.database, *arguments)

    @property
    def manifest(self) -> dict[str, Any]:
        """Return what dbt made of the project."""
        found: dict[str, Any] = json.loads((self.project / "dbt_project" / "target" / "manifest.json").read_text())
        return found

    def nodes(self, kind: str) -> list[dict[str, Any]]:
        """Return the manifest's nodes of one resource type, by name."""
        return sorted(
            (n for n in self.manifest["nodes"].values() if n["resource_type"] == kind), key=lambda n: n["name"]
        )


def fill(database: Database) -> None:
    """Put the small world of `rows.sql` into the source tables."""
    database.run(ROWS.read_text(encoding="utf-8"))


def add_hostile_rows(database: Database) -> None:
    """Put each hostile text into every text column (and every jsonb column) of every source table, one row a text."""
    columns = database.rows(
        """
        select table_schema, table_name, json_object_agg(column_name, data_type)
        from information_schema.columns
        inner join information_schema.tables using (table_schema, table_name)
        where
            table_schema = any(%s) and table_name not like 'gazetteer%%' and table_name <> 'duplicate_decisions'
            and table_type = 'BASE TABLE' and is_generated = 'NEVER' and data_type in ('text', 'jsonb')
        group by 1, 2
        """,
        [list(SOURCES)],
    )
    assert len(columns) >= 8
    with database.connect() as connection:
        for schema, table, types in columns:
            insert = sql.SQL("insert into {} ({}) values ({})").format(
                sql.Identifier(schema, table),
                sql.SQL(", ").join(map(sql.Identifier, types)),
                sql.SQL(", ").join(sql.Placeholder() * len(types)),
            )
            for text in HOSTILE:
                connection.execute(
                    insert, [json.dumps({"x": text}) if kind == "jsonb" else text for kind in types.values()]
                )
        for place, text in enumerate(HOSTILE):
            values = {
                "name": [{"value": text, "full_name": text, "first_name": text, "last_name": text}],
                "domains": [{"domain": text}],
                "linkedin": [{"value": text}],
                "description": [{"value": text}],
                "primary_location": [{"locality": text, "region": text, "country_code": text}],
                "email_addresses": [{"email_address": text}],
                "job_id": [{"value": text}],
                "salary_min": [],
            }
            for kind, slug in enumerate(("companies", "people", "job_postings")):
                connection.execute(
                    'insert into attio_mirror.records (object, record_id, created_at, "values")'
                    " values (%s, %s, now(), %s)",
                    [slug, f"00000000-0000-4000-9{kind:03d}-{place:012d}", json.dumps(values)],
                )
        for place, document in enumerate(("{}", "null", '{"name": null, "domains": null}')):
            connection.execute(
                'insert into attio_mirror.records (object, record_id, created_at, "values") values (%s, %s, null, %s)',
                ["companies", f"00000000-0000-4000-a000-{place:012d}", document],
            )


@pytest.fixture(scope="session")
def template(seeded: str) -> str:
    """Return the name of the database that each test's own is a copy of: here one that holds the seeds."""
    return seeded


@pytest.fixture(scope="session")
def built_once(server: Server, seeded: str, shared_directory: Path) -> tuple[str, Path, Result]:
    """Return a database with the small world and the hostile rows, built once for all workers, and its project."""
    name, home = "template_built", shared_directory / "built"
    with _locked(shared_directory / "built-lock"):
        if not (home / "done.json").exists():
            database = server.create(template=seeded, name=name)
            fill(database)
            add_hostile_rows(database)
            with _private_project(home / "made") as made:
                result = run_dbt(made, database, "build", "--exclude-resource-type", "unit_test")
                made.rename(home / "project")
            (home / "done.json").write_text(json.dumps([result.exit_code, result.stdout, result.stderr]))
    return name, home / "project", Result(*json.loads((home / "done.json").read_text()))


@pytest.fixture(scope="module")
def built(
    server: Server, built_once: tuple[str, Path, Result], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Build]:
    """Return a copy of the build of this module's own."""
    template, project, result = built_once
    result.expect(0)
    database = server.create(template=template)
    copy = tmp_path_factory.mktemp("built") / "project"
    # dbt reads the project anew for a database of another name
    shutil.copytree(project, copy, ignore=shutil.ignore_patterns("partial_parse.msgpack"))
    yield Build(database, copy, result)
    server.drop(database)
