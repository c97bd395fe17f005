"""What the review page shows and keeps: clusters with every field of their records, and people's decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from psycopg import sql

from sync.database import refusals_told

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

Decision = Literal["same", "distinct"]

_CLUSTERS = """
with
members as (
    select
        listed.cluster_id,
        listed.record_id,
        listed.survivor_record_id,
        listed.role,
        listed.tier,
        listed.score,
        listed.reasons,
        listed.web_url,
        listed.created_at,
        records.values as held
    from {duplicates} as listed
    left join attio_mirror.records
        on records.object = %(object)s and listed.record_id = records.record_id::text
),

shown as (
    select
        members.cluster_id,
        members.record_id,
        coalesce(
            (
                select jsonb_object_agg(attributes.slug, attributes.shown)
                from (
                    select
                        fields.slug,
                        string_agg(
                            attio_sync.shown_value(element ->> 'attribute_type', element), ', '
                            order by elements.place
                        ) as shown
                    from jsonb_each(members.held) as fields (slug, listed)
                    cross join lateral jsonb_array_elements(
                        case when jsonb_typeof(fields.listed) = 'array' then fields.listed else '[]' end
                    ) with ordinality as elements (element, place)
                    where
                        element ->> 'attribute_type' not in ('actor-reference', 'record-reference', 'interaction')
                        and fields.slug not in ('record_id', 'created_at')
                    group by fields.slug
                ) as attributes
                where attributes.shown is not null
            ),
            '{{}}'
        ) as fields
    from members
)

select
    jsonb_build_object(
        'cluster_id', members.cluster_id,
        'tier', min(members.tier),
        'score', min(members.score),
        'records', jsonb_agg(
            jsonb_build_object(
                'record_id', members.record_id,
                'role', members.role,
                'reasons', members.reasons,
                'web_url', members.web_url,
                'created_at', left(members.created_at::text, 10),
                'fields', shown.fields,
                'decision', decided.decision
            )
            order by members.role desc, members.record_id
        )
    )
from members
inner join shown on members.cluster_id = shown.cluster_id and members.record_id = shown.record_id
left join lateral (
    select duplicate_decisions.decision
    from reference.duplicate_decisions
    where
        duplicate_decisions.object = %(object)s
        and (duplicate_decisions.record_id_a, duplicate_decisions.record_id_b) in (
            (members.record_id, members.survivor_record_id), (members.survivor_record_id, members.record_id)
        )
    order by duplicate_decisions.decided_at desc
    limit 1
) as decided on members.role = 'duplicate'
group by members.cluster_id
order by
    array_position(array['likely', 'possible', 'certain'], min(members.tier)), min(members.score), members.cluster_id
"""


def clusters(connection: psycopg.Connection, relation: sql.Identifier, object_slug: str) -> list[dict[str, Any]]:
    """Return the clusters, those that need a person first, each with its records, fields and decisions."""
    with refusals_told("reading the clusters"):
        rows = connection.execute(sql.SQL(_CLUSTERS).format(duplicates=relation), {"object": object_slug})
        return [cluster for (cluster,) in rows]


def decide(
    connection: psycopg.Connection,
    object_slug: str,
    pairs: Sequence[tuple[str, str]],
    decision: Decision | None,
    decided_by: str,
) -> None:
    """Keep what a person decided about pairs of records; None takes it back."""
    with refusals_told("keeping the decision"), connection.transaction():
        for one, other in pairs:
            first, second = sorted((one, other))
            connection.execute(
                """
                delete from reference.duplicate_decisions
                where object = %s and (record_id_a, record_id_b) in ((%s, %s), (%s, %s))
                """,
                [object_slug, first, second, second, first],
            )
            if decision is not None:
                connection.execute(
                    """
                    insert into reference.duplicate_decisions (object, record_id_a, record_id_b, decision, decided_by)
                    values (%s, %s, %s, %s, %s)
                    """,
                    [object_slug, first, second, decision, decided_by],
                )
