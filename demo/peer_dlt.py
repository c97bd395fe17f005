"""Push a table with dlt's custom destination: run by the Python of dlt's own environment, see `demo.bench_beside`.

`python peer_dlt.py URL HOME WORKERS`; the database is libpq's variables. One record a call, as Attio takes them; a
cursor on `updated_at` chooses the rows. With more than one worker, files of 50 rows are loaded side by side.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

url, home, workers = sys.argv[1], sys.argv[2], int(sys.argv[3])
os.environ |= {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "LOAD__WORKERS": str(workers),
    "NORMALIZE__DATA_WRITER__FILE_MAX_ITEMS": "50" if workers > 1 else "100000",
}

import dlt  # noqa: E402
import psycopg2  # noqa: E402
from dlt.sources.helpers import requests  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator


@dlt.destination(  # type: ignore[untyped-decorator]
    batch_size=1,
    loader_file_format="typed-jsonl",
    naming_convention="direct",
    skip_dlt_columns_and_tables=True,
    loader_parallelism_strategy="parallel" if workers > 1 else "sequential",
    max_parallel_load_jobs=workers,
)
def attio(items: list[dict[str, Any]], _table: Any) -> None:
    """Create a record for each row; dlt's requests try again by themselves after 429 and 5xx."""
    for row in items:
        values = {"linkedin": [row["linkedin_url"]], "job_title": [row["job_title"]]}
        headers = {"Authorization": "Bearer bench"}
        answer = requests.post(f"{url}/v2/objects/people/records", json={"data": {"values": values}}, headers=headers)
        answer.raise_for_status()


@dlt.resource(primary_key="linkedin_url")  # type: ignore[untyped-decorator]
def people(updated_at: Any = dlt.sources.incremental("updated_at")) -> Iterator[list[dict[str, Any]]]:  # noqa: B008
    """Yield the rows whose `updated_at` is past the cursor."""
    with psycopg2.connect("") as connection, connection.cursor() as cursor:
        cursor.execute(
            """
            select linkedin_url, job_title, updated_at from canon.attio_people
            where updated_at >= coalesce(%s::timestamptz, '-infinity')
            """,
            [updated_at.last_value],
        )
        names = [column.name for column in cursor.description]
        while rows := cursor.fetchmany(1000):
            yield [dict(zip(names, row, strict=True)) for row in rows]


dlt.pipeline("bench", destination=attio, pipelines_dir=home, dataset_name="bench").run(people())
