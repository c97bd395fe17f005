"""A value typed by a person survives whatever happens around it: 1,000 people, each with a random history."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.conftest import PLAIN
from tests.sync import small_exports as small

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Canon, Database, Sandbox

PEOPLE = 1000
URL = "https://www.linkedin.com/in/h{:04}"
ALWAYS = {"about": ("text", {"attribute": "description", "type": "text", "write": "always"})}
MODELS = {"attio_people": {**small.PEOPLE, "columns": {**small.PEOPLE["columns"], **ALWAYS}}}
del MODELS["attio_people"]["columns"]["company"]
CELLS = ("job_title", "person_name", "about", "location")

ALWAYS_FOR_ONCE = small.with_column(MODELS, "attio_people", "job_title", write="always")

ROUNDS = ("plain", "lost answers", "old mirror", "cut short, undone", "always, cut short, undone", "plain")
"""What is special about each sync. The last one is plain: it must bring what nobody typed."""


@dataclass
class History:
    """A person: the row in the export, and what somebody typed into `unless_human` attributes in the CRM, as shown."""

    number: int
    seed: int
    random: random.Random = field(repr=False)
    row: dict[str, Any] = field(default_factory=dict)
    record_id: str | None = None
    typed: dict[str, str] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    count: int = 0

    def word(self) -> str:
        """Return a word never used before."""
        self.count += 1
        return f"Word {self.number} {self.count}"


class Crm:
    """Writes as others do: a member's hand, or another integration's token."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        headers = {"Authorization": f"Bearer {sandbox.token}"}
        self.client = httpx.Client(base_url=sandbox.url, headers=headers, timeout=60, verify=PLAIN)

    def by_hand(self, history: History, values: dict[str, Any]) -> None:
        known = {"record_id": history.record_id} if history.record_id else {}
        body = {"object": "people", **known, "values": values}
        made = self.client.post("/sandbox/as-member", json=body).raise_for_status().json()
        history.record_id = made["data"]["id"]["record_id"]

    def by_another_tool(self, history: History, values: dict[str, Any]) -> None:
        path = f"/v2/objects/people/records/{history.record_id}"
        self.client.patch(path, json={"data": {"values": values}}).raise_for_status()


def title_changes(history: History, _crm: Crm) -> None:
    history.row["job_title"] = history.word()


def name_changes(history: History, _crm: Crm) -> None:
    history.row["person_name"] = small.name("Ada", history.word())


def cell_goes_blank(history: History, _crm: Crm) -> None:
    history.row[history.random.choice(CELLS)] = None


def other_policies_change(history: History, _crm: Crm) -> None:
    history.row["about"] = history.word()
    history.row["location"] = small.place(locality=history.word(), country_code="DE")


def person_types(history: History, crm: Crm) -> None:
    word = history.word()
    if history.random.random() < 0.5:
        crm.by_hand(history, {"job_title": [word]})
        history.typed["job_title"] = word
    else:
        crm.by_hand(history, {"name": [small.name("Bo", word)]})
        history.typed["name"] = f"Bo {word}"


def person_types_what_the_export_says(history: History, crm: Crm) -> None:
    """Theirs all the same: it stays when the export says something else later."""
    history.row["job_title"] = word = history.word()
    crm.by_hand(history, {"job_title": [word]})
    history.typed["job_title"] = word


def person_types_elsewhere(history: History, crm: Crm) -> None:
    crm.by_hand(history, {"description": [history.word()]})


def person_empties(history: History, crm: Crm) -> None:
    crm.by_hand(history, {"job_title": []})
    history.typed.pop("job_title", None)


def another_tool_writes(history: History, crm: Crm) -> None:
    crm.by_another_tool(history, {"job_title": [history.word()]})
    history.typed.pop("job_title", None)


def row_leaves(history: History, _crm: Crm) -> None:
    history.row.clear()


def nothing_happens(_history: History, _crm: Crm) -> None:
    pass


IN_EXPORT: tuple[Callable[[History, Crm], None], ...] = (
    *(title_changes, title_changes, name_changes, cell_goes_blank, other_policies_change, row_leaves, nothing_happens),
)
IN_CRM: tuple[Callable[[History, Crm], None], ...] = (
    *(person_types, person_types, person_types_what_the_export_says, person_types_elsewhere, person_empties),
    another_tool_writes,
)


def live(history: History, crm: Crm) -> None:
    """Let up to two things happen to a person."""
    for _ in range(history.random.choice((0, 1, 1, 2))):
        can_type = history.record_id is not None or not history.events
        event = history.random.choice((*IN_EXPORT, *IN_CRM) if can_type else IN_EXPORT)
        if history.record_id is None and event in IN_CRM:
            crm.by_hand(history, {"linkedin": [URL.format(history.number)]})
        event(history, crm)
        history.events.append(event.__name__)


def write_export(database: Database, histories: list[History]) -> None:
    """Let the export hold the rows that the histories have now."""
    rows = [
        [URL.format(each.number), *(json.dumps(cell) if isinstance(cell, dict) else cell for cell in cells)]
        for each in histories
        if each.row
        for cells in [[each.row.get(name) for name in CELLS]]
    ]
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("truncate canon.attio_people")
        statement = f"insert into canon.attio_people (linkedin_url, {', '.join(CELLS)}) values (%s, %s, %s, %s, %s)"
        cursor.executemany(statement.encode(), rows)


def held(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    """Return profile -> record id, and what its attributes show."""
    found = {}
    for record in sandbox.records("people"):
        values = record["values"]
        (link,) = values["linkedin"]
        assert link["value"] not in found, "one person, one record"
        found[link["value"]] = {
            "record_id": record["id"]["record_id"],
            "job_title": next((value["value"] for value in values["job_title"]), None),
            "name": next((value["full_name"] for value in values["name"]), None),
        }
    return found


@pytest.fixture
def workspace(project: Path, database: Database, sandbox: Sandbox) -> Sandbox:
    """Return a sandbox for people; their table is there and empty."""
    small.install(project, MODELS)
    small.create_tables(database, MODELS)
    return sandbox


def sync(canon: Canon, project: Path, sandbox: Sandbox, special: str) -> None:
    """Sync in the way that is special about a round."""
    small.install(project, ALWAYS_FOR_ONCE if "always" in special else MODELS)
    arguments = ["--no-pull"] if special == "old mirror" else []
    if "short" in special:
        arguments = ["--limit", "200"]
    if special == "lost answers":
        sandbox.play("faults", {"cut_every": 11, "drop_every": 29, "errors_every": 17})
    done = canon("sync", "--yes", "--json", "--canary", "0", *arguments)
    assert done.exit_code in (0, 1), done.stderr
    sandbox.play("faults", {"cut_every": 0, "drop_every": 0, "errors_every": 0})
    if "undone" in special:
        assert canon("undo", str(done.json["run_id"]), "--yes").exit_code in (0, 1)


def test_a_value_typed_by_a_person_survives_1000_random_histories(
    canon: Canon, project: Path, database: Database, workspace: Sandbox
) -> None:
    seed = random.randrange(10**6)
    histories = [History(number, seed, random.Random(f"{seed} {number}")) for number in range(PEOPLE)]
    crm = Crm(workspace)
    for special in ROUNDS:
        if special == "old mirror":
            canon("pull").expect(0)
        for history in histories:
            live(history, crm)
        write_export(database, histories)

        sync(canon, project, workspace, special)

        shown = held(workspace)
        for history in histories:
            record = shown.get(URL.format(history.number))
            history.record_id = record["record_id"] if record else None
            for attribute, word in history.typed.items():
                assert record is not None, history
                assert record[attribute] == word, (special, attribute, history)
            history.events.append(f"sync: {special}")

    ours = [each for each in histories if each.row.get("job_title") and "job_title" not in each.typed]
    assert len(ours) > PEOPLE / 10
    assert [each for each in ours if shown[URL.format(each.number)]["job_title"] != each.row["job_title"]] == []
    assert sum(len(each.typed) for each in histories) > PEOPLE / 5
