"""Plans and runs as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jinja2
from rich.markup import escape
from rich.table import Table

from sync.plan import OUTCOMES
from sync.push import STATES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sync.plan import Counted, Plan
    from sync.push import Report
    from sync.undo import Step

LONGEST_SHOWN = 60


def plan_table(plan: Plan) -> Table:
    """Return rows by export and outcome."""
    shown = [
        outcome
        for outcome in OUTCOMES
        if outcome in {"create", "update", "nothing"} or any(each.outcomes.get(outcome) for each in plan.exports)
    ]
    table = Table("export", title="Plan", title_justify="left")
    for outcome in shown:
        table.add_column(outcome.replace("_", " "), justify="right")
    table.add_column("writes to")
    for each in plan.exports:
        attributes = ", ".join(f"{slug} {count:,}" for slug, count in sorted(each.writes_to.items(), key=_most_first))
        table.add_row(
            each.export, *(f"{each.outcomes.get(outcome, 0):,}" for outcome in shown), attributes or "nothing"
        )
    return table


def _most_first(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def changes_table(export: Counted, outcome: str, rows: Sequence[dict[str, Any]]) -> Table:
    """Return a few planned rows, a line per changed attribute."""
    # of rows with nothing to write only those are stored in which a person's value stands
    count = "" if outcome == "nothing" else f" of {export.outcomes.get(outcome, 0):,}"
    meaning = "a person's value stays" if outcome == "nothing" else OUTCOMES[outcome]
    title = f"{export.export}: {outcome.replace('_', ' ')} ({meaning}), the first {len(rows)}{count}"
    table = _keyed_table(title, "attribute", "now", "written by", "then", "")
    for row in rows:
        first = escape(row["row_key"])
        for change in row["changes"] or [{}]:
            table.add_row(
                first,
                change.get("attribute"),
                _short(change.get("old")),
                _short(change.get("old_by")),
                "" if change.get("action") == "keep" else _short(change.get("new")),
                escape(_remark(change, row)),
            )
            first = ""
    return table


def drift_table(export: Counted, rows: Sequence[dict[str, Any]]) -> Table:
    """Return values that somebody changed since we wrote them, and what becomes of them."""
    kept, healed = export.drift.get("keep", 0), export.drift.get("heal", 0)
    title = f"{export.export}: changed in Attio since we wrote it: {kept:,} kept as they are, {healed:,} set back"
    table = _keyed_table(title, "attribute", "ours", "theirs", "by", "when", "then")
    for row in rows:
        cells = (row["attribute"], row["ours"], row["theirs"], row["by"], (row["at"] or "")[:16])
        then = f"set to {row['wanted']}" if row["treatment"] == "heal" else f"stays: {row['why'] or 'not written'}"
        table.add_row(escape(row["row_key"]), *map(_short, cells), _short(then))
    return table


def _keyed_table(title: str, *columns: str) -> Table:
    """Return a table whose first column names rows, never cut: one has to find them."""
    table = Table(title=title, title_justify="left")
    table.add_column("row", overflow="fold", max_width=LONGEST_SHOWN)
    for column in columns:
        table.add_column(column)
    return table


def _remark(change: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    if change.get("action") == "keep" and row["outcome"] in {"update", "nothing"}:
        return f"stays: {change['why']}"
    return change.get("why") or row["reason"] or ""


def _short(text: str | None) -> str:
    text = " ".join((text or "").split())
    return escape(text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…")


def plan_notes(plan: Plan, cost: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the plan costs in calls and time, whether the workspace has room for it, and what stays as it is."""
    if plan.writes:
        span = f"{cost['seconds'] / 60:.1f} min" if cost["seconds"] >= 60 else f"{cost['seconds']:.0f} s"
        yield f"{plan.writes:,} calls, {span} at {cost['writes_per_second']:g} writes/s."
    else:
        yield "Nothing to write."
    for each in plan.exports:
        if each.stays:
            kept = ", ".join(f"{count:,} {why}" for why, count in sorted(each.stays.items()))
            yield f"{each.export}: values that differ and stay as they are in Attio: {kept}."
    cap, afterwards = cost["record_cap"], cost["records_afterwards"]
    if cap is not None:
        warning = "WARNING: more than CANON_RECORD_CAP allows: " if afterwards > cap else ""
        yield f"{warning}{afterwards:,} of {cap:,} records afterwards ({afterwards / cap:.0%})."


def plan_page(document: Mapping[str, Any]) -> str:
    """Return a plan, as `--json` prints it, as one HTML page that needs nothing else: search, filter, old -> new."""
    environment = jinja2.Environment(loader=jinja2.PackageLoader("sync"), autoescape=True)
    exports = document["exports"]
    return environment.get_template("plan.html").render(
        plan=document,
        rows=document["rows"],
        drift=document["drift"],
        outcomes=[outcome for outcome in OUTCOMES if any(each["outcomes"][outcome] for each in exports)],
        listed=len(document["rows"]),
        total=sum(count for each in exports for outcome, count in each["outcomes"].items() if outcome not in _UNLISTED),
    )


_UNLISTED = ("nothing", "left_out")


def run_table(report: Report) -> Table:
    """Return what a run did."""
    shown = [state for state in STATES if state in {"created", "updated"} or report.total(state)]
    table = Table("export", title="Sync", title_justify="left")
    for state in shown:
        table.add_column(state.replace("_", " "), justify="right")
    for export, counter in report.counts.items():
        table.add_row(export, *(f"{counter[state]:,}" for state in shown))
    return table


def counted(counts: Mapping[str, Any]) -> str:
    """Return a run's counts as people read them: `attio_people: 23 created, 1 rejected`; what is zero is left out."""
    parts = []
    for name, count in counts.items():
        if isinstance(count, dict):
            inner = counted(count)
            parts += [f"{name}: {inner}"] if inner else []
        elif count:
            parts.append(f"{count:,} {name.replace('_', ' ')}" if isinstance(count, int) else f"{name}: {count}")
    return ("; " if any(isinstance(count, dict) for count in counts.values()) else ", ").join(parts)


def rows_table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], title: str) -> Table:
    """Return plain rows as a table; the last text column may be long."""
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*("" if row[column] is None else escape(_cell(row[column])) for column in columns))
    return table


def _cell(value: Any) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S}" if hasattr(value, "strftime") else " ".join(str(value).split())


def steps_table(steps: Sequence[Step], title: str) -> Table:
    """Return what becomes of records: a line per value that goes back or stays, and per record that goes or comes."""
    columns = ("object", "record_id", "action", "attribute", "now", "then", "reason")
    return rows_table(step_rows(steps), columns, title)


def step_rows(todo: Sequence[Step]) -> list[dict[str, Any]]:
    """Return a line per value that goes back or stays, and per record that goes or comes back."""
    listed = []
    for step in todo:
        about = {"object": step.object_slug, "record_id": step.record_id, "action": step.action}
        for change in step.changes if step.action in {"revert", "stay"} and step.changes else [{}]:
            line = {name: change.get(name) for name in ("attribute", "now", "then")}
            action = "stay" if change.get("why") else step.action
            reason = change.get("why") or (None if change else step.reason)
            listed.append({**about, **line, "action": action, "reason": reason})
    return listed
