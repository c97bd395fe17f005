"""A man in the middle between us and the sandbox: real HTTP, where a test decides what becomes of each request."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


@dataclass(frozen=True)
class Request:
    """What arrived; `path` begins behind `/v2`, `number` counts requests from 1."""

    number: int
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Return the body."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What to answer; `cut` ends the connection after so many bytes of it."""

    status: int = 200
    body: bytes = b"{}"
    content_type: str = "application/json"
    headers: tuple[str, ...] = ()
    cut: int | None = None


def json_answer(body: Any, status: int = 200, *headers: str) -> Answer:
    """Return an answer of JSON."""
    return Answer(status, json.dumps(body).encode(), headers=headers)


def too_many(retry_after: str) -> Answer:
    """Return Attio's 429."""
    body = {"status_code": 429, "type": "rate_limit_error", "code": "rate_limit_exceeded", "message": "later"}
    return json_answer(body, 429, f"Retry-After: {retry_after}")


NO_ANSWER = Answer(cut=0)

Play = "Callable[[Request], Awaitable[Answer | None]]"


@contextlib.asynccontextmanager
async def relay(play: Callable[[Request], Awaitable[Answer | None]], upstream: str | None = None) -> AsyncIterator[str]:
    """Answer each request as `play` says; where it says None, as `upstream` does. Yields the address."""
    numbers = iter(range(1, 1_000_000))
    open_writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_writers.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, target, _ = head[0].split(" ")
                headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in head[1:] if line)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                request = Request(next(numbers), method, target.removeprefix("/v2"), headers, body)
                answer = await play(request)
                if answer is None:
                    assert upstream is not None
                    answer = await _forward(client, upstream, request)
                content = _bytes(answer)
                writer.write(content if answer.cut is None else content[: answer.cut])
                await writer.drain()
                if answer.cut is not None:
                    break
        writer.close()

    async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 24)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            for writer in open_writers:
                writer.close()


async def _forward(client: httpx.AsyncClient, upstream: str, request: Request) -> Answer:
    headers = {name: request.headers[name] for name in ("authorization", "content-type") if name in request.headers}
    found = await client.request(request.method, f"{upstream}/v2{request.path}", content=request.body, headers=headers)
    return Answer(found.status_code, found.content, found.headers.get("content-type", ""))


def _bytes(answer: Answer) -> bytes:
    head = [f"HTTP/1.1 {answer.status} X", f"Content-Type: {answer.content_type}", *answer.headers]
    return "\r\n".join([*head, f"Content-Length: {len(answer.body)}", "", ""]).encode() + answer.body
