"""Plans and runs as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from sync.plan import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sync.plan import Plan
    from sync.push import Report

LONGEST_SHOWN = 60


def plan_table(plan: Plan) -> Table:
    """Return rows by export and outcome."""
    shown = [outcome for outcome in OUTCOMES if any(each.outcomes.get(outcome) for each in plan.exports)]
    table = Table("export", *(outcome.replace("_", " ") for outcome in shown), "writes to", title="Plan", title_justify="left")
    for each in plan.exports:
        attributes = ", ".join(f"{slug} {count:,}" for slug, count in each.attributes.items())
        table.add_row(each.export, *(f"{each.outcomes.get(outcome, 0):,}" for outcome in shown), attributes or "nothing")
    return table


def samples_table(rows: Sequence[dict[str, Any]], title: str) -> Table:
    """Return a few planned rows, a line per changed attribute."""
    table = Table("row", "attribute", "now", "then", "", title=title, title_justify="left")
    for row in rows:
        first = row["row_key"]
        for change in row["changes"] or [{"why": row["reason"]}]:
            table.add_row(_short(first), change.get("attribute"), *_old_and_new(change), _remark(change, row))
            first = ""
    return table


def _old_and_new(change: dict[str, Any]) -> tuple[str, str]:
    return _short(", ".join(change.get("old") or [])), _short(", ".join(change.get("new") or []))


def _remark(change: dict[str, Any], row: dict[str, Any]) -> str:
    if change.get("action") == "keep":
        return f"stays: {change['why']}"
    return change.get("why") or row["reason"] or ""


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"


def cost_line(plan: Plan, *, writes_per_second: float, record_cap: int | None) -> Iterator[str]:
    """Yield what the plan costs in calls and time, and whether the workspace has room for it."""
    if not plan.writes:
        yield "Attio holds all of it already: nothing to write."
        return
    minutes = plan.writes / writes_per_second / 60
    yield f"{plan.writes:,} calls, {minutes:.1f} min at {writes_per_second:g} writes/s."
    if record_cap is not None:
        then = plan.records_in_crm + plan.creates
        warning = "WARNING: more than CANON_RECORD_CAP allows: " if then > record_cap else ""
        yield f"{warning}{then:,} of {record_cap:,} records afterwards ({then / record_cap:.0%})."


def run_table(report: Report) -> Table:
    """Return what a run did."""
    states = ("created", "updated", "rejected", "waiting", "differing", "unknown", "not_sent")
    shown = [state for state in states if state in {"created", "updated"} or report.total(state)]
    table = Table("export", *(state.replace("_", " ") for state in shown), title="Sync", title_justify="left")
    for export, counter in report.counts.items():
        table.add_row(export, *(f"{counter[state]:,}" for state in shown))
    return table


def rows_table(rows: Iterable[dict[str, Any]], columns: Sequence[str], title: str) -> Table:
    """Return plain rows as a table."""
    table = Table(*(column.replace("_", " ") for column in columns), title=title, title_justify="left")
    for row in rows:
        table.add_row(*("" if row[column] is None else _short(str(row[column])) for column in columns))
    return table
