"""The endpoints of Attio's REST API v2 that we use: one try each, typed answers, errors of our own family.

Nothing here waits, retries or counts: that is `rate_limiter.py`. Facts and error codes: docs.attio.com; bodies are read
as raw JSON by `code`, because Attio sends codes that its published lists do not name (`uniqueness_conflict`).
"""

from __future__ import annotations

import datetime as dt
import email.utils
import ipaddress
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx

from sync.errors import AuthError, ConfigError, Conflict, RecordRejected, SyncError, Unavailable

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping, Sequence

Json = dict[str, Any]
T = TypeVar("T")

DEFAULT_BASE_URL = "https://api.attio.com"
PAGE_LIMIT = 500
ENTRIES_LIMIT = 1000
NOTES_LIMIT = 50
"""The most records one query answers with."""

ANSWER_SECONDS = 60.0
CONNECT_SECONDS = 10.0
CLOCK_SKEW_SECONDS = 2.0
LONGEST_MESSAGE = 400

RETRIED_CODES = frozenset({"concurrent_write_conflict", "merge_in_progress"})
"""Codes that say 'not now' whatever their status is."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where Attio is and who we are; the token is in no `repr`."""

    base_url: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose token this is (`GET /self`). `scopes` are such as `record_permission:read-write`."""

    workspace_id: str
    workspace_name: str
    workspace_slug: str
    scopes: frozenset[str]

    def may(self, area: str, *, write: bool) -> bool:
        """Tell whether the token may read (or write) `area`; a token that names no scopes at all is not judged."""
        granted = {f"{area}:read-write"} if write else {f"{area}:read-write", f"{area}:read"}
        return not self.scopes or bool(self.scopes & granted)


@dataclass(frozen=True, slots=True)
class Record:
    """One record; `values` maps every attribute slug to the list of its current values, as Attio shapes them."""

    record_id: str
    created_at: str
    web_url: str
    values: Json


@dataclass(frozen=True, slots=True)
class Attachment:
    """A list entry, a note or a task, whole, and the ids of the records that it hangs on."""

    record_ids: tuple[str, ...]
    document: Json


@dataclass(frozen=True, slots=True)
class Object:
    """One object of the workspace (`companies`, `people`, one of our own)."""

    object_id: str
    slug: str
    singular: str
    plural: str


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of an object; `allowed_object_ids` is empty where any object may be referred to."""

    attribute_id: str
    slug: str
    title: str
    type: str
    is_writable: bool
    is_required: bool
    is_unique: bool
    is_multiselect: bool
    is_archived: bool
    allowed_object_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a select attribute."""

    option_id: str
    title: str
    is_archived: bool


def settings(environment: Mapping[str, str]) -> Settings:
    """Read `ATTIO_API_KEY` and `ATTIO_BASE_URL`; raise `ConfigError` naming the one that is missing or malformed."""
    base_url = environment.get("ATTIO_BASE_URL", "").strip() or DEFAULT_BASE_URL
    token = environment.get("ATTIO_API_KEY", "").strip()
    if not token:
        raise ConfigError(
            "ATTIO_API_KEY is not set: make a token in Attio (Workspace settings, Developers) and put it in .env"
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigError("ATTIO_API_KEY holds a blank or a character that no token has: copy the token again")
    return Settings(_checked_base_url(base_url), token)


def _checked_base_url(base_url: str) -> str:
    wrong = None
    try:
        parts = urlsplit(base_url)
        port = parts.port
        httpx.URL(base_url)
    except (ValueError, httpx.InvalidURL) as error:
        raise ConfigError(f"ATTIO_BASE_URL is no address ({error}): give for instance {DEFAULT_BASE_URL}") from error
    is_plain = base_url.isascii() and base_url.isprintable() and " " not in base_url
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0 or not is_plain:
        wrong = "must look like https://host or http://host:port"
    elif parts.username is not None or parts.password is not None:
        wrong = "must not carry a user or password"
    elif parts.query or parts.fragment:
        wrong = "must not carry a query or fragment"
    elif parts.path.rstrip("/").endswith("/v2"):
        wrong = "is the host without /v2"
    if wrong:
        raise ConfigError(f"ATTIO_BASE_URL {wrong}: give for instance {DEFAULT_BASE_URL}")
    return base_url.rstrip("/")


def new_client(where: Settings, *, tls: ssl.SSLContext) -> httpx.AsyncClient:
    """Return a client for one request at a time; the caller closes it.

    A client per request in flight is three times as fast as one client for all of them. `tls` is shared, because
    to build one takes longer than a request.
    """
    return httpx.AsyncClient(
        base_url=f"{where.base_url}/v2",
        headers={"Authorization": f"Bearer {where.token}", "Accept": "application/json", "User-Agent": "attio-canon"},
        timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
        verify=tls,
        trust_env=not _is_loopback(where.base_url),  # a proxy is for the world outside, not for the sandbox
    )


def _is_loopback(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Attio:
    """Attio's endpoints over one client.

    Every method raises `AuthError` (401, 403), `RecordRejected` (400, 404, 422), `Conflict` (409
    `concurrent_write_conflict`), `Unavailable` (429, 5xx, no answer), or `ConfigError` where somebody else answers.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def identify(self) -> Identity:
        """Return whose token this is; raise `AuthError` when Attio does not know it."""
        try:
            body = await self._send("GET", "/self")
        except RecordRejected as error:
            raise ConfigError(f"there is no Attio at ATTIO_BASE_URL ({error}): give the host without /v2") from error
        if not body.get("active"):
            raise AuthError(
                "Attio does not accept the token in ATTIO_API_KEY: make a new one in the workspace settings",
                status=200,
                code="inactive_token",
            )
        return Identity(
            workspace_id=str(body.get("workspace_id") or body.get("sub") or ""),
            workspace_name=str(body.get("workspace_name") or ""),
            workspace_slug=str(body.get("workspace_slug") or ""),
            scopes=frozenset(str(body.get("scope") or "").split()),
        )

    # records

    async def query(
        self,
        object_slug: str,
        *,
        filter: Json | None = None,  # noqa: A002  # Attio's own word
        sorts: Sequence[Json] = (),
        limit: int = PAGE_LIMIT,
        offset: int = 0,
    ) -> list[Record]:
        """Return one page of records; fewer than `limit` of them means that there are no more."""
        body: Json = {"limit": limit, "offset": offset}
        if filter:
            body["filter"] = filter
        if sorts:
            body["sorts"] = list(sorts)
        return await self._many(_record, "POST", f"{_records(object_slug)}/query", body)

    async def get_record(self, object_slug: str, record_id: str) -> Record:
        """Return one record; `RecordRejected` with status 404 when there is none."""
        return await self._one(_record, "GET", f"{_records(object_slug)}/{quote(record_id, safe='')}")

    async def create_record(self, object_slug: str, values: Mapping[str, Any]) -> Record:
        """Create a record. Not repeatable: after `Unavailable.lost_answer` it may exist."""
        return await self._one(_record, "POST", _records(object_slug), _values(values))

    async def update_record(self, object_slug: str, record_id: str, values: Mapping[str, Any]) -> Record:
        """Write the given attributes; lists gain what they lack and lose nothing (PATCH)."""
        path = f"{_records(object_slug)}/{quote(record_id, safe='')}"
        return await self._one(_record, "PATCH", path, _values(values))

    async def replace_record(self, object_slug: str, record_id: str, values: Mapping[str, Any]) -> Record:
        """Write the given attributes; lists become exactly what is given (PUT)."""
        path = f"{_records(object_slug)}/{quote(record_id, safe='')}"
        return await self._one(_record, "PUT", path, _values(values))

    async def delete_record(self, object_slug: str, record_id: str) -> None:
        """Delete a record for good; `RecordRejected` with status 404 when there is none."""
        await self._send("DELETE", f"{_records(object_slug)}/{quote(record_id, safe='')}")

    async def merge_records(self, object_slug: str, primary_record_id: str, secondary_record_id: str) -> str:
        """Merge two records into a new one and return its id; it may take Attio a while until it can be read.

        Not repeatable: afterwards neither of the two is there (section 7).
        """
        data = {"primary_record_id": primary_record_id, "secondary_record_id": secondary_record_id}
        path = f"{_records(object_slug)}/merge"
        return await self._one(lambda entry: str(entry["new_record_id"]), "POST", path, {"data": data})

    # what hangs on records

    async def entries(self, object_slug: str, record_id: str) -> list[Attachment]:
        """Return the list entries of a record, the first thousand of them."""
        path = f"{_records(object_slug)}/{quote(record_id, safe='')}/entries?limit={ENTRIES_LIMIT}"
        return await self._many(lambda entry: Attachment((record_id,), entry), "GET", path)

    async def lists(self) -> list[str]:
        """Return the ids of the workspace's lists."""
        return await self._many(lambda entry: str(entry["id"]["list_id"]), "GET", "/lists")

    async def entries_of_list(self, list_id: str, *, limit: int = PAGE_LIMIT, offset: int = 0) -> list[Attachment]:
        """Return one page of a list's entries."""
        page = {"limit": limit, "offset": offset}
        return await self._many(_child, "POST", f"/lists/{quote(list_id, safe='')}/entries/query", page)

    async def notes(self, *, limit: int = NOTES_LIMIT, offset: int = 0) -> list[Attachment]:
        """Return one page of the workspace's notes."""
        return await self._many(_child, "GET", f"/notes?limit={limit}&offset={offset}")

    async def tasks(self, *, limit: int = PAGE_LIMIT, offset: int = 0) -> list[Attachment]:
        """Return one page of the workspace's tasks."""
        return await self._many(_task, "GET", f"/tasks?limit={limit}&offset={offset}")

    # configuration

    async def objects(self) -> list[Object]:
        """Return every object of the workspace."""
        return await self._many(_object, "GET", "/objects")

    async def create_object(self, slug: str, *, singular: str, plural: str) -> Object:
        """Create an object; `RecordRejected` with code `slug_conflict` when slug or nouns are taken."""
        data = {"api_slug": slug, "singular_noun": singular, "plural_noun": plural}
        return await self._one(_object, "POST", "/objects", {"data": data})

    async def attributes(self, object_slug: str, *, limit: int = PAGE_LIMIT, offset: int = 0) -> list[Attribute]:
        """Return one page of an object's attributes, archived ones too."""
        path = f"{_attributes(object_slug)}?show_archived=true&limit={limit}&offset={offset}"
        return await self._many(_attribute, "GET", path)

    async def create_attribute(
        self,
        object_slug: str,
        slug: str,
        *,
        title: str,
        type: str,  # noqa: A002  # Attio's own word
        description: str | None = None,
        is_unique: bool = False,
        is_multiselect: bool = False,
        allowed_objects: Sequence[str] = (),
    ) -> Attribute:
        """Create an attribute; `RecordRejected` with code `slug_conflict` when the slug is taken (archived too)."""
        data: Json = {
            "title": title,
            "description": description,
            "api_slug": slug,
            "type": type,
            "is_required": False,
            "is_unique": is_unique,
            "is_multiselect": is_multiselect,
            "config": {"record_reference": {"allowed_objects": list(allowed_objects)}} if allowed_objects else {},
        }
        return await self._one(_attribute, "POST", _attributes(object_slug), {"data": data})

    async def options(self, object_slug: str, attribute: str) -> list[Option]:
        """Return the options of a select attribute."""
        path = f"{_attributes(object_slug)}/{quote(attribute, safe='')}/options?show_archived=true"
        return await self._many(_option, "GET", path)

    async def create_option(self, object_slug: str, attribute: str, title: str) -> Option:
        """Create an option; `RecordRejected` with code `slug_conflict` when the title is taken."""
        path = f"{_attributes(object_slug)}/{quote(attribute, safe='')}/options"
        return await self._one(_option, "POST", path, {"data": {"title": title}})

    # transport

    async def _one(self, parse: Callable[[Json], T], method: str, path: str, body: Json | None = None) -> T:
        data = (await self._send(method, path, body)).get("data")
        return _typed(parse, data, method, path)

    async def _many(self, parse: Callable[[Json], T], method: str, path: str, body: Json | None = None) -> list[T]:
        data = (await self._send(method, path, body)).get("data")
        if not isinstance(data, list):
            raise _not_ours(method, path, 200, "no `data` list")
        return [_typed(parse, entry, method, path) for entry in data]

    async def _send(self, method: str, path: str, body: Json | None = None) -> Json:
        """Send one request and return the answer's JSON object."""
        try:
            answer = await self._client.request(method, path, json=body)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            raise Unavailable(
                f"no connection to Attio at {self._client.base_url.netloc.decode()} ({_reason(error)}): "
                "check ATTIO_BASE_URL and the network, then run again"
            ) from error
        except httpx.TransportError as error:
            raise Unavailable(
                f"{_called(method, path)}: no answer ({_reason(error)}): run again later", lost_answer=True
            ) from error
        except httpx.DecodingError as error:
            raise _not_ours(method, path, 200, _reason(error)) from error
        if answer.is_success:
            return _success_body(answer, method, path)
        raise _refusal(answer, method, path)


def _records(object_slug: str) -> str:
    return f"/objects/{quote(object_slug, safe='')}/records"


def _attributes(object_slug: str) -> str:
    return f"/objects/{quote(object_slug, safe='')}/attributes"


def _values(values: Mapping[str, Any]) -> Json:
    return {"data": {"values": dict(values)}}


def _record(entry: Json) -> Record:
    return Record(
        record_id=str(entry["id"]["record_id"]),
        created_at=str(entry["created_at"]),
        web_url=str(entry.get("web_url") or ""),
        values=entry["values"],
    )


def _child(entry: Json) -> Attachment:
    return Attachment((str(entry["parent_record_id"]),), entry)


def _task(entry: Json) -> Attachment:
    return Attachment(tuple(str(linked["target_record_id"]) for linked in entry["linked_records"]), entry)


def _object(entry: Json) -> Object:
    return Object(
        str(entry["id"]["object_id"]),
        str(entry.get("api_slug") or ""),
        str(entry.get("singular_noun") or ""),
        str(entry.get("plural_noun") or ""),
    )


def _attribute(entry: Json) -> Attribute:
    reference = (entry.get("config") or {}).get("record_reference") or {}
    return Attribute(
        attribute_id=str(entry["id"]["attribute_id"]),
        slug=str(entry["api_slug"]),
        title=str(entry.get("title") or ""),
        type=str(entry["type"]),
        is_writable=bool(entry.get("is_writable", True)),
        is_required=bool(entry.get("is_required")),
        is_unique=bool(entry.get("is_unique")),
        is_multiselect=bool(entry.get("is_multiselect")),
        is_archived=bool(entry.get("is_archived")),
        allowed_object_ids=tuple(str(one) for one in reference.get("allowed_object_ids") or ()),
    )


def _option(entry: Json) -> Option:
    return Option(str(entry["id"]["option_id"]), str(entry["title"]), bool(entry.get("is_archived")))


def _typed(parse: Callable[[Json], T], entry: Json | None, method: str, path: str) -> T:
    try:
        return parse(entry or {})
    except (KeyError, TypeError, AttributeError) as error:
        raise _not_ours(method, path, 200, f"{_reason(error)} is missing") from error


def _success_body(answer: httpx.Response, method: str, path: str) -> Json:
    try:
        body = json.loads(answer.content)
    except ValueError as error:
        raise _not_ours(method, path, answer.status_code, _excerpt(answer)) from error
    if not isinstance(body, dict):
        raise _not_ours(method, path, answer.status_code, "no JSON object")
    return body


def _not_ours(method: str, path: str, status: int, what: str) -> Unavailable:
    return Unavailable(
        f"{_called(method, path)}: answer {status} is not Attio's ({what}): check ATTIO_BASE_URL",
        status=status,
        lost_answer=True,
    )


def _refusal(answer: httpx.Response, method: str, path: str) -> SyncError:
    """Turn an error answer into the family's error; the body may be anything (a proxy's HTML page)."""
    status = answer.status_code
    try:
        body = json.loads(answer.content)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        body = {"message": _excerpt(answer)}
    code = str(body.get("code") or "")
    said = _one_line(str(body.get("message") or answer.reason_phrase), body)
    said = said.rstrip(".").replace(_token_of(answer.request), "[token]")  # whoever answers may repeat what we sent
    message = (
        f"{_called(method, path)}: {status} {code}: {said}" if code else f"{_called(method, path)}: {status}: {said}"
    )
    error: SyncError
    if status < 400:
        error = ConfigError(f"{_called(method, path)}: {status} sends us elsewhere: check ATTIO_BASE_URL")
    elif status == 401:
        error = AuthError(
            f"Attio does not accept the token in ATTIO_API_KEY ({message}): make a new one", status=status, code=code
        )
    elif status == 403:
        error = AuthError(
            f"Attio does not permit this to the token in ATTIO_API_KEY ({message}): give it the scope",
            status=status,
            code=code,
        )
    elif status == 429:
        wait = retry_after(answer.headers, _now())
        error = Unavailable(f"{message}: run again later", status=status, code=code, retry_after=wait)
    elif code in RETRIED_CODES:
        error = Conflict(f"{message}: run again later", status=status, code=code)
    elif status >= 500 or status in {408, 425}:
        wait = retry_after(answer.headers, _now())
        later = f"{message}: run again later"
        error = Unavailable(later, status=status, code=code, retry_after=wait, lost_answer=True)
    else:
        error = RecordRejected(message, status=status, code=code)
    return error


def retry_after(headers: Mapping[str, str], now: dt.datetime) -> float | None:
    """Return how many seconds the `Retry-After` header asks to wait, None when it is absent or makes no sense.

    Attio sends an HTTP date. It is taken against our clock, or against the answer's own `Date` when the two clocks
    differ by more than two seconds. A date in the past is 0. Plain seconds are understood too.
    """
    wanted = headers.get("Retry-After", "").strip()
    if not wanted:
        return None
    if wanted.isascii() and wanted.replace(".", "", 1).isdigit():
        return float(wanted)
    until = _http_date(wanted)
    if until is None:
        return None
    answered_at = _http_date(headers.get("Date", ""))
    if answered_at is not None and abs((answered_at - now).total_seconds()) > CLOCK_SKEW_SECONDS:
        now = answered_at
    return max((until - now).total_seconds(), 0.0)


def _http_date(text: str) -> dt.datetime | None:
    try:
        parsed = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=dt.UTC)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _called(method: str, path: str) -> str:
    return f"{method} {path.partition('?')[0]}"


def _reason(error: Exception) -> str:
    """Return what went wrong in a few words; several of httpx's errors have an empty text."""
    return " ".join(f"{type(error).__name__} {error}".split())[:LONGEST_MESSAGE]


def _excerpt(answer: httpx.Response) -> str:
    kind = answer.headers.get("Content-Type", "no content type").partition(";")[0]
    return f"{kind}, {answer.text.replace(_token_of(answer.request), '[token]')[:80]!r}"


def _token_of(request: httpx.Request) -> str:
    return request.headers["Authorization"].removeprefix("Bearer ")


def _one_line(message: str, body: Json) -> str:
    details = body.get("validation_errors")
    if isinstance(details, list):
        extra = [str(one["message"]) for one in details if isinstance(one, dict) and one.get("message")]
        message = "; ".join([message, *extra])
    return " ".join(message.split())[:LONGEST_MESSAGE]
