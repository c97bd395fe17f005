"""`canon duplicates`: which records in the CRM are copies of each other."""

from __future__ import annotations

from pathlib import Path

import click
from rich.table import Table

from sync import database, duplicates, mapping
from sync.cli.common import Session, command_options
from sync.errors import ConfigError

SHOWN = 20

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
    """List records in the CRM that are copies of each other, as the models saw it at the last `make build`.

    \b
    Example:
      canon duplicates plan
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
    counted = Table(
        "how sure", "clusters", "copies", title=f"Copies among the {object_slug} of the CRM", title_justify="left"
    )
    for each in tiers:
        counted.add_row(each.tier, f"{each.clusters:,}", f"{each.copies:,}")
    listed = Table(
        "sure", "score", "copy", "of", "why", title="Look at these first: the least evidence", title_justify="left"
    )
    for row in shown:
        copy = " ".join(filter(None, [row["name"], *(row["domains"] or [])]))
        survivor = " ".join(filter(None, [row["survivor_name"], *(row["survivor_domains"] or [])]))
        listed.add_row(row["tier"], f"{row['score']:.2f}", copy, survivor, ", ".join(row["reasons"] or []))
    document = {
        "object": object_slug,
        "tiers": [{"tier": each.tier, "clusters": each.clusters, "copies": each.copies} for each in tiers],
        "riskiest": shown,
    }
    if tiers:
        session.answer(
            document, counted, listed, "Nothing was changed. All of them: canon duplicates export copies.csv"
        )
    else:
        session.answer(document, f"No copies found among the {object_slug} of the CRM.")


@command.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@about
@command_options
def export(session: Session, file: Path, object_slug: str) -> None:
    """Write every record of every cluster as CSV, for people who prefer Attio's own screens.

    \b
    Example:
      canon duplicates export copies.csv
    """
    relation = mapping.relation(session.project_dir, duplicates.VIEWS[object_slug])
    try:
        with database.connect(session.project_dir) as connection:
            count = duplicates.export(connection, relation, file)
    except OSError as error:
        raise ConfigError(f"cannot write {file}: {error.strerror}") from error
    session.answer({"object": object_slug, "file": str(file), "records": count}, f"{count:,} records written to {file}")
