"""Every record of an object, or none: whatever the size, whatever happens while we read."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from sync import pull, rate_limiter, warehouse
from sync.errors import AuthError, ConfigError, Unavailable, WarehouseError
from sync.pull import Pulled, read_pages
from sync.warehouse import MirrorRow
from tests.conftest import run_sandbox
from tests.sync import attio_project
from tests.sync.relay import NO_ANSWER, Answer, Request, json_answer, relay, too_many

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from sync.rate_limiter import Crm
    from tests.conftest import Canon, Database, Sandbox

COMPANIES = 2300

Play = "Callable[[Request], Awaitable[Answer | None]]"


def record_id(number: int) -> str:
    """Return the id of company `number`."""
    return str(uuid.UUID(int=number + 1))


@contextlib.contextmanager
def sandbox_with(count: int, directory: Path) -> Iterator[Sandbox]:
    """Run a sandbox with `count` companies, a second apart."""
    with (directory / "seed.ndjson").open("w") as file:
        for number in range(count):
            made_at = f"2026-01-01T{number // 3600:02d}:{number // 60 % 60:02d}:{number % 60:02d}Z"
            values = {"name": f"Company {number}", "domains": [f"c{number}.com"]}
            entry = {"object": "companies", "record_id": record_id(number), "created_at": made_at, "values": values}
            file.write(json.dumps(entry) + "\n")
    with run_sandbox(directory, "--no-limits", "--seed", str(directory / "seed.ndjson")) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Run a sandbox with 2,300 companies."""
    with sandbox_with(COMPANIES, tmp_path_factory.mktemp("seeded")) as sandbox:
        yield sandbox


@pytest.fixture
def companies(seeded: Sandbox) -> Sandbox:
    """Return that sandbox as if just started."""
    seeded.play("reset")
    return seeded


@contextlib.asynccontextmanager
async def crm_at(url: str) -> AsyncIterator[Crm]:
    """Open a governed client without a ceiling that matters."""
    environment = {"ATTIO_API_KEY": "any", "ATTIO_BASE_URL": url, "CANON_READS_PER_SECOND": "1000"}
    async with rate_limiter.connect({**environment, "CANON_WRITES_PER_SECOND": "1000"}) as crm:
        yield crm


def pull_from(
    sandbox: Sandbox,
    database: Database,
    *objects: str,
    play: Callable[[Request, Sandbox], Answer | None] | None = None,
    may_be_absent: bool = False,
) -> list[Pulled]:
    """Pull, with `play` deciding about each request."""

    async def run() -> list[Pulled]:
        async def decide(request: Request) -> Answer | None:
            return await asyncio.to_thread(play, request, sandbox) if play else None

        async with relay(decide, sandbox.url) as url, crm_at(url) as crm:
            with database.connect() as connection:
                return await pull.pull(crm, connection, objects or ["companies"], may_be_absent=may_be_absent)

    return asyncio.run(run())


def mirrored(database: Database, object_slug: str = "companies") -> list[str]:
    """Return the record ids in the mirror."""
    where = f"object = '{object_slug}' order by created_at, record_id"
    return [row[0] for row in database.rows(f"select record_id::text from attio_mirror.records where {where}")]


def is_page(request: Request) -> bool:
    return request.path.endswith("/records/query")


# Size


def test_7300_companies_are_read_whole(tmp_path: Path, database: Database) -> None:
    with sandbox_with(7300, tmp_path) as workspace:
        [done] = pull_from(workspace, database)
        [again] = pull_from(workspace, database)
    assert (done.records, done.passes, done.is_known, done.is_newest) == (7300, 1, True, True)
    assert mirrored(database) == [record_id(number) for number in range(7300)]
    [row] = database.rows("select * from attio_mirror.pulls")
    assert (row[0], row[2]) == ("companies", 7300)
    assert done.pages <= 16, "more than one page was read for nothing"
    assert again.pages == 15, "the size was known, and a page was read for nothing"


def test_a_record_is_mirrored_as_attio_shows_it(companies: Sandbox, database: Database) -> None:
    pull_from(companies, database)
    shown = companies.call("GET", f"/objects/companies/records/{record_id(77)}").json()["data"]
    [row] = database.rows(
        f"select created_at, web_url, values from attio_mirror.companies where record_id = '{record_id(77)}'"
    )
    assert row[0].isoformat() == "2026-01-01T00:01:17+00:00"
    assert row[1] == shown["web_url"]
    assert row[2] == shown["values"]


def test_every_size_around_a_page_is_read_whole(sandbox: Sandbox, database: Database) -> None:
    async def grow(size: int) -> None:
        async with crm_at(sandbox.url) as crm:
            there = len(mirrored(database, "people"))
            await asyncio.gather(*(crm.create_record("people", {"job_title": [str(n)]}) for n in range(size - there)))

    for size in (0, 1, 499, 500, 501, 998, 999, 1000):
        asyncio.run(grow(size))
        [done] = pull_from(sandbox, database, "people")
        assert done.records == len(mirrored(database, "people")) == size
        assert {one["id"]["record_id"] for one in sandbox.records("people")} == set(mirrored(database, "people"))


def test_several_pages_are_on_their_way_at_once(companies: Sandbox, database: Database) -> None:
    pull_from(companies, database)
    under_way, most = 0, 0

    async def run() -> None:
        async def slow(request: Request) -> Answer | None:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.1)
            under_way -= 1
            return None

        async with relay(slow, companies.url) as url, crm_at(url) as crm:
            with database.connect() as connection:
                await pull.pull(crm, connection, ["companies"])

    asyncio.run(run())
    assert 3 <= most <= pull.MOST_IN_FLIGHT


# While others write


def test_records_deleted_while_we_read_cost_no_other(companies: Sandbox, database: Database) -> None:
    deleted = [record_id(number) for number in (0, 3, 700, 1100, 1101)]

    def delete_before_page_4(request: Request, sandbox: Sandbox) -> None:
        if request.number == 4:
            for one in deleted:
                sandbox.call("DELETE", f"/objects/companies/records/{one}").raise_for_status()

    [done] = pull_from(companies, database, play=delete_before_page_4)
    assert mirrored(database) == [record_id(n) for n in range(COMPANIES) if record_id(n) not in deleted]
    assert done.passes == 2, "the shift was not noticed"


def test_records_made_while_we_read_cost_no_other(companies: Sandbox, database: Database) -> None:
    def create_before_each_page(request: Request, sandbox: Sandbox) -> None:
        if is_page(request):
            body = {"data": {"values": {"name": [f"new {request.number}"]}}}
            sandbox.call("POST", "/objects/companies/records", body).raise_for_status()

    [done] = pull_from(companies, database, play=create_before_each_page)
    ids = mirrored(database)
    assert set(ids) >= {record_id(number) for number in range(COMPANIES)}
    assert len(ids) == len(set(ids)) == done.records


def test_deletions_before_every_page_cost_no_other(companies: Sandbox, database: Database) -> None:
    deleted: list[str] = []

    def delete_before_each_page(request: Request, sandbox: Sandbox) -> None:
        if is_page(request):
            victims = [record_id(len(deleted) + one) for one in range(3)]
            deleted.extend(victims)
            for one in victims:
                sandbox.call("DELETE", f"/objects/companies/records/{one}").raise_for_status()

    pull_from(companies, database, play=delete_before_each_page)
    ids = set(mirrored(database))
    assert ids >= {one["id"]["record_id"] for one in companies.records("companies")}
    assert len(ids) <= COMPANIES


def test_an_object_that_never_holds_still_is_a_loud_failure(sandbox: Sandbox, database: Database) -> None:
    database.run(
        f"insert into attio_mirror.records (object, record_id) values ('people', '{uuid.UUID(int=7)}')",
        "insert into attio_mirror.pulls values ('people', now() - interval '1 day', 1)",
    )

    def other_records_every_time(request: Request, _: Sandbox) -> Answer:
        return json_answer({"data": [invented(str(uuid.uuid4()), n) for n in range(500)]})

    with pytest.raises(Unavailable, match=r"people kept changing while it was read, .* the mirror is as it was"):
        pull_from(sandbox, database, "people", play=other_records_every_time)
    assert mirrored(database, "people") == [str(uuid.UUID(int=7))]


def invented(one: str, second: int) -> dict[str, Any]:
    made_at = f"2026-01-01T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}.000000000Z"
    return {"id": {"record_id": one}, "created_at": made_at, "web_url": "", "values": {}}


def test_a_page_that_repeats_records_is_not_taken_for_more(sandbox: Sandbox, database: Database) -> None:
    """Equal `created_at` in no settled order: pages join, and yet some record is read twice and another never."""
    ids = [str(uuid.UUID(int=number)) for number in range(1, 1001)]

    def shuffled(request: Request, _: Sandbox) -> Answer:
        offset = request.json["offset"]
        rows = ids[offset : offset + 500]
        if offset == pull.STRIDE:
            rows = [rows[0], *ids[:100], *rows[101:]]  # a hundred of the first page in the place of others
        return json_answer({"data": [invented(one, 0) for one in rows]})

    with pytest.raises(Unavailable, match="kept changing"):
        pull_from(sandbox, database, "people", play=shuffled)


# Trouble on the way


def test_refusals_in_the_middle_are_waited_out(companies: Sandbox, database: Database) -> None:
    refused: set[int] = set()

    def refuse_every_offset_once(request: Request, _: Sandbox) -> Answer | None:
        offset = request.json["offset"]
        if offset % 2 and offset not in refused:
            refused.add(offset)
            return too_many("0.05")
        return None

    [done] = pull_from(companies, database, play=refuse_every_offset_once)
    assert {499, 1497} <= refused  # pages overlap by a record; the one behind the last may be asked for or not
    assert done.records == len(mirrored(database)) == COMPANIES


def test_a_cut_connection_is_made_again(
    companies: Sandbox, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    def cut_some(request: Request, _: Sandbox) -> Answer | None:
        return {2: NO_ANSWER, 4: Answer(body=b"{" * 9000, cut=3000), 6: Answer(502, b"<html>")}.get(request.number)

    [done] = pull_from(companies, database, play=cut_some)
    assert "trying again" not in capsys.readouterr().err.splitlines()[-1], "the trouble is over, and still shown"
    assert done.records == len(mirrored(database)) == COMPANIES


def test_an_end_in_the_middle_leaves_the_mirror_as_it_was(companies: Sandbox, database: Database) -> None:
    pull_from(companies, database)
    before = mirrored(database)
    companies.call("DELETE", f"/objects/companies/records/{record_id(0)}")

    def gone_after_page_3(request: Request, _: Sandbox) -> Answer | None:
        return json_answer({"code": "token_revoked", "message": "m"}, 401) if request.number > 3 else None

    with pytest.raises(AuthError):
        pull_from(companies, database, play=gone_after_page_3)
    assert mirrored(database) == before


# The mirror


def test_tables_keep_their_identity_and_what_hangs_on_them(companies: Sandbox, database: Database) -> None:
    oid = "select 'attio_mirror.records'::regclass::oid"
    before = database.rows(oid)
    database.run("create view public.hanging as select count(*) as n from attio_mirror.companies")
    pull_from(companies, database)
    assert database.rows(oid) == before
    assert database.rows("select n from public.hanging") == [(COMPANIES,)]


def test_old_rows_are_seen_until_the_new_ones_are_complete(companies: Sandbox, database: Database) -> None:
    pull_from(companies, database)
    seen: set[int] = set()

    def look(request: Request, _: Sandbox) -> None:
        seen.add(database.rows("select count(*) from attio_mirror.companies")[0][0])

    companies.call("DELETE", f"/objects/companies/records/{record_id(0)}")
    pull_from(companies, database, play=look)
    assert seen == {COMPANIES}
    assert len(mirrored(database)) == COMPANIES - 1


def test_an_object_gets_a_view_of_its_own(sandbox: Sandbox, database: Database) -> None:
    body = {"data": {"api_slug": "odd-object", "singular_noun": "Odd", "plural_noun": "Odds"}}
    sandbox.call("POST", "/objects", body).raise_for_status()
    for _ in range(2):
        pull_from(sandbox, database, "odd-object")
        assert database.rows('select count(*) from attio_mirror."odd-object"') == [(0,)]


def test_pulling_one_object_leaves_the_others(companies: Sandbox, database: Database) -> None:
    pull_from(companies, database, "companies", "people")
    pull_from(companies, database, "people")
    assert len(mirrored(database)) == COMPANIES


def test_two_pulls_at_once_are_safe(companies: Sandbox, database: Database) -> None:
    async def one() -> list[Pulled]:
        async with crm_at(companies.url) as crm:
            with await asyncio.to_thread(database.connect) as connection:
                return await pull.pull(crm, connection, ["companies"])

    async def both() -> list[list[Pulled]]:
        return list(await asyncio.gather(one(), one()))

    assert [done[0].records for done in asyncio.run(both())] == [COMPANIES, COMPANIES]
    assert len(mirrored(database)) == COMPANIES


def test_an_older_pull_does_not_overwrite_a_newer_one(database: Database) -> None:
    old, new = database.connect(), database.connect()
    with old, new:
        older, _ = warehouse.begin_pull(old, "people")
        newer, _ = warehouse.begin_pull(new, "people")
        warehouse.spool(new, [MirrorRow(record_id(1), "2026-01-01T00:00:00Z", "", "{}")])
        assert warehouse.replace_mirror(new, "people", newer)
        assert not warehouse.replace_mirror(old, "people", older)
    assert mirrored(database, "people") == [record_id(1)]


def test_characters_that_postgres_cannot_hold_do_not_stop_a_pull(sandbox: Sandbox, database: Database) -> None:
    """JSON may carry NUL and half a surrogate pair, jsonb may not; a backslash before `u0000` is only text."""
    texts = '["a\\u0000b", "\\ud800c", "\\\\u0000", "é😀"]'

    def odd(_: Request, __: Sandbox) -> Answer:
        record = json.dumps(invented(record_id(1), 0)).replace('"values": {}', f'"values": {{"x": {texts}}}')
        return Answer(body=f'{{"data": [{record}]}}'.encode())

    pull_from(sandbox, database, "people", play=odd)
    [row] = database.rows("select values -> 'x' from attio_mirror.people")
    assert row[0] == ["ab", "?c", "\\u0000", "é😀"]


def test_an_unmigrated_database_is_told_before_anything_is_read(companies: Sandbox, empty_database: Database) -> None:
    with pytest.raises(WarehouseError, match="canon migrate"):
        pull_from(companies, empty_database)
    assert companies.stats()["reads"] == 0


# Objects that are not there


def test_an_object_that_setup_has_yet_to_make_counts_as_empty(sandbox: Sandbox, database: Database) -> None:
    [done] = pull_from(sandbox, database, "job_postings", may_be_absent=True)
    assert (done.records, done.is_known) == (0, False)
    assert database.rows("select records from attio_mirror.pulls where object = 'job_postings'") == [(0,)]


def test_an_object_asked_for_by_name_must_be_there(sandbox: Sandbox, database: Database) -> None:
    with pytest.raises(ConfigError, match="the workspace has no object job_postings"):
        pull_from(sandbox, database, "job_postings")
    assert database.rows("select * from attio_mirror.pulls") == []


# The reading itself, without HTTP


def test_pages_join_however_late_each_is_answered() -> None:
    """Deletions between two answers, in every order of answers: no record that stays is ever missed."""
    for deletions in ((0,), (0, 1, 2), (600,), tuple(range(0, 1200, 7))):
        for after in range(5):
            assert read_a_shrinking_list(deletions, after) == "whole"


def read_a_shrinking_list(deletions: tuple[int, ...], after: int) -> str:
    rows = [MirrorRow(record_id(number), "", "", "{}") for number in range(1700)]
    there = list(rows)
    kept: set[str] = set()
    asked = 0

    async def page_at(offset: int) -> list[MirrorRow]:
        nonlocal asked, there
        await asyncio.sleep(0)
        if asked == after:
            there = [row for index, row in enumerate(rows) if index not in deletions]
        asked += 1
        return there[offset : offset + pull.PAGE]

    async def keep(page: list[MirrorRow], _: int) -> None:
        kept.update(row.record_id for row in page)

    asyncio.run(read_pages(page_at, keep, expected=1700))
    return "whole" if kept >= {row.record_id for row in there} else "with a hole"


# The command line


def test_canon_pull_reads_what_the_mapping_names(canon: Canon, project: Path, database: Database) -> None:
    attio_project.write(project)
    done = canon("pull", "--json").expect(0)
    found = {one["object"]: one for one in done.json["objects"]}
    assert list(found) == ["companies", "people", "job_postings"]
    assert found["companies"]["in_workspace"]
    assert not found["job_postings"]["in_workspace"]
    assert "pull companies: done" in done.stderr
    assert "not in the workspace yet" in canon("pull").expect(0).stderr


def test_canon_pull_of_an_unknown_object_ends_with_exit_2(canon: Canon) -> None:
    assert "no object nothing" in canon("pull", "nothing").expect(2).stderr


def test_canon_pull_without_a_database_ends_with_exit_5(canon: Canon) -> None:
    canon("pull", "companies", env={"PGPORT": "1"}).expect(5)


def test_canon_pull_says_how_far_it_is(companies: Sandbox, canon: Canon) -> None:
    companies.play("faults", {"latency_ms": 1800})
    began = time.monotonic()
    done = canon("pull", "companies", env={"ATTIO_BASE_URL": companies.url}).expect(0)
    lines = [line for line in done.stderr.splitlines() if line.startswith("pull companies: ") and "/s" in line]
    assert len(lines) >= (time.monotonic() - began) // 5
