"""`canon load`: files into a table."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from sync import database, load
from sync.cli.common import Session, command_options

LINES_SHOWN = 10


@click.command("load")
@click.argument("paths", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--into", required=True, metavar="SCHEMA.TABLE", help="The table; it needs a unique key.")
@click.option("--format", "format_name", metavar="NAME", help="What the file is, when its columns are not the table's.")
@click.option("--dry-run", is_flag=True, help="Read and count everything, store nothing.")
@click.option("--yes", is_flag=True, help="Do not ask before a table that is not canon's is changed.")
@command_options
def command(
    session: Session, *, paths: tuple[Path, ...], into: str, format_name: str | None, dry_run: bool, yes: bool
) -> int:
    """Load CSV or NDJSON files (also gzipped) into a table, by its unique key; all or nothing per file.

    Without --format the column names in the file are the table's. A blank cell leaves a value that is there alone. Of
    several lines with one key the last one wins.

    \b
    Example:
      canon load companies.csv.gz --into extracted.companyenrich_company --format companies
      canon load corrections.csv --into reference.location_lookup
    """
    format_ = load.read_format(format_name) if format_name else None
    with database.connect(session.project_dir, autocommit=True) as connection:
        target = load.read_target(connection, into)
        if not (target.is_source_table or dry_run or yes):
            if sys.stdin.isatty() and sys.stderr.isatty():
                _show(load.load(connection, paths, target, format_, dry_run=True), into, dry_run=True)
            session.confirm(f"{into} is not one of canon's tables. Load into it?", yes=yes)
        reports = load.load(connection, paths, target, format_, dry_run=dry_run)
    _show(reports, into, dry_run=dry_run)
    totals = {
        name: sum(getattr(report, name) for report in reports if report.is_loaded)
        for name in ("inserted", "updated", "unchanged")
    }
    bad = sum(report.bad_count for report in reports)
    session.answer(
        {
            "into": into,
            "format": format_name,
            "dry_run": dry_run,
            **totals,
            "bad": bad,
            "files": [report.document() for report in reports],
        }
    )
    return 1 if bad else 0


def _show(reports: list[load.FileReport], into: str, *, dry_run: bool) -> None:
    for report in reports:
        for each in report.bad[:LINES_SHOWN]:
            click.echo(f"{report.path}: line {each.line}: {each.reason}", err=True)
        if report.bad_count > LINES_SHOWN:
            more_lines = f"{report.bad_count - LINES_SHOWN:,} more bad lines"
            click.echo(f"{report.path}: and {more_lines} (--json lists them)", err=True)
        for reason, lines in _by_reason(report.left_out).items():
            more = ", ..." if len(lines) > LINES_SHOWN else ""
            shown = ", ".join(map(str, lines[:LINES_SHOWN]))
            click.echo(f"{report.path}: left out, {reason}: {len(lines):,} lines ({shown}{more})", err=True)
        if report.left_out_count > len(report.left_out):
            click.echo(f"{report.path}: {report.left_out_count - len(report.left_out):,} more left out", err=True)
        if report.absent_columns:
            click.echo(f"{into} lacks {', '.join(report.absent_columns)}: loaded without", err=True)
        click.echo(_summary(report, into, dry_run=dry_run), err=True)


def _summary(report: load.FileReport, into: str, *, dry_run: bool) -> str:
    if not report.is_loaded:
        return f"{report.path}: {report.bad_count:,} bad lines, so nothing of it was loaded: mend or remove them"
    words = [f"{report.inserted:,} inserted", f"{report.updated:,} updated", f"{report.unchanged:,} unchanged"]
    if report.merged:
        words.append(f"{report.merged:,} merged into others of the same key")
    if report.repeated:
        words.append(f"{report.repeated:,} repeat a key (the last line won)")
    if report.left_out_count:
        words.append(f"{report.left_out_count:,} left out")
    would = "would be " if dry_run else ""
    return f"{report.path} -> {into}: of {report.records:,} records {would}{', '.join(words)}"


def _by_reason(lines: list[load.NamedLine]) -> dict[str, list[int]]:
    grouped: dict[str, list[int]] = {}
    for each in lines:
        grouped.setdefault(each.reason, []).append(each.line)
    return grouped
