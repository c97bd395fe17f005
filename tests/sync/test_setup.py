"""The workspace against the mapping: what is missing is created, what is wrong is named, what is there is left."""

from __future__ import annotations

import asyncio
import copy
from typing import TYPE_CHECKING, Any

import pytest

from sync import mapping, rate_limiter, setup
from sync.errors import AuthError
from tests.conftest import CHECKOUT
from tests.sync import attio_project
from tests.sync.relay import Answer, Request, json_answer, relay

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from sync.mapping import Export
    from sync.rate_limiter import Crm
    from sync.setup import Difference, Fault, Step
    from tests.conftest import Canon, Sandbox

MISSING = [
    "object job_postings (Job posting, Job postings)",
    "attribute companies.industry (text): Industry",
    "attribute companies.stage (select): Stage",
    "attribute job_postings.job_id (text, unique): Job id",
    "attribute job_postings.company (record-reference): Company",
    "attribute job_postings.tags (select, several values): Tags",
    "option 'Seed' of companies.stage",
    "option 'Series A' of companies.stage",
]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the manifest of three small exports."""
    project = tmp_path_factory.mktemp("setup")
    attio_project.write(project)
    (project / "profiles.yml.example").write_bytes((CHECKOUT / "profiles.yml.example").read_bytes())
    return mapping.manifest(project)


@pytest.fixture
def exports(manifest: dict[str, Any]) -> list[Export]:
    """Return the three exports."""
    return mapping.exports_of(manifest)


def changed(manifest: dict[str, Any], model: str, column: str | None, **change: object) -> list[Export]:
    """Return the exports with one mapping changed; a None takes the key away."""
    spoiled = copy.deepcopy(manifest)
    node = spoiled["nodes"][f"model.small.{model}"]
    meta = (node["columns"][column] if column else node)["config"]["meta"]["attio"]
    meta.update(change)
    for name in [name for name, value in change.items() if value is None]:
        del meta[name]
    return mapping.exports_of(spoiled)


def in_workspace(url: str, job: Callable[[Crm], Awaitable[Any]]) -> Any:
    """Do `job` with a governed client."""
    environment = {"ATTIO_API_KEY": "any", "ATTIO_BASE_URL": url, "CANON_WRITES_PER_SECOND": "1000"}

    async def run() -> Any:
        async with rate_limiter.connect(environment) as crm:
            return await job(crm)

    return asyncio.run(run())


def compare(sandbox: Sandbox, exports: list[Export]) -> Difference:
    found: Difference = in_workspace(sandbox.url, lambda crm: setup.compare(crm, exports))
    return found


def check(sandbox: Sandbox, exports: list[Export]) -> list[Fault]:
    found: list[Fault] = in_workspace(sandbox.url, lambda crm: setup.check(crm, exports))
    return found


def create(sandbox: Sandbox, steps: tuple[Step, ...]) -> list[Step]:
    done: list[Step] = in_workspace(sandbox.url, lambda crm: setup.create(crm, steps))
    return done


def make(sandbox: Sandbox, object_slug: str, slug: str, kind: str, **more: object) -> None:
    """Create an attribute as a person would."""
    data: dict[str, object] = {"title": slug, "description": None, "api_slug": slug, "type": kind, "config": {}}
    flags = {"is_required": False, "is_unique": False, "is_multiselect": False}
    answer = sandbox.call("POST", f"/objects/{object_slug}/attributes", {"data": {**data, **flags, **more}})
    answer.raise_for_status()


def make_postings(sandbox: Sandbox) -> None:
    """Create the object of the postings."""
    data = {"api_slug": "job_postings", "singular_noun": "Job", "plural_noun": "Jobs"}
    sandbox.call("POST", "/objects", {"data": data}).raise_for_status()


# What is missing


def test_what_is_missing_is_listed_objects_first(sandbox: Sandbox, exports: list[Export]) -> None:
    difference = compare(sandbox, exports)
    assert [str(step) for step in difference.steps] == MISSING
    assert difference.faults == ()
    assert sandbox.stats()["writes"] == 0


def test_what_is_missing_is_created_once(sandbox: Sandbox, exports: list[Export]) -> None:
    difference = compare(sandbox, exports)
    assert create(sandbox, difference.steps) == list(difference.steps)
    assert compare(sandbox, exports) == setup.Difference((), ())
    assert check(sandbox, exports) == []
    attributes = {one["api_slug"]: one for one in attributes_of(sandbox, "job_postings")}
    assert attributes["job_id"]["is_unique"]
    assert attributes["tags"]["is_multiselect"]
    companies = sandbox.call("GET", "/objects/companies").json()["data"]["id"]["object_id"]
    assert attributes["company"]["config"]["record_reference"]["allowed_object_ids"] == [companies]
    options = sandbox.call("GET", "/objects/companies/attributes/stage/options").json()["data"]
    assert [one["title"] for one in options] == ["Seed", "Series A"]


def attributes_of(sandbox: Sandbox, slug: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sandbox.call("GET", f"/objects/{slug}/attributes").json()["data"]
    return found


def test_what_is_there_already_is_left_as_it_is(sandbox: Sandbox, exports: list[Export]) -> None:
    make_postings(sandbox)
    make(sandbox, "companies", "industry", "text")
    before = [one for one in attributes_of(sandbox, "companies") if one["api_slug"] == "industry"]
    steps = compare(sandbox, exports).steps
    assert [str(step) for step in steps] == [one for one in MISSING if "industry" not in one and "object" not in one]
    create(sandbox, steps)
    assert [one for one in attributes_of(sandbox, "companies") if one["api_slug"] == "industry"] == before


def test_what_somebody_creates_meanwhile_is_left(sandbox: Sandbox, exports: list[Export]) -> None:
    steps = compare(sandbox, exports).steps
    make_postings(sandbox)
    make(sandbox, "companies", "stage", "select")
    done = create(sandbox, steps)
    assert [str(step) for step in steps if step not in done] == [MISSING[0], MISSING[2]]
    assert check(sandbox, exports) == []


def test_the_preflight_names_what_setup_would_create(sandbox: Sandbox, exports: list[Export]) -> None:
    faults = check(sandbox, exports)
    assert len(faults) == len(MISSING)
    assert all(fault.is_missing for fault in faults)
    told = "attio_companies.industry: object companies has no attribute industry: run `canon setup`"
    assert told in [str(fault) for fault in faults]


def test_one_export_is_checked_alone(sandbox: Sandbox, exports: list[Export]) -> None:
    companies, people, _ = exports
    assert check(sandbox, [people]) == []
    assert {fault.model for fault in check(sandbox, [companies])} == {"attio_companies"}


# What is wrong


def only_fault(sandbox: Sandbox, exports: list[Export]) -> Fault:
    """Return the one thing that is wrong; the pre-flight says the same."""
    [fault] = compare(sandbox, exports).faults
    assert fault in check(sandbox, exports)
    assert not fault.is_missing
    assert "\n" not in str(fault)
    return fault


def test_another_type_is_wrong(sandbox: Sandbox, exports: list[Export]) -> None:
    make(sandbox, "companies", "industry", "number")
    fault = only_fault(sandbox, exports)
    assert (fault.model, fault.column, fault.attribute) == ("attio_companies", "industry", "industry")
    assert "attribute companies.industry is of type number, not text: name another slug" in str(fault)


def test_an_archived_slug_is_wrong(sandbox: Sandbox, exports: list[Export]) -> None:
    make(sandbox, "companies", "industry", "text")
    archive = {"data": {"is_archived": True}}
    sandbox.call("PATCH", "/objects/companies/attributes/industry", archive).raise_for_status()
    assert "companies.industry is archived: restore it" in str(only_fault(sandbox, exports))


def test_an_archived_option_is_wrong(sandbox: Sandbox, exports: list[Export]) -> None:
    create(sandbox, compare(sandbox, exports).steps)
    archive = {"data": {"is_archived": True}}
    sandbox.call("PATCH", "/objects/companies/attributes/stage/options/Seed", archive).raise_for_status()
    assert "option 'Seed' of companies.stage is archived" in str(only_fault(sandbox, exports))


def test_a_matching_attribute_that_is_not_unique_is_wrong(sandbox: Sandbox, exports: list[Export]) -> None:
    make_postings(sandbox)
    make(sandbox, "job_postings", "job_id", "text")
    assert "job_postings.job_id is not unique in Attio" in str(only_fault(sandbox, exports))


def test_one_value_where_several_are_sent_is_wrong(sandbox: Sandbox, exports: list[Export]) -> None:
    make_postings(sandbox)
    make(sandbox, "job_postings", "tags", "select")
    assert "job_postings.tags holds one value, not several" in str(only_fault(sandbox, exports))


def test_several_values_where_one_is_sent_are_wrong(sandbox: Sandbox, exports: list[Export]) -> None:
    make(sandbox, "companies", "stage", "select", is_multiselect=True)
    assert "companies.stage holds several values: say `list: append`" in str(only_fault(sandbox, exports))


def test_a_reference_to_another_object_is_wrong(sandbox: Sandbox, exports: list[Export]) -> None:
    make_postings(sandbox)
    config = {"record_reference": {"allowed_objects": ["people"]}}
    make(sandbox, "job_postings", "company", "record-reference", config=config)
    assert "job_postings.company does not refer to companies" in str(only_fault(sandbox, exports))


def test_an_attribute_that_attio_requires_and_nobody_fills_is_wrong(sandbox: Sandbox, exports: list[Export]) -> None:
    make(sandbox, "people", "consent", "text", is_required=True)
    assert "Attio requires attribute people.consent, and no column fills it" in str(only_fault(sandbox, exports))


@pytest.mark.parametrize(
    ("model", "column", "change", "told"),
    [
        ("attio_companies", "industry", {"title": None}, "correct the slug, or give a `title`"),
        ("attio_companies", "industry", {"unique": True}, "Attio allows no unique attribute of one's own on companies"),
        ("attio_companies", "industry", {"type": "currency"}, "Attio lets nobody create a currency"),
        ("attio_companies", "industry", {"attribute": "first_interaction"}, "is of type interaction, not text"),
        ("attio_companies", "industry", {"attribute": "record_id"}, "attribute companies.record_id cannot be written"),
        ("attio_people", None, {"object": "deals"}, "object deals is not enabled: an admin enables it"),
        (
            "attio_people",
            None,
            {"object": "persons"},
            "the workspace has no object persons: give `singular` and `plural`",
        ),
    ],
)
def test_what_cannot_be_created_is_told_with_its_fix(
    sandbox: Sandbox, manifest: dict[str, Any], model: str, column: str | None, change: dict[str, object], told: str
) -> None:
    faults = compare(sandbox, changed(manifest, model, column, **change)).faults
    assert told in str(faults[0])
    assert str(faults[0]).startswith(f"{model}.{column}" if column else model)


def test_a_token_that_may_not_create_is_told_before_the_first_step(exports: list[Export]) -> None:
    identity = {"active": True, "scope": "object_configuration:read record_permission:read-write", "workspace_id": "w"}
    asked: list[str] = []

    async def run() -> None:
        async def play(request: Request) -> Answer:
            asked.append(f"{request.method} {request.path}")
            return json_answer(identity)

        async with relay(play) as url, rate_limiter.connect({"ATTIO_API_KEY": "k", "ATTIO_BASE_URL": url}) as crm:
            await setup.create(crm, [setup.NewObject("job_postings", "Job posting", "Job postings")])

    with pytest.raises(AuthError, match="object_configuration:read-write"):
        asyncio.run(run())
    assert asked == ["GET /self"]


# The command line


def test_canon_setup_shows_and_asks_before_it_creates(canon: Canon, project: Path, sandbox: Sandbox) -> None:
    attio_project.write(project)
    asked = canon("setup").expect(2)
    assert [
        line.removeprefix("missing: ") for line in asked.stderr.splitlines() if line.startswith("missing")
    ] == MISSING
    assert "nothing done" in asked.stderr
    assert sandbox.stats()["writes"] == 0
    assert canon("setup", "--yes", "--json").expect(0).json == {"created": MISSING, "missing": []}
    assert "Nothing to do" in canon("setup").expect(0).stderr


def test_canon_setup_creates_nothing_where_something_is_wrong(canon: Canon, project: Path, sandbox: Sandbox) -> None:
    attio_project.write(project)
    make(sandbox, "companies", "industry", "number")
    before = sandbox.stats()["writes"]
    done = canon("setup", "--yes", "--json").expect(2)
    assert "attio_companies.industry: attribute companies.industry is of type number" in done.json["error"]
    assert sandbox.stats()["writes"] == before
