"""An export as CSV files that Attio's own importer takes: the way out when the API is none.

Rows whose record is known go into files of their own, with `Record ID`: the importer refuses that column for new
records, and finds people, who have no unique attribute of ours, by nothing else. A column per attribute, named by its
slug; names and places a column per part; several values with commas between them; references by the key that finds
them.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from psycopg import sql

from sync import progress
from sync.warehouse import refusals_told

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import psycopg

    from sync.mapping import Export, Field

PARTS = {
    "personal-name": ("first_name", "last_name"),
    "location": ("line_1", "line_2", "locality", "region", "postcode", "country_code"),
}
"""Types of several parts -> those that get a column."""


def write(connection: psycopg.Connection, export: Export, folder: Path, *, most_bytes: int) -> dict[str, int]:
    """Write the export's rows into files of at most `most_bytes` (one row at least); return file name -> rows.

    Files of an earlier call are replaced. Raises `OSError` where they cannot be written.
    """
    header = [name for field in export.fields for name in _headers(field)]
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob(f"{export.model}-*.csv"):
        stale.unlink()
    written: dict[str, int] = {}
    with progress.task(f"export {export.model}", unit="rows") as shown:
        for kind, is_known, lead in (("new", False, []), ("known", True, ["Record ID"])):
            files = _Files(folder, f"{export.model}-{kind}", [*lead, *header], most_bytes)
            try:
                for record_id, *cells in _rows(connection, export, is_known=is_known):
                    files.add([record_id, *cells] if is_known else cells)
                    shown.advance()
            finally:
                files.close()
            written |= files.rows
    return written


class _Files:
    """CSV files with the same header, the next begun when one is full."""

    def __init__(self, folder: Path, stem: str, header: list[str], most_bytes: int) -> None:
        self.folder, self.stem, self.most_bytes = folder, stem, most_bytes
        self.rows: dict[str, int] = {}
        self._header = _line(header)
        self._file: Any = None
        self._bytes = 0
        self._name = ""

    def add(self, cells: list[Any]) -> None:
        """Write a row."""
        line = _line(cells)
        if self._file is None or self._bytes + len(line) > self.most_bytes:
            self._begin()
        self._file.write(line)
        self._bytes += len(line)
        self.rows[self._name] += 1

    def close(self) -> None:
        """Close the last file."""
        if self._file is not None:
            self._file.close()

    def _begin(self) -> None:
        self.close()
        self._name = f"{self.stem}-{len(self.rows) + 1:03}.csv"
        self._file = (self.folder / self._name).open("wb")
        self._file.write(self._header)
        self._bytes = len(self._header)
        self.rows[self._name] = 0


def _line(cells: list[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(["" if cell is None else cell for cell in cells])
    return text.getvalue().encode()


def _headers(field: Field) -> list[str]:
    parts = PARTS.get(field.type)
    return [f"{field.attribute} {part.replace('_', ' ')}" for part in parts] if parts else [field.attribute]


def _rows(connection: psycopg.Connection, export: Export, *, is_known: bool) -> Iterator[tuple[Any, ...]]:
    """Yield the record's id and the cells of each row, a few at a time."""
    hint: sql.Composable = sql.SQL("null::text")
    if export.record_id_column is not None:
        hint = sql.SQL("{}::text").format(sql.Identifier("exported", export.record_id_column))
    query = sql.SQL(
        """
        select
            coalesce(aliases.current_record_id::text, row_states.record_id::text, {hint}) as known_id,
            {cells}
        from {relation} as exported
        left join attio_sync.row_states
            on row_states.export = {export} and row_states.row_key = {key}::text
        left join attio_sync.aliases
            on aliases.object = row_states.object and aliases.record_id = row_states.record_id
        where ({hint} is not null or row_states.record_id is not null) = {is_known}
        order by {key}
        """
    ).format(
        cells=sql.SQL(",\n            ").join(cell for field in export.fields for cell in _cells(field)),
        relation=sql.Identifier(export.schema, export.table),
        export=sql.Literal(export.model),
        key=sql.Identifier("exported", export.key),
        hint=hint,
        is_known=sql.Literal(is_known),
    )
    with refusals_told("export"), connection.transaction(), connection.cursor(name="exported_rows") as cursor:
        cursor.execute(query)
        yield from cursor


def _cells(field: Field) -> list[sql.Composable]:
    """Return the expressions of a field's columns."""
    column = sql.SQL("to_jsonb({})").format(sql.Identifier("exported", field.column))
    parts = PARTS.get(field.type)
    if parts:
        return [sql.SQL("attio_sync.as_list({}) -> 0 ->> {}").format(column, sql.Literal(part)) for part in parts]
    return [
        sql.SQL(
            "(select string_agg(attio_sync.shown_value({}, element), ',' order by place)"
            " from jsonb_array_elements(coalesce(attio_sync.as_list({}), '[]'))"
            " with ordinality as listed (element, place))"
        ).format(sql.Literal("text" if field.references else field.type), column)
    ]
