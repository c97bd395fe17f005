"""Drift: values we wrote that somebody changed since are listed, and kept or set back as their column says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.sync import small_exports as small
from tests.sync.test_push import URL, people, shown, workspace

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Canon, Database, Sandbox

__all__ = ["workspace"]  # a fixture

EDITED = range(5)
POLICIES: dict[str, tuple[dict[str, str], str]] = {
    "unless_human": ({}, "keep"),
    "unless_human_heal": ({"drift": "heal"}, "heal"),
    "always": ({"write": "always"}, "heal"),
    "always_keep": ({"write": "always", "drift": "keep"}, "keep"),
    "fill_empty": ({"write": "fill_empty"}, "keep"),
    "fill_empty_heal": ({"write": "fill_empty", "drift": "heal"}, "heal"),
}
"""Attribute -> what its column says, and what becomes of a hand edit."""


def by_hand(sandbox: Sandbox, numbers: range, **values: Any) -> list[str]:
    """Let a member change people; return their records."""
    ids = {shown(each, "linkedin")[0]: each["id"]["record_id"] for each in sandbox.records("people")}
    edited = [ids[URL.format(number)] for number in numbers]
    for record_id in edited:
        sandbox.play("as-member", {"object": "people", "record_id": record_id, "values": values})
    return edited


def titles(sandbox: Sandbox) -> list[str | None]:
    """Return the job titles of all people in the order of their profiles."""
    people = sorted(sandbox.records("people"), key=lambda each: str(shown(each, "linkedin")))
    return [next(iter(shown(each, "job_title")), None) for each in people]


def test_hand_edits_are_listed_and_treated_as_their_columns_say(
    canon: Canon, project: Path, database: Database, workspace: Sandbox
) -> None:
    columns: dict[str, Any] = {
        name: ("text", {"attribute": name, "type": "text", "title": name, **meta})
        for name, (meta, _) in POLICIES.items()
    }
    model = {**small.PEOPLE, "columns": {**small.PEOPLE["columns"], **columns}}
    models = {**small.MODELS, "attio_people": model}
    small.install(project, models)
    database.run(*(f"alter table canon.attio_people add {name} text" for name in POLICIES))
    canon("setup", "--yes").expect(0)
    people(database, 8, **dict.fromkeys(POLICIES, "ours"))
    canon("sync", "--yes").expect(0)
    edited = by_hand(workspace, EDITED, **{name: ["theirs"] for name in POLICIES})

    plan = canon("plan", "--json").expect(0).json

    treated = {name: treatment for name, (_, treatment) in POLICIES.items()}
    assert [(each["record_id"], each["attribute"], each["treatment"]) for each in plan["drift"]] == [
        (record_id, name, treated[name]) for record_id in edited for name in sorted(treated)
    ]
    for each in plan["drift"]:
        assert (each["ours"], each["theirs"], each["by"]) == ("ours", "theirs", "workspace-member")
        assert each["by_id"]
        assert each["at"].startswith("20")
    counted = next(each["drift"] for each in plan["exports"] if each["export"] == "attio_people")
    assert counted == {"keep": 15, "heal": 15}
    told = canon("plan", "--no-pull").expect(0).stderr
    assert "changed in Attio since we wrote it: 15 kept as they are, 15 set back" in " ".join(told.split())

    assert canon("sync", "--yes", "--json").expect(0).json["written"] == 5
    held = {
        (each["id"]["record_id"] in edited, *(shown(each, name)[0] for name in treated))
        for each in workspace.records("people")
    }
    assert held == {
        (True, *("theirs" if treatment == "keep" else "ours" for treatment in treated.values())),
        (False, *["ours"] * 6),
    }
    assert len(canon("plan", "--json").expect(0).json["drift"]) == 15


def test_what_was_there_before_us_is_no_drift_and_healing_leaves_it(
    canon: Canon, project: Path, database: Database, workspace: Sandbox
) -> None:
    small.install(project, small.with_column(small.MODELS, "attio_people", "job_title", drift="heal"))
    hers = {"linkedin": [URL.format(0)], "job_title": ["Queen"]}
    workspace.play("as-member", {"object": "people", "values": hers})
    people(database, 1)
    canon("sync", "--yes").expect(0)

    plan = canon("plan", "--json").expect(0).json

    assert (plan["writes"], plan["drift"]) == (0, [])
    assert titles(workspace) == ["Queen"]


def test_a_change_in_the_export_is_no_drift_and_a_kept_edit_outlives_it(
    canon: Canon, project: Path, database: Database, workspace: Sandbox
) -> None:
    small.install(project, small.with_column(small.MODELS, "attio_people", "job_title", write="always", drift="keep"))
    people(database, 2)
    canon("sync", "--yes").expect(0)
    by_hand(workspace, range(1), job_title=["Queen"])
    people(database, 2, job_title="Wright")

    plan = canon("plan", "--json").expect(0).json

    assert [(each["row_key"], each["ours"], each["theirs"]) for each in plan["drift"]] == [
        (URL.format(0), "Smith", "Queen")
    ]
    canon("sync", "--yes").expect(0)
    assert titles(workspace) == ["Queen", "Wright"]


def test_a_value_emptied_by_hand_is_drift_of_nobody_s_name(
    canon: Canon, project: Path, database: Database, workspace: Sandbox
) -> None:
    small.install(project, small.with_column(small.MODELS, "attio_people", "job_title", drift="keep"))
    people(database, 1)
    canon("sync", "--yes").expect(0)
    by_hand(workspace, range(1), job_title=[])

    (drift,) = canon("plan", "--json").expect(0).json["drift"]

    assert (drift["ours"], drift["theirs"], drift["by"], drift["treatment"]) == ("Smith", None, None, "keep")
    assert canon("sync", "--yes", "--json").expect(0).json["written"] == 0
    assert titles(workspace) == [None]


def test_the_page_lists_drift(canon: Canon, database: Database, workspace: Sandbox, tmp_path: Path) -> None:
    people(database, 1)
    canon("sync", "--yes").expect(0)
    by_hand(workspace, range(1), job_title=["<Queen>"])

    canon("plan", "--html", str(tmp_path / "plan.html")).expect(0)

    page = (tmp_path / "plan.html").read_text()
    assert "Changed in Attio since we wrote it: 1 values" in page
    assert "<td>Smith</td><td>&lt;Queen&gt;</td><td>workspace-member</td>" in page
