"""What a sync would change in Attio: the exports against the ledger and the mirror, decided set-based in SQL.

Per row one outcome (see `OUTCOMES`). Per field: old -> new, who wrote the old value, and why it stays where it does.
The plan is stored in `attio_sync.plans` and `attio_sync.plan_rows`; `push` executes what stands there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.rows import dict_row

from sync import progress
from sync.mapping import DRIFTS
from sync.warehouse import refusals_told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import psycopg

    from sync.mapping import Export, Field

PLANS_KEPT = 5
VANISHED_STORED = 100
LONGEST_IDENTIFIER = 63

OUTCOMES = {
    "create": "a record is made",
    "update": "its record is changed",
    "nothing": "Attio holds all of it",
    "conflict": "its unique value stands on another record",
    "ambiguous": "it leads to several records, or several rows lead to its record",
    "held": "something it needs is not there",
    "gone": "its record was deleted in Attio, and stays deleted",
    "vanished": "we wrote it once, the export has it no more; its record stays",
    "left_out": "it has no record, and this export makes none",
}
SET_ASIDE = ("conflict", "ambiguous", "held")


@dataclass(frozen=True, slots=True)
class Counted:
    """One export in a plan: rows by outcome; per attribute how many values are written; how many stay, by the reason.

    `drift`: how many values somebody changed since we wrote them, by what becomes of them (`keep`, `heal`).
    """

    export: str
    outcomes: Mapping[str, int]
    writes_to: Mapping[str, int]
    stays: Mapping[str, int]
    drift: Mapping[str, int]

    @property
    def writes(self) -> int:
        """How many records would be written."""
        return self.outcomes.get("create", 0) + self.outcomes.get("update", 0)

    @property
    def set_aside(self) -> int:
        """How many rows would not be written because something about them is unclear."""
        return sum(self.outcomes.get(outcome, 0) for outcome in SET_ASIDE)


@dataclass(frozen=True, slots=True)
class Plan:
    """A stored plan; `exports` in the order in which they are pushed; `records_in_crm` as the mirror counts them."""

    plan_id: int
    exports: tuple[Counted, ...]
    records_in_crm: int

    @property
    def writes(self) -> int:
        """How many records would be written in all."""
        return sum(each.writes for each in self.exports)

    @property
    def creates(self) -> int:
        """How many records would be created in all."""
        return sum(each.outcomes.get("create", 0) for each in self.exports)

    def document(self) -> dict[str, Any]:
        """Return the plan as `--json` prints it."""
        return {
            "plan_id": self.plan_id,
            "writes": self.writes,
            "creates": self.creates,
            "set_aside": sum(each.set_aside for each in self.exports),
            "records_in_crm": self.records_in_crm,
            "exports": [
                {
                    "export": each.export,
                    "outcomes": {outcome: each.outcomes.get(outcome, 0) for outcome in OUTCOMES},
                    "writes_to": dict(each.writes_to),
                    "stays": dict(each.stays),
                    "drift": {treatment: each.drift.get(treatment, 0) for treatment in DRIFTS},
                }
                for each in self.exports
            ],
        }


def make(connection: psycopg.Connection, exports: Sequence[Export], selected: Sequence[Export]) -> Plan:
    """Plan the `selected` of all `exports` and store the plan; `connection` is in autocommit mode.

    Exports that a selected one refers to are planned too, to know their records; they are not among what is counted.
    Raises `WarehouseError` for what the database refuses; nothing is stored then.
    """
    pushed = {each.model for each in selected}
    needed = with_referenced(exports, selected)
    referenced = {field.references for each in needed for field in each.fields if field.references}
    with refusals_told("plan"), connection.transaction():
        plan_id = _one(
            connection, "insert into attio_sync.plans (exports) values (%s) returning plan_id", [sorted(pushed)]
        )
        for statement in _BEGIN:
            connection.execute(statement)
        with progress.task("plan", total=len(needed), unit="exports") as shown:
            for export in needed:
                shown.advance(0, note=export.model)
                names = _names(export, plan_id, is_referenced=export.model in referenced)
                for step in _PUSHED_STATEMENTS if export.model in pushed else _REFERRED_STATEMENTS:
                    connection.execute(sql.SQL(step).format(**names))
                shown.advance(note="")
        connection.execute(
            """
            delete from attio_sync.plans
            where
                plan_id <= %s
                and not exists (
                    select from attio_sync.runs where runs.plan_id = plans.plan_id and runs.state = 'running'
                )
            """,
            [plan_id - PLANS_KEPT],
        )
    with refusals_told("plan"):
        connection.execute("analyze attio_sync.plan_rows")
        return read(connection, plan_id, selected)


def read(connection: psycopg.Connection, plan_id: int, selected: Sequence[Export]) -> Plan:
    """Return a stored plan's counts."""
    counts: dict[str, dict[str, dict[str, int]]] = _one(
        connection, "select counts from attio_sync.plans where plan_id = %s", [plan_id]
    )
    return Plan(
        plan_id=plan_id,
        exports=tuple(Counted(each.model, **counts[each.model]) for each in selected),
        records_in_crm=_one(connection, "select count(*) from attio_mirror.records"),
    )


def rows(
    connection: psycopg.Connection, plan_id: int, export: str, outcomes: Sequence[str], *, limit: int
) -> list[dict[str, Any]]:
    """Return the first rows of some outcomes, with their changes; of `nothing` those where a person's value differs."""
    with refusals_told("plan"), connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            select export, row_key, record_id::text as record_id, outcome, reason, coalesce(changes, '[]') as changes
            from attio_sync.plan_rows
            where
                plan_id = %s and export = %s and outcome = any (%s) and (outcome <> 'nothing' or changes is not null)
            order by position
            limit %s
            """,
            [plan_id, export, list(outcomes), limit],
        ).fetchall()


def drifted(connection: psycopg.Connection, plan_id: int, export: str, *, limit: int) -> list[dict[str, Any]]:
    """Return the first values that somebody changed since we wrote them: ours -> theirs, whose, since when."""
    with refusals_told("plan"), connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            select
                plan_rows.export,
                plan_rows.row_key,
                plan_rows.record_id::text as record_id,
                change ->> 'attribute' as attribute,
                change #>> '{drift,ours}' as ours,
                change ->> 'old' as theirs,
                change ->> 'new' as wanted,
                change #>> '{drift,by}' as by,
                change #>> '{drift,by_id}' as by_id,
                change #>> '{drift,at}' as at,
                case when change ->> 'action' = 'write' and plan_rows.outcome = 'update' then 'heal' else 'keep' end
                    as treatment,
                change ->> 'why' as why
            from attio_sync.plan_rows
            cross join lateral jsonb_array_elements(plan_rows.changes) as changes (change)
            where plan_rows.plan_id = %s and plan_rows.export = %s and change ? 'drift'
            order by plan_rows.position, change ->> 'attribute'
            limit %s
            """,
            [plan_id, export, limit],
        ).fetchall()


def _one(connection: psycopg.Connection, query: str, parameters: Sequence[Any] = ()) -> Any:
    row = connection.execute(query.encode(), parameters).fetchone()
    assert row is not None  # noqa: S101  # asked for with `returning`, an aggregate, or an id just made
    return row[0]


def with_referenced(exports: Sequence[Export], selected: Sequence[Export]) -> list[Export]:
    """Return the selected exports and, before them, those they refer to."""
    wanted = {each.model for each in selected}
    for export in reversed(exports):
        if export.model in wanted:
            wanted |= {field.references for field in export.fields if field.references}
    return [each for each in exports if each.model in wanted]


# The SQL: each export's columns and types are put in as literals, so that the planner keeps of `normal_form` the one
# branch it needs, in place.


def _names(export: Export, plan_id: int, *, is_referenced: bool) -> dict[str, sql.Composable]:
    """Return what the statements below are filled in with."""
    references = [field for field in export.fields if field.references]
    matching = export.matching_field
    comma = sql.SQL(",\n                ")
    return {
        "relation": sql.Identifier(export.schema, export.table),
        "key": sql.SQL("{}::text").format(_exported(export.key)),
        "hint": _hint(export),
        "match_column": _exported(matching.column),
        "match_wanted": _forms(matching, sql.SQL('exported."matched by"')),
        "match_held": _forms(matching, sql.SQL("records.values -> {}").format(sql.Literal(export.match_on))),
        "match_on": sql.Literal(export.match_on),
        "object": sql.Literal(export.object_slug),
        "export": sql.Literal(export.model),
        "mode": sql.Literal(export.mode),
        "is_unique": sql.Literal(export.is_unique),
        "is_referenced": sql.Literal(is_referenced),
        "plan_id": sql.Literal(plan_id),
        "vanished_stored": sql.Literal(VANISHED_STORED),
        "wanted_references": sql.SQL("").join(_wanted_references(export, field) for field in references),
        "cells": comma.join(
            sql.SQL("to_jsonb({}) as {}").format(_exported(field.column), sql.Identifier(f"c{number}"))
            for number, field in enumerate(export.fields)
        ),
        "lists": comma.join(
            sql.SQL("attio_sync.as_list({}) as {}").format(sql.Identifier(f"c{number}"), sql.Identifier(f"w{number}"))
            for number in range(len(export.fields))
        ),
        "fields": comma.join(_wanted_and_held(number, field) for number, field in enumerate(export.fields)),
        "any_differs": sql.SQL("\n                or ").join(
            _differs(number, field) for number, field in enumerate(export.fields)
        ),
        "held_columns": sql.SQL(", ").join(
            sql.SQL("{} jsonb").format(sql.Identifier(field.attribute)) for field in export.fields if _is_short(field)
        ),
        "reference_joins": sql.SQL("").join(
            sql.SQL(
                """
        left join planned_references as {name}
            on {name}.row_key = desired.row_key and {name}.attribute = {attribute}"""
            ).format(name=sql.Identifier(f"r{number}"), attribute=sql.Literal(field.attribute))
            for number, field in enumerate(export.fields)
            if field.references
        ),
        "branches": sql.SQL("\n        union all").join(
            _branch(number, field) for number, field in enumerate(export.fields)
        ),
    }


def _exported(column: str) -> sql.Identifier:
    return sql.Identifier("exported", column)


def _is_short(field: Field) -> bool:
    """Tell whether the slug can name a column; a longer one would be cut."""
    return len(field.attribute) <= LONGEST_IDENTIFIER


def _hint(export: Export) -> sql.Composable:
    """Return the record that the model's SQL found; a cell that is no uuid names none."""
    if export.record_id_column is None:
        return sql.SQL("null::uuid")
    return sql.SQL("case when {0}::text ~* {1} then {0}::text::uuid end").format(
        _exported(export.record_id_column), sql.Literal("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
    )


def _forms(field: Field, values: sql.Composable) -> sql.Composed:
    """Return the normal forms of a jsonb list, as an array."""
    if field.list:
        return sql.SQL(
            "array(select distinct attio_sync.normal_form({}, element) from {} as listed (element) order by 1)"
        ).format(sql.Literal(field.type), _elements(values))
    return sql.SQL("array_remove(array[{}], null)").format(_form(field, values))


def _elements(values: sql.Composable) -> sql.Composed:
    """Return the set of a jsonb list's elements; what is no list has none."""
    return sql.SQL("jsonb_array_elements(case jsonb_typeof({0}) when 'array' then {0} else '[]' end)").format(values)


def _form(field: Field, values: sql.Composable) -> sql.Composed:
    return sql.SQL("attio_sync.normal_form({}, ({}) -> 0)").format(sql.Literal(field.type), values)


def _shown(field: Field, values: sql.Composable) -> sql.Composed:
    """Return a jsonb list as a person reads it."""
    if field.list:
        return sql.SQL(
            "(select string_agg(attio_sync.shown_value({}, element), ', ') from {} as listed (element))"
        ).format(sql.Literal(field.type), _elements(values))
    return sql.SQL("attio_sync.shown_value({}, ({}) -> 0)").format(sql.Literal(field.type), values)


def _wanted_references(export: Export, field: Field) -> sql.Composed:
    return sql.SQL(
        """
        union all
        select {key}::text, {attribute}, {reference_export}, {reference_object}, keys.key, keys.number
        from {relation} as exported
        cross join lateral jsonb_array_elements_text(attio_sync.as_list(to_jsonb({column})))
            with ordinality as keys (key, number)"""
    ).format(
        key=_exported(export.key),
        attribute=sql.Literal(field.attribute),
        reference_export=sql.Literal(field.references),
        reference_object=sql.Literal(field.refers_to),
        relation=sql.Identifier(export.schema, export.table),
        column=_exported(field.column),
    )


def _wanted_and_held(number: int, field: Field) -> sql.Composed:
    """Return the columns of one attribute: what is wanted (w), what is held (h), references without a record (p, m)."""
    held: sql.Composable = sql.Identifier("held", field.attribute)
    if not _is_short(field):
        held = sql.SQL("records.values -> {}").format(sql.Literal(field.attribute))
    wanted, held_name = sql.Identifier(f"w{number}"), sql.Identifier(f"h{number}")
    if not field.references:
        return sql.SQL("desired.{} as {}, {} as {}").format(wanted, wanted, held, held_name)
    resolved = [sql.Identifier(f"r{number}", name) for name in ("wanted", "pending_keys", "missing_keys")]
    names = (wanted, sql.Identifier(f"p{number}"), sql.Identifier(f"m{number}"))
    columns = sql.SQL(", ").join(
        sql.SQL("{} as {}").format(column, name) for column, name in zip(resolved, names, strict=True)
    )
    return sql.SQL("{}, {} as {}").format(columns, held, held_name)


def _differs(number: int, field: Field) -> sql.Composed:
    """Return whether an attribute may have to be written, over the columns of `_wanted_and_held`."""
    wanted, held = sql.Identifier(f"w{number}"), sql.Identifier(f"h{number}")
    if field.list:
        is_same = sql.SQL("{} {} {}").format(
            _forms(field, wanted), sql.SQL("<@" if field.list == "append" else "="), _forms(field, held)
        )
        differs = sql.SQL("({} is not null and ({} is null or not {}))").format(wanted, held, is_same)
    else:
        differs = sql.SQL("({} is not null and {} is distinct from {})").format(
            wanted, _form(field, wanted), _form(field, held)
        )
    if field.clear:  # a blank empties what is there
        blank = sql.SQL("({} is null and {} <> '{{}}')").format(wanted, _forms(field, held))
        differs = sql.SQL("({} or {})").format(differs, blank)
    if not field.references:
        return differs
    return sql.SQL("({} or {} is not null or {} is not null)").format(
        differs, sql.Identifier(f"p{number}"), sql.Identifier(f"m{number}")
    )


def _branch(number: int, field: Field) -> sql.Composed:
    """Return the rows in which one attribute differs."""
    wanted, held = sql.Identifier(f"w{number}"), sql.Identifier(f"h{number}")
    pending: sql.Composable = sql.SQL("null::text[]")
    missing: sql.Composable = sql.SQL("null::text[]")
    if field.references:
        pending, missing = sql.Identifier(f"p{number}"), sql.Identifier(f"m{number}")
    literals = (field.attribute, field.type, field.write, field.drift, field.list, field.references)
    written: sql.Composable = wanted
    if field.clear:
        written = sql.SQL("coalesce({}, '[]')").format(wanted)
    columns = (
        *map(sql.Literal, literals),
        *(written, held, pending, missing),
        *(_forms(field, wanted), _forms(field, held), _shown(field, wanted), _shown(field, held)),
    )
    return sql.SQL(
        """
        select row_key, is_newer_than_mirror, {}
        from differing
        where {}"""
    ).format(sql.SQL(", ").join(columns), _differs(number, field))


_BEGIN = (
    "set local jit = off",  # many expressions over few rows: compiling them takes longer than they do
    "set local work_mem = '64MB'",
    """
    create temporary table planned_targets (
        export text not null,
        row_key text not null,
        record_id uuid,
        is_pending boolean not null
    ) on commit drop
    """,
)

_IDENTIFY = (
    # rows that Attio refused last time come last: they do not keep the others waiting. The fence (offset 0) lets the
    # planner put `normal_form` in place, which it does not around a call: ten times as fast
    """
    create temporary table planned_rows on commit drop as
    select
        row_number() over (order by rejects.row_key is not null, {key} collate "C") as position,
        {key} as row_key,
        {hint} as hinted_record_id,
        {match_wanted} as match_forms
    from (
        select exported.*, attio_sync.as_list(to_jsonb({match_column})) as "matched by"
        from {relation} as exported
        offset 0
    ) as exported
    left join attio_sync.rejects on rejects.export = {export} and rejects.row_key = {key}
    """,
    """
    create temporary table mirrored on commit drop as
    select records.record_id, {match_held} as match_forms
    from attio_mirror.records
    where records.object = {object}
    """,
    "create index on mirrored (record_id)",
    "analyze planned_rows",
    "analyze mirrored",
    # who is whom: the ledger, then what the model's SQL found, then the matching attribute
    """
    create temporary table planned_identities on commit drop as
    with
    remembered as (
        select
            row_states.row_key,
            coalesce(aliases.current_record_id, row_states.record_id) as record_id,
            -- written after the pull began: the mirror may not show it yet
            row_states.run_id is not null and row_states.written_at > pulls.pulled_at as is_newer_than_mirror
        from attio_sync.row_states
        left join attio_sync.aliases on aliases.object = row_states.object and aliases.record_id = row_states.record_id
        left join attio_mirror.pulls on pulls.object = row_states.object
        where row_states.export = {export}
    ),

    wanted_forms as (
        select planned_rows.row_key, wanted.form
        from planned_rows cross join lateral unnest(planned_rows.match_forms) as wanted (form)
    ),

    held_forms as (
        select mirrored.record_id, held.form
        from mirrored cross join lateral unnest(mirrored.match_forms) as held (form)
    ),

    matched as (
        select
            wanted_forms.row_key,
            array_agg(distinct held_forms.record_id order by held_forms.record_id) as record_ids
        from wanted_forms
        inner join held_forms on held_forms.form = wanted_forms.form
        group by wanted_forms.row_key
    ),

    found as (
        select
            planned_rows.position,
            planned_rows.row_key,
            planned_rows.match_forms,
            remembered.record_id as remembered_record_id,
            coalesce(
                in_ledger.record_id, case when remembered.is_newer_than_mirror then remembered.record_id end
            ) as ledger_record_id,
            coalesce(remembered.is_newer_than_mirror, false) as is_newer_than_mirror,
            hinted.record_id as hinted_record_id,
            coalesce(matched.record_ids, '{{}}') as matched_record_ids
        from planned_rows
        left join remembered on remembered.row_key = planned_rows.row_key
        left join mirrored as in_ledger on in_ledger.record_id = remembered.record_id
        left join mirrored as hinted on hinted.record_id = planned_rows.hinted_record_id
        left join matched on matched.row_key = planned_rows.row_key
    ),

    chosen as (
        select
            found.*,
            coalesce(
                ledger_record_id,
                hinted_record_id,
                case when cardinality(matched_record_ids) = 1 then matched_record_ids[1] end
            ) as record_id
        from found
    ),

    compared as (
        select
            chosen.*,
            (array_remove(matched_record_ids, record_id))[1] as other_record_id,
            count(*) over same_record as row_count,
            count(ledger_record_id) over same_record as ledger_count,
            min(row_key) over same_record as first_row_key,
            max(row_key) over same_record as last_row_key
        from chosen
        window same_record as (partition by record_id)
    )

    select
        position,
        row_key,
        record_id,
        remembered_record_id,
        is_newer_than_mirror,
        case
            when record_id is null and cardinality(matched_record_ids) > 1
                then 'ambiguous: ' || cardinality(matched_record_ids) || ' records carry its ' || {match_on}
                    || ', among them ' || matched_record_ids[1] || ' and ' || matched_record_ids[2]
            when record_id is null and remembered_record_id is not null
                then 'gone: its record ' || remembered_record_id || ' was deleted in Attio'
            when record_id is null and match_forms = '{{}}' and {mode} <> 'update_only'
                then 'held: it has no ' || {match_on} || ', by which it could be found again'
            when {is_unique} and record_id is not null and other_record_id is not null
                then 'conflict: its ' || {match_on} || ' stands on record ' || other_record_id
                    || ', it belongs to record ' || record_id
            when
                record_id is not null
                and ledger_record_id is null
                and other_record_id is not null
                and record_id <> all (matched_record_ids)
                then 'ambiguous: its ' || {match_on} || ' stands on record ' || other_record_id
                    || ', the model names record ' || record_id
            when record_id is not null and row_count > 1 and (ledger_record_id is null or ledger_count > 1)
                then 'ambiguous: row ' || case row_key when first_row_key then last_row_key else first_row_key end
                    || ' leads to record ' || record_id || ' too'
        end as problem
    from compared
    """,
    "analyze planned_identities",
)

_DECIDE = (
    # references: the record of the referenced row, one that this sync makes, or none
    """
    create temporary table planned_references on commit drop as
    with
    wanted (row_key, attribute, reference_export, reference_object, key, number) as (
        select null::text, null::text, null::text, null::text, null::text, null::bigint
        where false{wanted_references}
    ),

    resolved as (
        select
            wanted.*,
            coalesce(planned_targets.record_id, remembered.record_id) as record_id,
            coalesce(planned_targets.is_pending, false) as is_pending
        from wanted
        left join planned_targets
            on planned_targets.export = wanted.reference_export and planned_targets.row_key = wanted.key
        -- the referenced row may have left its export, and its record be there all the same
        left join lateral (
            select records.record_id
            from attio_sync.row_states
            left join attio_sync.aliases
                on aliases.object = row_states.object and aliases.record_id = row_states.record_id
            inner join attio_mirror.records
                on records.object = row_states.object
                and records.record_id = coalesce(aliases.current_record_id, row_states.record_id)
            where
                planned_targets.row_key is null
                and row_states.export = wanted.reference_export
                and row_states.row_key = wanted.key
        ) as remembered on true
    )

    select
        row_key,
        attribute,
        jsonb_agg(
            jsonb_build_object('target_object', reference_object, 'target_record_id', record_id) order by number
        ) filter (where record_id is not null) as wanted,
        array_agg(key order by number) filter (where record_id is null and is_pending) as pending_keys,
        array_agg(key order by number) filter (where record_id is null and not is_pending) as missing_keys
    from resolved
    group by row_key, attribute
    """,
    "analyze planned_references",
    """
    create temporary table planned_changes on commit drop as
    with
    -- two fences (offset 0): each cell is turned into jsonb once, and into a list once
    desired as (
        select
            row_key,
                {lists}
        from (
            select
                {key} as row_key,
                {cells}
            from {relation} as exported
            offset 0
        ) as cells
        offset 0
    ),

    side_by_side as (
        select
            desired.row_key,
            planned_identities.record_id,
            planned_identities.is_newer_than_mirror,
                {fields}
        from desired
        inner join planned_identities on planned_identities.row_key = desired.row_key
        left join attio_mirror.records
            on records.object = {object} and records.record_id = planned_identities.record_id
        left join lateral jsonb_to_record(records.values) as held ({held_columns}) on true{reference_joins}
        where planned_identities.problem is null
        offset 0
    ),

    -- most rows end here
    differing as materialized (
        select *
        from side_by_side
        where
            {any_differs}
    ),

    in_normal_form (
        row_key, is_newer_than_mirror, attribute, type, write, drift, list, reference_export, wanted, held,
        pending_keys, missing_keys, wanted_forms, held_forms, new, old
    ) as ({branches}
    ),

    with_ledger as materialized (
        select
            in_normal_form.*,
            attio_sync.hash_of(in_normal_form.wanted_forms) as wanted_hash,
            row_states.sent ->> in_normal_form.attribute as sent_hash,
            row_states.seen ->> in_normal_form.attribute as seen_hash,
            -- somebody changed what we wrote; what we wrote without hearing of it is no change of theirs
            coalesce(
                row_states.seen ->> in_normal_form.attribute <> attio_sync.hash_of(in_normal_form.held_forms)
                and not in_normal_form.is_newer_than_mirror
                and not exists (
                    select from attio_sync.entries
                    where
                        entries.export = {export}
                        and entries.row_key = in_normal_form.row_key
                        and entries.state in ('pending', 'unknown')
                ),
                false
            ) as is_drifted,
            -- put back by an undo, which makes our token its author
            typed_values.hash is not null as is_typed_before
        from in_normal_form
        inner join planned_identities on planned_identities.row_key = in_normal_form.row_key
        left join attio_sync.typed_values
            on typed_values.object = {object}
            and typed_values.record_id = planned_identities.record_id
            and typed_values.attribute = in_normal_form.attribute
            and typed_values.hash = attio_sync.hash_of(in_normal_form.held_forms)
        left join attio_sync.row_states
            on row_states.export = {export} and row_states.row_key = in_normal_form.row_key
    ),

    decided as (
        select
            with_ledger.*,
            case
                when missing_keys is not null then missing_keys[1] || ' is not in Attio'
                -- an empty list is a blank that clears; a blank otherwise says nothing
                when pending_keys is null and wanted_forms = '{{}}' and wanted is distinct from '[]'
                    then 'nothing to say'
                when
                    pending_keys is null
                    and sent_hash = wanted_hash
                    and (seen_hash = attio_sync.hash_of(held_forms) or is_newer_than_mirror)
                    then 'nothing to say'  -- it was sent, and this is how Attio stores it
                when is_drifted and drift = 'heal' then null
                when is_drifted and drift = 'keep' then 'changed in Attio since we wrote it'
                when write = 'fill_empty' and held_forms <> '{{}}' then 'not empty'
                when list = 'append' then null  -- what a person added stays beside it
                when
                    write = 'unless_human'
                    and (
                        is_typed_before
                        or jsonb_path_exists(held, '$[*] ? (@.created_by_actor.type == "workspace-member")')
                    )
                    then 'typed by a person'
            end as why_it_stays
        from with_ledger
    ),

    -- one replaced list makes the whole write a PUT, which replaces every list: appended ones then carry what they hold
    with_method as (
        select
            decided.*,
            bool_or(why_it_stays is null and list is not distinct from 'replace') over (partition by row_key) as is_put
        from decided
        where why_it_stays is distinct from 'nothing to say'
    )

    select
        row_key,
        attribute,
        why_it_stays,
        is_put,
        wanted_hash,
        pending_keys,
        missing_keys,
        reference_export,
        case when held_forms <> '{{}}' then held end as held,
        nullif(old, '') as old,
        concat_ws(', ', new, array_to_string(pending_keys, ', ')) as new,
        held #>> '{{0,created_by_actor,type}}' as old_by,
        case when is_drifted then (
            select jsonb_build_object(
                'ours', max(last_write.shown),
                'by', max(theirs.element #>> '{{created_by_actor,type}}'),
                'by_id', max(theirs.element #>> '{{created_by_actor,id}}'),
                'at', max(theirs.element ->> 'active_from')
            )
            from (
                select
                    attio_sync.normal_forms(type, entries.body -> attribute) as forms,
                    (
                        select string_agg(attio_sync.shown_value(type, element), ', ')
                        from jsonb_array_elements(entries.body -> attribute) as elements (element)
                    ) as shown
                from attio_sync.entries
                where
                    entries.export = {export}
                    and entries.row_key = with_method.row_key
                    and entries.state = 'done'
                    and entries.body ? attribute
                order by entries.entry_id desc
                limit 1
            ) as last_write
            -- whoever only took something away left no name
            left join lateral (
                select element
                from jsonb_array_elements(case jsonb_typeof(held) when 'array' then held else '[]' end)
                    as elements (element)
                where attio_sync.normal_form(type, element) <> all (last_write.forms)
                order by element ->> 'active_from' desc
                limit 1
            ) as theirs on true
        ) end as drifted,
        case
            when list is distinct from 'append' or held_forms = '{{}}' then wanted
            else coalesce(
                (
                    select jsonb_agg(element)
                    from jsonb_array_elements(wanted) as elements (element)
                    where attio_sync.normal_form(type, element) <> all (held_forms)
                ),
                '[]'
            ) || case when is_put then (
                select jsonb_agg(
                    case type
                        when 'record-reference' then jsonb_build_object(
                            'target_object', element -> 'target_object',
                            'target_record_id', element -> 'target_record_id'
                        )
                        when 'actor-reference' then jsonb_build_object(
                            'referenced_actor_type', element -> 'referenced_actor_type',
                            'referenced_actor_id', element -> 'referenced_actor_id'
                        )
                        else to_jsonb(attio_sync.normal_form(type, element))
                    end
                )
                from jsonb_array_elements(held) as elements (element)
            ) else '[]' end
        end as to_write
    from with_method
    """,
    """
    create temporary table planned_outcomes on commit drop as
    with
    per_row as (
        select
            row_key,
            count(*) filter (where why_it_stays is null) as write_count,
            bool_or(is_put) as is_put,
            bool_or(why_it_stays = 'typed by a person' or drifted is not null) as is_told,
            jsonb_object_agg(attribute, to_write) filter (where why_it_stays is null and to_write is not null) as body,
            jsonb_object_agg(attribute, jsonb_build_object('export', reference_export, 'keys', pending_keys))
                filter (where why_it_stays is null and pending_keys is not null) as pending_references,
            jsonb_object_agg(attribute, wanted_hash)
                filter (where why_it_stays is null and pending_keys is null) as sent,
            jsonb_object_agg(attribute, held) filter (where why_it_stays is null and held is not null) as before,
            max(why_it_stays) filter (where missing_keys is not null) as missing_reference,
            jsonb_agg(
                jsonb_strip_nulls(jsonb_build_object(
                    'attribute', attribute,
                    'action', case when why_it_stays is null then 'write' else 'keep' end,
                    'old', old,
                    'new', new,
                    'old_by', old_by,
                    'why', why_it_stays,
                    'drift', drifted
                ))
                order by attribute
            ) as changes
        from planned_changes
        group by row_key
    ),

    judged as (
        select
            planned_identities.*,
            case
                when problem is not null then split_part(problem, ':', 1)
                when record_id is null and {mode} = 'update_only' then 'left_out'
                when record_id is null and missing_reference is not null then 'held'
                when record_id is null then 'create'
                when {mode} = 'create_only' then 'nothing'
                when write_count > 0 then 'update'
                else 'nothing'
            end as outcome,
            is_put,
            is_told,
            body,
            pending_references,
            sent,
            before,
            missing_reference,
            changes
        from planned_identities
        left join per_row using (row_key)
    )

    select
        judged.*,
        case
            when problem is not null then substr(problem, strpos(problem, ': ') + 2)
            when outcome = 'held' then missing_reference
        end as reason
    from judged
    """,
    # rows with nothing to write are stored where a person's value differs, or where the ledger does not know them yet
    """
    insert into attio_sync.plan_rows (
        plan_id, export, position, row_key, outcome, record_id, reason, method, body, pending_references, sent, before,
        changes, is_doubtful
    )
    select
        {plan_id},
        {export},
        position,
        row_key,
        outcome,
        record_id,
        reason,
        case
            when outcome = 'update' and is_put then 'put'
            when outcome = 'update' then 'patch'
            when outcome = 'create' then 'post'
        end,
        case when outcome in ('create', 'update') then coalesce(body, '{{}}') end,
        case when outcome in ('create', 'update') then pending_references end,
        case when outcome in ('create', 'update') then coalesce(sent, '{{}}') end,
        case when outcome = 'update' then before end,
        case when outcome <> 'nothing' or is_told then changes end,
        outcome = 'create' and exists (
            select from attio_sync.entries
            where
                entries.export = {export}
                and entries.row_key = planned_outcomes.row_key
                and entries.state in ('pending', 'unknown')
        )
    from planned_outcomes
    where
        outcome not in ('nothing', 'left_out')
        or is_told
        or (outcome = 'nothing' and remembered_record_id is distinct from record_id)
    order by position  -- in the order of both indexes: half the time
    """,
    """
    create temporary table planned_vanished on commit drop as
    select row_states.row_key, row_states.record_id
    from attio_sync.row_states
    inner join mirrored on mirrored.record_id = row_states.record_id
    left join planned_rows on planned_rows.row_key = row_states.row_key
    where row_states.export = {export} and planned_rows.row_key is null
    """,
    """
    insert into attio_sync.plan_rows (plan_id, export, position, row_key, outcome, record_id, reason)
    select
        {plan_id}, {export}, -row_number() over (order by row_key), row_key, 'vanished', record_id,
        'the export has it no more; its record stays as it is'
    from planned_vanished
    order by row_key
    limit {vanished_stored}
    """,
    """
    update attio_sync.plans
    set counts = counts || jsonb_build_object({export}, jsonb_build_object(
        'outcomes', (
            select coalesce(jsonb_object_agg(outcome, row_count), '{{}}')
            from (
                select outcome, count(*) as row_count from planned_outcomes group by outcome
                union all
                select 'vanished', count(*) from planned_vanished having count(*) > 0
            ) as counted
        ),
        'writes_to', (
            select coalesce(jsonb_object_agg(attribute, value_count), '{{}}')
            from (
                select planned_changes.attribute, count(*) as value_count
                from planned_changes
                inner join planned_outcomes on planned_outcomes.row_key = planned_changes.row_key
                where planned_changes.why_it_stays is null and planned_outcomes.outcome in ('create', 'update')
                group by planned_changes.attribute
            ) as counted
        ),
        'stays', (
            select coalesce(jsonb_object_agg(why_it_stays, value_count), '{{}}')
            from (
                select planned_changes.why_it_stays, count(*) as value_count
                from planned_changes
                where planned_changes.why_it_stays is not null and planned_changes.missing_keys is null
                group by planned_changes.why_it_stays
            ) as counted
        ),
        'drift', (
            select coalesce(jsonb_object_agg(treatment, value_count), '{{}}')
            from (
                select
                    case
                        when planned_changes.why_it_stays is null and planned_outcomes.outcome = 'update' then 'heal'
                        else 'keep'
                    end as treatment,
                    count(*) as value_count
                from planned_changes
                inner join planned_outcomes on planned_outcomes.row_key = planned_changes.row_key
                where planned_changes.drifted is not null
                group by treatment
            ) as counted
        )
    ))
    where plan_id = {plan_id}
    """,
)

_TELL_TARGETS = """
    insert into planned_targets (export, row_key, record_id, is_pending)
    select {export}, row_key, record_id, outcome = 'create'
    from planned_outcomes
    where {is_referenced} and (record_id is not null or outcome = 'create')
"""

_PUSHED_STATEMENTS = (
    *_IDENTIFY,
    *_DECIDE,
    _TELL_TARGETS,
    "analyze planned_targets",
    """
    drop table
        planned_vanished, planned_outcomes, planned_changes, planned_references, planned_identities, mirrored,
        planned_rows
    """,
)

# of an export that is not to be pushed itself only the records are wanted: what it would create is not there
_REFERRED_STATEMENTS = (
    *_IDENTIFY,
    """
    insert into planned_targets (export, row_key, record_id, is_pending)
    select {export}, row_key, record_id, false
    from planned_identities
    where record_id is not null
    """,
    "analyze planned_targets",
    "drop table planned_identities, mirrored, planned_rows",
)
