"""`canon runs`: earlier runs."""

from __future__ import annotations

import click

from sync import database, ledger, report
from sync.cli.common import Session, command_options
from sync.warehouse import refusals_told

COLUMNS = ("run_id", "command", "state", "exit_code", "started_at", "finished_at", "counts", "message")


@click.command("runs")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="How many to list.")
@command_options
def command(session: Session, limit: int) -> None:
    """List earlier runs, newest first.

    \b
    Example:
      canon runs
      canon runs --json --limit 1000
    """
    with database.connect(session.project_dir, autocommit=True) as connection, refusals_told("runs"):
        rows = ledger.runs(connection, limit=limit)
    shown = [{**row, "counts": report.counted(row["counts"])} for row in rows]
    session.answer({"runs": rows}, report.rows_table(shown, COLUMNS, "Runs") if rows else "No runs yet.")
