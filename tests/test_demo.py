"""`make demo` and `make test` keep to a database and a sandbox of their own, whatever environment and `.env` say."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from tests.conftest import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@contextlib.contextmanager
def tripwire() -> Iterator[tuple[int, list[bytes]]]:
    """Listen on a port that nobody may call: yield it, and a list of what each caller said first."""
    calls: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def listen() -> None:
            with contextlib.suppress(OSError):  # closed: the end
                while True:
                    caller, _ = listener.accept()
                    with caller:
                        caller.settimeout(5)
                        calls.append(caller.recv(200))

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield listener.getsockname()[1], calls
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


@pytest.fixture
def owners() -> Iterator[tuple[dict[str, str], list[bytes]]]:
    """Return the settings of an owner's real database and workspace, and the calls that reached them."""
    with tripwire() as (port, calls):
        settings = {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(port),
            "PGUSER": "owner",
            "PGPASSWORD": "owners-secret",
            "PGDATABASE": "owners",
            "DBT_PROFILES_DIR": "/nowhere",
            "ATTIO_API_KEY": "owners-token",
            "ATTIO_BASE_URL": f"http://127.0.0.1:{port}",
            "CANON_WRITES_PER_SECOND": "1",
            "CANON_API_TOKEN": "owners-api-token",
        }
        yield settings, calls


@pytest.fixture
def checkout(tmp_path: Path, owners: tuple[dict[str, str], list[bytes]]) -> Iterator[Path]:
    """Return a copy of this checkout, installed, with the owner's settings in its `.env`."""
    place = tmp_path / "checkout"
    place.mkdir()
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (CHECKOUT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, place / name)
    binaries = place / ".venv" / "bin"
    binaries.mkdir(parents=True)
    for program in ("python", "dbt"):
        _call_it(binaries / program, program)
    (place / ".venv" / ".installed").touch()
    (place / ".env").write_text("".join(f"{name}={value}\n" for name, value in owners[0].items()))
    yield place
    _make(place, {}, "stop")


def _call_it(script: Path, program: str) -> None:
    """Write a script that runs this interpreter's `program` on the copy's code."""
    real = os.path.join(os.path.dirname(sys.executable), program)  # noqa: PTH118, PTH120
    script.write_text(f'#!/bin/sh\nPYTHONPATH="{script.parents[2]}" exec "{real}" "$@"\n')
    script.chmod(0o755)


def _make(checkout: Path, settings: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    outer = ("MAKE", "MFLAGS", "PYTEST_", "WORKERS")  # this test itself may run under make and as one worker of several
    environment = {name: value for name, value in os.environ.items() if not name.startswith(outer)}
    return subprocess.run(
        ["make", *arguments],
        cwd=checkout,
        env={**environment, **settings},
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
    )


def test_a_demo_runs_to_its_end_and_calls_nothing_of_the_owners(
    checkout: Path, owners: tuple[dict[str, str], list[bytes]]
) -> None:
    settings, calls = owners
    done = _make(checkout, settings, "demo", "ARGS=--of-no-meaning-to-its-steps")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "What the CRM holds now" in done.stdout
    assert calls == []
    assert "owners-secret" not in done.stdout + done.stderr
    assert not (checkout / ".local" / "postgres").exists()  # the embedded database of the checkout itself


def test_tests_call_nothing_of_the_owners(checkout: Path, owners: tuple[dict[str, str], list[bytes]]) -> None:
    settings, calls = owners
    one = "tests/sync/test_sync_faults.py::test_a_refused_token_stops_the_run_at_once"
    done = _make(checkout, settings, "--old-file=lint", "test", "WORKERS=0", f"ARGS=-p no:cacheprovider {one}")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "1 passed" in done.stdout
    assert calls == []


def test_the_tripwire_notices_a_call(checkout: Path, owners: tuple[dict[str, str], list[bytes]]) -> None:
    settings, calls = owners
    assert _make(checkout, settings, "migrate", "ARGS=--plan").returncode == 2
    assert len(calls) >= 1
