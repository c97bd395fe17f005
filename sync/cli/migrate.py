"""`canon migrate`: create what the database lacks."""

from __future__ import annotations

import sys

import click

from sync import database, migrate
from sync.cli.common import Session, command_options


@click.command("migrate")
@click.option("--plan", "only_plan", is_flag=True, help="Say what it would do; change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@command_options
def command(session: Session, *, only_plan: bool, yes: bool) -> None:
    """Create the tables, triggers and extensions the database lacks, and load the gazetteer.

    Tables that exist are never altered: how they differ is reported, with the SQL you may run. As nothing of yours
    is touched, it asks only where somebody sits at a terminal.

    \b
    Example:
      canon migrate --plan
      canon migrate --yes
    """
    with database.connect(session.project_dir, autocommit=True) as connection:
        plan = migrate.read(connection)
        name = f"{connection.info.dbname} at {connection.info.host or 'this machine'}:{connection.info.port}"
        document = {"database": name, "plan": only_plan, **plan.document()}
        for line in _lines(plan, name):
            click.echo(line, err=True)
        if only_plan or plan.is_empty:
            session.answer(document)
            return
        if sys.stdin.isatty() and sys.stderr.isatty():
            session.confirm("Do that?", yes=yes)
        done = migrate.apply(connection, lambda line: click.echo(line, err=True))
        after = migrate.read(connection)
    session.answer(
        {**document, **done.document(), "applied": list(after.applied), "extensions": after.document()["extensions"]},
        f"{name}: {len(done.pending)} migrations applied, {len(done.creates)} tables created.",
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
