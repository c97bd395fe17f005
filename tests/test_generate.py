"""The demo's inputs: invented people, a CRM full of accidental copies, over real companies."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from tests.conftest import run_sandbox

CHECKOUT = Path(__file__).parent.parent
FILES = ("people.csv", "people_truth.csv", "workspace.ndjson", "workspace_truth.csv")


def generate(folder: Path, *arguments: str, hash_seed: str = "0") -> Path:
    command = [sys.executable, str(CHECKOUT / "demo" / "generate.py"), "--out", str(folder), *arguments]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": hash_seed})
    return folder


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def workspace(inputs: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (inputs / "workspace.ndjson").read_text(encoding="utf-8").splitlines()]


def rows(path: Path) -> list[dict[str, str]]:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def domains_of(workspace: list[dict[str, Any]]) -> list[str]:
    return [domain for record in workspace for domain in record["values"].get("domains", [])]


def test_the_same_arguments_give_the_same_bytes(inputs: Path, tmp_path: Path) -> None:
    again = generate(tmp_path / "again", hash_seed="12345")
    assert all((again / name).read_bytes() == (inputs / name).read_bytes() for name in FILES)
    other = generate(tmp_path / "other", "--seed", "12")
    assert not any((other / name).read_bytes() == (inputs / name).read_bytes() for name in FILES)


def test_the_crm_has_3300_companies_and_600_copies_among_them(inputs: Path, workspace: list[dict[str, Any]]) -> None:
    assert sum(record["object"] == "companies" for record in workspace) >= 3300
    truth = rows(inputs / "workspace_truth.csv")
    assert {each["record_id"] for each in truth} == {record["record_id"] for record in workspace}
    kinds = Counter(each["kind"] for each in truth)
    copies = kinds - Counter({name: kinds[name] for name in ("company", "lookalike", "person")})
    assert sum(copies.values()) >= 600
    assert copies.keys() == {
        "same_name_no_domain",
        "name_variant_no_domain",
        "subdomain",
        "other_ending",
        "linkedin_only",
    }
    assert all(
        count > 1
        for identity, count in Counter(each["identity"] for each in truth).items()
        if any(each["identity"] == identity and each["kind"] in copies for each in truth[:200])
    ), "a copy stands beside its original"


def test_attio_would_take_the_crm(workspace: list[dict[str, Any]]) -> None:
    ids = [record["record_id"] for record in workspace]
    assert len(ids) == len(set(ids))
    domains = domains_of(workspace)
    assert len(domains) == len(set(domains)), "no domain on two companies"
    assert all(re.fullmatch(r"([a-z0-9-]+\.)+[a-z]{2,}", domain) for domain in domains)
    companies = {record["record_id"] for record in workspace if record["object"] == "companies"}
    referred = [value["target_record_id"] for record in workspace for value in record["values"].get("company", [])]
    assert referred
    assert set(referred) <= companies


def test_every_company_with_postings_is_in_the_crm(workspace: list[dict[str, Any]]) -> None:
    domains = set(domains_of(workspace))
    postings = {
        (posting["source"], posting["source_id"]): posting["company_domain"]
        for posting in rows(CHECKOUT / "demo" / "data" / "job_postings.csv.gz")
    }
    assert {domain for domain in postings.values() if domain} <= domains
    assert sum(domain in domains for domain in postings.values()) >= 850


def test_5500_people_work_at_companies_of_the_crm(inputs: Path, workspace: list[dict[str, Any]]) -> None:
    domains = set(domains_of(workspace))
    found = rows(inputs / "people.csv")
    slug_of = {each["row_id"]: each["slug"] for each in rows(inputs / "people_truth.csv")}
    at_crm = {
        slug_of[each["row_id"]]
        for each in found
        if re.sub(r"^(https://)?(www\.)?|/$", "", each["company_domain"].strip().lower()) in domains
    } - {""}
    assert len(found) >= 6000
    assert len(at_crm) >= 5500
    assert len(found) - len(set(slug_of.values())) >= 500, "re-discoveries and junk"


def test_every_profile_is_visibly_invented(inputs: Path, workspace: list[dict[str, Any]]) -> None:
    invented = re.compile(r"-demo-\d{5}")
    urls = [each["linkedin_url"] for each in rows(inputs / "people.csv")]
    urls += [url for record in workspace if record["object"] == "people" for url in record["values"]["linkedin"]]
    assert all(invented.search(url) for url in urls if re.search("/in/[^/]", url) and "demo-profile.example" not in url)


def test_some_people_are_in_the_crm_under_another_form_of_their_url(
    inputs: Path, workspace: list[dict[str, Any]]
) -> None:
    def slug(url: str) -> str:
        (found,) = re.findall(r"/in/(.*?-demo-\d{5})", unquote(url))
        return str(found)

    in_crm = {
        slug(url): url for record in workspace if record["object"] == "people" for url in record["values"]["linkedin"]
    }
    discovered = {
        slug(each["linkedin_url"]): each["linkedin_url"]
        for each in rows(inputs / "people.csv")
        if re.search(r"-demo-\d{5}", each["linkedin_url"])
    }
    assert len(in_crm) >= 200
    assert in_crm.keys() <= discovered.keys()
    assert sum(discovered[name] != url for name, url in in_crm.items()) >= 100


def test_some_values_were_typed_by_a_member_of_the_workspace(workspace: list[dict[str, Any]]) -> None:
    typed = [record for record in workspace if record.get("actor", {}).get("type") == "workspace-member"]
    assert sum(bool(record["values"].get("description")) for record in typed) >= 50
    assert sum(bool(record["values"].get("job_title")) for record in typed) >= 50


def test_the_sandbox_takes_the_crm_and_knows_who_typed_what(
    inputs: Path, workspace: list[dict[str, Any]], tmp_path: Path
) -> None:
    with run_sandbox(tmp_path, "--no-limits", "--seed", str(inputs / "workspace.ndjson")) as sandbox:
        for slug in ("companies", "people"):
            seeded = {record["record_id"]: record for record in workspace if record["object"] == slug}
            found = {record["id"]["record_id"]: record for record in sandbox.records(slug)}
            assert found.keys() == seeded.keys()
            for record_id, record in found.items():
                (written, *_) = record["values"]["name"]
                typed = "actor" in seeded[record_id]
                assert written["created_by_actor"]["type"] == ("workspace-member" if typed else "api-token")
