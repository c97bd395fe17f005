"""Rows that left an export: what becomes of the records that we wrote for them once.

By default nothing: they are reported. Cleared are the values that still are as we wrote them; deleted is a record that
we created and that nobody touched. The steps are those of an undo, done by it: each record is read once more before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import sql
from psycopg.rows import class_row

from sync import undo
from sync.undo import Step
from sync.warehouse import refusals_told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import psycopg

    from sync.attio import Attribute
    from sync.mapping import Export


def steps(
    connection: psycopg.Connection,
    export: Export,
    attributes: Mapping[str, Sequence[Attribute]],
    *,
    is_deleting: bool,
) -> list[Step]:
    """Return what is to be cleared, or deleted, and what stays with its reason. Reads `pg_temp.attached`.

    An export without any row is taken for one that went wrong: all of its records stay.
    """
    with refusals_told("missing rows"), connection.cursor(row_factory=class_row(Step)) as cursor:
        undo.describe_attributes(connection, attributes)
        return cursor.execute(
            sql.SQL(_MISSING).format(
                relation=sql.Identifier(export.schema, export.table),
                key=sql.Identifier("exported", export.key),
                export=sql.Literal(export.model),
                object=sql.Literal(export.object_slug),
                match_on=sql.Literal(export.match_on),
                is_deleting=sql.Literal(is_deleting),
            )
        ).fetchall()


_MISSING = """
    with
    missing as (
        select row_states.*, records.values, records.values -> 'created_by' -> 0 ->> 'referenced_actor_id' as creator
        from attio_sync.row_states
        inner join attio_mirror.records on records.object = {object} and records.record_id = row_states.record_id
        left join {relation} as exported on {key}::text = row_states.row_key
        where
            row_states.export = {export}
            and {key} is null
            -- another row may lead to the record by now
            and not exists (
                select from attio_sync.row_states as others
                inner join {relation} as exported on {key}::text = others.row_key
                where others.object = {object} and others.record_id = row_states.record_id
            )
    ),

    values_held as (
        select
            missing.row_key,
            undone_attributes.slug,
            undone_attributes.type,
            missing.values -> undone_attributes.slug as held,
            missing.seen ? undone_attributes.slug as is_ours,
            attio_sync.hash_of(
                attio_sync.normal_forms(undone_attributes.type, missing.values -> undone_attributes.slug)
            ) = missing.seen ->> undone_attributes.slug as is_as_seen,
            jsonb_path_exists(
                missing.values -> undone_attributes.slug,
                '$[*] ? (@.created_by_actor.type == "workspace-member")'
            ) as is_typed
        from missing
        inner join undone_attributes on undone_attributes.object = {object}
        where jsonb_array_length(
            case jsonb_typeof(missing.values -> undone_attributes.slug)
                when 'array' then missing.values -> undone_attributes.slug else '[]'
            end
        ) > 0
    ),

    touches as (
        select row_key, 'a person wrote its ' || slug as touch from values_held where is_typed
        union all
        select row_key, 'its ' || slug || ' changed since' from values_held where is_ours and not is_as_seen
        union all
        select missing.row_key, min(records.object) || ' refer to it'
        from attio_mirror.records
        cross join lateral jsonb_each(records.values) as attributes (slug, held)
        cross join lateral jsonb_array_elements(
            case jsonb_typeof(held) when 'array' then held else '[]' end
        ) as elements (element)
        inner join missing on missing.record_id::text = element ->> 'target_record_id'
        where element ->> 'attribute_type' = 'record-reference'
        group by missing.row_key
        union all
        select missing.row_key, attached.kind || ' hang on it'
        from pg_temp.attached
        inner join missing on missing.record_id::text = attached.record_id
        where attached.kind in ('notes', 'tasks')
    ),

    cleared as (
        select
            row_key,
            jsonb_object_agg(slug, '[]'::jsonb) as body,
            jsonb_object_agg(slug, held) as held,
            jsonb_agg(
                jsonb_build_object(
                    'attribute', slug,
                    'now', (
                        select string_agg(attio_sync.shown_value(type, element), ', ')
                        from jsonb_array_elements(held) as elements (element)
                    )
                )
                order by slug
            ) as changes
        from values_held
        where is_ours and is_as_seen and not is_typed and slug <> {match_on}
        group by row_key
    ),

    judged as (
        select
            missing.*,
            cleared.body,
            cleared.held,
            cleared.changes,
            case
                when not exists (select from {relation}) then 'the export has no rows at all: look at the build'
                when {is_deleting} and not is_created_by_us then 'we did not create it'
                when {is_deleting} then (select min(touch) from touches where touches.row_key = missing.row_key)
            end as why_it_stays
        from missing
        left join cleared on cleared.row_key = missing.row_key
    )

    select
        row_number() over (order by row_key) as position,
        export,
        row_key,
        object as object_slug,
        record_id::text as record_id,
        null::text as found_id,
        case when why_it_stays is not null then 'stay' when {is_deleting} then 'delete' else 'revert' end as action,
        case when {is_deleting} then '{{}}' else body end as body,
        case
            when {is_deleting} then (
                select coalesce(jsonb_object_agg(slug, values_held.held), '{{}}')
                from values_held
                where values_held.row_key = judged.row_key
            )
            else held
        end as held,
        '{{}}'::jsonb as typed,
        case when {is_deleting} then '[]' else coalesce(changes, '[]') end as changes,
        why_it_stays as reason
    from judged
    where {is_deleting} or body is not null
    order by position
"""
