"""Take a run back: values to what they were where nobody changed them since, its creations away, its deletions back.

What is to be done is decided in SQL, on a mirror read just before; each record is read once more before it is touched.
Every step is noted in the ledger like any other write, so that an undo can be taken back too, and goes on when killed.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from psycopg.rows import class_row

from sync import progress
from sync.errors import AttioError, AuthError, ConfigError, RecordRejected, Unavailable
from sync.rate_limiter import Halted
from sync.warehouse import json_text, refusals_told

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    import psycopg

    from sync.attio import Attachment, Attribute, Record
    from sync.rate_limiter import Crm

AT_ONCE = 32
ACTIONS = ("revert", "delete", "recreate", "follow", "stay")
"""`follow`: an earlier undo had re-created it and never heard the answer. `stay`: named, with its reason."""
STATES = ("reverted", "deleted", "recreated", "changed", "rejected", "unknown", "left")
"""How a step may end: `changed` since it was shown, `unknown` without an answer, `left` when the run was stopped."""


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of one record; `body` is what is written, `held` the values it was decided by.

    `changes` are what a person is shown: attribute, now, then, why it stays. `typed` are the values that a person had
    typed before the run: attribute -> hash. `found_id` is the record that an earlier undo had made.
    """

    position: int
    export: str
    row_key: str
    object_slug: str
    record_id: str
    found_id: str | None
    action: str
    body: dict[str, Any]
    held: dict[str, Any]
    typed: dict[str, str]
    changes: list[dict[str, Any]]
    reason: str | None


@dataclass
class Report:
    """What an undo did: records by state, and those that were left alone."""

    counts: collections.Counter[str] = field(default_factory=collections.Counter)
    stayed: list[dict[str, Any]] = field(default_factory=list)
    stopped: str | None = None
    failure: AttioError | None = None


def objects_of(connection: psycopg.Connection, run_id: int) -> list[str]:
    """Return the objects a run wrote to; raise `ConfigError` when there is no such run or it is still going."""
    with refusals_told("undo"):
        run = connection.execute("select command, state from attio_sync.runs where run_id = %s", [run_id]).fetchone()
        if run is None:
            raise ConfigError(f"there is no run {run_id}: see `canon runs`")
        if run[1] == "running":
            raise ConfigError(f"run {run_id} is still going: stop it first")
        rows = connection.execute(
            "select distinct object from attio_sync.entries where run_id = %s and state <> 'not_sent' order by 1",
            [run_id],
        ).fetchall()
    return [slug for (slug,) in rows]


def steps(connection: psycopg.Connection, run_id: int, attributes: Mapping[str, Sequence[Attribute]]) -> list[Step]:
    """Return what is to be done, in order: values back, creations away, deletions back. Reads `pg_temp.attached`."""
    with refusals_told("undo"), connection.cursor(row_factory=class_row(Step)) as cursor:
        describe_attributes(connection, attributes)
        return [
            *cursor.execute(_REVERTS, {"run_id": run_id}).fetchall(),
            *cursor.execute(_DELETES, {"run_id": run_id}).fetchall(),
            *cursor.execute(_RECREATIONS, {"run_id": run_id}).fetchall(),
        ]


def deletes(todo: Sequence[Step]) -> bool:
    """Tell whether a record would be deleted: then what stands in lists has to be known."""
    return any(step.action == "delete" for step in todo)


def spare_listed(todo: Sequence[Step], entries: Sequence[Attachment]) -> list[Step]:
    """Return the steps with those records staying that would be deleted and stand in a list."""
    listed = collections.Counter(record_id for entry in entries for record_id in set(entry.record_ids))
    return [
        replace(step, action="stay", body={}, reason=_in_lists(listed[step.record_id]))
        if step.action == "delete" and listed[step.record_id]
        else step
        for step in todo
    ]


def _in_lists(count: int) -> str:
    return f"it stands in {count} lists" if count > 1 else "it stands in a list"


class Undo:
    """One undo's doing; the caller owns connection and client, and calls `stop` to end it between two records."""

    def __init__(self, connection: psycopg.Connection, crm: Crm, *, run_id: int) -> None:
        self.connection, self.crm, self.run_id = connection, crm, run_id
        self.crm.is_halted = lambda: self.report.stopped is not None
        self.report = Report()
        self._database = asyncio.Lock()
        self._not_back: set[str] = set()
        self._wanting: list[tuple[str, str, dict[str, Any]]] = []
        """Re-created records that refer to ones that were not back yet: object, record, attributes."""

    def stop(self, why: str) -> None:
        """Let nothing more begin."""
        self.report.stopped = self.report.stopped or why

    async def run(self, todo: Sequence[Step]) -> Report:
        """Do the steps: values back, then creations away, then deletions back; within one kind many at once.

        What Attio refused because another record still held a unique value is tried once more at the end.
        """
        to_do = [step for step in todo if step.action != "stay"]
        with progress.task("undo", total=len(to_do), unit="records") as shown:
            again: list[Step] = []
            self._not_back = {step.record_id for step in to_do if step.action == "recreate"}
            for action in ("revert", "delete", "recreate", "follow"):
                again += await self._all([step for step in to_do if step.action == action], shown, is_last=False)
            await self._all(again, shown, is_last=True)
        await asyncio.gather(*(self._refer(*wanting) for wanting in self._wanting))
        return self.report

    async def _refer(self, object_slug: str, record_id: str, body: Mapping[str, Any]) -> None:
        """Let a re-created record refer to those that came back after it."""
        with contextlib.suppress(AttioError, Halted):  # one that did not come back is named itself
            resolved, _ = await self._do(_resolved, body, self._not_back)
            await self.crm.replace_record(object_slug, record_id, resolved)

    async def _all(self, todo: Sequence[Step], shown: progress.Task, *, is_last: bool) -> list[Step]:
        """Do many at once; return those that were refused and may be tried again."""
        waiting = collections.deque(todo)
        again: list[Step] = []

        async def work() -> None:
            while waiting:
                step = waiting.popleft()
                if self.report.stopped:
                    self._count(step, "left", self.report.stopped)
                    continue
                try:
                    state, why = await self._one(step)
                except RecordRejected as error:
                    if not is_last:
                        again.append(step)
                        continue
                    state, why = "rejected", str(error)
                except Halted:
                    state, why = "left", self.report.stopped
                except AttioError as error:
                    self.report.failure = self.report.failure or error
                    self.stop(str(error))
                    is_lost = isinstance(error, Unavailable) and error.lost_answer
                    state, why = ("unknown" if is_lost and not isinstance(error, AuthError) else "left"), str(error)
                self._count(step, state, why)
                shown.advance(note=self.crm.note())

        async with asyncio.TaskGroup() as group:
            for _ in range(min(AT_ONCE, len(waiting))):
                group.create_task(work())
        return again

    def _count(self, step: Step, state: str, why: str | None) -> None:
        self.report.counts[state] += 1
        if state in {"changed", "rejected", "unknown"}:
            self.report.stayed.append(named(step, why))

    async def _one(self, step: Step) -> tuple[str, str | None]:
        """Do one step; return how it ended and, where it did not, why."""
        if step.action == "follow":
            assert step.found_id is not None  # noqa: S101  # what the action means
            await self._do(_followed, step, step.found_id, None)
            return "recreated", None
        if step.action == "recreate":
            entry_id = await self._do(_noted, self.run_id, step, "post")
            body, wanting = await self._do(_resolved, step.body, self._not_back)
            async with self._settled(entry_id):
                record = await self.crm.create_record(step.object_slug, body)
            await self._do(_followed, step, record.record_id, entry_id)
            self._not_back.discard(step.record_id)
            if wanting:
                self._wanting.append((step.object_slug, record.record_id, {slug: step.body[slug] for slug in wanting}))
            return "recreated", None
        record_now = await self._fresh(step)
        if record_now is None:
            return ("deleted", None) if step.action == "delete" else ("changed", "its record is not there any more")
        differing = await self._do(_differing, step, record_now.values)
        if differing:
            return "changed", f"its {', '.join(differing)} changed just now"
        if step.action == "delete":
            return await self._delete(step)
        entry_id = await self._do(_noted, self.run_id, step, "put")
        async with self._settled(entry_id):
            await self.crm.replace_record(step.object_slug, step.record_id, step.body)
        await self._do(_reverted, step, entry_id)
        return "reverted", None

    async def _delete(self, step: Step) -> tuple[str, str | None]:
        entries = await self.crm.entries(step.object_slug, step.record_id)
        if entries:
            return "changed", _in_lists(len(entries))
        entry_id = await self._do(_noted, self.run_id, step, "delete")
        async with self._settled(entry_id):
            await self.crm.delete_record(step.object_slug, step.record_id)
        await self._do(_deleted, step, entry_id)
        return "deleted", None

    async def _fresh(self, step: Step) -> Record | None:
        try:
            return await self.crm.get_record(step.object_slug, step.record_id)
        except RecordRejected as error:
            if error.status == 404:
                return None
            raise

    @contextlib.asynccontextmanager
    async def _settled(self, entry_id: int) -> AsyncIterator[None]:
        """Note in the ledger how a call failed; the error goes on its way."""
        try:
            yield
        except (AttioError, Halted) as error:
            is_lost = isinstance(error, Unavailable) and error.lost_answer
            state = "rejected" if isinstance(error, RecordRejected) else "unknown" if is_lost else "not_sent"
            await self._do(_settle, entry_id, state, error)
            raise

    async def _do(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Let the ledger do something, one thing at a time, while requests go on."""
        async with self._database:
            with refusals_told("ledger"):
                return await asyncio.to_thread(function, self.connection, *arguments)


def named(step: Step, why: str | None) -> dict[str, Any]:
    """Return a step that was not done, as reports name it."""
    return {"object": step.object_slug, "record_id": step.record_id, "row_key": step.row_key, "reason": why}


def _resolved(
    connection: psycopg.Connection, body: Mapping[str, Any], not_back: set[str]
) -> tuple[dict[str, Any], list[str]]:
    """Return a body whose references lead to the records as they are called now, and the attributes that lack some."""
    referred = {
        value["target_record_id"]
        for listed in body.values()
        for value in listed
        if isinstance(value, dict) and "target_record_id" in value
    }
    if not referred:
        return dict(body), []
    rows = connection.execute(
        "select record_id::text, current_record_id::text from attio_sync.aliases where record_id = any (%s::uuid[])",
        [sorted(referred)],
    )
    now: dict[str, str] = dict(rows.fetchall())
    found: dict[str, Any] = {}
    wanting = []
    for slug, listed in body.items():
        found[slug] = []
        for value in listed:
            target = value.get("target_record_id") if isinstance(value, dict) else None
            if target is None:
                found[slug].append(value)
            elif target not in not_back:
                found[slug].append({**value, "target_record_id": now.get(target, target)})
            else:
                wanting.append(slug)
    return found, wanting


def _differing(connection: psycopg.Connection, step: Step, values: Mapping[str, Any]) -> list[str]:
    """Return the attributes a record holds otherwise than when the step was decided; references come and go with us."""
    rows = connection.execute(
        """
        select held.slug
        from jsonb_each(%s::jsonb) as held (slug, held)
        inner join undone_attributes on undone_attributes.object = %s and undone_attributes.slug = held.slug
        where
            attio_sync.normal_forms(undone_attributes.type, held.held)
            is distinct from attio_sync.normal_forms(undone_attributes.type, %s::jsonb -> held.slug)
            and (undone_attributes.type <> 'record-reference' or %s)
        order by held.slug
        """,
        [json_text(step.held), step.object_slug, json_text(values), step.action == "revert"],
    )
    return [slug for (slug,) in rows]


def _noted(connection: psycopg.Connection, run_id: int, step: Step, method: str) -> int:
    """Note a step ahead of its call; return the entry's id."""
    row = connection.execute(
        """
        insert into attio_sync.entries (run_id, export, row_key, object, method, record_id, body, before)
        values (%s, %s, %s, %s, %s, %s, %s::jsonb, %s::jsonb)
        returning entry_id
        """,
        [
            run_id,
            step.export,
            step.row_key,
            step.object_slug,
            method,
            None if method == "post" else step.record_id,
            json_text(step.body),
            None if method == "post" else json_text(step.held),
        ],
    ).fetchone()
    assert row is not None  # noqa: S101  # insert returning
    return int(row[0])


def _settle(connection: psycopg.Connection, entry_id: int, state: str, error: Exception | None = None) -> None:
    connection.execute(
        """
        update attio_sync.entries
        set state = %s, message = %s, finished_at = clock_timestamp()
        where entry_id = %s
        """,
        [state, error and (str(error) or None), entry_id],
    )


def _reverted(connection: psycopg.Connection, step: Step, entry_id: int) -> None:
    """Forget that the values were sent, so that a later plan sees what is there; remember whose they were."""
    with connection.transaction():
        _settle(connection, entry_id, "done")
        connection.execute(
            """
            update attio_sync.row_states
            set sent = sent - %(slugs)s::text[], seen = seen - %(slugs)s::text[]
            where object = %(object)s and record_id = %(record_id)s
            """,
            {"slugs": list(step.body), "object": step.object_slug, "record_id": step.record_id},
        )
        _remember_typed(connection, step, step.record_id)


def _remember_typed(connection: psycopg.Connection, step: Step, record_id: str) -> None:
    connection.execute(
        """
        insert into attio_sync.typed_values (object, record_id, attribute, hash)
        select %s, %s, typed.slug, typed.hash
        from jsonb_each_text(%s::jsonb) as typed (slug, hash)
        on conflict (object, record_id, attribute) do update set hash = excluded.hash, noted_at = clock_timestamp()
        """,
        [step.object_slug, record_id, json_text(step.typed)],
    )


def _deleted(connection: psycopg.Connection, step: Step, entry_id: int) -> None:
    """Forget the record: its row is one without a record again."""
    with connection.transaction():
        _settle(connection, entry_id, "done")
        connection.execute(
            "delete from attio_sync.row_states where object = %s and record_id = %s", [step.object_slug, step.record_id]
        )


def _followed(connection: psycopg.Connection, step: Step, new_id: str, entry_id: int | None) -> None:
    """Let the old record's id lead to the new record."""
    parameters = {
        "object": step.object_slug,
        "old": step.record_id,
        "new": new_id,
        "export": step.export,
        "row_key": step.row_key,
        "entry_id": entry_id,
    }
    with connection.transaction():
        for statement in _FOLLOW:
            connection.execute(statement, parameters)
        _remember_typed(connection, step, new_id)


_FOLLOW = (
    """
    update attio_sync.entries
    set state = 'done', record_id = %(new)s, finished_at = clock_timestamp()
    where
        entry_id = %(entry_id)s
        or (
            export = %(export)s and row_key = %(row_key)s and object = %(object)s
            and method = 'post' and state in ('pending', 'unknown')
        )
    """,
    """
    update attio_sync.aliases set current_record_id = %(new)s
    where object = %(object)s and current_record_id = %(old)s
    """,
    """
    insert into attio_sync.aliases (object, record_id, current_record_id)
    values (%(object)s, %(old)s, %(new)s)
    on conflict (object, record_id) do update set current_record_id = excluded.current_record_id
    """,
    """
    update attio_sync.row_states set record_id = %(new)s
    where object = %(object)s and record_id = %(old)s
    """,
)


def describe_attributes(connection: psycopg.Connection, attributes: Mapping[str, Sequence[Attribute]]) -> None:
    """Put the attributes that can be written into `pg_temp.undone_attributes`, for the statements below."""
    described = [
        {"object": slug, "slug": each.slug, "type": each.type, "is_list": each.is_multiselect}
        for slug, listed in attributes.items()
        for each in listed
        if each.is_writable and not each.is_archived
    ]
    connection.execute("drop table if exists pg_temp.undone_attributes")
    connection.execute(
        """
        create temporary table undone_attributes as
        select *
        from jsonb_to_recordset(%s::jsonb) as described (object text, slug text, type text, is_list boolean)
        """,
        [json_text(described)],
    )


_REVERTS = """
    with
    written as (
        select
            entries.entry_id,
            entries.export,
            entries.row_key,
            entries.object,
            coalesce(aliases.current_record_id, entries.record_id) as record_id,
            entries.method,
            bodies.slug,
            bodies.body,
            coalesce(entries.before -> bodies.slug, '[]') as before
        from attio_sync.entries
        cross join lateral jsonb_each(entries.body) as bodies (slug, body)
        left join attio_sync.aliases
            on aliases.object = entries.object and aliases.record_id = entries.record_id
        where
            entries.run_id = %(run_id)s
            and entries.method in ('patch', 'put')
            and entries.state in ('done', 'unknown', 'pending')
            and entries.record_id is not null
    ),

    -- of several writes to one attribute the first one's old values count, and the last one's new ones
    per_attribute as (
        select
            object,
            record_id,
            slug,
            (array_agg(export order by entry_id))[1] as export,
            (array_agg(row_key order by entry_id))[1] as row_key,
            min(entry_id) as first_entry_id,
            max(entry_id) as last_entry_id,
            (array_agg(before order by entry_id))[1] as before,
            (array_agg(body order by entry_id desc))[1] as body,
            bool_or(method = 'put') as is_put
        from written
        group by object, record_id, slug
    ),

    in_normal_form as (
        select
            per_attribute.*,
            undone_attributes.type,
            undone_attributes.is_list,
            records.record_id is not null as is_there,
            coalesce(records.values -> per_attribute.slug, '[]') as held,
            attio_sync.normal_forms(undone_attributes.type, per_attribute.before) as before_forms,
            attio_sync.normal_forms(undone_attributes.type, per_attribute.body) as body_forms,
            attio_sync.normal_forms(undone_attributes.type, records.values -> per_attribute.slug) as held_forms,
            row_states.seen ->> per_attribute.slug as seen_hash
        from per_attribute
        left join undone_attributes
            on undone_attributes.object = per_attribute.object and undone_attributes.slug = per_attribute.slug
        left join attio_mirror.records
            on records.object = per_attribute.object and records.record_id = per_attribute.record_id
        left join attio_sync.row_states
            on row_states.export = per_attribute.export and row_states.row_key = per_attribute.row_key
    ),

    with_target as (
        select
            in_normal_form.*,
            case
                when is_list then (
                    -- what we added goes, unless a person holds on to it; what we removed comes back
                    select coalesce(jsonb_agg(element order by place, position), '[]')
                    from (
                        select element, 1 as place, position
                        from jsonb_array_elements(held) with ordinality as elements (element, position)
                        where
                            attio_sync.normal_form(type, element) <> all (body_forms)
                            or attio_sync.normal_form(type, element) = any (before_forms)
                            or element #>> '{created_by_actor,type}' = 'workspace-member'
                        union all
                        select element, 2, position
                        from jsonb_array_elements(before) with ordinality as elements (element, position)
                        where is_put and attio_sync.normal_form(type, element) <> all (held_forms)
                    ) as kept
                )
                else before
            end as target,
            (
                select min(entries.run_id)
                from attio_sync.entries
                where
                    entries.object = in_normal_form.object
                    and entries.record_id = in_normal_form.record_id
                    and entries.entry_id > in_normal_form.last_entry_id
                    and entries.run_id <> %(run_id)s
                    and entries.state = 'done'
                    and entries.method in ('patch', 'put')
                    and entries.body ? in_normal_form.slug
            ) as later_run_id
        from in_normal_form
    ),

    judged as (
        select
            with_target.*,
            attio_sync.normal_forms(type, target) as target_forms,
            case
                when not is_there then 'its record is not there any more'
                when type is null then 'its attribute is not there any more'
                when is_list then null
                when held_forms = before_forms then null
                when later_run_id is not null then 'run ' || later_run_id || ' wrote it since'
                when held #>> '{0,created_by_actor,type}' = 'workspace-member' then 'a person changed it since'
                when held_forms = body_forms or attio_sync.hash_of(held_forms) = seen_hash then null
                else 'changed since'
            end as why_it_stays
        from with_target
    ),

    differing as (
        select * from judged where why_it_stays is not null or target_forms <> held_forms
    )

    select
        min(first_entry_id) as position,
        min(export) as export,
        min(row_key) as row_key,
        object as object_slug,
        record_id::text as record_id,
        null::text as found_id,
        case when bool_or(why_it_stays is null) then 'revert' else 'stay' end as action,
        coalesce(
            jsonb_object_agg(slug, (
                select coalesce(jsonb_agg(attio_sync.written_form(type, element)), '[]')
                from jsonb_array_elements(target) as elements (element)
            )) filter (where why_it_stays is null),
            '{}'
        ) as body,
        jsonb_object_agg(slug, held) as held,
        coalesce(
            jsonb_object_agg(slug, attio_sync.hash_of(target_forms)) filter (
                where why_it_stays is null
                and jsonb_path_exists(target, '$[*] ? (@.created_by_actor.type == "workspace-member")')
            ),
            '{}'
        ) as typed,
        jsonb_agg(
            jsonb_strip_nulls(jsonb_build_object(
                'attribute', slug,
                'now', (
                    select string_agg(attio_sync.shown_value(type, element), ', ')
                    from jsonb_array_elements(held) as elements (element)
                ),
                'then', (
                    select string_agg(attio_sync.shown_value(type, element), ', ')
                    from jsonb_array_elements(target) as elements (element)
                ),
                'why', why_it_stays
            ))
            order by slug
        ) as changes,
        min(why_it_stays) as reason
    from differing
    group by object, record_id
    order by position desc
"""

_DELETES = """
    with
    created as (
        select distinct on (entries.object, records.record_id)
            entries.entry_id,
            entries.export,
            entries.row_key,
            entries.object,
            entries.body,
            records.record_id,
            records.values,
            records.values -> 'created_by' -> 0 ->> 'referenced_actor_id' as creator
        from attio_sync.entries
        left join attio_sync.aliases
            on aliases.object = entries.object and aliases.record_id = entries.record_id
        inner join attio_mirror.records
            on records.object = entries.object
            and records.record_id = coalesce(aliases.current_record_id, entries.record_id)
        where
            entries.run_id = %(run_id)s
            and entries.method in ('post', 'assert')
            and entries.state in ('done', 'unknown', 'pending')
        order by entries.object, records.record_id, entries.entry_id
    ),

    made_by_us as (
        select
            created.*,
            records.created_at < entries.started_at - interval '5 minutes'
            or created.values -> 'created_by' -> 0 ->> 'referenced_actor_type' = 'workspace-member' as was_there
        from created
        inner join attio_sync.entries on entries.entry_id = created.entry_id
        inner join attio_mirror.records
            on records.object = created.object and records.record_id = created.record_id
    ),

    touches as (
        select made_by_us.record_id, 'a person wrote its ' || undone_attributes.slug as touch
        from made_by_us
        inner join undone_attributes on undone_attributes.object = made_by_us.object
        where
            jsonb_path_exists(
                made_by_us.values -> undone_attributes.slug,
                '$[*] ? (@.created_by_actor.type == "workspace-member")'
            )
        union all
        select made_by_us.record_id, 'its ' || bodies.slug || ' changed since'
        from made_by_us
        cross join lateral jsonb_each(made_by_us.body) as bodies (slug, body)
        inner join undone_attributes
            on undone_attributes.object = made_by_us.object and undone_attributes.slug = bodies.slug
        left join attio_sync.row_states
            on row_states.export = made_by_us.export and row_states.row_key = made_by_us.row_key
        where
            not (
                attio_sync.normal_forms(undone_attributes.type, bodies.body)
                <@ attio_sync.normal_forms(undone_attributes.type, made_by_us.values -> bodies.slug)
            )
            and attio_sync.hash_of(
                attio_sync.normal_forms(undone_attributes.type, made_by_us.values -> bodies.slug)
            ) is distinct from row_states.seen ->> bodies.slug
        union all
        select made_by_us.record_id, min(records.object) || ' refer to it'
        from attio_mirror.records
        cross join lateral jsonb_each(records.values) as attributes (slug, held)
        cross join lateral jsonb_array_elements(
            case jsonb_typeof(held) when 'array' then held else '[]' end
        ) as elements (element)
        inner join made_by_us on made_by_us.record_id::text = element ->> 'target_record_id'
        where
            element ->> 'attribute_type' = 'record-reference'
            and element #>> '{created_by_actor,id}' is distinct from made_by_us.creator
        group by made_by_us.record_id
        union all
        select made_by_us.record_id, attached.kind || ' hang on it'
        from pg_temp.attached
        inner join made_by_us on made_by_us.record_id::text = attached.record_id
        where attached.kind in ('notes', 'tasks')
    ),

    judged as (
        select
            made_by_us.*,
            case
                when was_there then 'it was there before the run, and what it held then is not known'
                else (select min(touch) from touches where touches.record_id = made_by_us.record_id)
            end as why_it_stays
        from made_by_us
    )

    select
        entry_id as position,
        export,
        row_key,
        object as object_slug,
        record_id::text as record_id,
        null::text as found_id,
        case when why_it_stays is null then 'delete' else 'stay' end as action,
        '{}'::jsonb as body,
        (
            select coalesce(jsonb_object_agg(undone_attributes.slug, values -> undone_attributes.slug), '{}')
            from undone_attributes
            where undone_attributes.object = judged.object and jsonb_typeof(values -> undone_attributes.slug) = 'array'
        ) as held,
        '{}'::jsonb as typed,
        '[]'::jsonb as changes,
        why_it_stays as reason
    from judged
    order by position desc
"""

_RECREATIONS = """
    with
    removed as (
        select distinct on (entries.object, entries.row_key)
            entries.*,
            entries.record_id as old_record_id,
            -- a removed copy leads to its survivor until it is re-created; then to itself under its new id
            nullif(
                aliases.current_record_id,
                coalesce(survivors.current_record_id, (entries.body ->> 'survivor_record_id')::uuid)
            ) as current_record_id
        from attio_sync.entries
        left join attio_sync.aliases
            on aliases.object = entries.object and aliases.record_id = entries.record_id
        left join attio_sync.aliases as survivors
            on survivors.object = entries.object
            and survivors.record_id::text = entries.body ->> 'survivor_record_id'
        where
            entries.run_id = %(run_id)s
            and entries.method in ('delete', 'merge')
            and entries.state in ('done', 'unknown', 'pending')
        order by entries.object, entries.row_key, entries.entry_id
    ),

    lost as (
        select removed.*
        from removed
        where
            method = 'merge' and state = 'done'
            or method = 'delete' and not exists (
                select from attio_mirror.records
                where
                    records.object = removed.object
                    and records.record_id in (removed.old_record_id, removed.current_record_id)
            )
    ),

    bodies as (
        select
            lost.entry_id,
            jsonb_object_agg(written.slug, written.body) as body,
            coalesce(jsonb_object_agg(written.slug, written.hash) filter (where written.is_typed), '{}') as typed,
            jsonb_agg(
                jsonb_build_object('attribute', written.slug, 'then', written.shown) order by written.slug
            ) as changes
        from lost
        cross join lateral (
            select
                undone_attributes.slug,
                jsonb_agg(
                    case
                        when undone_attributes.type = 'record-reference' and aliases.current_record_id is not null
                            then jsonb_build_object(
                                'target_object', element -> 'target_object',
                                'target_record_id', aliases.current_record_id
                            )
                        else attio_sync.written_form(undone_attributes.type, element)
                    end
                    order by position
                ) as body,
                string_agg(attio_sync.shown_value(undone_attributes.type, element), ', ' order by position) as shown,
                attio_sync.hash_of(
                    attio_sync.normal_forms(undone_attributes.type, lost.before -> undone_attributes.slug)
                ) as hash,
                bool_or(element #>> '{created_by_actor,type}' = 'workspace-member') as is_typed
            from undone_attributes
            cross join lateral jsonb_array_elements(
                case jsonb_typeof(lost.before -> undone_attributes.slug)
                    when 'array' then lost.before -> undone_attributes.slug else '[]'
                end
            ) with ordinality as elements (element, position)
            left join attio_sync.aliases
                on aliases.object = element ->> 'target_object'
                and aliases.record_id::text = element ->> 'target_record_id'
            where undone_attributes.object = lost.object
            group by undone_attributes.slug, undone_attributes.type
        ) as written
        where lost.method = 'delete'
        group by lost.entry_id
    ),

    -- an earlier undo re-created it and never heard the answer: a new record that holds all of it
    with_found as (
        select lost.*, bodies.body as to_write, bodies.typed, bodies.changes, found.record_id as found_id
        from lost
        left join bodies on bodies.entry_id = lost.entry_id
        left join lateral (
            select records.record_id
            from attio_sync.entries
            inner join attio_mirror.records
                on records.object = entries.object and records.created_at >= entries.started_at - interval '5 minutes'
            where
                entries.method = 'post'
                and entries.state in ('pending', 'unknown')
                and entries.object = lost.object
                and entries.row_key = lost.row_key
                and entries.export = lost.export
                and not exists (
                    select from undone_attributes
                    where
                        undone_attributes.object = lost.object
                        and not (
                            attio_sync.normal_forms(undone_attributes.type, lost.before -> undone_attributes.slug)
                            <@ attio_sync.normal_forms(undone_attributes.type, records.values -> undone_attributes.slug)
                        )
                )
            order by records.created_at
            limit 1
        ) as found on true
    )

    select
        entry_id as position,
        export,
        row_key,
        object as object_slug,
        old_record_id::text as record_id,
        found_id::text as found_id,
        case
            when method = 'merge' then 'stay'
            when found_id is not null then 'follow'
            else 'recreate'
        end as action,
        coalesce(to_write, '{}') as body,
        '{}'::jsonb as held,
        coalesce(typed, '{}') as typed,
        coalesce(changes, '[]') as changes,
        case
            when method = 'merge' then 'Attio merged it: that cannot be undone; its values are in the ledger'
        end as reason
    from with_found
    order by position desc
"""
