"""What a sync would change in Attio: the exports against the ledger and the mirror, decided set-based in SQL.

Per row: create, update, nothing, conflict, ambiguous, held or left out. Per field: old -> new, and why a value stays.
The plan is stored in `attio_sync.plan_rows`; `push` executes what stands there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from sync import progress
from sync.errors import MappingError, WarehouseError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sync.mapping import Export, Field

PLANS_KEPT = 5
OUTCOMES = ("create", "update", "nothing", "conflict", "ambiguous", "held", "left_out")


@dataclass(frozen=True, slots=True)
class Counted:
    """One export in a plan: rows by outcome, and writes by attribute."""

    export: str
    outcomes: Mapping[str, int]
    attributes: Mapping[str, int]

    @property
    def writes(self) -> int:
        """How many records would be written."""
        return self.outcomes.get("create", 0) + self.outcomes.get("update", 0)

    @property
    def set_aside(self) -> int:
        """How many rows would not be written because something about them is unclear."""
        return sum(self.outcomes.get(outcome, 0) for outcome in ("conflict", "ambiguous", "held"))


@dataclass(frozen=True, slots=True)
class Plan:
    """A stored plan; `exports` in the order in which they are pushed."""

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
            "records_in_crm": self.records_in_crm,
            "exports": [
                {"export": e.export, "outcomes": dict(e.outcomes), "attributes": dict(e.attributes)} for e in self.exports
            ],
        }


def make(connection: psycopg.Connection, exports: Sequence[Export], selected: Sequence[Export]) -> Plan:
    """Plan the `selected` of all `exports` and store the plan; `WarehouseError` when tables and mapping differ.

    The connection must be in autocommit mode; the plan is stored in one transaction.
    """
    needed = _with_referenced(exports, selected)
    with connection.transaction():
        row = connection.execute(
            "insert into attio_sync.plans (exports) values (%s) returning plan_id", [[each.model for each in selected]]
        ).fetchone()
        assert row is not None  # noqa: S101  # insert returning
        plan_id: int = row[0]
        with progress.task("plan", total=len(needed), unit="exports") as shown:
            for export in needed:
                _plan_export(connection, plan_id, export, {each.model: each for each in exports})
                shown.advance()
        connection.execute(
            "delete from attio_sync.plans where plan_id <= %s", [plan_id - PLANS_KEPT]
        )
    connection.execute("analyze attio_sync.plan_rows")
    return read(connection, plan_id, selected)


def read(connection: psycopg.Connection, plan_id: int, selected: Sequence[Export]) -> Plan:
    """Return a stored plan's counts."""
    outcomes: dict[str, dict[str, int]] = {each.model: {} for each in selected}
    for export, outcome, count in connection.execute(
        "select export, outcome, count(*) from attio_sync.plan_rows where plan_id = %s group by export, outcome", [plan_id]
    ):
        if export in outcomes:
            outcomes[export][outcome] = count
    attributes: dict[str, dict[str, int]] = {each.model: {} for each in selected}
    for export, attribute, count in connection.execute(
        """
        select export, change ->> 'attribute', count(*)
        from attio_sync.plan_rows cross join lateral jsonb_array_elements(changes) as changed (change)
        where plan_id = %s and outcome in ('create', 'update') and change ->> 'action' = 'write'
        group by 1, 2
        order by 3 desc, 2
        """,
        [plan_id],
    ):
        if export in attributes:
            attributes[export][attribute] = count
    held = connection.execute("select count(*) from attio_mirror.records").fetchone()
    assert held is not None  # noqa: S101  # a count
    return Plan(plan_id, tuple(Counted(each.model, outcomes[each.model], attributes[each.model]) for each in selected), held[0])


def samples(connection: psycopg.Connection, plan_id: int, export: str, outcome: str, *, limit: int) -> list[dict[str, Any]]:
    """Return the first rows of an outcome with their changes."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            select row_key, record_id::text as record_id, outcome, reason, changes
            from attio_sync.plan_rows
            where plan_id = %s and export = %s and outcome = %s
            order by position
            limit %s
            """,
            [plan_id, export, outcome, limit],
        ).fetchall()


def _with_referenced(exports: Sequence[Export], selected: Sequence[Export]) -> list[Export]:
    """Return the selected exports and, before them, those they refer to: only their rows' records are needed."""
    wanted = {each.model for each in selected}
    for export in reversed(exports):
        if export.model in wanted:
            wanted |= {field.references for field in export.fields if field.references}
    return [each for each in exports if each.model in wanted]


def _plan_export(connection: psycopg.Connection, plan_id: int, export: Export, exports: Mapping[str, Export]) -> None:
    for field in export.fields:
        if field.references and field.references not in exports:
            raise MappingError(f"{export.model}.{field.column}: references {field.references}, which is no export")
    relation = sql.Identifier(export.schema, export.table)
    names = {
        "relation": relation,
        "key": sql.Identifier("exported", export.key),
        "hint": _hint(export),
        "fields": sql.SQL(",\n        ").join(_field_row(field, exports) for field in export.fields),
        "match_column": sql.Identifier("exported", export.matching_field.column),
        "match_type": sql.Literal(export.matching_field.type),
        "match_on": sql.Literal(export.match_on),
        "object": sql.Literal(export.object_slug),
        "export": sql.Literal(export.model),
        "mode": sql.Literal(export.mode),
        "asserts": sql.Literal(export.asserts),
        "plan_id": sql.Literal(plan_id),
    }
    try:
        for statement in _STATEMENTS:
            connection.execute(sql.SQL(statement).format(**names))
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.InvalidSchemaName) as error:
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise WarehouseError(f"{export.model}: manifest and tables differ; {first_line}: run `make build` first") from error


def _hint(export: Export) -> sql.Composable:
    if export.record_id_column is None:
        return sql.SQL("null::uuid")
    return sql.SQL("{}::uuid").format(sql.Identifier("exported", export.record_id_column))


def _field_row(field: Field, exports: Mapping[str, Export]) -> sql.Composed:
    column = sql.Identifier("exported", field.column)
    target = exports[field.references].object_slug if field.references else None
    literals = (field.attribute, field.type, field.write, field.list, field.references, target)
    return sql.SQL("({}, to_jsonb({}))").format(sql.SQL(", ").join(map(sql.Literal, literals)), column)


# Each statement is one thought; the temporary tables are this transaction's own.
_STATEMENTS = (
    """
    create temporary table planned_rows on commit drop as
    select
        row_number() over (order by {key}) as position,
        {key}::text as row_key,
        {hint} as hinted_record_id,
        attio_sync.normal_forms(
            {match_type},
            case jsonb_typeof(to_jsonb({match_column}))
                when 'array' then to_jsonb({match_column}) else jsonb_build_array({match_column})
            end
        ) as match_forms
    from {relation} as exported
    """,
    # a column's value as the list that Attio's API takes; blank is no value, and is never written
    """
    create temporary table planned_fields on commit drop as
    select
        {key}::text as row_key,
        fields.attribute,
        fields.type,
        fields.write,
        fields.list,
        fields.reference_export,
        fields.reference_object,
        case
            when jsonb_typeof(fields.found) = 'array' then fields.found
            else jsonb_build_array(fields.found)
        end as wanted
    from {relation} as exported
    cross join lateral (
        values
        {fields}
    ) as fields (attribute, type, write, list, reference_export, reference_object, found)
    where
        fields.found is not null
        and fields.found not in ('null'::jsonb, '""'::jsonb, '[]'::jsonb, '[null]'::jsonb)
    """,
    """
    create temporary table mirrored on commit drop as
    select records.record_id, attio_sync.normal_forms({match_type}, records.values -> {match_on}) as match_forms
    from attio_mirror.records
    where records.object = {object}
    """,
    "create index on mirrored (record_id)",
    "analyze planned_rows",
    "analyze planned_fields",
    "analyze mirrored",
    # who is whom: the ledger, then what the model's SQL found, then the matching attribute
    """
    create temporary table planned_identities on commit drop as
    with
    remembered as (
        select row_states.row_key, coalesce(aliases.current_record_id, row_states.record_id) as record_id
        from attio_sync.row_states
        left join attio_sync.aliases on aliases.object = row_states.object and aliases.record_id = row_states.record_id
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
            count(distinct held_forms.record_id) as record_count,
            (array_agg(held_forms.record_id order by held_forms.record_id))[1] as record_id
        from wanted_forms
        inner join held_forms on held_forms.form = wanted_forms.form
        group by wanted_forms.row_key
    ),

    found as (
        select
            planned_rows.row_key,
            remembered.record_id as remembered_record_id,
            in_ledger.record_id as ledger_record_id,
            hinted.record_id as hinted_record_id,
            matched.record_id as matched_record_id,
            coalesce(matched.record_count, 0) as matched_count
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
                case when matched_count = 1 then matched_record_id end
            ) as record_id
        from found
    )

    select
        chosen.row_key,
        chosen.record_id,
        case
            when chosen.record_id is null and chosen.matched_count > 1
                then 'ambiguous: ' || chosen.matched_count || ' records carry its ' || {match_on}
            when chosen.record_id is null and chosen.remembered_record_id is not null
                then 'held: its record ' || chosen.remembered_record_id || ' was deleted in Attio'
            when {asserts} and chosen.matched_count > 0 and chosen.matched_record_id <> chosen.record_id
                then 'conflict: its ' || {match_on} || ' stands on record ' || chosen.matched_record_id
            when
                chosen.record_id is not null
                and chosen.ledger_record_id is null
                and count(*) over (partition by chosen.record_id) > 1
                then 'ambiguous: other rows lead to record ' || chosen.record_id || ' too'
        end as problem
    from chosen
    """,
    "analyze planned_identities",
    # references: the record of the referenced row, when it is known
    """
    create temporary table planned_references on commit drop as
    select
        planned_fields.row_key,
        planned_fields.attribute,
        planned_fields.reference_export,
        planned_fields.reference_object,
        planned_fields.wanted ->> 0 as reference_key,
        coalesce(in_plan.record_id, remembered.record_id) as record_id,
        coalesce(in_plan.outcome, 'missing') as reference_outcome
    from planned_fields
    left join attio_sync.plan_rows as in_plan
        on in_plan.plan_id = {plan_id}
        and in_plan.export = planned_fields.reference_export
        and in_plan.row_key = planned_fields.wanted ->> 0
    left join attio_sync.row_states as remembered
        on remembered.export = planned_fields.reference_export
        and remembered.row_key = planned_fields.wanted ->> 0
    where planned_fields.reference_export is not null
    """,
    """
    create temporary table planned_changes on commit drop as
    with
    resolved as (
        select
            planned_fields.row_key,
            planned_fields.attribute,
            planned_fields.type,
            planned_fields.write,
            planned_fields.list,
            planned_identities.record_id,
            planned_references.reference_export,
            planned_references.reference_key,
            planned_references.record_id is null and planned_references.reference_outcome = 'create' as is_pending,
            case
                when planned_references.row_key is null then planned_fields.wanted
                when planned_references.record_id is not null then jsonb_build_array(jsonb_build_object(
                    'target_object', planned_references.reference_object,
                    'target_record_id', planned_references.record_id
                ))
            end as wanted,
            records.values -> planned_fields.attribute as held,
            row_states.sent ->> planned_fields.attribute as sent_hash,
            row_states.seen ->> planned_fields.attribute as seen_hash
        from planned_fields
        inner join planned_identities on planned_identities.row_key = planned_fields.row_key
        left join planned_references
            on planned_references.row_key = planned_fields.row_key
            and planned_references.attribute = planned_fields.attribute
        left join attio_mirror.records
            on records.object = {object} and records.record_id = planned_identities.record_id
        left join attio_sync.row_states
            on row_states.export = {export} and row_states.row_key = planned_fields.row_key
        where planned_identities.problem is null
    ),

    in_normal_form as (
        select
            resolved.*,
            attio_sync.normal_forms(type, wanted) as wanted_forms,
            attio_sync.normal_forms(type, held) as held_forms
        from resolved
    ),

    decided as (
        select
            in_normal_form.*,
            attio_sync.hash_of(wanted_forms) as wanted_hash,
            case
                when reference_key is not null and wanted is null and not is_pending then 'keep'
                when is_pending then 'write'
                when wanted_forms = '{{}}' then 'same'
                when list = 'append' and wanted_forms <@ held_forms then 'same'
                when wanted_forms = held_forms then 'same'
                when sent_hash = attio_sync.hash_of(wanted_forms) and seen_hash = attio_sync.hash_of(held_forms) then 'same'
                when write = 'fill_empty' and held_forms <> '{{}}' then 'keep'
                when list = 'append' then 'write'
                when
                    write = 'unless_human'
                    and jsonb_path_exists(held, '$[*] ? (@.created_by_actor.type == "workspace-member")')
                    then 'keep'
                else 'write'
            end as action
        from in_normal_form
    ),

    -- one replaced list makes the whole write a PUT, which replaces every list: the appended ones then carry what they hold
    with_method as (
        select decided.*, bool_or(action = 'write' and list = 'replace') over (partition by row_key) as is_put
        from decided
    )

    select
        with_method.*,
        case
            when action <> 'keep' then null
            when reference_key is not null and wanted is null then reference_key || ' is not in Attio'
            when write = 'fill_empty' then 'not empty'
            else 'typed by a person'
        end as why,
        case
            when list is distinct from 'append' or held_forms = '{{}}' then wanted
            else (
                select jsonb_agg(element)
                from jsonb_array_elements(wanted) as elements (element)
                where attio_sync.normal_form(type, element) <> all (held_forms)
            ) || case when is_put then to_jsonb(held_forms) else '[]'::jsonb end
        end as to_write
    from with_method
    where action <> 'same'
    """,
    """
    insert into attio_sync.plan_rows (
        plan_id, export, position, row_key, outcome, record_id, reason, method, body, pending_references, sent, before,
        changes, is_doubtful
    )
    with
    per_row as (
        select
            row_key,
            count(*) filter (where action = 'write') as write_count,
            bool_or(is_put) as is_put,
            jsonb_object_agg(attribute, to_write) filter (where action = 'write' and to_write is not null) as body,
            jsonb_object_agg(attribute, jsonb_build_object('export', reference_export, 'key', reference_key))
                filter (where action = 'write' and is_pending) as pending_references,
            jsonb_object_agg(attribute, wanted_hash) filter (where action = 'write' and not is_pending) as sent,
            jsonb_object_agg(attribute, held) filter (where action = 'write' and held_forms <> '{{}}') as before,
            max(why) filter (where action = 'keep' and reference_key is not null) as missing_reference,
            jsonb_agg(
                jsonb_strip_nulls(jsonb_build_object(
                    'attribute', attribute,
                    'action', action,
                    'old', case when held_forms <> '{{}}' then to_jsonb(held_forms) end,
                    'new', case when is_pending then to_jsonb(array[reference_key]) else to_jsonb(wanted_forms) end,
                    'old_by', held #> '{{0,created_by_actor,type}}',
                    'why', why
                ))
                order by attribute
            ) as changes
        from planned_changes
        group by row_key
    ),

    judged as (
        select
            planned_rows.position,
            planned_rows.row_key,
            planned_identities.record_id,
            planned_identities.problem,
            per_row.*,
            case
                when planned_identities.problem is not null then split_part(planned_identities.problem, ':', 1)
                when planned_identities.record_id is null and per_row.missing_reference is not null then 'held'
                when planned_identities.record_id is null and {mode} = 'update_only' then 'left_out'
                when planned_identities.record_id is null then 'create'
                when {mode} = 'create_only' then 'nothing'
                when per_row.write_count > 0 then 'update'
                else 'nothing'
            end as outcome
        from planned_rows
        inner join planned_identities on planned_identities.row_key = planned_rows.row_key
        left join (
            select row_key as changed_key, write_count, is_put, body, pending_references, sent, before, missing_reference, changes
            from per_row
        ) as per_row on per_row.changed_key = planned_rows.row_key
    )

    select
        {plan_id},
        {export},
        position,
        row_key,
        outcome,
        record_id,
        case
            when problem is not null then substr(problem, strpos(problem, ': ') + 2)
            when outcome = 'held' then missing_reference
        end,
        case
            when outcome = 'update' and is_put then 'put'
            when outcome = 'update' then 'patch'
            when outcome = 'create' and {asserts} then 'assert'
            when outcome = 'create' then 'post'
        end,
        case when outcome in ('create', 'update') then coalesce(body, '{{}}') end,
        case when outcome in ('create', 'update') then pending_references end,
        case when outcome in ('create', 'update') then coalesce(sent, '{{}}') end,
        case when outcome = 'update' then before end,
        case when outcome <> 'nothing' or changes is not null then changes end,
        outcome = 'create' and exists (
            select from attio_sync.entries
            where entries.export = {export} and entries.row_key = judged.row_key and entries.state in ('pending', 'unknown')
        )
    from judged
    """,
    "drop table planned_changes, planned_references, planned_identities, mirrored, planned_fields, planned_rows",
)
