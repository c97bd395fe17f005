"""Creating and changing attributes and options (API facts, section 5)."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

from sync.sandbox.model import Attribute, List, moment, option_document, status_document
from sync.sandbox.values import (
    CREATABLE_TYPES,
    CURRENCIES,
    MULTISELECT_TYPES,
    Json,
    Refusal,
    check_keys,
    check_slug,
    main,
    parse,
)

if TYPE_CHECKING:
    from sync.sandbox.model import Object
    from sync.sandbox.workspace import Workspace

REQUIRED = {"title", "description", "api_slug", "type", "is_required", "is_unique", "is_multiselect", "config"}
CHANGEABLE = REQUIRED - {"type", "is_multiselect"} | {"default_value", "is_archived"}
FLAGS = {"is_required", "is_unique", "is_multiselect", "is_archived"}


def create_attribute(workspace: Workspace, target: Object, data: Json) -> Attribute:
    """Create a custom attribute, and the other side of a relationship; nothing is created unless everything fits."""
    check_keys(data, REQUIRED, REQUIRED | {"default_value", "relationship"})
    _check_settings(target, data)
    kind = data["type"]
    on_list = isinstance(target, List)
    if not isinstance(kind, str) or kind not in CREATABLE_TYPES or (kind == "status" and not on_list):
        raise _malformed(f'Attributes of type "{kind}" cannot be created on {"lists" if on_list else "objects"}.')
    if on_list and data.get("relationship") is not None:
        raise _malformed("relationship is for attributes of objects.")
    if data["is_multiselect"] and kind not in MULTISELECT_TYPES:
        raise _malformed(f'Attributes of type "{kind}" cannot be multiselect.')
    if data["is_unique"] and kind not in {"text", "number", "domain", "email-address", "phone-number"}:
        raise _malformed("Cannot set attribute as unique.")
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
        created_at=moment(workspace.now()),
    )
    relationship = data.get("relationship")
    _configure(workspace, attribute, data["config"], relationship["object"] if isinstance(relationship, dict) else None)
    attribute.default_value = _default(workspace, attribute, data.get("default_value"))
    if relationship is not None:
        _relate(workspace, attribute, relationship)
    target.attributes[attribute.api_slug] = attribute
    if attribute.is_unique:
        target.taken[attribute.api_slug] = {}
    return attribute


def update_attribute(workspace: Workspace, target: Object, attribute: Attribute, data: Json) -> Attribute:
    """Change what may be changed of an attribute; its type and whether it holds several values may not."""
    check_keys(data, set(), CHANGEABLE)
    if not data:
        raise _malformed("Nothing to change was given.")
    if attribute.is_system_attribute:
        raise Refusal(400, "system_edit_unauthorized", "System attributes cannot be changed.")
    slug = data.get("api_slug", attribute.api_slug)
    _check_settings(
        target, {key: value for key, value in data.items() if key != "api_slug" or slug != attribute.api_slug}
    )
    if "config" in data:
        _configure(workspace, attribute, data["config"], None)
    if "default_value" in data:
        attribute.default_value = _default(workspace, attribute, data["default_value"])
    if slug != attribute.api_slug:
        _rename(workspace, target, attribute, slug)
    for name in data.keys() & {"title", "description", "is_required", "is_archived"}:
        setattr(attribute, name, data[name])
    if "is_unique" in data:
        _set_unique(target, attribute, unique=data["is_unique"])
    return attribute


def _malformed(message: str) -> Refusal:
    return Refusal(400, "validation_type", f"Body payload validation error: {message}")


def _check_settings(target: Object, data: Json) -> None:
    """Refuse settings of the wrong type, those that standard objects do not take, and a slug that is taken."""
    wrong = [name for name in sorted(data.keys() & FLAGS) if not isinstance(data[name], bool)]
    if "title" in data and not (isinstance(data["title"], str) and data["title"]):
        wrong.append("title")
    if not isinstance(data.get("description"), str | None):
        wrong.append("description")
    if wrong:
        raise _malformed(f'"{wrong[0]}" has the wrong type.')
    if "api_slug" in data:
        check_slug(data["api_slug"])
    if target.is_standard:
        if data.get("is_unique"):
            raise Refusal(400, "validation_type", "Cannot set attribute as unique.")
        if data.get("default_value") is not None:
            raise _malformed("Default values are not supported on people and companies.")
    if data.get("api_slug") in target.attributes:
        raise Refusal(409, "slug_conflict", f'An attribute with the slug "{data["api_slug"]}" exists already.')


def _configure(workspace: Workspace, attribute: Attribute, config: Any, related: Any) -> None:
    if not isinstance(config, dict) or not set(config) <= {"currency", "record_reference"}:
        raise _malformed("config is {currency?, record_reference?}.")
    if attribute.type == "currency":
        currency: Any = config.get("currency")
        check_keys(currency, {"default_currency_code", "display_type"}, {"default_currency_code", "display_type"})
        code, shown = currency["default_currency_code"], currency["display_type"]
        if str(code) not in CURRENCIES or str(shown) not in {"code", "name", "narrowSymbol", "symbol"}:
            raise _malformed("config.currency needs a known default_currency_code and display_type.")
        attribute.currency_code, attribute.display_type = code, shown
    if attribute.type == "record-reference":
        reference = config.get("record_reference", {} if related is None else {"allowed_objects": [related]})
        check_keys(reference, {"allowed_objects"}, {"allowed_objects"})
        allowed = reference["allowed_objects"]
        if not isinstance(allowed, list) or not allowed:
            raise _malformed("config.record_reference.allowed_objects names at least one object.")
        attribute.allowed_objects = [workspace.find_object(each).object_id for each in allowed]
        if related is not None and attribute.allowed_objects != [workspace.find_object(related).object_id]:
            raise _malformed("config.record_reference.allowed_objects may name the related object only.")


def _default(workspace: Workspace, attribute: Attribute, written: Any) -> Json | None:
    if written is None:
        return None
    check_keys(written, {"type", "template"}, {"type", "template"})
    kind, template = written["type"], written["template"]
    if kind == "dynamic" and attribute.type == "actor-reference" and template == "current-user":
        return {"type": kind, "template": template}
    if kind != "static" or not isinstance(template, list) or (len(template) > 1 and not attribute.is_multiselect):
        raise _malformed(
            "default_value is a static template, or current-user for an actor; the sandbox knows no durations."
        )
    values = [parse(attribute, each, workspace) for each in template]
    return {"type": kind, "template": [{"attribute_type": attribute.type, **value} for value in values]}


def _relate(workspace: Workspace, attribute: Attribute, relationship: Any) -> None:
    """Create the other side of a two-way reference."""
    names = {"object", "title", "api_slug", "is_multiselect"}
    check_keys(relationship, names, names)
    if attribute.type != "record-reference":
        raise _malformed("relationship is for attributes of type record-reference.")
    other = workspace.find_object(relationship["object"])
    _check_settings(other, {key: relationship[key] for key in ("title", "api_slug", "is_multiselect")})
    slug = relationship["api_slug"]
    if other.object_id == attribute.object_id and slug == attribute.api_slug:
        raise Refusal(409, "slug_conflict", "Both sides of the relationship have the same slug.")
    other.attributes[slug] = Attribute(
        other.object_id,
        str(uuid.uuid4()),
        relationship["title"],
        slug,
        "record-reference",
        is_multiselect=relationship["is_multiselect"],
        allowed_objects=[attribute.object_id],
        inverse=(attribute.object_id, attribute.api_slug),
        created_at=moment(workspace.now()),
    )
    attribute.inverse = (other.object_id, slug)


def _rename(workspace: Workspace, target: Object, attribute: Attribute, slug: str) -> None:
    old, attribute.api_slug = attribute.api_slug, slug
    target.attributes = {slug if key == old else key: one for key, one in target.attributes.items()}
    if old in target.taken:
        target.taken[slug] = target.taken.pop(old)
    for record in target.records.values():
        for values in (record.values, record.history):
            if old in values:
                values[slug] = values.pop(old)
    if attribute.inverse is not None:
        other_id, other_slug = attribute.inverse
        workspace.find_object(other_id).attributes[other_slug].inverse = (target.object_id, slug)


def _set_unique(target: Object, attribute: Attribute, *, unique: bool) -> None:
    """Turn uniqueness on or off; what was stored twice before stays so."""
    slug, attribute.is_unique = attribute.api_slug, unique
    target.taken.pop(slug, None)
    if unique:
        target.taken[slug] = {
            main(attribute.type, value): record.record_id
            for record in target.records.values()
            for value in record.read(slug)
        }


# Options of selects, and statuses


DURATION = re.compile(r"P(?=.)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=.)(\d+([.,]\d+)?H)?(\d+([.,]\d+)?M)?(\d+([.,]\d+)?S)?)?")
OF_STATUS = {"celebration_enabled", "target_time_in_status"}


def check_kind(attribute: Attribute, kind: str) -> None:
    """Refuse an attribute that is not of that type: `select` or `status`."""
    if attribute.type != kind:
        raise Refusal(400, "validation_type", f'Attribute "{attribute.api_slug}" is not a {kind}.')


def create_option(attribute: Attribute, kind: str, data: Json) -> Json:
    """Add an option to a select or a status."""
    check_kind(attribute, kind)
    check_keys(data, {"title"}, {"title"} if kind == "select" else {"title", *OF_STATUS})
    _check_option(attribute, data, None)
    option_id = str(uuid.uuid4())
    attribute.options.append(
        option_document(attribute, data["title"], option_id)
        if kind == "select"
        else status_document(attribute, data, option_id)
    )
    return attribute.options[-1]


def update_option(attribute: Attribute, kind: str, option_id: str, data: Json) -> Json:
    """Rename, change or archive an option of a select or a status."""
    check_kind(attribute, kind)
    check_keys(data, set(), {"title", "is_archived"} | (set() if kind == "select" else OF_STATUS))
    for option in attribute.options:
        if option_id in {*option["id"].values(), option["title"]} - set(attribute.ids().values()):
            _check_option(attribute, data, option)
            option.update(data)
            return option
    raise Refusal(404, "not_found", f'Could not find {kind} option with ID "{option_id}".')


def _check_option(attribute: Attribute, data: Json, but: Json | None) -> None:
    title, lasting = data.get("title", "unchanged"), data.get("target_time_in_status")
    flags = [data.get(name, False) for name in ("is_archived", "celebration_enabled")]
    if not data or not isinstance(title, str) or not title or not all(isinstance(flag, bool) for flag in flags):
        raise _malformed("an option has a title and may be archived.")
    if lasting is not None and not (isinstance(lasting, str) and DURATION.fullmatch(lasting)):
        raise _malformed("target_time_in_status is to be an ISO 8601 duration.")
    if "title" in data and any(other is not but and other["title"] == title for other in attribute.options):
        raise Refusal(409, "slug_conflict", f'An option with the title "{title}" exists already.')
