"""The endpoints: one try each, and every way in which an answer can fail to be one."""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
from typing import TYPE_CHECKING

import httpx
import pytest

from sync import attio
from sync.errors import AuthError, ConfigError, Conflict, RecordRejected, SyncError, Unavailable
from tests.sync.relay import Answer, json_answer, relay, too_many

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sync.attio import Attio
    from tests.conftest import Canon, Sandbox

TOKEN = "sk-very-secret"
NOW = dt.datetime(2026, 11, 23, 14, 42, 0, 250_000, tzinfo=dt.UTC)


def ask(url: str, call: Callable[[Attio], Awaitable[object]], token: str = TOKEN) -> object:
    """Send one request to `url`."""

    async def run() -> object:
        where = attio.settings({"ATTIO_API_KEY": token, "ATTIO_BASE_URL": url})
        async with attio.new_client(where, tls=httpx.create_ssl_context()) as client:
            return await call(attio.Attio(client))

    return asyncio.run(run())


def refusal_of(answer: Answer, call: Callable[[Attio], Awaitable[object]] | None = None) -> SyncError:
    """Return what the client raises when that is the answer."""

    async def run() -> SyncError:
        async def play(_: object) -> Answer:
            return answer

        async with relay(play) as url:
            where = attio.settings({"ATTIO_API_KEY": TOKEN, "ATTIO_BASE_URL": url})
            async with attio.new_client(where, tls=httpx.create_ssl_context()) as client:
                with pytest.raises(SyncError) as caught:
                    await (call or update)(attio.Attio(client))
        return caught.value

    error = asyncio.run(run())
    assert "\n" not in str(error)
    assert TOKEN not in f"{error}{error!r}{error.__cause__!r}"
    return error


def update(api: Attio) -> Awaitable[object]:
    return api.update_record("companies", "some-id", {"name": ["x"]})


# Settings


def test_a_missing_token_is_named() -> None:
    with pytest.raises(ConfigError, match="ATTIO_API_KEY is not set"):
        attio.settings({})


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "umläut"])
def test_a_token_that_cannot_be_one_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(ConfigError) as caught:
        attio.settings({"ATTIO_API_KEY": token})
    assert token not in str(caught.value)


def test_settings_never_show_the_token() -> None:
    assert TOKEN not in repr(attio.settings({"ATTIO_API_KEY": TOKEN}))


@pytest.mark.parametrize(
    "url",
    [
        *("api.attio.com", "ftp://api.attio.com", "https://", "https://a b", "http://h:port", "http://h:99999"),
        *("https://api.attio.com/v2", "https://u:p@api.attio.com", "https://api.attio.com?x=1", "http://[::1"),
    ],
)
def test_a_malformed_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="ATTIO_BASE_URL"):
        attio.settings({"ATTIO_API_KEY": TOKEN, "ATTIO_BASE_URL": url})


def test_the_address_may_end_in_a_slash_and_defaults_to_attio() -> None:
    assert attio.settings({"ATTIO_API_KEY": "k", "ATTIO_BASE_URL": "http://h:1/"}).base_url == "http://h:1"
    assert attio.settings({"ATTIO_API_KEY": "k", "ATTIO_BASE_URL": " "}).base_url == "https://api.attio.com"


def test_an_answer_is_waited_for_60_seconds_and_a_connection_shorter() -> None:
    client = attio.new_client(attio.settings({"ATTIO_API_KEY": "k"}), tls=httpx.create_ssl_context())
    assert client.timeout.read == 60
    assert client.timeout.connect is not None
    assert client.timeout.connect < 60


# Answers


def test_a_record_comes_back_typed(sandbox: Sandbox) -> None:
    made = ask(sandbox.url, lambda api: api.create_record("companies", {"name": ["Acme"], "domains": ["acme.com"]}))
    assert isinstance(made, attio.Record)
    assert made.values["name"][0]["value"] == "Acme"
    found = ask(sandbox.url, lambda api: api.query("companies", filter={"domains": "acme.com"}, limit=2))
    assert found == [made]
    assert ask(sandbox.url, lambda api: api.get_record("companies", made.record_id)) == made


def test_every_endpoint_we_use_is_understood_by_the_sandbox(sandbox: Sandbox) -> None:
    async def run(api: Attio) -> None:
        identity = await api.identify()
        assert identity.may("record_permission", write=True)
        assert not identity.may("comment", write=False)
        await api.create_object("gadgets", singular="Gadget", plural="Gadgets")
        assert "gadgets" in {one.slug for one in await api.objects()}
        await api.create_attribute("gadgets", "code", title="Code", type="text", is_unique=True)
        await api.create_attribute("gadgets", "kind", title="Kind", type="select", is_multiselect=True)
        await api.create_attribute(
            "gadgets", "maker", title="Maker", type="record-reference", allowed_objects=["companies"]
        )
        option = await api.create_option("gadgets", "kind", "Big")
        assert await api.options("gadgets", "kind") == [option]
        attributes = {one.slug: one for one in await api.attributes("gadgets")}
        assert attributes["code"].is_unique
        assert attributes["kind"].is_multiselect
        assert len(attributes["maker"].allowed_object_ids) == 1
        first = await api.create_record("gadgets", {"code": ["a"], "kind": ["Big"]})
        emptied = await api.replace_record("gadgets", first.record_id, {"kind": []})
        assert emptied.values["kind"] == []
        await api.delete_record("gadgets", first.record_id)
        with pytest.raises(RecordRejected) as gone:
            await api.get_record("gadgets", first.record_id)
        assert (gone.value.status, gone.value.code) == (404, "not_found")

    ask(sandbox.url, run)


def test_attios_own_code_reaches_the_caller_where_the_spec_does_not_know_it(sandbox: Sandbox) -> None:
    ask(sandbox.url, lambda api: api.create_record("companies", {"domains": ["acme.com"]}))
    with pytest.raises(RecordRejected) as caught:
        ask(sandbox.url, lambda api: api.create_record("companies", {"domains": ["acme.com"]}))
    assert caught.value.code == "uniqueness_conflict"


def test_an_unknown_token_is_an_auth_error_everywhere(sandbox: Sandbox) -> None:
    for call in (lambda api: api.identify(), lambda api: api.objects(), update):
        with pytest.raises(AuthError, match="ATTIO_API_KEY") as caught:
            ask(sandbox.url, call, token="refused")
        assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (
            json_answer({"code": "concurrent_write_conflict", "message": "m"}, 409),
            Conflict,
            "concurrent_write_conflict",
        ),
        (json_answer({"code": "merge_in_progress", "message": "m"}, 404), Conflict, "merge_in_progress"),
        (json_answer({"code": "slug_conflict", "message": "m"}, 409), RecordRejected, "slug_conflict"),
        (json_answer({"code": "validation_type", "message": "a\nb"}, 400), RecordRejected, "validation_type"),
        (json_answer({"code": "billing_error", "message": "m"}, 403), AuthError, "billing_error"),
        (json_answer(["no object"], 422), RecordRejected, ""),
        (json_answer({"code": "internal", "message": f"your {TOKEN} failed"}, 500), Unavailable, "internal"),
    ],
)
def test_a_refusal_is_told_by_its_code(answer: Answer, kind: type[SyncError], code: str) -> None:
    error = refusal_of(answer)
    assert type(error) is kind
    assert getattr(error, "code", None) == code


def test_what_attio_says_about_single_values_is_in_the_message() -> None:
    body = {"code": "validation_type", "message": "Bad.", "validation_errors": [{"message": "domains: no domain"}, 7]}
    assert "Bad.; domains: no domain" in str(refusal_of(json_answer(body, 400)))


def test_a_proxys_html_page_is_survived() -> None:
    page = f"<html>\n<h1>Bad Gateway</h1> {TOKEN}</html>".encode()
    error = refusal_of(Answer(502, page, "text/html; charset=utf-8"))
    assert isinstance(error, Unavailable)
    assert error.status == 502
    assert error.lost_answer
    assert "Bad Gateway" in str(error)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"data": []}', b'{"data": {"id": {}}}', b"\xff\xfe"])
def test_a_success_that_is_not_attios_is_no_success(body: bytes) -> None:
    error = refusal_of(Answer(200, body))
    assert isinstance(error, Unavailable)
    assert error.lost_answer


def test_a_redirect_is_not_followed() -> None:
    error = refusal_of(Answer(301, b"", headers=("Location: http://127.0.0.1:1/",)))
    assert isinstance(error, ConfigError)
    assert "ATTIO_BASE_URL" in str(error)


def test_a_host_that_is_not_attio_is_a_wrong_setting() -> None:
    error = refusal_of(Answer(404, b"<html>not found", "text/html"), lambda api: api.identify())
    assert isinstance(error, ConfigError)


def test_a_request_that_never_left_is_no_lost_answer() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers, nobody else can
        with pytest.raises(Unavailable) as caught:
            ask(f"http://127.0.0.1:{taken.getsockname()[1]}", update)
    assert not caught.value.lost_answer
    assert caught.value.status == 0


@pytest.mark.parametrize("cut", [0, 10, 60])
def test_an_answer_that_breaks_off_is_lost(cut: int) -> None:
    error = refusal_of(Answer(200, b"{" + b" " * 500, cut=cut))
    assert isinstance(error, Unavailable)
    assert error.lost_answer


def test_too_many_requests_carry_how_long_to_wait() -> None:
    error = refusal_of(too_many("7"))
    assert isinstance(error, Unavailable)
    assert (error.status, error.code, error.retry_after) == (429, "rate_limit_exceeded", 7.0)
    assert not error.lost_answer


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "Mon, 23 Nov 2026 14:42:01 GMT"}, 0.75),
        ({"Retry-After": "Mon, 23 Nov 2026 14:41:59 GMT"}, 0.0),
        ({"Retry-After": "Mon, 23 Nov 2026 14:42:10 +0000"}, 9.75),
        ({"Retry-After": "3"}, 3.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-4"}, None),
        ({"Retry-After": "Mon, 99 Foo 2026 25:00:00 GMT"}, None),
        ({"Retry-After": "²"}, None),
        ({"Retry-After": " "}, None),
        ({}, None),
        # our clock is an hour off: the answer's own says how long
        ({"Retry-After": "Mon, 23 Nov 2026 15:42:03 GMT", "Date": "Mon, 23 Nov 2026 15:42:01 GMT"}, 2.0),
        ({"Retry-After": "Mon, 23 Nov 2026 14:42:01 GMT", "Date": "Mon, 23 Nov 2026 14:42:00 GMT"}, 0.75),
        ({"Retry-After": "Mon, 23 Nov 2026 14:42:01 GMT", "Date": "nonsense"}, 0.75),
    ],
)
def test_retry_after_is_a_date_or_seconds(headers: dict[str, str], seconds: float | None) -> None:
    assert attio.retry_after(headers, NOW) == seconds


# The command line


def test_a_missing_token_ends_with_exit_2(canon: Canon) -> None:
    done = canon("setup", env={"ATTIO_API_KEY": None}).expect(2)
    assert done.stderr.count("\n") == 1
    assert "ATTIO_API_KEY" in done.stderr


def test_a_refused_token_ends_with_exit_3(canon: Canon) -> None:
    done = canon("setup", env={"ATTIO_API_KEY": "refused"}).expect(3)
    assert done.stderr.count("\n") == 1
