"""What hangs on records: notes, tasks and list entries, read in bulk."""

from __future__ import annotations

import asyncio
import collections
from functools import partial
from typing import TYPE_CHECKING

from sync import attio, progress, warehouse
from sync.errors import AuthError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    import psycopg

    from sync.attio import Attachment
    from sync.rate_limiter import Crm

PAGES_AT_ONCE = 8


async def notes(crm: Crm) -> list[Attachment]:
    """Read every note of the workspace."""
    return await _all_pages("notes", crm.notes, attio.NOTES_LIMIT)


async def tasks(crm: Crm) -> list[Attachment]:
    """Read every task of the workspace."""
    return await _all_pages("tasks", crm.tasks, attio.PAGE_LIMIT)


async def entries(crm: Crm) -> list[Attachment]:
    """Read every entry of every list."""
    return [
        entry
        for list_id in await crm.lists()
        for entry in await _all_pages("entries", partial(crm.entries_of_list, list_id), attio.PAGE_LIMIT)
    ]


READERS = {"notes": notes, "tasks": tasks, "entries": entries}


async def pull(crm: Crm, connection: psycopg.Connection) -> dict[str, str]:
    """Count what hangs on each record, in `attio_mirror.attached`; return why, for each kind that could not be read.

    A kind that the token may not read keeps no counts: nothing known is not the same as nothing there. `connection` is
    in autocommit mode.
    """
    problems: dict[str, str] = {}
    for kind, read in READERS.items():
        counts: collections.Counter[str] = collections.Counter()
        try:
            for each in await read(crm):
                counts.update(set(each.record_ids))
        except AuthError as error:
            if error.status != 403:
                raise
            problems[kind] = str(error)
        await asyncio.to_thread(warehouse.replace_attached, connection, kind, counts)
    return problems


async def _all_pages(kind: str, page: Callable[..., Awaitable[Sequence[Attachment]]], size: int) -> list[Attachment]:
    """Read every page, several at once after the first, until one is not full."""
    found: list[Attachment] = []
    with progress.task(f"read {kind}", total=None, unit=kind) as shown:
        at_once = 1  # most workspaces have no second page
        while True:
            offset = len(found)
            for each in await asyncio.gather(*(page(offset=offset + size * index) for index in range(at_once))):
                found += each
                shown.advance(len(each))
                if len(each) < size:
                    return found
            at_once = PAGES_AT_ONCE
