"""`canon extract`: bring what arrived into the extracted tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sync import database, extract
from sync.cli.common import Session, command_options

if TYPE_CHECKING:
    from sync.extract import Replayed


@click.command("extract")
@click.argument("feeds", nargs=-1, metavar="[FEED]...")
@click.option("--replay", "replay_all", is_flag=True, help="Replay every payload, also those extracted already.")
@click.option("--dry-run", is_flag=True, help="Say what would change; change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@command_options
def command(session: Session, *, feeds: tuple[str, ...], replay_all: bool, dry_run: bool, yes: bool) -> None:
    """Extract payloads that were stored and not extracted; with --replay, rebuild from all of them.

    FEED is companyenrich, person_discovery or job_posting; all when none is named. Payloads are read in the order in
    which they arrived, by the rules of the endpoints. What would change is shown first. A second run changes nothing.

    \b
    Example:
      canon extract
      canon extract --replay companyenrich --dry-run
    """
    answers: list[dict[str, Any]] = []
    with database.connect(session.project_dir, autocommit=True) as connection:
        for feed in extract.feeds(connection, feeds):
            found = extract.replay(connection, feed, only_new=not replay_all)
            for line in _lines(found):
                click.echo(line, err=True)
            written = 0
            if found.rows and not dry_run:
                session.confirm(f"Write these {found.rows:,} rows of {feed}?", yes=yes)
                found = extract.catch_up(connection, found)
                written = extract.apply(connection, found)
            answers.append(
                {
                    "feed": feed,
                    "payloads": found.payloads,
                    "refused": found.refused,
                    "new": found.new,
                    "changed": found.changed,
                    "columns": found.columns,
                    "written": written,
                }
            )
    total = sum(answer["written"] for answer in answers)
    session.answer({"dry_run": dry_run, "feeds": answers}, f"{total:,} rows written.")


def _lines(found: Replayed) -> list[str]:
    """Return what a person reads before anything is written."""
    head = f"{found.feed}: {found.payloads:,} payloads read, {found.refused:,} have nothing to extract"
    if not found.rows:
        return [f"{head}; nothing would change."]
    columns = ", ".join(f"{name} {count:,}" for name, count in found.columns.items())
    lines = [
        f"{head}; {found.new:,} rows would be new, {found.changed:,} would change{f' ({columns})' if columns else ''}:"
    ]
    lines += [f"  {key}: {', '.join(names) or 'new'}" for key, names in found.examples]
    more = found.rows - len(found.examples)
    return [*lines, f"  and {more:,} more"] if more else lines
