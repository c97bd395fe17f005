"""A dbt project of three small exports, for tests of what reads the mapping and of what acts on it."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

COMPANIES = """
models:
  - name: attio_companies
    config:
      contract: {enforced: true}
      meta:
        attio: {object: companies, match_on: domains, order: 10}
    columns:
      - name: domain
        data_type: text
        constraints: [{type: not_null}, {type: primary_key}]
        config: {meta: {attio: {attribute: domains, type: domain, write: fill_empty}}}
      - name: record_id
        data_type: text
        config: {meta: {attio: {record_id: true}}}
      - name: industry
        data_type: text
        config: {meta: {attio: {attribute: industry, type: text, title: Industry, write: always}}}
      - name: stage
        data_type: text
        config: {meta: {attio: {attribute: stage, type: select, title: Stage, options: [Seed, Series A]}}}
      - name: updated_at
        data_type: timestamptz
"""

PEOPLE = """
models:
  - name: attio_people
    config:
      contract: {enforced: true}
      meta:
        attio: {object: people, match_on: "{{ var('attio_people_linkedin', 'linkedin') }}", order: 5}
    columns:
      - name: linkedin_url
        data_type: text
        constraints: [{type: not_null}, {type: primary_key}]
        config:
          meta:
            attio: {attribute: "{{ var('attio_people_linkedin', 'linkedin') }}", type: text, write: fill_empty}
      - name: company
        data_type: text
        config: {meta: {attio: {attribute: company, type: record-reference, references: attio_companies}}}
"""

POSTINGS = """
models:
  - name: attio_job_postings
    config:
      contract: {enforced: true}
      meta:
        attio:
          {object: job_postings, match_on: job_id, order: 30, singular: Job posting, plural: Job postings, mode: upsert}
    columns:
      - name: job_id
        data_type: text
        constraints: [{type: not_null}, {type: primary_key}]
        config: {meta: {attio: {attribute: job_id, type: text, title: Job id, unique: true}}}
      - name: company
        data_type: text
        config:
          meta:
            attio: {attribute: company, type: record-reference, title: Company, references: attio_companies}
      - name: tags
        data_type: jsonb
        config: {meta: {attio: {attribute: tags, type: select, title: Tags, list: replace}}}
"""

SELECTS = {
    "attio_companies": "select 'a'::text as domain, null::text as record_id, 'x'::text as industry, "
    "'Seed'::text as stage, now() as updated_at",
    "attio_people": "select 'u'::text as linkedin_url, 'a'::text as company",
    "attio_job_postings": "select 'j'::text as job_id, 'a'::text as company, '[]'::jsonb as tags",
}


def write(project: Path) -> Path:
    """Put the three exports in the place of the dbt project in `project`; return the folder of their files."""
    dbt_project = project / "dbt_project"
    shutil.rmtree(dbt_project, ignore_errors=True)
    models = dbt_project / "models"
    models.mkdir(parents=True)
    (dbt_project / "dbt_project.yml").write_text("name: small\nprofile: attio_canon\nmodel-paths: [models]\n")
    for name, yml in (("attio_companies", COMPANIES), ("attio_people", PEOPLE), ("attio_job_postings", POSTINGS)):
        (models / f"{name}.sql").write_text(f"{SELECTS[name]}\n")
        (models / f"{name}.yml").write_text(yml)
    return models


def change(path: Path, old: str, new: str) -> None:
    """Edit a file of the project, a moment after everything that was read before."""
    text = path.read_text()
    assert old in text, f"{path.name} has no {old!r}"
    path.write_text(text.replace(old, new))
    later = time.time() + 2
    os.utime(path, (later, later))
