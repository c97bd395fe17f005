"""`canon sync`: push to Attio what changed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import time
from typing import TYPE_CHECKING, Any

import click
import psycopg

from sync import (
    attachments,
    attio,
    database,
    ledger,
    mapping,
    missing,
    pull,
    push,
    rate_limiter,
    removal,
    report,
    undo,
    webhook,
)
from sync import plan as planning
from sync.cli import plan as plan_command
from sync.cli.common import Session, command_options, people_console, run_async
from sync.errors import SyncError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import RenderableType

    from sync.mapping import Export
    from sync.plan import Plan
    from sync.rate_limiter import Crm

INTERRUPTED = 130
UNEXPECTED = 70
ROWS_NAMED = 20
ROWS_IN_JSON = 1000
UNWRITTEN = ("changed", "rejected", "waiting", "differing")


class _Rejects(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on only
    name = "N|P%"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, bool]:
        found = re.fullmatch(r"(\d+)|(\d+(?:\.\d+)?)%", str(value))
        if found is None or float(found[2] or 0) > 100:
            self.fail(f"{value!r} is neither a number of rows nor a percentage", param, ctx)
        return (float(found[1]), False) if found[1] else (float(found[2]) / 100, True)


@click.command("sync")
@click.argument("exports", nargs=-1)
@click.option(
    "--canary", type=click.IntRange(0), default=10, show_default=True, help="Rows written and read back first."
)
@click.option("--max-seconds", type=click.FloatRange(0, min_open=True), help="Stop between two rows after so long.")
@click.option("--limit", type=click.IntRange(1), help="Write no more than so many records.")
@click.option("--max-rejects", type=_Rejects(), help="Stop when Attio refused more rows than that.")
@click.option(
    "--on-missing",
    type=click.Choice(["report", "clear", "delete"]),
    default="report",
    show_default=True,
    help="Rows that left their export: only name them, clear the values we wrote, or delete the records that we "
    "created and nobody touched.",
)
@click.option("--no-pull", is_flag=True, help="Compare with the mirror as it is; do not read the CRM first.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@command_options
def command(
    session: Session,
    *,
    exports: tuple[str, ...],
    canary: int,
    max_seconds: float | None,
    limit: int | None,
    max_rejects: tuple[float, bool] | None,
    on_missing: str,
    no_pull: bool,
    yes: bool,
) -> int:
    """Push EXPORTS (default: all, in their order) to Attio: plan, ask, a few rows first, then the rest.

    \b
    Example:
      canon sync
      canon sync --yes --max-seconds 50
      canon sync attio_people --on-missing delete
    """
    attio.settings(os.environ)  # what is missing is told before any work
    deadline = None if max_seconds is None else time.monotonic() + max_seconds
    every = mapping.load(session.project_dir)
    selected = mapping.select(every, exports)
    rejects, is_share = max_rejects or (None, False)
    limits = push.Limits(canary=canary, deadline=deadline, rows=limit, max_rejects=rejects, is_share=is_share)
    try:
        with terminated_like_interrupted():
            return run_async(_sync(session, every, selected, limits, on_missing=on_missing, no_pull=no_pull, yes=yes))
    except SyncError as error:
        _tell(f"canon sync failed (exit code {error.exit_code}): {error}")
        raise


def _tell(text: str) -> None:
    """Post the report where somebody reads it, if the settings say where."""
    problem = webhook.tell(os.environ, text)
    if problem:
        click.echo(f"canon: {problem}", err=True)


async def _sync(
    session: Session,
    every: list[Export],
    selected: list[Export],
    limits: push.Limits,
    *,
    on_missing: str,
    no_pull: bool,
    yes: bool,
) -> int:
    cap = plan_command.record_cap()
    with database.connect(session.project_dir, autocommit=True) as connection, database.waiting_told(connection):
        async with rate_limiter.connect() as crm:
            identity = await plan_command.pre_flight(crm, connection, planning.with_referenced(every, selected))
            selected, held_back = plan_command.gate(session, connection, selected)
            with ledger.locked(connection, identity.workspace_id):
                arguments = {
                    "exports": [each.model for each in selected],
                    "limit": limits.rows,
                    "canary": limits.canary,
                }
                run_id = ledger.begin_run(connection, "sync", arguments, workspace_id=identity.workspace_id)
                with ended_whatever_happens(connection, run_id):
                    objects = _objects_read(every, selected, cap, on_missing)
                    plan = await plan_command.make(crm, connection, every, selected, objects=objects, no_pull=no_pull)
                    if not session.wants_json:
                        _show(plan_command.readable(connection, plan, cap))
                    leaving = await _leaving(crm, connection, selected, on_missing)
                    if leaving and not session.wants_json:
                        _show([report.steps_table(leaving[:ROWS_NAMED], f"Rows that left their export: {on_missing}")])
                    ledger.tell_plan(connection, run_id, plan.plan_id)  # kept from here on, however long nobody answers
                    changes = plan.writes + sum(step.action != "stay" for step in leaving)
                    if changes:
                        session.confirm(f"Change these {changes:,} records in {identity.workspace_name}?", yes=yes)
                    pushing = push.Push(connection, crm, run_id=run_id, plan_id=plan.plan_id, limits=limits)
                    jobs: list[Callable[[str], None]] = [pushing.stop]
                    interrupted = stop_on_signals(lambda why: [stop(why) for stop in jobs])
                    done = await pushing.run(selected, {each.export: each.writes for each in plan.exports})
                    missed = undo.Report(stopped=done.stopped)
                    if not done.stopped:
                        missed = await _let_go(connection, crm, run_id, leaving, jobs)
                        done.stopped, done.failure = missed.stopped, missed.failure
                    exit_code = _exit_code(plan, done, is_interrupted=interrupted.is_set())
                    if missed.stayed and exit_code == 0:
                        exit_code = 1
                    if held_back and exit_code == 0:
                        exit_code = 1
                    ledger.end_run(
                        connection,
                        run_id,
                        state=_state(done, exit_code),
                        exit_code=exit_code,
                        counts=_by_export(done),
                        message=done.stopped,
                    )
                aside = [
                    row
                    for each in plan.exports
                    for row in planning.rows(
                        connection, plan.plan_id, each.export, planning.SET_ASIDE, limit=ROWS_IN_JSON
                    )
                ]
            _answer(
                session,
                run_id=run_id,
                plan=plan,
                done=done,
                exit_code=exit_code,
                aside=aside,
                held_back=held_back,
                missed=missed,
                crm=crm,
            )
    return exit_code


def _objects_read(every: list[Export], selected: list[Export], cap: int | None, on_missing: str) -> list[str]:
    """Return what of the CRM a sync needs: all of it before a record may go, since any may refer to it."""
    if on_missing == "report":
        return plan_command.objects_read(every, selected, cap)
    return pull.default_objects(every)


async def _leaving(
    crm: Crm, connection: psycopg.Connection, selected: list[Export], on_missing: str
) -> list[undo.Step]:
    """Return what becomes of the records of rows that left, besides being reported."""
    if on_missing == "report":
        return []
    await removal.read_attached(crm, connection)
    attributes = {slug: await crm.attributes(slug) for slug in dict.fromkeys(each.object_slug for each in selected)}
    leaving = [
        step
        for export in reversed(selected)  # those that refer to others go first
        for step in missing.steps(connection, export, attributes, is_deleting=on_missing == "delete")
    ]
    return undo.spare_listed(leaving, await attachments.entries(crm)) if undo.deletes(leaving) else leaving


async def _let_go(
    connection: psycopg.Connection,
    crm: Crm,
    run_id: int,
    leaving: list[undo.Step],
    jobs: list[Callable[[str], None]],
) -> undo.Report:
    """Clear or delete; what stops the run stops this."""
    letting_go = undo.Undo(connection, crm, run_id=run_id)
    if not leaving:
        return letting_go.report
    jobs.append(letting_go.stop)
    report_of_it = await letting_go.run(leaving)
    report_of_it.stayed[:0] = [undo.named(step, step.reason) for step in leaving if step.action == "stay"]
    return report_of_it


@contextlib.contextmanager
def terminated_like_interrupted() -> Iterator[None]:
    """Let both signals interrupt at once, also while the database works; for the sending see `stop_on_signals`."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    for number in before:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def stop_on_signals(stop_job: Callable[[str], object]) -> asyncio.Event:
    """Finish what is under way at the first signal; at the second end at once (what is open is settled next time)."""
    interrupted = asyncio.Event()
    main = asyncio.current_task()

    def stop(name: str) -> None:
        if interrupted.is_set() and main is not None:
            main.cancel()
        interrupted.set()
        stop_job(f"interrupted by {name}")
        click.echo("canon: finishing what is under way; once more to end at once", err=True)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number.name)
    return interrupted


@contextlib.contextmanager
def ended_whatever_happens(connection: psycopg.Connection, run_id: int) -> Iterator[None]:
    """Note how a run ended that ends with an error; the error goes on its way."""
    try:
        yield
    except BaseException as error:
        told = error
        while isinstance(told, BaseExceptionGroup):
            told = told.exceptions[0]
        state, exit_code, message = "failed", UNEXPECTED, type(told).__name__
        if isinstance(told, SyncError):
            exit_code, message = told.exit_code, str(told)
        elif isinstance(told, KeyboardInterrupt | asyncio.CancelledError | click.Abort):
            state, exit_code, message = "interrupted", INTERRUPTED, "interrupted"
        with contextlib.suppress(psycopg.Error):  # the database itself may be what failed
            ledger.end_run(connection, run_id, state=state, exit_code=exit_code, counts={}, message=message)
        if isinstance(told, asyncio.CancelledError):
            raise KeyboardInterrupt from error
        raise


def _exit_code(plan: Plan, done: push.Report, *, is_interrupted: bool) -> int:
    if is_interrupted:
        return INTERRUPTED
    if done.failure is not None:
        return done.failure.exit_code
    aside = sum(each.set_aside for each in plan.exports)
    return 1 if aside or done.total(*UNWRITTEN) else 0


def _state(done: push.Report, exit_code: int) -> str:
    if exit_code == INTERRUPTED:
        return "interrupted"
    if done.failure is not None:
        return "failed"
    return "stopped" if done.stopped else "done"


def _by_export(done: push.Report) -> dict[str, dict[str, int]]:
    return {export: {state: counter[state] for state in push.STATES} for export, counter in done.counts.items()}


def _show(parts: Iterator[RenderableType] | list[RenderableType] | Any) -> None:
    console = people_console()
    for part in parts:
        console.print(part, soft_wrap=isinstance(part, str))


def _answer(
    session: Session,
    *,
    run_id: int,
    plan: Plan,
    done: push.Report,
    exit_code: int,
    aside: list[dict[str, Any]],
    held_back: list[dict[str, str]],
    missed: undo.Report,
    crm: Crm,
) -> None:
    refusals = crm.writes.refusals + crm.reads.refusals
    rate = done.written / done.seconds if done.seconds else 0.0
    document = {
        "run_id": run_id,
        "exit_code": exit_code,
        "counts": {state: done.total(state) for state in push.STATES},
        "exports": _by_export(done),
        "written": done.written,
        "left": done.left,
        "rejected": done.rejected,
        "waiting": done.waiting,
        "changed": done.changed,
        "set_aside": aside,
        "held_back": held_back,
        "missing": {
            "cleared": missed.counts["reverted"],
            "deleted": missed.counts["deleted"],
            "stayed": missed.stayed[:ROWS_IN_JSON],
        },
        "stopped": done.stopped,
        "seconds": round(done.seconds, 3),
        "writes_per_second": round(rate, 1),
        "refusals": refusals,
        "plan": plan.document(),
    }
    parts: list[RenderableType] = [report.run_table(done)]
    for rows, columns, title, total in (
        (
            done.rejected,
            ("export", "row_key", "code", "message"),
            "refused by Attio; all: canon rejected",
            done.total("rejected"),
        ),
        (
            done.changed,
            ("export", "row_key", "message"),
            "left alone: they changed in Attio meanwhile, the next plan sees it",
            done.total("changed"),
        ),
        (done.waiting, ("export", "row_key", "message"), "wait for the next run", done.total("waiting")),
        (
            aside,
            ("export", "row_key", "outcome", "reason"),
            "left alone; all: canon plan --rows 1000",
            sum(each.set_aside for each in plan.exports),
        ),
    ):
        if rows:
            parts.append(report.rows_table(rows[:ROWS_NAMED], columns, f"{total:,} {title}"))
    if missed.counts or missed.stayed:
        parts.append(
            f"Rows that left their export: {missed.counts['reverted']:,} records cleared, "
            f"{missed.counts['deleted']:,} deleted, {len(missed.stayed):,} stay."
        )
    parts.append(
        f"Run {run_id}: {done.written:,} records written in {done.seconds:.1f} s ({rate:.1f}/s, "
        f"{refusals:,} calls put off by Attio), {done.left:,} left."
    )
    if done.stopped:
        parts.append(f"Stopped: {done.stopped}. The next run goes on from here.")
    session.answer(document, *parts)
    counted = ", ".join(
        f"{done.total(state):,} {state.replace('_', ' ')}" for state in push.STATES if done.total(state)
    )
    told = [f"canon sync, run {run_id}: {counted or 'nothing to write'}, {done.left:,} left (exit code {exit_code})."]
    told += [f"{each['export']} is held back: {each['reason']}." for each in held_back]
    told += [f"Stopped: {done.stopped}."] if done.stopped else []
    _tell("\n".join(told))
