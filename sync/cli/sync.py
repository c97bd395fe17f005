"""`canon sync`: push to Attio what changed."""

from __future__ import annotations

import asyncio
import re
import signal
from typing import TYPE_CHECKING, Any

import click

from sync import database, ledger, mapping, push, rate_limiter, report
from sync.cli import plan as planning
from sync.cli.common import Session, command_options, run_async
from sync.errors import AttioError

if TYPE_CHECKING:
    import psycopg

    from sync.mapping import Export
    from sync.plan import Plan

INTERRUPTED = 130
REJECTS_SHOWN = 20


class _Rejects(click.ParamType):
    name = "N|P%"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, bool]:
        found = re.fullmatch(r"(\d+(?:\.\d+)?)(%?)", str(value))
        if found is None:
            self.fail(f"{value!r} is neither a number of rows nor a percentage", param, ctx)
        return (float(found[1]) / 100, True) if found[2] else (float(found[1]), False)


@click.command("sync")
@click.argument("exports", nargs=-1)
@click.option("--canary", type=click.IntRange(0), default=10, show_default=True, help="Rows written and read back first.")
@click.option("--max-seconds", type=click.FloatRange(0, min_open=True), help="Stop between two rows after so long.")
@click.option("--limit", type=click.IntRange(1), help="Write no more than so many records.")
@click.option("--max-rejects", type=_Rejects(), help="Stop when Attio refused more rows than that.")
@click.option("--no-pull", is_flag=True, help="Compare with the mirror as it is; do not read the CRM first.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@command_options
def command(
    session: Session,
    exports: tuple[str, ...],
    canary: int,
    max_seconds: float | None,
    limit: int | None,
    max_rejects: tuple[float, bool] | None,
    no_pull: bool,
    yes: bool,
) -> int:
    """Push EXPORTS (default: all, in their order) to Attio: plan, ask, a few rows first, then the rest.

    \b
    Example:
      canon sync
      canon sync --yes --max-seconds 50
    """
    every = mapping.load(session.project_dir)
    selected = mapping.select(every, exports)
    rejects, is_share = max_rejects or (None, False)
    limits = push.Limits(canary=canary, seconds=max_seconds, rows=limit, max_rejects=rejects, is_share=is_share)
    return run_async(_sync(session, every, selected, limits, no_pull=no_pull, yes=yes))


async def _sync(
    session: Session, every: list[Export], selected: list[Export], limits: push.Limits, *, no_pull: bool, yes: bool
) -> int:
    async with rate_limiter.connect() as crm:
        identity = await planning.pre_flight(crm, every)
        with (
            database.connect(session.project_dir, autocommit=True) as connection,
            ledger.locked(connection, identity.workspace_id),
        ):
            plan = await planning.make(crm, connection, every, selected, no_pull=no_pull)
            planning.show(planning.readable(connection, plan))
            if plan.writes:
                session.confirm(f"Write these {plan.writes:,} records to {identity.workspace_name}?", yes=yes)
            run_id = ledger.begin_run(connection, "sync", {"exports": [each.model for each in selected], "plan_id": plan.plan_id})
            pushing = push.Push(connection, crm, run_id=run_id, plan_id=plan.plan_id, limits=limits)
            interrupted = _stop_on_signals(pushing)
            try:
                done = await pushing.run(selected, {each.export: each.writes for each in plan.exports})
            except BaseException as error:
                _end_if_possible(connection, run_id, pushing.report, error)
                raise
            exit_code = _exit_code(plan, done, is_interrupted=interrupted.is_set())
            message = done.stopped
            state = {0: "stopped" if message else "done", 1: "stopped" if message else "done", INTERRUPTED: "interrupted"}.get(
                exit_code, "failed"
            )
            ledger.end_run(connection, run_id, state=state, exit_code=exit_code, counts=_counts(done), message=message)
    _answer(session, run_id, plan, done, exit_code)
    return exit_code


def _stop_on_signals(pushing: push.Push) -> asyncio.Event:
    interrupted = asyncio.Event()

    def stop(name: str) -> None:
        interrupted.set()
        pushing.stop(f"interrupted by {name}")

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number.name)
    return interrupted


def _end_if_possible(connection: psycopg.Connection, run_id: int, done: push.Report, error: BaseException) -> None:
    """Note the failure where the database is still there; the error itself is raised by the caller in any case."""
    if not connection.broken and not connection.closed:
        ledger.end_run(connection, run_id, state="failed", exit_code=1, counts=_counts(done), message=type(error).__name__)


def _exit_code(plan: Plan, done: push.Report, *, is_interrupted: bool) -> int:
    if is_interrupted:
        return INTERRUPTED
    if isinstance(done.failure, AttioError):
        return done.failure.exit_code
    aside = sum(each.set_aside for each in plan.exports)
    return 1 if aside or any(done.total(state) for state in ("rejected", "waiting", "differing", "unknown")) else 0


def _counts(done: push.Report) -> dict[str, Any]:
    return {export: dict(counter) for export, counter in done.counts.items()}


def _answer(session: Session, run_id: int, plan: Plan, done: push.Report, exit_code: int) -> None:
    document = {
        "run_id": run_id,
        "plan": plan.document(),
        "counts": _counts(done),
        "written": done.written,
        "left": done.left,
        "rejected": done.rejected,
        "stopped": done.stopped,
        "seconds": round(done.seconds, 3),
        "exit_code": exit_code,
    }
    rate = done.written / done.seconds if done.seconds else 0.0
    lines = [f"Run {run_id}: {done.written:,} records written in {done.seconds:.1f} s ({rate:.1f}/s), {done.left:,} left."]
    if done.stopped:
        lines.append(f"Stopped: {done.stopped}. The next run goes on from here.")
    for each in plan.exports:
        aside = {name: each.outcomes[name] for name in ("conflict", "ambiguous", "held") if each.outcomes.get(name)}
        if aside:
            words = ", ".join(f"{count:,} {name}" for name, count in aside.items())
            lines.append(f"{each.export}: {words}; they were left alone and stand in the plan above.")
    tables = [report.run_table(done)]
    if done.rejected:
        columns = ("export", "row_key", "code", "message")
        tables.append(report.rows_table(done.rejected[:REJECTS_SHOWN], columns, f"{len(done.rejected):,} rejected; all: canon rejected"))
    session.answer(document, *tables, *lines)


