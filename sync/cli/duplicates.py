"""`canon duplicates`: which records in the CRM are copies of each other, and removing those that surely are."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import secrets
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click
import uvicorn
from rich.table import Table

from sync import (
    attio,
    database,
    duplicates,
    ledger,
    mapping,
    progress,
    pull,
    rate_limiter,
    removal,
    removal_ledger,
    report,
)
from sync.cli.common import Session, command_options, listen, people_console, run_async
from sync.cli.sync import ended_whatever_happens, stop_on_signals, terminated_like_interrupted
from sync.errors import ConfigError
from sync.review.app import application, page
from sync.review.clusters import clusters

if TYPE_CHECKING:
    import psycopg

    from sync.removal import Cluster, Cost, Report

SHOWN = 20
INTERRUPTED = 130
MORE_CONNECTIONS = 7
"""To the database, besides the one that holds the lock."""

about = click.option(
    "--object",
    "object_slug",
    type=click.Choice(list(duplicates.VIEWS)),
    default="companies",
    show_default=True,
    help="Copies among which records.",
)


@click.group("duplicates")
def command() -> None:
    """List and remove records in the CRM that are copies of each other, as the models saw it at the last `make build`.

    \b
    Example:
      canon duplicates plan
      canon duplicates apply
      canon duplicates export copies.csv
    """


@command.command("plan")
@about
@command_options
def plan(session: Session, object_slug: str) -> None:
    """Count the copies by how sure the rules are, and show those with the least evidence.

    \b
    Example:
      canon duplicates plan
      canon duplicates plan --object people --json
    """
    relation = mapping.relation(session.project_dir, duplicates.VIEWS[object_slug])
    with database.connect(session.project_dir) as connection:
        tiers = duplicates.tiers(connection, relation)
        shown = duplicates.riskiest(connection, relation, limit=SHOWN)
        removal.read_mirrored(connection)
        removals = mapping.relation(session.project_dir, removal.REMOVALS[object_slug])
        todo = removal.clusters(connection, removals, object_slug)
    cost = removal.cost(todo, rate_limiter.ceilings(os.environ))
    ways = {copy.record_id: "delete" if copy.is_empty else "merge" for cluster in todo for copy in cluster.copies}
    shown = [{**row, "strategy": ways.get(str(row["record_id"]), "review")} for row in shown]
    counted = Table(
        "how sure", "clusters", "copies", title=f"Copies among the {object_slug} of the CRM", title_justify="left"
    )
    for each in tiers:
        counted.add_row(each.tier, f"{each.clusters:,}", f"{each.copies:,}")
    listed = Table(
        "sure",
        "score",
        "then",
        "copy",
        "of",
        "why",
        title="Look at these first: the least evidence",
        title_justify="left",
    )
    for row in shown:
        copy = " ".join(filter(None, [row["name"], *(row["domains"] or [])]))
        survivor = " ".join(filter(None, [row["survivor_name"], *(row["survivor_domains"] or [])]))
        reasons = ", ".join(row["reasons"] or [])
        listed.add_row(row["tier"], f"{row['score']:.2f}", row["strategy"], copy, survivor, reasons)
    document = {
        "object": object_slug,
        "tiers": [{"tier": each.tier, "clusters": each.clusters, "copies": each.copies} for each in tiers],
        "riskiest": shown,
        "removal": dataclasses.asdict(cost),
    }
    if tiers:
        session.answer(
            document,
            counted,
            listed,
            f"`canon duplicates apply` would remove those that are certain. {_words(todo, cost)}",
            "Nothing was changed. All of them: canon duplicates export copies.csv",
        )
    else:
        session.answer(document, f"No copies found among the {object_slug} of the CRM.")


@command.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@about
@click.option("--html", "as_page", is_flag=True, help="The review page as one file to hand around, without deciding.")
@command_options
def export(session: Session, *, file: Path, object_slug: str, as_page: bool) -> None:
    """Write every record of every cluster as CSV, for people who prefer Attio's own screens, or as a page.

    \b
    Example:
      canon duplicates export copies.csv
      canon duplicates export copies.html --html
    """
    relation = mapping.relation(session.project_dir, duplicates.VIEWS[object_slug])
    try:
        with database.connect(session.project_dir) as connection:
            if as_page:
                found = clusters(connection, relation, object_slug)
                count = sum(len(cluster["records"]) for cluster in found)
                file.write_text(page(found, object_slug), encoding="utf-8")
            else:
                count = duplicates.export(connection, relation, file)
    except OSError as error:
        raise ConfigError(f"cannot write {file}: {error.strerror}") from error
    session.answer({"object": object_slug, "file": str(file), "records": count}, f"{count:,} records written to {file}")


@command.command("review")
@about
@click.option("--port", type=click.IntRange(0, 65535), default=8766, show_default=True, help="0 takes a free one.")
@command_options
def review(session: Session, *, object_slug: str, port: int) -> None:
    """Serve a page to look at the clusters and decide by keyboard: same, distinct, later; on this machine only.

    The first line on stdout is {"url": ...}; only who has that address gets in. `distinct` holds at once; `same`
    makes a cluster certain with the next `make build`.

    \b
    Example:
      canon duplicates review
    """
    relation = mapping.relation(session.project_dir, duplicates.VIEWS[object_slug])
    token = secrets.token_urlsafe(24)
    with database.connect(session.project_dir, autocommit=True) as connection:
        duplicates.tiers(connection, relation)  # that the view is there is told before anything listens
        app = application(connection, relation, object_slug=object_slug, token=token, decided_by=ledger.os_user())
        listener = listen("127.0.0.1", port)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/?token={token}"
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", server_header=False)
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # uvicorn hands the signal on once it has stopped
        click.echo(json.dumps({"url": url}))
        click.echo(f"Open {url} in a browser; Ctrl-C ends it.", err=True)
        with contextlib.suppress(KeyboardInterrupt):  # that is how it is meant to end
            asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))


@command.command("apply")
@about
@click.option("--yes", is_flag=True, help="Remove without asking; needs --max.")
@click.option(
    "--max", "most", type=click.IntRange(0), help="Remove nothing at all if there is more than this to remove."
)
@click.option("--limit", type=click.IntRange(1), help="Remove at most this many copies now; the rest next time.")
@click.option(
    "--canary", type=click.IntRange(0), default=10, show_default=True, help="Remove so many first, and read them back."
)
@command_options
def apply(session: Session, *, object_slug: str, yes: bool, most: int | None, limit: int | None, canary: int) -> int:
    """Remove the copies the rules are certain of: delete empty ones, have Attio merge those with something attached.

    Each copy is read afresh and kept whole in the ledger first; one that changed since the last `make build` is left
    alone and named. Survivors gain what only their copies had. `canon undo` brings deleted copies back.

    \b
    Example:
      canon duplicates apply
      canon duplicates apply --yes --max 4000
    """
    if yes and most is None:
        raise ConfigError("--yes needs --max, the most records that may be removed: nothing done")
    attio.settings(os.environ)  # what is missing is told before any work
    with terminated_like_interrupted():
        return run_async(_apply(session, object_slug, removal.Limits(canary, limit), yes=yes, most=most))


async def _apply(session: Session, object_slug: str, limits: removal.Limits, *, yes: bool, most: int | None) -> int:
    relation = mapping.relation(session.project_dir, removal.REMOVALS[object_slug])
    pulled = pull.default_objects(mapping.load(session.project_dir))
    with database.connect(session.project_dir, autocommit=True) as connection:
        async with rate_limiter.connect() as crm:
            identity = await crm.identify()
            ledger.check_workspace(connection, identity.workspace_id)
            with ledger.locked(connection, identity.workspace_id):
                run_id = ledger.begin_run(
                    connection,
                    "duplicates apply",
                    {"object": object_slug, "max": most, "limit": limits.copies, "canary": limits.canary},
                    workspace_id=identity.workspace_id,
                )
                with ended_whatever_happens(connection, run_id), contextlib.ExitStack() as opened:
                    more = (database.connect(session.project_dir, autocommit=True) for _ in range(MORE_CONNECTIONS))
                    attributes = removal_ledger.written_attributes(await crm.attributes(object_slug))
                    model = removal.REMOVALS[object_slug]
                    notes = [
                        removal_ledger.RemovalLedger(each, run_id, object_slug, model, relation, attributes)
                        for each in (connection, *map(opened.enter_context, more))
                    ]
                    removing = removal.Removal(crm, notes, limits)
                    await removing.finish_earlier()
                    await pull.pull(crm, connection, pulled, may_be_absent=True)
                    await removal.read_attached(crm, connection)
                    todo = removal.clusters(connection, relation, object_slug, limit=limits.copies)
                    if not session.wants_json:
                        words = _words(todo, removal.cost(todo, rate_limiter.ceilings(os.environ)))
                        people_console().print(words, soft_wrap=True)
                    _agree(session, todo, most, yes=yes, workspace=identity.workspace_name)
                    interrupted = stop_on_signals(removing.stop)
                    done = await removing.run(todo, tell_canary=_tell_canary)
                    exit_code = _exit_code(done, is_interrupted=interrupted.is_set())
                    _end(connection, run_id, done, exit_code)
                if done.removed:
                    await pull.pull(crm, connection, pulled, may_be_absent=True)
    _answer(session, run_id, object_slug, done, exit_code)
    return exit_code


def _words(todo: list[Cluster], cost: Cost) -> str:
    return (
        f"{cost.copies:,} copies of {len(todo):,} records are certain: {cost.deletes:,} with nothing attached are "
        f"deleted, {cost.merges:,} are merged by Attio; list entries are looked for as we go. "
        f"At most {cost.calls:,} writes, about {progress.span(cost.seconds)}."
    )


def _agree(session: Session, todo: list[Cluster], most: int | None, *, yes: bool, workspace: str) -> None:
    """Have somebody type the number, or hold it against `--max`; raise `ConfigError` unless both agree."""
    copies = sum(len(cluster.copies) for cluster in todo)
    if most is not None and copies > most:
        raise ConfigError(f"{copies:,} copies are to be removed and --max allows {most:,}: nothing done")
    if copies:
        session.confirm(f"Remove these {copies:,} records from {workspace}? They cannot be restored in Attio.", yes=yes)


def _tell_canary(done: Report) -> None:
    people_console().print(
        f"The first {done.removed:,} are gone and their survivors are there, as read back; going on.", soft_wrap=True
    )


def _exit_code(done: Report, *, is_interrupted: bool) -> int:
    if is_interrupted:
        return INTERRUPTED
    if done.failure is not None:
        return done.failure.exit_code
    return 1 if done.stayed else 0


def _end(connection: psycopg.Connection, run_id: int, done: Report, exit_code: int) -> None:
    state = "interrupted" if exit_code == INTERRUPTED else "failed" if done.failure else "done"
    ledger.end_run(connection, run_id, state=state, exit_code=exit_code, counts=dict(done.counts), message=done.stopped)


def _answer(session: Session, run_id: int, object_slug: str, done: Report, exit_code: int) -> None:
    document = {
        "run_id": run_id,
        "exit_code": exit_code,
        "object": object_slug,
        "counts": {state: done.counts[state] for state in removal.STATES},
        "survivors_updated": done.survivors_updated,
        "left": done.counts["left"],
        "stayed": done.stayed,
        "stopped": done.stopped,
        "seconds": round(done.seconds, 3),
    }
    parts: list[Table | str] = []
    if done.stayed:
        columns = ("record_id", "name", "state", "reason")
        parts.append(report.rows_table(done.stayed[:SHOWN], columns, f"{len(done.stayed):,} were left alone"))
    parts.append(
        f"Run {run_id}: {done.counts['deleted']:,} copies deleted, {done.counts['merged']:,} merged, "
        f"{done.survivors_updated:,} survivors gained values, {done.counts['left']:,} left, in {done.seconds:.0f} s."
    )
    if done.stopped:
        parts.append(f"Stopped: {done.stopped}")
    elif done.counts["changed"]:
        parts.append("What changed is decided about anew after `canon pull` and `make build`.")
    if done.removed:
        parts.append("Now `make build`, so that the models see it.")
    session.answer(document, *parts)
