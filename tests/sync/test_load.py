"""`canon load`: files become rows by key; one bad line, and nothing of its file is stored."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from sync import load
from sync.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Canon, Database

    Load = Callable[..., load.FileReport]

CHECKOUT = Path(__file__).parent.parent.parent
SHARED = CHECKOUT.parent / "shared" / "data"
PEOPLE = "extracted.person_discovery"
COMPANIES = "extracted.companyenrich_company"
POSTINGS = "core.company_job_postings"
LOOKUP = "reference.location_lookup"


@pytest.fixture
def sandbox() -> Any:
    """Nothing here speaks to Attio."""
    return SimpleNamespace(environment={})


@pytest.fixture
def loaded(database: Database, tmp_path: Path) -> Load:
    """Return a function that loads one file, given by its content, and returns the report."""

    def run(
        content: str | bytes, into: str, format_name: str | None = None, name: str = "file.csv", **options: bool
    ) -> load.FileReport:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        with database.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            target = load.read_target(connection, into)
            format_ = load.read_format(format_name) if format_name else None
            (report,) = load.load(connection, [path], target, format_, **options)
        return report

    return run


def lines_of(report: load.FileReport) -> list[tuple[int, str]]:
    return [(each.line, each.reason) for each in report.bad]


# By the columns' own names


def test_a_file_is_inserted_by_its_column_names_and_types(loaded: Load, database: Database) -> None:
    report = loaded("location_name,city,has_city\nNYC,New York,true\nLA,Los Angeles,false\n", LOOKUP)
    assert (report.inserted, report.updated, report.unchanged) == (2, 0, 0)
    assert database.rows("select location_name, city, has_city from reference.location_lookup order by 1") == [
        ("LA", "Los Angeles", False),
        ("NYC", "New York", True),
    ]


def test_a_second_load_changes_nothing_and_moves_no_updated_at(loaded: Load, database: Database) -> None:
    content = 'domain,name,founded_year,industries\nx.com,X,1999,"[""a"", ""b""]"\n'
    loaded(content, COMPANIES)
    before = database.rows("select *, xmin::text from extracted.companyenrich_company")

    report = loaded(content, COMPANIES)

    assert (report.inserted, report.updated, report.unchanged) == (0, 0, 1)
    assert database.rows("select *, xmin::text from extracted.companyenrich_company") == before


def test_what_changed_is_updated_and_a_blank_cell_erases_nothing(loaded: Load, database: Database) -> None:
    loaded("domain,name,city\nx.com,X,Oslo\ny.com,Y,\n", COMPANIES)
    database.run("update extracted.companyenrich_company set updated_at = updated_at, phone = '1'")
    (before,) = database.rows("select updated_at from extracted.companyenrich_company where domain = 'y.com'")

    report = loaded("domain,name,city\nx.com,,Bergen\ny.com,Y, \n", COMPANIES)

    assert (report.inserted, report.updated, report.unchanged) == (0, 1, 1)
    assert database.rows("select name, city, phone from extracted.companyenrich_company order by domain") == [
        ("X", "Bergen", "1"),
        ("Y", None, "1"),
    ]
    assert database.rows("select updated_at from extracted.companyenrich_company where domain = 'y.com'") == [before]


def test_the_last_of_several_lines_with_one_key_wins_and_is_counted(loaded: Load, database: Database) -> None:
    report = loaded("domain,name\nx.com,first\ny.com,Y\nx.com,last\n", COMPANIES)
    assert (report.inserted, report.repeated) == (2, 1)
    assert database.rows("select name from extracted.companyenrich_company where domain = 'x.com'") == [("last",)]


def test_a_key_of_two_columns_may_be_half_empty(loaded: Load, database: Database) -> None:
    content = "domain,job_id,title\n,7,A\nx.com,7,B\n,,lost\n"
    report = loaded(content, POSTINGS)
    assert (report.inserted, report.left_out_count) == (2, 1)
    assert [(each.line, each.reason) for each in report.left_out] == [(4, "no domain and no job_id")]
    assert loaded(content, POSTINGS).unchanged == 2
    assert database.rows("select count(*) from core.company_job_postings") == [(2,)]


def test_created_at_and_updated_at_are_set_on_insert_only(loaded: Load, database: Database) -> None:
    loaded("linkedin_url,created_at,updated_at\nhttps://linkedin.com/in/a,2020-01-02,2020-01-03\n", PEOPLE)
    report = loaded("linkedin_url,created_at,updated_at\nhttps://linkedin.com/in/a,2021-01-02,2021-01-03\n", PEOPLE)
    assert report.unchanged == 1
    assert database.rows("select created_at::date::text, updated_at::date::text from extracted.person_discovery") == [
        ("2020-01-02", "2020-01-03")
    ]


def test_a_blank_cell_of_a_new_row_takes_the_columns_default(loaded: Load, database: Database) -> None:
    loaded("domain,id,created_at\nx.com,,\n", COMPANIES)
    assert database.rows("select id is not null, created_at is not null from extracted.companyenrich_company") == [
        (True, True)
    ]


def test_ndjson_keys_are_columns_and_values_keep_their_digits(loaded: Load, database: Database) -> None:
    rows = (
        '{"domain": "x.com", "total_funding": 12345678901234567890.10, "keywords": ["a", {"b": 1.0}], "type": null}\n'
        '\n{"domain": "y.com", "founded_year": 1999, "description": "line\\nbreak", "categories": "text"}\n'
        '{"name": "no key"}\n'
    )
    report = loaded(rows, COMPANIES, name="file.ndjson")
    assert (report.inserted, report.left_out_count) == (2, 1)
    assert database.rows(
        "select total_funding::text, keywords::text, founded_year, description, categories"
        " from extracted.companyenrich_company order by domain"
    ) == [
        ("12345678901234567890.10", '["a", {"b": 1.0}]', None, None, None),
        (None, None, 1999, "line\nbreak", "text"),
    ]
    assert loaded(rows, COMPANIES, name="file.ndjson").unchanged == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plain.csv", b"domain,name\nx.com,X\n"),
        ("windows.csv", b"\xef\xbb\xbfdomain,name\r\nx.com,X\r\n"),
        ("old-mac.csv", b"domain,name\rx.com,X\r"),
        ("no-end.csv", b"domain,name\nx.com,X"),
        ("blank-lines.csv", b"domain,name\n\nx.com,X\n\n\n"),
        ("quoted.csv", b'"domain","name"\n"x.com","X"\n'),
        ("padded-header.csv", b" domain , name \nx.com,X\n"),
        ("zipped.csv.gz", gzip.compress(b"domain,name\nx.com,X\n", mtime=0)),
        ("zipped-under-a-plain-name.csv", gzip.compress(b"domain,name\nx.com,X\n", mtime=0)),
        ("no-ending", b'{"domain": "x.com", "name": "X"}\n'),
        ("file.jsonl", b'\xef\xbb\xbf{"domain": "x.com", "name": "X"}\r\n'),
        ("zipped.ndjson.gz", gzip.compress(b'{"domain": "x.com", "name": "X"}', mtime=0)),
    ],
)
def test_files_come_in_many_shapes(loaded: Load, database: Database, name: str, content: bytes) -> None:
    report = loaded(content, COMPANIES, name=name)
    assert (lines_of(report), report.inserted) == ([], 1)
    assert database.rows("select domain, name from extracted.companyenrich_company") == [("x.com", "X")]


def test_cells_keep_what_is_in_them(loaded: Load, database: Database) -> None:
    loaded('linkedin_url,full_name,latest_title\nu1,"Ada ""A""\nExample, MD",  spaced\t\n', PEOPLE)
    assert database.rows("select full_name, latest_title from extracted.person_discovery") == [
        ('Ada "A"\nExample, MD', "  spaced\t")
    ]


# Bad lines


def test_every_bad_line_is_named_and_nothing_of_the_file_is_stored(loaded: Load, database: Database) -> None:
    content = (
        b"domain,name,founded_year\n"
        b"good.com,Good,1999\n"
        b"short.com,Short\n"
        b'two.com,"over\ntwo lines",2000\n'
        b"long.com,Long,1,2\n"
        b"bytes.com,\xff\xfe,2001\n"
        b"nul.com,\x00,2002\n"
        b'"quote".com,Q,2003\n'
        b"last.com,Last,2004\n"
    )
    report = loaded(content, COMPANIES)
    assert lines_of(report) == [
        (3, "has 2 cells, the header has 3"),
        (6, "has 4 cells, the header has 3"),
        (7, "is not valid UTF-8"),
        (8, "holds a NUL byte, which Postgres cannot store"),
        (9, "is not CSV: ',' expected after '\"'"),
    ]
    assert not report.is_loaded
    assert database.rows("select count(*) from extracted.companyenrich_company") == [(0,)]


def test_a_cell_that_is_no_value_of_its_column_is_named_with_the_column(loaded: Load) -> None:
    report = loaded(
        "domain,founded_year,funding_date,keywords\n"
        "a.com,1999,2020-01-31,[]\n"
        "b.com,about 1999,2020-01-31,[]\n"
        "c.com,1999,31/01/2020,{\n"
        "d.com,,03/04/2024,\n",
        COMPANIES,
    )
    assert [(line, reason.split(":")[0]) for line, reason in lines_of(report)] == [
        (3, "founded_year"),
        (4, "funding_date"),
        (4, "keywords"),
        (5, "funding_date"),
    ]


def test_a_key_over_2000_bytes_is_a_bad_line(loaded: Load) -> None:
    assert loaded(f"domain\n{'é' * 1000}\n", COMPANIES).inserted == 1
    report = loaded(f"domain\nx.com\n{'é' * 1000}y\n", COMPANIES)
    assert lines_of(report) == [(3, "domain is over 2,000 bytes long")]


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ('{"domain": "a.com"}\nnot json\n', 2, "is not JSON"),
        ('{"domain": "a.com"}\n[1]\n', 2, "is not a JSON object"),
        ('{"domain": "a.com"}\n{"domain": NaN}\n', 2, "is not JSON: NaN is no JSON value"),
        ('{"domain": "a.com"}\n{"domain": "b\\u0000"}\n', 2, "holds a NUL byte"),
        ('{"domain": "a.com"}\n{"domain": "b\\ud800"}\n', 2, "is not valid UTF-8"),
        ('{"domain": "a.com"}\n{"domain": "b.com", "nmae": "B"}\n', 2, "has a key that is no column: 'nmae'"),
        ('{"domain": "a.com"}\n' + '{"a":' * 100_000 + "1" + "}" * 100_000, 2, "is not JSON"),
    ],
)
def test_a_bad_ndjson_line_is_named(loaded: Load, content: str, line: int, reason: str) -> None:
    report = loaded(content, COMPANIES, name="file.ndjson")
    ((number, told),) = lines_of(report)
    assert number == line
    assert told.startswith(reason)


def test_a_line_with_escaped_text_that_only_looks_like_nul_is_good(loaded: Load, database: Database) -> None:
    assert loaded('{"domain": "a.com", "name": "\\\\u0000"}', COMPANIES, name="file.ndjson").inserted == 1
    assert database.rows("select name from extracted.companyenrich_company") == [("\\u0000",)]


def test_a_truncated_gzip_file_is_named_where_it_ends_and_stores_nothing(loaded: Load, database: Database) -> None:
    content = "domain\n" + "".join(f"company-{number * 7919}.com\n" for number in range(50_000))
    whole = gzip.compress(content.encode())
    for damaged in (whole[: len(whole) // 2], whole[:-4], whole[:4000] + b"\0" * 50 + whole[4050:]):
        report = loaded(damaged, COMPANIES, name="file.csv.gz")
        ((line, reason),) = lines_of(report)
        assert "the gzip file ends too early or is damaged" in reason
        assert line > 1
    assert database.rows("select count(*) from extracted.companyenrich_company") == [(0,)]


def test_a_quote_that_never_closes_is_named_where_it_opens(loaded: Load) -> None:
    report = loaded('domain,name\nx.com,X\ny.com,"Y\n' + "z.com,Z\n" * 1000, COMPANIES)
    assert lines_of(report) == [(3, "a quoted cell that begins on this line never ends")]


def test_an_empty_file_is_bad_and_a_header_alone_is_not(loaded: Load) -> None:
    assert lines_of(loaded("", COMPANIES)) == [(1, "the file is empty: a line with the column names is expected")]
    report = loaded("domain,name\n", COMPANIES)
    assert (report.is_loaded, report.inserted) == (True, 0)
    assert loaded("", COMPANIES, name="empty.ndjson").is_loaded


def test_a_row_the_table_refuses_is_named_by_its_line(loaded: Load, database: Database) -> None:
    database.run(
        "create table public.prices (sku text primary key, price numeric check (price > 0), note varchar(5), "
        "stock integer not null)"
    )
    report = loaded("sku,price,note,stock\na,1,ok,1\nb,2,ok,1\nc,-1,ok,1\nd,4,ok,1\n", "public.prices")
    ((line, reason),) = lines_of(report)
    assert line == 4
    assert "violates check constraint" in reason
    ((line, reason),) = lines_of(loaded("sku,price,note,stock\na,1,ok,1\nb,2,far too long,1\n", "public.prices"))
    assert line == 3
    assert "value too long" in reason
    assert lines_of(loaded("sku,price,stock\na,1,\n", "public.prices")) == [(2, "stock must not be blank")]
    assert database.rows("select count(*) from public.prices") == [(0,)]


# The target


def test_a_generated_column_cannot_be_loaded(loaded: Load) -> None:
    with pytest.raises(ConfigError, match="no column 'linkedin_url_normalized' that could be loaded"):
        loaded("linkedin_url,linkedin_url_normalized\na,b\n", PEOPLE)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("domain,nmae\nx.com,X\n", "no column 'nmae'"),
        ("domain;name\nx.com;X\n", "a comma must separate the columns"),
        ("domain,name,name\nx.com,X,X\n", "two columns are called 'name'"),
        ("domain,name,\nx.com,X,\n", "column 3 has no name"),
        ("name\nX\n", "the key is missing"),
        ("\ufeffdomain,name\n".encode("utf-16"), "is UTF-16: save it as UTF-8"),
    ],
)
def test_a_header_that_does_not_fit_is_told_before_anything_is_read(
    loaded: Load, content: str | bytes, told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        loaded(content, COMPANIES)


def test_an_owners_table_without_the_unique_key_is_loaded_by_it_all_the_same(
    empty_database: Database, tmp_path: Path
) -> None:
    empty_database.run(
        "create schema extracted",
        "create table extracted.person_discovery (linkedin_url text, full_name text, location_name text)",
        "insert into extracted.person_discovery values ('https://linkedin.com/in/a', 'Old Name', 'Oslo')",
    )
    path = tmp_path / "people.csv"
    path.write_text(
        "linkedin_url,full_name,title\nhttps://linkedin.com/in/a,New Name,CEO\nhttps://linkedin.com/in/b,B,CTO\n"
    )
    with empty_database.connect() as connection:
        target = load.read_target(connection, PEOPLE)
        (report,) = load.load(connection, [path], target, load.read_format("person_discovery"))
    assert (report.inserted, report.updated) == (1, 1)
    assert "latest_title" in report.absent_columns
    assert empty_database.rows("select * from extracted.person_discovery order by 1") == [
        ("https://linkedin.com/in/a", "New Name", "Oslo"),
        ("https://linkedin.com/in/b", "B", None),
    ]


# The command


def test_the_command_names_bad_lines_and_loads_the_other_files(
    canon: Canon, database: Database, tmp_path: Path
) -> None:
    (tmp_path / "good.csv").write_text("location_name,city\nNYC,New York\n")
    (tmp_path / "bad.csv").write_text("location_name,has_city\nLA,perhaps\n")
    done = canon("load", str(tmp_path / "bad.csv"), str(tmp_path / "good.csv"), "--into", LOOKUP, "--json").expect(1)
    assert "bad.csv: line 2: has_city: invalid input syntax for type boolean" in done.stderr
    assert [(each["loaded"], each["inserted"]) for each in done.json["files"]] == [(False, 0), (True, 1)]
    assert (done.json["inserted"], done.json["bad"]) == (1, 1)
    assert database.rows("select location_name from reference.location_lookup") == [("NYC",)]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("{good}", "--into", "reference.nothing"), "there is no table 'reference.nothing'"),
        (("{good}", "--into", "attio_mirror.companies"), "is not a table"),
        (("{good}", "--into", LOOKUP, "--format", "nothing"), "no format 'nothing': there are attio_companies,"),
        (
            ("{good}", "--into", LOOKUP, "--format", "companies"),
            "format companies is for extracted.companyenrich_company",
        ),
        (("{good}", "--into", COMPANIES, "--format", "companies"), "it is not a file of format companies"),
        (("{good}", "{absent}", "--into", LOOKUP), "No such file or directory"),
        (("{good}", "--into", "public.keyless", "--yes"), "public.keyless has no unique key"),
    ],
)
def test_wrong_usage_is_one_line_and_changes_nothing(
    canon: Canon, database: Database, tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    database.run("create table public.keyless (location_name text, city text)")
    (tmp_path / "good.csv").write_text("location_name,city\nNYC,New York\n")
    paths = {"good": str(tmp_path / "good.csv"), "absent": str(tmp_path / "absent.csv")}
    done = canon("load", *(argument.format(**paths) for argument in arguments)).expect(2)
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert database.rows("select count(*) from reference.location_lookup") == [(0,)]


def test_a_table_that_is_not_canons_is_changed_only_with_a_yes(
    canon: Canon, database: Database, tmp_path: Path
) -> None:
    database.run("create table public.mine (name text primary key, note text)")
    path = tmp_path / "mine.csv"
    path.write_text("name,note\na,b\n")
    assert "Nobody is there to answer" in canon("load", str(path), "--into", "public.mine").expect(2).stderr
    assert database.rows("select * from public.mine") == []
    dry = canon("load", str(path), "--into", "public.mine", "--dry-run", "--json").expect(0)
    assert (dry.json["inserted"], database.rows("select * from public.mine")) == (1, [])
    canon("load", str(path), "--into", "public.mine", "--yes").expect(0)
    assert database.rows("select * from public.mine") == [("a", "b")]


# The formats


def test_companies_of_one_host_become_one_and_the_newest_source_leads(loaded: Load, database: Database) -> None:
    report = loaded(
        "source,name,website,linkedin_url,location_text,employees_text,employees_min,employees_max,founded_year,"
        "source_date\n"
        'a,Acme,HTTP://www.Acme.com:8080/x?y,,"Oslo, Norway; Remote",,,,2013 (1888),2020-01-01\n'
        "b,ACME Inc,acme.com,https://www.linkedin.com/company/acme,,51-200,,,,2024-05-06\n"
        'c,Beta,https://user@beta.io,,"MH, India",,1,1000000,,2015\n'
        "d,Gamma,,,,,,,,\n"
        "e,Delta,http://,,,,,,,\n"
        "f,Two,http://two.com http://three.com,,,,,,,\n",
        COMPANIES,
        "companies",
    )
    assert (report.inserted, report.merged, report.left_out_count) == (2, 1, 3)
    assert [(each.line, each.reason) for each in report.left_out] == [
        (5, "no website"),
        (6, "website names no host"),
        (7, "website names no host"),
    ]
    assert database.rows(
        "select domain, name, linkedin_url, employees, founded_year, city, state, country, address"
        " from extracted.companyenrich_company order by domain"
    ) == [
        (
            "acme.com",
            "ACME Inc",
            "https://www.linkedin.com/company/acme",
            "51-200",
            2013,
            "Oslo",
            None,
            "Norway",
            "Oslo, Norway; Remote",
        ),
        ("beta.io", "Beta", None, "1+", None, None, "MH", "India", "MH, India"),
    ]


def test_postings_take_absolute_dates_only_and_the_newest_of_one_id(loaded: Load, database: Database) -> None:
    uuid = "98b2d671-3f03-430e-b18c-e5ddb8ce5035"
    report = loaded(
        "source,source_id,title,url,locations,date_posted_raw,date_updated_raw,active,company_domain\n"
        f'one,{uuid},Old title,u,"[""McLean, VA"", "" Plano, TX""]",1683864000,1683864000,True,\n'
        f'two,{uuid},New title,u,"[""McLean, VA"", "" Plano, TX""]",1683864000,1691190624,False,\n'
        "lists,7,B,u,[],5 days ago,,,https://www.x.com/\n"
        "lists,8,C,u,[],1/14/2024,,,X.com\n"
        "lists,9,D,u,[],2023-10-18,,,\n"
        "lists,,E,u,[],2023-10-18,,,\n",
        POSTINGS,
        "job_postings",
    )
    assert (report.inserted, report.merged, report.left_out_count) == (4, 1, 1)
    rows = database.rows(
        "select job_id, domain, title, location, posted_at::date::text, closed_at::date::text"
        " from core.company_job_postings order by job_id"
    )
    assert rows == [
        (uuid, None, "New title", "McLean, VA; Plano, TX", "2023-05-12", "2023-08-04"),
        ("lists:7", "x.com", "B", None, None, None),
        ("lists:8", "x.com", "C", None, "2024-01-14", None),
        ("lists:9", None, "D", None, "2023-10-18", None),
    ]


def test_a_posting_with_an_impossible_date_is_a_bad_line(loaded: Load) -> None:
    report = loaded(
        "source,source_id,title,url,locations,date_posted_raw\n"
        "a,1,A,u,[],1/14/2024\na,2,B,u,[],13/14/2024\na,3,C,u,[],1/15/2024\n",
        POSTINGS,
        "job_postings",
    )
    ((line, reason),) = lines_of(report)
    assert line == 3
    assert "13/14/2024" in reason


def test_people_found_again_under_the_same_url_keep_the_last_find(loaded: Load, database: Database) -> None:
    content = (
        "found_at,full_name,title,linkedin_url\n"
        "2026-03-01T00:00:00Z,Ada New,CTO,linkedin.com/in/ada-demo\n"
        "2026-02-01T00:00:00Z,Ada Old,CEO,linkedin.com/in/ada-demo\n"
        "2026-02-01T00:00:00Z,Nobody,CEO,N/A\n"
        "2026-02-01T00:00:00Z,Nobody,CEO,\n"
    )
    report = loaded(content, PEOPLE, "person_discovery")
    assert (report.inserted, report.merged, report.left_out_count) == (1, 1, 2)
    assert {each.reason for each in report.left_out} == {"no LinkedIn URL"}
    assert database.rows(
        "select full_name, latest_title, updated_at::date::text, linkedin_url_normalized"
        " from extracted.person_discovery"
    ) == [("Ada New", "CTO", "2026-03-01", "https://www.linkedin.com/in/ada-demo")]
    assert loaded(content, PEOPLE, "person_discovery").unchanged == 1


def test_payloads_are_kept_as_they_arrived_and_a_second_load_adds_none(loaded: Load, database: Database) -> None:
    answers = [
        {
            "requested_domain": "x.com",
            "fetched_at": "2026-01-05T08:00:00Z",
            "http_status": 200,
            "payload": {"name": "X"},
        },
        {
            "requested_domain": "x.com",
            "fetched_at": "2026-02-05T08:00:00Z",
            "http_status": 200,
            "payload": {"name": "X"},
        },
        {"requested_domain": "y.com", "fetched_at": "2026-01-05T08:00:00Z", "http_status": 404, "payload": None},
        {"requested_domain": "z.com"},
    ]
    content = "".join(json.dumps(answer) + "\n" for answer in answers)
    report = loaded(content, "raw.companyenrich_payloads", "companyenrich_payloads", "answers.ndjson")
    assert (report.inserted, report.left_out_count) == (3, 1)
    again = loaded(content, "raw.companyenrich_payloads", "companyenrich_payloads", "answers.ndjson")
    assert (again.inserted, again.unchanged) == (0, 3)
    assert database.rows(
        "select domain, payload, created_at::date::text from raw.companyenrich_payloads order by domain, created_at"
    ) == [("x.com", {"name": "X"}, "2026-01-05"), ("x.com", {"name": "X"}, "2026-02-05"), ("y.com", None, "2026-01-05")]


def test_company_linkedin_urls_stand_beside_the_peoples(loaded: Load, database: Database) -> None:
    content = "linkedin_url,company_name,n\nhttp://ae.linkedin.com/company/adia/posts/?x,ADIA,1\n,Nobody,1\n"
    report = loaded(content, PEOPLE, "company_linkedin_urls")
    assert (report.inserted, report.left_out_count) == (1, 1)
    assert database.rows("select latest_company, linkedin_url_normalized from extracted.person_discovery") == [
        ("ADIA", "https://www.linkedin.com/company/adia")
    ]


def test_records_of_attio_can_fill_the_mirror(loaded: Load, database: Database) -> None:
    record = {
        "id": {"workspace_id": "w", "object_id": "o", "record_id": "5102cddf-2367-4d96-a524-e735e6188cd9"},
        "created_at": "2026-01-05T08:00:00Z",
        "values": {"name": [{"attribute_type": "text", "value": "X"}]},
    }
    for inserted, unchanged in ((1, 0), (0, 1)):
        report = loaded(json.dumps(record), "attio_mirror.records", "attio_companies", "records.ndjson")
        assert (report.inserted, report.unchanged) == (inserted, unchanged)
    assert database.rows("select record_id::text, values #>> '{name,0,value}' from attio_mirror.companies") == [
        ("5102cddf-2367-4d96-a524-e735e6188cd9", "X")
    ]


def test_a_number_postgres_cannot_hold_is_a_bad_line_of_a_format_too(loaded: Load) -> None:
    report = loaded(
        '{"requested_domain": "x.com", "payload": {}}\n{"requested_domain": "y.com", "payload": 1e999999}\n',
        "raw.companyenrich_payloads",
        "companyenrich_payloads",
        "answers.ndjson",
    )
    assert [line for line, _ in lines_of(report)] == [2]


def test_the_bundled_sample_loads_and_loads_again_without_a_change(canon: Canon, database: Database) -> None:
    data = CHECKOUT / "demo" / "data"
    for file, into, name in (("companies", COMPANIES, "companies"), ("job_postings", POSTINGS, "job_postings")):
        command = ("load", str(data / f"{file}.csv.gz"), "--into", into, "--format", name, "--json")
        first = canon(*command).expect(0).json
        assert first["inserted"] > 1500
        second = canon(*command).expect(0).json
        assert (second["inserted"], second["updated"], second["unchanged"]) == (0, 0, first["inserted"])
    assert database.rows("select count(*) >= 850 from core.company_job_postings where domain is not null") == [(True,)]


@pytest.mark.skipif(not SHARED.exists(), reason="the larger sample is not on this machine")
@pytest.mark.parametrize(
    ("file", "into"), [("companies", COMPANIES), ("job_postings", POSTINGS), ("company_linkedin_urls", PEOPLE)]
)
def test_the_larger_sample_loads_and_loads_again_without_a_change(canon: Canon, file: str, into: str) -> None:
    command = ("load", str(SHARED / f"{file}.csv.gz"), "--into", into, "--format", file, "--json")
    first = canon(*command).expect(0).json
    assert first["inserted"] > 4_000
    second = canon(*command).expect(0).json
    assert (second["inserted"], second["updated"], second["unchanged"]) == (0, 0, first["inserted"])


def test_memory_stays_flat_however_long_the_file_is(database: Database, project: Path, tmp_path: Path) -> None:
    # A process of its own looks at the peak of its one child: this one's own is no measure.
    measure = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )

    def peak(rows: int) -> int:
        path = tmp_path / f"{rows}.csv"
        with path.open("w") as out:
            out.write("linkedin_url,full_name\n")
            out.writelines(f"linkedin.com/in/nobody-demo-{number},{'x' * 200}\n" for number in range(rows))
        command = [sys.executable, "-m", "sync", "load", str(path), "--into", PEOPLE, "--project-dir", str(project)]
        done = subprocess.run(
            [sys.executable, "-c", measure, *command],
            cwd=CHECKOUT,
            env={**os.environ, **database.environment},
            check=True,
            capture_output=True,
            text=True,
        )
        return int(done.stdout)

    assert peak(100_000) < 1.15 * peak(1_000)


@pytest.mark.skipif(not SHARED.exists(), reason="the generator of larger inputs is not on this machine")
def test_generated_people_and_payloads_load_and_load_again_without_a_change(canon: Canon, tmp_path: Path) -> None:
    command = [sys.executable, str(SHARED / "make_people.py"), "--out", str(tmp_path), "--people", "3000"]
    subprocess.run([*command, "--payloads", "500", "--attio", "600", "--gzip"], check=True, capture_output=True)
    for file, into, name in (
        ("person_discovery.csv.gz", PEOPLE, "person_discovery"),
        ("companyenrich_payloads.ndjson.gz", "raw.companyenrich_payloads", "companyenrich_payloads"),
        ("attio_companies.ndjson.gz", "attio_mirror.records", "attio_companies"),
    ):
        load_it = ("load", str(tmp_path / file), "--into", into, "--format", name, "--json")
        first = canon(*load_it).expect(0).json
        assert first["inserted"] >= 500
        second = canon(*load_it).expect(0).json
        assert (second["inserted"], second["updated"], second["unchanged"]) == (0, 0, first["inserted"])
