"""The HTTP side of the sandbox: routes, tokens, limits, latency, faults and what it counts."""

from __future__ import annotations

import asyncio
import email.utils
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from sync.sandbox import attributes, lists
from sync.sandbox.merging import merge
from sync.sandbox.model import MEMBER, MEMBER_ID, TOKEN_ID, WORKSPACE_ID
from sync.sandbox.query import ordered, predicate
from sync.sandbox.seed import seed
from sync.sandbox.values import Json, Refusal
from sync.sandbox.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    Handler = Callable[["Sandbox", Request], Awaitable[Any]]

REFUSED_TOKEN = "refused"  # noqa: S105  # the one token that is not accepted
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


class _Cut(Exception):  # noqa: N818  # the connection is to end without an answer
    pass


@dataclass
class Behaviour:
    """How the sandbox answers; every part may be changed while it runs.

    Limits are requests per calendar second (None: no limit), those of merges and of lists of notes besides the others;
    latencies are milliseconds, the median and the 99th percentile. Faults hit every n-th write (0: none): `cut_every`
    after it was executed, `drop_every` before, `errors_every` answers `error_status` before. Until `outage_until` (Unix
    seconds) everything is 503. A merge takes `merge_ms`; without `merging`
    its endpoint refuses with `merging_status`, as where the beta is not to be had. Who lacks one of the needed `scopes`
    is refused.
    """

    reads_per_second: int | None = 100
    writes_per_second: int | None = 25
    merges_per_second: int | None = 5
    notes_per_second: int | None = 10
    merging: bool = True
    merging_status: int = 404
    merge_ms: float = 150
    scopes: str = SCOPES
    latency_ms: float = 0
    latency_p99_ms: float = 0
    cut_every: int = 0
    drop_every: int = 0
    errors_every: int = 0
    error_status: int = 500
    outage_until: float = 0


@dataclass
class Counts:
    """What arrived and what became of it."""

    reads: int = 0
    writes: int = 0
    refused: int = 0  # by a limit
    by_route: Counter[str] = field(default_factory=Counter)
    by_second: dict[int, Json] = field(default_factory=dict)


class Sandbox:
    """The ASGI application with its workspace, behaviour and counts."""

    def __init__(self, behaviour: Behaviour, seed: Path | None) -> None:
        self.initial = behaviour
        self.seed = seed
        self.random = random.Random(7)  # noqa: S311  # repeatable latency, nothing secret
        self.reset()
        routes = [
            Route(f"/v2{path}", self._answer(method, path, handler), methods=[method])
            for method, path, handler in ROUTES
        ]
        play = [
            Route(f"/sandbox/{name}", self._answer(method, None, handler), methods=[method])
            for method, name, handler in PLAY
        ]
        refusals = {404: _unknown_path, 405: _unknown_path, Exception: _broken}
        inner = Starlette(routes=[*routes, *play], exception_handlers=refusals)
        inner.router.redirect_slashes = False
        self.app = _Gate(self, inner)

    def reset(self) -> None:
        """Start afresh: the workspace as seeded, nothing counted, the first behaviour."""
        self.behaviour = Behaviour(**vars(self.initial))
        self.counts = Counts()
        self.workspace = Workspace()
        if self.seed is not None:
            seed(self.workspace, self.seed)

    def _answer(self, method: str, path: str | None, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        needed = needed_scopes(method, path) if path is not None else frozenset()

        async def answer(request: Request) -> Response:
            try:
                if path is not None:
                    self.counts.by_route[f"{method} {path}"] += 1
                    self._check_scopes(needed)
                answer_body = await handler(self, request)
                return answer_body if isinstance(answer_body, Response) else _json(200, answer_body)
            except Refusal as refusal:
                return _json(refusal.status, refusal.body)

        return answer

    def _check_scopes(self, needed: frozenset[str]) -> None:
        held = self.behaviour.scopes.split()
        missing = needed - {*held, *(scope.replace(":read-write", ":read") for scope in held)}
        if missing:
            message = f'The token lacks the scope "{min(missing)}".'
            raise Refusal(403, "unauthorized", message, kind="auth_error")


class _Gate:
    """What stands before every route: the token, the limits, latency and faults; limits count on arrival."""

    def __init__(self, sandbox: Sandbox, inner: ASGIApp) -> None:
        self.sandbox, self.inner = sandbox, inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/v2/"):
            await self.inner(scope, receive, send)
            return
        now = time.time()
        behaviour, counts = self.sandbox.behaviour, self.sandbox.counts
        path: str = scope["path"]
        is_write = not (scope["method"] == "GET" or path.endswith(("/query", "/search")))
        second = counts.by_second.setdefault(int(now), {"reads": 0, "writes": 0, "refused": 0})
        second["writes" if is_write else "reads"] += 1
        kinds = [("writes", behaviour.writes_per_second) if is_write else ("reads", behaviour.reads_per_second)]
        if path.endswith("/records/merge"):
            kinds.append(("merges", behaviour.merges_per_second))
        elif path == "/v2/notes" and not is_write:
            kinds.append(("notes", behaviour.notes_per_second))
        for kind, _ in kinds[1:]:
            second[kind] = second.get(kind, 0) + 1
        if any(limit is not None and second[kind] > limit for kind, limit in kinds):
            second["refused"] += 1
            counts.refused += 1
            await self._wait()
            headers = {"Retry-After": email.utils.formatdate(int(now) + 1, usegmt=True)}
            message = "Rate limit exceeded, please try again later"
            body = {"status_code": 429, "type": "rate_limit_error", "code": "rate_limit_exceeded", "message": message}
            await _json(429, body, headers)(scope, receive, send)
            return
        if is_write:
            counts.writes += 1
        else:
            counts.reads += 1
        await self._wait()
        refusal = self._refused_token(scope, path) or self._outage(now)
        nth = counts.writes if is_write else 0
        if refusal is None and nth and behaviour.errors_every and nth % behaviour.errors_every == 0:
            refusal = _api_error(behaviour.error_status)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        if nth and behaviour.drop_every and nth % behaviour.drop_every == 0:
            await _cut(send)
        if nth and behaviour.cut_every and nth % behaviour.cut_every == 0:
            await self.inner(scope, receive, _nowhere)
            await _cut(send)
        await self.inner(scope, receive, send)

    async def _wait(self) -> None:
        behaviour = self.sandbox.behaviour
        if behaviour.latency_ms <= 0:
            return
        milliseconds = behaviour.latency_ms
        if behaviour.latency_p99_ms > milliseconds:  # log-normal through the median and the 99th percentile
            spread = (behaviour.latency_p99_ms / milliseconds) ** (1 / 2.326)
            milliseconds *= spread ** self.sandbox.random.gauss(0, 1)
        await asyncio.sleep(milliseconds / 1000)

    def _outage(self, now: float) -> Response | None:
        return _api_error(503) if now < self.sandbox.behaviour.outage_until else None

    def _refused_token(self, scope: Scope, path: str) -> Response | None:
        headers = dict(scope["headers"])
        scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() == "bearer" and token.strip() and token.strip() != REFUSED_TOKEN:
            return None
        if path == "/v2/self" and token.strip():
            return _json(200, {"active": False})
        message = "The API token is missing, malformed or revoked."
        return _json(401, {"status_code": 401, "type": "auth_error", "code": "unauthorized", "message": message})


def _api_error(status: int) -> Response:
    message = "Something went wrong on our side."
    return _json(status, {"status_code": status, "type": "api_error", "code": "internal_error", "message": message})


async def _nowhere(_message: Any) -> None:
    """Swallow an answer: its request was executed, its client never hears of it."""


async def _cut(send: Send) -> None:
    """End the connection in the midst of an answer."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
    await send({"type": "http.response.body", "body": b"{", "more_body": True})
    raise _Cut


def _json(status: int, body: Any, headers: dict[str, str] | None = None) -> Response:
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(content, status, headers, media_type="application/json")


async def _unknown_path(request: Request, _error: Exception) -> Response:
    message = f"Could not find endpoint {request.method} {request.url.path}."
    return _json(404, {"status_code": 404, "type": "invalid_request_error", "code": "not_found", "message": message})


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number of JSON")


async def _broken(_request: Request, error: Exception) -> Response:
    """Say what the sandbox itself did wrong; the traceback is on stderr."""
    message = f"The sandbox is at fault: {type(error).__name__}: {error}"
    return _json(500, {"status_code": 500, "type": "api_error", "code": "internal_error", "message": message})


async def _body(request: Request) -> Json:
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
    body = await _body(request)
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


# Endpoints


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
    target, body = _target(sandbox, request), await _body(request)
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
    return _json(202 if behaviour.merge_ms > 0 else 200, answer)  # 202: it goes on for a while


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


# What a test double can and Attio cannot, under /sandbox


async def _stats(sandbox: Sandbox, _: Request) -> Json:
    counts = sandbox.counts
    return {
        "reads": counts.reads,
        "writes": counts.writes,
        "refused": counts.refused,
        "by_second": counts.by_second,
        "by_route": counts.by_route,
    }


async def _reset(sandbox: Sandbox, _: Request) -> Json:
    sandbox.reset()
    return {}


async def _change(sandbox: Sandbox, request: Request) -> Json:
    changes = await _body(request)
    outage = changes.pop("outage_seconds", None)
    unknown = set(changes) - set(vars(sandbox.behaviour))
    if unknown:
        raise Refusal(400, "validation_type", f'"{min(unknown)}" is none of {", ".join(vars(sandbox.behaviour))}.')
    for name, value in changes.items():
        setattr(sandbox.behaviour, name, value)
    if outage is not None:
        sandbox.behaviour.outage_until = time.time() + outage
    return vars(sandbox.behaviour)


async def _write_as_member(sandbox: Sandbox, request: Request) -> Json:
    body = await _body(request)
    target = sandbox.workspace.find_object(body["object"])
    if "record_id" in body:
        record = sandbox.workspace.find_record(target, body["record_id"])
        sandbox.workspace.update(target, record, body["values"], "put", MEMBER)
    else:
        record = sandbox.workspace.create(target, body["values"], MEMBER)
    return {"data": sandbox.workspace.document(target, record)}


PLAY = (
    ("GET", "stats", _stats),
    ("POST", "reset", _reset),
    ("POST", "limits", _change),
    ("POST", "faults", _change),
    ("POST", "as-member", _write_as_member),
)
