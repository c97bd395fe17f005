"""Push a table as a script does: every row, one call after another, no memory of what was sent.

`python -m demo.peer_naive URL`; the database is libpq's variables.
"""

from __future__ import annotations

import sys

import httpx
import psycopg


def main() -> None:
    """Create a record for every row; what is refused is not sent again."""
    with psycopg.connect() as connection, httpx.Client(headers={"Authorization": "Bearer bench"}, timeout=60) as client:
        for link, title in connection.execute("select linkedin_url, job_title from canon.attio_people").fetchall():
            values = {"linkedin": [link], "job_title": [title]}
            client.post(f"{sys.argv[1]}/v2/objects/people/records", json={"data": {"values": values}})


if __name__ == "__main__":
    main()
