"""The mapping: read from dbt's manifest, parsed anew when it is old, and every mistake in it named."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from sync import mapping
from sync.errors import MappingError
from tests.conftest import CHECKOUT
from tests.sync import attio_project
from tests.sync.attio_project import change

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the manifest of the three small exports."""
    project = tmp_path_factory.mktemp("mapping")
    attio_project.write(project)
    (project / "profiles.yml.example").write_bytes((CHECKOUT / "profiles.yml.example").read_bytes())
    return mapping.manifest(project)


@pytest.fixture
def found(parsed: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of it, to spoil."""
    return copy.deepcopy(parsed)


@pytest.fixture
def models(project: Path) -> Path:
    """Return the models' folder of a project of three small exports."""
    return attio_project.write(project)


def meta_of(found: dict[str, Any], where: str) -> dict[str, Any]:
    """Return the `attio` meta of `model` or `model.column`."""
    model, _, column = where.partition(".")
    node = found["nodes"][f"model.small.{model}"]
    part = node["columns"][column] if column else node
    meta: dict[str, Any] = part["config"]["meta"]["attio"]
    return meta


# What it says


def test_exports_come_in_the_order_they_are_sent(found: dict[str, Any]) -> None:
    exports = mapping.exports_of(found)
    # people say order 5 and refer to companies, which say 10
    assert [one.model for one in exports] == ["attio_companies", "attio_people", "attio_job_postings"]


def test_an_export_is_read_whole(found: dict[str, Any]) -> None:
    companies, people, postings = mapping.exports_of(found)
    assert (companies.object_slug, companies.match_on, companies.mode) == ("companies", "domains", "upsert")
    assert (companies.schema, companies.table, companies.key) == ("canon", "attio_companies", "domain")
    assert companies.record_id_column == "record_id"
    assert companies.columns == ("domain", "record_id", "industry", "stage", "updated_at")
    assert [one.column for one in companies.fields] == ["domain", "industry", "stage"]
    assert companies.is_unique
    assert not people.is_unique
    assert postings.is_unique
    assert (postings.singular, postings.plural) == ("Job posting", "Job postings")


def test_a_field_has_what_was_said_and_the_defaults(found: dict[str, Any]) -> None:
    companies, people, postings = mapping.exports_of(found)
    domain, industry, stage = companies.fields
    assert (domain.list, domain.write, domain.unique, domain.title) == ("append", "fill_empty", True, None)
    assert (industry.list, industry.write, industry.unique, industry.title) == (None, "always", False, "Industry")
    assert (stage.write, stage.options) == ("unless_human", ("Seed", "Series A"))
    company = people.field_of("company")
    assert company is not None
    assert (company.references, company.refers_to) == ("attio_companies", "companies")
    tags = postings.field_of("tags")
    assert tags is not None
    assert tags.list == "replace"
    assert postings.field_of("no_such_column") is None


def test_exports_are_selected_by_name(found: dict[str, Any]) -> None:
    exports = mapping.exports_of(found)
    assert mapping.select(exports, []) == exports
    assert [one.model for one in mapping.select(exports, ["attio_job_postings", "attio_companies"])] == [
        "attio_companies",
        "attio_job_postings",
    ]
    with pytest.raises(MappingError, match="no export is named attio_company: there are attio_companies"):
        mapping.select(exports, ["attio_company"])


# What it may not say


@pytest.mark.parametrize(
    ("where", "change", "told"),
    [
        ("attio_people", {"colour": "red"}, "attio_people: unknown key colour"),
        ("attio_people", {"object": None}, "attio_people: config.meta.attio lacks `object`"),
        ("attio_people", {"match_on": ""}, "attio_people: config.meta.attio lacks `match_on`"),
        ("attio_people", {"object": "Pe ople"}, "attio_people: object is 'Pe ople'"),
        (
            "attio_people",
            {"match_on": "email_addresses"},
            "attio_people: match_on names email_addresses, which no column",
        ),
        ("attio_people", {"mode": "replace"}, "attio_people: mode is 'replace': give one of upsert, update_only"),
        ("attio_people", {"order": "first"}, "attio_people: order is 'first': give a whole number"),
        ("attio_people", {"order": True}, "attio_people: order is True"),
        ("attio_people", {"story": ["x"]}, "attio_people: story is ['x']: give model, or source.table, and its column"),
        (
            "attio_people",
            {"story": {"x.y": "z"}},
            "attio_people: story names x.y, which is neither a model nor a source",
        ),
        ("attio_people", {"singular": "Person"}, "attio_people: singular and plural go together"),
        ("attio_people.company", {"atribute": "x"}, "attio_people.company: unknown key atribute"),
        ("attio_people.company", {"attribute": None}, "attio_people.company: config.meta.attio lacks `attribute`"),
        ("attio_people.company", {"type": None}, "attio_people.company: config.meta.attio lacks `type`"),
        ("attio_people.company", {"type": "reference"}, "attio_people.company: type is 'reference': give one of text"),
        (
            "attio_people.company",
            {"attribute": "linkedin"},
            "columns linkedin_url and company both fill attribute linkedin",
        ),
        ("attio_people.company", {"references": "companies"}, "references companies, which is no export: there are"),
        ("attio_people.company", {"references": None}, "attio_people.company: a record-reference, and nothing else"),
        ("attio_people.company", {"type": "text"}, "attio_people.company: a record-reference, and nothing else"),
        (
            "attio_people.linkedin_url",
            {"write": "never"},
            "attio_people.linkedin_url: write is 'never': give one of always",
        ),
        ("attio_people.linkedin_url", {"drift": "mend"}, "drift is 'mend': give one of keep, heal"),
        ("attio_people.linkedin_url", {"list": "append"}, "`list` is for several values, and a text holds one"),
        ("attio_people.linkedin_url", {"unique": "yes"}, "unique is 'yes': give true or false"),
        ("attio_people.linkedin_url", {"options": ["a"]}, "only a select has options"),
        ("attio_people.linkedin_url", {"title": " "}, "attio_people.linkedin_url: title is ' ': give a text"),
        ("attio_people.linkedin_url", {"attribute": "{{ var('x') }}"}, "give a slug of Attio's"),
        ("attio_companies.stage", {"options": "Seed"}, "options is 'Seed': give a list of titles"),
        ("attio_companies.record_id", {"attribute": "x"}, "attio_companies.record_id: `record_id` stands alone"),
        ("attio_companies.record_id", {"record_id": "yes"}, "attio_companies.record_id: `record_id` stands alone"),
        (
            "attio_job_postings.tags",
            {"list": "prepend"},
            "attio_job_postings.tags: list is 'prepend': give one of append",
        ),
    ],
)
def test_a_mistake_is_told_by_model_and_column(
    found: dict[str, Any], where: str, change: dict[str, Any], told: str
) -> None:
    meta_of(found, where).update(change)
    with pytest.raises(MappingError) as caught:
        mapping.exports_of(found)
    assert told in str(caught.value)
    assert str(caught.value).startswith(where.partition(".")[0])


def test_meta_that_is_no_mapping_is_told(found: dict[str, Any]) -> None:
    found["nodes"]["model.small.attio_people"]["columns"]["company"]["config"]["meta"]["attio"] = "company"
    with pytest.raises(MappingError, match=r"attio_people.company: config.meta.attio is 'company': give a mapping"):
        mapping.exports_of(found)


def test_columns_with_meta_in_a_model_without_are_told(found: dict[str, Any]) -> None:
    del found["nodes"]["model.small.attio_people"]["config"]["meta"]["attio"]
    found["nodes"]["model.small.attio_people"]["meta"] = {}
    with pytest.raises(MappingError, match="attio_people: columns have `attio` meta, the model none"):
        mapping.exports_of(found)


@pytest.mark.parametrize("columns", [[], ["linkedin_url", "company"]])
def test_an_export_has_one_primary_key_column(found: dict[str, Any], columns: list[str]) -> None:
    node = found["nodes"]["model.small.attio_people"]
    node["columns"]["linkedin_url"]["constraints"] = []
    node["constraints"] = [{"type": "primary_key", "columns": columns}]
    with pytest.raises(MappingError, match=r"attio_people: .*primary key"):
        mapping.exports_of(found)


def test_the_primary_key_may_stand_on_the_model(found: dict[str, Any]) -> None:
    node = found["nodes"]["model.small.attio_people"]
    node["columns"]["linkedin_url"]["constraints"] = []
    node["constraints"] = [{"type": "primary_key", "columns": ["linkedin_url"]}]
    assert mapping.exports_of(found)[1].key == "linkedin_url"


def test_references_in_a_ring_are_told(found: dict[str, Any]) -> None:
    meta_of(found, "attio_companies.industry").update(type="record-reference", references="attio_people")
    with pytest.raises(MappingError, match=r"attio_people, attio_companies, .* refer to each other in a ring"):
        mapping.exports_of(found)


def test_an_export_may_refer_to_itself(found: dict[str, Any]) -> None:
    meta_of(found, "attio_companies.industry").update(type="record-reference", references="attio_companies")
    assert mapping.exports_of(found)[0].fields[1].refers_to == "companies"


def test_a_project_without_exports_has_none() -> None:
    assert mapping.exports_of({"nodes": {}}) == []


# When it is read


def test_a_missing_manifest_is_parsed_without_database_or_profile(project: Path, models: Path) -> None:
    assert not any(name.startswith("PG") for name in os.environ)
    (project / "profiles.yml").rename(project / "profiles.yml.example")
    target = project / "dbt_project" / "target"
    target.mkdir()
    (target / "run_results.json").write_text("of the last build")
    assert len(mapping.load(project)) == 3
    assert (target / "manifest.json").exists()
    assert (target / "run_results.json").read_text() == "of the last build"
    assert not (project / "profiles.yml").exists()


def test_a_manifest_is_parsed_again_when_and_only_when_a_file_changed(project: Path, models: Path) -> None:
    mapping.load(project)
    manifest = project / "dbt_project" / "target" / "manifest.json"
    first = manifest.stat().st_ino
    mapping.load(project)
    assert manifest.stat().st_ino == first, "nothing changed, and it was parsed again"
    change(models / "attio_people.yml", "order: 5", "order: 50")
    assert [one.model for one in mapping.load(project)][-1] == "attio_people"
    (models / "attio_people.yml").unlink()
    (models / "attio_people.sql").unlink()
    later = time.time() + 10
    os.utime(models, (later, later))  # as a file system does, but for this test a moment later than the last parse
    assert len(mapping.load(project)) == 2


def test_half_a_manifest_is_parsed_again(project: Path, models: Path) -> None:
    mapping.load(project)
    manifest = project / "dbt_project" / "target" / "manifest.json"
    manifest.write_text(manifest.read_text()[:1000])
    assert len(mapping.load(project)) == 3


def test_a_slug_is_another_workspaces_by_a_var(project: Path, models: Path) -> None:
    with (models.parent / "dbt_project.yml").open("a") as file:
        file.write("vars: {attio_people_linkedin: linkedin_url_5}\n")
    people = mapping.load(project)[1]
    assert people.match_on == people.fields[0].attribute == "linkedin_url_5"


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("broken.sql", "select {{ nope( }}", "Compilation Error in model broken (models/broken.sql)"),
        ("broken.yml", "models: [", "broken.yml"),
    ],
)
def test_a_project_that_does_not_parse_is_told_in_dbts_words(
    project: Path, models: Path, name: str, text: str, told: str
) -> None:
    (models / name).write_text(text)
    with pytest.raises(MappingError) as caught:
        mapping.load(project)
    assert str(caught.value).startswith("the dbt project does not parse: ")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_commands_at_once_parse_once(project: Path, models: Path) -> None:
    code = "import sys, pathlib; from sync import mapping; print(len(mapping.load(pathlib.Path(sys.argv[1]))))"
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(project)],
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    ends = [one.communicate(timeout=120) for one in both]
    assert [out.strip() for out, _ in ends] == ["3", "3"]
    assert sum("dbt parse: done" in err for _, err in ends) == 1
