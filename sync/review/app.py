"""The review page as a small web application: loopback, a token in the address, decisions from this page only."""

from __future__ import annotations

import hmac
import json
import threading
from importlib import resources
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID  # noqa: TC003  # pydantic reads it

from fastapi import Depends, FastAPI, Header, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from sync.review.clusters import Decision, clusters, decide

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg
    from psycopg import sql

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Decided(BaseModel):
    """What the page sends: pairs of records and what a person says of them; null takes it back."""

    model_config = ConfigDict(extra="forbid")

    pairs: Annotated[list[tuple[UUID, UUID]], Field(min_length=1, max_length=1000)]
    decision: Decision | None


def page(found: Sequence[dict[str, Any]] | None, object_slug: str) -> str:
    """Return the page; with `found` it is a file that stands alone and takes no decisions."""
    template = resources.files("sync.review").joinpath("page.html").read_text(encoding="utf-8")
    data = json.dumps({"object": object_slug, "clusters": found}, ensure_ascii=False, default=str)
    return template.replace("__DATA__", data.replace("<", "\\u003c"))


def application(
    connection: psycopg.Connection, relation: sql.Identifier, *, object_slug: str, token: str, decided_by: str
) -> FastAPI:
    """Return the application; whoever has not got `token` gets nothing."""
    turn = threading.Lock()  # one connection, several requests

    def allowed(request: Request, token_sent: Annotated[str, Header(alias="X-Review-Token")] = "") -> None:
        given = token_sent or request.query_params.get("token", "")
        if not hmac.compare_digest(given.encode(), token.encode()):
            raise HTTPException(403, "open the address that `canon duplicates review` printed")

    def from_this_page(request: Request, token_sent: Annotated[str, Header(alias="X-Review-Token")] = "") -> None:
        origin = request.headers.get("origin")
        if not token_sent or origin is None or origin != str(request.base_url).rstrip("/"):
            raise HTTPException(403, "decisions are taken from the review page only")

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/", dependencies=[Depends(allowed)])
    def show() -> HTMLResponse:
        return HTMLResponse(page(None, object_slug), headers=HEADERS)

    @app.get("/clusters", dependencies=[Depends(allowed)])
    def listed() -> JSONResponse:
        with turn:
            found = clusters(connection, relation, object_slug)
        return JSONResponse(json.loads(json.dumps(found, default=str)), headers=HEADERS)

    @app.post("/decisions", dependencies=[Depends(allowed), Depends(from_this_page)], status_code=204)
    def keep(decided: Decided) -> None:
        with turn:
            pairs = [(str(one), str(other)) for one, other in decided.pairs]
            decide(connection, object_slug, pairs, decided.decision, decided_by)

    return app
