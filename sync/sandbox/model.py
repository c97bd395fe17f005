"""What the sandbox's workspace is made of, and what it has from the start (API facts, sections 4, 5, 7 and 9)."""

from __future__ import annotations

import bisect
import datetime as dt
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sync.sandbox.values import main

if TYPE_CHECKING:
    from sync.sandbox.values import Json
    from sync.sandbox.workspace import Workspace

NAMESPACE = uuid.UUID("6b1f7b0a-7a0c-4f0e-9f3a-7f4a0a7c1d11")


def fixed_id(*names: str) -> str:
    """Return the same id for the same names in every run: a test may rely on it."""
    return str(uuid.uuid5(NAMESPACE, "/".join(names)))


WORKSPACE_ID = fixed_id("workspace")
MEMBER_ID = fixed_id("member")
TOKEN_ID = fixed_id("token")
API_TOKEN: Json = {"type": "api-token", "id": TOKEN_ID}
MEMBER: Json = {"type": "workspace-member", "id": MEMBER_ID}
SYSTEM: Json = {"type": "system", "id": None}


def moment(nanoseconds: int) -> str:
    """Return a timestamp as Attio writes them, with nine decimals."""
    seconds, rest = divmod(nanoseconds, 10**9)
    return f"{dt.datetime.fromtimestamp(seconds, dt.UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


@dataclass
class Attribute:
    """An attribute of an object."""

    object_id: str
    attribute_id: str
    title: str
    api_slug: str
    type: str
    description: str | None = None
    is_system_attribute: bool = False
    is_writable: bool = True
    is_required: bool = False
    is_unique: bool = False
    is_multiselect: bool = False
    is_archived: bool = False
    default_value: Json | None = None
    currency_code: str | None = None
    display_type: str | None = None
    allowed_objects: list[str] | None = None
    inverse: tuple[str, str] | None = None  # object id, attribute slug
    options: list[Json] = field(default_factory=list)
    created_at: str = ""

    def ids(self) -> Json:
        """Return the `id` object."""
        return {"workspace_id": WORKSPACE_ID, "object_id": self.object_id, "attribute_id": self.attribute_id}

    def document(self, workspace: Workspace) -> Json:
        """Return the attribute as the API shows it."""
        relationship = None
        if self.inverse is not None:
            other = workspace.find_object(self.inverse[0]).attributes[self.inverse[1]]
            relationship = {
                "id": other.ids(),
                "object_slug": workspace.find_object(self.inverse[0]).api_slug,
                "title": other.title,
                "api_slug": other.api_slug,
                "is_multiselect": other.is_multiselect,
            }
        return {
            "id": self.ids(),
            "title": self.title,
            "description": self.description,
            "api_slug": self.api_slug,
            "type": self.type,
            "is_system_attribute": self.is_system_attribute,
            "is_writable": self.is_writable,
            "is_required": self.is_required,
            "is_unique": self.is_unique,
            "is_multiselect": self.is_multiselect,
            "is_default_value_enabled": self.default_value is not None,
            "is_archived": self.is_archived,
            "default_value": self.default_value,
            "relationship": relationship,
            "created_at": self.created_at,
            "config": {
                "currency": {"default_currency_code": self.currency_code, "display_type": self.display_type},
                "record_reference": {"allowed_object_ids": self.allowed_objects},
            },
        }


def option_document(attribute: Attribute, title: str, option_id: str) -> Json:
    """Return an option of a select as the API shows it."""
    return {"id": {**attribute.ids(), "option_id": option_id}, "title": title, "is_archived": False}


def status_document(attribute: Attribute, data: Json, status_id: str) -> Json:
    """Return a status as the API shows it."""
    return {
        "id": {**attribute.ids(), "status_id": status_id},
        "title": data["title"],
        "is_archived": False,
        "celebration_enabled": data.get("celebration_enabled", False),
        "target_time_in_status": data.get("target_time_in_status"),
    }


@dataclass
class Record:
    """A record; `values` holds current read values by slug, `history` those that were replaced."""

    record_id: str
    created_ns: int
    created_by: Json
    values: dict[str, list[Json]] = field(default_factory=dict)
    history: dict[str, list[Json]] = field(default_factory=dict)

    def read(self, slug: str) -> list[Json]:
        """Return the current values of an attribute, the three that every record has included."""
        if slug == "created_at":
            return [{"value": moment(self.created_ns)}]
        if slug in {"record_id", "entry_id"}:
            return [{"value": self.record_id}]
        if slug == "created_by":
            return [{"referenced_actor_type": self.created_by["type"], "referenced_actor_id": self.created_by["id"]}]
        return self.values.get(slug, [])


@dataclass
class Entry(Record):
    """A record's place on a list, with the values that it has there."""

    parent: Object = field(kw_only=True, repr=False)
    parent_record_id: str = field(kw_only=True)

    def read(self, slug: str) -> list[Json]:
        """Return the current values of an attribute; the parent is one of them."""
        if slug == PARENT:
            return [{"target_object": self.parent.api_slug, "target_record_id": self.parent_record_id}]
        return super().read(slug)


@dataclass
class Object:
    """An object with its attributes and records; `taken` maps a unique attribute's values to their records."""

    object_id: str
    api_slug: str
    singular_noun: str
    plural_noun: str
    created_at: str
    attributes: dict[str, Attribute] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    taken: dict[str, dict[Any, str]] = field(default_factory=dict)
    in_order: list[Record] | None = None  # of creation; None when it has to be made again

    @property
    def is_standard(self) -> bool:
        """Whether this is an object that every workspace has."""
        return self.api_slug in STANDARD

    def find_attribute(self, slug_or_id: object) -> Attribute | None:
        """Return the attribute of that slug or id, archived ones too."""
        found = self.attributes.get(slug_or_id) if isinstance(slug_or_id, str) else None
        return found or next((one for one in self.attributes.values() if one.attribute_id == slug_or_id), None)

    def ordered_records(self) -> list[Record]:
        """Return the records in order of creation."""
        if self.in_order is None:
            self.in_order = sorted(self.records.values(), key=_age)
        return self.in_order

    def add(self, record: Record) -> None:
        """Take in a record, with the unique values that it holds."""
        self.records[record.record_id] = record
        if self.in_order is not None and (not self.in_order or self.in_order[-1].created_ns < record.created_ns):
            self.in_order.append(record)
        else:
            self.in_order = None
        for slug, taken in self.taken.items():
            taken.update({main(self.attributes[slug].type, value): record.record_id for value in record.read(slug)})

    def remove(self, record: Record) -> None:
        """Let a record go: its unique values are free again."""
        for slug, taken in self.taken.items():
            for value in record.read(slug):
                if taken.get(main(self.attributes[slug].type, value)) == record.record_id:
                    del taken[main(self.attributes[slug].type, value)]
        del self.records[record.record_id]
        if self.in_order is not None:
            at = bisect.bisect_left(self.in_order, record.created_ns, key=_age)
            while self.in_order[at] is not record:
                at += 1
            del self.in_order[at]

    def document(self) -> Json:
        """Return the object as the API shows it."""
        return {
            "id": {"workspace_id": WORKSPACE_ID, "object_id": self.object_id},
            "api_slug": self.api_slug,
            "singular_noun": self.singular_noun,
            "plural_noun": self.plural_noun,
            "created_at": self.created_at,
        }


@dataclass
class List(Object):
    """A list is held like an object whose records are its entries."""

    parent: Object = field(kw_only=True, repr=False)
    workspace_access: str | None = None
    workspace_member_access: list[Json] = field(default_factory=list)

    @property
    def is_standard(self) -> bool:
        """Whether this is an object that every workspace has: no list is."""
        return False

    def document(self) -> Json:
        """Return the list as the API shows it."""
        return {
            "id": {"workspace_id": WORKSPACE_ID, "list_id": self.object_id},
            "api_slug": self.api_slug,
            "name": self.singular_noun,
            "parent_object": [self.parent.api_slug],
            "workspace_access": self.workspace_access,
            "workspace_member_access": self.workspace_member_access,
            "created_by_actor": API_TOKEN,
            "created_at": self.created_at,
        }


def _age(record: Record) -> int:
    return record.created_ns


# slug, type, title, flags (section 9)
STANDARD: dict[str, tuple[tuple[str, str, str, str], ...]] = {
    "companies": (
        ("domains", "domain", "Domains", "unique multi"),
        ("name", "text", "Name", ""),
        ("description", "text", "Description", ""),
        ("team", "record-reference", "Team", "multi"),
        ("categories", "select", "Categories", "multi"),
        ("primary_location", "location", "Primary location", ""),
        ("logo_url", "text", "Logo URL", ""),
        ("angellist", "text", "AngelList", ""),
        ("facebook", "text", "Facebook", ""),
        ("instagram", "text", "Instagram", ""),
        ("linkedin", "text", "LinkedIn", ""),
        ("twitter", "text", "Twitter", ""),
        ("twitter_follower_count", "number", "Twitter follower count", ""),
        ("estimated_arr_usd", "select", "Estimated ARR", ""),
        ("funding_raised_usd", "currency", "Funding raised", ""),
        ("foundation_date", "date", "Foundation date", ""),
        ("employee_range", "select", "Employee range", ""),
        ("first_interaction", "interaction", "First interaction", "readonly"),
        ("last_interaction", "interaction", "Last interaction", "readonly"),
    ),
    "people": (
        ("email_addresses", "email-address", "Email addresses", "unique multi"),
        ("name", "personal-name", "Name", ""),
        ("company", "record-reference", "Company", ""),
        ("description", "text", "Description", ""),
        ("job_title", "text", "Job title", ""),
        ("avatar_url", "text", "Avatar URL", "readonly"),
        ("phone_numbers", "phone-number", "Phone numbers", "multi"),
        ("primary_location", "location", "Primary location", ""),
        ("angellist", "text", "AngelList", ""),
        ("facebook", "text", "Facebook", ""),
        ("instagram", "text", "Instagram", ""),
        ("linkedin", "text", "LinkedIn", ""),
        ("twitter", "text", "Twitter", ""),
        ("twitter_follower_count", "number", "Twitter follower count", ""),
        ("first_interaction", "interaction", "First interaction", "readonly"),
        ("last_interaction", "interaction", "Last interaction", "readonly"),
    ),
}
EVERYWHERE = (
    ("record_id", "text", "Record ID", "readonly unique"),
    ("created_at", "timestamp", "Created at", "readonly"),
    ("created_by", "actor-reference", "Created by", "readonly"),
)
PARENT = "parent_record"
"""The attribute of an entry by which filters and sorts reach its record."""
ON_LISTS = (
    ("entry_id", "text", "Entry ID", "readonly unique"),
    (PARENT, "record-reference", "Parent record", "readonly"),
    ("created_at", "timestamp", "Created at", "readonly"),
    ("created_by", "actor-reference", "Created by", "readonly"),
)
STANDARD_OPTIONS = {
    "categories": ("SaaS", "B2B", "E-commerce", "Finance"),
    "employee_range": ("1-10", "11-50", "51-250", "251-1K", "1K-5K", "5K-10K", "10K-50K", "50K-100K", "100K+"),
    "estimated_arr_usd": ("$0-$1M", "$1M-$10M", "$10M-$50M", "$50M+"),
}
