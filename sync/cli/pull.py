"""`canon pull`: read Attio into the mirror."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click
from rich.markup import escape
from rich.table import Table

from sync import attachments, database, mapping, pull, rate_limiter
from sync.cli.common import command_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sync.cli.common import Session
    from sync.pull import Pulled


@click.command("pull")
@click.argument("objects", nargs=-1)
@command_options
def command(session: Session, objects: tuple[str, ...]) -> None:
    """Read every record of the OBJECTS from Attio into attio_mirror; default: those the mapping names, and companies.

    An object's rows are replaced in one transaction when all of its pages have been read; until then, and when
    anything goes wrong, the mirror stays as it was. Without OBJECTS the notes, tasks and list entries of each record
    are counted too. Nothing is changed in Attio.

    \b
    Example:
      canon pull
      canon pull companies people
    """
    done, problems = asyncio.run(_pull(session, objects))
    session.answer(
        {"objects": [_document(one) for one in done], "not_counted": problems},
        _table(done),
        *(escape(f"{kind} were not counted: {why}") for kind, why in problems.items()),
    )


async def _pull(session: Session, objects: tuple[str, ...]) -> tuple[list[Pulled], dict[str, str]]:
    async with rate_limiter.connect() as crm:
        await crm.identify()
        wanted = objects or tuple(pull.default_objects(mapping.load(session.project_dir)))
        with database.connect(session.project_dir, autocommit=True) as connection:
            done = await pull.pull(crm, connection, wanted, may_be_absent=not objects)
            problems = {} if objects else await attachments.pull(crm, connection)
            return done, problems


def _document(one: Pulled) -> dict[str, object]:
    return {
        "object": one.object_slug,
        "records": one.records,
        "pages": one.pages,
        "passes": one.passes,
        "seconds": one.seconds,
        "in_workspace": one.is_known,
        "stored": one.is_newest,
    }


def _table(done: Sequence[Pulled]) -> Table:
    table = Table("object", "records", "pages", "seconds", "remark")
    for one in done:
        table.add_row(one.object_slug, f"{one.records:,}", str(one.pages), f"{one.seconds:.1f}", _remark(one))
    return table


def _remark(one: Pulled) -> str:
    if not one.is_known:
        return "not in the workspace yet: counted as empty; `canon setup` creates it"
    if not one.is_newest:
        return "a pull that began later was stored first: left as it is"
    return f"changed while it was read: {one.passes} passes" if one.passes > 1 else ""
