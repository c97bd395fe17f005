"""Files for Attio's importer: columns, values, known records apart from new ones, split by size."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest

from tests.sync import small_exports as small

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Canon, Database, Sandbox

URL = "https://www.linkedin.com/in/p{:04}"


@pytest.fixture
def tables(project: Path, database: Database) -> Database:
    """Return a database with the exports' tables, empty."""
    small.install(project)
    small.create_tables(database)
    return database


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_known_records_and_new_ones_go_into_files_of_their_own(
    canon: Canon, tables: Database, sandbox: Sandbox, tmp_path: Path
) -> None:
    small.prepare(sandbox)
    place = small.place(locality="Berlin", country_code="DE")
    ada = {"linkedin_url": URL.format(1), "person_name": small.name("Ada", 'Do"e, x'), "location": place}
    small.put(tables, "attio_companies", {"domain": "acme.com", "name": "Acme\nInc", "tags": ["Red", "Blue"]})
    small.put(tables, "attio_people", {**ada, "company": "acme.com", "job_title": "Küchenchef"})
    canon("sync", "--yes").expect(0)
    small.put(tables, "attio_people", {"linkedin_url": URL.format(2)})

    told = canon("export", "attio_people", "--csv", "--to", str(tmp_path / "out"), "--json").expect(0).json

    assert told["files"] == {"attio_people-new-001.csv": 1, "attio_people-known-001.csv": 1}
    (known,) = rows(tmp_path / "out" / "attio_people-known-001.csv")
    assert known == {
        "Record ID": sandbox.records("people")[0]["id"]["record_id"],
        "linkedin": URL.format(1),
        "name first name": "Ada",
        "name last name": 'Do"e, x',
        "job_title": "Küchenchef",
        "company": "acme.com",
        "primary_location line 1": "",
        "primary_location line 2": "",
        "primary_location locality": "Berlin",
        "primary_location region": "",
        "primary_location postcode": "",
        "primary_location country code": "DE",
    }
    (new,) = rows(tmp_path / "out" / "attio_people-new-001.csv")
    assert "Record ID" not in new
    assert new["linkedin"] == URL.format(2)
    canon("export", "attio_companies", "--csv", "--to", str(tmp_path / "out")).expect(0)
    (company,) = rows(tmp_path / "out" / "attio_companies-known-001.csv")
    assert (company["name"], company["tags"]) == ("Acme\nInc", "Red,Blue")


def test_files_are_split_by_size_and_nothing_is_lost(canon: Canon, tables: Database, tmp_path: Path) -> None:
    people = ({"linkedin_url": URL.format(number), "job_title": "Schmied é" * 5} for number in range(300))
    small.put(tables, "attio_people", *people)
    (tmp_path / "attio_people-new-099.csv").write_text("of an earlier call")

    told = canon("export", "attio_people", "--csv", "--to", str(tmp_path), "--max-mb", "0.01", "--json").expect(0).json

    files = sorted(tmp_path.glob("*.csv"))
    assert [each.name for each in files] == list(told["files"])
    assert len(files) > 2
    assert all(each.stat().st_size <= 10_000 for each in files)
    assert {row["linkedin"] for each in files for row in rows(each)} == {URL.format(number) for number in range(300)}


def test_an_unknown_export_a_missing_format_and_a_folder_one_may_not_write_are_told(
    canon: Canon, tables: Database, tmp_path: Path
) -> None:
    assert tables.rows("select count(*) from canon.attio_people") == [(0,)]
    assert "attio_peple" in canon("export", "attio_peple", "--csv").expect(2).stderr
    assert "--csv" in canon("export", "attio_people").expect(2).stderr
    (tmp_path / "file").write_text("")
    assert (
        "cannot write"
        in canon("export", "attio_people", "--csv", "--to", str(tmp_path / "file" / "x")).expect(2).stderr
    )
