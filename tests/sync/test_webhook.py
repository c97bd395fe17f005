"""The end report in a chat: what it says, also of a failure; a chat that is away changes nothing."""

from __future__ import annotations

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from tests.sync import small_exports as small

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Canon, Database, Sandbox

SECRET = "/services/T0/B0/secret"


@contextlib.contextmanager
def chat(status: int) -> Iterator[tuple[str, list[str]]]:
    """Listen as a chat does; yield the webhook's address and what was posted."""
    posted: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted.append(json.loads(body)["text"])
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{SECRET}", posted
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def workspace(project: Path, database: Database, sandbox: Sandbox) -> Sandbox:
    """Return a sandbox ready for one person."""
    small.install(project)
    small.create_tables(database)
    small.prepare(sandbox)
    small.put(database, "attio_people", {"linkedin_url": "https://www.linkedin.com/in/ada", "job_title": "Smith"})
    return sandbox


def test_the_end_report_is_posted_of_a_run_and_of_a_failure(canon: Canon, workspace: Sandbox) -> None:
    with chat(200) as (url, posted):
        run = canon("sync", "--yes", "--json", env={"CANON_REPORT_WEBHOOK": url}).expect(0).json["run_id"]
        canon("sync", "--yes", env={"CANON_REPORT_WEBHOOK": url, "ATTIO_API_KEY": "refused"}).expect(3)

    assert posted[0] == f"canon sync, run {run}: 1 created, 0 left (exit code 0)."
    assert posted[1].startswith("canon sync failed (exit code 3): ")
    assert len(workspace.records("people")) == 1


def test_a_chat_that_refuses_or_is_away_changes_nothing_and_its_address_is_told_nowhere(
    canon: Canon, workspace: Sandbox, project: Path
) -> None:
    with chat(500) as (url, _):
        refused = canon("sync", "--yes", env={"CANON_REPORT_WEBHOOK": url}).expect(0)
    away = canon("sync", "--yes", env={"CANON_REPORT_WEBHOOK": url}).expect(0)

    assert "was not posted to CANON_REPORT_WEBHOOK (it answered 500)" in refused.stderr
    assert "(ConnectError)" in away.stderr
    log = (project / ".local" / "canon.log").read_text()
    assert SECRET not in refused.stderr + away.stderr + log
    assert len(workspace.records("people")) == 1
