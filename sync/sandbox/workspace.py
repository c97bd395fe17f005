"""The workspace: objects, attributes, options, records, and the rules of writing (API facts, sections 4 to 9, 13)."""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any, Literal

from sync.sandbox.attached import Attached
from sync.sandbox.model import (
    API_TOKEN,
    EVERYWHERE,
    MEMBER_ID,
    ON_LISTS,
    PARENT,
    STANDARD,
    STANDARD_OPTIONS,
    WORKSPACE_ID,
    Attribute,
    List,
    Object,
    Record,
    fixed_id,
    moment,
    option_document,
)
from sync.sandbox.values import (
    MAIN_KEY,
    Json,
    Refusal,
    check_slug,
    check_strings,
    invalid,
    is_uuid,
    main,
    missing_value,
    parse,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

How = Literal["create", "patch", "put", "assert"]
Parsed = dict[str, list[Json] | None]  # read values by slug; None where null was written


class Workspace:
    """Everything the sandbox holds, and every rule of writing to it."""

    slug = "sandbox"
    name = "Sandbox"

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.lists: dict[str, List] = {}  # by id
        self.attached = Attached()
        self.readable_from: dict[str, float] = {}  # records that a merge is still making: id -> seconds of the clock
        self._last_ns = 0
        for slug, singular, plural in (("companies", "Company", "Companies"), ("people", "Person", "People")):
            self._add_object(fixed_id(slug), slug, singular, plural)
            for attribute_slug, kind, title, flags in STANDARD[slug]:
                _add_standard(self.objects[slug], attribute_slug, kind, title, flags)
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
        for attribute_slug, kind, title, flags in EVERYWHERE:
            _add_standard(added, attribute_slug, kind, title, flags)
        return added

    def add_list(self, added: List) -> List:
        """Take in a list, with the attributes that every list has."""
        self.lists[added.object_id] = added
        for slug, kind, title, flags in ON_LISTS:
            _add_standard(added, slug, kind, title, flags)
        added.attributes[PARENT].allowed_objects = [added.parent.object_id]
        return added

    def tables(self) -> list[Object]:
        """Return whatever has attributes: objects and lists."""
        return [*self.objects.values(), *self.lists.values()]

    def create_object(self, data: Json) -> Object:
        """Create a custom object."""
        check_strings(data, {"api_slug", "singular_noun", "plural_noun"}, required=True)
        self._check_names(data, None)
        return self._add_object(str(uuid.uuid4()), data["api_slug"], data["singular_noun"], data["plural_noun"])

    def update_object(self, target: Object, data: Json) -> Object:
        """Change slug or nouns of an object."""
        check_strings(data, {"api_slug", "singular_noun", "plural_noun"}, required=False)
        self._check_names(data, target)
        if target.api_slug in STANDARD and data.get("api_slug", target.api_slug) != target.api_slug:
            raise Refusal(400, "validation_type", "The slug of a standard object cannot be changed.")
        old = target.api_slug
        for name, value in data.items():
            setattr(target, name, value)
        self.objects = {target.api_slug if slug == old else slug: one for slug, one in self.objects.items()}
        return target

    def _check_names(self, data: Json, but: Object | None) -> None:
        check_slug(data.get("api_slug", "unchanged"))
        for other in self.objects.values():
            if other is not but and any(getattr(other, name) == value for name, value in data.items()):
                raise Refusal(409, "slug_conflict", "An object with that slug or noun exists already.")

    # Attributes

    def find_attribute(self, target: Object, slug_or_id: str) -> Attribute:
        """Return the attribute of that slug or id; refuse with 404."""
        found = target.find_attribute(slug_or_id)
        if found is None:
            raise Refusal(404, "not_found", f'Could not find attribute with slug/ID "{slug_or_id}".')
        return found

    # References and members, for the value parser

    def find_referenced(self, attribute: Attribute, value: Any) -> tuple[str, str]:
        """Return object slug and record id of what a reference names (sections 6 and 7)."""
        slug = attribute.api_slug
        allowed = [self.find_object(each) for each in attribute.allowed_objects or []]
        if isinstance(value, str):
            return self._find_by_shorthand(slug, allowed, value)
        if not isinstance(value, dict) or len(value) != 2 or not isinstance(value.get("target_object"), str):
            raise invalid(slug, "{target_object, target_record_id} is expected")
        target = next((one for one in allowed if value["target_object"] in {one.api_slug, one.object_id}), None)
        if target is None:
            raise invalid(slug, f'records of "{value["target_object"]}" are not allowed here')
        if "target_record_id" in value:
            return target.api_slug, _known_record(slug, target, value["target_record_id"])
        [(match_slug, written)] = [(key, each) for key, each in value.items() if key != "target_object"]
        match = target.find_attribute(match_slug)
        matchable = {"domain", "email-address", "number", "phone-number", "text"}
        if match is None or not match.is_unique or match.type not in matchable:
            raise invalid(slug, f'"{match_slug}" cannot be matched on')
        written = written if isinstance(written, list) else [written]
        if len(written) != 1:
            raise invalid(slug, "exactly one value to match on is expected")
        return self._the_one(slug, target, match, main(match.type, parse(match, written[0], self)))

    def _find_by_shorthand(self, slug: str, allowed: list[Object], value: str) -> tuple[str, str]:
        for target in allowed:
            if is_uuid(value) and len(allowed) == 1:
                return target.api_slug, _known_record(slug, target, value)
            match = {"companies": "domains", "people": "email_addresses"}.get(target.api_slug)
            if match is not None:
                attribute = target.attributes[match]
                return self._the_one(slug, target, attribute, main(attribute.type, parse(attribute, value, self)))
        raise invalid(slug, "a record reference is expected")

    @staticmethod
    def _the_one(slug: str, target: Object, match: Attribute, wanted: Any) -> tuple[str, str]:
        found = target.taken.get(match.api_slug, {}).get(wanted)
        if found is None:
            raise Refusal(400, "value_not_found", f'No {target.api_slug} record matches the value of "{slug}".')
        return target.api_slug, found

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
        if not isinstance(value, str):
            raise invalid(slug, "a workspace member is expected")
        if value not in known:
            raise Refusal(400, "value_not_found", f'Cannot find workspace member "{value}".')
        return MEMBER_ID

    # Records

    def find_record(self, target: Object, record_id: str, *, to: Literal["read", "write"] = "read") -> Record:
        """Return a record; refuse with 404, to write to one that a merge is still making with 400."""
        found = target.records.get(record_id)
        if found is None:
            raise Refusal(404, "not_found", f'Could not find record with ID "{record_id}".')
        if record_id in self.being_merged():
            status = 404 if to == "read" else 400
            raise Refusal(status, "merge_in_progress", f'Record "{record_id}" is being merged.')
        return found

    def being_merged(self) -> dict[str, float]:
        """Return the records that a merge is still making."""
        if self.readable_from:
            now = time.monotonic()
            self.readable_from = {key: until for key, until in self.readable_from.items() if now < until}
        return self.readable_from

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
        record = Record(record_id or str(uuid.uuid4()), created_ns or self.now(), actor)
        self.store_new(target, record, values)
        return record

    def store_new(self, target: Object, record: Record, values: Any) -> None:
        """Store a record or an entry; nothing is stored unless everything fits."""
        parsed = self._parse_all(target, values)
        self._add_defaults(target, parsed, record.created_by)
        missing = [
            one.api_slug for one in target.attributes.values() if one.is_required and not parsed.get(one.api_slug)
        ]
        if missing:
            raise missing_value(missing[0])
        self._check_unique(target, parsed, None)
        target.add(record)
        self._store(target, record, parsed, actor=record.created_by, how="create")

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
                raise missing_value(slug)
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
        record = self.find_record(target, found.pop(), to="write")
        self._check_update(target, record, parsed, "assert")
        self._store(target, record, parsed, actor=API_TOKEN, how="assert", matching=attribute.api_slug)
        return record

    def delete(self, target: Object, record: Record) -> None:
        """Delete for good: its unique values are free again; references to it, its entries and notes are gone."""
        target.remove(record)
        now = moment(self.now())
        for other, attribute, holder in self.references_to(target, record):
            _forget(other, holder, attribute, record.record_id, now=now)
        self.attached.forget(record.record_id)

    def references_to(self, target: Object, record: Record) -> Iterator[tuple[Object, Attribute, Record]]:
        """Return who refers to a record, and by which attribute; where there is another side, that one knows."""
        for other in self.tables():
            for slug, attribute in other.attributes.items():
                if target.object_id not in (attribute.allowed_objects or ()) or slug == PARENT:
                    continue
                holders = list(other.records.values())
                if attribute.inverse is not None:
                    named = [value["target_record_id"] for value in record.values.get(attribute.inverse[1], ())]
                    holders = [other.records[each] for each in named if each in other.records]
                for holder in holders:
                    held = holder.values.get(slug)
                    if held and any(value["target_record_id"] == record.record_id for value in held):
                        yield other, attribute, holder

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
                        f'The value {shown} provided for attribute with ID "{attribute.attribute_id}" conflicts '
                        "with one already in the system. This attribute has a uniqueness constraint."
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
                self.replace_values(target, record, attribute, after, now=now)
                self._write_other_side(target, record, attribute, (before, after), actor=actor, now=now)

    @staticmethod
    def replace_values(target: Object, record: Record, attribute: Attribute, after: list[Json], *, now: str) -> None:
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
            self.replace_values(other_object, other, other_attribute, added, now=now)

    def document(self, target: Object, record: Record) -> Json:
        """Return a record as the API shows it: every attribute, an empty list where there is no value."""
        kind = {"companies": "company", "people": "person"}.get(target.api_slug, f"custom/{target.api_slug}")
        return {
            "id": {"workspace_id": WORKSPACE_ID, "object_id": target.object_id, "record_id": record.record_id},
            "created_at": moment(record.created_ns),
            "web_url": f"https://app.attio.com/{self.slug}/{kind}/{record.record_id}",
            "values": values_of(target, record),
        }


def values_of(target: Object, record: Record) -> Json:
    """Return the values of a record or of an entry as the API shows them."""
    stamp = {
        "active_from": moment(record.created_ns),
        "active_until": None,
        "created_by_actor": record.created_by,
    }
    values: Json = {}
    for slug, attribute in target.attributes.items():
        if attribute.is_archived or slug == PARENT:
            continue
        if slug in {"record_id", "entry_id", "created_at", "created_by"}:
            values[slug] = [{**stamp, **value, "attribute_type": attribute.type} for value in record.read(slug)]
        else:
            values[slug] = record.values.get(slug, [])
    return values


def _add_standard(target: Object, slug: str, kind: str, title: str, flags: str) -> None:
    attribute = Attribute(
        target.object_id,
        fixed_id(target.object_id if isinstance(target, List) else target.api_slug, slug),
        title,
        slug,
        kind,
        is_system_attribute=True,
        is_writable="readonly" not in flags,
        is_unique="unique" in flags,
        is_multiselect="multi" in flags,
        created_at=target.created_at,
    )
    if kind == "currency":
        attribute.currency_code, attribute.display_type = "USD", "symbol"
    target.attributes[slug] = attribute
    for option in STANDARD_OPTIONS.get(slug, ()):
        attribute.options.append(option_document(attribute, option, fixed_id(attribute.attribute_id, option)))
    if attribute.is_unique and attribute.is_writable:
        target.taken[slug] = {}


def _known_record(slug: str, target: Object, record_id: Any) -> str:
    if not isinstance(record_id, str) or not is_uuid(record_id):
        raise invalid(slug, "target_record_id is to be a UUID")
    if record_id not in target.records:
        raise Refusal(400, "value_not_found", f'Cannot find {target.api_slug} record with ID "{record_id}".')
    return record_id


def _forget(target: Object, holder: Record, attribute: Attribute, record_id: str, *, now: str) -> None:
    """Take a reference to a record out of what `holder` holds."""
    held = holder.values.get(attribute.api_slug)
    if held and any(value["target_record_id"] == record_id for value in held):
        kept = [value for value in held if value["target_record_id"] != record_id]
        Workspace.replace_values(target, holder, attribute, kept, now=now)
