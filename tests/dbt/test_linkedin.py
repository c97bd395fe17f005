"""The one rule for LinkedIn URLs: the macro and the generated column are the same text, and it holds for any cell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import CHECKOUT, _private_project, run_dbt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import psycopg

    from tests.conftest import Server

PAGE = re.compile(r"https://www\.linkedin\.com/(in|company|school|showcase)/[^/?#\s]+")


@pytest.fixture(scope="module")
def rule(server: Server, migrated: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the expression that dbt compiles into the model, over a column `linkedin_url`."""
    database = server.create(template=migrated)
    with _private_project(tmp_path_factory.mktemp("linkedin") / "project") as project:
        run_dbt(project, database, "compile", "-s", "int_linkedin_urls_parsed", "int_people_read").expect(0)
        compiled = (project / "dbt_project" / "target" / "compiled").rglob("int_*.sql")
        texts = {path.stem: path.read_text(encoding="utf-8") for path in compiled}
    normalized = r",\s+(case\b.*?\bend) as linkedin_url_normalized\s+from {}"
    of_cells = re.search(normalized.format("distinct_urls"), texts["int_linkedin_urls_parsed"], re.DOTALL)
    of_people = re.search(
        normalized.format("people"), texts["int_people_read"].partition("normalized as (")[2], re.DOTALL
    )
    assert of_cells
    assert of_people
    assert of_cells[1].replace("linkedin_url_raw", "linkedin_url") == of_people[1]
    yield of_people[1]
    server.drop(database)


@pytest.fixture(scope="module")
def connection(server: Server, migrated: str) -> Iterator[psycopg.Connection]:
    database = server.create(template=migrated)
    with database.connect() as opened:
        yield opened
    server.drop(database)


def normalized(connection: psycopg.Connection, rule: str, cells: Sequence[str | None]) -> list[str | None]:
    query = f"select {rule} from unnest(%s::text[]) with ordinality as cells (linkedin_url, place) order by place"
    literal = query.replace("%", "%%").replace("%%s::text[]", "%s::text[]")
    return [row[0] for row in connection.execute(literal.encode(), [list(cells)]).fetchall()]


def without_blanks(text: str) -> str:
    return re.sub(r"\s+", "", re.sub(r"--[^\n]*", "", text))


def test_the_generated_column_is_the_models_rule(rule: str) -> None:
    migration = (CHECKOUT / "sync" / "migrations" / "0004_extracted.sql").read_text(encoding="utf-8")
    column = re.search(r"linkedin_url_normalized text generated always as \((.*?)\) stored", migration, re.DOTALL)
    assert column
    assert without_blanks(column[1]) == without_blanks(rule)


FORMS = {
    "https://www.linkedin.com/in/ada": "in/ada",
    "HTTP://UK.LinkedIn.com/IN/Ada-L/de?trk=x#top": "in/ada-l",
    "linkedin.com/mwlite/in/ada/": "in/ada",
    "https://https://m.linkedin.com:443//in//ada//": "in/ada",
    "https://www.linkedin.com/in/https://www.linkedin.com/in/ada/": "in/ada",
    "https:\\/\\/www.linkedin.com\\/in\\/ada": "in/ada",
    "\ufeff\u202ehttps://www.linkedin.com/in/ada\u200b\u00a0": "in/ada",
    "'https://www.linkedin.com/in/ada'": "in/ada",
    '"https://www.linkedin.com/in/ada"': "in/ada",
    "(https://www.linkedin.com/in/ada)": "in/ada",
    "[Ada](https://www.linkedin.com/in/ada)": "in/ada",
    "https://www.linkedin.com/in/ada,https://www.linkedin.com/in/bob": "in/ada",
    "https://www.linkedin.com/feed/ ; https://www.linkedin.com/company/acme": "company/acme",
    "https://www.linkedin.com/in/JOS%c3%89": "in/josé",
    "https://www.linkedin.com/in/jose\u0301": "in/josé",
    "https://www.linkedin.com/in/%25C3%25A9": "in/é",
    "https://www.linkedin.com/in/ada%3Ftrk=x": "in/ada",
    "https://www.linkedin.com/in/%FFada": "in/%ffada",
    "https://www.linkedin.com/in/ada%00b": "in/ada%00b",
    "https://www.linkedin.com/in/ada-%F0%9F%9A%80": "in/ada-🚀",
    "https://www.linkedin.com/in/ACoAABcD?miniProfileUrn=urn%3Ali%3AACoAABcD": "in/ACoAABcD",
    "https://www.linkedin.com/company/at&amp;t": "company/at&t",
    "https://www.linkedin.com/company/carbonated-inc.": "company/carbonated-inc.",
    "https://www.linkedin.com/company/robertson-&-company-ltd-?trk=x": "company/robertson-&-company-ltd-",
    "https://www.linkedin.com/company-beta/10542315/": "company/10542315",
    "https://www.linkedin.com/edu/purdue-university-18357": "school/purdue-university-18357",
    "https://www.linkedin.com/showcase/azure---microsoft's/": "showcase/azure---microsoft's",
    "http://cn.linkedin.com/company/alibaba-group /posts/?feedView=ads": "company/alibaba-group",
    "https://www.linkedin.com/company/盛科网络（苏州）有限公司": "company/盛科网络（苏州）有限公司",  # noqa: RUF001  # as found
    "https://www.linkedin.com/in/" + "a" * 200: "in/" + "a" * 200,
}
NONE = [
    "",
    " \t",
    "N/A",
    "https://www.linkedin.com/",
    "https://www.linkedin.com/in/",
    "https://www.linkedin.com/in/me/",
    "https://www.linkedin.com/in/%6De",
    "https://www.linkedin.com/in/---",
    "https://www.linkedin.com/in/n/a",
    "https://www.linkedin.com/company/unavailable/",
    "https://www.linkedin.com/edu/school?id=13573",
    "https://www.linkedin.com/profile/view?id=1",
    "https://www.linkedin.com/sales/lead/ACwAAA,NAME_SEARCH,x",
    "https://www.linkedin.com/groups/4152886/profile",
    "https://www.linkedin.com/jobs/view/1",
    "https://lnkd.in/abc",
    "https://linkedin.com.evil.example/in/ada",
    "https://evil-linkedin.com/in/ada",
    "https://linkedin.com@evil.example/in/ada",
    "https://ada@linkedin.com/in/ada",
    "https://evil.example/linkedin.com/in/ada",
    "https://evil.example/?u=https://www.linkedin.com/in/ada",
    "https://evil.example/?a=b,https://www.linkedin.com/in/ada",
    "https://www.google.com/url?q=https%3A%2F%2Fwww.linkedin.com%2Fin%2Fada&sa=D",
    "https://lin\u212aedin.com/in/ada",
    "https://www.linkedin.com/in/" + "a" * 201,
    "https://www.linkedin.com/in/" + "%C3%A9" * 201,
    "x" * 1_000_000,
    "https://www.linkedin.com/in/" + "a" * 1_000_000,
]


def test_one_page_has_one_form(connection: psycopg.Connection, rule: str) -> None:
    wanted = {cell: f"https://www.linkedin.com/{page}" for cell, page in FORMS.items()}
    assert dict(zip(wanted, normalized(connection, rule, list(wanted)), strict=True)) == wanted


def test_what_names_no_page_is_null(connection: psycopg.Connection, rule: str) -> None:
    found = normalized(connection, rule, [*NONE, None])
    assert [(cell[:80], page) for cell, page in zip(NONE, found, strict=False) if page is not None] == []
    assert found[-1] is None


def test_the_generated_column_says_the_same_on_rows(connection: psycopg.Connection, rule: str) -> None:
    # a longer cell is no key: a btree holds 2,704 bytes
    cells = [cell for cell in [*FORMS, *NONE] if len(cell) < 2000]
    connection.execute("insert into extracted.person_discovery (linkedin_url) select unnest(%s::text[])", [cells])
    stored = connection.execute(
        "select linkedin_url, linkedin_url_normalized from extracted.person_discovery"
    ).fetchall()
    assert len(stored) == len(cells)
    assert dict(stored) == dict(zip(cells, normalized(connection, rule, cells), strict=True))


pieces = st.sampled_from(
    [
        *(
            "https://",
            "http:/",
            "//",
            "www.",
            "uk.",
            "m.",
            "linkedin.com",
            "LinkedIn.com",
            "linkedin.com.",
            "evil.example",
        ),
        *("/", "/in/", "/company/", "/company-beta/", "/edu/", "/school/", "/showcase/", "/mwlite/in/", "/sales/lead/"),
        *(
            "ada",
            "ADA",
            "ACoAAx",
            "ACwAAx",
            "me",
            "null",
            "é",
            "E\u0301",
            "İ",
            "ß",
            "\u212a",
            "J\u030c",
            "\u037e",
            "🚀",
            "株",
        ),
        *(
            "%",
            "%4",
            "%41",
            "%25",
            "%2541",
            "%%34",
            "%C3%A9",
            "%c3",
            "%FF",
            "%00",
            "%2F",
            "%3F",
            "%20",
            "%E2%80%8B",
            "%F0%9F%9A%80",
        ),
        *(
            " ",
            "\u00a0",
            "\t",
            "\n",
            "\u200b",
            "\u202e",
            "\ufeff",
            "'",
            '"',
            "(",
            ")",
            "[",
            "]",
            "<",
            ">",
            "|",
            ",",
            ";",
            "&amp;",
        ),
        *("?", "#", "=", "&", "@", ":", ":443", "\\", "\\/", ".", "-", "_", "*", "~"),
    ]
)
cells = st.one_of(
    st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=80),
    st.lists(pieces, max_size=14).map("".join),
    st.lists(pieces, max_size=8).map(lambda parts: "https://www.linkedin.com/in/" + "".join(parts)),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(cells, min_size=1, max_size=20))
def test_any_cell_is_read_and_reading_twice_is_reading_once(
    connection: psycopg.Connection, rule: str, found: list[str]
) -> None:
    once = normalized(connection, rule, [*found])
    assert normalized(connection, rule, once) == once
    for page in once:
        assert page is None or (PAGE.fullmatch(page) and len(page.split("/", 4)[4]) <= 200)


def test_decoding_never_raises(connection: psycopg.Connection) -> None:
    texts = {
        "a%C3%A9": "aé",
        "%FF%C3%A9": "%FFé",
        "%00": "%00",
        "%ED%A0%80": "%ED%A0%80",
        "%C0%80": "%C0%80",
        "%F4%90%80%80": "%F4%90%80%80",
        "%25C3%25A9": "é",
        "%%34%31": "A",
        "%4": "%4",
        "": "",
        "%3" * 40 + "1": None,
    }
    query = (
        "select core.percent_decoded(given)"
        " from unnest(%s::text[]) with ordinality as texts (given, place) order by place"
    )
    found = [row[0] for row in connection.execute(query, [list(texts)]).fetchall()]
    assert dict(zip(texts, found, strict=True)) == texts
