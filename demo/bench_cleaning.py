"""The cleaning, measured: each of the four parts beside the fastest way to write its core, on the same rows.

The fastest way knows the common forms only; the models pay for the rest (decoding, exceptions, brackets, metros) out
of the difference. Half of its speed is the aim. Run alone: `python -m demo.bench_cleaning 300000`.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql
from rich.console import Console
from rich.table import Table

from sync import localdb

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parent.parent
ROWS = 300_000

PEOPLE = """
insert into extracted.person_discovery (linkedin_url, company_domain, latest_company, location_name)
select
    case number % 6
        when 0 then 'https://www.linkedin.com/in/' || slug
        when 1 then 'http://uk.linkedin.com/in/' || upper(slug) || '/'
        when 2 then 'linkedin.com/in/' || slug || '?trk=people-guest'
        when 3 then 'https://www.linkedin.com/in/' || slug || '/de'
        when 4 then 'https://m.linkedin.com/in/' || slug || '#about'
        else 'https://www.linkedin.com/in/jos%C3%A9-' || slug
    end,
    case number % 3 when 0 then 'https://www.' when 1 then 'careers.' else '' end || left(slug, 9)
    || (array['.com', '.co.uk', '.io', '.com.br', '.de', '.github.io', '.k12.ca.us'])[1 + number % 7],
    initcap(left(slug, 7)) || ' ' || (array['Labs', 'Systems', 'Foods', 'Media'])[1 + number % 4]
    || (array['', ' Inc.', ' GmbH', ', Ltd', ' S.A.', ' LLC', ' Co., Ltd.', ' (YC W21)'])[1 + number % 8],
    places.name
from generate_series(1, {rows}) as numbers (number)
cross join lateral (select md5(number::text) as slug) as slugs
left join bench_places as places on places.place = numbers.number % (select count(*) from bench_places)
"""

LINKEDIN = """
create table bench_linkedin as
select
    cell,
    case
        when host in ('linkedin.com', 'www.linkedin.com') or host like '__.linkedin.com' or host = 'm.linkedin.com'
            then 'https://www.linkedin.com/in/' || lower(nullif(split_part(path, '/', 3), ''))
    end as url
from (
    select cell, split_part(rest, '/', 1) as host, rest as path
    from (
        select
            cell,
            split_part(split_part(replace(replace(cell, 'https://', ''), 'http://', ''), '?', 1), '#', 1) as rest
        from (select distinct linkedin_url as cell from canon_staging.stg_extracted__person_discovery) as cells
    ) as cut
) as split
"""

DOMAINS = """
create table bench_domains as
with hosts as materialized (
    select
        cell,
        string_to_array(split_part(replace(replace(lower(cell), 'https://', ''), 'www.', ''), '/', 1), '.') as labels
    from (select distinct company_domain as cell from canon_staging.stg_extracted__person_discovery) as cells
),
endings as (
    select cell, labels, place, array_to_string(labels[place:], '.') as ending
    from hosts cross join lateral generate_series(2, cardinality(labels)) as places (place)
),
suffixes as (
    select endings.cell, endings.labels, min(endings.place) as place
    from endings inner join canon_seeds.public_suffixes on suffix = ending and kind = 'exact'
    group by endings.cell, endings.labels
)
select cell, array_to_string(labels[place - 1:], '.') as domain from suffixes
"""

NAMES = """
create table bench_names as
with names as materialized (
    select cell, string_to_array(cell, ' ') as words
    from (select distinct latest_company as cell from canon_staging.stg_extracted__person_discovery) as cells
)
select
    cell,
    btrim(array_to_string(case when form is null then words else words[:cardinality(words) - 1] end, ' '), ' ,') as name
from names
left join (select distinct form from canon_seeds.legal_forms where place = 'end' and form not like '% %') as forms
    on form = lower(translate(words[cardinality(words)], '.,', ''))
"""

LOCATIONS = """
create table bench_locations as
with cells as (
    select distinct location_name as cell from canon_staging.stg_extracted__person_discovery
),
parts as materialized (
    select
        cell,
        lower(btrim(split_part(cell, ',', 1))) as first_part,
        lower(btrim(split_part(cell, ',', -2))) as part_before,
        lower(btrim(split_part(cell, ',', -1))) as last_part
    from cells
)
select distinct on (parts.cell)
    parts.cell, places.locality, places.region, coalesce(places.country_code, countries.country_code) as country_code
from parts
left join canon_intermediate.int_location_country_names as countries on countries.name_key = parts.last_part
left join canon_intermediate.int_location_region_names as regions
    on regions.country_code = coalesce(countries.country_code, 'US')
    and regions.name_key = case when countries.country_code is null then parts.last_part else parts.part_before end
left join canon_intermediate.int_location_place_names as places
    on places.name_key = parts.first_part and places.country_code = coalesce(countries.country_code, 'US')
    and places.region_code = coalesce(regions.region_code, places.region_code)
order by parts.cell, places.population desc nulls last
"""

JOINED_BACK = """
create table bench_joined_{0} as
select people.id, found.* from canon_staging.stg_extracted__person_discovery as people
left join {1} as found on people.location_name = found.{2}
"""

GAZETTEER = ("int_location_country_names", "int_location_region_names", "int_location_place_names")
LOCATION_MODELS = (
    "int_location_strings",
    "int_location_texts_prepared",
    "int_location_parts",
    "int_location_places_named",
    "int_location_readings",
    "int_locations_parsed",
)
PARTS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "LinkedIn URLs": (("int_linkedin_urls_parsed",), LINKEDIN, "linkedin_url"),
    "domains": (("int_domain_cells", "int_domains_parsed"), DOMAINS, "company_domain"),
    "company names": (("int_company_names_cleaned",), NAMES, "latest_company"),
    "locations": (LOCATION_MODELS, LOCATIONS, "location_name"),
}
"""What is measured: its models, the fastest way to write its core, and the column that both read."""


def run(argument: str) -> None:
    """Measure on as many people as the argument says, 300,000 when it says nothing."""
    rows = int(argument) if argument else ROWS
    console = Console(highlight=False, width=120)
    shown = Table(
        "part", "distinct cells", "ours, rows/s", "fastest way, rows/s", "ours / fastest", title=f"{rows:,} people"
    )
    for part, distinct, ours, fastest in measured(rows):
        shown.add_row(
            part, f"{distinct:,}", f"{rows / ours:,.0f}", f"{rows / fastest:,.0f}", f"{fastest / ours:.2f} (aim: 0.50)"
        )
    console.print(shown)


def measured(rows: int) -> Iterator[tuple[str, int, float, float]]:
    """Yield each part with its distinct cells and the seconds of both ways, on a database of its own."""
    scratch = Path(tempfile.mkdtemp(prefix="canon-bench-"))
    cluster = localdb.Cluster(scratch / "postgres", localdb.binaries(), scratch, {"fsync": "off"})
    try:
        environment = {**os.environ, **cluster.start(), "DBT_PROFILES_DIR": str(scratch)}
        shutil.copy(CHECKOUT / "profiles.yml.example", scratch / "profiles.yml")
        migrate = [sys.executable, "-m", "sync", "migrate", "--yes", "--project-dir", str(scratch)]
        subprocess.run(migrate, cwd=CHECKOUT, env=environment, check=True, capture_output=True)
        with psycopg.connect(_address(environment), autocommit=True) as connection:
            _fill(connection, rows)
            seconds = _models(scratch, environment)
            for part, (models, fastest, column) in PARTS.items():
                ours, theirs = sum(seconds[model] for model in models), _timed(connection, fastest)
                if part == "locations":
                    ours += _timed(
                        connection,
                        JOINED_BACK.format("ours", "canon_intermediate.int_locations_parsed", "location_raw"),
                    )
                    theirs += _timed(connection, JOINED_BACK.format("fastest", "bench_locations", "cell"))
                count = sql.SQL("select count(distinct {}) from extracted.person_discovery")
                counted = connection.execute(count.format(sql.Identifier(column))).fetchone()
                yield part, counted[0] if counted else 0, ours, theirs
    finally:
        cluster.stop()
        cluster.remove()
        shutil.rmtree(scratch, ignore_errors=True)


def _address(environment: dict[str, str]) -> str:
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
    return psycopg.conninfo.make_conninfo(**{name: environment[key] for name, key in names.items()})


def _fill(connection: psycopg.Connection, rows: int) -> None:
    connection.execute(
        "create table bench_places (place bigint generated always as identity (start 0 minvalue 0), name text)"
    )
    with (
        gzip.open(CHECKOUT / "demo" / "data" / "location_strings.csv.gz", "rt", encoding="utf-8") as lines,
        connection.cursor() as cursor,
        cursor.copy("copy bench_places (name) from stdin") as copy,
    ):
        for row in csv.DictReader(lines):
            copy.write_row([row["location"]])
    connection.execute(PEOPLE.replace("{rows}", str(rows)).encode())
    connection.execute("analyze")


def _models(scratch: Path, environment: dict[str, str]) -> dict[str, float]:
    """Return each model's seconds, built one after the other."""
    names = ["staging", *GAZETTEER, *(model for models, *_ in PARTS.values() for model in models)]
    command = [str(Path(sys.executable).parent / "dbt"), "build", "--threads", "1", "--select", *names]
    command += ["location_*", "public_suffixes", "shared_hosts", "legal_forms"]
    command += ["--exclude-resource-type", "test", "--exclude-resource-type", "unit_test", "--quiet"]
    command += ["--project-dir", str(CHECKOUT / "dbt_project"), "--target-path", str(scratch / "target")]
    subprocess.run([*command, "--log-path", str(scratch)], cwd=CHECKOUT, env=environment, check=True)
    results = json.loads((scratch / "target" / "run_results.json").read_text(encoding="utf-8"))["results"]
    return {result["unique_id"].rsplit(".", 1)[-1]: result["execution_time"] for result in results}


def _timed(connection: psycopg.Connection, statement: str) -> float:
    began = time.perf_counter()
    connection.execute(statement.encode())
    return time.perf_counter() - began


def main() -> int:
    """Run this part alone."""
    run("".join(sys.argv[1:2]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
