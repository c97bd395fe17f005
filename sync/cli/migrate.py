"""`canon migrate`: create what the database lacks."""

from __future__ import annotations

import sys

import click

from sync import database, migrate
from sync.cli.common import Session, command_options


@click.command("migrate")
@click.option("--plan", "only_plan", is_flag=True, help="Say what it would do; change nothing.")
@click.option(
    "--add-triggers", is_flag=True, help="Add the missing updated_at triggers to tables of yours, once you agree."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@command_options
def command(session: Session, *, only_plan: bool, add_triggers: bool, yes: bool) -> None:
    """Create the tables, triggers and extensions the database lacks, and load the gazetteer.

    Tables that exist are never altered: how they differ is reported, with the SQL you may run. As nothing of yours
    is touched, it asks only where somebody sits at a terminal. The one exception is --add-triggers, which always asks:
    without them updated_at of your tables stays what it was when rows change.

    \b
    Example:
      canon migrate --plan
      canon migrate --yes
      canon migrate --add-triggers
    """
    with database.connect(session.project_dir, autocommit=True) as connection:
        plan = migrate.read(connection)
        name = f"{connection.info.dbname} at {connection.info.host or 'this machine'}:{connection.info.port}"
        document = {"database": name, "plan": only_plan, **plan.document()}
        for line in _lines(plan, name):
            click.echo(line, err=True)
        missing = [difference for difference in plan.differences if difference.is_trigger] if add_triggers else []
        if only_plan or (plan.is_empty and not missing):
            session.answer(document)
            return
        if missing:  # asked before anything is done: no means nothing
            tables = ", ".join(difference.table for difference in missing)
            session.confirm(f"Add a trigger to {tables}, which are yours?", yes=yes)
        elif sys.stdin.isatty() and sys.stderr.isatty():
            session.confirm("Do that?", yes=yes)
        done = migrate.apply(connection, lambda line: click.echo(line, err=True))
        added = migrate.add_triggers(connection, missing, lambda line: click.echo(line, err=True))
        after = migrate.read(connection)
    session.answer(
        {
            **document,
            **done.document(),
            "applied": list(after.applied),
            "extensions": after.document()["extensions"],
            "triggers_added": added,
        },
        f"{name}: {len(done.pending)} migrations applied, {len(done.creates)} tables created, {added} triggers added.",
    )


def _lines(plan: migrate.Plan, database_name: str) -> list[str]:
    """Return what a person reads: what would be done, what stays, what differs."""
    lines: list[str] = []
    if plan.is_empty:
        lines.append(f"{database_name}: nothing to do, all {len(plan.applied)} migrations are applied.")
    lines += [
        f"create extension {extension.name} in schema {extension.where}"
        for extension in plan.extensions
        if extension.state == "absent"
    ]
    lines += [
        f"extension {extension.name} is not installed on this server: have its administrator install Postgres's "
        f"contrib package, then run: create extension {extension.name};"
        for extension in plan.extensions
        if extension.state == "unavailable"
    ]
    for migration in plan.pending:
        tables = [table.name for table in migration.tables() if table.name in plan.creates]
        lines.append(f"apply {migration.name}" + (f": create {', '.join(tables)}" if tables else ""))
    lines += [f"load {file.relation} from {file.path.name}" for file in plan.gazetteer]
    if plan.keeps:
        lines.append(f"keep as they are, since they were there before: {', '.join(plan.keeps)}")
    return lines + [difference.line() for difference in plan.differences]
