"""Company names as people would write them: forms off, brands whole, and no cell too odd."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import WITHOUT_TESTS, _private_project, run_dbt
from tests.dbt.conftest import HOSTILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Server

NAMES = {
    "Acme, Inc.": "Acme",
    "Acme Inc": "Acme",
    "ACME LLC": "ACME",
    "Acme GmbH & Co. KG": "Acme",
    "Acme S.p.A.": "Acme",
    "Acme Sp. z o.o.": "Acme",
    "Acme S.A. de C.V.": "Acme",
    "Acme Pty. Ltd.": "Acme",
    "Acme Pvt. Ltd.": "Acme",
    "Acme Private Limited": "Acme",
    "Acme B.V.": "Acme",
    "Acme A/S": "Acme",
    "Acme Oy": "Acme",
    "Acme SAS": "Acme",
    "Acme AG": "Acme",
    "Acme KGaA": "Acme",
    "Acme Sdn. Bhd.": "Acme",
    "Acme Co., Ltd.": "Acme",
    "Acme Technology Corporation": "Acme Technology",
    "Acme, L.L.C.": "Acme",
    "Acme P.C.": "Acme",
    "PT Acme Tbk": "Acme",
    "UAB Acme": "Acme",
    "SARL Acme": "Acme",
    "Acme GmbH + Co. KG": "Acme",
    "Acme eG": "Acme",
    "Acme S.à r.l.": "Acme",
    "Acme NV/SA": "Acme",
    "Acme A.Ş.": "Acme",
    "Acme Ltda ME": "Acme",
    "'Acme LLC'": "Acme",
    "SAP SE": "SAP",
    "ООО «Ромашка»": "Ромашка",  # noqa: RUF001  # as it is written in Moscow
    "トヨタ自動車株式会社": "トヨタ自動車",
    "주식회사 카카오": "카카오",
    "北京字节跳动科技有限公司": "北京字节跳动科技",
    "Vision Microsystems (Shanghai), Co. Ltd.": "Vision Microsystems",
    "Quo (fka OpenPhone)": "Quo",
    "Sonder [YC W21]": "Sonder",
    "Eurofirms Group | People first": "Eurofirms Group",
    "Johnson &amp; Johnson": "Johnson & Johnson",
    "WUNDERGROUND LLC": "Wunderground",
    "KASAPUR IT SERVICES INC": "Kasapur IT Services",
    "HARRY'S COFFEE": "Harry's Coffee",
    "NVIDIA": "NVIDIA",
    "OSNEXUS Corporation": "OSNEXUS",
    # words that only look like forms
    "Visa": "Visa",
    "Tesco": "Tesco",
    "Cisco": "Cisco",
    "SAS": "SAS",
    "AG": "AG",
    "Inc.": "Inc.",
    "The Limited": "The Limited",
    "Zip Co": "Zip Co",
    "Indigo Ag": "Indigo Ag",
    "Red Door Spa": "Red Door Spa",
    "City of Aurora, CO": "City of Aurora, CO",
    "Ford Motor Company": "Ford Motor Company",
    "Indus Group": "Indus Group",
    "Jushi Holdings": "Jushi Holdings",
    "Red Apple Marketing International": "Red Apple Marketing International",
    "SVB Technologies": "SVB Technologies",
    "The Home Depot": "The Home Depot",
    "IBM": "IBM",
    "AT&T": "AT&T",
    "3M": "3M",
    "O(1) Labs": "O(1) Labs",
    "eBay": "eBay",
    "numericcal": "numericcal",
}


SAME = (
    ("JPMorgan Chase & Co.", "JPMorganChase", "jpmorgan chase"),
    ("Home Depot, Inc.", "Home Depot", "The Home Depot"),
    ("Crème", "Creme"),
)


@pytest.fixture(scope="module")
def cleaned(
    server: Server, seeded: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, tuple[str, str]]]:
    """Return the name as staging has it -> the name to show, the key to compare by."""
    database = server.create(template=seeded)
    with database.connect() as connection:
        connection.execute(
            "insert into core.company_canonical (domain, original_name)"
            " select place || '.example', name from unnest(%s::text[]) with ordinality as names (name, place)",
            [[*NAMES, *HOSTILE, *(spelling for spellings in SAME for spelling in spellings)]],
        )
    with _private_project(tmp_path_factory.mktemp("names") / "project") as project:
        run_dbt(project, database, "build", "-s", "+int_company_names_cleaned", *WITHOUT_TESTS).expect(0)
    rows = database.rows("select name_raw, name, name_key from canon_intermediate.int_company_names_cleaned")
    yield {row[0]: (row[1], row[2]) for row in rows}
    server.drop(database)


@pytest.mark.parametrize("name", NAMES)
def test_names_are_shown_as_people_write_them(cleaned: dict[str, tuple[str, str]], name: str) -> None:
    assert cleaned[name][0] == NAMES[name]


def test_no_name_and_no_key_is_empty(cleaned: dict[str, tuple[str, str]]) -> None:
    assert len(cleaned) > len(NAMES)
    assert [raw for raw, (name, key) in cleaned.items() if not name.strip() or not key.strip()] == []


def test_spellings_of_one_name_share_a_key(cleaned: dict[str, tuple[str, str]]) -> None:
    for spellings in SAME:
        assert len({cleaned[one][1] for one in spellings}) == 1, spellings


def test_a_cleaned_name_is_clean(cleaned: dict[str, tuple[str, str]]) -> None:
    # the key of a name is the key of what is shown for it, where that was met itself
    assert [raw for raw, (name, key) in cleaned.items() if name in cleaned and cleaned[name][1] != key] == []
