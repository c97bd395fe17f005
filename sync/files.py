"""CSV and NDJSON files, gzipped or not, as numbered rows of text; nothing here knows what a column means.

Rows come one at a time, so memory stays flat. A line that cannot be read is told to `on_bad` with its number and the
reason, and the reading goes on with the next one. Line numbers are physical: the CSV header is line 1, and a row is
named by the line it begins on.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sync.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Kind = Literal["csv", "ndjson"]

LONGEST_CELL = 16 << 20  # characters; a quote that never closes must not take the whole file into memory
LONGEST_LINE = 64 << 20  # bytes of one NDJSON line
ENDS_BY_KIND: dict[str, Kind] = {".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson"}


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a file: the line it begins on, and its cells in the order that was asked for.

    A cell is None when the record has no such column (NDJSON only; an empty CSV cell is ``""``).
    """

    line: int
    cells: tuple[str | None, ...]


def check_readable(path: Path) -> None:
    """Raise `ConfigError` when `path` is no file that can be read as UTF-8 text."""
    try:
        with path.open("rb") as raw:
            beginning = raw.read(4)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    if beginning[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        raise ConfigError(f"{path} is UTF-16: save it as UTF-8")


def kind_of(path: Path) -> Kind:
    """Say whether `path` is CSV or NDJSON: by its name, else by its first character."""
    name = path.name.lower().removesuffix(".gz")
    for ending, kind in ENDS_BY_KIND.items():
        if name.endswith(ending):
            return kind
    try:
        with _open(path) as content:
            return "ndjson" if content.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{" else "csv"
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return "csv"


def header(path: Path) -> tuple[str, ...]:
    """Return a CSV file's column names, ``()`` for an empty file; raises `ConfigError` when they are ambiguous."""
    names: list[str] = []
    try:
        with _text(path) as lines:
            names = next(csv.reader(lines, strict=True), [])
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return ()  # `rows` reports it, with the line
    except csv.Error as error:
        raise ConfigError(f"{path}: line 1, the header, cannot be read: {error}") from error
    stripped = [name.strip() for name in names]
    for position, name in enumerate(stripped, start=1):
        if not name:
            raise ConfigError(f"{path}: line 1: column {position} has no name")
        if stripped.index(name) != position - 1:
            raise ConfigError(f"{path}: line 1: two columns are called {name!r}; rename or remove one")
    return tuple(stripped)


def csv_rows(path: Path, columns: tuple[str, ...], on_bad: Callable[[int, str], None]) -> Iterator[Row]:
    """Yield the rows of a CSV file, with the cells of `columns` (each must be in the header)."""
    csv.field_size_limit(LONGEST_CELL)
    begins_on = 1
    try:
        with _text(path) as lines:
            reader = csv.reader(lines, strict=True)
            names = next(reader, None)
            if names is None:
                on_bad(1, "the file is empty: a line with the column names is expected")
                return
            stripped = [name.strip() for name in names]
            wanted = [stripped.index(column) for column in columns]
            while True:
                begins_on = reader.line_num + 1
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    on_bad(begins_on, _csv_reason(error))
                    continue
                if not cells:
                    continue  # an empty line
                if len(cells) != len(stripped):
                    on_bad(begins_on, f"has {len(cells)} cells, the header has {len(stripped)}")
                    continue
                unfit = _unfit("".join(cells))
                if unfit:
                    on_bad(begins_on, unfit)
                    continue
                yield Row(begins_on, tuple(cells[position] for position in wanted))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        on_bad(begins_on, f"the gzip file ends too early or is damaged from here on ({error})")


def ndjson_rows(
    path: Path, columns: tuple[str, ...], json_columns: frozenset[str], on_bad: Callable[[int, str], None]
) -> Iterator[Row]:
    """Yield the rows of an NDJSON file with the cells of `columns`; a key that is none of them makes a line bad.

    Scalars come as their text, objects and lists as JSON; in `json_columns` every value comes as JSON.
    """
    known = frozenset(columns)
    for number, document, _ in _documents(path, on_bad):
        unknown = document.keys() - known
        if unknown:
            on_bad(number, f"has a key that is no column: {min(unknown)!r}")
            continue
        yield Row(number, tuple(_cell(document.get(name), as_json=name in json_columns) for name in columns))


def ndjson_documents(path: Path, on_bad: Callable[[int, str], None]) -> Iterator[Row]:
    """Yield the lines of an NDJSON file whole: one cell, the line's text, known to be a JSON object."""
    for number, _, text in _documents(path, on_bad):
        yield Row(number, (text,))


def _documents(path: Path, on_bad: Callable[[int, str], None]) -> Iterator[tuple[int, dict[str, Any], str]]:
    number = 0
    try:
        with _open(path) as content:
            while line := content.readline(LONGEST_LINE):
                number += 1
                if number == 1:
                    line = line.removeprefix(b"\xef\xbb\xbf")
                if not line.strip():
                    continue
                try:
                    text = line.decode()
                    document = json.loads(text, parse_float=_Number, parse_int=_Number, parse_constant=_no_constant)
                except UnicodeDecodeError:
                    on_bad(number, "is not valid UTF-8")
                except (ValueError, RecursionError) as error:
                    on_bad(number, f"is not JSON: {error}")
                else:
                    if not isinstance(document, dict):
                        on_bad(number, "is not a JSON object")
                    elif unfit := _unfit_escapes(text, document):
                        on_bad(number, unfit)
                    else:
                        yield number, document, text
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        on_bad(number + 1, f"the gzip file ends too early or is damaged from here on ({error})")


class _Number(str):
    """A JSON number as it was written, so that no digit is lost."""

    __slots__ = ()


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


def _cell(value: Any, *, as_json: bool) -> str | None:
    if value is None:
        return None
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, str) and not as_json:
        return value
    return _json(value)


def _json(value: Any) -> str:
    """Return `value` as JSON text, numbers as they were written (`json.dumps` would quote them)."""
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key, ensure_ascii=False)}: {_json(each)}" for key, each in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _csv_reason(error: csv.Error) -> str:
    reason = str(error)
    if "unexpected end of data" in reason or "field larger than" in reason:
        return "a quoted cell that begins on this line never ends"
    return f"is not CSV: {reason}"


def _unfit(text: str) -> str:
    """Return why Postgres cannot store `text`, ``""`` when it can."""
    if "\0" in text:
        return "holds a NUL byte, which Postgres cannot store"
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return "is not valid UTF-8"
    return ""


def _unfit_escapes(text: str, document: dict[str, Any]) -> str:
    r"""Return why Postgres cannot store the strings of `document`; only `\u` escapes can smuggle such a thing in."""
    if "\\u" not in text:
        return ""
    return next(filter(None, map(_unfit, _strings(document))), "")


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from _strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)


def _open(path: Path) -> gzip.GzipFile | io.BufferedReader:
    with path.open("rb") as raw:
        is_gzip = raw.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if is_gzip else path.open("rb")


def _text(path: Path) -> io.TextIOWrapper:
    # Invalid bytes come through as lone surrogates, so that one bad line is a bad line and not the end.
    return io.TextIOWrapper(_open(path), encoding="utf-8-sig", errors="surrogateescape", newline="")
