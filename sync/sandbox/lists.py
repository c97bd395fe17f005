"""Lists and their entries (API facts, section 10)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from sync.sandbox.model import API_TOKEN, MEMBER_ID, WORKSPACE_ID, Entry, List, moment
from sync.sandbox.values import Refusal, check_keys, check_slug, check_uuid, expect
from sync.sandbox.workspace import values_of

if TYPE_CHECKING:
    from sync.sandbox.model import Object, Record
    from sync.sandbox.values import Json
    from sync.sandbox.workspace import How, Workspace

ACCESS = ("full-access", "read-and-write", "read-only")
CHANGEABLE = ("name", "api_slug", "workspace_access", "workspace_member_access")
ENTRY = ("parent_record_id", "parent_object", "entry_values")


def create_list(workspace: Workspace, data: Json, list_id: str | None = None) -> List:
    """Create a list; somebody has to have full access to it."""
    check_keys(data, (*CHANGEABLE, "parent_object"), (*CHANGEABLE, "parent_object"))
    _check(workspace, data, None)
    parent = workspace.find_object(data["parent_object"])
    created = moment(workspace.now())
    return workspace.add_list(
        List(
            list_id or str(uuid.uuid4()),
            data["api_slug"],
            data["name"],
            data["name"],
            created,
            parent=parent,
            workspace_access=data["workspace_access"],
            workspace_member_access=data["workspace_member_access"],
        )
    )


def update_list(workspace: Workspace, found: List, data: Json) -> List:
    """Change name, slug or access of a list; nothing is changed unless everything fits."""
    check_keys(data, (), CHANGEABLE)
    expect(data, "nothing to change was given")
    _check(workspace, {name: getattr(found, name) for name in CHANGEABLE[2:]} | data, found)
    found.singular_noun = found.plural_noun = data.get("name", found.singular_noun)
    for name in data.keys() - {"name"}:
        setattr(found, name, data[name])
    return found


def _check(workspace: Workspace, data: Json, but: List | None) -> None:
    expect(isinstance(data.get("name", "unchanged"), str) and data.get("name", "unchanged"), "name")
    check_slug(data.get("api_slug", "unchanged"))
    expect(data["workspace_access"] in {*ACCESS, None}, "workspace_access")
    members = data["workspace_member_access"]
    expect(isinstance(members, list), "workspace_member_access")
    for one in members:
        check_keys(one, ("workspace_member_id", "level"), ("workspace_member_id", "level"))
        expect(one["level"] in ACCESS, "workspace_member_access: level")
        if one["workspace_member_id"] != MEMBER_ID:
            message = f'Workspace member with ID "{one["workspace_member_id"]}" not found.'
            raise Refusal(400, "value_not_found", message)
    levels = {data["workspace_access"], *(one["level"] for one in members)}
    expect("full-access" in levels, "workspace_access: somebody needs full access")
    if any(one is not but and one.api_slug == data.get("api_slug") for one in workspace.lists.values()):
        raise Refusal(409, "slug_conflict", f'A list with api_slug "{data["api_slug"]}" already exists.')


def find_list(workspace: Workspace, slug_or_id: str) -> List:
    """Return a list; refuse with 404."""
    for list_id, one in workspace.lists.items():
        if slug_or_id in {list_id, one.api_slug}:
            return one
    raise Refusal(404, "not_found", f'List with slug/ID "{slug_or_id}" was not found.')


def create_entry(
    workspace: Workspace,
    found: List,
    data: Json,
    actor: Json = API_TOKEN,
    *,
    entry_id: str | None = None,
    created_ns: int | None = None,
) -> Entry:
    """Put a record on a list; it may stand there several times."""
    record = _parent(workspace, found, data)
    entry = Entry(
        entry_id or str(uuid.uuid4()),
        created_ns or workspace.now(),
        actor,
        parent=found.parent,
        parent_record_id=record.record_id,
    )
    workspace.store_new(found, entry, data["entry_values"])
    workspace.attached.entries_of.setdefault(record.record_id, {})[entry.record_id] = (found, entry)
    return entry


def create_or_update_entry(workspace: Workspace, found: List, data: Json) -> Entry:
    """Update the one entry that a record has on a list, or make one; lists of values are replaced."""
    record = _parent(workspace, found, data)
    entries = [one for on, one in workspace.attached.entries_of.get(record.record_id, {}).values() if on is found]
    if len(entries) > 1:
        message = "Multiple entries were found for the given parent record."
        raise Refusal(400, "multiple_match_results", message)
    if not entries:
        return create_entry(workspace, found, data)
    workspace.update(found, entries[0], data["entry_values"], "put")
    return entries[0]


def _parent(workspace: Workspace, found: List, data: Json) -> Record:
    """Return the record that an entry is to be of."""
    check_keys(data, ENTRY, ENTRY)
    check_uuid(data["parent_record_id"], "parent_record_id")
    expect(data["parent_object"] in {found.parent.api_slug, found.parent.object_id}, "parent_object: not of this list")
    if data["parent_record_id"] not in found.parent.records:
        message = f'Parent record with slug/ID "{data["parent_record_id"]}" not found.'
        raise Refusal(400, "value_not_found", message)
    return workspace.find_record(found.parent, data["parent_record_id"], to="write")


def update_entry(workspace: Workspace, found: List, entry: Entry, data: Json, how: How) -> Entry:
    """Write an entry's values; its parent stays."""
    if {"parent_record_id", "parent_object"} & set(data):
        raise Refusal(400, "immutable_value", "The parent record for a list entry cannot be updated once created.")
    check_keys(data, ("entry_values",), ("entry_values",))
    workspace.find_record(entry.parent, entry.parent_record_id, to="write")
    workspace.update(found, entry, data["entry_values"], how)
    return entry


def find_entry(found: List, entry_id: str) -> Entry:
    """Return an entry of a list; refuse with 404."""
    entry = found.records.get(entry_id)
    if not isinstance(entry, Entry):
        raise Refusal(404, "not_found", f'Could not find entry with ID "{entry_id}".')
    return entry


def delete_entry(workspace: Workspace, found: List, entry: Entry) -> None:
    """Take an entry off its list."""
    found.remove(entry)
    del workspace.attached.entries_of[entry.parent_record_id][entry.record_id]


def entry_document(found: Object, entry: Any) -> Json:
    """Return an entry as the API shows it."""
    return {
        "id": {"workspace_id": WORKSPACE_ID, "list_id": found.object_id, "entry_id": entry.record_id},
        "parent_record_id": entry.parent_record_id,
        "parent_object": entry.parent.api_slug,
        "created_at": moment(entry.created_ns),
        "entry_values": values_of(found, entry),
    }


def entries_of_record(workspace: Workspace, record: Record) -> list[Json]:
    """Return a record's entries as its own endpoint shows them, the oldest first."""
    held = workspace.attached.entries_of.get(record.record_id, {}).values()
    return [
        {
            "list_id": found.object_id,
            "list_api_slug": found.api_slug,
            "entry_id": entry.record_id,
            "created_at": moment(entry.created_ns),
        }
        for found, entry in sorted(held, key=lambda pair: pair[1].created_ns)
    ]
