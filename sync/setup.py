"""What the mapping needs of the workspace: compare, and create what is missing.

Nothing that exists is changed: a slug of another type, an archived attribute or one that is not unique is a `Fault`
that a person has to settle. `check` is the same comparison as a pre-flight, before anything is planned or written.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync.errors import AuthError, MappingError, RecordRejected

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sync.attio import Attribute, Object, Option
    from sync.mapping import Export, Field
    from sync.rate_limiter import Crm

NOT_UNIQUE_ON = frozenset({"companies", "people"})
"""Objects on which Attio refuses unique attributes of one's own."""

CREATABLE_TYPES = frozenset(
    {
        *("text", "number", "checkbox", "date", "timestamp", "rating", "select", "record-reference", "actor-reference"),
        *("location", "email-address", "phone-number"),
    }
)
"""What can be created knowing its type alone: `currency` needs a code, `domain` and `personal-name` are Attio's own."""

ENABLED_BY_AN_ADMIN = frozenset({"deals", "users", "workspaces"})


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing in the workspace that the mapping cannot work with; `is_missing` when `canon setup` can create it."""

    model: str
    column: str | None
    object_slug: str
    attribute: str | None
    problem: str
    fix: str
    is_missing: bool = False

    def __str__(self) -> str:
        where = f"{self.model}.{self.column}" if self.column else self.model
        return f"{where}: {self.problem}: {self.fix}"


@dataclass(frozen=True, slots=True)
class NewObject:
    """An object to create."""

    slug: str
    singular: str
    plural: str

    def __str__(self) -> str:
        return f"object {self.slug} ({self.singular}, {self.plural})"


@dataclass(frozen=True, slots=True)
class NewAttribute:
    """An attribute to create; `allowed_objects` are slugs, for a record-reference."""

    object_slug: str
    slug: str
    title: str
    type: str
    description: str
    is_unique: bool
    is_multiselect: bool
    allowed_objects: tuple[str, ...]

    def __str__(self) -> str:
        words = [
            self.type,
            *(["unique"] if self.is_unique else []),
            *(["several values"] if self.is_multiselect else []),
        ]
        return f"attribute {self.object_slug}.{self.slug} ({', '.join(words)}): {self.title}"


@dataclass(frozen=True, slots=True)
class NewOption:
    """An option of a select to create."""

    object_slug: str
    attribute: str
    title: str

    def __str__(self) -> str:
        return f"option {self.title!r} of {self.object_slug}.{self.attribute}"


Step = NewObject | NewAttribute | NewOption


@dataclass(frozen=True, slots=True)
class Difference:
    """What the workspace lacks (`steps`, in the order to create them) and what is wrong in it (`faults`)."""

    steps: tuple[Step, ...]
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class _Workspace:
    """What there is: attributes by object slug (objects that exist only), options by object and attribute slug."""

    objects: Mapping[str, Object]
    attributes: Mapping[str, Mapping[str, Attribute]]
    options: Mapping[tuple[str, str], Sequence[Option]]


async def check(crm: Crm, exports: Sequence[Export]) -> list[Fault]:
    """Return all that keeps `exports` from being sent, what `canon setup` would create too; empty when all is well."""
    found = await _read(crm, exports)
    faults: list[Fault] = []
    for export in exports:
        faults += (finding if isinstance(finding, Fault) else fault for finding, fault in _findings(export, found))
    return faults


async def compare(crm: Crm, exports: Sequence[Export]) -> Difference:
    """Return what is to be created and what is wrong. Raises `AuthError` when the token may not look at objects."""
    found = await _read(crm, exports)
    steps: dict[str, Step] = {}
    faults: list[Fault] = []
    for export in exports:
        for finding, _ in _findings(export, found):
            if isinstance(finding, Fault):
                faults.append(finding)
            else:
                steps.setdefault(str(finding), finding)
    objects_first = sorted(steps.values(), key=lambda step: (NewObject, NewAttribute, NewOption).index(type(step)))
    return Difference(tuple(objects_first), tuple(faults))


async def create(crm: Crm, steps: Sequence[Step]) -> list[Step]:
    """Create what is missing, in order, and return what was created; what somebody else created meanwhile is left.

    Raises `MappingError` when Attio refuses a step: those before it are done, and the next `compare` knows.
    """
    identity = await crm.identify()
    if not identity.may("object_configuration", write=True):
        raise AuthError(
            "the token in ATTIO_API_KEY lacks the scope object_configuration:read-write, needed to create attributes"
        )
    done: list[Step] = []
    for step in steps:
        try:
            await _create_one(crm, step)
        except RecordRejected as error:
            if error.code != "slug_conflict":
                raise MappingError(f"Attio refused to create {step}: {error}") from error
        else:
            done.append(step)
    return done


async def _create_one(crm: Crm, step: Step) -> None:
    match step:
        case NewObject():
            await crm.create_object(step.slug, singular=step.singular, plural=step.plural)
        case NewAttribute():
            await crm.create_attribute(
                step.object_slug,
                step.slug,
                title=step.title,
                type=step.type,
                description=step.description,
                is_unique=step.is_unique,
                is_multiselect=step.is_multiselect,
                allowed_objects=step.allowed_objects,
            )
        case NewOption():
            await crm.create_option(step.object_slug, step.attribute, step.title)


async def _read(crm: Crm, exports: Sequence[Export]) -> _Workspace:
    objects = {one.slug: one for one in await crm.objects()}
    wanted = list(dict.fromkeys(one.object_slug for one in exports if one.object_slug in objects))
    listed = await asyncio.gather(*(crm.attributes(slug) for slug in wanted))
    attributes = {slug: {one.slug: one for one in some} for slug, some in zip(wanted, listed, strict=True)}
    selects = list(
        dict.fromkeys(
            (export.object_slug, field.attribute)
            for export in exports
            for field in export.fields
            if field.options and _is_select(attributes.get(export.object_slug, {}).get(field.attribute))
        )
    )
    options = await asyncio.gather(*(crm.options(slug, attribute) for slug, attribute in selects))
    return _Workspace(objects, attributes, dict(zip(selects, options, strict=True)))


def _is_select(attribute: Attribute | None) -> bool:
    return attribute is not None and attribute.type == "select"


Finding = tuple[Step | Fault, Fault]
"""What is to be done about something, and how the pre-flight tells of it (the same where nothing can be created)."""


def _findings(export: Export, found: _Workspace) -> Iterator[Finding]:
    slug = export.object_slug
    if slug not in found.objects:
        yield _missing_object(export)
    attributes = found.attributes.get(slug, {})
    for field in export.fields:
        attribute = attributes.get(field.attribute)
        if attribute is None:
            yield _missing_attribute(export, field)
            for title in field.options:
                yield _missing_option(export, field, title)
            continue
        for problem, fix in _problems(export, field, attribute, found):
            yield _both(_fault(export, field, problem, fix))
        if attribute.type == "select":
            yield from _missing_options(export, field, found)
    yield from _required_and_not_filled(export, attributes)


def _missing_object(export: Export) -> Finding:
    slug = export.object_slug
    if slug in ENABLED_BY_AN_ADMIN:
        return _both(_fault(export, None, f"object {slug} is not enabled", "an admin enables it in Attio's settings"))
    if export.singular is None or export.plural is None:
        return _both(
            _fault(
                export,
                None,
                f"the workspace has no object {slug}",
                "give `singular` and `plural`, and run `canon setup`",
            )
        )
    return (
        NewObject(slug, export.singular, export.plural),
        _fault(export, None, f"the workspace has no object {slug}", "run `canon setup`", is_missing=True),
    )


def _missing_attribute(export: Export, field: Field) -> Finding:
    problem = f"object {export.object_slug} has no attribute {field.attribute}"
    if field.type not in CREATABLE_TYPES:
        fix = f"Attio lets nobody create a {field.type} by its API alone: make it in Attio, or name another attribute"
        return _both(_fault(export, field, problem, fix))
    if field.unique and export.object_slug in NOT_UNIQUE_ON:
        fix = f"Attio allows no unique attribute of one's own on {export.object_slug}: take `unique` away"
        return _both(_fault(export, field, problem, fix))
    if field.title is None:
        return _both(_fault(export, field, problem, "correct the slug, or give a `title` and run `canon setup`"))
    step = NewAttribute(
        object_slug=export.object_slug,
        slug=field.attribute,
        title=field.title,
        type=field.type,
        description=f"Kept in step by attio-canon ({export.model}.{field.column}).",
        is_unique=field.unique,
        is_multiselect=field.list is not None,
        allowed_objects=() if field.refers_to is None else (field.refers_to,),
    )
    return step, _fault(export, field, problem, "run `canon setup`", is_missing=True)


def _missing_options(export: Export, field: Field, found: _Workspace) -> Iterator[Finding]:
    there = {one.title: one for one in found.options.get((export.object_slug, field.attribute), ())}
    for title in field.options:
        if title not in there:
            yield _missing_option(export, field, title)
        elif there[title].is_archived:
            problem = f"option {title!r} of {export.object_slug}.{field.attribute} is archived"
            yield _both(_fault(export, field, problem, "restore it in Attio, or take it out of `options`"))


def _missing_option(export: Export, field: Field, title: str) -> Finding:
    problem = f"{export.object_slug}.{field.attribute} has no option {title!r}"
    fault = _fault(export, field, problem, "run `canon setup`", is_missing=True)
    return NewOption(export.object_slug, field.attribute, title), fault


def _problems(export: Export, field: Field, attribute: Attribute, found: _Workspace) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with an attribute that exists, and what to do; nothing that exists is changed by us."""
    named = f"attribute {export.object_slug}.{field.attribute}"
    if attribute.is_archived:
        yield f"{named} is archived", "restore it in Attio, or name another slug"
        return
    if attribute.type != field.type:
        yield (
            f"{named} is of type {attribute.type}, not {field.type}",
            "name another slug, or correct the type in the mapping",
        )
        return
    if not attribute.is_writable:
        yield f"{named} cannot be written", "name another slug"
    if field.list is not None and not attribute.is_multiselect:
        yield f"{named} holds one value, not several", "take `list` away, or name another slug"
    if field.list is None and attribute.is_multiselect:
        yield f"{named} holds several values", "say `list: append` or `list: replace`"
    if field.unique and not attribute.is_unique:
        yield f"{named} is not unique in Attio", "make it unique there, or take `unique` away"
    target = found.objects.get(field.refers_to or "")
    if target and attribute.allowed_object_ids and target.object_id not in attribute.allowed_object_ids:
        yield f"{named} does not refer to {target.slug}", f"allow {target.slug} in Attio, or name another slug"


def _required_and_not_filled(export: Export, attributes: Mapping[str, Attribute]) -> Iterator[Finding]:
    if export.mode == "update_only":
        return
    filled = {one.attribute for one in export.fields}
    for attribute in attributes.values():
        if (
            attribute.is_required
            and attribute.is_writable
            and not attribute.is_archived
            and attribute.slug not in filled
        ):
            problem = f"Attio requires attribute {export.object_slug}.{attribute.slug}, and no column fills it"
            yield _both(_fault(export, None, problem, "map a column to it, or make it optional in Attio"))


def _fault(export: Export, field: Field | None, problem: str, fix: str, *, is_missing: bool = False) -> Fault:
    return Fault(
        model=export.model,
        column=field.column if field else None,
        object_slug=export.object_slug,
        attribute=field.attribute if field else None,
        problem=problem,
        fix=fix,
        is_missing=is_missing,
    )


def _both(fault: Fault) -> Finding:
    return fault, fault
