"""`canon rejected`: what Attio refused."""

from __future__ import annotations

import click

from sync import database, ledger, report
from sync.cli.common import Session, command_options
from sync.warehouse import refusals_told

COLUMNS = ("export", "row_key", "code", "message", "run_id", "rejected_at")


@click.command("rejected")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="How many to list.")
@command_options
def command(session: Session, limit: int) -> None:
    """List the rows that Attio refused when they were last tried, and why; each is tried again next time.

    \b
    Example:
      canon rejected
      canon rejected --json --limit 1000
    """
    with database.connect(session.project_dir, autocommit=True) as connection, refusals_told("rejected"):
        rows = ledger.rejects(connection, limit=limit)
    session.answer({"rejected": rows}, report.rows_table(rows, COLUMNS, "Rejected") if rows else "Nothing is rejected.")
