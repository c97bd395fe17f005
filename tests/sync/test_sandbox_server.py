"""The sandbox as a server: tokens, limits, latency, faults, seeds, and how it starts and stops."""

from __future__ import annotations

import gzip
import json
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.conftest import CHECKOUT, PLAIN, Sandbox, run_sandbox
from tests.sync.sandbox_calls import made, record, refused, values, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ACME = write({"domains": ["acme.com"]})


def ask(sandbox: Sandbox, method: str, path: str, content: str = "", **headers: str) -> httpx.Response:
    """Send exactly this."""
    return httpx.request(method, sandbox.url + path, content=content, headers=headers, verify=PLAIN)


# Tokens, paths, bodies


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer refused"}, {"Authorization": "Basic abc"}])
def test_without_a_good_token_everything_is_401(sandbox: Sandbox, headers: dict[str, str]) -> None:
    for method, path in (("GET", "/v2/objects"), ("POST", "/v2/objects/companies/records"), ("GET", "/v2/nothing")):
        answer = ask(sandbox, method, path, json.dumps(ACME), **headers)
        assert answer.status_code == 401
        assert answer.json()["type"] == "auth_error"
    assert sandbox.records("companies") == []


def test_self_names_the_workspace_or_says_that_the_token_is_not_active(sandbox: Sandbox) -> None:
    assert sandbox.call("GET", "/self").json()["workspace_slug"] == "sandbox"
    answer = ask(sandbox, "GET", "/v2/self", Authorization="Bearer refused")
    assert (answer.status_code, answer.json()) == (200, {"active": False})
    assert ask(sandbox, "GET", "/v2/self").status_code == 401


def test_unknown_paths_and_methods_are_404(sandbox: Sandbox) -> None:
    for method, path in (
        ("GET", "/nothing"),
        ("POST", "/self"),
        ("DELETE", "/objects/companies"),
        ("GET", "/objects/"),
    ):
        assert refused(sandbox, method, path) == (404, "not_found")


@pytest.mark.parametrize(
    "body", ["", "{", "NaN", '{"data": {"values": {"name": NaN}}}', '{"a": "\\ud800"}', "[" * 100_000]
)
def test_what_is_not_json_is_refused(sandbox: Sandbox, body: str) -> None:
    answer = ask(sandbox, "POST", "/v2/objects/companies/records", body, Authorization="Bearer x")
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_type")


def test_calls_are_counted_by_route(sandbox: Sandbox) -> None:
    path = record(sandbox, "companies", name="Acme")
    sandbox.call("GET", path)
    sandbox.call("POST", "/objects/companies/records/query", {})
    stats = sandbox.stats()
    assert (stats["reads"], stats["writes"], stats["refused"]) == (2, 1, 0)
    assert stats["by_route"]["GET /objects/{object}/records/{record}"] == 1


# Limits


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Return a sandbox with Attio's limits."""
    with run_sandbox(tmp_path_factory.mktemp("limited")) as sandbox:
        yield sandbox


def at_the_start_of_a_second() -> None:
    """Wait for a new calendar second."""
    time.sleep(1 - time.time() % 1 + 0.01)


def burst(sandbox: Sandbox, calls: int, path: str, body: Any) -> list[httpx.Response]:
    """Make calls within one calendar second; a machine that is too slow for it right now gets more tries."""
    with httpx.Client(headers={"Authorization": "Bearer x"}, base_url=f"{sandbox.url}/v2", verify=PLAIN) as client:
        for _ in range(8):
            sandbox.play("reset")
            at_the_start_of_a_second()
            answers = [client.post(path, json=body) for _ in range(calls)]
            if len(sandbox.stats()["by_second"]) == 1:
                return answers
    pytest.fail(f"{calls} calls took more than a second, eight times")


@pytest.mark.parametrize(
    ("path", "body", "limit"),
    [("/objects/companies/records", write({"name": "Acme"}), 25), ("/objects/people/records/query", {"limit": 1}, 100)],
)
def test_what_goes_beyond_the_limit_of_a_second_is_not_processed(
    limited: Sandbox, path: str, body: Any, limit: int
) -> None:
    answers = burst(limited, limit + 5, path, body)
    assert [answer.status_code for answer in answers] == [200] * limit + [429] * 5
    error = answers[-1].json()
    assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
    again = parsedate_to_datetime(answers[-1].headers["Retry-After"])
    assert again.timestamp() == int(next(iter(limited.stats()["by_second"]))) + 1
    assert limited.stats()["refused"] == 5
    at_the_start_of_a_second()
    assert len(limited.records("companies")) == (25 if limit == 25 else 0)


def test_limits_count_on_arrival_however_long_the_answer_takes(limited: Sandbox) -> None:
    limited.play("reset")
    limited.play("limits", {"writes_per_second": 1})
    limited.play("faults", {"latency_ms": 300})
    at_the_start_of_a_second()
    statuses = [limited.call("POST", "/objects/companies/records", write({})).status_code for _ in range(2)]
    assert statuses == [200, 429]


# Latency and faults


def test_answers_on_one_connection_come_at_once(sandbox: Sandbox) -> None:
    with httpx.Client(base_url=sandbox.url, verify=PLAIN) as client:
        client.get("/sandbox/stats")
        began = time.monotonic()
        for _ in range(20):
            client.post("/sandbox/faults", json={})
    assert time.monotonic() - began < 20 * 0.03, "small answers wait for an acknowledgement, 40 ms each"


def test_latency_delays_answers(sandbox: Sandbox) -> None:
    sandbox.play("faults", {"latency_ms": 200})
    began = time.monotonic()
    sandbox.call("GET", "/self").raise_for_status()
    assert time.monotonic() - began >= 0.2


def test_a_cut_comes_after_the_write_and_a_drop_before(sandbox: Sandbox) -> None:
    for fault, kept in (("cut_every", 1), ("drop_every", 0)):
        sandbox.play("reset")
        sandbox.play("faults", {fault: 2})
        made(sandbox, "/objects", api_slug="jobs", singular_noun="Job", plural_noun="Jobs")
        with pytest.raises(httpx.TransportError):
            sandbox.call("POST", "/objects/companies/records", ACME)
        assert len(sandbox.records("companies")) == kept
        sandbox.call("PUT", "/objects/companies/records?matching_attribute=domains", ACME).raise_for_status()


def test_errors_and_outages_have_attios_shape_and_store_nothing(sandbox: Sandbox) -> None:
    sandbox.play("faults", {"errors_every": 1, "error_status": 502})
    assert refused(sandbox, "POST", "/objects/companies/records", ACME)[0] == 502
    assert sandbox.records("companies") == []
    sandbox.play("faults", {"outage_seconds": 60})
    answer = sandbox.call("GET", "/self")
    assert (answer.status_code, answer.json()["type"]) == (503, "api_error")


def test_an_unknown_fault_is_refused(sandbox: Sandbox) -> None:
    answer = ask(sandbox, "POST", "/sandbox/faults", '{"surprise": 1}')
    assert answer.status_code == 400
    assert "surprise" in answer.json()["message"]


# Start, seed, stop


def start(*arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Start a sandbox that is to end at once."""
    command = [sys.executable, "-m", "sync", "sandbox", *arguments, "--project-dir", str(directory)]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=False)


def seeded(path: Path, *lines: Any) -> Path:
    """Write a seed."""
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    with gzip.open(path, "wt") if path.suffix == ".gz" else path.open("w") as file:
        file.write(text)
    return path


def test_it_begins_with_its_seed_and_returns_to_it(tmp_path: Path) -> None:
    old = "2020-05-01T10:00:00Z"
    first = {"object": "companies", "values": {"name": "Acme"}, "created_at": old, "actor": {"type": "system"}}
    second = {"object": "companies", "values": {"name": "Beta"}, "created_at": old, "actor": "workspace-member"}
    seed = seeded(tmp_path / "seed.ndjson.gz", first, second)
    with run_sandbox(tmp_path, "--seed", str(seed)) as sandbox:
        sorts = {"sorts": [{"attribute": "created_at", "direction": "asc"}]}
        found = sandbox.call("POST", "/objects/companies/records/query", sorts).json()["data"]
        assert [one["values"]["name"][0]["value"] for one in found] == ["Acme", "Beta"]
        assert [one["values"]["created_by"][0]["referenced_actor_type"] for one in found] == [
            "system",
            "workspace-member",
        ]
        assert datetime.fromisoformat(found[0]["created_at"][:19] + "Z") == datetime(2020, 5, 1, 10, tzinfo=UTC)
        sandbox.call("DELETE", f"/objects/companies/records/{found[0]['id']['record_id']}").raise_for_status()
        sandbox.play("reset")
        assert values(
            sandbox, f"/objects/companies/records/{sandbox.records('companies')[1]['id']['record_id']}", "name"
        ) == ["Acme"]


COMPANY, DEAL, NOTE, TASK = (f"00000000-0000-4000-8000-00000000000{number}" for number in range(4))
HANGING: list[dict[str, Any]] = [
    {"object": "companies", "values": {"name": "Acme"}, "record_id": COMPANY},
    {"list": {"name": "Deals", "api_slug": "deals", "parent_object": "companies"}},
    {"attribute": {"list": "deals", "title": "Stage", "api_slug": "stage", "type": "status", "options": ["Won"]}},
    {"attribute": {"object": "companies", "title": "Rank", "api_slug": "rank", "type": "number"}},
    {
        "entry": {
            "id": DEAL,
            "list": "deals",
            "parent_record_id": COMPANY,
            "entry_values": {"stage": "Won"},
            "created_at": "2020-05-01T10:00:00Z",
            "actor": "workspace-member",
        }
    },
    {
        "note": {
            "id": NOTE,
            "parent_object": "companies",
            "parent_record_id": COMPANY,
            "content": "They said yes.",
            "created_at": "2020-05-02T10:00:00Z",
            "actor": "workspace-member",
        }
    },
    {
        "task": {
            "id": TASK,
            "content": "Call them",
            "linked_records": [{"target_object": "companies", "target_record_id": COMPANY}],
        }
    },
]


def test_a_seed_brings_what_hangs_on_records(tmp_path: Path) -> None:
    with run_sandbox(tmp_path, "--seed", str(seeded(tmp_path / "seed.ndjson", *HANGING))) as sandbox:
        [held] = sandbox.call("GET", f"/objects/companies/records/{COMPANY}/entries").raise_for_status().json()["data"]
        entry = sandbox.call("GET", f"/lists/deals/entries/{DEAL}").raise_for_status().json()["data"]
        assert held == {
            "list_id": entry["id"]["list_id"],
            "list_api_slug": "deals",
            "entry_id": DEAL,
            "created_at": "2020-05-01T10:00:00.000000000Z",
        }
        assert entry["entry_values"]["stage"][0]["status"]["title"] == "Won"
        assert entry["entry_values"]["created_by"][0]["referenced_actor_type"] == "workspace-member"
        note = sandbox.call("GET", f"/notes/{NOTE}").raise_for_status().json()["data"]
        assert (note["content_plaintext"], note["created_at"][:10]) == ("They said yes.", "2020-05-02")
        assert note["created_by_actor"]["type"] == "workspace-member"
        task = sandbox.call("GET", f"/tasks/{TASK}").raise_for_status().json()["data"]
        assert task["linked_records"][0]["target_record_id"] == COMPANY
        assert sandbox.call("GET", "/objects/companies/attributes/rank").status_code == 200


def test_it_may_have_no_merging(tmp_path: Path) -> None:
    with run_sandbox(tmp_path, "--no-merging") as sandbox:
        assert sandbox.call("POST", "/objects/companies/records/merge", {"data": {}}).status_code == 404


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "not JSON"),
        ("[]", "no object"),
        ({"object": "companies"}, "'values'"),
        ({"object": "robots", "values": {}}, "robots"),
        ({"object": "companies", "values": {"domains": "acme.com"}}, "a list is expected"),
        ({"object": "companies", "values": {"domains": ["taken.com"]}}, "uniqueness"),
        ({"object": "companies", "values": {}, "surprise": 1}, "surprise"),
        ({"object": "companies", "values": {}, "actor": "nobody"}, "nobody"),
        ({"object": "companies", "values": {}, "record_id": "x"}, "record_id"),
        (
            {"note": {"parent_object": "companies", "parent_record_id": COMPANY, "content": "x"}},
            "Could not find record",
        ),
        ({"entry": {"list": "deals", "parent_record_id": COMPANY}}, "deals"),
        ({"task": {"content": "x", "surprise": 1}}, "surprise"),
        ({"task": {"content": "x", "id": "x"}}, "no UUID"),
        ({"task": {"content": "x"}, "note": {}}, "task"),
        ({"attribute": {"title": "x"}}, "object"),
    ],
)
def test_a_bad_seed_names_its_line(tmp_path: Path, line: Any, why: str) -> None:
    seed = seeded(tmp_path / "seed.ndjson", {"object": "companies", "values": {"domains": ["taken.com"]}}, "", line)
    done = start("--port", "0", "--seed", str(seed), directory=tmp_path)
    assert done.returncode == 2
    assert "line 3: " in done.stderr
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = start("--port", str(taken.getsockname()[1]), directory=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "choose another with --port" in done.stderr


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_and_nothing_is_left_behind(tmp_path: Path, how: signal.Signals) -> None:
    with run_sandbox(tmp_path) as sandbox:
        note = tmp_path / ".local" / "sandbox.json"
        assert json.loads(note.read_text())["url"] == sandbox.url
        with httpx.Client(base_url=sandbox.url, verify=PLAIN) as client:
            client.get("/sandbox/stats").raise_for_status()  # an open connection does not hold it
            sandbox.process.send_signal(how)
            assert sandbox.process.wait(10) == 0
        assert not note.exists()
        assert "Traceback" not in (tmp_path / "sandbox.log").read_text()
