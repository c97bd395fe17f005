"""A workspace to begin with, from NDJSON: records and what hangs on them."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from typing import TYPE_CHECKING, Any

from sync.sandbox import attributes, lists
from sync.sandbox.model import API_TOKEN, MEMBER, SYSTEM
from sync.sandbox.values import Json, Refusal, is_uuid

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from pathlib import Path

    from sync.sandbox.workspace import Workspace

RECORD = ("object", "values")
HANGING: dict[str, Json] = {
    "list": {"workspace_access": "full-access", "workspace_member_access": []},
    "attribute": {"description": None, "is_required": False, "is_unique": False, "is_multiselect": False, "config": {}},
    "entry": {"entry_values": {}},
    "note": {"title": "", "format": "plaintext"},
    "task": {
        "format": "plaintext",
        "deadline_at": None,
        "is_completed": False,
        "linked_records": [],
        "assignees": [],
    },
}
"""What else a line may bring, as the body that would create it, and what may be left out of that body."""


def seed(workspace: Workspace, path: Path) -> int:
    """Read a workspace from NDJSON, also gzipped; return how many lines.

    A line is a record `{object, values, record_id?, created_at?, actor?}`, or one of `{list: ...}`, `{attribute: ...}`,
    `{entry: ...}`, `{note: ...}` and `{task: ...}`: the body that would create it, where it may have an `id` and an
    `actor`, an attribute or entry names its `list`, and an attribute may bring `options`. Raises `ValueError` naming
    the line that cannot be taken.
    """
    count = 0
    moments: set[int] = set()
    for number, line in _lines(path):
        try:
            _seed_line(workspace, line, moments)
        except Refusal as refusal:
            details = "; ".join(each["message"] for each in refusal.body.get("validation_errors", ()))
            raise ValueError(f"{path}, line {number}: {refusal.body['message']} {details}".strip()) from refusal
        except (KeyError, TypeError, ValueError) as error:
            what = f"neither {{object, values, record_id?, created_at?, actor?}} nor {{{' | '.join(HANGING)}: ...}}"
            raise ValueError(f"{path}, line {number}: {what} ({error})") from error
        count += 1
    return count


def _seed_line(workspace: Workspace, line: Any, moments: set[int]) -> None:
    if not isinstance(line, dict):
        raise TypeError("no object")
    kind = next((name for name in HANGING if name in line), None)
    if kind is None:
        _seed_record(workspace, line, moments)
        return
    _check_known(line, {kind})
    _seed_hanging(workspace, kind, line[kind], moments)


def _seed_record(workspace: Workspace, line: Json, moments: set[int]) -> None:
    _check_known(line, {*RECORD, "record_id", "created_at", "actor"})
    target = workspace.find_object(line["object"])
    record_id = _new_id(line.get("record_id"), target.records)
    created = _created(line, moments)
    workspace.create(target, line["values"], _actor(line.get("actor")), record_id=record_id, created_ns=created)


def _seed_hanging(workspace: Workspace, kind: str, line: Json, moments: set[int]) -> None:
    """Take in what is no record."""
    data = {**HANGING[kind], **line}
    given, actor, attached = data.pop("id", None), _actor(data.pop("actor", None)), workspace.attached
    if kind == "list":
        lists.create_list(workspace, data, _new_id(given, workspace.lists))
    elif kind == "attribute":
        choices = data.pop("options", [])
        of = "list" if "list" in data else "object"
        find: Any = lists.find_list if of == "list" else type(workspace).find_object
        attribute = attributes.create_attribute(workspace, find(workspace, data.pop(of)), data)
        for title in choices:
            attributes.create_option(attribute, attribute.type, {"title": title})
    elif kind == "entry":
        found = lists.find_list(workspace, data.pop("list"))
        entry_id, created = _new_id(given, found.records), _created(data, moments)
        data.pop("created_at", None)
        parent = {"parent_object": found.parent.api_slug, **data}
        lists.create_entry(workspace, found, parent, actor, entry_id=entry_id, created_ns=created)
    elif kind == "note":
        attached.create_note(workspace, data, actor, note_id=_new_id(given, attached.notes))
    else:
        attached.create_task(workspace, data, actor, task_id=_new_id(given, attached.tasks))


def _check_known(line: Json, known: set[str]) -> None:
    unknown = set(line) - known
    if unknown:
        raise ValueError(f"unknown key {min(unknown)}")


def _new_id(written: Any, held: Container[str]) -> str | None:
    if written is not None and (not is_uuid(written) or written in held):
        raise ValueError(f"id {written} is no UUID or is there already")
    return written  # type: ignore[no-any-return]


def _created(line: Json, moments: set[int]) -> int | None:
    if not line.get("created_at"):
        return None
    created = int(dt.datetime.fromisoformat(line["created_at"]).timestamp() * 10**6) * 1000
    while created in moments:
        created += 1  # two records of one moment keep their order
    moments.add(created)
    return created


def _actor(written: Any) -> Json:
    if written is None:
        return API_TOKEN
    kind = written.get("type") if isinstance(written, dict) else written
    known = {"api-token": API_TOKEN, "workspace-member": MEMBER, "system": SYSTEM}
    if kind not in known:
        raise ValueError(f"unknown actor {kind}")
    return known[kind]


def _lines(path: Path) -> Iterator[tuple[int, Json]]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    yield number, json.loads(line)
                except ValueError as error:
                    raise ValueError(f"{path}, line {number}: not JSON ({error})") from error
