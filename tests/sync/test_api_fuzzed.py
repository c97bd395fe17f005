"""The service against its own description: whatever arrives, no 5xx, and no answer that is not documented."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.sync.api_service import TOKEN, Service, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Database, Server

CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)


@pytest.fixture(scope="module")
def shared(server: Server, migrated: str) -> Iterator[Database]:
    database = server.create(template=migrated)
    yield database
    server.drop(database)


@pytest.fixture(scope="module")
def service(shared: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("fuzzed"), shared) as running:
        yield running


@pytest.fixture(scope="module")
def description(service: Service) -> Any:
    return schemathesis.openapi.from_url(f"{service.url}/openapi.json")


ENDPOINTS = (
    "/ingest_company_canonical",
    "/lookup_company_canonical",
    "/ingest_companyenrich",
    "/ingest_person_discovery",
    "/ingest_job_posting",
)


@pytest.mark.parametrize(
    ("path", "method", "mode"),
    [
        *((path, "POST", mode) for path in ENDPOINTS for mode in GenerationMode),
        ("/health", "GET", GenerationMode.POSITIVE),  # there is nothing in it that could be wrong
    ],
)
def test_every_answer_is_one_of_those_described(
    service: Service, description: Any, path: str, method: str, mode: GenerationMode
) -> None:
    operation = description[path][method]
    headers = {"Authorization": f"Bearer {TOKEN}"}
    statuses = set()

    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    @hypothesis.settings(
        max_examples=25,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=(hypothesis.Phase.generate,),
    )
    def answered(case: Any) -> None:
        statuses.add(case.call_and_validate(checks=CHECKS, headers=headers).status_code)

    answered()
    assert statuses <= {200, 400, 401, 405, 422}
    assert service.client.get("/health").status_code == 200


HOSTILE = [
    "'; drop table core.company_canonical; --",
    '" or ""="',
    "$$; select 1; $$",
    "%s %(x)s {} \\ \\u0000",
    "\x7f\U0001f680",
    "a" * 100_000,
]


@pytest.mark.parametrize("hostile", HOSTILE, ids=[text[:12] for text in HOSTILE])
def test_hostile_texts_in_every_place_are_stored_as_texts_or_refused(
    service: Service, shared: Database, hostile: str
) -> None:
    nested: Any = {hostile: [hostile, {hostile: hostile}]}
    fields = dict.fromkeys(("name", "title", "location", "posted_at", "salary_min", "updated_at", "status"), hostile)
    payload = {**nested, **fields, "job_id": hostile}
    for path, row in {
        "/ingest_company_canonical": {"domain": "hostile.com", "original_name": hostile, **nested},
        "/lookup_company_canonical": {"domain": hostile, **nested},
        "/ingest_companyenrich": {"domain": "hostile.com", "raw_payload": payload},
        "/ingest_person_discovery": {"linkedin_url": hostile, "raw_payload": payload, "workflow_slug": hostile},
        "/ingest_job_posting": {"domain": "hostile.com", "job_posting_payload": {"jobPostData": payload}},
    }.items():
        for body in (row, [row, row]):
            answer = service.post(path, body)
            assert answer.status_code in {200, 422}, (path, answer.text)
    assert service.client.get("/health").status_code == 200
    assert shared.rows("select original_name from core.company_canonical where domain = 'hostile.com'") == [(hostile,)]
