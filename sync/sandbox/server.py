"""The HTTP side of the sandbox: routes, tokens, limits, latency, faults and what it counts."""

from __future__ import annotations

import asyncio
import email.utils
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from sync.sandbox.endpoints import ROUTES, SCOPES, json_answer, needed_scopes, read_body
from sync.sandbox.model import MEMBER
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
                return answer_body if isinstance(answer_body, Response) else json_answer(200, answer_body)
            except Refusal as refusal:
                return json_answer(refusal.status, refusal.body)

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
            await json_answer(429, body, headers)(scope, receive, send)
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
            return json_answer(200, {"active": False})
        message = "The API token is missing, malformed or revoked."
        return json_answer(401, {"status_code": 401, "type": "auth_error", "code": "unauthorized", "message": message})


def _api_error(status: int) -> Response:
    message = "Something went wrong on our side."
    return json_answer(
        status, {"status_code": status, "type": "api_error", "code": "internal_error", "message": message}
    )


async def _nowhere(_message: Any) -> None:
    """Swallow an answer: its request was executed, its client never hears of it."""


async def _cut(send: Send) -> None:
    """End the connection in the midst of an answer."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
    await send({"type": "http.response.body", "body": b"{", "more_body": True})
    raise _Cut


async def _unknown_path(request: Request, _error: Exception) -> Response:
    message = f"Could not find endpoint {request.method} {request.url.path}."
    return json_answer(
        404, {"status_code": 404, "type": "invalid_request_error", "code": "not_found", "message": message}
    )


async def _broken(_request: Request, error: Exception) -> Response:
    """Say what the sandbox itself did wrong; the traceback is on stderr."""
    message = f"The sandbox is at fault: {type(error).__name__}: {error}"
    return json_answer(500, {"status_code": 500, "type": "api_error", "code": "internal_error", "message": message})


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
    changes = await read_body(request)
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
    body = await read_body(request)
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
