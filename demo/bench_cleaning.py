"""The cleaning, measured: each of the four parts beside the fastest way to write its core, on the same rows.

The fastest way is the best formulation that was found of each part, and reads the common forms right (the table says
how many of the sample's cells it reads as the models do); what is rarer it knows nothing of:

- LinkedIn URLs: taken apart by `split_part`, host, kind and slug tested, decoded behind a test for `%`.
- domains: scheme, path, query, port and `www.` off, the labels unnested and hash-joined to the Public Suffix List, its
  longest rule taken, exceptions before wildcards.
- company names: the tail of the words against the legal forms, of several words too, three times; brackets off.
- locations: distinct cells first, the first of several places, country or state by the last part and by where the city
  lies, region and place by the gazetteer, ties by population; joined back.

The models pay for the rest (look-alikes, wrapping, fillers, mail addresses, shared hosts, shouting, the comparison key,
metros, several places, remote) out of the difference. Half of its speed is the aim. Domains and names make up for it:
they look up every ending of a cell by a join of its own, where these ways unnest labels and take turns at all names.
The fastest ways read staging; ours read `int_people_read` and the cells that `int_people_cells` counts: what it took to
trim the column and to count its cells is added. What counts is the time in the database, hooks and swaps included;
each statement has a connection of its own, as each model has.
Each model and each statement is measured twice, in turn, and the faster one counts: a machine does other things too.
Run alone: `python -m demo.bench_cleaning 300000`.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from demo import scratch

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

ROWS = 1_000_000

PEOPLE = """
insert into extracted.person_discovery (linkedin_url, company_domain, latest_company, location_name)
select
    -- half of the URLs that people find are plain, a tenth has escapes
    case number % 10
        when 0 then 'http://uk.linkedin.com/in/' || upper(slug) || '/'
        when 1 then 'linkedin.com/in/' || slug || '?trk=people-guest'
        when 2 then 'https://www.linkedin.com/in/' || slug || '/de'
        when 3 then 'https://m.linkedin.com/in/' || slug || '#about'
        when 4 then 'https://www.linkedin.com/in/jos%C3%A9-' || slug
        else 'https://www.linkedin.com/in/' || slug
    end,
    case number % 3 when 0 then 'https://www.' when 1 then 'careers.' else '' end || left(slug, 9)
    || (array['.com', '.co.uk', '.io', '.com.br', '.de', '.github.io', '.k12.ca.us'])[1 + number % 7],
    initcap(left(slug, 7)) || ' ' || (array['Labs', 'Systems', 'Foods', 'Media'])[1 + number % 4]
    || (array['', ' Inc.', ' GmbH', ', Ltd', ' S.A.', ' LLC', ' Co., Ltd.', ' (YC W21)'])[1 + number % 8],
    places.name
from generate_series(1, {rows}) as numbers (number)
cross join lateral (select md5(number::text) as slug) as slugs
left join bench_places as places on places.place = numbers.number % (select count(*) from bench_places);

-- payloads name the same pages: these cells are read in a model of their own, those of people with the rest of the row
insert into raw.person_discovery (linkedin_url, raw_payload) select linkedin_url, '{}' from extracted.person_discovery
"""

LINKEDIN = """
create table bench_linkedin as
with cut as (
    select
        cell, lower(split_part(rest, '/', 1)) as host, lower(split_part(rest, '/', 2)) as kind,
        split_part(rest, '/', 3) as slug
    from (
        select
            cell,
            split_part(split_part(replace(replace(cell, 'https://', ''), 'http://', ''), '?', 1), '#', 1) as rest
        from (select distinct linkedin_url as cell from canon_staging.stg_raw__person_discovery) as cells
    ) as stripped offset 0
),
decoded as (
    select
        cell, host, kind,
        case when position('%' in slug) > 0 then normalize(lower(core.percent_decoded(slug)), nfc) else lower(slug) end
            as slug
    from cut offset 0
)
select
    cell,
    case when is_page then 'https://www.linkedin.com/' || kind || '/' || slug end as url,
    case when is_page then case kind when 'in' then 'person' else kind end end as kind,
    case when is_page then slug end as slug
from (
    select
        *,
        (host = 'linkedin.com' or host like '%.linkedin.com')
        and kind in ('in', 'company', 'school', 'showcase') and slug != '' and length(slug) <= 200 as is_page
    from decoded
) as judged
"""

DOMAINS = r"""
create table bench_domains as
with hosts as materialized (
    select cell, host, string_to_array(host, '.') as labels, cardinality(string_to_array(host, '.')) as label_count
    from (
        select
            cell,
            regexp_replace(
                split_part(split_part(split_part(split_part(
                    case when position('//' in cell) > 0 then split_part(lower(cell), '//', 2) else lower(cell) end,
                    '/', 1), '?', 1), '#', 1), ':', 1),
                '^(www\.)+', ''
            ) as host
        from (select distinct company_domain as cell from canon_staging.stg_extracted__person_discovery) as cells
        offset 0
    ) as stripped
),
endings as (
    select
        cell, label_count, label_count - place + 1 as ending_label_count,
        array_to_string(labels[place:], '.') as ending
    from hosts cross join lateral generate_series(1, label_count) as places (place)
),
matched as (
    select
        endings.cell,
        kind = 'exception' as is_exception,
        ending_label_count + case kind when 'exact' then 0 when 'wildcard' then 1 else -1 end
            as suffix_label_count
    from endings inner join canon_seeds.public_suffixes on suffix = ending
    where kind != 'wildcard' or ending_label_count < label_count
),
suffixes as (
    select distinct on (cell) cell, suffix_label_count
    from matched order by cell, is_exception desc, suffix_label_count desc
)
select
    hosts.cell,
    case when label_count > suffix_label_count then array_to_string(labels[label_count - suffix_label_count:], '.') end
        as domain
from hosts left join suffixes on suffixes.cell = hosts.cell
"""

NAMES_TURN = """
kept_{turn} as (
    select
        names.cell, names.words, names.keys,
        names.last_kept - coalesce(longer.word_count, forms.word_count, 0) as last_kept
    from kept_{before} as names
    left join (
        select found.cell, max(forms.word_count) as word_count
        from kept_{before} as found
        inner join forms on forms.last_two = found.keys[found.last_kept - 1] || ' ' || found.keys[found.last_kept]
        where
            forms.word_count > 1 and found.last_kept > forms.word_count
            and array_to_string(found.keys[found.last_kept - forms.word_count + 1:found.last_kept], ' ') = forms.form
        group by found.cell
    ) as longer on longer.cell = names.cell
    left join forms on forms.form = names.keys[names.last_kept] and names.last_kept > 1
),
"""
NAMES_WORDS = r"""
create table bench_names as
with forms as materialized (
    select
        form, cardinality(string_to_array(form, ' ')) as word_count,
        split_part(form, ' ', -2) || ' ' || split_part(form, ' ', -1) as last_two
    from canon_seeds.legal_forms where place = 'end'
),
kept_0 as materialized (
    select
        cell, string_to_array(name, ' ') as words, string_to_array(lower(translate(name, '.,', '')), ' ') as keys,
        cardinality(string_to_array(name, ' ')) as last_kept
    from (
        select
            cell,
            case
                when position('(' in cell) > 0 then regexp_replace(cell, '(\w.*?)\s*\([^()]*\)$', '\1') else cell
            end as name
        from (select distinct latest_company as cell from canon_staging.stg_extracted__person_discovery) as cells
        offset 0
    ) as without_brackets
),
"""
NAMES_SHORTENED = """
shortened as (
    select cell, btrim(array_to_string(words[:last_kept], ' '), ' ,') as name from kept_3
)
select * from shortened
"""
NAMES = "".join([NAMES_WORDS, *(NAMES_TURN.format(turn=turn, before=turn - 1) for turn in (1, 2, 3)), NAMES_SHORTENED])

LOCATIONS = r"""
create table bench_locations as
with parts as materialized (
    select
        cell,
        lower(btrim(split_part(place, ',', 1))) as first_part,
        lower(btrim(split_part(place, ',', -2))) as part_before,
        lower(btrim(split_part(place, ',', -1))) as last_part,
        position(',' in place) > 0 as has_parts
    from (
        select cell, regexp_replace(cell, '^[ -]*([^;|/]*?)( - .*|[;|/].*|\(.*)?$', '\1') as place
        from (select distinct location_name as cell from canon_staging.stg_extracted__person_discovery) as cells
        offset 0
    ) as first_places
),
-- the last part is a country, or a region of one
countries as materialized (
    select name_key, country_code from canon_intermediate.int_location_country_names
),
regions as materialized (
    select name_key, country_code, region_code, region from canon_intermediate.int_location_region_names
),
read as materialized (
    select parts.*, countries.country_code, regions.region_code, regions.region, false as is_region_last
    from parts
    inner join countries on countries.name_key = parts.last_part
    left join regions on regions.country_code = countries.country_code and regions.name_key = parts.part_before
    union all
    select parts.*, regions.country_code, regions.region_code, regions.region, true as is_region_last
    from parts inner join regions on regions.name_key = parts.last_part
    union all
    select parts.*, null, null, null, false
    from parts where not has_parts
),
-- of two readings of 'XX' the one whose city lies there
placed as (
    select
        read.*, places.locality, places.region as region_of_place, places.country_code as country_of_place,
        places.population
    from read
    left join canon_intermediate.int_location_place_names as places
        on places.name_key = read.first_part
        and places.country_code = coalesce(read.country_code, places.country_code)
        and places.region_code = coalesce(read.region_code, places.region_code)
),
chosen as (
    select distinct on (cell)
        cell, locality, coalesce(region, region_of_place) as region,
        coalesce(country_code, country_of_place) as country_code
    from placed
    order by cell, (not has_parts and country_code is not null) desc, locality is not null desc, is_region_last desc,
        population desc nulls last
)
select parts.cell, chosen.locality, chosen.region, chosen.country_code
from parts left join chosen on chosen.cell = parts.cell
"""

JOINED_BACK = """
create table bench_joined_{0} as
select people.id, found.locality, found.region, found.country_code
from canon_staging.stg_extracted__person_discovery as people
left join {1} as found on people.location_name = found.{2}
"""

COUNTED = """
select count(*) from (
    select {0}, count(*) from canon_staging.stg_extracted__person_discovery group by {0}
) as counted
"""
DISTINCT = "select count(distinct {}) from extracted.person_discovery"
ALIKE = "select count(*) from {} as found inner join {}"

GAZETTEER = ("int_location_country_names", "int_location_region_names", "int_location_place_names")
LOCATION_MODELS = (
    "int_location_strings",
    "int_location_texts_prepared",
    "int_location_parts",
    "int_location_places_named",
    "int_location_readings",
    "int_location_named_in_talk",
    "int_locations_parsed",
)


@dataclass(frozen=True)
class Part:
    """What is measured."""

    models: tuple[str, ...]
    """Ours; the last one holds the result."""
    fastest: str
    """The fastest way to write its core."""
    column: str
    """What both read."""
    alike: str
    """Where both say the same: `found` is ours, `bench` the fastest way's."""


PARTS = {
    "LinkedIn URLs": Part(
        ("int_linkedin_urls_parsed",),
        LINKEDIN,
        "linkedin_url",
        "bench_linkedin as bench on cell = linkedin_url_raw where url = linkedin_url_normalized",
    ),
    "domains": Part(
        ("int_domain_cells", "int_domains_parsed"),
        DOMAINS,
        "company_domain",
        "bench_domains as bench on cell = domain_raw where domain = registrable_domain",
    ),
    "company names": Part(
        ("int_company_name_cells", "int_company_names_cleaned"),
        NAMES,
        "latest_company",
        "bench_names as bench on cell = name_raw where bench.name = found.name",
    ),
    "locations": Part(
        LOCATION_MODELS,
        LOCATIONS,
        "location_name",
        "bench_locations as bench on cell = location_raw where (bench.locality, bench.region, bench.country_code)"
        " is not distinct from (found.locality, found.region, found.country_code)",
    ),
}

SELECTION = (
    "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test",
    "--select", "staging", "int_people_read", "int_people_cells", *GAZETTEER,
    *(model for part in PARTS.values() for model in part.models),
    "location_*", "public_suffixes", "shared_hosts", "legal_forms",
)  # fmt: skip
"""What dbt builds: the cleaning, and the seeds it reads."""

COPIED = """
create table bench_copied (like extracted.person_discovery including defaults);
create table bench_copied_and_generated (like extracted.person_discovery including defaults including generated)
"""


def run(argument: str) -> None:
    """Measure on as many people as the argument says, 1,000,000 when it says nothing."""
    rows = int(argument) if argument else ROWS
    console = Console(highlight=False, width=120)
    shown = Table(title=f"{rows:,} people")
    for title in ("part", "distinct cells", "read alike", "ours, rows/s", "fastest way, rows/s", "ours / fastest"):
        shown.add_column(title, justify="left" if title == "part" else "right")
    with _filled(rows) as bench:
        rounds = [{name: bench.measured(part) for name, part in PARTS.items()}]
        again = bench.built_again()
        rounds.append({name: again.measured(part) for name, part in PARTS.items()})
        for name in PARTS:
            distinct, alike, _, _ = rounds[0][name]
            ours, fastest = (
                sum(min(seconds) for seconds in zip(*(measured[name][side] for measured in rounds), strict=True))
                for side in (2, 3)
            )
            shown.add_row(
                name,
                f"{distinct:,}",
                f"{alike / distinct:.1%}",
                f"{rows / ours:,.0f}",
                f"{rows / fastest:,.0f}",
                f"{fastest / ours:.2f} (aim: 0.50)",
            )
        plain, generated = bench.copied()
    console.print(shown)
    console.print(
        f"COPY of {rows:,} people: {rows / plain:,.0f} rows/s; into the table with the generated column"
        f" {rows / generated:,.0f} rows/s, {generated / plain:.1f} times as long (aim: at most 6)"
    )


@contextlib.contextmanager
def _filled(rows: int) -> Iterator[_Bench]:
    """Fill a database of its own, and build."""
    with scratch.database() as database, database.connect() as connection:
        _fill(connection, rows)
        seconds = build(database)
        yield _Bench(connection, seconds, database)


@dataclass(frozen=True)
class _Bench:
    """A database filled and built, and the seconds that each model took."""

    connection: psycopg.Connection
    seconds: dict[str, float]
    database: scratch.Scratch

    def built_again(self) -> _Bench:
        """Build all once more, and forget what the fastest ways made."""
        for name in ("linkedin", "domains", "names", "locations", "joined_ours", "joined_fastest"):
            self.connection.execute(f"drop table if exists bench_{name}".encode())
        return replace(self, seconds=build(self.database, "--full-refresh"))

    def measured(self, part: Part) -> tuple[int, int, list[float], list[float]]:
        """Return a part's distinct cells, how many both read alike, and the seconds of each step of ours and theirs."""
        ours, theirs = [self.seconds[model] for model in part.models], [self._timed(part.fastest)]
        result = f"canon_intermediate.{part.models[-1]}"
        if part.fastest is not LINKEDIN:
            ours.append(self._timed(COUNTED.format(part.column)))
        if part.fastest is LOCATIONS:
            ours.append(self._timed(JOINED_BACK.format("ours", result, "location_raw")))
            theirs.append(self._timed(JOINED_BACK.format("fastest", "bench_locations", "cell")))
        distinct, alike = self._number(DISTINCT.format(part.column)), self._number(ALIKE.format(result, part.alike))
        return distinct, alike, ours, theirs

    def copied(self) -> tuple[float, float]:
        """Return the seconds of a COPY of all people into a table without the generated column, and with it."""
        columns = "linkedin_url, company_domain, latest_company, location_name"
        self.connection.execute(COPIED.encode())
        self.connection.execute("alter table bench_copied drop column if exists linkedin_url_normalized")
        copied = self.database.home / "people.copy"
        with self.connection.cursor() as cursor, copied.open("wb") as written:
            with cursor.copy(f"copy extracted.person_discovery ({columns}) to stdout".encode()) as lines:
                for line in lines:
                    written.write(line)
            seconds = []
            for table in ("bench_copied", "bench_copied_and_generated"):
                began = time.perf_counter()
                with (
                    copied.open("rb") as read,
                    cursor.copy(f"copy {table} ({columns}) from stdin".encode()) as copy,
                ):
                    while block := read.read(1 << 20):
                        copy.write(block)
                seconds.append(time.perf_counter() - began)
        return seconds[0], seconds[1]

    def _timed(self, statement: str) -> float:
        with self.database.connect() as connection:
            # as our models have it
            connection.execute("set work_mem = '64MB'; set enable_mergejoin = off")
            began = time.perf_counter()
            connection.execute(statement.encode())
            return time.perf_counter() - began

    def _number(self, query: str) -> int:
        found = self.connection.execute(query.encode()).fetchone()
        return int(found[0]) if found else 0


def _fill(connection: psycopg.Connection, rows: int) -> None:
    connection.execute(
        "create table bench_places (place bigint generated always as identity (start 0 minvalue 0), name text)"
    )
    with (
        gzip.open(scratch.CHECKOUT / "demo" / "data" / "location_strings.csv.gz", "rt", encoding="utf-8") as lines,
        connection.cursor() as cursor,
        cursor.copy("copy bench_places (name) from stdin") as copy,
    ):
        for row in csv.DictReader(lines):
            copy.write_row([row["location"]])
    connection.execute(PEOPLE.replace("{rows}", str(rows)).encode())
    connection.execute("analyze")


def build(database: scratch.Scratch, *arguments: str) -> dict[str, float]:
    """Return each model's seconds, built one after the other."""
    command = database.dbt("build", "--threads", "1", *arguments, *SELECTION)
    subprocess.run(command, cwd=scratch.CHECKOUT, env=database.environment, check=True)
    return {name.removeprefix("model."): seconds for name, seconds in database.seconds().items()}


def main() -> int:
    """Run this part alone."""
    run("".join(sys.argv[1:2]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
