"""The ledger: one normal form for what is written and what is read, the workspace's lock, and who holds it."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync import ledger
from sync.errors import ConfigError, LockedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from tests.conftest import Database, Sandbox, Server

TYPES = {
    "text": "note",
    "number": "size",
    "checkbox": "is_ours",
    "date": "founded_on",
    "timestamp": "seen_at",
    "rating": "stars",
    "select": "tags",
    "currency": "price",
    "phone-number": "phones",
    "email-address": "mails",
}
STANDARD = {"domain": "domains", "personal-name": "name", "location": "primary_location"}

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)
PART = st.none() | TEXT
WRITTEN: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXT,
    "number": st.integers(-(10**15), 10**15) | st.floats(-1e12, 1e12, allow_subnormal=False),
    "checkbox": st.booleans() | st.sampled_from(["true", "false"]),
    "date": st.dates().map(str) | st.dates().map(lambda day: f"{day}T10:00:00Z") | st.sampled_from(["2023", "2023-04"]),
    "timestamp": st.datetimes().map(lambda at: f"{at.isoformat()}Z")
    | st.datetimes(min_value=dt.datetime(1900, 1, 2)).map(lambda at: f"{at.isoformat()}+05:30"),  # noqa: DTZ001
    "rating": st.integers(0, 5),
    "select": st.sampled_from(["Red", "Green"]),
    "currency": st.integers(0, 10**9).map(lambda cents: cents / 100),
    "phone-number": st.sampled_from(["+44 20 7946 0958", "+49 (151) 123-45678"]),
    "email-address": st.sampled_from(["Ada@Example.com", "ada+b@sub.example.org"]),
    "domain": st.sampled_from(["Acme.com", "https://acme.com/a?b#c", "acme.com.", "shop.acme.co.uk:8080"]),
    "personal-name": st.fixed_dictionaries({"first_name": TEXT, "last_name": TEXT, "full_name": TEXT}),
    "location": st.fixed_dictionaries(
        {
            **dict.fromkeys(("line_1", "line_2", "line_3", "line_4", "locality", "region", "postcode"), PART),
            "country_code": st.none() | st.sampled_from(["DE", "US"]),
            "latitude": st.none() | st.sampled_from(["52.5200", "-1", "0.0"]),
            "longitude": st.none() | st.sampled_from(["13.40", "-0.50"]),
        }
    ),
}


@pytest.fixture(scope="module")
def connection(server: Server, migrated: str) -> Iterator[psycopg.Connection]:
    """Return a connection to a migrated database that these tests share."""
    database = server.create(template=migrated)
    with database.connect() as connection:
        yield connection
    server.drop(database)


@pytest.fixture(scope="module")
def people_of_all_types(running_sandbox: Sandbox) -> Sandbox:
    """Return the sandbox with an object that has an attribute of every type."""
    running_sandbox.play("reset")
    for kind, slug in TYPES.items():
        attribute: dict[str, Any] = {
            "title": slug,
            "description": None,
            "api_slug": slug,
            "type": kind,
            "is_required": False,
            "is_unique": False,
            "is_multiselect": kind in {"select", "phone-number", "email-address"},
            "config": {},
        }
        if kind == "currency":
            attribute["config"] = {"currency": {"default_currency_code": "EUR", "display_type": "code"}}
        path = f"/objects/{'companies' if kind != 'location' else 'people'}/attributes"
        running_sandbox.call("POST", path, {"data": attribute}).raise_for_status()
    for title in ("Red", "Green"):
        path = "/objects/companies/attributes/tags/options"
        running_sandbox.call("POST", path, {"data": {"title": title}}).raise_for_status()
    return running_sandbox


def form(connection: psycopg.Connection, kind: str, value: Any) -> str | None:
    row = connection.execute("select attio_sync.normal_form(%s, %s::jsonb)", [kind, json.dumps(value)]).fetchone()
    assert row is not None
    found: str | None = row[0]
    return found


@pytest.mark.parametrize("kind", sorted(WRITTEN))
def test_what_is_written_and_what_attio_then_shows_have_one_form(
    connection: psycopg.Connection, people_of_all_types: Sandbox, kind: str
) -> None:
    """The heart of "an unchanged row is not written": checked against the sandbox's answers, type by type."""
    slug = {**TYPES, **STANDARD}[kind]
    target = "people" if kind in {"personal-name", "location"} else "companies"

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(written=WRITTEN[kind])
    def holds(written: Any) -> None:
        answer = people_of_all_types.call("POST", f"/objects/{target}/records", {"data": {"values": {slug: [written]}}})
        assert answer.status_code == 200, answer.text
        record = answer.json()["data"]
        path = f"/objects/{target}/records/{record['id']['record_id']}"
        people_of_all_types.call("DELETE", path).raise_for_status()
        (read,) = record["values"][slug]
        assert form(connection, kind, written) == form(connection, kind, read)

    holds()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT | st.just(""),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["value", "domain", "option", "full_name", "latitude", "x"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


def test_no_value_of_any_shape_raises(connection: psycopg.Connection) -> None:
    kinds = [*WRITTEN, "record-reference", "actor-reference", "status", "unheard-of"]

    @settings(max_examples=150, deadline=None)
    @given(value=JSON)
    def holds(value: Any) -> None:
        connection.execute(
            """
            select
                attio_sync.normal_form(kind, %(value)s::jsonb),
                attio_sync.normal_forms(kind, %(value)s::jsonb),
                attio_sync.shown_value(kind, %(value)s::jsonb),
                attio_sync.as_list(%(value)s::jsonb)
            from unnest(%(kinds)s::text[]) as kinds (kind)
            """,
            {"value": json.dumps(value), "kinds": kinds},
        )

    holds()


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("text", "Acme", "ACME"),
        ("number", 1, 1.5),
        ("checkbox", True, False),
        ("date", "2026-01-01", "2026-01-02"),
        ("timestamp", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00+01:00"),
        ("domain", "acme.com", "shop.acme.com"),
        ("personal-name", {"first_name": "A B", "last_name": "C"}, {"first_name": "A", "last_name": "B C"}),
        ("location", {"locality": "Berlin"}, {"region": "Berlin"}),
    ],
)
def test_what_differs_has_different_forms(connection: psycopg.Connection, kind: str, one: Any, other: Any) -> None:
    assert form(connection, kind, one) != form(connection, kind, other)


def test_the_forms_of_a_list_are_sorted_and_each_there_once(connection: psycopg.Connection) -> None:
    row = connection.execute(
        "select attio_sync.normal_forms('domain', %s)", ['["b.com", "A.com", "b.com/x"]']
    ).fetchone()

    assert row == (["a.com", "b.com"],)


def test_one_writer_a_workspace_and_the_other_is_told_who_it_is(database: Database) -> None:
    with database.connect() as one, database.connect() as other, ledger.locked(one, "workspace"):
        run_id = ledger.begin_run(one, "sync", {}, workspace_id="workspace")

        with (
            pytest.raises(LockedError, match=rf"run {run_id} \(sync\) of .+ on .+, process \d+, since"),
            ledger.locked(other, "workspace"),
        ):
            pass
        with ledger.locked(other, "another workspace"):
            pass  # each has its own

        (run,) = ledger.runs(one, limit=1)
        assert run["state"] == "running"


def test_the_lock_is_free_when_its_holder_is_gone_and_its_run_counts_as_interrupted(database: Database) -> None:
    with database.connect() as one, ledger.locked(one, "workspace"):
        ledger.begin_run(one, "sync", {}, workspace_id="workspace")
        one.close()

    with database.connect() as other, ledger.locked(other, "workspace"):
        (run,) = ledger.runs(other, limit=1)

    assert run["state"] == "interrupted"


def test_a_ledger_belongs_to_one_workspace(database: Database) -> None:
    with database.connect() as connection:
        ledger.check_workspace(connection, "one")
        ledger.begin_run(connection, "sync", {}, workspace_id="one")
        ledger.check_workspace(connection, "one")
        with pytest.raises(ConfigError, match="workspace one"):
            ledger.check_workspace(connection, "two")
