"""Records to begin with, from NDJSON."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from typing import TYPE_CHECKING, Any

from sync.sandbox.model import API_TOKEN, MEMBER, SYSTEM
from sync.sandbox.values import Json, Refusal, is_uuid

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sync.sandbox.workspace import Workspace

KEYS = {"object", "values", "record_id", "created_at", "actor"}


def seed(workspace: Workspace, path: Path) -> int:
    """Read records from NDJSON of `{object, values, record_id?, created_at?, actor?}`, also gzipped; return how many.

    Raises `ValueError` naming the line that cannot be taken.
    """
    count = 0
    moments: set[int] = set()
    for number, entry in _lines(path):
        try:
            _seed_one(workspace, entry, moments)
        except Refusal as refusal:
            details = "; ".join(each["message"] for each in refusal.body.get("validation_errors", ()))
            raise ValueError(f"{path}, line {number}: {refusal.body['message']} {details}".strip()) from refusal
        except (KeyError, TypeError, ValueError) as error:
            what = "not {object, values, record_id?, created_at?, actor?}"
            raise ValueError(f"{path}, line {number}: {what} ({error})") from error
        count += 1
    return count


def _seed_one(workspace: Workspace, entry: Json, moments: set[int]) -> None:
    if not isinstance(entry, dict):
        raise TypeError("no object")
    unknown = set(entry) - KEYS
    if unknown:
        raise ValueError(f"unknown key {min(unknown)}")
    target = workspace.find_object(entry["object"])
    record_id, created = entry.get("record_id"), None
    if record_id is not None and (not is_uuid(record_id) or record_id in target.records):
        raise ValueError(f"record_id {record_id} is no UUID or is there already")
    if entry.get("created_at"):
        created = int(dt.datetime.fromisoformat(entry["created_at"]).timestamp() * 10**6) * 1000
        while created in moments:
            created += 1  # two records of one moment keep their order
        moments.add(created)
    actor = _actor(entry.get("actor"))
    workspace.create(target, entry["values"], actor, record_id=record_id, created_ns=created)


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
