"""The endpoints of the API that the sandbox has, and the scopes that each needs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from sync.sandbox import attributes, lists
from sync.sandbox.merging import merge
from sync.sandbox.model import MEMBER_ID, TOKEN_ID, WORKSPACE_ID
from sync.sandbox.query import ordered, predicate
from sync.sandbox.values import Json, Refusal
from sync.sandbox.workspace import Workspace

if TYPE_CHECKING:
    from starlette.requests import Request

    from sync.sandbox.server import Sandbox

MOST_RECORDS_A_PAGE = 500
SCOPES = (
    "object_configuration:read-write record_permission:read-write user_management:read list_configuration:read-write "
    "list_entry:read-write note:read-write task:read-write"
)


def needed_scopes(method: str, path: str) -> frozenset[str]:
    """Return the scopes that a request needs, as Attio's documentation names them for each endpoint."""
    write = "read" if method == "GET" or path.endswith("/query") else "read-write"
    area = path.split("/")[1]
    if "/attributes" in path and not path.endswith("/values"):
        return frozenset([f"object_configuration:{write}"])
    if "/entries" in path and area == "lists":
        return frozenset([f"list_entry:{write}", "list_configuration:read"])
    if "/records" in path:
        own = frozenset(["list_entry:read"] if path.endswith("/entries") else [])
        return own | {f"record_permission:{write}", "object_configuration:read"}
    if method == "DELETE":
        return frozenset([f"{area[:-1]}:read-write"])
    records = {"object_configuration:read", "record_permission:read"}
    return {
        "self": frozenset[str](),
        "workspace_members": frozenset(["user_management:read"]),
        "objects": frozenset([f"object_configuration:{write}"]),
        "lists": frozenset([f"list_configuration:{write}"]),
        "notes": frozenset([f"note:{write}", *records]),
        "tasks": frozenset([f"task:{write}", *records, "user_management:read"]),
    }[area]


def json_answer(status: int, body: Any, headers: dict[str, str] | None = None) -> Response:
    """Return an answer as Attio writes them."""
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(content, status, headers, media_type="application/json")


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number of JSON")


async def read_body(request: Request) -> Json:
    """Return the JSON object that a request brings; refuse anything else."""
    try:
        written = (await request.body()).decode()
        body = json.loads(written or "null", parse_constant=_no_number)
        if "\\u" in written:
            json.dumps(body, ensure_ascii=False).encode()  # half of a surrogate pair is no character
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "validation_type", "The body is not JSON.") from error
    if not isinstance(body, dict):
        raise Refusal(400, "validation_type", "The body is to be a JSON object.")
    return body


async def _data(request: Request) -> Json:
    body = await read_body(request)
    if set(body) != {"data"} or not isinstance(body["data"], dict):
        raise Refusal(400, "validation_type", 'Body payload validation error: {"data": {...}} is expected.')
    return body["data"]


async def _values(request: Request) -> Any:
    data = await _data(request)
    if set(data) != {"values"}:
        raise Refusal(400, "validation_type", 'Body payload validation error: {"data": {"values": {...}}} is expected.')
    return data["values"]


def _page(request: Request, *, most: int, default: int | None = None) -> tuple[int, int]:
    written = [request.query_params.get(name) for name in ("limit", "offset")]
    limit, offset = [int(each) if each and each.isdecimal() and each.isascii() else each for each in written]
    return _bounds(default if limit is None else limit, offset, most)


def _bounds(limit: Any, offset: Any, most: int) -> tuple[int, int]:
    """Return limit and offset; the most that may be asked for is what comes when nothing is."""
    limit, offset = most if limit is None else limit, 0 if offset is None else offset
    limit, offset = (int(n) if isinstance(n, float) and n.is_integer() else n for n in (limit, offset))
    if any(isinstance(each, bool) or not isinstance(each, int) for each in (limit, offset)):
        raise Refusal(400, "validation_type", "limit and offset are whole numbers.")
    if not 1 <= limit <= most or offset < 0:
        raise Refusal(400, "validation_type", f"limit is to be 1 to {most}, offset 0 or more.")
    return limit, offset


async def _self(sandbox: Sandbox, __: Request) -> Json:
    return {
        "active": True,
        "scope": sandbox.behaviour.scopes,
        "client_id": TOKEN_ID,
        "token_type": "Bearer",
        "exp": None,
        "iat": 1767225600,
        "sub": WORKSPACE_ID,
        "aud": TOKEN_ID,
        "iss": "attio.com",
        "token_level": "workspace",
        "authorized_by_workspace_member_id": MEMBER_ID,
        "workspace_id": WORKSPACE_ID,
        "workspace_name": Workspace.name,
        "workspace_slug": Workspace.slug,
        "workspace_logo_url": None,
    }


async def _objects(sandbox: Sandbox, _: Request) -> Json:
    return {"data": [one.document() for one in sandbox.workspace.objects.values()]}


async def _create_object(sandbox: Sandbox, request: Request) -> Json:
    return {"data": sandbox.workspace.create_object(await _data(request)).document()}


def _target(sandbox: Sandbox, request: Request) -> Any:
    if "list" in request.path_params:
        return lists.find_list(sandbox.workspace, request.path_params["list"])
    return sandbox.workspace.find_object(request.path_params["object"])


async def _get_object(sandbox: Sandbox, request: Request) -> Json:
    return {"data": _target(sandbox, request).document()}


async def _update_object(sandbox: Sandbox, request: Request) -> Json:
    target = _target(sandbox, request)
    return {"data": sandbox.workspace.update_object(target, await _data(request)).document()}


async def _attributes(sandbox: Sandbox, request: Request) -> Json:
    limit, offset = _page(request, most=500)
    archived = request.query_params.get("show_archived") == "true"
    shown = [one for one in _target(sandbox, request).attributes.values() if archived or not one.is_archived]
    return {"data": [one.document(sandbox.workspace) for one in shown[offset : offset + limit]]}


async def _create_attribute(sandbox: Sandbox, request: Request) -> Json:
    target = _target(sandbox, request)
    return {
        "data": attributes.create_attribute(sandbox.workspace, target, await _data(request)).document(sandbox.workspace)
    }


def _attribute(sandbox: Sandbox, request: Request) -> Any:
    return sandbox.workspace.find_attribute(_target(sandbox, request), request.path_params["attribute"])


async def _get_attribute(sandbox: Sandbox, request: Request) -> Json:
    return {"data": _attribute(sandbox, request).document(sandbox.workspace)}


async def _update_attribute(sandbox: Sandbox, request: Request) -> Json:
    target, attribute = _target(sandbox, request), _attribute(sandbox, request)
    data = await _data(request)
    return {"data": attributes.update_attribute(sandbox.workspace, target, attribute, data).document(sandbox.workspace)}


def _kind(request: Request) -> str:
    return "status" if "/statuses" in request.url.path.rpartition("/attributes/")[2] else "select"


async def _options(sandbox: Sandbox, request: Request) -> Json:
    attribute = _attribute(sandbox, request)
    attributes.check_kind(attribute, _kind(request))
    archived = request.query_params.get("show_archived") == "true"
    return {"data": [option for option in attribute.options if archived or not option["is_archived"]]}


async def _create_option(sandbox: Sandbox, request: Request) -> Json:
    attribute = _attribute(sandbox, request)
    return {"data": attributes.create_option(attribute, _kind(request), await _data(request))}


async def _update_option(sandbox: Sandbox, request: Request) -> Json:
    attribute, option = _attribute(sandbox, request), request.path_params["option"]
    return {"data": attributes.update_option(attribute, _kind(request), option, await _data(request))}


async def _queried(sandbox: Sandbox, request: Request) -> tuple[Any, list[Any]]:
    """Return an object with the records, or a list with the entries, that a query asks for."""
    target, body = _target(sandbox, request), await read_body(request)
    unknown = set(body) - {"filter", "sorts", "limit", "offset"}  # there are no views to filter by
    if unknown:
        raise Refusal(400, "validation_type", f'Body payload validation error: "{min(unknown)}" is not allowed.')
    limit, offset = _bounds(body.get("limit"), body.get("offset"), MOST_RECORDS_A_PAGE)
    records = ordered(sandbox.workspace, target, body.get("sorts"))
    if body.get("filter") is not None:
        holds = predicate(sandbox.workspace, target, body["filter"])
        records = [record for record in records if holds(record)]
    if unreadable := sandbox.workspace.being_merged():
        records = [record for record in records if record.record_id not in unreadable]
    return target, records[offset : offset + limit]


async def _query(sandbox: Sandbox, request: Request) -> Json:
    target, records = await _queried(sandbox, request)
    return {"data": [sandbox.workspace.document(target, record) for record in records]}


async def _create_record(sandbox: Sandbox, request: Request) -> Json:
    target = _target(sandbox, request)
    return {"data": sandbox.workspace.document(target, sandbox.workspace.create(target, await _values(request)))}


async def _assert_record(sandbox: Sandbox, request: Request) -> Json:
    target, matching = _target(sandbox, request), request.query_params.get("matching_attribute")
    return {
        "data": sandbox.workspace.document(
            target, sandbox.workspace.create_or_update(target, matching, await _values(request))
        )
    }


def _record(sandbox: Sandbox, request: Request) -> Any:
    return sandbox.workspace.find_record(_target(sandbox, request), request.path_params["record"])


async def _get_record(sandbox: Sandbox, request: Request) -> Json:
    return {"data": sandbox.workspace.document(_target(sandbox, request), _record(sandbox, request))}


def _written_record(sandbox: Sandbox, request: Request) -> Any:
    return sandbox.workspace.find_record(_target(sandbox, request), request.path_params["record"], to="write")


async def _patch_record(sandbox: Sandbox, request: Request) -> Json:
    target, values = _target(sandbox, request), await _values(request)
    record = sandbox.workspace.update(target, _written_record(sandbox, request), values, "patch")
    return {"data": sandbox.workspace.document(target, record)}


async def _put_record(sandbox: Sandbox, request: Request) -> Json:
    target, values = _target(sandbox, request), await _values(request)
    record = sandbox.workspace.update(target, _written_record(sandbox, request), values, "put")
    return {"data": sandbox.workspace.document(target, record)}


async def _delete_record(sandbox: Sandbox, request: Request) -> Json:
    sandbox.workspace.delete(_target(sandbox, request), _record(sandbox, request))
    return {}


async def _merge_records(sandbox: Sandbox, request: Request) -> Response:
    behaviour = sandbox.behaviour
    if not behaviour.merging:
        status = behaviour.merging_status
        code, kind = ("unauthorized", "auth_error") if status == 403 else ("not_found", "invalid_request_error")
        raise Refusal(status, code, f"Could not find endpoint POST {request.url.path}.", kind=kind)
    target, data = _target(sandbox, request), await _data(request)
    answer = {"data": {"new_record_id": merge(sandbox.workspace, target, data, behaviour.merge_ms / 1000)}}
    return json_answer(202 if behaviour.merge_ms > 0 else 200, answer)  # 202: it goes on for a while


async def _entries_of_record(sandbox: Sandbox, request: Request) -> Json:
    limit, offset = _page(request, most=1000, default=100)
    entries = lists.entries_of_record(sandbox.workspace, _record(sandbox, request))
    return {"data": entries[offset : offset + limit]}


async def _lists(sandbox: Sandbox, _: Request) -> Json:
    return {"data": [one.document() for one in sandbox.workspace.lists.values()]}


async def _create_list(sandbox: Sandbox, request: Request) -> Json:
    return {"data": lists.create_list(sandbox.workspace, await _data(request)).document()}


async def _update_list(sandbox: Sandbox, request: Request) -> Json:
    found = _target(sandbox, request)
    return {"data": lists.update_list(sandbox.workspace, found, await _data(request)).document()}


async def _query_entries(sandbox: Sandbox, request: Request) -> Json:
    found, entries = await _queried(sandbox, request)
    return {"data": [lists.entry_document(found, entry) for entry in entries]}


async def _create_entry(sandbox: Sandbox, request: Request) -> Json:
    found, data = _target(sandbox, request), await _data(request)
    return {"data": lists.entry_document(found, lists.create_entry(sandbox.workspace, found, data))}


async def _assert_entry(sandbox: Sandbox, request: Request) -> Json:
    found, data = _target(sandbox, request), await _data(request)
    return {"data": lists.entry_document(found, lists.create_or_update_entry(sandbox.workspace, found, data))}


def _entry(sandbox: Sandbox, request: Request) -> Any:
    return lists.find_entry(_target(sandbox, request), request.path_params["entry"])


async def _get_entry(sandbox: Sandbox, request: Request) -> Json:
    return {"data": lists.entry_document(_target(sandbox, request), _entry(sandbox, request))}


async def _update_entry(sandbox: Sandbox, request: Request) -> Json:
    found, entry, data = _target(sandbox, request), _entry(sandbox, request), await _data(request)
    how: Any = request.method.lower()
    return {"data": lists.entry_document(found, lists.update_entry(sandbox.workspace, found, entry, data, how))}


async def _delete_entry(sandbox: Sandbox, request: Request) -> Json:
    lists.delete_entry(sandbox.workspace, _target(sandbox, request), _entry(sandbox, request))
    return {}


async def _notes(sandbox: Sandbox, request: Request) -> Json:
    limit, offset = _page(request, most=50, default=10)
    parent = [request.query_params.get(name) for name in ("parent_object", "parent_record_id")]
    return {"data": sandbox.workspace.attached.list_notes(sandbox.workspace, *parent)[offset : offset + limit]}


async def _create_note(sandbox: Sandbox, request: Request) -> Json:
    return {"data": sandbox.workspace.attached.create_note(sandbox.workspace, await _data(request))}


async def _get_note(sandbox: Sandbox, request: Request) -> Json:
    return {"data": sandbox.workspace.attached.find("notes", request.path_params["note"])}


async def _delete_note(sandbox: Sandbox, request: Request) -> Json:
    sandbox.workspace.attached.delete_note(request.path_params["note"])
    return {}


async def _tasks(sandbox: Sandbox, request: Request) -> Json:
    limit, offset = _page(request, most=500)
    tasks = sandbox.workspace.attached.list_tasks(sandbox.workspace, dict(request.query_params))
    return {"data": tasks[offset : offset + limit]}


async def _create_task(sandbox: Sandbox, request: Request) -> Json:
    return {"data": sandbox.workspace.attached.create_task(sandbox.workspace, await _data(request))}


async def _get_task(sandbox: Sandbox, request: Request) -> Json:
    return {"data": sandbox.workspace.attached.find("tasks", request.path_params["task"])}


async def _update_task(sandbox: Sandbox, request: Request) -> Json:
    attached = sandbox.workspace.attached
    task = attached.find("tasks", request.path_params["task"])
    return {"data": attached.update_task(sandbox.workspace, task, await _data(request))}


async def _delete_task(sandbox: Sandbox, request: Request) -> Json:
    sandbox.workspace.attached.delete_task(request.path_params["task"])
    return {}


async def _record_values(sandbox: Sandbox, request: Request) -> Json:
    held = _entry if "entry" in request.path_params else _record
    record, attribute = held(sandbox, request), _attribute(sandbox, request)
    limit, offset = _page(request, most=500)
    created = {"active_from": _stamp(record), "active_until": None, "created_by_actor": record.created_by}
    values = [{**created, "attribute_type": attribute.type, **value} for value in record.read(attribute.api_slug)]
    if request.query_params.get("show_historic") == "true":
        values = [*record.history.get(attribute.api_slug, ()), *values]
    return {"data": values[offset : offset + limit]}


def _stamp(record: Any) -> str:
    stamp: str = record.read("created_at")[0]["value"]
    return stamp


async def _members(_: Sandbox, __: Request) -> Json:
    member = {
        "id": {"workspace_id": WORKSPACE_ID, "workspace_member_id": MEMBER_ID},
        "first_name": "Sandbox",
        "last_name": "Member",
        "avatar_url": None,
        "email_address": "member@sandbox.attio.com",
        "created_at": "2026-01-01T00:00:00.000000000Z",
        "access_level": "admin",
    }
    return {"data": [member]}


ROUTES = (
    ("GET", "/self", _self),
    ("GET", "/workspace_members", _members),
    ("GET", "/objects", _objects),
    ("POST", "/objects", _create_object),
    ("GET", "/objects/{object}", _get_object),
    ("PATCH", "/objects/{object}", _update_object),
    *(
        (method, f"{of}/attributes{path}", handler)
        for of in ("/objects/{object}", "/lists/{list}")
        for method, path, handler in (
            ("GET", "", _attributes),
            ("POST", "", _create_attribute),
            ("GET", "/{attribute}", _get_attribute),
            ("PATCH", "/{attribute}", _update_attribute),
            ("GET", "/{attribute}/options", _options),
            ("POST", "/{attribute}/options", _create_option),
            ("PATCH", "/{attribute}/options/{option}", _update_option),
        )
    ),
    ("GET", "/lists/{list}/attributes/{attribute}/statuses", _options),  # objects have none that could be made
    ("POST", "/lists/{list}/attributes/{attribute}/statuses", _create_option),
    ("PATCH", "/lists/{list}/attributes/{attribute}/statuses/{option}", _update_option),
    ("POST", "/objects/{object}/records/query", _query),
    ("POST", "/objects/{object}/records", _create_record),
    ("PUT", "/objects/{object}/records", _assert_record),
    ("POST", "/objects/{object}/records/merge", _merge_records),
    ("GET", "/objects/{object}/records/{record}", _get_record),
    ("PATCH", "/objects/{object}/records/{record}", _patch_record),
    ("PUT", "/objects/{object}/records/{record}", _put_record),
    ("DELETE", "/objects/{object}/records/{record}", _delete_record),
    ("GET", "/objects/{object}/records/{record}/attributes/{attribute}/values", _record_values),
    ("GET", "/objects/{object}/records/{record}/entries", _entries_of_record),
    ("GET", "/lists", _lists),
    ("POST", "/lists", _create_list),
    ("GET", "/lists/{list}", _get_object),
    ("PATCH", "/lists/{list}", _update_list),
    ("POST", "/lists/{list}/entries/query", _query_entries),
    ("POST", "/lists/{list}/entries", _create_entry),
    ("PUT", "/lists/{list}/entries", _assert_entry),
    ("GET", "/lists/{list}/entries/{entry}", _get_entry),
    ("PATCH", "/lists/{list}/entries/{entry}", _update_entry),
    ("PUT", "/lists/{list}/entries/{entry}", _update_entry),
    ("DELETE", "/lists/{list}/entries/{entry}", _delete_entry),
    ("GET", "/lists/{list}/entries/{entry}/attributes/{attribute}/values", _record_values),
    ("GET", "/notes", _notes),
    ("POST", "/notes", _create_note),
    ("GET", "/notes/{note}", _get_note),
    ("DELETE", "/notes/{note}", _delete_note),
    ("GET", "/tasks", _tasks),
    ("POST", "/tasks", _create_task),
    ("GET", "/tasks/{task}", _get_task),
    ("PATCH", "/tasks/{task}", _update_task),
    ("DELETE", "/tasks/{task}", _delete_task),
)
