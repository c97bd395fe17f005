"""`canon setup`: what the mapping needs and the workspace lacks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from sync import mapping, rate_limiter, setup
from sync.cli.common import command_options
from sync.errors import MappingError

if TYPE_CHECKING:
    from sync.cli.common import Session
    from sync.mapping import Export
    from sync.setup import Difference, Step


@click.command("setup")
@click.option("--yes", is_flag=True, help="Create without asking.")
@command_options
def command(session: Session, yes: bool) -> None:  # click hands a flag over
    """Show, then create, the objects, attributes and options that the mapping needs and Attio lacks.

    Nothing that exists is changed. What is wrong in the workspace (another type, an archived slug) is named with its
    fix, and then nothing is created.

    \b
    Example:
      canon setup
      canon setup --yes
    """
    exports, difference = asyncio.run(_compare(session))
    if difference.faults:
        for fault in difference.faults:
            click.echo(str(fault), err=True)
        raise MappingError(_summary(difference))
    if not difference.steps:
        session.answer({"created": [], "missing": []}, "Nothing to do: Attio has everything that the mapping needs.")
        return
    for step in difference.steps:
        click.echo(f"missing: {step}", err=True)
    session.confirm(f"Create these {len(difference.steps)} in Attio?", yes=yes)
    created = asyncio.run(_create(exports, difference))
    session.answer({"created": [str(step) for step in created], "missing": []}, f"Created {len(created)} in Attio.")


def _summary(difference: Difference) -> str:
    first, *others = difference.faults
    more = f" (and {len(others)} more, named above)" if others else ""
    return f"the workspace does not fit the mapping, nothing was created: {first}{more}"


async def _compare(session: Session) -> tuple[list[Export], Difference]:
    async with rate_limiter.connect() as crm:
        await crm.identify()
        exports = mapping.load(session.project_dir)
        return exports, await setup.compare(crm, exports)


async def _create(exports: list[Export], difference: Difference) -> list[Step]:
    """Create, then look again: what was there under another name or shape meanwhile is not taken for ours."""
    async with rate_limiter.connect() as crm:
        created = await setup.create(crm, difference.steps)
        left = await setup.check(crm, exports)
    if left:
        raise MappingError(f"created {len(created)} in Attio, and yet: {left[0]}")
    return created
