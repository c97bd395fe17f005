"""Filters and sorts of `records/query` (API facts, section 7, 'Query')."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from sync.sandbox.values import CHOICE_KEY, MAIN_KEY, Json, Refusal, moment_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sync.sandbox.model import Attribute, Object, Record
    from sync.sandbox.workspace import Workspace

FIELDS = {
    "personal-name": {"first_name", "last_name", "full_name"},
    "email-address": {
        "email_address",
        "email_domain",
        "email_root_domain",
        "email_local_specifier",
        "original_email_address",
    },
    "domain": {"domain", "root_domain"},
    "phone-number": {"phone_number", "country_code", "original_phone_number"},
    "location": {"line_1", "line_2", "line_3", "line_4", "locality", "region", "postcode", "country_code"},
    "currency": {"currency_value"},
    "select": {"option"},
    "status": {"status"},
    "record-reference": {"target_object", "target_record_id"},
    "actor-reference": {"referenced_actor_type", "referenced_actor_id"},
}
STRINGS = {"text", "personal-name", "email-address", "domain", "phone-number", "location"}
ORDERED = {"number", "currency", "rating", "date", "timestamp"}
TEXTUAL = {"$contains", "$starts_with", "$ends_with"}
ORDERING = {"$lt", "$lte", "$gt", "$gte"}


def _refuse(code: str, message: str, path: list[str]) -> Refusal:
    return Refusal(400, code, message, path=path)


def predicate(
    workspace: Workspace, target: Object, found: Any, path: list[str] | None = None
) -> Callable[[Record], bool]:
    """Return the test that a filter describes; raise `Refusal` naming the path of what is wrong in it."""
    path = path or []
    if not isinstance(found, dict):
        raise _refuse("filter_error", "A filter is to be an object.", path)
    if set(found) == {"path", "constraints"}:
        return _through_references(workspace, target, found, path)
    tests: list[Callable[[Record], bool]] = []
    for key, wanted in found.items():
        here = [*path, key]
        if key in {"$and", "$or"}:
            if not isinstance(wanted, list):
                raise _refuse("filter_error", f"{key} expects a list.", here)
            tests.append(_joined(key, [predicate(workspace, target, each, here) for each in wanted]))
        elif key == "$not":
            if isinstance(wanted, dict) and any(name in {"$or", "$and"} for name in wanted):
                name = next(name for name in wanted if name in {"$or", "$and"})
                raise _refuse("unknown_filter_attribute_slug", f'Unknown attribute slug: "{name}"', here)
            inner = predicate(workspace, target, wanted, here)
            tests.append(lambda record, inner=inner: not inner(record))  # type: ignore[misc]
        elif key.startswith("$"):
            raise _refuse("unknown_filter_attribute_slug", f'Unknown attribute slug: "{key}"', here)
        else:
            attribute = target.find_attribute(key)
            if attribute is None:
                raise _refuse("unknown_filter_attribute_slug", f'Unknown attribute slug: "{key}"', here)
            tests.append(_of_attribute(attribute, wanted, here))
    return _joined("$and", tests)


def _joined(operator: str, tests: list[Callable[[Record], bool]]) -> Callable[[Record], bool]:
    if operator == "$or":
        return lambda record: any(test(record) for test in tests)
    return lambda record: all(test(record) for test in tests)


def _of_attribute(attribute: Attribute, wanted: Any, path: list[str]) -> Callable[[Record], bool]:
    kind = attribute.type
    if not isinstance(wanted, dict):
        return _of_field(attribute, _default_field(kind), {"$eq": wanted}, path)
    if not wanted:
        raise _refuse("filter_error", "A condition is expected.", path)
    if all(key.startswith("$") for key in wanted):
        return _of_field(attribute, _default_field(kind), wanted, path)
    tests = []
    for field, condition in wanted.items():
        if field not in FIELDS.get(kind, {"value"}):
            message = f'Attribute "{attribute.api_slug}" has no field "{field}".'
            raise _refuse("invalid_filter_field", message, [*path, field])
        operators = condition if isinstance(condition, dict) else {"$eq": condition}
        tests.append(_of_field(attribute, field, operators, [*path, field]))
    return _joined("$and", tests)


def _default_field(kind: str) -> str:
    return CHOICE_KEY.get(kind, MAIN_KEY.get(kind, "value"))


def _of_field(attribute: Attribute, field: str, condition: Json, path: list[str]) -> Callable[[Record], bool]:
    slug = attribute.api_slug
    if not condition:
        raise _refuse("filter_error", "A condition is expected.", path)
    tests: list[Callable[[Any], bool]] = []
    for operator, operand in condition.items():
        here = [*path, operator]
        if not _fits(attribute, field, operator):
            raise _refuse("invalid_filter_operator", f'Operator "{operator}" does not fit attribute "{slug}".', here)
        tests.append(_comparison(operator, _operand(attribute, field, operator, operand, here)))

    def holds(record: Record) -> bool:
        found = [_read(attribute.type, field, value) for value in record.read(slug)]
        return any(all(test(one) for test in tests) for one in found)

    return holds


def _fits(attribute: Attribute, field: str, operator: str) -> bool:
    kind = attribute.type
    if operator in TEXTUAL:
        return kind in STRINGS
    if operator in ORDERING:
        return kind in ORDERED
    if operator == "$in":
        return attribute.api_slug == "record_id" or field == "target_record_id"
    return operator == "$eq" or (operator == "$not_empty" and kind not in {"email-address", "status"})


def _operand(attribute: Attribute, field: str, operator: str, operand: Any, path: list[str]) -> Any:
    """Return what values are compared with; refuse what is of another type than they are."""
    kind = attribute.type
    if operator == "$in":
        if isinstance(operand, list) and all(isinstance(each, str) for each in operand):
            return operand
        raise _refuse("filter_error", "$in expects a list of ids.", path)
    if operator == "$not_empty":
        if operand is True:
            return operand
        raise _refuse("filter_error", "$not_empty expects true.", path)
    if kind == "timestamp" and isinstance(operand, str) and operand.endswith("Z"):
        with contextlib.suppress(ValueError):
            return moment_of(operand)
    expected = "number" if kind in {"number", "rating", "currency"} else "checkbox" if kind == "checkbox" else "text"
    given = "checkbox" if isinstance(operand, bool) else "number" if isinstance(operand, int | float) else "text"
    if kind == "timestamp" or given != expected or not isinstance(operand, bool | int | float | str):
        raise _refuse("filter_error", f'Attribute "{attribute.api_slug}" cannot be compared with that.', path)
    if isinstance(operand, str):
        if kind == "date" and len(operand) != len("2026-01-01"):
            raise _refuse("filter_error", "A date YYYY-MM-DD is expected.", path)
        if kind in {"email-address", "domain"} and field != "original_email_address":
            return operand.lower()  # as it is stored
    return operand


def _read(kind: str, field: str, value: Json) -> Any:
    if kind in CHOICE_KEY:
        choice = value[CHOICE_KEY[kind]]
        return (choice["title"], choice["id"][f"{CHOICE_KEY[kind]}_id"])
    return moment_of(value["value"]) if kind == "timestamp" else value[field]


def _comparison(operator: str, operand: Any) -> Callable[[Any], bool]:
    if operator == "$not_empty":
        return lambda _: True
    if operator == "$in":
        return lambda value: value in operand
    if operator == "$eq":
        return lambda value: operand in value if isinstance(value, tuple) else value == operand
    if operator in TEXTUAL:
        part = operand.lower()
        return {
            "$contains": lambda value: value is not None and part in value.lower(),
            "$starts_with": lambda value: value is not None and value.lower().startswith(part),
            "$ends_with": lambda value: value is not None and value.lower().endswith(part),
        }[operator]
    return {
        "$lt": lambda value: value < operand,
        "$lte": lambda value: value <= operand,
        "$gt": lambda value: value > operand,
        "$gte": lambda value: value >= operand,
    }[operator]


def _through_references(workspace: Workspace, target: Object, found: Json, path: list[str]) -> Callable[[Record], bool]:
    steps = _steps(workspace, target, found["path"], [*path, "path"])
    attribute = steps[-1]
    holds = _of_attribute(attribute, found["constraints"], [*path, "constraints"])
    for step in reversed(steps[:-1]):
        holds = _one_step(workspace, step.api_slug, holds)
    return holds


def _steps(workspace: Workspace, target: Object, written: Any, path: list[str]) -> list[Attribute]:
    """Return the attributes of a path from the queried object; all but the last are references."""
    pairs = isinstance(written, list) and all(
        isinstance(step, list) and len(step) == 2 and all(isinstance(name, str) for name in step) for step in written
    )
    if not pairs or not written:
        raise _refuse("filter_error", "path is to be a list of [object, attribute].", path)
    steps: list[Attribute] = []
    reachable = [target.object_id]
    for object_slug, attribute_slug in written:
        found = next((one for one in workspace.tables() if object_slug in {one.api_slug, one.object_id}), None)
        if found is None or found.object_id not in reachable:
            raise _refuse("filter_error", f'The path does not lead to object "{object_slug}".', path)
        attribute = found.find_attribute(attribute_slug)
        if attribute is None:
            raise _refuse("unknown_filter_attribute_slug", f'Unknown attribute slug: "{attribute_slug}"', path)
        steps.append(attribute)
        reachable = attribute.allowed_objects or []
    return steps


def _one_step(workspace: Workspace, slug: str, inner: Callable[[Record], bool]) -> Callable[[Record], bool]:
    def holds(record: Record) -> bool:
        return any(inner(other) for other in _referenced(workspace, record, slug))

    return holds


def _referenced(workspace: Workspace, record: Record, slug: str) -> list[Record]:
    values = record.read(slug)
    return [workspace.find_object(value["target_object"]).records[value["target_record_id"]] for value in values]


def ordered(workspace: Workspace, target: Object, sorts: Any) -> list[Record]:
    """Return the records of an object in the order that `sorts` asks for.

    Without one Attio promises none, so that the newest come first here: pages of whoever forgot to sort are torn.
    """
    records = target.ordered_records()
    if not sorts and isinstance(sorts, list | None):
        return records[::-1]
    if not isinstance(sorts, list):
        raise Refusal(400, "validation_type", "sorts is to be a list.")
    if sorts[0] == {"direction": "asc", "attribute": "created_at"}:
        return records  # no two records are created at the same nanosecond
    for sort in reversed(sorts):
        key, descending = _sort_key(workspace, target, sort)
        records = sorted(records, key=key, reverse=descending)
        records.sort(key=lambda record, key=key: key(record)[0])  # type: ignore[misc]  # without a value: last
    return records


def _sort_key(workspace: Workspace, target: Object, sort: Any) -> tuple[Callable[[Record], tuple[bool, Any]], bool]:
    shape = set(sort) - {"field"} if isinstance(sort, dict) else set()
    if shape not in ({"direction", "attribute"}, {"direction", "path"}) or sort["direction"] not in {"asc", "desc"}:
        raise Refusal(400, "validation_type", "A sort is {direction: asc|desc, attribute or path, field?}.")
    if "path" in sort:
        steps = _steps(workspace, target, sort["path"], ["sorts", "path"])
    else:
        attribute = target.find_attribute(sort["attribute"])
        if attribute is None:
            message = f'Unknown attribute slug: "{sort["attribute"]}"'
            raise _refuse("unknown_filter_attribute_slug", message, ["sorts"])
        steps = [attribute]
    last = steps[-1]
    field = sort.get("field", _default_field(last.type))
    if field not in FIELDS.get(last.type, {"value"}):
        raise _refuse("invalid_filter_field", f'Attribute "{last.api_slug}" has no field "{field}".', ["sorts"])

    def key(record: Record) -> tuple[bool, Any]:
        reached = [record]
        for step in steps[:-1]:
            reached = [other for one in reached for other in _referenced(workspace, one, step.api_slug)]
        values = [_read(last.type, field, value) for one in reached for value in one.read(last.api_slug)]
        return (False, values[0]) if values and values[0] is not None else (True, 0)

    return key, sort["direction"] == "desc"
