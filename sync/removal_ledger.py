"""What the database decides and remembers while copies are removed: changes, gains, entries, aliases."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.rows import dict_row

from sync.warehouse import json_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import psycopg

    from sync.attio import Attribute, Record
    from sync.errors import AttioError

CLOCK_SKEW = dt.timedelta(minutes=5)


def written_attributes(attributes: Sequence[Attribute]) -> str:
    """Return the attributes that can be written as the JSON that `RemovalLedger` wants."""
    return json_text(
        [
            {"slug": each.slug, "type": each.type, "is_list": each.is_multiselect}
            for each in attributes
            if each.is_writable and not each.is_archived
        ]
    )


@dataclass(frozen=True)
class RemovalLedger:
    """One run's part of `attio_sync.entries`, for the records of one object.

    `model` names the removals model, `relation` is its table; `attributes` is what `written_attributes` returns.
    """

    connection: psycopg.Connection
    run_id: int
    object_slug: str
    model: str
    relation: sql.Identifier
    attributes: str

    def current_id(self, record_id: str) -> str:
        """Return where a record is now that may have been merged."""
        row = self.connection.execute(
            "select current_record_id::text from attio_sync.aliases where object = %s and record_id = %s",
            [self.object_slug, record_id],
        ).fetchone()
        return str(row[0]) if row else record_id

    def differing(
        self,
        record_id: str,
        values: Mapping[str, Any],
        column: str,
    ) -> list[str]:
        """Return the attributes a record holds otherwise than when it was decided about; computed ones do not count."""
        query = sql.SQL(
            """
            select attributes.slug
            from jsonb_to_recordset(%s::jsonb) as attributes (slug text, type text)
            inner join {removals} as removals on removals.record_id = %s
            where
                attio_sync.normal_forms(attributes.type, %s::jsonb -> attributes.slug)
                is distinct from attio_sync.normal_forms(attributes.type, removals.{column} -> attributes.slug)
            order by attributes.slug
            """
        ).format(removals=self.relation, column=sql.Identifier(column))
        return [slug for (slug,) in self.connection.execute(query, [self.attributes, record_id, json_text(values)])]

    def gains(self, survivor: Mapping[str, Any], copies: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return what the survivor lacks and a copy has, as Attio takes it: lists grow, empty attributes are filled."""
        row = self.connection.execute(
            """
            with
            held as (
                select
                    attributes.slug,
                    attributes.type,
                    attributes.is_list,
                    copies.place,
                    elements.position,
                    elements.element,
                    attio_sync.normal_form(attributes.type, elements.element) as form
                from jsonb_to_recordset(%(attributes)s::jsonb) as attributes (slug text, type text, is_list boolean)
                cross join lateral jsonb_array_elements(%(copies)s::jsonb) with ordinality as copies (copy, place)
                cross join lateral jsonb_array_elements(
                    case when jsonb_typeof(copy -> attributes.slug) = 'array' then copy -> attributes.slug else '[]' end
                ) with ordinality as elements (element, position)
            ),

            lacking as (
                select distinct on (slug, form)
                    slug,
                    is_list,
                    place,
                    position,
                    attio_sync.written_form(type, element) as written
                from held
                where
                    form is not null
                    and form <> all (attio_sync.normal_forms(type, %(survivor)s::jsonb -> slug))
                    and (is_list or attio_sync.normal_forms(type, %(survivor)s::jsonb -> slug) = '{}')
                order by slug, form, place, position
            ),

            per_attribute as (
                select
                    slug,
                    case
                        when is_list then jsonb_agg(written order by place, position)
                        else jsonb_build_array((array_agg(written order by place, position))[1])
                    end as written
                from lacking
                where written is not null
                group by slug, is_list
            )

            select coalesce(jsonb_object_agg(slug, written), '{}') from per_attribute
            """,
            {"attributes": self.attributes, "survivor": json_text(survivor), "copies": json_text(list(copies))},
        ).fetchone()
        return dict(row[0]) if row else {}

    def _note(
        self,
        *,
        row_key: str,
        method: str,
        record_id: str,
        body: Mapping[str, Any],
        before: Mapping[str, Any],
    ) -> int:
        row = self.connection.execute(
            """
            insert into attio_sync.entries (run_id, export, row_key, object, method, record_id, body, before)
            values (%s, %s, %s, %s, %s, %s, %s::jsonb, %s::jsonb)
            returning entry_id
            """,
            [self.run_id, self.model, row_key, self.object_slug, method, record_id, json_text(body), json_text(before)],
        ).fetchone()
        assert row is not None  # noqa: S101  # insert returning
        return int(row[0])

    def note_deletes(
        self,
        cluster_id: str,
        survivor: Record,
        copies: Sequence[Record],
        gains: Mapping[str, Any],
    ) -> dict[str, int]:
        """Note whole copies, and what their survivor will gain, ahead of any call; return record id -> entry id."""
        with self.connection.transaction():
            ids = {
                record.record_id: self._note(
                    row_key=record.record_id,
                    method="delete",
                    record_id=record.record_id,
                    body={"cluster_id": cluster_id, "survivor_record_id": survivor.record_id},
                    before=record.values,
                )
                for record in copies
            }
            if gains:
                ids["survivor"] = self.note_gain(survivor, gains, cluster_id)
        return ids

    def note_gain(
        self,
        survivor: Record,
        gains: Mapping[str, Any],
        cluster_id: str | None = None,
    ) -> int:
        """Note what a survivor will gain, with what it held; return the entry id."""
        return self._note(
            row_key=cluster_id or survivor.record_id,
            method="patch",
            record_id=survivor.record_id,
            body=gains,
            before={slug: survivor.values.get(slug) or [] for slug in gains},
        )

    def note_merge(
        self,
        cluster_id: str,
        survivor: Record,
        record: Record,
        entries: Sequence[Mapping[str, Any]],
    ) -> int:
        """Note a merge, with both records and the list entries as they are; return the entry id."""
        return self._note(
            row_key=record.record_id,
            method="merge",
            record_id=survivor.record_id,
            body={"cluster_id": cluster_id, "survivor_record_id": survivor.record_id},
            before={"values": record.values, "survivor": survivor.values, "entries": list(entries)},
        )

    def settle(self, entry_id: int, state: str, error: AttioError | None) -> None:
        """Note how an entry ended."""
        self.connection.execute(
            """
            update attio_sync.entries
            set state = %s, status = %s, code = %s, message = %s, finished_at = clock_timestamp()
            where entry_id = %s
            """,
            [state, error and (error.status or None), error and (error.code or None), error and str(error), entry_id],
        )

    def follow(self, record_ids: Sequence[str], current_id: str, entry_id: int) -> None:
        """Let aliases and row states lead from records that are gone to the one they became, and settle the entry.

        At once, for both records of a merge: were one followed and the other not, nobody could tell what became of it.
        """
        parameters = {
            "object": self.object_slug,
            "record_ids": list(record_ids),
            "current_id": current_id,
            "entry_id": entry_id,
        }
        with self.connection.pipeline(), self.connection.transaction():
            for statement in (
                """
                update attio_sync.aliases set current_record_id = %(current_id)s
                where object = %(object)s and current_record_id = any (%(record_ids)s::uuid[])
                """,
                """
                insert into attio_sync.aliases (object, record_id, current_record_id)
                select %(object)s, listed.record_id, %(current_id)s
                from unnest(%(record_ids)s::uuid[]) as listed (record_id)
                on conflict (object, record_id) do update set current_record_id = excluded.current_record_id
                """,
                """
                update attio_sync.row_states set record_id = %(current_id)s
                where object = %(object)s and record_id = any (%(record_ids)s::uuid[])
                """,
                """
                update attio_sync.entries
                set
                    state = 'done',
                    message = 'now ' || %(current_id)s,
                    finished_at = clock_timestamp()
                where entry_id = %(entry_id)s
                """,
            ):
                self.connection.execute(statement, parameters)

    def open_entries(self) -> list[dict[str, Any]]:
        """Return what was noted and never settled, in the order in which it was noted."""
        with self.connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(
                """
                select entry_id, run_id, row_key, method, record_id::text, body, before, started_at
                from attio_sync.entries
                where export = %s and state = 'pending'
                order by entry_id
                """,
                [self.model],
            ).fetchall()

    def removed_with(self, run_id: int, cluster_id: str) -> list[dict[str, Any]]:
        """Return the values of the copies of a cluster that a run has deleted."""
        rows = self.connection.execute(
            """
            select before
            from attio_sync.entries
            where
                run_id = %s and export = %s and body ->> 'cluster_id' = %s
                and method = 'delete' and state = 'done'
            order by entry_id
            """,
            [run_id, self.model, cluster_id],
        )
        return [values for (values,) in rows]

    def removed_by(self, record_ids: Sequence[str]) -> list[str]:
        """Return those of the records that this run has removed."""
        rows = self.connection.execute(
            """
            select row_key
            from attio_sync.entries
            where
                run_id = %s and export = %s and row_key = any (%s)
                and method in ('delete', 'merge') and state = 'done'
            """,
            [self.run_id, self.model, list(record_ids)],
        )
        return [record_id for (record_id,) in rows]

    def telling_values(self, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return filters that find a record by what it holds: by domains, by e-mail addresses, by all of its texts."""
        rows = self.connection.execute(
            """
            select jsonb_object_agg(slug, form)
            from (
                select
                    attributes.slug,
                    attributes.type,
                    (attio_sync.normal_forms(attributes.type, %s::jsonb -> attributes.slug))[1] as form
                from jsonb_to_recordset(%s::jsonb) as attributes (slug text, type text)
                where attributes.type in ('domain', 'email-address', 'text')
            ) as held
            where form is not null
            group by type
            order by type
            """,
            [json_text(values), self.attributes],
        )
        return [dict(each) for (each,) in rows]

    def new_records(self, record_ids: Sequence[str], since: dt.datetime) -> list[str]:
        """Return those of the records that were not there at `since`, and that no merge of ours is known to have made.

        A pull may have mirrored them in the meantime; then the time of their creation tells.
        """
        rows = self.connection.execute(
            """
            select listed.record_id
            from unnest(%(record_ids)s::uuid[]) as listed (record_id)
            where
                not exists (
                    select from attio_mirror.records
                    where
                        records.object = %(object)s
                        and records.record_id = listed.record_id
                        and records.created_at < %(since)s - %(skew)s
                )
                and not exists (
                    select from attio_sync.aliases
                    where aliases.object = %(object)s and aliases.current_record_id = listed.record_id
                )
            """,
            {"record_ids": list(record_ids), "object": self.object_slug, "since": since, "skew": CLOCK_SKEW},
        )
        return [str(record_id) for (record_id,) in rows]
