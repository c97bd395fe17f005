"""`canon export`: files for Attio's own importer."""

from __future__ import annotations

from pathlib import Path

import click

from sync import database, export, mapping, warehouse
from sync.cli.common import Session, command_options
from sync.errors import ConfigError

MEGABYTE = 1_000_000


@click.command("export")
@click.argument("name", metavar="EXPORT")
@click.option("--csv", "as_csv", is_flag=True, help="As CSV (there is no other format yet; say it all the same).")
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("exports"),
    show_default=True,
    help="The folder to write to.",
)
@click.option(
    "--max-mb",
    type=click.FloatRange(0.001),
    default=10.0,
    show_default=True,
    help="Begin another file when one has so many megabytes.",
)
@command_options
def command(session: Session, *, name: str, as_csv: bool, folder: Path, max_mb: float) -> None:
    """Write EXPORT as files that Attio's own CSV importer takes; asks Attio nothing.

    Rows whose record is known are in files of their own, with their `Record ID`. The importer writes over what people
    typed, and makes copies of people it has no Record ID for: `canon sync` does neither.

    \b
    Example:
      canon export attio_people --csv
      canon export attio_companies --csv --to /tmp/attio --max-mb 5
    """
    if not as_csv:
        raise ConfigError("say which format: canon export EXPORT --csv")
    (selected,) = mapping.select(mapping.load(session.project_dir), [name])
    try:
        with database.connect(session.project_dir, autocommit=True) as connection:
            warehouse.check_exports(connection, [selected])
            files = export.write(connection, selected, folder, most_bytes=int(max_mb * MEGABYTE))
    except OSError as error:
        raise ConfigError(f"cannot write to {folder}: {error.strerror}") from error
    lines = [f"{folder / file}: {rows:,} rows" for file, rows in files.items()]
    session.answer(
        {"export": name, "folder": str(folder), "files": files, "rows": sum(files.values())},
        *(lines or [f"{name} has no rows: nothing written."]),
    )
