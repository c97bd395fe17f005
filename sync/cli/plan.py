"""`canon plan`: what a sync would change in Attio, and why; shared with `canon sync`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click
from rich.console import Console

from sync import database, mapping, pull, rate_limiter, report, setup
from sync import plan as planning
from sync.cli.common import Session, command_options, run_async
from sync.errors import AuthError, ConfigError, MappingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg
    from rich.console import RenderableType

    from sync.attio import Identity
    from sync.mapping import Export
    from sync.rate_limiter import Crm

SAMPLES = 5


@click.command("plan")
@click.argument("exports", nargs=-1)
@click.option("--no-pull", is_flag=True, help="Compare with the mirror as it is; do not read the CRM first.")
@command_options
def command(session: Session, exports: tuple[str, ...], no_pull: bool) -> int:
    """Show what a sync of EXPORTS (default: all) would change in Attio; writes nothing there.

    \b
    Example:
      canon plan
      canon plan attio_people --no-pull --json
    """
    every = mapping.load(session.project_dir)
    selected = mapping.select(every, exports)

    async def look() -> planning.Plan:
        async with rate_limiter.connect() as crm:
            await pre_flight(crm, every)
            with database.connect(session.project_dir, autocommit=True) as connection:
                return await make(crm, connection, every, selected, no_pull=no_pull)

    plan = run_async(look())
    with database.connect(session.project_dir, autocommit=True) as connection:
        shown = list(readable(connection, plan))
    session.answer(plan.document(), *shown, "Nothing was changed. `canon sync` does it.")
    return 1 if any(each.set_aside for each in plan.exports) else 0


async def pre_flight(crm: Crm, exports: Sequence[Export]) -> Identity:
    """Check token, scopes, objects, attributes and options; raise before anything is written."""
    identity = await crm.identify()
    for area, write in (("record_permission", True), ("object_configuration", False)):
        if not identity.may(area, write=write):
            scope = f"{area}:{'read-write' if write else 'read'}"
            raise AuthError(f"the token in ATTIO_API_KEY lacks the scope {scope}: add it in Attio's settings")
    faults = await setup.check(crm, exports)
    if faults:
        for fault in faults:
            click.echo(str(fault), err=True)
        more = f" (and {len(faults) - 1} more, named above)" if len(faults) > 1 else ""
        raise MappingError(f"the workspace does not fit the mapping: {faults[0]}{more}")
    return identity


async def make(
    crm: Crm, connection: psycopg.Connection, every: Sequence[Export], selected: Sequence[Export], *, no_pull: bool
) -> planning.Plan:
    """Read the CRM unless told not to, and plan."""
    if not no_pull:
        await pull.pull(crm, connection, pull.default_objects(every))
    return planning.make(connection, every, selected)


def readable(connection: psycopg.Connection, plan: planning.Plan) -> Sequence[RenderableType]:
    """Return the plan as people read it: counts, a few rows of each kind, the cost."""
    parts: list[RenderableType] = [report.plan_table(plan)]
    for each in plan.exports:
        for outcome in planning.OUTCOMES:
            if outcome in {"nothing", "left_out"} or not each.outcomes.get(outcome):
                continue
            rows = planning.samples(connection, plan.plan_id, each.export, outcome, limit=SAMPLES)
            title = f"{each.export}: {outcome}, the first {len(rows)} of {each.outcomes[outcome]:,}"
            parts.append(report.samples_table(rows, title))
    writes = rate_limiter.ceilings(os.environ).writes
    return [*parts, *report.cost_line(plan, writes_per_second=writes, record_cap=record_cap())]


def record_cap() -> int | None:
    """Return `CANON_RECORD_CAP`."""
    text = os.environ.get("CANON_RECORD_CAP", "").replace(",", "").replace("_", "").strip()
    if not text:
        return None
    if not text.isdigit():
        raise ConfigError(f"CANON_RECORD_CAP is {text!r}: give the number of records that your Attio plan allows")
    return int(text)


def show(parts: Sequence[RenderableType]) -> None:
    """Print on stderr, where people's output goes."""
    console = Console(stderr=True, highlight=False)
    for part in parts:
        console.print(part, soft_wrap=isinstance(part, str))
