"""The workspace: objects, attributes, options, records, and the rules of writing (API facts, sections 4 to 9, 13)."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from sync.sandbox.values import (
    CREATABLE_TYPES,
    CURRENCIES,
    MAIN_KEY,
    MULTISELECT_TYPES,
    Json,
    Refusal,
    invalid,
    is_uuid,
    main,
    parse,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

How = Literal["create", "patch", "put", "assert"]
Parsed = dict[str, list[Json] | None]  # read values by slug; None where null was written
NAMESPACE = uuid.UUID("6b1f7b0a-7a0c-4f0e-9f3a-7f4a0a7c1d11")


def _fixed_id(*names: str) -> str:
    """Return the same id for the same names in every run: a test may rely on it."""
    return str(uuid.uuid5(NAMESPACE, "/".join(names)))


WORKSPACE_ID = _fixed_id("workspace")
MEMBER_ID = _fixed_id("member")
TOKEN_ID = _fixed_id("token")
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
        if slug == "record_id":
            return [{"value": self.record_id}]
        if slug == "created_by":
            return [{"referenced_actor_type": self.created_by["type"], "referenced_actor_id": self.created_by["id"]}]
        return self.values.get(slug, [])


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

    def find_attribute(self, slug_or_id: object) -> Attribute | None:
        """Return the attribute of that slug or id, archived ones too."""
        found = self.attributes.get(slug_or_id) if isinstance(slug_or_id, str) else None
        return found or next((one for one in self.attributes.values() if one.attribute_id == slug_or_id), None)

    def ordered_records(self) -> list[Record]:
        """Return the records in order of creation."""
        if self.in_order is None:
            self.in_order = sorted(self.records.values(), key=lambda record: record.created_ns)
        return self.in_order

    def document(self) -> Json:
        """Return the object as the API shows it."""
        return {
            "id": {"workspace_id": WORKSPACE_ID, "object_id": self.object_id},
            "api_slug": self.api_slug,
            "singular_noun": self.singular_noun,
            "plural_noun": self.plural_noun,
            "created_at": self.created_at,
        }


# slug, type, title, flags (section 9)
_STANDARD: dict[str, tuple[tuple[str, str, str, str], ...]] = {
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
_EVERYWHERE = (
    ("record_id", "text", "Record ID", "readonly unique"),
    ("created_at", "timestamp", "Created at", "readonly"),
    ("created_by", "actor-reference", "Created by", "readonly"),
)
_STANDARD_OPTIONS = {
    "categories": ("SaaS", "B2B", "E-commerce", "Finance"),
    "employee_range": ("1-10", "11-50", "51-250", "251-1K", "1K-5K", "5K-10K", "10K-50K", "50K-100K", "100K+"),
    "estimated_arr_usd": ("$0-$1M", "$1M-$10M", "$10M-$50M", "$50M+"),
}


class Workspace:
    """Everything the sandbox holds, and every rule of writing to it."""

    slug = "sandbox"
    name = "Sandbox"

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self._last_ns = 0
        for slug, singular, plural in (("companies", "Company", "Companies"), ("people", "Person", "People")):
            self._add_object(_fixed_id(slug), slug, singular, plural)
            for attribute_slug, kind, title, flags in _STANDARD[slug]:
                self._add_standard(slug, attribute_slug, kind, title, flags)
        companies, people = self.objects["companies"], self.objects["people"]
        people.attributes["company"].allowed_objects = [companies.object_id]
        companies.attributes["team"].allowed_objects = [people.object_id]
        people.attributes["company"].inverse = (companies.object_id, "team")
        companies.attributes["team"].inverse = (people.object_id, "company")

    def now(self) -> int:
        """Return the time in nanoseconds; never the same twice, never going back."""
        self._last_ns = max(time.time_ns(), self._last_ns + 1)
        return self._last_ns

    # Objects

    def find_object(self, slug_or_id: object) -> Object:
        """Return the object of that slug or id; refuse with 404."""
        found = self.objects.get(slug_or_id) if isinstance(slug_or_id, str) else None
        found = found or next((one for one in self.objects.values() if one.object_id == slug_or_id), None)
        if found is None:
            raise Refusal(404, "not_found", f'Could not find object with slug/ID "{slug_or_id}".')
        return found

    def _add_object(self, object_id: str, slug: str, singular: str, plural: str) -> Object:
        added = Object(object_id, slug, singular, plural, moment(self.now()))
        self.objects[slug] = added
        for attribute_slug, kind, title, flags in _EVERYWHERE:
            self._add_standard(slug, attribute_slug, kind, title, flags)
        return added

    def _add_standard(self, object_slug: str, slug: str, kind: str, title: str, flags: str) -> None:
        target = self.objects[object_slug]
        attribute = Attribute(
            target.object_id,
            _fixed_id(object_slug, slug),
            title,
            slug,
            kind,
            is_system_attribute=True,
            is_writable="readonly" not in flags,
            is_unique="unique" in flags,
            is_multiselect="multi" in flags,
            created_at=moment(self.now()),
        )
        if kind == "currency":
            attribute.currency_code, attribute.display_type = "USD", "symbol"
        target.attributes[slug] = attribute
        for option in _STANDARD_OPTIONS.get(slug, ()):
            self._add_option(attribute, option)
        if attribute.is_unique and attribute.is_writable:
            target.taken[slug] = {}

    def create_object(self, data: Json) -> Object:
        """Create a custom object."""
        _strings(data, {"api_slug", "singular_noun", "plural_noun"}, required=True)
        self._check_nouns(data, None)
        return self._add_object(str(uuid.uuid4()), data["api_slug"], data["singular_noun"], data["plural_noun"])

    def update_object(self, target: Object, data: Json) -> Object:
        """Change slug or nouns of an object."""
        _strings(data, {"api_slug", "singular_noun", "plural_noun"}, required=False)
        self._check_nouns(data, target)
        if "api_slug" in data and target.api_slug in _STANDARD and data["api_slug"] != target.api_slug:
            raise Refusal(400, "system_edit_unauthorized", "The slug of a standard object cannot be changed.")
        del self.objects[target.api_slug]
        for name, value in data.items():
            setattr(target, name, value)
        self.objects[target.api_slug] = target
        return target

    def _check_nouns(self, data: Json, but: Object | None) -> None:
        for other in self.objects.values():
            if other is not but and any(getattr(other, name) == value for name, value in data.items()):
                raise Refusal(409, "slug_conflict", "An object with that slug or noun exists already.")

    # Attributes and options

    def find_attribute(self, target: Object, slug_or_id: str) -> Attribute:
        """Return the attribute of that slug or id; refuse with 404."""
        found = target.find_attribute(slug_or_id)
        if found is None:
            raise Refusal(404, "not_found", f'Could not find attribute with slug/ID "{slug_or_id}".')
        return found

    def create_attribute(self, target: Object, data: Json) -> Attribute:
        """Create a custom attribute."""
        required = {"title", "description", "api_slug", "type", "is_required", "is_unique", "is_multiselect", "config"}
        _keys(data, required, required | {"default_value", "relationship"})
        _strings(
            {key: data[key] for key in ("title", "api_slug", "type")}, {"title", "api_slug", "type"}, required=True
        )
        flags = ("is_required", "is_unique", "is_multiselect")
        if not all(isinstance(data[flag], bool) for flag in flags) or not isinstance(data["description"], str | None):
            raise Refusal(
                400,
                "validation_type",
                "is_required, is_unique and is_multiselect are booleans, description a string or null.",
            )
        kind = data["type"]
        if kind not in CREATABLE_TYPES or kind == "status":
            raise Refusal(400, "validation_type", f'Attributes of type "{kind}" cannot be created on objects.')
        if data["is_multiselect"] and kind not in MULTISELECT_TYPES:
            raise Refusal(400, "validation_type", f'Attributes of type "{kind}" cannot be multiselect.')
        if data["is_unique"] and target.api_slug in {"companies", "people"}:
            raise Refusal(400, "validation_type", "Cannot set attribute as unique.")
        if data.get("default_value") is not None and target.api_slug in {"companies", "people"}:
            raise Refusal(400, "validation_type", "Default values are not supported on people and companies.")
        if data["api_slug"] in target.attributes:
            raise Refusal(409, "slug_conflict", f'An attribute with the slug "{data["api_slug"]}" exists already.')
        attribute = Attribute(
            target.object_id,
            str(uuid.uuid4()),
            data["title"],
            data["api_slug"],
            kind,
            description=data["description"],
            is_required=data["is_required"],
            is_unique=data["is_unique"],
            is_multiselect=data["is_multiselect"],
            default_value=data.get("default_value"),
            created_at=moment(self.now()),
        )
        self._configure(attribute, data["config"], data.get("relationship"))
        target.attributes[attribute.api_slug] = attribute
        if attribute.is_unique:
            target.taken[attribute.api_slug] = {}
        return attribute

    def _configure(self, attribute: Attribute, config: Any, relationship: Json | None) -> None:
        if not isinstance(config, dict) or not set(config) <= {"currency", "record_reference"}:
            raise Refusal(400, "validation_type", "config is {currency?, record_reference?}.")
        if attribute.type == "currency":
            currency = config.get("currency") or {}
            code, shown = currency.get("default_currency_code"), currency.get("display_type")
            if code not in CURRENCIES or shown not in {"code", "name", "narrowSymbol", "symbol"}:
                raise Refusal(
                    400, "validation_type", "config.currency needs a known default_currency_code and display_type."
                )
            attribute.currency_code, attribute.display_type = code, shown
        if attribute.type == "record-reference":
            allowed = (config.get("record_reference") or {}).get("allowed_objects")
            allowed = allowed or ([relationship["object"]] if relationship else None)
            if not isinstance(allowed, list) or not allowed:
                raise Refusal(
                    400, "validation_type", "config.record_reference.allowed_objects names at least one object."
                )
            attribute.allowed_objects = [self.find_object(each).object_id for each in allowed]
        if relationship is not None:
            if attribute.type != "record-reference":
                raise Refusal(400, "validation_type", "relationship is for attributes of type record-reference.")
            other = self.find_object(relationship["object"])
            if relationship["api_slug"] in other.attributes:
                raise Refusal(
                    409, "slug_conflict", f'An attribute with the slug "{relationship["api_slug"]}" exists already.'
                )
            mirrored = Attribute(
                other.object_id,
                str(uuid.uuid4()),
                relationship["title"],
                relationship["api_slug"],
                "record-reference",
                is_multiselect=relationship["is_multiselect"],
                allowed_objects=[attribute.object_id],
                inverse=(attribute.object_id, attribute.api_slug),
                created_at=moment(self.now()),
            )
            other.attributes[mirrored.api_slug] = mirrored
            attribute.inverse = (other.object_id, mirrored.api_slug)

    def update_attribute(self, target: Object, attribute: Attribute, data: Json) -> Attribute:
        """Change what may be changed of an attribute; type and is_multiselect may not."""
        allowed = {
            "title",
            "description",
            "api_slug",
            "is_required",
            "is_unique",
            "default_value",
            "config",
            "is_archived",
        }
        _keys(data, set(), allowed)
        if not data:
            raise Refusal(400, "validation_type", "Nothing to change was given.")
        if attribute.is_system_attribute:
            raise Refusal(400, "system_edit_unauthorized", "System attributes cannot be changed.")
        if data.get("is_unique") and target.api_slug in {"companies", "people"}:
            raise Refusal(400, "validation_type", "Cannot set attribute as unique.")
        slug = data.get("api_slug", attribute.api_slug)
        if slug != attribute.api_slug:
            if slug in target.attributes:
                raise Refusal(409, "slug_conflict", f'An attribute with the slug "{slug}" exists already.')
            target.attributes = {
                slug if key == attribute.api_slug else key: one for key, one in target.attributes.items()
            }
            for record in target.records.values():
                if attribute.api_slug in record.values:
                    record.values[slug] = record.values.pop(attribute.api_slug)
        for name in allowed - {"config"}:
            if name in data:
                setattr(attribute, name, data[name])
        return attribute

    def _add_option(self, attribute: Attribute, title: str) -> Json:
        option_id = _fixed_id(attribute.attribute_id, title)
        option: Json = {"id": {**attribute.ids(), "option_id": option_id}, "title": title, "is_archived": False}
        attribute.options.append(option)
        return option

    def create_option(self, attribute: Attribute, data: Json) -> Json:
        """Add an option to a select."""
        self.check_select(attribute)
        _strings(data, {"title"}, required=True)
        if any(option["title"] == data["title"] for option in attribute.options):
            raise Refusal(409, "slug_conflict", f'An option with the title "{data["title"]}" exists already.')
        return self._add_option(attribute, data["title"])

    def update_option(self, attribute: Attribute, option_id: str, data: Json) -> Json:
        """Rename or archive an option."""
        self.check_select(attribute)
        _keys(data, set(), {"title", "is_archived"})
        for option in attribute.options:
            if option_id in {option["id"]["option_id"], option["title"]}:
                if any(other is not option and other["title"] == data.get("title") for other in attribute.options):
                    raise Refusal(409, "slug_conflict", f'An option with the title "{data["title"]}" exists already.')
                option.update(data)
                return option
        raise Refusal(404, "not_found", f'Could not find select option with ID "{option_id}".')

    @staticmethod
    def check_select(attribute: Attribute) -> None:
        """Refuse what is not a select."""
        if attribute.type != "select":
            raise Refusal(400, "validation_type", f'Attribute "{attribute.api_slug}" is not a select.')

    # References and members, for the value parser

    def find_referenced(self, attribute: Attribute, value: Any) -> tuple[str, str]:
        """Return object slug and record id of what a reference names (sections 6 and 7)."""
        slug = attribute.api_slug
        allowed = [self.find_object(each) for each in attribute.allowed_objects or []]
        if isinstance(value, str):
            return self._find_by_shorthand(slug, allowed, value)
        if not isinstance(value, dict) or len(value) != 2 or not isinstance(value.get("target_object"), str):
            raise invalid(slug, "{target_object, target_record_id} is expected")
        target = self.find_object(value["target_object"])
        if target not in allowed:
            raise invalid(slug, f"records of {target.api_slug} are not allowed here")
        if "target_record_id" in value:
            record_id = value["target_record_id"]
            if record_id not in target.records:
                raise Refusal(400, "value_not_found", f'Cannot find {target.api_slug} record with ID "{record_id}".')
            return target.api_slug, record_id
        [(match_slug, written)] = [(key, each) for key, each in value.items() if key != "target_object"]
        match = target.find_attribute(match_slug)
        if match is None or match.type not in {"domain", "email-address", "number", "phone-number", "text"}:
            raise invalid(slug, f'"{match_slug}" cannot be matched on')
        written = written if isinstance(written, list) else [written]
        if len(written) != 1:
            raise invalid(slug, "exactly one value to match on is expected")
        wanted = main(match.type, parse(match, written[0], self))
        return self._the_one(slug, target, match, wanted)

    def _find_by_shorthand(self, slug: str, allowed: list[Object], value: str) -> tuple[str, str]:
        for target in allowed:
            if is_uuid(value) and len(allowed) == 1:
                if value not in target.records:
                    raise Refusal(400, "value_not_found", f'Cannot find {target.api_slug} record with ID "{value}".')
                return target.api_slug, value
            match = {"companies": "domains", "people": "email_addresses"}.get(target.api_slug)
            if match is not None:
                attribute = target.attributes[match]
                return self._the_one(slug, target, attribute, main(attribute.type, parse(attribute, value, self)))
        raise invalid(slug, "a record reference is expected")

    def _the_one(self, slug: str, target: Object, match: Attribute, wanted: Any) -> tuple[str, str]:
        if match.api_slug in target.taken:
            found = [target.taken[match.api_slug][wanted]] if wanted in target.taken[match.api_slug] else []
        else:
            found = [
                record.record_id
                for record in target.records.values()
                if any(main(match.type, value) == wanted for value in record.read(match.api_slug))
            ]
        if len(found) != 1:
            raise Refusal(
                400,
                "value_not_found",
                f'{len(found)} {target.api_slug} records match the value of "{slug}"; one is needed.',
            )
        return target.api_slug, found[0]

    def find_member(self, value: Any, slug: str) -> str:
        """Return the id of the one workspace member."""
        known = {MEMBER_ID, "member@sandbox.attio.com"}
        if isinstance(value, dict):
            if set(value) == {"workspace_member_email_address"}:
                value = value["workspace_member_email_address"]
            elif (
                set(value) == {"referenced_actor_type", "referenced_actor_id"}
                and value["referenced_actor_type"] == "workspace-member"
            ):
                value = value["referenced_actor_id"]
            else:
                raise invalid(slug, "a workspace member is expected")
        if value not in known:
            raise Refusal(400, "value_not_found", f'Cannot find workspace member "{value}".')
        return MEMBER_ID

    # Records

    def find_record(self, target: Object, record_id: str) -> Record:
        """Return a record; refuse with 404."""
        found = target.records.get(record_id)
        if found is None:
            raise Refusal(404, "not_found", f'Could not find record with ID "{record_id}".')
        return found

    def create(
        self,
        target: Object,
        values: Any,
        actor: Json = API_TOKEN,
        *,
        record_id: str | None = None,
        created_ns: int | None = None,
    ) -> Record:
        """Create a record; nothing is stored unless everything fits."""
        parsed = self._parse_all(target, values)
        self._add_defaults(target, parsed, actor)
        missing = [
            one.api_slug for one in target.attributes.values() if one.is_required and not parsed.get(one.api_slug)
        ]
        if missing:
            raise _missing(missing[0])
        self._check_unique(target, parsed, None)
        record = Record(record_id or str(uuid.uuid4()), created_ns or self.now(), actor)
        target.records[record.record_id] = record
        if target.in_order is not None and (not target.in_order or target.in_order[-1].created_ns < record.created_ns):
            target.in_order.append(record)
        else:
            target.in_order = None
        self._store(target, record, parsed, actor=actor, how="create")
        return record

    def update(self, target: Object, record: Record, values: Any, how: How, actor: Json = API_TOKEN) -> Record:
        """Write to a record: `patch` adds to lists, `put` replaces them; nothing is stored unless everything fits."""
        parsed = self._parse_all(target, values)
        self._check_update(target, record, parsed, how)
        self._store(target, record, parsed, actor=actor, how=how)
        return record

    def _check_update(self, target: Object, record: Record, parsed: Parsed, how: How) -> None:
        for slug, written in parsed.items():
            attribute = target.attributes[slug]
            adds_nothing = how == "patch" and attribute.is_multiselect and written == []
            if attribute.is_required and not written and not adds_nothing:
                raise _missing(slug)
        self._check_unique(target, parsed, record.record_id)

    def create_or_update(self, target: Object, matching: str | None, values: Any) -> Record:
        """Create or update by one unique attribute, whose values are added to; other lists are replaced."""
        if not matching:
            raise Refusal(400, "validation_type", "The query parameter matching_attribute is required.")
        attribute = target.find_attribute(matching)
        if attribute is None:
            message = f'No attribute was found for matching_attribute slug/ID "{matching}".'
            raise Refusal(400, "value_not_found", message)
        if not attribute.is_unique:
            message = f'The matching attribute "{matching}" is not unique.'
            raise Refusal(400, "matching_attribute_definition_not_unique", message)
        parsed = self._parse_all(target, values)
        keys = [main(attribute.type, value) for value in parsed.get(attribute.api_slug) or []]
        if not keys:
            raise Refusal(400, "missing_value", f'A value for the matching attribute "{matching}" is required.')
        found = {target.taken[attribute.api_slug][key] for key in keys if key in target.taken[attribute.api_slug]}
        if len(found) > 1:
            raise Refusal(400, "multiple_match_results", f'{len(found)} records match the values of "{matching}".')
        if not found:
            return self.create(target, values)
        record = target.records[found.pop()]
        self._check_update(target, record, parsed, "assert")
        self._store(target, record, parsed, actor=API_TOKEN, how="assert", matching=attribute.api_slug)
        return record

    def delete(self, target: Object, record: Record) -> None:
        """Delete for good: its unique values are free again, references to it are gone."""
        for slug, taken in target.taken.items():
            for value in record.read(slug):
                taken.pop(main(target.attributes[slug].type, value), None)
        del target.records[record.record_id]
        target.in_order = None
        now = moment(self.now())
        for other in self.objects.values():
            for attribute in other.attributes.values():
                if target.object_id in (attribute.allowed_objects or ()):
                    for holder in other.records.values():
                        _forget(other, holder, attribute, record.record_id, now=now)

    @staticmethod
    def _add_defaults(target: Object, parsed: Parsed, actor: Json) -> None:
        for attribute in target.attributes.values():
            if attribute.default_value is None or attribute.is_archived or attribute.api_slug in parsed:
                continue
            template = attribute.default_value["template"]
            if attribute.default_value["type"] == "dynamic":
                template = [{"referenced_actor_type": actor["type"], "referenced_actor_id": actor["id"]}]
            parsed[attribute.api_slug] = [
                {key: v for key, v in value.items() if key != "attribute_type"} for value in template
            ]

    def _parse_all(self, target: Object, values: Any) -> Parsed:
        if not isinstance(values, dict):
            raise Refusal(400, "validation_type", "data.values is to be an object.")
        parsed: Parsed = {}
        for slug_or_id, written in values.items():
            attribute = target.find_attribute(slug_or_id)
            if attribute is None or attribute.is_archived:
                raise Refusal(400, "value_not_found", f'Cannot find attribute with slug/ID "{slug_or_id}".')
            if not attribute.is_writable:
                raise Refusal(400, "validation_type", f'Attribute "{attribute.api_slug}" cannot be written.')
            if written is None:
                parsed[attribute.api_slug] = None
                continue
            if attribute.is_multiselect and not isinstance(written, list):
                raise invalid(attribute.api_slug, "a list is expected")
            listed = written if isinstance(written, list) else [written]
            if len(listed) > 1 and not attribute.is_multiselect:
                raise invalid(attribute.api_slug, "one value is expected")
            unique: dict[Any, Json] = {}
            for each in listed:
                value = parse(attribute, each, self)
                unique.setdefault(main(attribute.type, value), value)
            parsed[attribute.api_slug] = list(unique.values())
        return parsed

    @staticmethod
    def _check_unique(target: Object, parsed: Parsed, own_id: str | None) -> None:
        for slug, taken in target.taken.items():
            attribute = target.attributes[slug]
            for value in parsed.get(slug) or ():
                if taken.get(main(attribute.type, value), own_id) != own_id:
                    key = MAIN_KEY.get(attribute.type, "value")
                    shown = json.dumps(json.dumps({key: value[key]}, separators=(",", ":")))
                    message = (
                        f'The value {shown} provided for attribute with ID "{attribute.attribute_id}" conflicts with one '
                        "already in the system. This attribute has a uniqueness constraint."
                    )
                    raise Refusal(400, "uniqueness_conflict", message)

    def _store(
        self, target: Object, record: Record, parsed: Parsed, *, actor: Json, how: How, matching: str | None = None
    ) -> None:
        now = moment(record.created_ns if how == "create" else self.now())
        for slug, written in parsed.items():
            attribute = target.attributes[slug]
            before = record.read(slug)
            held = {main(attribute.type, value): value for value in before}
            after = [
                held.get(main(attribute.type, value)) or self._stamped(attribute, value, actor, now)
                for value in written or ()
            ]
            adds = attribute.is_multiselect and (how == "patch" or (how == "assert" and slug == matching))
            if adds and written is not None:
                after = [value for value in after if value not in before] + before
            if after != before:
                self._replace(target, record, attribute, after, now=now)
                self._write_other_side(target, record, attribute, (before, after), actor=actor, now=now)

    @staticmethod
    def _replace(target: Object, record: Record, attribute: Attribute, after: list[Json], *, now: str) -> None:
        """Make `after` the values of an attribute; those that go are remembered, unique ones are free again."""
        slug = attribute.api_slug
        before = record.values.get(slug, [])
        record.history.setdefault(slug, []).extend({**v, "active_until": now} for v in before if v not in after)
        record.values[slug] = after
        taken = target.taken.get(slug)
        if taken is None:
            return
        for value in before:
            if taken.get(main(attribute.type, value)) == record.record_id:
                del taken[main(attribute.type, value)]
        for value in after:
            taken[main(attribute.type, value)] = record.record_id

    @staticmethod
    def _stamped(attribute: Attribute, value: Json, actor: Json, now: str) -> Json:
        return {
            "active_from": now,
            "active_until": None,
            "created_by_actor": actor,
            "attribute_type": attribute.type,
            **value,
        }

    def _write_other_side(
        self,
        target: Object,
        record: Record,
        attribute: Attribute,
        change: tuple[list[Json], list[Json]],
        *,
        actor: Json,
        now: str,
    ) -> None:
        """Keep the other side of a relationship in step: people.company and companies.team (section 14)."""
        if attribute.inverse is None:
            return
        other_object = self.find_object(attribute.inverse[0])
        other_attribute = other_object.attributes[attribute.inverse[1]]
        before, after = ({value["target_record_id"] for value in values} for values in change)
        for other_id in before - after:
            _forget(other_object, other_object.records[other_id], other_attribute, record.record_id, now=now)
        for other_id in sorted(after - before):
            other = other_object.records[other_id]
            current = other.read(other_attribute.api_slug)
            if not other_attribute.is_multiselect:  # the record leaves the one it belonged to
                for old in current:
                    _forget(target, target.records[old["target_record_id"]], attribute, other_id, now=now)
                current = []
            value = {"target_object": target.api_slug, "target_record_id": record.record_id}
            added = [*current, self._stamped(other_attribute, value, actor, now)]
            self._replace(other_object, other, other_attribute, added, now=now)

    def document(self, target: Object, record: Record) -> Json:
        """Return a record as the API shows it: every attribute, an empty list where there is no value."""
        created = moment(record.created_ns)
        stamp = {"active_from": created, "active_until": None, "created_by_actor": record.created_by}
        values: Json = {}
        for slug, attribute in target.attributes.items():
            if attribute.is_archived:
                continue
            if slug in {"record_id", "created_at", "created_by"}:
                values[slug] = [{**stamp, **value, "attribute_type": attribute.type} for value in record.read(slug)]
            else:
                values[slug] = record.values.get(slug, [])
        kind = {"companies": "company", "people": "person"}.get(target.api_slug, f"custom/{target.api_slug}")
        return {
            "id": {"workspace_id": WORKSPACE_ID, "object_id": target.object_id, "record_id": record.record_id},
            "created_at": created,
            "web_url": f"https://app.attio.com/{self.slug}/{kind}/{record.record_id}",
            "values": values,
        }

    # Seeds

    def seed(self, path: Path) -> int:
        """Read records from NDJSON of `{object, values, record_id?, created_at?, actor?}`; return how many.

        Raises `ValueError` naming the line that cannot be taken.
        """
        count = 0
        for number, entry in _lines(path):
            try:
                self._seed_one(entry)
            except Refusal as refusal:
                details = "; ".join(each["message"] for each in refusal.body.get("validation_errors", ()))
                raise ValueError(f"{path}, line {number}: {refusal.body['message']} {details}".strip()) from refusal
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(
                    f"{path}, line {number}: not {{object, values, record_id?, created_at?, actor?}} ({error})"
                ) from error
            count += 1
        for target in self.objects.values():
            target.in_order = None
        return count

    def _seed_one(self, entry: Json) -> None:
        unknown = set(entry) - {"object", "values", "record_id", "created_at", "actor"}
        if unknown:
            raise ValueError(f"unknown key {min(unknown)}")
        created = None
        if entry.get("created_at"):
            created = int(dt.datetime.fromisoformat(entry["created_at"]).timestamp() * 10**6) * 1000
        if entry.get("record_id") is not None and not is_uuid(entry["record_id"]):
            raise ValueError("record_id is no UUID")
        target = self.find_object(entry["object"])
        if created is not None:
            while created in self._seeded_at:
                created += 1  # two records of one moment keep their order
            self._seeded_at.add(created)
        actor = _actor(entry.get("actor"))
        self.create(target, entry["values"], actor, record_id=entry.get("record_id"), created_ns=created)

    @property
    def _seeded_at(self) -> set[int]:
        return self.__dict__.setdefault("_seeded_moments", set())  # type: ignore[no-any-return]


def _actor(written: Any) -> Json:
    if written is None:
        return API_TOKEN
    kind = written.get("type") if isinstance(written, dict) else written
    known = {"api-token": API_TOKEN, "workspace-member": MEMBER, "system": SYSTEM}
    if kind not in known:
        raise ValueError(f"unknown actor {kind}")
    return known[kind]


def _lines(path: Path) -> Iterator[tuple[int, Json]]:
    opened = gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")
    with opened as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    yield number, json.loads(line)
                except ValueError as error:
                    raise ValueError(f"{path}, line {number}: not JSON ({error})") from error


def _missing(slug: str) -> Refusal:
    return Refusal(400, "missing_value", f'Required value for attribute with slug "{slug}" was not provided.')


def _forget(target: Object, holder: Record, attribute: Attribute, record_id: str, *, now: str) -> None:
    """Take a reference to a record out of what `holder` holds."""
    held = holder.values.get(attribute.api_slug)
    if held and any(value["target_record_id"] == record_id for value in held):
        kept = [value for value in held if value["target_record_id"] != record_id]
        Workspace._replace(target, holder, attribute, kept, now=now)  # noqa: SLF001


def _keys(data: Any, required: Iterable[str], allowed: Iterable[str]) -> None:
    if not isinstance(data, dict):
        raise Refusal(400, "validation_type", "data is to be an object.")
    missing, unknown = sorted(set(required) - set(data)), sorted(set(data) - set(allowed))
    if missing or unknown:
        what = f'"{missing[0]}" is required' if missing else f'"{unknown[0]}" is not allowed'
        raise Refusal(400, "validation_type", f"Body payload validation error: {what}.")


def _strings(data: Any, names: set[str], *, required: bool) -> None:
    _keys(data, names if required else (), names)
    if not data or not all(isinstance(value, str) and value for value in data.values()):
        raise Refusal(400, "validation_type", f"Non-empty strings are expected for {', '.join(sorted(names))}.")
