"""Short ways to call the sandbox as Attio is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.conftest import Sandbox

FLAGS: dict[str, Any] = {
    "description": None,
    "is_required": False,
    "is_unique": False,
    "is_multiselect": False,
    "config": {},
}
JOBS = {"api_slug": "jobs", "singular_noun": "Job", "plural_noun": "Jobs"}
UNKNOWN = "00000000-0000-4000-8000-000000000000"


def refused(sandbox: Sandbox, method: str, path: str, body: Any = None) -> tuple[int, str]:
    """Make a call that is to be refused in Attio's shape; return status and code."""
    answer = sandbox.call(method, path, body)
    error = answer.json()
    assert answer.status_code >= 400, error
    assert {"status_code", "type", "code", "message"} <= set(error)
    assert error["status_code"] == answer.status_code
    assert error["message"]
    return error["status_code"], error["code"]


def made(sandbox: Sandbox, path: str, **data: Any) -> Any:
    """Create something."""
    return sandbox.call("POST", path, {"data": data}).raise_for_status().json()["data"]


def record(sandbox: Sandbox, slug: str, **values: Any) -> str:
    """Create a record; return its path."""
    created = made(sandbox, f"/objects/{slug}/records", values=values)
    return f"/objects/{slug}/records/{created['id']['record_id']}"


def attribute(sandbox: Sandbox, slug: str, api_slug: str, kind: str, **settings: Any) -> Any:
    """Create an attribute."""
    data = {"title": api_slug, "api_slug": api_slug, "type": kind, **FLAGS, **settings}
    return made(sandbox, f"/objects/{slug}/attributes", **data)


def write(values: Any) -> dict[str, Any]:
    """Return the body of a write."""
    return {"data": {"values": values}}


def values(sandbox: Sandbox, path: str, slug: str, key: str = "value") -> list[Any]:
    """Return what a record holds."""
    found = sandbox.call("GET", path).raise_for_status().json()["data"]["values"][slug]
    return [value[key] for value in found]
