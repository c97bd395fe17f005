"""Data coming in over HTTP: an ASGI application for `canon serve` or any other host (`sync.api:app`).

Each endpoint hands the body, as it came, to one SQL function and gives back what that says: what a field means, what
is refused and what wins is decided there (`sync/migrations/*_ingest*.sql`), and is the same for a Supabase RPC or
plain SQL. Python holds the door: token, size, how many at once, and which HTTP status a trouble is.

Nothing connects at import. Settings are read at start: `CANON_API_TOKEN`, `PG*`, and the `.env` in `CANON_PROJECT_DIR`
(default: the current directory).
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import importlib.metadata
import json
import logging
import os
import re
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import psycopg
from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from psycopg import sql
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from starlette.requests import ClientDisconnect

from sync import database, localdb, migrate
from sync.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_ROWS = 1000
MOST_BYTES = 8 * 1024 * 1024
MOST_BYTES_AT_ONCE = 128 * 1024 * 1024  # of all bodies in work or waiting
MOST_AT_ONCE = 256  # requests in work or waiting; more are told to come back
CONNECTIONS = 10
SECONDS_TO_WAIT_FOR_CONNECTION = 3
SECONDS_TO_WAIT_FOR_BODY = 30
SECONDS_FOR_STATEMENT = 30
TRIES = 3  # of what the database broke off to end a deadlock

logger = logging.getLogger(__name__)


class _Row(BaseModel):
    model_config = ConfigDict(extra="allow")


class CompanyCanonical(_Row):
    """What a person or a tool asserts about a company. Only fields given and not empty overwrite."""

    domain: str = Field(examples=["https://www.acme.com/about"], description="Any spelling of the company's domain.")
    original_name: str | None = Field(None, examples=["Acme, Inc."], description="The name as it was found.")
    cleaned_name: str | None = Field(None, examples=["Acme"], description="The name as it should read.")
    linkedin_url: str | None = Field(None, examples=["https://www.linkedin.com/company/acme"])


class CompanyDomain(_Row):
    """The company that is asked for."""

    domain: str = Field(examples=["acme.com"], description="Any spelling of the company's domain.")


class CompanyEnrichment(_Row):
    """An answer of the company enrichment, as it came."""

    domain: str = Field(examples=["acme.com"], description="The domain that was asked for.")
    raw_payload: dict[str, JsonValue] | None = Field(
        examples=[{"name": "Acme", "domain": "acme.com", "employees": "51-200", "updated_at": "2026-05-01T00:00:00Z"}]
    )


class PersonDiscovery(_Row):
    """A person as Clay finds people."""

    linkedin_url: str = Field(examples=["https://www.linkedin.com/in/ada-example"], description="The key, as found.")
    workflow_slug: str | None = Field(examples=["find-people"], description="The workflow that found the person.")
    raw_payload: dict[str, JsonValue] | None = Field(
        examples=[{"name": "Ada Example", "domain": "acme.com", "latest_experience_title": "Engineer"}]
    )
    cleaned_first_name: str | None = Field(None, examples=["Ada"])
    cleaned_last_name: str | None = Field(None, examples=["Example"])
    cleaned_full_name: str | None = Field(None, examples=["Ada Example"])
    clay_table_url: str | None = Field(None, examples=["https://app.clay.com/workspaces/1/tables/t_1"])


class JobPosting(_Row):
    """A job posting, its fields flat or under `jobPostData`."""

    domain: str = Field(examples=["acme.com"], description="The domain of the company that hires.")
    job_posting_payload: dict[str, JsonValue] | None = Field(
        examples=[{"jobPostData": {"job_id": "4012", "title": "Engineer", "location": "Berlin, Germany"}}]
    )
    clay_table_url: str | None = Field(None, examples=["https://app.clay.com/workspaces/1/tables/t_1"])


class Outcome(_Row):
    """What became of a row: inserted, updated, unchanged, kept (raw only), or refused (nothing stored)."""

    index: int | None = Field(None, description="Its place in the list, from 0; absent for a single object.")
    status: str = Field(examples=["inserted"])
    field: str | None = Field(None, description="The field that is wrong.")
    reason: str | None = Field(None, description="Why it was kept back or refused.")


class Company(_Row):
    """What is known of a company now."""

    found: bool | None = None
    domain: str | None = None
    original_name: str | None = None
    cleaned_name: str | None = None
    linkedin_url: str | None = None


class Outcomes(BaseModel):
    """One entry per row of the list, in its order."""

    results: list[Outcome]


class Companies(BaseModel):
    """One entry per row of the list, in its order."""

    results: list[Company]


class Problem(BaseModel):
    """Why there is no other answer."""

    detail: str
    field: str | None = None


class Health(BaseModel):
    """Whether the service can do its work."""

    status: str = Field(examples=["ok"])
    detail: str | None = None


class _Refusal(Exception):  # noqa: N818  # it says what happened
    """Ends a request with this status and problem; `retry_after` are seconds."""

    def __init__(self, status: int, detail: str, *, field: str | None = None, retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.field, self.retry_after = status, detail, field, retry_after


# The door


class _Door:
    """ASGI: a request id for each request, a line in the log when it ends, and no more at once than can be served."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._at_once = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["log"] = fields = {
            "request_id": request_id,
            "method": scope["method"],
            "path": scope["path"][:200],
            "status": 0,
        }
        started = time.perf_counter()

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                fields["status"] = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-request-id", request_id.encode())]
            await send(message)

        self._at_once += 1
        try:
            if self._at_once > MOST_AT_ONCE and scope["path"] != "/health":
                busy = _Refusal(429, "too many requests at once: come back in a second", retry_after=1)
                await _problem(busy)(scope, receive, send_with_id)
            else:
                await self._app(scope, receive, send_with_id)
        finally:
            self._at_once -= 1
            fields["ms"] = round((time.perf_counter() - started) * 1000, 1)
            logger.info("request", extra={"fields": fields})


def _request_id(scope: Scope) -> str:
    """Return the caller's own request id where it is a harmless one, else a new one."""
    given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
    return given if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", given) else uuid.uuid4().hex


def _problem(refusal: _Refusal) -> JSONResponse:
    headers = {"Retry-After": str(refusal.retry_after)} if refusal.retry_after is not None else {}
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    content = {"detail": refusal.detail} | ({"field": refusal.field} if refusal.field else {})
    return JSONResponse(content, refusal.status, headers)


async def _allowed(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))]
) -> None:
    given = credentials.credentials if credentials else ""
    # latin-1, for that is what a header is made of
    if not hmac.compare_digest(given.encode("latin-1", "replace"), request.app.state.token):
        raise _Refusal(401, "give the token of CANON_API_TOKEN as `Authorization: Bearer ...`")


@contextlib.asynccontextmanager
async def _body(request: Request) -> AsyncIterator[str]:
    """Read the body as text, no further than it may be long, and count its bytes as long as it is held."""
    body = bytearray()
    try:
        await _read(request, body)
        yield _text(body)
    finally:
        request.app.state.bytes_held -= len(body)


async def _read(request: Request, body: bytearray) -> None:
    too_long = _Refusal(413, "the body is longer than 8 MB: send it in parts")
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > MOST_BYTES:
        raise too_long
    state = request.app.state
    try:
        async with asyncio.timeout(SECONDS_TO_WAIT_FOR_BODY):
            async for chunk in request.stream():
                body += chunk
                state.bytes_held += len(chunk)
                if len(body) > MOST_BYTES:
                    raise too_long
                if state.bytes_held > MOST_BYTES_AT_ONCE:
                    raise _Refusal(429, "too much at once: come back in a second", retry_after=1)
    except ClientDisconnect as error:
        raise _Refusal(400, "the body ended early") from error
    except TimeoutError as error:
        raise _Refusal(408, f"the body did not come within {SECONDS_TO_WAIT_FOR_BODY} s") from error


def _text(body: bytearray) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Refusal(400, f"the body is not UTF-8 (byte {error.start})") from error


# The database

# The document is parsed once; a list that is too long is not begun with.
_CALL = sql.SQL(
    "select case when jsonb_typeof(document) <> 'array' or jsonb_array_length(document) <= {most} "
    "then {function}(document) end from (select {body}::jsonb as document offset 0) as given"
)
_SPLIT = "select value::text from json_array_elements(%s::json)"
# What is wrong with a row and not with the database: values, constraints, and what an owner's trigger objects to.
_REFUSED_BY_DATABASE = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.StatementTooComplex,
    psycopg.errors.RaiseException,
)


async def _results(request: Request, function: str, body: str) -> list[dict[str, Any]]:
    """Call the function with the body and return its entries; raise `_Refusal` for whatever stands in the way."""
    statement = _CALL.format(
        most=sql.Literal(MOST_ROWS), function=sql.Identifier("core", function), body=sql.Placeholder()
    )
    pool: AsyncConnectionPool = request.app.state.pool
    try:
        async with pool.connection() as connection:
            try:
                results = await _call(connection, statement, body)
            except _REFUSED_BY_DATABASE:
                return await _row_by_row(connection, statement, body)
    except TooManyRequests as error:
        raise _Refusal(429, "too many requests wait for the database: come back in a second", retry_after=1) from error
    except PoolTimeout as error:
        raise _Refusal(503, "the database cannot be reached: try again", retry_after=5) from error
    except psycopg.errors.ProgrammingError as error:
        raise _not_ready(error) from error
    except (psycopg.OperationalError, psycopg.errors.InternalError) as error:
        _log_trouble(error)
        raise _Refusal(503, "the database did not finish this: try again", retry_after=2) from error
    if results is None:
        raise _Refusal(422, f"the list is longer than {MOST_ROWS:,} rows: send it in parts")
    return results


async def _call(connection: psycopg.AsyncConnection, statement: sql.Composed, body: str) -> list[dict[str, Any]] | None:
    for remaining in reversed(range(TRIES)):
        try:
            found = await (await connection.execute(statement, [body])).fetchone()
        except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure):
            if not remaining:
                raise
        else:
            results: list[dict[str, Any]] | None = found[0] if found else None
            return results
    raise AssertionError  # the last try ends it either way


async def _row_by_row(connection: psycopg.AsyncConnection, statement: sql.Composed, body: str) -> list[dict[str, Any]]:
    """Store what can be stored of a body that the database refused as a whole, a transaction for each row.

    `json` keeps the text of its parts, and takes what `jsonb` does not: the NUL character, half a surrogate pair.
    """
    is_list = body.lstrip(" \t\r\n").startswith("[")
    try:
        rows = await (await connection.execute(_SPLIT, [body if is_list else f"[{body}]"])).fetchall()
    except psycopg.errors.StatementTooComplex as error:
        raise _Refusal(400, "the body is nested too deeply") from error
    except psycopg.DataError as error:
        raise _Refusal(400, "the body is not JSON") from error
    if len(rows) > MOST_ROWS:
        raise _Refusal(422, f"the list is longer than {MOST_ROWS:,} rows: send it in parts")
    if not is_list and len(rows) != 1:
        raise _Refusal(400, "the body is not JSON")  # two documents, one behind the other
    results = []
    for index, (row,) in enumerate(rows):
        try:
            found = await _call(connection, statement, row)
        except _REFUSED_BY_DATABASE as error:
            _log_trouble(error)
            results.append({"index": index, "status": "refused", **_why(error, row)})
        else:
            results += [entry | {"index": index} for entry in found or []]
    return results


def _why(error: psycopg.Error, row: str) -> dict[str, str]:
    """Say why the database refused a row, without its own words: those may hold the row's values."""
    if isinstance(error, psycopg.IntegrityError):
        column = {"field": error.diag.column_name} if error.diag.column_name else {}
        return {**column, "reason": f"breaks the rule {error.diag.constraint_name or error.sqlstate} of its table"}
    if isinstance(error, psycopg.errors.UntranslatableCharacter | psycopg.errors.InvalidTextRepresentation):
        field = _unstorable_field(row)
        return {**({"field": field} if field else {}), "reason": "holds a character the database cannot store"}
    if isinstance(error, psycopg.errors.StatementTooComplex):
        return {"reason": "is nested too deeply"}
    if isinstance(error, psycopg.errors.RaiseException):
        return {"reason": "is refused by a trigger of its table"}
    return {"reason": f"holds a value its column does not take (SQLSTATE {error.sqlstate})"}


def _unstorable_field(row: str) -> str | None:
    """Return the first field that holds a NUL or half a surrogate pair, which JSON knows and Postgres does not."""
    with contextlib.suppress(RecursionError, ValueError):
        document = json.loads(row)
        for name, value in document.items() if isinstance(document, dict) else ():
            written = json.dumps(value, ensure_ascii=False)
            if "\\u0000" in written or any("\ud800" <= character <= "\udfff" for character in written):
                return str(name)
    return None


def _not_ready(error: psycopg.Error) -> _Refusal:
    _log_trouble(error)
    return _Refusal(
        503,
        f"the database is not ready for this (SQLSTATE {error.sqlstate}): run `canon migrate`, then `canon doctor`",
        retry_after=30,
    )


def _log_trouble(error: psycopg.Error) -> None:
    fields = {"error": type(error).__name__, "sqlstate": error.sqlstate, "constraint": error.diag.constraint_name}
    logger.warning("refused by the database", extra={"fields": fields})


async def _prepare(connection: psycopg.AsyncConnection) -> None:
    await connection.execute(f"set statement_timeout = '{SECONDS_FOR_STATEMENT}s'".encode())
    await connection.execute("set timezone = 'UTC'")


# The application


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    project_dir = Path(os.environ.get("CANON_PROJECT_DIR", "."))
    localdb.read_settings(project_dir)
    token = os.environ.get("CANON_API_TOKEN", "").strip()
    if not token:
        raise ConfigError("CANON_API_TOKEN is not set: set it to the token callers are to present")
    app.state.token = token.encode()
    app.state.bytes_held = 0
    settings = await asyncio.to_thread(localdb.environment, project_dir)
    pool = AsyncConnectionPool(
        database.conninfo(settings),
        open=False,
        min_size=1,
        max_size=CONNECTIONS,
        timeout=SECONDS_TO_WAIT_FOR_CONNECTION,
        max_waiting=MOST_AT_ONCE,
        reconnect_timeout=5,  # the next request begins anew: nobody waits for a long back-off to end
        configure=_prepare,
        # no prepared statements: they do not get on with transaction poolers
        kwargs={"autocommit": True, "prepare_threshold": None},
    )
    async with pool:
        app.state.pool = pool
        yield


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    """Return OpenAPI's words for a body of one such object, or a list of them."""
    one = model.model_json_schema()
    example = {name: field.examples[0] for name, field in model.model_fields.items() if field.examples}
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"anyOf": [one, {"type": "array", "maxItems": MOST_ROWS, "items": one}]},
                    "examples": {
                        "one": {"summary": "One object", "value": example},
                        "list": {"summary": "A list of up to 1,000", "value": [example]},
                    },
                }
            },
        }
    }


_PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The body is not JSON in UTF-8."},
    401: {"model": Problem, "description": "The bearer token is missing or wrong."},
    408: {"model": Problem, "description": "The body did not arrive in time."},
    413: {"model": Problem, "description": "The body is longer than 8 MB."},
    422: {"model": Problem, "description": "The object is refused, `field` says for which; or the list is too long."},
    429: {"model": Problem, "description": "Too much at once; come back after `Retry-After` seconds."},
    503: {"model": Problem, "description": "The database cannot do this now; come back after `Retry-After` seconds."},
}


def create_app() -> FastAPI:
    """Return the application; it reads its settings and opens its connections when it is started."""
    app = FastAPI(
        title="attio-canon",
        description="Companies, people, enrichment and job postings on their way in, and look-ups.",
        version=importlib.metadata.version("attio-canon"),
        lifespan=_lifespan,
        redoc_url=None,
    )
    app.add_middleware(_Door)

    @app.exception_handler(_Refusal)
    async def refused(_request: Request, refusal: _Refusal) -> JSONResponse:
        return _problem(refusal)

    @app.exception_handler(Exception)
    async def defect(_request: Request, error: Exception) -> JSONResponse:
        logger.error("unexpected %s", type(error).__name__, exc_info=error)
        return JSONResponse({"detail": "a defect of the service; its log knows more"}, 500)

    def endpoint(path: str, takes: type[BaseModel], gives: Any, summary: str, *left_out: str) -> None:
        async def handle(request: Request) -> JSONResponse:
            async with _body(request) as body:
                results = await _results(request, path.lstrip("/"), body)
                is_list = body.lstrip(" \t\r\n").startswith("[")
            request.scope["state"]["log"]["rows"] = len(results)
            if is_list:
                return JSONResponse({"results": results})
            (only,) = results
            if only["status"] == "refused":
                field = only.get("field")
                raise _Refusal(422, " ".join(filter(None, [field, only["reason"]])), field=field)
            return JSONResponse({name: value for name, value in only.items() if name not in left_out})

        app.post(
            path,
            summary=summary,
            description=takes.__doc__,
            operation_id=path.lstrip("/"),
            response_model=gives,
            responses=_PROBLEMS,
            openapi_extra=_fields(takes),
            dependencies=[Depends(_allowed)],
        )(handle)

    endpoint(
        "/ingest_company_canonical",
        CompanyCanonical,
        Outcome | Outcomes,
        "Take in what is asserted of companies",
        "index",
    )
    endpoint("/lookup_company_canonical", CompanyDomain, Company | Companies, "Look companies up", "index", "status")
    endpoint(
        "/ingest_companyenrich", CompanyEnrichment, Outcome | Outcomes, "Take in answers of the enrichment", "index"
    )
    endpoint("/ingest_person_discovery", PersonDiscovery, Outcome | Outcomes, "Take in people found", "index")
    endpoint("/ingest_job_posting", JobPosting, Outcome | Outcomes, "Take in job postings", "index")

    @app.get("/health", summary="Is the database reachable and migrated?", responses={503: {"model": Health}})
    async def health(request: Request, response: Response) -> Health:
        trouble = await _trouble(request.app.state.pool)
        if trouble is None:
            return Health(status="ok")
        response.status_code = 503
        return Health(status="failing", detail=trouble)

    return app


async def _trouble(pool: AsyncConnectionPool) -> str | None:
    """Say what keeps the service from its work; None when nothing does."""
    try:
        async with pool.connection() as connection:
            found = await connection.execute("select name from attio_sync.migrations")
            applied = {name for (name,) in await found.fetchall()}
    except psycopg.errors.ProgrammingError as error:
        return f"the database has no migrations (SQLSTATE {error.sqlstate}): run `canon migrate`"
    except (psycopg.Error, PoolTimeout, TooManyRequests):
        return "the database cannot be reached"
    missing = [migration.name for migration in migrate.migrations() if migration.name not in applied]
    return f"migrations are missing ({', '.join(missing)}): run `canon migrate`" if missing else None


app = create_app()
