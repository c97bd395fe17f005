"""Which rule finds which copies, on workspaces whose truth is known: ours, two that everybody thinks of, and Splink.

The workspaces come from a generator that writes `attio_companies.ndjson` and `attio_truth_clusters.csv` (and, where it
has real namesakes that nobody labelled, `attio_truth_pairs.csv`), called as `GENERATOR --out DIR --seed N --attio N
--only attio`. Distinct companies that look alike are put beside its own: divisions, franchises, funds, hosted pages.

`make bench ARGS=duplicates:PATH/OF/GENERATOR.py,81,82,83`; the numbers are the seeds.
"""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from rich.console import Console

from demo import peers
from demo.bench_sync import CHECKOUT, table
from sync import localdb

if TYPE_CHECKING:
    from collections.abc import Iterator

HOME = CHECKOUT / ".local" / "bench" / "duplicates"
SPLINK = ("splink==4.0.16", "duckdb==2.0.0", "pandas==3.1.1")
COMPANIES = 6_000
SEEDS = ("81", "82", "83")
SELECT = ("+attio_company_duplicate_pairs", "+attio_company_duplicates")

console = Console(highlight=False, width=140)


def run(argument: str) -> None:
    """Measure on each seed; the argument is the generator's path and, behind commas, seeds."""
    generator, *seeds = argument.split(",")
    if not Path(generator).is_file():
        console.print("duplicates: no generator of truth sets given: make bench ARGS=duplicates:PATH/make_people.py")
        return
    shutil.rmtree(HOME / "dbt_project", ignore_errors=True)
    HOME.mkdir(parents=True, exist_ok=True)
    shutil.copytree(CHECKOUT / "dbt_project", HOME / "dbt_project", ignore=shutil.ignore_patterns("target", "logs"))
    shutil.copy(CHECKOUT / "profiles.yml.example", HOME / "profiles.yml")
    database = localdb.ensure_started(HOME)
    try:
        with _connect(database) as connection:
            for (schema,) in connection.execute(SCHEMAS).fetchall():
                connection.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(schema)))
        _command(database, sys.executable, "-m", "sync", "migrate", "--project-dir", str(HOME))
        for seed in seeds or SEEDS:
            _measure(database, generator, seed)
        _measure_growth(database)
    finally:
        localdb.stop(HOME)


def _measure(database: dict[str, str], generator: str, seed: str) -> None:
    folder = HOME / seed
    _command(
        database, sys.executable, generator, "--out", str(folder), "--seed", seed, "--attio", str(COMPANIES),
        "--only", "attio",
    )  # fmt: skip
    with _connect(database) as connection:
        added = _fill(connection, folder, random.Random(seed))  # noqa: S311  # nothing secret
    _build(database)
    with _connect(database) as connection:
        connection.execute(FEATURES)
        found = dict(_rules(connection, folder))
        records, copies = _one(connection, "select count(*) from truth"), _one(connection, SURPLUS)
        shown = table(
            f"Seed {seed}: {records:,} records, {copies:,} of them copies; {added} look-alikes of ours among them",
            *("rule", "removes", "copies", "of all", "distinct companies", "namesakes nobody labelled"),
        )
        for rule, (removes, right, distinct, open_pairs) in found.items():
            share = right / copies
            shown.add_row(rule, f"{removes:,}", f"{right:,}", f"{share:.1%}", f"{distinct:,}", f"{open_pairs:,}")
        console.print(shown)
        _print_recall(connection)


def _measure_growth(database: dict[str, str]) -> None:
    """Build with many times the records, each set with names, domains and pages of its own."""
    shown = table("Growth", "companies in the CRM", "pairs", "duplicate models", "with the cleaning they need", "aim")
    for times in (1, 6, 24):
        with _connect(database) as connection:
            connection.execute("delete from attio_mirror.records where web_url = 'again'")
            connection.execute(MULTIPLY, [times])
            connection.execute("analyze attio_mirror.records")
            records = _one(connection, "select count(*) from attio_mirror.records")
        whole, own = _build(database)
        with _connect(database) as connection:
            pairs = _one(connection, "select count(*) from canon.attio_company_duplicate_pairs")
        aim = "30 s at 200,000" if times == 24 else ""
        shown.add_row(f"{records:,}", f"{pairs:,}", f"{own:.1f} s", f"{whole:.1f} s", aim)
    console.print(shown)


MULTIPLY = """
insert into attio_mirror.records (object, record_id, created_at, web_url, "values")
select
    'companies', gen_random_uuid(), created_at, 'again',
    values || jsonb_build_object(
        'name', jsonb_build_array(jsonb_build_object('value', (values #>> '{name,0,value}') || ' ' || word)),
        'domains', (
            select coalesce(jsonb_agg(jsonb_build_object('domain', regexp_replace(
                entry ->> 'domain', '([^.]+)([.](co|com|org|net)[.][a-z]{2}|[.][^.]+)$', '\\1' || word || '\\2'
            ))), '[]')
            from jsonb_array_elements(values -> 'domains') as entry
        ),
        'linkedin', jsonb_build_array(jsonb_build_object('value', regexp_replace(
            values #>> '{linkedin,0,value}', '(/company/[^/?#]+)', '\\1-' || word
        )))
    )
from attio_mirror.records
cross join (
    select translate(lpad(number::text, 3, '0'), '0123456789', 'abdefgiklm') || 'ox' as word
    from generate_series(2, %s) as number
) as words
"""


def _print_recall(connection: psycopg.Connection) -> None:
    """Print what our tiers find of what can be found at all."""
    shown = table(
        "Ours, by what a copy has in common with another of its company", "in common", "copies", "found", "aim"
    )
    rows = connection.execute(RECALL).fetchone() or ()
    two, two_found, one, one_found, rest, rest_shown = (int(value or 0) for value in rows)
    shown.add_row("two of LinkedIn, root domain, name", f"{two:,}", f"{two_found / max(two, 1):.1%} certain", "95 %")
    shown.add_row("one of them, and a place or a label", f"{one:,}", f"{one_found / max(one, 1):.1%} likely", "85 %")
    shown.add_row("less: nothing but people can tell", f"{rest:,}", f"{rest_shown / max(rest, 1):.1%} shown", "")
    total = two + one + rest
    shown.add_row("ceiling of the data, at certain", f"{total:,}", f"{two / max(total, 1):.1%}", "")
    shown.add_row("ceiling of the data, at likely or better", f"{total:,}", f"{(two + one) / max(total, 1):.1%}", "")
    console.print(shown)


def _rules(connection: psycopg.Connection, folder: Path) -> Iterator[tuple[str, tuple[int, int, int, int]]]:
    """Yield each rule with what it would remove: in all, copies, distinct companies, unlabelled namesakes."""
    connection.execute(
        "create temp table ours as select record_id, survivor_record_id from canon.attio_company_duplicates"
        " where role = 'duplicate' and tier = 'certain'"
    )
    yield "ours, certain", _judged(connection, "ours")
    for name, key in (("same root domain", "root_domain"), ("same name", "name_as_written")):
        connection.execute("drop table if exists usual_rule")
        connection.execute(
            sql.SQL(
                """
                create temp table usual_rule as
                select record_id, first_id as survivor_record_id
                from (
                    select record_id, min(record_id) over (partition by {key}) as first_id
                    from features where {key} is not null
                ) as grouped
                where record_id <> first_id
                """
            ).format(key=sql.Identifier(key))
        )
        yield name, _judged(connection, "usual_rule")
    try:
        python = peers.interpreter("splink", *SPLINK)
    except peers.PeerMissingError as error:
        console.print(str(error))
        return
    records, pairs = folder / "records.csv", folder / "pairs.csv"
    with records.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("record_id", "name", "root_domain", "linkedin", "city", "country"))
        writer.writerows(
            connection.execute(
                "select record_id, name_key, split_part(company_domains, ' ', 1), linkedin_slug, locality_key,"
                " country_code from canon_intermediate.int_crm_companies_identified order by 1"
            )
        )
    subprocess.run(
        [python, CHECKOUT / "demo" / "peer_splink.py", records, pairs], check=True, stderr=subprocess.DEVNULL
    )
    with pairs.open(newline="") as file:
        matched = list(csv.DictReader(file))
    for least in (0.99, 0.9999):
        connection.execute("drop table if exists splink_rule")
        connection.execute("create temp table splink_rule (record_id text, survivor_record_id text)")
        kept = [(m["record_id_l"], m["record_id_r"]) for m in matched if float(m["match_probability"]) >= least]
        with connection.cursor() as cursor:
            cursor.executemany("insert into splink_rule values (%s, %s)", _with_survivors(kept))
        yield f"Splink 4, p >= {least}", _judged(connection, "splink_rule")


def _with_survivors(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return every member of a connected group but its first, with the first."""
    leads: dict[str, str] = {}

    def lead(record: str) -> str:
        while leads.setdefault(record, record) != record:
            record = leads[record]
        return record

    for one, other in pairs:
        first, second = sorted((lead(one), lead(other)))
        leads[second] = first
    return [(record, lead(record)) for record in list(leads) if lead(record) != record]


def _judged(connection: psycopg.Connection, rule: str) -> tuple[int, int, int, int]:
    row = connection.execute(JUDGED.format(rule=rule).encode()).fetchone() or (0, 0, 0, 0)
    return row[0], row[1], row[2], row[3]


JUDGED = """
select
    count(*),
    count(*) filter (where mine.cluster_id = survivors.cluster_id),
    count(*) filter (where mine.cluster_id <> survivors.cluster_id and unlabelled.record_a is null),
    count(*) filter (where mine.cluster_id <> survivors.cluster_id and unlabelled.record_a is not null)
from {rule} as removed
inner join truth as mine on removed.record_id = mine.record_id
inner join truth as survivors on removed.survivor_record_id = survivors.record_id
left join unlabelled
    on
        unlabelled.record_a = least(removed.record_id, removed.survivor_record_id)
        and unlabelled.record_b = greatest(removed.record_id, removed.survivor_record_id)
"""

SCHEMAS = "select nspname from pg_namespace where nspname !~ '^(pg_|information_schema|public$)'"

SURPLUS = "select count(*) - count(distinct cluster_id) from truth"

FEATURES = """
drop table if exists features;
create temp table features as
select
    identified.*,
    truth.cluster_id,
    lower(identified.name) as name_as_written,
    domains.root_domain
from canon_intermediate.int_crm_companies_identified as identified
inner join truth on identified.record_id = truth.record_id
left join lateral (
    select substring(entry ->> 'domain' from '[^.]+\\.[^.]+$') as root_domain
    from attio_mirror.records, jsonb_array_elements(records.values -> 'domains') as entry
    where records.record_id::text = identified.record_id limit 1
) as domains on true
"""

RECALL = """
with
mates as (
    select
        one.record_id,
        other.record_id as mate_id,
        coalesce((one.linkedin_slug = other.linkedin_slug)::int, 0)
        + coalesce((string_to_array(one.company_domains, ' ') && string_to_array(other.company_domains, ' '))::int, 0)
        + coalesce((one.name_key = other.name_key)::int, 0) as agreements,
        coalesce(one.locality_key = other.locality_key, false)
        or coalesce(one.country_code = other.country_code, false)
        or coalesce(string_to_array(one.domain_labels, ' ') && string_to_array(other.domain_labels, ' '), false)
            as is_near,
        pairs.tier
    from features as one
    inner join features as other on one.cluster_id = other.cluster_id and one.record_id <> other.record_id
    left join canon.attio_company_duplicate_pairs as pairs
        on
            pairs.record_id_a = least(one.record_id, other.record_id)
            and pairs.record_id_b = greatest(one.record_id, other.record_id)
),
copies as (
    select
        mates.record_id,
        max(mates.agreements) as agreements,
        bool_or(mates.agreements = 1 and mates.is_near) as has_weak,
        bool_or(mates.tier = 'certain') as is_certain,
        bool_or(mates.tier in ('certain', 'likely')) as is_likely,
        bool_or(mates.tier is not null) as is_shown
    from mates
    where mates.record_id not in (
        select distinct on (cluster_id) record_id from truth order by cluster_id, not is_base, record_id
    )
    group by mates.record_id
)
select
    count(*) filter (where agreements >= 2),
    count(*) filter (where agreements >= 2 and is_certain),
    count(*) filter (where agreements < 2 and has_weak),
    count(*) filter (where agreements < 2 and has_weak and is_likely),
    count(*) filter (where agreements < 2 and not has_weak),
    count(*) filter (where agreements < 2 and not has_weak and is_shown)
from copies
"""


def _fill(connection: psycopg.Connection, folder: Path, lots: random.Random) -> int:
    """Put the workspace and our own look-alikes into the mirror, their truth into `truth`; return how many of ours."""
    own = list(_look_alikes(lots))
    connection.execute("truncate attio_mirror.records")
    connection.execute("drop table if exists truth, unlabelled")
    connection.execute("create table truth (record_id text primary key, cluster_id text, is_base boolean)")
    connection.execute("create table unlabelled (record_a text, record_b text)")
    with connection.cursor() as cursor:
        with (folder / "attio_companies.ndjson").open(encoding="utf-8") as lines:
            given = [json.loads(line) for line in lines]
        documents = [(one["id"]["record_id"], one["created_at"], one["values"]) for one in given]
        with cursor.copy('copy attio_mirror.records (object, record_id, created_at, "values") from stdin') as copy:
            for record_id, created_at, values in [*documents, *own]:
                copy.write_row(("companies", record_id, created_at, json.dumps(values)))
        with (folder / "attio_truth_clusters.csv").open(encoding="utf-8", newline="") as file:
            rows = [(row["record_id"], row["cluster_id"], row["kind"] == "base") for row in csv.DictReader(file)]
        cursor.executemany("insert into truth values (%s, %s, %s)", [*rows, *((one[0], one[0], True) for one in own)])
        with (folder / "attio_truth_pairs.csv").open(encoding="utf-8", newline="") as file:
            open_pairs = [
                sorted((row["record_a"], row["record_b"])) for row in csv.DictReader(file) if not row["is_duplicate"]
            ]
        cursor.executemany("insert into unlabelled values (%s, %s)", open_pairs)
    connection.execute("analyze attio_mirror.records")
    return len(own)


def _look_alikes(lots: random.Random) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield distinct companies that share a name, a page or a host with another: what a hasty rule would merge."""
    for _ in range(12):
        word = "".join(lots.choice(["ka", "lo", "mi", "ru", "te", "vo", "za", "ne"]) for _ in range(4)).capitalize()
        low = word.lower()
        for name, domain, page in (
            (word, f"{low}.com", low),
            (word, f"{low}-foods.io", f"{low}-foods"),  # another company of that name
            (f"{word} Health", f"health.{low}.com", f"{low}-health"),  # a division
            (f"{word} Ventures", f"ventures.{low}.com", f"{low}-ventures"),
            (f"{word} of Austin", f"austin.{low}homes.com", f"{low}homes"),  # a franchise: one page, one root domain
            (f"{word} of Dallas", f"dallas.{low}homes.com", f"{low}homes"),
            (f"{word} Fund I", f"one.{low}capital.com", f"{low}capital"),
            (f"{word} Fund II", f"two.{low}capital.com", f"{low}capital"),
            (f"{word} North", f"{low}-north.github.io", None),  # pages on one host
            (f"{word} South", f"{low}-south.github.io", None),
            (f"{word} Studio", f"{low}-studio.notion.site", None),
            (f"{word} Robotics GmbH", f"{low}robotics.de", f"{low}robotics"),  # a subsidiary with a site of its own
            # on one domain and one page: an arm, branches, funds by letter, by word and by year, holding and operating
            (f"{word}pay", f"{low}pay.com", f"{low}pay"),
            (f"{word}pay Mobility", f"mobility.{low}pay.com", f"{low}pay"),
            (f"{word}fit (Tampa)", f"tampa.{low}fit.com", f"{low}fit"),
            (f"{word}fit | Miami", f"miami.{low}fit.com", f"{low}fit"),
            (f"{word}vest Fund A", f"a.{low}vest.com", f"{low}vest"),
            (f"{word}vest Fund B", f"b.{low}vest.com", f"{low}vest"),
            (f"{word}set Fund One", f"one.{low}set.com", f"{low}set"),
            (f"{word}set Fund Two", f"two.{low}set.com", f"{low}set"),
            (f"{word}fest 2023", f"2023.{low}fest.org", f"{low}fest"),
            (f"{word}fest 2024", f"2024.{low}fest.org", f"{low}fest"),
            (f"{word}hold Holding", f"{low}hold.com", f"{low}hold"),
            (f"{word}hold", f"shop.{low}hold.com", f"{low}hold"),
            (f"{word}wind AU", f"au.{low}wind.com", f"{low}wind"),  # offices
            (f"{word}wind NZ", f"nz.{low}wind.com", f"{low}wind"),
        ):
            values: dict[str, Any] = {"name": [{"value": name}], "domains": [{"domain": domain}]}
            if page:
                values["linkedin"] = [{"value": f"https://www.linkedin.com/company/{page}"}]
            yield str(uuid.UUID(int=lots.getrandbits(128), version=4)), "2025-01-01T00:00:00Z", values


def _build(database: dict[str, str]) -> tuple[float, float]:
    """Build the views and what they need; return the seconds in all, and those of the duplicate models alone."""
    started = time.monotonic()
    _command(
        database,
        str(Path(sys.executable).parent / "dbt"), "build", "--quiet",
        "--exclude-resource-type", "unit_test", "--exclude-resource-type", "test", "--select", *SELECT,
        "--project-dir", str(HOME / "dbt_project"), "--profiles-dir", str(HOME),
    )  # fmt: skip
    seconds = time.monotonic() - started
    results = json.loads((HOME / "dbt_project" / "target" / "run_results.json").read_text(encoding="utf-8"))["results"]
    return seconds, sum(one["execution_time"] for one in results if _is_of_duplicates(one["unique_id"]))


def _is_of_duplicates(unique_id: str) -> bool:
    name = unique_id.rpartition(".")[2]
    return unique_id.startswith("model.") and ("duplicate" in name or name.startswith("int_crm_company_"))


def _command(database: dict[str, str], *command: str) -> None:
    done = subprocess.run(
        command, cwd=CHECKOUT, env={**os.environ, **database}, check=False, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise SystemExit(f"bench: {' '.join(command[:4])} ended with {done.returncode}: {done.stdout}{done.stderr}")


def _connect(database: dict[str, str]) -> psycopg.Connection:
    names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGPASSWORD": "password", "PGDATABASE": "dbname"}
    return psycopg.connect(**{name: database[key] for key, name in names.items()}, autocommit=True)  # type: ignore[arg-type]


def _one(connection: psycopg.Connection, query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0
