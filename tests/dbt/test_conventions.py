"""What only this project cares about, read from dbt's manifest: layers, names, words, tests, contracts, the mapping."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from sync import mapping
from tests.conftest import run_dbt

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Database
    from tests.dbt.conftest import Build

NAMES = {
    "staging": r"stg_[a-z]+__[a-z0-9_]+",
    "intermediate": r"int_[a-z0-9_]+",
    "marts/canonical": r"[a-z_]+",
    "marts/duplicates": r"attio_(company|person)_(duplicates|duplicate_pairs|removals)",
    "marts/attio": r"attio_[a-z_]+",
    "marts/ingest": r"ingest_[a-z_]+",
    "marts/quality": r"data_quality",
}
# contract section 6, as our users read it
MARTS = {
    "company_canonical": (
        "domain name original_name linkedin_url description industry employee_range founded_year locality"
        " region country_code latitude longitude sources updated_at"
    ),
    "linkedin_url_normalized": (
        "source_table source_id linkedin_url_raw linkedin_url_normalized linkedin_kind linkedin_slug"
    ),
    "person_export": (
        "linkedin_url full_name first_name last_name job_title company_domain company_name location_raw"
        " locality region country_code latitude longitude location_precision is_remote updated_at"
    ),
    "job_posting_export": (
        "job_id domain title job_function seniority employment_type location_raw locality region country_code"
        " is_remote salary_min salary_max salary_currency url posted_on is_open updated_at"
    ),
    "attio_company_duplicate_pairs": ("record_id_a record_id_b score tier reasons"),
    "attio_company_duplicates": (
        "cluster_id record_id role survivor_record_id tier score reasons name domains created_at web_url"
    ),
    "attio_person_duplicate_pairs": ("record_id_a record_id_b score tier reasons"),
    "attio_person_duplicates": (
        "cluster_id record_id role survivor_record_id tier score reasons name domains created_at web_url"
    ),
    "ingest_reconciliation": (
        "source day payloads extracted_new extracted_changed extracted_identical extracted_refused extracted_missing"
    ),
}
# contract section 6: what fills which attribute
SLUGS = {
    "attio_companies": (
        "domains name description linkedin primary_location industry company_size founded_year open_job_count"
        " latest_job_posted_on"
    ),
    "attio_people": ("name linkedin job_title company primary_location location_raw"),
    "attio_job_postings": (
        "job_id title company job_function seniority employment_type location_raw salary_min salary_max"
        " salary_currency url posted_on is_open"
    ),
}

# what each engine spells in its own way: patterns, arrays, JSON, decoding
ENGINES_OWN = re.compile(
    r"~|\bregexp_|\bsubstring\([^)]* from '|\bstring_to_|\barray[_\[]|\bcardinality\(|\bjsonb|\bjson_"
    r"|\bunnest\(|->|#>|@>|&&|\[|\blateral\b|\bdecode\(|\btranslate\(|\bgenerate_series\("
)


def models(built: Build) -> list[dict[str, Any]]:
    found = built.nodes("model")
    assert len(found) > 40
    return found


def layer(node: dict[str, Any]) -> str:
    folders = str(node["original_file_path"]).split("/")[1:-1]
    return "/".join(folders[:2]) if folders[0] == "marts" else folders[0]


def test_each_layer_is_named_as_one(built: Build) -> None:
    wrong = [node["name"] for node in models(built) if not re.fullmatch(NAMES[layer(node)], node["name"])]
    assert wrong == []


def test_only_staging_reads_sources_and_reads_one_each(built: Build) -> None:
    for node in models(built):
        sources = [one for one in node["depends_on"]["nodes"] if one.startswith("source.")]
        if layer(node) == "staging":
            assert len(sources) == 1, node["name"]
            assert len(node["depends_on"]["nodes"]) == 1, node["name"]
        else:
            assert sources == [], node["name"]


def test_nothing_reads_the_layers_behind_it(built: Build) -> None:
    order = ["staging", "intermediate", "marts/canonical", "marts/attio"]
    layers = {node["unique_id"]: layer(node) for node in models(built)}
    for node in models(built):
        for upstream in node["depends_on"]["nodes"]:
            if layers.get(upstream) in order and layer(node) in order:
                assert order.index(layers[upstream]) <= order.index(layer(node)), f"{node['name']} reads {upstream}"
    # what leaves the warehouse is read by nothing inside it but its own kind
    leaves = {"marts/attio", "marts/duplicates", "marts/ingest", "marts/quality"}
    for node in models(built):
        for upstream in node["depends_on"]["nodes"]:
            if layers.get(upstream) in leaves:
                assert layer(node) == layers[upstream], f"{node['name']} reads {upstream}"


def test_dbt_never_reads_the_syncs_ledger(built: Build) -> None:
    schemas = {source["schema"] for source in built.manifest["sources"].values()}
    assert schemas == {"raw", "extracted", "core", "reference", "attio_mirror"}
    assert [node["name"] for node in models(built) if "attio_sync" in node["raw_code"]] == []


def test_models_columns_seeds_and_sources_are_described(built: Build) -> None:
    described = built.nodes("model") + built.nodes("seed") + list(built.manifest["sources"].values())
    assert [node["name"] for node in described if len(node["description"].strip()) < 10] == []
    bare = [
        f"{node['name']}.{column['name']}"
        for node in described
        for column in node["columns"].values()
        if not column["description"].strip()
    ]
    assert bare == []
    assert [node["name"] for node in built.nodes("model") + built.nodes("seed") if not node["columns"]] == []


def test_models_are_plain_sql_and_what_each_engine_spells_its_own_way_is_in_macros(built: Build) -> None:
    engines_own = []
    for node in models(built):
        plain = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|--[^\n]*", "", node["raw_code"], flags=re.DOTALL)
        engines_own += [f"{node['name']}: {line.strip()}" for line in plain.splitlines() if ENGINES_OWN.search(line)]
    assert engines_own == []


def test_every_model_has_a_test(built: Build) -> None:
    tested = {upstream for test in built.nodes("test") for upstream in test["depends_on"]["nodes"]}
    tested |= {upstream for test in built.manifest["unit_tests"].values() for upstream in test["depends_on"]["nodes"]}
    # a staging model is what the models on it are tested with
    assert [
        node["name"] for node in models(built) if layer(node) != "staging" and node["unique_id"] not in tested
    ] == []


def test_every_mart_has_its_decisions_tested(built: Build) -> None:
    decided = {test["model"] for test in built.manifest["unit_tests"].values()}
    marts = {
        node["name"]
        for node in models(built)
        if layer(node) in {"marts/canonical", "marts/attio", "marts/ingest", "marts/quality"}
    }
    assert marts - decided == set()


@pytest.mark.parametrize("mart", MARTS)
def test_marts_have_the_columns_that_users_rely_on(built: Build, mart: str) -> None:
    (node,) = (node for node in models(built) if node["name"] == mart)
    assert set(MARTS[mart].split()) - set(node["columns"]) == set()
    assert node["schema"] == "canon"


def test_exports_carry_contract_group_and_a_text_key(built: Build) -> None:
    exports = [node for node in models(built) if layer(node) == "marts/attio"]
    assert {node["name"] for node in exports} == set(SLUGS)
    for node in exports:
        assert node["config"]["contract"]["enforced"] is True, node["name"]
        assert (node["access"], node["group"]) == ("public", "crm"), node["name"]
        assert all(column["data_type"] for column in node["columns"].values()), node["name"]
        keys = [c for c in node["columns"].values() if any(one["type"] == "primary_key" for one in c["constraints"])]
        assert [key["data_type"] for key in keys] == ["text"], node["name"]


@pytest.mark.parametrize("model", SLUGS)
def test_the_mapping_fills_the_attributes_of_the_contract(built: Build, model: str) -> None:
    exports = {export.model: export for export in mapping.exports_of(built.manifest)}
    assert list(exports) == ["attio_companies", "attio_people", "attio_job_postings"]
    assert {field.attribute for field in exports[model].fields} == set(SLUGS[model].split())
    # what leaves a column unsent is a decision: the key, what it was matched with or made from, and when it changed
    unsent = set(exports[model].columns) - {field.column for field in exports[model].fields}
    assert unsent <= {"domain", "record_id", "updated_at"}


def test_every_slug_can_be_another_one_in_the_owners_workspace(built: Build, database: Database, project: Path) -> None:
    slugs = {
        f"attio_{export.object_slug}_{field.attribute}": f"{field.attribute}_5"
        for export in mapping.exports_of(built.manifest)
        for field in export.fields
    }
    run_dbt(project, database, "parse", "--vars", json.dumps(slugs)).expect(0)
    manifest = json.loads((project / "dbt_project" / "target" / "manifest.json").read_text())
    renamed = mapping.exports_of(manifest)
    assert {field.attribute for export in renamed for field in export.fields} == set(slugs.values())
    assert [export.match_on for export in renamed] == ["domains_5", "linkedin_5", "job_id_5"]


def test_the_exposure_names_every_export(built: Build) -> None:
    exposure = next(one for one in built.manifest["exposures"].values() if one["name"] == "attio_crm")
    assert {node.rsplit(".", 1)[1] for node in exposure["depends_on"]["nodes"]} == set(SLUGS)


def test_the_front_page_names_every_mart(built: Build) -> None:
    page = built.manifest["docs"]["doc.attio_canon.__overview__"]["block_contents"]
    assert [mart for mart in [*MARTS, *SLUGS] if f"`{mart}`" not in page] == []


def test_the_manual_of_the_generic_tests_names_each(built: Build) -> None:
    manual = (built.project / "dbt_project" / "data-tests" / "generic" / "README.md").read_text(encoding="utf-8")
    own = sorted((built.project / "dbt_project" / "data-tests" / "generic").glob("*.sql"))
    assert own
    assert [path.stem for path in own if f"| `{path.stem}` |" not in manual] == []


def test_no_package_from_the_hub_and_no_tracking(built: Build) -> None:
    assert not (built.project / "dbt_project" / "packages.yml").exists()
    assert "send_anonymous_usage_stats: false" in (built.project / "dbt_project" / "dbt_project.yml").read_text(
        encoding="utf-8"
    )
