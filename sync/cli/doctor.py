"""`canon doctor`: is everything as it should be, and if not, what to do."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

import click
from rich.markup import escape

from sync import doctor
from sync.cli.common import Session, command_options, people_console

MARKS = {"ok": "[green]ok  [/]", "warn": "[yellow]warn[/]", "fail": "[red]fail[/]"}


@click.command("doctor")
@command_options
def command(session: Session) -> int:
    """Look at the database, dbt, Attio and the ledger, and say for each finding what to run. Changes nothing.

    Exit code 0: nothing failed (warnings may stand); 1: something failed.

    \b
    Example:
      canon doctor
      canon doctor --json | jq '.checks[] | select(.state != "ok")'
    """
    console = people_console()
    found = []
    for check in doctor.checks(session.project_dir):
        found.append(check)
        console.print(f"{MARKS[check.state]} {check.area}: {escape(f'{check.name}: {check.what}')}", soft_wrap=True)
        if check.fix:
            console.print(f"       run: {escape(check.fix)}", soft_wrap=True)
    counts = Counter[str](check.state for check in found)
    summary = ", ".join(f"{counts[state]} {state}" for state in MARKS if counts[state])
    console.print(summary)
    session.answer({"checks": [asdict(check) for check in found], "counts": dict(counts)})
    return 1 if counts["fail"] else 0
