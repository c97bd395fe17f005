"""A public SDK for Attio (PyPI `attio`, made from Attio's own OpenAPI of 2026) talks to the sandbox as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from attio import SDK

from tests.conftest import PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Sandbox


@pytest.fixture
def sdk(sandbox: Sandbox) -> Iterator[Any]:
    """Return the SDK, led to the sandbox; its types, a union of every value type each, are not looked at."""
    with httpx.Client(verify=PLAIN) as client:
        yield SDK(oauth2=sandbox.token, server_url=sandbox.url, client=client)


def test_it_reads_who_it_is_and_what_objects_there_are(sdk: Any) -> None:
    assert sdk.meta.get_v2_self().model_dump()["workspace_slug"] == "sandbox"
    assert [one.api_slug for one in sdk.objects.get_v2_objects().data] == ["companies", "people"]


def test_it_creates_an_attribute_and_finds_it(sdk: Any) -> None:
    created = sdk.attributes.post_v2_target_identifier_attributes(
        target="objects",
        identifier="companies",
        data={
            "title": "Warehouse id",
            "description": None,
            "api_slug": "warehouse_id",
            "type": "text",
            "is_required": False,
            "is_unique": False,
            "is_multiselect": False,
            "config": {},
        },
    )
    listed = sdk.attributes.get_v2_target_identifier_attributes(target="objects", identifier="companies")
    assert created.data.id.attribute_id in {one.id.attribute_id for one in listed.data}


def test_it_creates_asserts_queries_changes_and_deletes_a_record(sdk: Any) -> None:
    records = sdk.records
    created = records.post_v2_objects_object_records(
        object="companies", data={"values": {"domains": ["acme.com"], "name": ["Acme"], "categories": ["SaaS"]}}
    )
    record_id = created.data.id.record_id
    asserted = records.put_v2_objects_object_records(
        object="companies",
        matching_attribute="domains",
        data={"values": {"domains": ["acme.com"], "name": ["Acme Inc"]}},
    )
    assert asserted.data.id.record_id == record_id
    found = records.post_v2_objects_object_records_query(
        object="companies",
        filter_={"name": "Acme Inc"},
        sorts=[{"direction": "asc", "attribute": "created_at"}],
        limit=500,
    )
    assert [one.id.record_id for one in found.data] == [record_id]
    one = {"object": "companies", "record_id": record_id}
    changed = records.patch_v2_objects_object_records_record_id_(**one, data={"values": {"domains": ["acme.de"]}})
    assert [value.domain for value in changed.data.values["domains"]] == ["acme.de", "acme.com"]
    records.put_v2_objects_object_records_record_id_(**one, data={"values": {"domains": ["acme.de"]}})
    read = records.get_v2_objects_object_records_record_id_(**one)
    assert [value.domain for value in read.data.values["domains"]] == ["acme.de"]
    records.delete_v2_objects_object_records_record_id_(**one)
    assert records.post_v2_objects_object_records_query(object="companies").data == []
