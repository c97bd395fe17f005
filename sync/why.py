"""One record's whole story: the export's row, what Attio holds and who wrote it, what the ledger remembers of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.rows import dict_row

from sync.warehouse import refusals_told

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from sync.mapping import Export, Field, Source

MOST_STORIES = 20


def stories(connection: psycopg.Connection, exports: Sequence[Export], asked: str) -> list[dict[str, Any]]:
    """Return a story per row that `asked` leads to: an export's key, a domain, a LinkedIn URL or a record id.

    A record that no row leads to has a story too, without an export's row; one that we wrote and the export has no
    more, likewise.
    """
    with refusals_told("why"), connection.cursor(row_factory=dict_row) as cursor:
        forms = cursor.execute(_FORMS, {"asked": asked.strip()}).fetchone()
        assert forms is not None  # noqa: S101  # a select without a table has one row
        found = []
        for export in exports:
            statement = sql.SQL(_ROWS).format(**_names(export))
            for row in cursor.execute(statement, {**forms, "most": MOST_STORIES}).fetchall():
                about = {"export": export.model, "object": export.object_slug, **row}
                parameters = {
                    "export": export.model,
                    "object": export.object_slug,
                    "row_key": row["row_key"],
                    "record_id": row["record_id"],
                }
                about["ledger"] = cursor.execute(_STATE, parameters).fetchone()
                about["last_plan"] = cursor.execute(_PLANNED, parameters).fetchone()
                about["refused"] = cursor.execute(_REFUSED, parameters).fetchone()
                about["history"] = cursor.execute(_HISTORY, parameters).fetchall()
                about["sources"] = [
                    {"relation": source.name, "row": told["row"]}
                    for source in export.story
                    for told in _told_by(cursor, source, row["row_key"])
                ]
                found.append(about)
    return found


def _told_by(cursor: psycopg.Cursor[dict[str, Any]], source: Source, row_key: str | None) -> list[dict[str, Any]]:
    """Return the rows of a source with this key, newest first; none where the owner has no such table or column."""
    known = cursor.execute(_IS_THERE, [source.schema, source.table, source.column]).fetchone()
    if row_key is None or known is None:
        return []
    return cursor.execute(
        sql.SQL(_TOLD).format(
            relation=sql.Identifier(source.schema, source.table), column=sql.Identifier("told", source.column)
        ),
        [row_key, MOST_STORIES],
    ).fetchall()


def _names(export: Export) -> dict[str, sql.Composable]:
    return {
        "relation": sql.Identifier(export.schema, export.table),
        "key": sql.Identifier("exported", export.key),
        "hint": sql.SQL("null::text")
        if export.record_id_column is None
        else sql.SQL("{}::text").format(sql.Identifier("exported", export.record_id_column)),
        "export": sql.Literal(export.model),
        "object": sql.Literal(export.object_slug),
        "match_forms": sql.SQL(_MATCH_FORMS).format(
            match_on=sql.Literal(export.match_on), match_type=sql.Literal(export.matching_field.type)
        ),
        "fields": sql.SQL(",\n            ").join(_field(field) for field in export.fields),
    }


def _field(field: Field) -> sql.Composed:
    """Return one attribute: what the export wants, what Attio holds, who wrote that and when, what we last sent."""
    return sql.SQL(
        "({attribute}, {type}, {write}, found.cells -> {column}, records.values -> {attribute}, {is_reference})"
    ).format(
        attribute=sql.Literal(field.attribute),
        type=sql.Literal(field.type),
        write=sql.Literal(field.write),
        column=sql.Literal(field.column),
        is_reference=sql.Literal(field.references is not None),
    )


# the forms in which a key may stand in an export: as given, as a domain, as a LinkedIn page, as a record id
_FORMS = """
    select
        array_remove(array[
            given.asked,
            lower(given.asked),
            regexp_replace(attio_sync.normal_form('domain', to_jsonb(given.asked)), '^www[.]', ''),
            'https://www.linkedin.com/' || lower(page.parts[1]) || '/' || lower(page.parts[2])
        ], null) as keys,
        case
            when given.asked ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then given.asked::uuid
        end as asked_id
    from (select %(asked)s::text as asked) as given
    left join lateral (
        select regexp_match(given.asked, 'linkedin[.]com/(in|company|school|showcase)/([^/?#]+)', 'i') as parts
    ) as page on true
"""

# the type is a literal: the planner then keeps of `normal_form` the one branch it needs, in place
_MATCH_FORMS = """
                    select attio_sync.normal_form({match_type}, held.element)
                    from jsonb_array_elements(
                        case jsonb_typeof(records.values -> {match_on})
                            when 'array' then records.values -> {match_on} else '[]'
                        end
                    ) as held (element)
"""

_ROWS = """
    with
    keyed as (
        select {key}::text as row_key, to_jsonb(exported) as cells, {hint} as hint
        from {relation} as exported
        where {key}::text = any (%(keys)s) or {hint} = %(asked_id)s::text
        union all
        select {key}::text, to_jsonb(exported), {hint}
        from attio_sync.row_states
        inner join {relation} as exported on {key}::text = row_states.row_key
        left join attio_sync.aliases
            on aliases.object = row_states.object and aliases.record_id = row_states.record_id
        where
            row_states.export = {export}
            and %(asked_id)s::uuid in (row_states.record_id, aliases.current_record_id)
    ),

    asked_rows as (
        select row_key, (array_agg(cells))[1] as cells, (array_agg(hint))[1] as hint
        from keyed
        group by row_key
        union all
        -- written once, in the export no more
        select row_states.row_key, null, null
        from attio_sync.row_states
        where
            row_states.export = {export}
            and (row_states.row_key = any (%(keys)s) or row_states.record_id = %(asked_id)s::uuid)
            and not exists (select from {relation} as exported where {key}::text = row_states.row_key)
    ),

    with_record as (
        select
            asked_rows.row_key,
            asked_rows.cells,
            coalesce(
                aliases.current_record_id,
                row_states.record_id,
                case
                    when asked_rows.hint ~* '^[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}$'
                        then asked_rows.hint::uuid
                end,
                matching.record_id
            ) as record_id
        from asked_rows
        left join attio_sync.row_states on row_states.export = {export} and row_states.row_key = asked_rows.row_key
        left join attio_sync.aliases
            on aliases.object = row_states.object and aliases.record_id = row_states.record_id
        left join lateral (
            select records.record_id
            from attio_mirror.records
            where
                row_states.record_id is null
                and records.object = {object}
                and asked_rows.row_key in ({match_forms})
            order by records.record_id
            limit 1
        ) as matching on true
    ),

    found as (
        select * from with_record
        union all
        -- in the CRM, and no row of the export leads there
        select null, null, records.record_id
        from attio_mirror.records
        where
            records.object = {object}
            and (
                records.record_id = %(asked_id)s::uuid
                or exists (select from ({match_forms}) as forms (form) where form = any (%(keys)s::text[]))
            )
            and not exists (select from with_record where with_record.record_id = records.record_id)
    )

    select
        found.row_key,
        found.cells is not null as is_in_export,
        found.record_id::text as record_id,
        records.record_id is not null as is_in_mirror,
        records.web_url,
        records.pulled_at,
        described.fields
    from found
    left join attio_mirror.records on records.object = {object} and records.record_id = found.record_id
    cross join lateral (
        select jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
            'attribute', mapped.attribute,
            'write', mapped.write,
            'export', (
                select string_agg(
                    case when mapped.is_reference then element #>> '{{}}'
                    else attio_sync.shown_value(mapped.type, element) end, ', '
                )
                from jsonb_array_elements(coalesce(attio_sync.as_list(mapped.cell), '[]')) as listed (element)
            ),
            'attio', (
                select string_agg(attio_sync.shown_value(mapped.type, element), ', ')
                from jsonb_array_elements(coalesce(mapped.held, '[]')) as listed (element)
            ),
            'attio_by', mapped.held #>> '{{0,created_by_actor,type}}',
            'attio_since', mapped.held #>> '{{0,active_from}}'
        ))) as fields
        from (values
            {fields}
        ) as mapped (attribute, type, write, cell, held, is_reference)
    ) as described
    order by found.row_key, found.record_id
    limit %(most)s
"""

_IS_THERE = """
    select true
    from pg_catalog.pg_attribute
    where
        attrelid = to_regclass(format('%%I.%%I', %s::text, %s::text)) and attname = %s and not attisdropped
"""

_TOLD = """
    select jsonb_strip_nulls(to_jsonb(told)) as row
    from {relation} as told
    where {column}::text = %s
    order by to_jsonb(told) ->> 'created_at' desc nulls last
    limit %s
"""

_STATE = """
    select
        row_states.record_id::text as record_id,
        aliases.current_record_id::text as merged_into,
        row_states.is_created_by_us,
        row_states.run_id,
        row_states.written_at,
        array(select jsonb_object_keys(row_states.sent) order by 1) as attributes_sent
    from attio_sync.row_states
    left join attio_sync.aliases
        on aliases.object = row_states.object and aliases.record_id = row_states.record_id
    where
        row_states.export = %(export)s
        and (row_states.row_key = %(row_key)s or (%(row_key)s::text is null and row_states.record_id = %(record_id)s))
    limit 1
"""

_PLANNED = """
    select plan_rows.plan_id, plans.created_at, plan_rows.outcome, plan_rows.reason, plan_rows.changes
    from attio_sync.plan_rows
    inner join attio_sync.plans on plans.plan_id = plan_rows.plan_id
    where
        plan_rows.export = %(export)s
        and plan_rows.row_key = %(row_key)s
        and plan_rows.plan_id = (select max(plan_id) from attio_sync.plans where %(export)s = any (plans.exports))
    limit 1
"""

_REFUSED = """
    select run_id, status, code, message, rejected_at
    from attio_sync.rejects
    where export = %(export)s and row_key = %(row_key)s
"""

_HISTORY = """
    select
        entries.run_id,
        runs.command,
        entries.method,
        entries.state,
        entries.record_id::text as record_id,
        entries.started_at,
        entries.finished_at,
        entries.body,
        entries.before,
        entries.code,
        entries.message
    from attio_sync.entries
    left join attio_sync.runs on runs.run_id = entries.run_id
    where
        (entries.export = %(export)s and entries.row_key = %(row_key)s)
        or (entries.object = %(object)s and entries.record_id = %(record_id)s::uuid)
    order by entries.entry_id desc
    limit 200
"""
