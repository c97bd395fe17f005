"""What hangs on records: list entries, notes, tasks; and merging, which moves them (API facts, 7, 10, 11, 13)."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sync.sandbox.model import API_TOKEN, MEMBER_ID, WORKSPACE_ID, Record, moment
from sync.sandbox.values import Refusal, check_keys, check_slug, main

if TYPE_CHECKING:
    from sync.sandbox.model import Object
    from sync.sandbox.values import Json
    from sync.sandbox.workspace import Workspace

ACCESS = ("full-access", "read-and-write", "read-only")
MERGE_SECONDS = 0.15
"""How long after its merge a record can be read; until then a read answers `merge_in_progress`."""


@dataclass
class Attached:
    """Lists, entries, notes and tasks, each by its id, as the API shows them."""

    lists: dict[str, Json] = field(default_factory=dict)
    entries: dict[str, Json] = field(default_factory=dict)
    notes: dict[str, Json] = field(default_factory=dict)
    tasks: dict[str, Json] = field(default_factory=dict)
    entries_of: dict[str, set[str]] = field(default_factory=dict)
    """Record id -> ids of its entries."""

    # lists and entries

    def create_list(self, workspace: Workspace, data: Json) -> Json:
        """Create a list; somebody has to have full access to it."""
        names = ("name", "api_slug", "parent_object", "workspace_access", "workspace_member_access")
        check_keys(data, names, names)
        check_slug(data["api_slug"])
        _expect(isinstance(data["name"], str) and data["name"], "name")
        _expect(data["workspace_access"] in {*ACCESS, None}, "workspace_access")
        members = data["workspace_member_access"]
        _expect(
            isinstance(members, list)
            and all(
                isinstance(one, dict)
                and set(one) == {"workspace_member_id", "level"}
                and one["workspace_member_id"] == MEMBER_ID
                and one["level"] in ACCESS
                for one in members
            ),
            "workspace_member_access",
        )
        levels = {data["workspace_access"], *(one["level"] for one in members)}
        _expect("full-access" in levels, "workspace_access: somebody needs full access")
        parent = workspace.find_object(data["parent_object"])
        if any(one["api_slug"] == data["api_slug"] for one in self.lists.values()):
            raise Refusal(409, "slug_conflict", f'A list with the slug "{data["api_slug"]}" exists already.')
        list_id = str(uuid.uuid4())
        self.lists[list_id] = {
            "id": {"workspace_id": WORKSPACE_ID, "list_id": list_id},
            "api_slug": data["api_slug"],
            "name": data["name"],
            "parent_object": [parent.api_slug],
            "workspace_access": data["workspace_access"],
            "workspace_member_access": members,
            "created_by_actor": API_TOKEN,
            "created_at": moment(workspace.now()),
        }
        return self.lists[list_id]

    def update_list(self, found: Json, data: Json) -> Json:
        """Change name, slug or access of a list."""
        check_keys(data, (), ("name", "api_slug", "workspace_access", "workspace_member_access"))
        if "api_slug" in data:
            check_slug(data["api_slug"])
            if any(one is not found and one["api_slug"] == data["api_slug"] for one in self.lists.values()):
                raise Refusal(409, "slug_conflict", f'A list with the slug "{data["api_slug"]}" exists already.')
        _expect(isinstance(data.get("name", "unchanged"), str), "name")
        _expect(data.get("workspace_access") in {*ACCESS, None}, "workspace_access")
        found.update(data)
        return found

    def find_list(self, slug_or_id: str) -> Json:
        """Return a list; refuse with 404."""
        for list_id, one in self.lists.items():
            if slug_or_id in {list_id, one["api_slug"]}:
                return one
        raise Refusal(404, "not_found", f'List with slug/ID "{slug_or_id}" was not found.')

    def create_entry(self, workspace: Workspace, found: Json, data: Json) -> Json:
        """Put a record on a list; it may stand there several times."""
        names = ("parent_record_id", "parent_object", "entry_values")
        check_keys(data, names, names)
        parent = workspace.find_object(data["parent_object"])
        if parent.api_slug not in found["parent_object"]:
            raise Refusal(400, "validation_type", f'The list holds no records of "{parent.api_slug}".')
        record = workspace.find_record(parent, str(data["parent_record_id"]))
        self._check_entry_values(data["entry_values"])
        entry_id = str(uuid.uuid4())
        self.entries[entry_id] = {
            "id": {**found["id"], "entry_id": entry_id},
            "parent_record_id": record.record_id,
            "parent_object": parent.api_slug,
            "created_at": moment(workspace.now()),
            "entry_values": {},
        }
        self.entries_of.setdefault(record.record_id, set()).add(entry_id)
        return self.entries[entry_id]

    def update_entry(self, entry: Json, data: Json) -> Json:
        """Write an entry's values; its parent stays."""
        if {"parent_record_id", "parent_object"} & set(data):
            raise Refusal(400, "immutable_value", "The parent of an entry cannot be changed.")
        check_keys(data, ("entry_values",), ("entry_values",))
        self._check_entry_values(data["entry_values"])
        return entry

    @staticmethod
    def _check_entry_values(values: Any) -> None:
        _expect(isinstance(values, dict), "entry_values")
        if values:  # the sandbox's lists have no attributes of their own
            raise Refusal(400, "value_not_found", f'Cannot find attribute with slug/ID "{min(values)}".')

    def find_entry(self, found: Json, entry_id: str) -> Json:
        """Return an entry of a list; refuse with 404."""
        entry = self.entries.get(entry_id)
        if entry is None or entry["id"]["list_id"] != found["id"]["list_id"]:
            raise Refusal(404, "not_found", f'Could not find entry with ID "{entry_id}".')
        return entry

    def delete_entry(self, entry: Json) -> None:
        """Take an entry off its list."""
        entry_id = entry["id"]["entry_id"]
        self.entries_of[entry["parent_record_id"]].discard(entry_id)
        del self.entries[entry_id]

    def entries_of_list(self, found: Json) -> list[Json]:
        """Return the entries of a list in the order in which they were made."""
        return [entry for entry in self.entries.values() if entry["id"]["list_id"] == found["id"]["list_id"]]

    def entries_of_record(self, record_id: str) -> list[Json]:
        """Return a record's entries as its own endpoint shows them."""
        entries = sorted((self.entries[one] for one in self.entries_of.get(record_id, ())), key=_age)
        return [
            {
                "list_id": entry["id"]["list_id"],
                "list_api_slug": self.lists[entry["id"]["list_id"]]["api_slug"],
                "entry_id": entry["id"]["entry_id"],
                "created_at": entry["created_at"],
            }
            for entry in entries
        ]

    # notes

    def create_note(self, workspace: Workspace, data: Json) -> Json:
        """Create a note; the same one twice is two notes."""
        names = ("parent_object", "parent_record_id", "title", "format", "content")
        check_keys(data, names, (*names, "created_at", "meeting_id"))
        _expect(data["format"] in {"plaintext", "markdown"}, "format")
        _expect(isinstance(data["title"], str) and isinstance(data["content"], str), "title and content")
        parent = workspace.find_object(data["parent_object"])
        record = workspace.find_record(parent, str(data["parent_record_id"]))
        note_id = str(uuid.uuid4())
        self.notes[note_id] = {
            "id": {"workspace_id": WORKSPACE_ID, "note_id": note_id},
            "parent_object": parent.api_slug,
            "parent_record_id": record.record_id,
            "title": data["title"],
            "meeting_id": data.get("meeting_id"),
            "content_plaintext": data["content"],
            "content_markdown": data["content"],
            "tags": [],
            "created_by_actor": API_TOKEN,
            "created_at": _moment_of(data.get("created_at")) or moment(workspace.now()),
        }
        return self.notes[note_id]

    def find(self, kind: str, one_id: str) -> Json:
        """Return a note (`notes`) or a task (`tasks`); refuse with 404."""
        held: dict[str, Json] = getattr(self, kind)
        if one_id not in held:
            raise Refusal(404, "not_found", f'Could not find {kind[:-1]} with ID "{one_id}".')
        return held[one_id]

    # tasks

    def create_task(self, workspace: Workspace, data: Json) -> Json:
        """Create a task; all six parts of it are required."""
        names = ("content", "format", "deadline_at", "is_completed", "linked_records", "assignees")
        check_keys(data, names, names)
        _expect(data["format"] == "plaintext", "format")
        _expect(isinstance(data["content"], str) and data["content"], "content")
        task_id = str(uuid.uuid4())
        task = {
            "id": {"workspace_id": WORKSPACE_ID, "task_id": task_id},
            "content_plaintext": data["content"],
            "created_by_actor": API_TOKEN,
            "created_at": moment(workspace.now()),
        }
        self._write_task(workspace, task, {name: data[name] for name in names[2:]})
        self.tasks[task_id] = task
        return task

    def update_task(self, workspace: Workspace, task: Json, data: Json) -> Json:
        """Change a task; what it says stays."""
        check_keys(data, (), ("deadline_at", "is_completed", "linked_records", "assignees"))
        self._write_task(workspace, task, data)
        return task

    def _write_task(self, workspace: Workspace, task: Json, data: Json) -> None:
        written: Json = {}
        if "deadline_at" in data:
            written["deadline_at"] = _moment_of(data["deadline_at"])
        if "is_completed" in data:
            _expect(isinstance(data["is_completed"], bool), "is_completed")
            written["is_completed"] = data["is_completed"]
        if "linked_records" in data:
            _expect(isinstance(data["linked_records"], list), "linked_records")
            written["linked_records"] = [self._linked(workspace, one) for one in data["linked_records"]]
        if "assignees" in data:
            _expect(isinstance(data["assignees"], list), "assignees")
            written["assignees"] = [
                {
                    "referenced_actor_type": "workspace-member",
                    "referenced_actor_id": workspace.find_member(one, "assignees"),
                }
                for one in data["assignees"]
            ]
        task.update(written)

    @staticmethod
    def _linked(workspace: Workspace, one: Any) -> Json:
        _expect(isinstance(one, dict) and set(one) == {"target_object", "target_record_id"}, "linked_records")
        target = workspace.find_object(one["target_object"])
        record = workspace.find_record(target, str(one["target_record_id"]))
        return {"target_object_id": target.object_id, "target_record_id": record.record_id}

    # what becomes of it when a record goes

    def forget(self, record_id: str) -> None:
        """Let entries and notes go with a record that was deleted; tasks lose the link."""
        for entry_id in self.entries_of.pop(record_id, ()):
            del self.entries[entry_id]
        for note_id in [key for key, note in self.notes.items() if note["parent_record_id"] == record_id]:
            del self.notes[note_id]
        for task in self.tasks.values():
            task["linked_records"] = [one for one in task["linked_records"] if one["target_record_id"] != record_id]

    def move(self, record_id: str, new_id: str) -> None:
        """Hang on the new record what hung on one that was merged."""
        for entry_id in self.entries_of.pop(record_id, ()):
            self.entries[entry_id]["parent_record_id"] = new_id
            self.entries_of.setdefault(new_id, set()).add(entry_id)
        for note in self.notes.values():
            if note["parent_record_id"] == record_id:
                note["parent_record_id"] = new_id
        for task in self.tasks.values():
            for one in task["linked_records"]:
                if one["target_record_id"] == record_id:
                    one["target_record_id"] = new_id


def merge(workspace: Workspace, target: Object, data: Json) -> str:
    """Merge two records into a new one and return its id; per attribute the primary wins, also where it is a list."""
    names = ("primary_record_id", "secondary_record_id")
    check_keys(data, names, names)
    primary, secondary = (workspace.find_record(target, str(data[name])) for name in names)
    if primary is secondary:
        raise Refusal(400, "self_merge", "A record cannot be merged with itself.")
    merged = Record(str(uuid.uuid4()), workspace.now(), API_TOKEN)
    for old in (secondary, primary):
        _free(target, old)
        del target.records[old.record_id]
    target.in_order = None
    for slug, attribute in target.attributes.items():
        held = primary.values.get(slug) or secondary.values.get(slug) or []
        if attribute.inverse is not None and attribute.is_multiselect:  # links are the other side's to keep
            held = _together(primary.values.get(slug, []), secondary.values.get(slug, []))
        if held:
            merged.values[slug] = held
            if slug in target.taken:
                target.taken[slug].update({main(attribute.type, value): merged.record_id for value in held})
    target.records[merged.record_id] = merged
    _lead_on(workspace, target, {primary.record_id, secondary.record_id}, merged)
    for old in (primary, secondary):
        workspace.attached.move(old.record_id, merged.record_id)
    workspace.readable_from[merged.record_id] = time.time() + MERGE_SECONDS
    return merged.record_id


def _free(target: Object, record: Record) -> None:
    for slug, taken in target.taken.items():
        for value in record.read(slug):
            taken.pop(main(target.attributes[slug].type, value), None)


def _together(*lists: list[Json]) -> list[Json]:
    found: dict[Any, Json] = {}
    for value in (value for values in lists for value in values):
        found.setdefault(value["target_record_id"], value)
    return list(found.values())


def _lead_on(workspace: Workspace, target: Object, old_ids: set[str], merged: Record) -> None:
    """Let every reference to one of the old records point at the new one, once."""
    for other in workspace.objects.values():
        for slug, attribute in other.attributes.items():
            if target.object_id not in (attribute.allowed_objects or ()):
                continue
            for holder in other.records.values():
                held = holder.values.get(slug)
                if held and any(value["target_record_id"] in old_ids for value in held):
                    renamed = [
                        {**value, "target_record_id": merged.record_id}
                        if value["target_record_id"] in old_ids
                        else value
                        for value in held
                    ]
                    holder.values[slug] = _together(renamed)
    for slug, attribute in target.attributes.items():  # one that a single reference let go no longer lists the record
        if attribute.inverse is None or attribute.is_multiselect:
            continue
        kept = {value["target_record_id"] for value in merged.values.get(slug, [])}
        other = workspace.find_object(attribute.inverse[0])
        for holder in other.records.values():
            held = holder.values.get(attribute.inverse[1])
            if held and holder.record_id not in kept:
                holder.values[attribute.inverse[1]] = [
                    value for value in held if value["target_record_id"] != merged.record_id
                ]


def _age(entry: Json) -> str:
    created: str = entry["created_at"]
    return created


def _expect(holds: object, what: str) -> None:
    if not holds:
        raise Refusal(400, "validation_type", f"Body payload validation error: {what}.")


def _moment_of(written: Any) -> str | None:
    if written is None:
        return None
    _expect(isinstance(written, str), "a timestamp in ISO 8601")
    try:
        parsed = dt.datetime.fromisoformat(written)
    except ValueError as error:
        raise Refusal(400, "validation_type", f'"{written}" is no timestamp in ISO 8601.') from error
    aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=dt.UTC)
    return moment(int(aware.timestamp() * 10**6) * 1000)
