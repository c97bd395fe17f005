"""One record's story, by every kind of key: what the export says, what Attio holds and who wrote it, what we did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sync import small_exports as small

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Canon, Database, Sandbox

ADA = "https://www.linkedin.com/in/ada"


@pytest.fixture
def workspace(project: Path, database: Database, sandbox: Sandbox) -> Sandbox:
    """Return a sandbox with one company and one person that a sync wrote, and what a person typed since."""
    small.install(project)
    small.create_tables(database)
    small.prepare(sandbox)
    small.put(database, "attio_companies", {"domain": "acme.com", "name": "Acme [bold]", "industry": "Anvils"})
    small.put(database, "attio_people", {"linkedin_url": ADA, "job_title": "Smith", "company": "acme.com"})
    return sandbox


def field(story: dict[str, Any], attribute: str) -> dict[str, Any]:
    """Return one attribute's line."""
    return next(each for each in story["fields"] if each["attribute"] == attribute)


def test_a_story_has_the_row_the_record_its_author_and_every_write(
    canon: Canon, database: Database, workspace: Sandbox
) -> None:
    canon("sync", "--yes").expect(0)
    (person,) = workspace.records("people")
    typed = {"object": "people", "record_id": person["id"]["record_id"], "values": {"job_title": ["Queen"]}}
    workspace.play("as-member", typed)
    small.put(database, "attio_people", {"linkedin_url": ADA, "job_title": "Wright", "company": "acme.com"})
    run = canon("sync", "--yes", "--json").expect(0).json

    (story,) = canon("why", ADA, "--json").expect(0).json["stories"]

    assert story["export"] == "attio_people"
    assert story["record_id"] == person["id"]["record_id"]
    assert story["web_url"] == person["web_url"]
    assert story["is_in_export"]
    assert story["ledger"]["is_created_by_us"]
    title = field(story, "job_title")
    assert (title["export"], title["attio"], title["attio_by"]) == ("Wright", "Queen", "workspace-member")
    assert field(story, "company")["export"] == "acme.com"
    assert [(each["method"], each["state"]) for each in story["history"]] == [("post", "done")]
    assert story["history"][0]["body"]["job_title"] == ["Smith"]
    assert story["last_plan"]["plan_id"] == run["plan"]["plan_id"]
    (kept,) = story["last_plan"]["changes"]
    assert (kept["attribute"], kept["why"]) == ("job_title", "typed by a person")
    assert "job_title stays: typed by a person" in canon("why", ADA).expect(0).stderr


def test_a_row_is_found_by_key_domain_url_profile_and_record_id_however_they_are_written(
    canon: Canon, workspace: Sandbox
) -> None:
    canon("sync", "--yes").expect(0)
    (company,), (person,) = workspace.records("companies"), workspace.records("people")

    for asked in ("acme.com", "https://www.ACME.com/about", company["id"]["record_id"].upper()):
        stories = canon("why", asked, "--json").expect(0).json["stories"]
        assert [(each["export"], each["row_key"]) for each in stories] == [("attio_companies", "acme.com")]
    for asked in (ADA, "linkedin.com/in/Ada/?trk=x", person["id"]["record_id"]):
        stories = canon("why", asked, "--json").expect(0).json["stories"]
        assert [(each["export"], each["row_key"]) for each in stories] == [("attio_people", ADA)]
    assert "Acme [bold]" in canon("why", "acme.com").expect(0).stderr


def test_a_refused_row_one_that_left_and_a_record_of_nobody_have_their_stories(
    canon: Canon, database: Database, workspace: Sandbox
) -> None:
    small.put(database, "attio_companies", {"domain": "acme.com", "tags": ["Purple"]})
    canon("sync", "attio_companies", "--yes").expect(1)
    (refused,) = canon("why", "acme.com", "--json").expect(0).json["stories"]
    assert (refused["record_id"], refused["refused"]["code"]) == (None, "value_not_found")
    assert "Purple" in canon("why", "acme.com").expect(0).stderr

    small.put(database, "attio_companies", {"domain": "acme.com", "tags": ["Red"]})
    canon("sync", "attio_companies", "--yes").expect(0)
    database.run("delete from canon.attio_companies")
    (left,) = canon("why", "acme.com", "--json").expect(0).json["stories"]
    assert not left["is_in_export"]
    assert left["record_id"] is not None

    workspace.play("as-member", {"object": "companies", "values": {"domains": ["b.com"], "name": ["B"]}})
    canon("pull").expect(0)
    (foreign,) = canon("why", "b.com", "--json").expect(0).json["stories"]
    assert (foreign["row_key"], foreign["history"]) == (None, [])


def test_a_story_has_the_rows_of_the_relations_that_the_mapping_names(
    canon: Canon, project: Path, workspace: Sandbox
) -> None:
    assert workspace.records("companies") == []
    attio = {**small.COMPANIES["attio"], "story": {"attio_people": "company", "attio_job_postings": "no_such_column"}}
    small.install(project, {**small.MODELS, "attio_companies": {**small.COMPANIES, "attio": attio}})

    (story,) = canon("why", "acme.com", "--json").expect(0).json["stories"]

    row = {"linkedin_url": ADA, "job_title": "Smith", "company": "acme.com"}
    assert story["sources"] == [{"relation": "attio_people", "row": row}]
    told = canon("why", "acme.com").expect(0).stderr
    assert "From attio_people" in told
    assert ADA in told


def test_a_key_that_leads_nowhere_is_told_with_exit_code_1(canon: Canon, workspace: Sandbox) -> None:
    assert workspace.records("companies") == []
    assert canon("why", "nowhere.com", "--json").expect(1).json == {"key": "nowhere.com", "stories": []}
    assert "canon doctor" in canon("why", "'; drop table x").expect(1).stderr
