"""Merging two records into a new one (API facts, section 7)."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

from sync.sandbox.model import API_TOKEN, Record, moment
from sync.sandbox.values import Refusal, check_keys, check_uuid

if TYPE_CHECKING:
    from sync.sandbox.model import Attribute, Object
    from sync.sandbox.values import Json
    from sync.sandbox.workspace import Workspace


def merge(workspace: Workspace, target: Object, data: Json, seconds: float) -> str:
    """Merge two records into a new one, which can be read `seconds` later; return its id.

    Both are gone at once. Per attribute the primary wins, also where it holds a list: what only the secondary has in
    it is lost. References of others, list entries, notes and tasks lead to the new record.
    """
    names = ("primary_record_id", "secondary_record_id")
    check_keys(data, names, names)
    for name in names:
        check_uuid(data[name], name)
    if data[names[0]] == data[names[1]]:
        raise Refusal(400, "self_merge", "A record cannot be merged with itself.")
    primary, secondary = (_mergeable(workspace, target, data[name]) for name in names)
    merged = Record(str(uuid.uuid4()), workspace.now(), API_TOKEN)
    for old in (primary, secondary):
        target.remove(old)
    for slug, attribute in target.attributes.items():
        merged.values[slug] = _merged_values(attribute, primary, secondary)
    target.add(merged)
    for old in (primary, secondary):
        _lead_on(workspace, target, old, merged)
        workspace.attached.move(old.record_id, merged.record_id)
    if seconds > 0:
        workspace.readable_from[merged.record_id] = time.monotonic() + seconds
    return merged.record_id


def _mergeable(workspace: Workspace, target: Object, record_id: str) -> Record:
    if record_id not in target.records or record_id in workspace.being_merged():
        raise Refusal(404, "not_found", f'Could not find record with ID "{record_id}".')
    return target.records[record_id]


def _merged_values(attribute: Attribute, primary: Record, secondary: Record) -> list[Json]:
    first, second = (record.values.get(attribute.api_slug, []) for record in (primary, secondary))
    held = first or second
    if attribute.type != "record-reference":
        return held
    if attribute.inverse is not None and attribute.is_multiselect:  # these links are the other side's to keep
        held = [*first, *second]
    old = {primary.record_id, secondary.record_id}  # no record refers to itself
    return list({value["target_record_id"]: value for value in held if value["target_record_id"] not in old}.values())


def _lead_on(workspace: Workspace, target: Object, old: Record, merged: Record) -> None:
    """Let every reference to an old record lead to the new one, once; not where that one let go of its side."""
    now = moment(workspace.now())
    for other, attribute, holder in workspace.references_to(target, old):
        new: Any = merged.record_id
        if attribute.inverse is not None:
            kept = {value["target_record_id"] for value in merged.values.get(attribute.inverse[1], ())}
            new = new if holder.record_id in kept else None
        led = [
            {**value, "target_record_id": new} if value["target_record_id"] == old.record_id else value
            for value in holder.values[attribute.api_slug]
        ]
        unique = {value["target_record_id"]: value for value in led if value["target_record_id"] is not None}
        workspace.replace_values(other, holder, attribute, list(unique.values()), now=now)
