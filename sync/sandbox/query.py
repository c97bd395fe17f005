"""Filters and sorts of `records/query` (API facts, section 7, 'Query')."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sync.sandbox.values import MAIN_KEY, Json, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from sync.sandbox.workspace import Attribute, Object, Record, Workspace

Predicate = "Callable[[Record], bool]"

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
OPERATORS = {"$eq", "$not_empty", "$in", "$contains", "$starts_with", "$ends_with", "$lt", "$lte", "$gte", "$gt"}


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
    if wanted and all(key.startswith("$") for key in wanted):
        return _of_field(attribute, _default_field(kind), wanted, path)
    tests = []
    for field, condition in wanted.items():
        if field not in FIELDS.get(kind, {"value"}):
            raise _refuse(
                "invalid_filter_field", f'Attribute "{attribute.api_slug}" has no field "{field}".', [*path, field]
            )
        tests.append(
            _of_field(
                attribute, field, condition if isinstance(condition, dict) else {"$eq": condition}, [*path, field]
            )
        )
    return _joined("$and", tests)


def _default_field(kind: str) -> str:
    return {"select": "option", "status": "status"}.get(kind, MAIN_KEY.get(kind, "value"))


def _of_field(attribute: Attribute, field: str, condition: Json, path: list[str]) -> Callable[[Record], bool]:
    kind, slug = attribute.type, attribute.api_slug
    tests: list[Callable[[Any], bool]] = []
    for operator, operand in condition.items():
        textual = operator in {"$contains", "$starts_with", "$ends_with"}
        ordering = operator in {"$lt", "$lte", "$gt", "$gte"}
        unfit = (
            operator not in OPERATORS
            or (textual and (kind not in STRINGS or not isinstance(operand, str)))
            or (ordering and kind not in ORDERED)
            or (operator == "$in" and slug != "record_id" and field != "target_record_id")
            or (operator == "$not_empty" and (kind == "email-address" or operand is not True))
        )
        if unfit:
            raise _refuse(
                "invalid_filter_operator", f'Operator "{operator}" does not fit attribute "{slug}".', [*path, operator]
            )
        if kind == "timestamp" and isinstance(operand, str) and not operand.endswith("Z"):
            raise _refuse("filter_error", "A timestamp is to end in Z.", [*path, operator])
        tests.append(_comparison(operator, operand))

    def holds(record: Record) -> bool:
        found = [_read(kind, field, value) for value in record.read(slug)]
        return any(all(test(one) for test in tests) for one in found)

    return holds


def _read(kind: str, field: str, value: Json) -> Any:
    if kind in {"select", "status"}:
        return (value["option"]["title"], value["option"]["id"]["option_id"])
    return value[field]


def _comparison(operator: str, operand: Any) -> Callable[[Any], bool]:
    if operator == "$not_empty":
        return lambda _: True
    if operator == "$in":
        return lambda value: value in operand
    if operator == "$eq":
        wanted = operand.lower() if isinstance(operand, str) else operand
        return lambda value: (
            operand in value
            if isinstance(value, tuple)
            else (value.lower() if isinstance(value, str) else value) == wanted
        )
    if operator in {"$contains", "$starts_with", "$ends_with"}:
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
    steps, constraints = found["path"], found["constraints"]
    if not isinstance(steps, list) or not steps or not all(isinstance(step, list) and len(step) == 2 for step in steps):
        raise _refuse("filter_error", "path is to be a list of [object, attribute].", path)
    last_object = workspace.find_object(steps[-1][0])
    inner = predicate(workspace, last_object, {steps[-1][1]: constraints}, path)
    for object_slug, attribute_slug in reversed(steps[:-1]):
        attribute = workspace.find_object(object_slug).find_attribute(attribute_slug)
        if attribute is None or attribute.type != "record-reference":
            raise _refuse("unknown_filter_attribute_slug", f'"{attribute_slug}" is no reference.', path)
        inner = _one_step(workspace, attribute.api_slug, inner)
    if workspace.find_object(steps[0][0]) is not target:
        raise _refuse("filter_error", "path is to begin at the queried object.", path)
    return inner


def _one_step(workspace: Workspace, slug: str, inner: Callable[[Record], bool]) -> Callable[[Record], bool]:
    def holds(record: Record) -> bool:
        targets = (
            workspace.find_object(v["target_object"]).records.get(v["target_record_id"]) for v in record.read(slug)
        )
        return any(other is not None and inner(other) for other in targets)

    return holds


def ordered(target: Object, records: list[Record], sorts: Any) -> list[Record]:
    """Return `records`, which come in order of creation, in the order that `sorts` asks for."""
    if sorts is None:
        return records
    if not isinstance(sorts, list):
        raise Refusal(400, "validation_type", "sorts is to be a list.")
    if len(sorts) >= 1 and sorts[0] == {"direction": "asc", "attribute": "created_at"}:
        return records  # no two records are created at the same nanosecond
    for sort in reversed(sorts):
        allowed = isinstance(sort, dict) and {"direction"} <= set(sort) <= {"direction", "attribute", "field", "path"}
        if not allowed or sort["direction"] not in {"asc", "desc"}:
            raise Refusal(400, "validation_type", "A sort is {direction: asc|desc, attribute, field?}.")
        slug = sort["attribute"] if "attribute" in sort else sort["path"][-1][1]
        attribute = target.find_attribute(slug)
        if attribute is None:
            raise Refusal(400, "unknown_filter_attribute_slug", f'Unknown attribute slug: "{slug}"', path=["sorts"])
        field = sort.get("field") or _default_field(attribute.type)

        def key(record: Record, attribute: Attribute = attribute, field: str = field) -> tuple[bool, Any]:
            values = record.read(attribute.api_slug)
            return (not values, _read(attribute.type, field, values[0]) if values else 0)

        records = sorted(records, key=key, reverse=sort["direction"] == "desc")
    return records
