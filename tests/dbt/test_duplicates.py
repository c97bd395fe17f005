"""Duplicates in a CRM whose truth is known: nothing distinct is certain, and what two identifiers agree on is found."""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import CHECKOUT, WITHOUT_TESTS, Database
from tests.dbt.conftest import Build

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.conftest import Server

SELECT = ("+attio_company_duplicates", "+attio_company_duplicate_pairs")


def mirror(database: Database, records: Sequence[tuple[str, str, dict[str, Any]]]) -> None:
    """Put companies (record id, created at, values as one writes them) into the mirror."""
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("delete from attio_mirror.records")
        with cursor.copy('copy attio_mirror.records (object, record_id, created_at, "values") from stdin') as copy:
            for record_id, created_at, values in records:
                copy.write_row(("companies", record_id, created_at, json.dumps(read_shape(values))))


def read_shape(values: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    shape: dict[str, list[dict[str, Any]]] = {}
    for slug, found in values.items():
        key = "domain" if slug == "domains" else "value"
        shape[slug] = [one if isinstance(one, dict) else {key: one} for one in found]
    return shape


def places(database: Database) -> list[Any]:
    return database.rows(
        "select record_id, role, survivor_record_id, tier, score, reasons"
        " from canon.attio_company_duplicates order by 1"
    )


@pytest.fixture(scope="module")
def crm(server: Server, seeded: str, built_once: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Build]:
    """Return the demo's workspace in the mirror, its duplicates built."""
    folder = tmp_path_factory.mktemp("crm")
    command = [sys.executable, str(CHECKOUT / "demo" / "generate.py"), "--out", str(folder), "--seed", "5"]
    subprocess.run(command, check=True)
    lines = (folder / "workspace.ndjson").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    companies = [(r["record_id"], r["created_at"], r["values"]) for r in records if r["object"] == "companies"]
    database = server.create(template=seeded)
    mirror(database, companies)
    build = Build(database, built_once[1], built_once[2])
    build.dbt("build", "--select", *SELECT, *WITHOUT_TESTS, "--target-path", str(folder / "target")).expect(0)
    database.run("create table public.truth (record_id text primary key, identity text, kind text)")
    with (
        (folder / "workspace_truth.csv").open(encoding="utf-8", newline="") as lines_in,
        database.connect() as connection,
        connection.cursor() as cursor,
    ):
        rows = list(csv.DictReader(lines_in))
        cursor.executemany("insert into truth values (%(record_id)s, %(identity)s, %(kind)s)", rows)
    yield build
    server.drop(database)


def test_no_two_distinct_companies_are_certain(crm: Build) -> None:
    pairs = crm.database.rows(
        """
        select count(*), count(*) filter (where one.identity <> other.identity)
        from canon.attio_company_duplicate_pairs
        inner join truth as one on record_id_a = one.record_id
        inner join truth as other on record_id_b = other.record_id
        where tier = 'certain'
        """
    )
    assert pairs[0][0] > 200
    assert pairs[0][1] == 0
    copies = crm.database.rows(
        """
        select count(*) from canon.attio_company_duplicates
        inner join truth as copy on attio_company_duplicates.record_id = copy.record_id
        inner join truth as survivor on survivor_record_id = survivor.record_id
        where tier = 'certain' and copy.identity <> survivor.identity
        """
    )
    assert copies == [(0,)]


def test_copies_that_two_identifiers_give_away_are_certain(crm: Build) -> None:
    """The ceiling is what the data allows: copies that agree with a mate on two of LinkedIn page, domain and name."""
    ((could, found),) = crm.database.rows(
        """
        select
            count(distinct pair.copy),
            count(distinct pair.copy) filter (where attio_company_duplicates.tier = 'certain')
        from (
            select greatest(one.survivor_rank, other.survivor_rank) as rank, a.identity,
                case when one.survivor_rank > other.survivor_rank then one.record_id else other.record_id end as copy
            from truth as a
            inner join truth as b on a.identity = b.identity and a.record_id < b.record_id
            inner join canon_intermediate.int_crm_companies_identified as one on a.record_id = one.record_id
            inner join canon_intermediate.int_crm_companies_identified as other on b.record_id = other.record_id
            where
                coalesce(one.linkedin_url = other.linkedin_url, false)::int
                + coalesce(one.company_domains = other.company_domains, false)::int
                + coalesce(one.name_key = other.name_key, false)::int >= 2
        ) as pair
        left join canon.attio_company_duplicates on pair.copy = attio_company_duplicates.record_id
        """
    )
    assert could >= 50
    assert found >= 0.95 * could


def test_every_record_stands_in_one_cluster(crm: Build) -> None:
    assert (
        crm.database.rows("select record_id from canon.attio_company_duplicates group by record_id having count(*) > 1")
        == []
    )
    assert (
        crm.database.rows(
            """
        select cluster_id from canon.attio_company_duplicates group by cluster_id
        having count(*) filter (where role = 'survivor') <> 1 or count(*) filter (where role = 'duplicate') = 0
            or bool_or(record_id <> cluster_id and role = 'survivor')
        """
        )
        == []
    )


def test_each_certain_copy_has_a_certain_pair_with_its_survivor(crm: Build) -> None:
    assert (
        crm.database.rows(
            """
        select record_id from canon.attio_company_duplicates as copy
        where role = 'duplicate' and tier = 'certain' and not exists (
            select 1 from canon.attio_company_duplicate_pairs
            where tier = 'certain' and record_id_a = least(copy.record_id, copy.survivor_record_id)
                and record_id_b = greatest(copy.record_id, copy.survivor_record_id)
        )
        """
        )
        == []
    )


def test_the_same_records_in_another_order_give_the_same_survivors(crm: Build, tmp_path: Path) -> None:
    before = places(crm.database)
    rows = crm.database.rows('select object, record_id, created_at, "values" from attio_mirror.records')
    random.Random(3).shuffle(rows)
    with crm.database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("delete from attio_mirror.records")
        with cursor.copy('copy attio_mirror.records (object, record_id, created_at, "values") from stdin') as copy:
            for kind, record_id, created_at, values in rows:
                copy.write_row((kind, record_id, created_at, json.dumps(values)))
    crm.dbt("build", "--select", *SELECT, *WITHOUT_TESTS, "--target-path", str(tmp_path)).expect(0)
    assert places(crm.database) == before


def company(
    number: int, name: str | None, domains: Sequence[str] = (), page: str | None = None, city: str | None = None
) -> tuple[str, str, dict[str, Any]]:
    values: dict[str, Any] = {"domains": list(domains)}
    if name:
        values["name"] = [name]
    if page:
        values["linkedin"] = [f"https://www.linkedin.com/company/{page}"]
    if city:
        values["primary_location"] = [{"locality": city, "country_code": "US"}]
    return f"00000000-0000-4000-8000-{number:012d}", "2025-01-01", values


HARD = [
    # one house, two companies: a fund and the next, a firm and its arm, a country's entity, a franchise of a city
    [
        company(1, "Northgate Fund I", ["northgate.com"], "northgate"),
        company(2, "Northgate Fund II", ["fund2.northgate.com"], "northgate"),
    ],
    [company(3, "Kestrel", ["kestrel.com"]), company(4, "Kestrel Ventures", ["ventures.kestrel.com"])],
    [
        company(5, "Ostrava", ["ostrava.com"], "ostrava"),
        company(6, "Ostrava Deutschland GmbH", ["ostrava.de"], "ostrava-de"),
    ],
    [company(7, "Meals of Austin", ["meals.org"]), company(8, "Meals of Dallas", ["dallas.meals.org"])],
    # the same name, and nothing else
    [company(9, "Atlas", ["atlas.so"]), company(10, "Atlas", ["atlascard.com"])],
    [company(11, "Pulse", page="pulse-hr"), company(12, "Pulse", page="pulse-labs")],
    # on one domain and one page, under a name of its own: an arm that no list knows, a branch, a fund of another letter
    [company(70, "Siskin", ["siskin.com"], "siskin"), company(71, "Siskin Payments", ["pay.siskin.com"], "siskin")],
    [
        company(72, "Avocet (Tampa)", ["tampa.avocet.com"], "avocet"),
        company(73, "Avocet | Miami", ["miami.avocet.com"], "avocet"),
        company(74, "Avocet", ["avocet.com"], "avocet"),
    ],
    [company(75, "Alpine Fund A", ["a.alpine.com"]), company(76, "Alpine Fund B", ["b.alpine.com"])],
    [company(77, "Carbon", ["one.carbon.com"]), company(78, "Carton", ["two.carbon.com"])],
    # what has no name agrees with both, and leads from neither to the other
    [
        company(79, "Linnet", ["linnet.com"], "linnet"),
        company(80, "Linnet Robotics", ["robotics.linnet.com"], "linnet"),
        company(81, None, ["www2.linnet.com"], "linnet"),
    ],
    # houses of one brand: one name, the brand's page, a domain and a town each
    [
        company(82, "Keyes", ["keyes-austin.com"], "keyes", "Austin"),
        company(83, "Keyes", ["keyes-dallas.com"], "keyes", "Dallas"),
    ],
    # pages on a host that many share
    [company(13, "Quill", ["github.com"]), company(14, "Quill", ["gitlab.com"], "quill")],
    # five names on one host that no list knows
    [
        company(20 + place, name, [f"{name.lower()}.unheard-of-builder.com"])
        for place, name in enumerate(("Aa", "Bb", "Cc", "Dd", "Ee"))
    ],
]
COPIES = [
    [company(40, "Plover", ["plover.com"], "plover"), company(41, "PLOVER, Inc.", [], "plover")],
    [company(42, "Tern", ["tern.io"]), company(43, "Tern", ["careers.tern.io"])],
    [company(44, "Gannet", ["gannet.com"], "gannet"), company(45, "Gannet", ["gannet.io"], "gannet")],
    [company(46, "Shearwater", ["shearwater.com"]), company(47, "Shearwatr", ["app.shearwater.com"])],
    [company(48, None, ["www2.dunlin.com"], "dunlin"), company(49, "Dunlin", ["dunlin.com"], "dunlin")],
    [
        company(50, "Turnstone", ["turnstone.com"], "turn"),
        company(51, "Turnstone - Official", ["t.turnstone.com"], "turn"),
    ],
    [company(52, "Sanderling (YC W21)", ["sanderling.com"]), company(53, "Sanderling", ["go.sanderling.com"])],
]


@pytest.fixture(scope="module")
def hard(server: Server, seeded: str, built_once: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Build]:
    """Return hard cases in the mirror, and people's decisions about three pairs."""
    database = server.create(template=seeded)
    decided = [
        *(company(60, "Curlew", ["curlew.com"]), company(61, "Curlew", ["eu.curlew.com"])),  # distinct
        *(company(62, "Whimbrel", ["whimbrel.com"]), company(63, "Numenius")),  # same
        *(company(64, "Godwit", ["godwit.com"]), company(65, "Godwit", ["nl.godwit.com"])),  # keep both
        # three certain copies, two of which a person called distinct
        *(
            company(66, "Dotterel", ["dotterel.com"]),
            company(67, "Dotterel", ["a.dotterel.com"]),
            company(68, "Dotterel", ["b.dotterel.com"]),
        ),
    ]
    mirror(database, [*(one for case in HARD + COPIES for one in case), *decided])
    for a, b, decision in ((61, 60, "distinct"), (62, 63, "same"), (64, 65, "keep"), (67, 68, "distinct")):
        database.run(
            "insert into reference.duplicate_decisions (object, record_id_a, record_id_b, decision) values"
            f" ('companies', '{company(a, None)[0]}', '{company(b, None)[0]}', '{decision}')"
        )
    build = Build(database, built_once[1], built_once[2])
    target = tmp_path_factory.mktemp("hard")
    build.dbt("build", "--select", *SELECT, *WITHOUT_TESTS, "--target-path", str(target)).expect(0)
    yield build
    server.drop(database)


def certain(build: Build) -> set[frozenset[int]]:
    rows = build.database.rows(
        "select record_id, survivor_record_id from canon.attio_company_duplicates"
        " where tier = 'certain' and role = 'duplicate'"
    )
    return {frozenset(int(one[-12:]) for one in row) for row in rows}


def test_distinct_companies_that_look_alike_stay_apart(hard: Build) -> None:
    found = certain(hard)
    for case in HARD:
        numbers = {int(one[0][-12:]) for one in case}
        assert [pair for pair in found if pair <= numbers] == [], case


def test_copies_with_two_agreeing_identifiers_are_certain(hard: Build) -> None:
    found = certain(hard)
    for case in COPIES:
        assert frozenset(int(one[0][-12:]) for one in case) in found, case


def test_what_people_decided_holds(hard: Build) -> None:
    found = certain(hard)
    assert frozenset((62, 63)) in found
    assert not {frozenset((60, 61)), frozenset((64, 65))} & found
    listed = hard.database.rows(
        "select record_id_a, record_id_b, tier, reasons from canon.attio_company_duplicate_pairs"
    )
    numbers = {(int(a[-12:]), int(b[-12:])): (tier, reasons) for a, b, tier, reasons in listed}
    # settled pairs are no longer listed
    assert not {(60, 61), (64, 65), (67, 68)} & numbers.keys()
    # and a conflict inside takes the whole cluster to review
    assert not {pair for pair in found if pair & {66, 67, 68}}
    assert numbers[66, 67] == ("likely", ["same_domain", "same_name", "same_domain_label", "conflict_in_cluster"])


def test_reasons_name_the_veto(hard: Build) -> None:
    ((reasons,),) = hard.database.rows(
        "select reasons from canon.attio_company_duplicate_pairs"
        " where record_id_a like '%01' and record_id_b like '%02'"
    )
    assert {"same_linkedin", "same_domain", "veto_other_number"} <= set(reasons)
