"""The plan as a page: every change with old and new value, and nothing in a cell can break out of it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from tests.sync import small_exports as small

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Canon, Database, Sandbox

URL = "https://www.linkedin.com/in/p{:04}"
EVIL = "</script><script>alert(1)</script> & \"q\" 'a' \u2028"


def test_the_page_has_every_change_old_and_new_and_is_safe_to_open(
    canon: Canon, project: Path, database: Database, sandbox: Sandbox, tmp_path: Path
) -> None:
    small.install(project)
    small.create_tables(database)
    small.prepare(sandbox)
    titled = [{"linkedin_url": URL.format(number), "job_title": f"Smith {number}"} for number in range(30)]
    small.put(database, "attio_people", *titled)
    canon("sync", "--yes").expect(0)
    for number in (4, 7):
        small.put(database, "attio_people", {"linkedin_url": URL.format(number), "job_title": EVIL})
    small.put(database, "attio_people", {"linkedin_url": URL.format(99), "company": "nobody.com"})
    page = tmp_path / "plan.html"

    told = canon("plan", "--html", str(page)).expect(1)

    assert str(page) in told.stderr
    text = page.read_text(encoding="utf-8")
    assert text.count("<script") == 2
    assert "://" not in re.sub(r'<script id="data".*?</script>', "", text, flags=re.DOTALL), "it loads nothing"
    data = re.search(r'<script id="data" type="application/json">(.*?)</script>', text, flags=re.DOTALL)
    assert data is not None
    rows = json.loads(data[1])
    assert {row["row_key"]: row["outcome"] for row in rows} == {
        URL.format(4): "update",
        URL.format(7): "update",
        URL.format(99): "held",
    }
    (change,) = next(row for row in rows if row["row_key"] == URL.format(4))["changes"]
    assert (change["attribute"], change["old"], change["new"]) == ("job_title", "Smith 4", EVIL)
    assert change["old_by"] == "api-token"


def test_a_page_that_cannot_be_written_is_told_in_one_line(
    canon: Canon, project: Path, database: Database, sandbox: Sandbox, tmp_path: Path
) -> None:
    small.install(project)
    small.create_tables(database)
    small.prepare(sandbox)
    assert "cannot write" in canon("plan", "--html", str(tmp_path / "no" / "plan.html")).expect(2).stderr
