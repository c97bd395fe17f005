"""`canon plan`: what a sync would change in Attio, and why; shared with `canon sync`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sync import attio, database, ledger, mapping, pull, rate_limiter, report, setup, warehouse
from sync import plan as planning
from sync.cli.common import Session, command_options, run_async
from sync.errors import AuthError, ConfigError, MappingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg
    from rich.console import RenderableType

    from sync.attio import Identity
    from sync.mapping import Export
    from sync.plan import Plan
    from sync.rate_limiter import Crm

ROWS_SHOWN = 5
ROWS_IN_JSON = 1000
ROWS_IN_PAGE = 10_000
LISTED = ("create", "update", "conflict", "ambiguous", "held", "gone", "vanished", "nothing")


@click.command("plan")
@click.argument("exports", nargs=-1)
@click.option("--no-pull", is_flag=True, help="Compare with the mirror as it is; do not read the CRM first.")
@click.option(
    "--rows",
    "most",
    type=click.IntRange(0),
    show_default=f"{ROWS_SHOWN}; {ROWS_IN_JSON:,} with --json",
    help="How many rows of each kind to list.",
)
@click.option(
    "--html",
    "page",
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"Write the plan as a page to open in a browser, {ROWS_IN_PAGE:,} rows of each kind.",
)
@command_options
def command(session: Session, *, exports: tuple[str, ...], no_pull: bool, most: int | None, page: Path | None) -> int:
    """Show what a sync of EXPORTS (default: all) would change in Attio; writes nothing there.

    \b
    Example:
      canon plan
      canon plan attio_people --no-pull --json
      canon plan --html plan.html
    """
    attio.settings(os.environ)  # what is missing is told before any work
    every = mapping.load(session.project_dir)
    selected = mapping.select(every, exports)
    cap = record_cap()

    async def look(connection: psycopg.Connection) -> tuple[Plan, list[dict[str, str]]]:
        async with rate_limiter.connect() as crm:
            await pre_flight(crm, connection, planning.with_referenced(every, selected))
            may_go, held_back = gate(session, connection, selected)
            objects = objects_read(every, may_go, cap)
            return await make(crm, connection, every, may_go, objects=objects, no_pull=no_pull), held_back

    with database.connect(session.project_dir, autocommit=True) as connection, database.waiting_told(connection):
        plan, held_back = run_async(look(connection))
        if most is None:
            most = ROWS_IN_JSON if session.wants_json else ROWS_SHOWN
        if page is not None:
            drift = drifted(connection, plan, max(most, ROWS_IN_PAGE))
            whole = {**plan.document(), **cost(plan, cap), "held_back": held_back, "drift": drift}
            _write(page, report.plan_page({**whole, "rows": listed(connection, plan, max(most, ROWS_IN_PAGE))}))
        rows = listed(connection, plan, most)
        document = {
            **plan.document(),
            **cost(plan, cap),
            "rows": rows,
            "drift": drifted(connection, plan, most),
            "held_back": held_back,
        }
        shown = [] if session.wants_json else readable(connection, plan, cap, most)
    written = [f"The whole plan, to search and filter: {page}"] if page else []
    session.answer(document, *shown, *written, f"Nothing was changed.{' `canon sync` does it.' if plan.writes else ''}")
    return 1 if held_back or any(each.set_aside for each in plan.exports) else 0


def _write(page: Path, text: str) -> None:
    try:
        page.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write {page}: {error.strerror}") from error


def gate(
    session: Session, connection: psycopg.Connection, selected: Sequence[Export]
) -> tuple[list[Export], list[dict[str, str]]]:
    """Return the exports that rest on nothing that failed in the last build, and the others with the reason."""
    rest_on = mapping.upstream(session.project_dir)
    may_go, held_back = [], []
    for export in selected:
        upstream = rest_on.get(export.model)
        reason = upstream and warehouse.held_back(connection, export, upstream)
        if reason:
            click.echo(f"canon: {export.model} is held back: {reason}", err=True)
            held_back.append({"export": export.model, "reason": reason})
        else:
            may_go.append(export)
    return may_go, held_back


async def pre_flight(crm: Crm, connection: psycopg.Connection, exports: Sequence[Export]) -> Identity:
    """Check tables, token, scopes, objects, attributes and options; raise before anything is written."""
    warehouse.check_exports(connection, exports)
    identity = await crm.identify()
    for area, write in (("record_permission", True), ("object_configuration", False)):
        if not identity.may(area, write=write):
            scope = f"{area}:{'read-write' if write else 'read'}"
            raise AuthError(f"the token in ATTIO_API_KEY lacks the scope {scope}: add it in Attio's settings")
    ledger.check_workspace(connection, identity.workspace_id)
    faults = await setup.check(crm, exports)
    if faults:
        for fault in faults:
            click.echo(str(fault), err=True)
        more = f" (and {len(faults) - 1} more, named above)" if len(faults) > 1 else ""
        raise MappingError(f"the workspace does not fit the mapping: {faults[0]}{more}")
    return identity


def objects_read(every: Sequence[Export], selected: Sequence[Export], cap: int | None) -> list[str]:
    """Return what of the CRM a plan of `selected` needs: all of it where the records are counted against a cap."""
    if cap is not None:
        return pull.default_objects(every)
    return list(dict.fromkeys(each.object_slug for each in planning.with_referenced(every, selected)))


async def make(
    crm: Crm,
    connection: psycopg.Connection,
    every: Sequence[Export],
    selected: Sequence[Export],
    *,
    objects: list[str],
    no_pull: bool,
) -> Plan:
    """Read these objects of the CRM, or take the mirror as it is, and plan.

    Raises `ConfigError` for a mirror that never read one of them: each of its records would be made a second time.
    """
    if no_pull:
        unread = warehouse.never_read(connection, objects)
        if unread:
            raise ConfigError(
                f"the mirror has never read {', '.join(unread)}: run `canon pull`, or leave --no-pull out"
            )
    else:
        # those that the exports need are there; another one may be none of this workspace's
        await pull.pull(crm, connection, objects, may_be_absent=True)
    return planning.make(connection, every, selected)


def listed(connection: psycopg.Connection, plan: Plan, most: int) -> list[dict[str, Any]]:
    """Return the first `most` rows of each outcome of each export, as `--json` prints them."""
    return [
        row
        for each in plan.exports
        for outcome in LISTED
        for row in planning.rows(connection, plan.plan_id, each.export, [outcome], limit=most)
    ]


def drifted(connection: psycopg.Connection, plan: Plan, most: int) -> list[dict[str, Any]]:
    """Return the first values of each export that somebody changed since we wrote them."""
    return [
        row
        for each in plan.exports
        if each.drift
        for row in planning.drifted(connection, plan.plan_id, each.export, limit=most)
    ]


def readable(
    connection: psycopg.Connection, plan: Plan, cap: int | None, most: int = ROWS_SHOWN
) -> Sequence[RenderableType]:
    """Return the plan as people read it: counts, a few rows of each kind, the cost."""
    parts: list[RenderableType] = [report.plan_table(plan)]
    for each in plan.exports:
        for outcome in LISTED:
            rows = planning.rows(connection, plan.plan_id, each.export, [outcome], limit=most)
            if rows:
                parts.append(report.changes_table(each, outcome, rows))
        if each.drift and most:
            rows = planning.drifted(connection, plan.plan_id, each.export, limit=most)
            parts.append(report.drift_table(each, rows))
    return [*parts, *report.plan_notes(plan, cost(plan, cap))]


def cost(plan: Plan, cap: int | None) -> dict[str, Any]:
    """Return what a plan costs: calls, seconds at the ceiling, records afterwards, and how many the plan allows."""
    writes_per_second = rate_limiter.ceilings(os.environ).writes
    return {
        "calls": plan.writes,
        "writes_per_second": writes_per_second,
        "seconds": round(plan.writes / writes_per_second, 1),
        "records_afterwards": plan.records_in_crm + plan.creates,
        "record_cap": cap,
    }


def record_cap() -> int | None:
    """Return `CANON_RECORD_CAP`."""
    text = os.environ.get("CANON_RECORD_CAP", "").replace(",", "").replace("_", "").strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise ConfigError(f"CANON_RECORD_CAP is {text!r}: give the number of records that your Attio plan allows")
    return int(text)
