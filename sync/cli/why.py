"""`canon why`: one record's whole story."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape

from sync import database, mapping, report, warehouse, why
from sync.cli.common import Session, command_options

if TYPE_CHECKING:
    from rich.console import RenderableType


@click.command("why")
@click.argument("key")
@command_options
def command(session: Session, key: str) -> int:
    """Tell the story of the record that KEY leads to: the export's row, what Attio holds, who wrote it, our sources.

    KEY is an export's key, a domain, a LinkedIn URL or a record id. Reads the mirror as it is (`canon pull` renews it)
    and the ledger; asks Attio nothing. Exit 1 when nothing leads anywhere.

    \b
    Example:
      canon why acme.com
      canon why https://www.linkedin.com/in/ada-doe --json
    """
    exports = mapping.load(session.project_dir)
    with database.connect(session.project_dir, autocommit=True) as connection, database.waiting_told(connection):
        warehouse.check_exports(connection, exports)
        found = why.stories(connection, exports, key)
    parts = [part for story in found for part in _readable(story)]
    nothing = (
        f"Nothing leads from {key!r} anywhere: no export has such a key, the mirror no such record and the ledger no "
        "such row. Outside the scope, or not built yet? See `canon doctor`."
    )
    session.answer({"key": key, "stories": found}, *(parts or [escape(nothing)]))
    return 0 if found else 1


def _readable(story: dict[str, Any]) -> list[RenderableType]:
    parts: list[RenderableType] = [escape(_headline(story))]
    parts.append(report.rows_table(_padded(story["fields"]), FIELDS, f"{story['object']}: values"))
    planned, refused = story["last_plan"], story["refused"]
    if planned:
        reason = f": {planned['reason']}" if planned["reason"] else ""
        about = f"Plan {planned['plan_id']} of {planned['created_at']:%Y-%m-%d %H:%M}: {planned['outcome']}{reason}."
        parts.append(escape(about))
        stays = [each for each in planned["changes"] or () if each.get("action") == "keep"]
        parts += [f"  {each['attribute']} stays: {each['why']}." for each in stays]
    if refused:
        parts.append(escape(f"Attio refused it in run {refused['run_id']}: {refused['code']}: {refused['message']}"))
    parts += _sources(story["sources"])
    if story["history"]:
        parts.append(report.rows_table(_told(story["history"]), HISTORY, "History, newest first"))
    else:
        parts.append("We never wrote it.")
    return parts


LONGEST = 300
ROWS_OF_A_SOURCE = 3


def _sources(sources: list[dict[str, Any]]) -> list[RenderableType]:
    """Return the newest rows of each source, a line per cell."""
    parts: list[RenderableType] = []
    for relation, listed in itertools.groupby(sources, key=lambda source: str(source["relation"])):
        rows = [source["row"] for source in listed]
        for number, row in enumerate(rows[:ROWS_OF_A_SOURCE], 1):
            cells = [
                {"column": name, "says": text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"}
                for name, cell in row.items()
                for text in [cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)]
            ]
            of_several = f", {number} of {len(rows)} rows" if len(rows) > 1 else ""
            parts.append(report.rows_table(cells, ("column", "says"), f"From {relation}{of_several}"))
    return parts


FIELDS = ("attribute", "export", "attio", "attio_by", "attio_since", "write")
HISTORY = ("run_id", "command", "finished_at", "method", "state", "wrote", "message")


def _headline(story: dict[str, Any]) -> str:
    known = story["ledger"]
    row = f"{story['export']} {story['row_key']}" if story["row_key"] else f"{story['export']}: no row leads here"
    if story["row_key"] and not story["is_in_export"]:
        row += " (the export has it no more)"
    if story["record_id"] is None:
        return f"{row} -> no record yet."
    where = "" if story["is_in_mirror"] else ", not in the mirror: deleted in Attio, or made since the last pull"
    made = " (made by us)" if known and known["is_created_by_us"] else ""
    return f"{row} -> record {story['record_id']}{made}{where} {story['web_url'] or ''}".rstrip()


def _padded(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: row.get(name) for name in FIELDS} for row in rows]


def _told(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "wrote": ", ".join(sorted(row["body"] or ()))} for row in rows]
