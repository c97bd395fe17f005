"""A running `canon serve` for tests: started as a user starts it, spoken to over HTTP."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from tests.conftest import PLAIN, _environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Database

TOKEN = "a-token-for-callers"


@dataclass(frozen=True)
class Service:
    """A running service; `log` is the file its stderr goes to."""

    url: str
    process: subprocess.Popen[str]
    log: Path
    client: httpx.Client = field(repr=False)

    def post(self, path: str, body: Any = None, **how: Any) -> httpx.Response:
        """POST a body with the token; `content=` sends bytes as they are."""
        given = how if "content" in how else {"json": body, **how}
        return self.client.post(path, **given)

    def results(self, path: str, rows: list[Any]) -> list[dict[str, Any]]:
        """POST a list and return its entries."""
        answer = self.post(path, rows)
        assert answer.status_code == 200, answer.text
        results: list[dict[str, Any]] = answer.json()["results"]
        assert [entry["index"] for entry in results] == list(range(len(rows)))
        return results

    def logged(self, request_ids: set[str]) -> dict[str, dict[str, Any]]:
        """Return the log's line of each request, when all are there: a line follows its answer."""
        deadline = time.monotonic() + 20
        while True:
            written = self.log.read_text().splitlines(keepends=True)
            lines = [json.loads(line) for line in written if line.startswith("{") and line.endswith("\n")]
            by_id = {line["request_id"]: line for line in lines if "request_id" in line}
            if request_ids <= by_id.keys():
                return by_id
            assert time.monotonic() < deadline, f"{request_ids - by_id.keys()} not in {self.log}"
            time.sleep(0.02)


@contextlib.contextmanager
def serving(directory: Path, database: Database, *arguments: str, stop: bool = True) -> Iterator[Service]:
    """Run `canon serve` on a free port until the end of the `with`, and see it end well."""
    log = directory / "serve.log"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "sync", "serve", "--port", "0", "--project-dir", str(directory), *arguments],
            cwd=directory,
            env=_environment(database.environment, {"CANON_API_TOKEN": TOKEN}),
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    assert process.stdout
    first = process.stdout.readline()
    assert first, log.read_text()
    url = json.loads(first)["url"]
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, verify=PLAIN, timeout=60) as client:
        try:
            yield Service(url, process, log, client)
        finally:
            if stop:
                process.send_signal(signal.SIGTERM)
            process.wait(40)
            process.stdout.close()
