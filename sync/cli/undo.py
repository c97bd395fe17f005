"""`canon undo`: take a run back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sync import attachments, database, ledger, pull, rate_limiter, removal, report, undo
from sync.cli.common import Session, command_options, people_console, run_async
from sync.cli.sync import INTERRUPTED, ended_whatever_happens, stop_on_signals, terminated_like_interrupted

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sync.undo import Report, Step

ROWS_SHOWN = 20
ROWS_IN_JSON = 1000


@click.command("undo")
@click.argument("run", type=click.IntRange(1))
@click.option("--yes", is_flag=True, help="Do not ask.")
@command_options
def command(session: Session, run: int, yes: bool) -> int:  # click hands a flag over
    """Take RUN back (see `canon runs`): shown first, then done.

    Values go back to what they were where nobody changed them since; records that the run created are deleted if
    nobody touched them; deleted ones are re-created under a new id. What stays, stays with its reason. An undo is a
    run of its own, and can be taken back too. The next sync writes what the exports say, also what was undone.

    \b
    Example:
      canon undo 12
      canon undo 12 --yes --json
    """
    with terminated_like_interrupted():
        return run_async(_undo(session, run, yes=yes))


async def _undo(session: Session, run: int, *, yes: bool) -> int:
    with database.connect(session.project_dir, autocommit=True) as connection, database.waiting_told(connection):
        objects = undo.objects_of(connection, run)
        async with rate_limiter.connect() as crm:
            identity = await crm.identify()
            ledger.check_workspace(connection, identity.workspace_id)
            with ledger.locked(connection, identity.workspace_id):
                await pull.pull(crm, connection, objects, may_be_absent=True)
                await removal.read_attached(crm, connection)
                attributes = {slug: await crm.attributes(slug) for slug in objects}
                todo = undo.steps(connection, run, attributes)
                if undo.deletes(todo):
                    todo = undo.spare_listed(todo, await attachments.entries(crm))
                if not session.wants_json:
                    for part in _planned(run, todo):
                        people_console().print(part, soft_wrap=isinstance(part, str))
                to_do = [step for step in todo if step.action != "stay"]
                if to_do:
                    question = f"Undo run {run}: change these {len(to_do):,} records of {identity.workspace_name}?"
                    session.confirm(question, yes=yes)
                run_id = ledger.begin_run(connection, "undo", {"run": run}, workspace_id=identity.workspace_id)
                with ended_whatever_happens(connection, run_id):
                    undoing = undo.Undo(connection, crm, run_id=run_id)
                    interrupted = stop_on_signals(undoing.stop)
                    done = await undoing.run(todo)
                    done.stayed[:0] = [undo.named(step, step.reason) for step in todo if step.action == "stay"]
                    exit_code = _exit_code(done, is_interrupted=interrupted.is_set())
                    ledger.end_run(
                        connection,
                        run_id,
                        state="interrupted" if exit_code == INTERRUPTED else "failed" if done.failure else "done",
                        exit_code=exit_code,
                        counts=dict(done.counts),
                        message=done.stopped,
                    )
                if to_do and done.failure is None:
                    await pull.pull(crm, connection, objects, may_be_absent=True)
    _answer(session, (run, run_id), todo, done, exit_code)
    return exit_code


def _exit_code(done: Report, *, is_interrupted: bool) -> int:
    if is_interrupted:
        return INTERRUPTED
    if done.failure is not None:
        return done.failure.exit_code
    return 1 if done.stayed else 0


def _planned(run: int, todo: list[Step]) -> list[RenderableType]:
    counts = {action: sum(step.action == action for step in todo) for action in undo.ACTIONS}
    if not todo:
        return [f"Run {run}: nothing to undo; Attio holds none of what it wrote any more."]
    words = {
        "revert": "get values back",
        "delete": "are deleted, as the run had created them",
        "recreate": "are created again",
        "follow": "were created again already",
        "stay": "stay as they are",
    }
    counted = "; ".join(f"{count:,} records {words[action]}" for action, count in counts.items() if count)
    table = report.steps_table(todo[:ROWS_SHOWN], f"Undo of run {run}, the first {ROWS_SHOWN} records")
    return [table, f"{counted}."]


def _answer(session: Session, runs: tuple[int, int], todo: list[Step], done: Report, exit_code: int) -> None:
    run, run_id = runs
    document = {
        "run_id": run_id,
        "undone_run_id": run,
        "exit_code": exit_code,
        "counts": {state: done.counts[state] for state in undo.STATES},
        "left": done.counts["left"],
        "stayed": done.stayed[:ROWS_IN_JSON],
        "stopped": done.stopped,
        "steps": report.step_rows(todo[:ROWS_IN_JSON]),
    }
    parts: list[RenderableType] = []
    if done.stayed:
        columns = ("object", "row_key", "record_id", "reason")
        parts.append(report.rows_table(done.stayed[:ROWS_SHOWN], columns, f"{len(done.stayed):,} left alone"))
    counted = ", ".join(f"{done.counts[state]:,} {state}" for state in undo.STATES if done.counts[state])
    parts.append(f"Run {run_id} undid run {run}: {counted or 'nothing to do'}.")
    if done.stopped:
        parts.append(f"Stopped: {done.stopped}. The same command goes on from here.")
    session.answer(document, *parts)
