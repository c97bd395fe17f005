"""The endpoints clean a domain and a text as the models do: their functions hold the macros' own expressions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.conftest import _private_project, run_dbt

if TYPE_CHECKING:
    from tests.conftest import Database, Server

INLINE = "{{ host_of('cell') }}\n-- next\n{{ is_host('host') }}\n-- next\n{{ clean_text('cell') }}"


def same(text: str) -> str:
    """Return SQL without blanks at line ends and starts, control characters as the escapes a person would write."""
    escaped = "".join(each if each == "\n" or " " <= each <= "~" else f"\\u{ord(each):04x}" for each in text)
    return re.sub(r"\s*\n\s*", "\n", escaped).strip()


@pytest.fixture(scope="module")
def rules(server: Server, migrated: str, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return what dbt makes of the macros host_of, is_host and clean_text."""
    database = server.create(template=migrated)
    with _private_project(tmp_path_factory.mktemp("rules") / "project") as project:
        done = run_dbt(project, database, "--quiet", "compile", "--inline", INLINE).expect(0)
    server.drop(database)
    return [same(part) for part in done.stdout.split("-- next")]


def test_the_endpoints_functions_hold_the_models_expressions(rules: list[str], database: Database) -> None:
    def body(function: str) -> str:
        [(source,)] = database.rows("select prosrc from pg_proc where oid = %s::regproc", [function])
        return same(source)

    host_of, is_host, clean_text = rules
    assert body("core.clean_text") == f"select {clean_text}"
    assert f"select case when {is_host} then host end\n" in body("core.domain_of")
    assert f"select {host_of} as host\n" in body("core.domain_of")


@pytest.mark.parametrize(
    ("cell", "domain"),
    [
        ("acme.com", "acme.com"),
        (" HTTPS://ada:secret@WWW.Acme.COM.:8443/about?x=y#z ", "acme.com"),
        ("www.www.acme.co.uk", "acme.co.uk"),
        ("ada@acme.com", "acme.com"),
        ("\u200bjobs.acme.com\u00a0", "jobs.acme.com"),
        ("münchen.de", "münchen.de"),
        ("CRM", None),
        ("Ada Example", None),
        ("10.0.0.1", None),
        ("http://", None),
        ("a" * 70 + ".com", None),
        (" ", None),
        (None, None),
    ],
)
def test_a_cell_names_one_host_or_none(database: Database, cell: str | None, domain: str | None) -> None:
    assert database.rows("select core.domain_of(%s)", [cell]) == [(domain,)]
