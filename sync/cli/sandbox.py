"""`canon sandbox`: a strict stand-in for Attio on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from pathlib import Path

import click
import uvicorn

from sync.cli.common import Session, command_options, listen
from sync.errors import ConfigError
from sync.sandbox.server import Behaviour, Sandbox

HOST = "127.0.0.1"


@click.command("sandbox")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 takes a free one.")
@click.option("--no-limits", is_flag=True, help="Do not refuse what goes beyond 100 reads and 25 writes a second.")
@click.option(
    "--latency", type=click.FloatRange(0), default=0, metavar="MS", help="Median latency, after limits are counted."
)
@click.option(
    "--latency-p99", type=click.FloatRange(0), default=0, metavar="MS", help="Latency of the slowest hundredth."
)
@click.option(
    "--seed", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="What to begin with, as NDJSON."
)
@click.option("--no-merging", is_flag=True, help="Have no endpoint that merges records, as where Attio's beta is not.")
@command_options
def command(
    session: Session,
    *,
    port: int,
    no_limits: bool,
    latency: float,
    latency_p99: float,
    seed: Path | None,
    no_merging: bool,
) -> None:
    """Run a strict stand-in for Attio until Ctrl-C; it keeps nothing.

    Any token is accepted but `refused`. The first line on stdout is {"url": ...}. Each line of a seed is a record,
    {object, values, record_id?, created_at?, actor?}, or the body that would create something else: {"list": ...},
    {"attribute": {list, ...}}, {"entry": {list, parent_record_id, entry_values?}}, {"note": ...} or {"task": ...}.

    \b
    Example:
      canon sandbox --port 8765
      ATTIO_BASE_URL=http://127.0.0.1:8765 ATTIO_API_KEY=any canon pull
    """
    behaviour = Behaviour(latency_ms=latency, latency_p99_ms=latency_p99, merging=not no_merging)
    if no_limits:
        behaviour.reads_per_second = behaviour.writes_per_second = None
        behaviour.merges_per_second = behaviour.notes_per_second = None
    try:
        sandbox = Sandbox(behaviour, seed)
    except (ValueError, OSError, EOFError) as error:
        raise ConfigError(str(error)) from error
    listener = listen(HOST, port)
    url = f"http://{HOST}:{listener.getsockname()[1]}"
    note = session.project_dir / ".local" / "sandbox.json"
    note.write_text(json.dumps({"pid": os.getpid(), "url": url}))
    config = uvicorn.Config(
        sandbox.app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_keep_alive=75,  # longer than clients keep an idle connection: none is closed as it is used again
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # uvicorn hands the signal on once it has stopped
    click.echo(json.dumps({"url": url}))
    click.echo(f"The sandbox listens on {url}; Ctrl-C stops it.", err=True)
    try:
        with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C is how it is meant to end
            asyncio.run(server.serve(sockets=[listener]))
    finally:
        note.unlink(missing_ok=True)
