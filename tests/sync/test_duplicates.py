"""`canon duplicates` carries what the duplicate views say: counts, the copies with the least evidence, a CSV of all."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Canon, Database

ROWS = """
create schema canon;
create table canon.attio_company_duplicates (
    cluster_id text, record_id uuid, role text, survivor_record_id uuid, tier text, score numeric, reasons jsonb,
    name text, domains jsonb, created_at timestamptz, web_url text
);
insert into canon.attio_company_duplicates
select
    cluster, md5(name)::uuid, role, md5(survivor)::uuid, tier, score, '["same_name"]', name, '["a.example"]',
    '2026-01-01', 'https://app.attio.com/' || name
from (
    values
    ('1', 'Kept', 'survivor', 'Kept', 'certain', 0.99),
    ('1', 'Sure copy', 'duplicate', 'Kept', 'certain', 0.99),
    ('1', 'Less sure copy', 'duplicate', 'Kept', 'certain', 0.96),
    ('2', 'Other, "quoted"', 'survivor', 'Other, "quoted"', 'likely', 0.8),
    ('2', 'Likely copy', 'duplicate', 'Other, "quoted"', 'likely', 0.8)
) as made (cluster, name, role, survivor, tier, score);
create table canon.attio_company_removals as
select record_id::text, survivor_record_id::text, cluster_id, name, score
from canon.attio_company_duplicates
where role = 'duplicate' and tier = 'certain';
insert into attio_mirror.records (object, record_id, values)
select 'people', md5('person')::uuid, jsonb_build_object('company', jsonb_build_array(jsonb_build_object(
    'attribute_type', 'record-reference', 'target_object', 'companies', 'target_record_id', md5('Sure copy')::uuid
)));
"""


@pytest.fixture
def views(database: Database) -> Database:
    """Return a database with the view of two clusters of companies."""
    with database.connect() as connection:
        connection.execute(ROWS)
    return database


@pytest.mark.usefixtures("views")
def test_the_plan_counts_copies_and_shows_the_least_evidence_first(canon: Canon) -> None:
    said = canon("duplicates", "plan", "--json").expect(0).json
    assert said["tiers"] == [
        {"tier": "certain", "clusters": 1, "copies": 2},
        {"tier": "likely", "clusters": 1, "copies": 1},
    ]
    assert [(row["name"], row["survivor_name"]) for row in said["riskiest"]] == [
        ("Less sure copy", "Kept"),
        ("Sure copy", "Kept"),
        ("Likely copy", 'Other, "quoted"'),
    ]


@pytest.mark.usefixtures("views")
def test_the_plan_tells_the_strategy_for_the_certain_ones_and_what_it_costs(canon: Canon) -> None:
    said = canon("duplicates", "plan", "--json", env={"CANON_WRITES_PER_SECOND": "1"}).expect(0).json
    assert said["removal"] == {"copies": 2, "deletes": 1, "merges": 1, "calls": 3, "seconds": 3.0}
    assert [(row["name"], row["strategy"]) for row in said["riskiest"]] == [
        ("Less sure copy", "delete"),
        ("Sure copy", "merge"),
        ("Likely copy", "review"),
    ]


@pytest.mark.parametrize("kind", ["notes", "tasks", "entries"])
def test_the_plan_counts_a_copy_as_merged_that_the_last_pull_found_something_on(
    kind: str, canon: Canon, views: Database
) -> None:
    views.run(
        "insert into attio_mirror.attached (record_id, kind, count)"
        f" select record_id, '{kind}', 1 from canon.attio_company_duplicates where name = 'Less sure copy'"
    )
    removal = canon("duplicates", "plan", "--json").expect(0).json["removal"]
    assert (removal["deletes"], removal["merges"]) == (0, 2)


@pytest.mark.usefixtures("views")
def test_the_export_has_every_record_of_every_cluster_survivor_first(canon: Canon, tmp_path: Path) -> None:
    file = tmp_path / "copies.csv"
    assert canon("duplicates", "export", str(file), "--json").expect(0).json["records"] == 5
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [(row["cluster_id"], row["role"]) for row in rows] == [
        ("1", "survivor"),
        ("1", "duplicate"),
        ("1", "duplicate"),
        ("2", "survivor"),
        ("2", "duplicate"),
    ]
    assert rows[3]["name"] == 'Other, "quoted"'


def test_without_the_views_one_line_says_what_to_run_and_no_file_is_left(canon: Canon, tmp_path: Path) -> None:
    file = tmp_path / "copies.csv"
    for arguments in (["plan"], ["export", str(file)]):
        refused = canon("duplicates", *arguments).expect(5)
        assert "run `make build` first" in refused.stderr.splitlines()[-1]
    assert not file.exists()


@pytest.mark.usefixtures("views")
def test_a_file_that_cannot_be_written_is_named(canon: Canon, tmp_path: Path) -> None:
    refused = canon("duplicates", "export", str(tmp_path / "no" / "copies.csv")).expect(2)
    assert "no/copies.csv" in refused.stderr.splitlines()[-1]
