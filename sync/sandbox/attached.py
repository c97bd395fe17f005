"""What hangs on records: notes, tasks, and which entries they have (API facts, sections 11 and 13)."""

from __future__ import annotations

import re
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sync.sandbox.model import API_TOKEN, WORKSPACE_ID, Attribute, Entry, List, moment
from sync.sandbox.values import MOST_TEXT, Refusal, check_keys, check_uuid, expect, moment_of

if TYPE_CHECKING:
    from sync.sandbox.values import Json
    from sync.sandbox.workspace import Workspace

NOTE = ("parent_object", "parent_record_id", "title", "format", "content")
TASK = ("content", "format", "deadline_at", "is_completed", "linked_records", "assignees")
MOST_TASK = 2000  # characters

_MARKS = (
    (re.compile(r"^#{1,3} ", re.MULTILINE), ""),
    (re.compile(r"\[([^\]]*)\]\([^)\s]*\)"), r"\1"),
    (re.compile(r"(\*\*|__|~~|==)(?=\S)(.+?)(?<=\S)\1"), r"\2"),
    (re.compile(r"(?<!\w)([*_])(?=\S)(.+?)(?<=\S)\1(?!\w)"), r"\2"),
)


@dataclass
class Attached:
    """Notes and tasks by their ids, as the API shows them, and what hangs on each record, by its id."""

    notes: dict[str, Json] = field(default_factory=dict)
    tasks: dict[str, Json] = field(default_factory=dict)
    entries_of: dict[str, dict[str, tuple[List, Entry]]] = field(default_factory=dict)
    notes_of: dict[str, set[str]] = field(default_factory=dict)
    tasks_of: dict[str, set[str]] = field(default_factory=dict)

    def find(self, kind: str, one_id: str) -> Json:
        """Return a note (`notes`) or a task (`tasks`); refuse with 404."""
        held: dict[str, Json] = getattr(self, kind)
        if one_id not in held:
            raise Refusal(404, "not_found", f'Could not find {kind[:-1]} with ID "{one_id}".')
        return held[one_id]

    # notes

    def create_note(
        self, workspace: Workspace, data: Json, actor: Json = API_TOKEN, *, note_id: str | None = None
    ) -> Json:
        """Create a note; the same one twice is two notes."""
        check_keys(data, NOTE, (*NOTE, "created_at", "meeting_id"))
        expect(data["format"] in {"plaintext", "markdown"}, "format")
        expect(isinstance(data["title"], str) and isinstance(data["content"], str), "title and content are strings")
        if len(data["content"].encode()) > MOST_TEXT:
            raise Refusal(413, "validation_type", "The content of the note is too large.")
        if data.get("meeting_id") is not None:
            raise Refusal(404, "not_found", f'Meeting with ID "{data["meeting_id"]}" was not found.')
        created = _moment(data["created_at"], "created_at") if "created_at" in data else workspace.now()
        expect(created is not None and 0 <= created <= time.time_ns() + 10**9, "created_at: from 1970 until now")
        parent = workspace.find_object(data["parent_object"])
        check_uuid(data["parent_record_id"], "parent_record_id")
        record_id = workspace.find_record(parent, data["parent_record_id"]).record_id
        plain = data["content"]
        for mark, text in _MARKS if data["format"] == "markdown" else ():
            plain = mark.sub(text, plain)
        note_id = note_id or str(uuid.uuid4())
        self.notes[note_id] = {
            "id": {"workspace_id": WORKSPACE_ID, "note_id": note_id},
            "parent_object": parent.api_slug,
            "parent_record_id": record_id,
            "title": data["title"],
            "meeting_id": None,
            "content_plaintext": plain,
            "content_markdown": data["content"],
            "tags": [],
            "created_by_actor": actor,
            "created_at": moment(created or 0),
        }
        self.notes_of.setdefault(record_id, set()).add(note_id)
        return self.notes[note_id]

    def list_notes(self, workspace: Workspace, parent_object: str | None, parent_record_id: str | None) -> list[Json]:
        """Return notes, the newest first: no order is promised."""
        notes = list(reversed(self.notes.values()))
        if parent_object:
            slug = workspace.find_object(parent_object).api_slug
            notes = [note for note in notes if note["parent_object"] == slug]
        if parent_record_id:
            expect(parent_object, "parent_object is required with parent_record_id")
            check_uuid(parent_record_id, "parent_record_id")
            notes = [note for note in notes if note["parent_record_id"] == parent_record_id]
        return notes

    def delete_note(self, note_id: str) -> None:
        """Delete a note; refuse with 404."""
        note = self.find("notes", note_id)
        self.notes_of[note["parent_record_id"]].discard(note_id)
        del self.notes[note_id]

    # tasks

    def create_task(
        self, workspace: Workspace, data: Json, actor: Json = API_TOKEN, *, task_id: str | None = None
    ) -> Json:
        """Create a task; all six parts of it are required."""
        check_keys(data, TASK, TASK)
        expect(data["format"] == "plaintext", "format")
        expect(isinstance(data["content"], str) and 0 < len(data["content"]) <= MOST_TASK, "content")
        task_id = task_id or str(uuid.uuid4())
        task = {
            "id": {"workspace_id": WORKSPACE_ID, "task_id": task_id},
            "content_plaintext": data["content"],
            "linked_records": [],
            "created_by_actor": actor,
            "created_at": moment(workspace.now()),
        }
        self.update_task(workspace, task, {name: data[name] for name in TASK[2:]})
        self.tasks[task_id] = task
        return task

    def update_task(self, workspace: Workspace, task: Json, data: Json) -> Json:
        """Change a task; what it says stays. Nothing is changed unless everything fits."""
        check_keys(data, (), TASK[2:])
        written = dict(data)
        if "deadline_at" in data:
            deadline = _moment(data["deadline_at"], "deadline_at")
            written["deadline_at"] = None if deadline is None else moment(deadline)
        expect(isinstance(data.get("is_completed", True), bool), "is_completed")
        for name in data.keys() & {"linked_records", "assignees"}:
            expect(isinstance(data[name], list), name)
        if "linked_records" in data:
            linked = [_linked(workspace, one) for one in data["linked_records"]]
            written["linked_records"] = list({one["target_record_id"]: one for one in linked}.values())
        if "assignees" in data:
            written["assignees"] = [_assignee(workspace, one) for one in data["assignees"]]
        task_id = task["id"]["task_id"]
        if "linked_records" in written:
            for one in task["linked_records"]:
                self.tasks_of[one["target_record_id"]].discard(task_id)
            for one in written["linked_records"]:
                self.tasks_of.setdefault(one["target_record_id"], set()).add(task_id)
        task.update(written)
        return task

    def list_tasks(self, workspace: Workspace, asked: Json) -> list[Json]:
        """Return the tasks that fit the query parameters, the oldest first unless they say otherwise."""
        tasks = list(self.tasks.values())
        expect(asked.get("sort", "created_at:asc") in {"created_at:asc", "created_at:desc"}, "sort")
        expect(asked.get("is_completed", "true") in {"true", "false"}, "is_completed")
        expect(("linked_object" in asked) == ("linked_record_id" in asked), "linked_object and linked_record_id")
        if "linked_object" in asked:
            workspace.find_object(asked["linked_object"])
            check_uuid(asked["linked_record_id"], "linked_record_id")
            found = self.tasks_of.get(asked["linked_record_id"], set())
            tasks = [task for task in tasks if task["id"]["task_id"] in found]
        if "is_completed" in asked:
            tasks = [task for task in tasks if task["is_completed"] is (asked["is_completed"] == "true")]
        if "assignee" in asked:
            nobody = asked["assignee"] in {"", "null"}
            member = None if nobody else workspace.find_member(asked["assignee"], "assignee")
            tasks = [
                task
                for task in tasks
                if (nobody and not task["assignees"])
                or any(one["referenced_actor_id"] == member for one in task["assignees"])
            ]
        return tasks[::-1] if asked.get("sort") == "created_at:desc" else tasks

    def delete_task(self, task_id: str) -> None:
        """Delete a task; refuse with 404."""
        for one in self.find("tasks", task_id)["linked_records"]:
            self.tasks_of[one["target_record_id"]].discard(task_id)
        del self.tasks[task_id]

    # what becomes of it when a record goes

    def forget(self, record_id: str) -> None:
        """Let entries and notes go with a record that was deleted; tasks lose the link."""
        for found, entry in self.entries_of.pop(record_id, {}).values():
            found.remove(entry)
        for note_id in self.notes_of.pop(record_id, ()):
            del self.notes[note_id]
        for task_id in self.tasks_of.pop(record_id, ()):
            task = self.tasks[task_id]
            task["linked_records"] = [one for one in task["linked_records"] if one["target_record_id"] != record_id]

    def move(self, record_id: str, new_id: str) -> None:
        """Hang on the new record what hung on one that was merged."""
        entries = self.entries_of.pop(record_id, {})
        for _, entry in entries.values():
            entry.parent_record_id = new_id
        self.entries_of.setdefault(new_id, {}).update(entries)
        notes = self.notes_of.pop(record_id, set())
        for note_id in notes:
            self.notes[note_id]["parent_record_id"] = new_id
        self.notes_of.setdefault(new_id, set()).update(notes)
        tasks = self.tasks_of.pop(record_id, set())
        for task_id in tasks:
            links = [
                {**one, "target_record_id": new_id} if one["target_record_id"] == record_id else one
                for one in self.tasks[task_id]["linked_records"]
            ]
            self.tasks[task_id]["linked_records"] = list({one["target_record_id"]: one for one in links}.values())
        self.tasks_of.setdefault(new_id, set()).update(tasks)


def _linked(workspace: Workspace, one: Any) -> Json:
    """Return the link to a record that is named by its id or by a unique value."""
    expect(isinstance(one, dict) and isinstance(one.get("target_object"), str) and len(one) == 2, "linked_records")
    target = workspace.find_object(one["target_object"])
    if "target_record_id" in one:
        check_uuid(one["target_record_id"], "target_record_id")
        record_id = workspace.find_record(target, one["target_record_id"]).record_id
    else:
        reference = Attribute("", "", "", "linked_records", "record-reference", allowed_objects=[target.object_id])
        record_id = _known(lambda: workspace.find_referenced(reference, one))[1]
    return {"target_object_id": target.object_id, "target_record_id": record_id}


def _assignee(workspace: Workspace, one: Any) -> Json:
    expect(isinstance(one, dict), "assignees")
    member_id = _known(lambda: workspace.find_member(one, "assignees"))
    return {"referenced_actor_type": "workspace-member", "referenced_actor_id": member_id}


def _known(find: Any) -> Any:
    """Return what is found; tasks say of what is not known that it is not there."""
    try:
        return find()
    except Refusal as refusal:
        if refusal.body["code"] != "value_not_found":
            raise
        raise Refusal(404, "not_found", refusal.body["message"]) from refusal


def _moment(written: Any, name: str) -> int | None:
    if written is None:
        return None
    try:
        return moment_of(written)
    except (ValueError, OverflowError) as error:
        raise Refusal(400, "validation_type", f"Body payload validation error: {name} is no timestamp.") from error
