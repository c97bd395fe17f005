"""`canon serve`: the endpoints through which data comes in."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys

import click
import uvicorn

from sync import database, migrate
from sync.cli.common import JsonLines, Session, command_options, listen
from sync.errors import ConfigError

SECONDS_TO_FINISH = 30  # what is in work when it is told to stop


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on; 0.0.0.0 for all.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 takes a free one.")
@command_options
def command(session: Session, *, host: str, port: int) -> None:
    """Serve the endpoints that take in and look up companies, people, enrichment and job postings.

    Callers present CANON_API_TOKEN as a bearer token. The endpoints are described at /docs, and /health tells whether
    the service can work. SIGTERM and Ctrl-C let what is in work finish. The first line on stdout is {"url": ...}; the
    log, JSON lines without what was sent, goes to stderr.

    \b
    Example:
      CANON_API_TOKEN=... canon serve --host 0.0.0.0 --port 8080
      curl -H "Authorization: Bearer $CANON_API_TOKEN" -d '{"domain": "acme.com"}' \
        localhost:8080/lookup_company_canonical
    """
    if not os.environ.get("CANON_API_TOKEN", "").strip():
        raise ConfigError("CANON_API_TOKEN is not set: set it to the token callers are to present")
    with database.connect(session.project_dir, autocommit=True) as connection:
        missing = [migration.name for migration in migrate.read(connection).pending]
    if missing:
        raise ConfigError(f"the database lacks the migrations {', '.join(missing)}: run `canon migrate` first")

    listener = listen(host, port)
    address = f"[{host}]" if ":" in host else host
    url = f"http://{address}:{listener.getsockname()[1]}"
    log = logging.StreamHandler(sys.stderr)
    log.setFormatter(JsonLines())
    logging.getLogger().addHandler(log)
    os.environ["CANON_PROJECT_DIR"] = str(session.project_dir)
    config = uvicorn.Config(
        "sync.api:app",
        log_config=None,
        access_log=False,  # the application writes its own lines
        server_header=False,
        timeout_keep_alive=75,  # longer than clients keep an idle connection: none is closed as it is used again
        timeout_graceful_shutdown=SECONDS_TO_FINISH,
    )
    server = uvicorn.Server(config)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # uvicorn hands the signal on once it has stopped
    click.echo(json.dumps({"url": url}))
    click.echo(f"Listening on {url} (described at {url}/docs); Ctrl-C stops it.", err=True)
    with contextlib.suppress(KeyboardInterrupt):  # that is how it is meant to end
        asyncio.run(server.serve(sockets=[listener]))
