"""What a table promises is asked on its rows, and a build says which promise is broken by what."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.dbt.conftest import Build

BROKEN = {
    "company_canonical": {
        "domain stands in one row": "insert into canon.company_canonical"
        " select * from canon.company_canonical where domain = 'acme.com'",
        "domain is never null": "update canon.company_canonical set domain = null where domain = 'beta.io'",
        "latitude is at most 90": "update canon.company_canonical set latitude = 91 where domain = 'acme.com'",
        "founded_year is at least 1000": "insert into canon.company_canonical (domain, founded_year)"
        " values ('b.io', 7)",
        "name is not blank": "insert into canon.company_canonical (domain, name) values ('c.io', E' \\t\\u00a0')",
        "country_code matches ^[A-Z]{2}$": "insert into canon.company_canonical (domain, country_code)"
        " values ('d.io', 'de')",
        "linkedin_url begins with https://www.linkedin.com/company/ or https://www.linkedin.com/school/"
        " or https://www.linkedin.com/showcase/": "insert into canon.company_canonical (domain, linkedin_url)"
        " values ('e.io', 'https://www.linkedin.com/company/')",
    },
    "attio_companies": {
        "domains is a list of texts": "update canon.attio_companies set domains = '[\"acme.com\", 1]'"
        " where domain = 'acme.com'",
    },
    "int_companies_matched_in_crm": {
        "matched_by is one of domain, registrable_domain": "update canon_intermediate.int_companies_matched_in_crm"
        " set matched_by = 'chance' where domain = 'acme.com'",
    },
}


def test_each_broken_promise_is_told_with_a_row_that_breaks_it(built: Build) -> None:
    tests = [f"promises_of_{model}" for model in BROKEN]
    kept = built.dbt("test", "--select", *tests).expect(0)
    assert [line for line in kept.stdout.splitlines() if line.startswith("promises_of_")] == []

    built.database.run(*(statement for rules in BROKEN.values() for statement in rules.values()))
    told = built.dbt("test", "--select", *tests).expect(1).stdout.splitlines()
    for model, promises in BROKEN.items():
        # dbt says how many promises are broken; three of them are shown
        assert [line for line in told if f"Got {len(promises)} result" in line], model
        shown = [
            line.removeprefix(f"promises_of_{model}: ") for line in told if line.startswith(f"promises_of_{model}: ")
        ]
        assert len(shown) == min(len(promises), 3)
        assert {line.split(" | ")[0] for line in shown} <= promises.keys()
        assert all(int(line.split(" | ")[1]) >= 1 for line in shown)
    (line,) = (line for line in told if line.startswith("promises_of_int_companies_matched_in_crm: "))
    assert line.endswith("matched_by is one of domain, registrable_domain | 1 | acme.com, chance")
