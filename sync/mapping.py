"""What goes where in Attio: the exports, read from `config.meta.attio` in dbt's manifest.json.

The only file that knows what a manifest is. It is parsed anew (`dbt parse` in a process of its own, no database
needed) when it is missing or older than a file it was made from.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from psycopg import sql

from sync import progress
from sync.errors import MappingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Write = Literal["always", "fill_empty", "unless_human"]
Lists = Literal["append", "replace"]
Mode = Literal["upsert", "update_only", "create_only"]
Drift = Literal["keep", "heal"]

WRITES: tuple[Write, ...] = ("always", "fill_empty", "unless_human")
LISTS: tuple[Lists, ...] = ("append", "replace")
MODES: tuple[Mode, ...] = ("upsert", "update_only", "create_only")
DRIFTS: tuple[Drift, ...] = ("keep", "heal")

TYPES: tuple[str, ...] = (
    "text",
    "number",
    "checkbox",
    "currency",
    "date",
    "timestamp",
    "rating",
    "status",
    "select",
    "record-reference",
    "actor-reference",
    "location",
    "domain",
    "email-address",
    "phone-number",
    "personal-name",
)
"""Attio's attribute types that can be written."""

ALWAYS_LISTS = frozenset({"domain", "email-address", "phone-number"})
MAY_BE_LISTS = ALWAYS_LISTS | {"select", "record-reference", "actor-reference"}
UNIQUE_BY_THEMSELVES = frozenset({"domain", "email-address"})

MODEL_KEYS = frozenset({"object", "match_on", "mode", "order", "singular", "plural", "story"})
FIELD_KEYS = frozenset(
    {"attribute", "type", "title", "write", "list", "references", "unique", "options", "clear", "drift"}
)

SLUG = re.compile(r"[a-z0-9][a-z0-9_-]*")
PARSE_SECONDS = 600
PARSED_FROM = ("models", "macros", "seeds", "data-tests", "snapshots", "analyses", "dbt_project.yml", "profiles.yml")


@dataclass(frozen=True, slots=True)
class Field:
    """A column of an export and the attribute it fills.

    `title` is what `setup` names an attribute that it creates (None: never created). `list` is None for a single
    value. `references` names the export whose primary key the column holds, `refers_to` that export's object.
    `options` are the titles a select needs beforehand. `clear`: a blank empties the attribute; otherwise it says
    nothing. `drift`: what becomes of a value that we wrote and somebody changed since; None leaves it to `write`.
    """

    column: str
    attribute: str
    type: str
    title: str | None
    write: Write
    list: Lists | None
    references: str | None
    refers_to: str | None
    unique: bool
    options: tuple[str, ...]
    clear: bool = False
    drift: Drift | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A relation that an export's rows come from, by its name in dbt; `column` holds the export's key there."""

    name: str
    schema: str
    table: str
    column: str


@dataclass(frozen=True, slots=True)
class Export:
    """A model of `marts/attio`: one row is one record that the object `object_slug` should hold.

    `schema.table` is the relation; `key` its primary key column (text); `match_on` the attribute that finds a record
    made by somebody else; `record_id_column` the column with the record that the SQL found, None when there is no
    such column. `columns` are all columns of the model, sent or not. `singular` and `plural` are given for objects
    that `setup` may create. `story` are the relations whose rows tell `canon why` where a row comes from.
    """

    model: str
    object_slug: str
    match_on: str
    mode: Mode
    order: int
    singular: str | None
    plural: str | None
    schema: str
    table: str
    key: str
    record_id_column: str | None
    columns: tuple[str, ...]
    fields: tuple[Field, ...]
    story: tuple[Source, ...] = ()

    @property
    def matching_field(self) -> Field:
        """The field that fills `match_on`."""
        return next(one for one in self.fields if one.attribute == self.match_on)

    @property
    def is_unique(self) -> bool:
        """True when `match_on` is unique in Attio, which then refuses a second record."""
        return self.matching_field.unique

    def field_of(self, column: str) -> Field | None:
        """Return what `column` fills, None when it is not sent."""
        return next((one for one in self.fields if one.column == column), None)


def load(project_dir: Path) -> list[Export]:
    """Return the exports in the order they are to be sent: by `order`, and none before one that it refers to.

    Raises `MappingError` naming model and column where the meta makes no sense, or with dbt's own words where the
    project does not parse.
    """
    return exports_of(manifest(project_dir))


def select(exports: Sequence[Export], names: Sequence[str]) -> list[Export]:
    """Return the exports named (by model), in their order, all when none is; `MappingError` for a name unknown."""
    known = {one.model for one in exports}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise MappingError(f"no export is named {unknown[0]}: there are {', '.join(sorted(known)) or 'none'}")
    return [one for one in exports if not names or one.model in names]


@dataclass(frozen=True, slots=True)
class Upstream:
    """What an export rests on, by dbt's ids: the nodes that build it (itself too), the tests with what they test.

    Tests that only warn are none of them.
    """

    nodes: frozenset[str]
    tests: frozenset[tuple[str, str]]


def upstream(project_dir: Path) -> dict[str, Upstream]:
    """Return export -> what it rests on; nothing for a manifest that does not say."""
    return upstream_of(manifest(project_dir))


def upstream_of(found: Mapping[str, Any]) -> dict[str, Upstream]:
    """Return export -> what it rests on, from a manifest."""
    parents: Mapping[str, Sequence[str]] = found.get("parent_map") or {}
    nodes = found["nodes"]
    tests = {
        unique_id: {str(node["attached_node"])} if node.get("attached_node") else set(parents.get(unique_id, ()))
        for unique_id, node in nodes.items()
        if node.get("resource_type") == "test"
        and str((node.get("config") or {}).get("severity", "error")).lower() == "error"
    }
    resting: dict[str, Upstream] = {}
    for unique_id, node in nodes.items():
        if node.get("resource_type") != "model" or "attio" not in _meta(node) or unique_id not in parents:
            continue
        above, todo = set[str](), [unique_id]
        while todo:
            each = todo.pop()
            if each in nodes and each not in above:
                above.add(each)
                todo += parents.get(each, ())
        built = {each for each in above if (nodes[each].get("config") or {}).get("materialized") != "ephemeral"}
        on_these = {(test, node) for test, about in tests.items() for node in about & built}
        resting[str(node["name"])] = Upstream(frozenset(built), frozenset(on_these))
    return resting


def relation(project_dir: Path, model: str) -> sql.Identifier:
    """Return the relation of any model of the project; `MappingError` when there is no such model."""
    for node in _models(manifest(project_dir)):
        if node.get("name") == model:
            return sql.Identifier(str(node["schema"]), str(node.get("alias") or model))
    raise MappingError(f"the dbt project has no model {model}: it is needed here, restore it")


# the manifest


def manifest(project_dir: Path) -> dict[str, Any]:
    """Return dbt's manifest, parsed anew when it is missing, stale or unreadable (a build may be writing it)."""
    path = project_dir / "dbt_project" / "target" / "manifest.json"
    found = _fresh(project_dir, path)
    if found is not None:
        return found
    with _only_one_parses(project_dir):
        found = _fresh(project_dir, path)
        return _parse(project_dir, path) if found is None else found


def _read(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_bytes())
    if not isinstance(found, dict) or "nodes" not in found:
        raise ValueError("not a dbt manifest")
    return found


def _fresh(project_dir: Path, path: Path) -> dict[str, Any] | None:
    """Return the manifest unless a file it is made from is newer, or a folder (it is, when a file in it vanished)."""
    if not (project_dir / "dbt_project" / "dbt_project.yml").exists():  # no project, whatever is left of it
        return None
    try:
        made_at = path.stat().st_mtime_ns
        if any(one.stat().st_mtime_ns > made_at for one in _parsed_from(project_dir)):
            return None
        return _read(path)
    except (OSError, ValueError):
        return None


def _parsed_from(project_dir: Path) -> Iterator[Path]:
    dbt_dir = project_dir / "dbt_project"
    for name in PARSED_FROM:
        top = dbt_dir / name
        if top.exists():
            yield top
        if top.is_dir():
            yield from (one for one in top.rglob("*") if one.exists())
    if (project_dir / "profiles.yml").exists():
        yield project_dir / "profiles.yml"


@contextlib.contextmanager
def _only_one_parses(project_dir: Path) -> Iterator[None]:
    """Hold a lock while parsing, so that two commands started together parse once."""
    folder = project_dir / ".local"
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / "dbt-parse.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _parse(project_dir: Path, path: Path) -> dict[str, Any]:
    """Run `dbt parse` in a folder of its own (a build's results in `target/` stay); put the manifest at `path`."""
    started = time.time()
    work = project_dir / ".local" / "dbt-parse"
    with tempfile.TemporaryDirectory() as spare, progress.task("dbt parse", unit="models") as task:
        command = [
            *(sys.executable, "-c", "from dbt.cli.main import cli; cli()", "--quiet", "--no-use-colors"),
            "--no-send-anonymous-usage-stats",
            *("parse", "--project-dir", str(project_dir / "dbt_project")),
            *("--target-path", str(work), "--log-path", str(work / "logs")),
            *_profiles(project_dir, Path(spare)),
        ]
        try:
            done = subprocess.run(  # our own interpreter, our own arguments
                command,
                cwd=project_dir,
                env=_environment_without_database(os.environ),
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                timeout=PARSE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise MappingError(f"dbt parse did not end within {PARSE_SECONDS} s: run it by hand") from error
        made = work / "manifest.json"
        if done.returncode != 0 or not made.exists():
            raise MappingError(f"the dbt project does not parse: {_first_error(done.stdout + done.stderr)}")
        found = _read(made)
        task.advance(len(_models(found)))
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"manifest.{os.getpid()}.tmp")
    shutil.copyfile(made, beside)
    os.utime(beside, (started, started))  # what was edited while dbt was reading is newer
    beside.replace(path)
    return found


def _profiles(project_dir: Path, spare: Path) -> list[str]:
    """Return the option that says where `profiles.yml` is; without one the example serves: parsing never connects."""
    for folder in (project_dir, project_dir / "dbt_project"):
        if (folder / "profiles.yml").exists():
            return ["--profiles-dir", str(folder)]
    if os.environ.get("DBT_PROFILES_DIR") or not (project_dir / "profiles.yml.example").exists():
        return []
    shutil.copyfile(project_dir / "profiles.yml.example", spare / "profiles.yml")
    return ["--profiles-dir", str(spare)]


def _environment_without_database(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with something in every variable that a profile may insist on."""
    nowhere = {"PGHOST": "127.0.0.1", "PGPORT": "5432", "PGUSER": "nobody", "PGPASSWORD": "none", "PGDATABASE": "none"}
    return {**nowhere, "PGSSLMODE": "prefer", **{name: value for name, value in environment.items() if value}}


def _first_error(output: str) -> str:
    """Return dbt's own words for what is wrong, in one line."""
    lines = [re.sub(r"^\d\d:\d\d:\d\d\s+", "", line).strip() for line in output.splitlines()]
    lines = [line for line in lines if line]
    start = next((i + 1 for i, line in enumerate(lines) if line.startswith("Encountered an error")), 0)
    start = start if start < len(lines) else 0
    return " ".join(lines[start : start + 4])[:600] or "dbt said nothing; run `dbt parse` by hand"


# the grammar


def exports_of(found: Mapping[str, Any]) -> list[Export]:
    """Return the exports of a manifest; raise `MappingError` for the first that makes no sense."""
    models = _models(found)
    relations = _relations(found)
    exports = [_export(node, relations) for node in models if "attio" in _meta(node)]
    # a column's meta without its model's would be forgotten in silence
    unmapped = [
        node for node in models if "attio" not in _meta(node) and any("attio" in _meta(c) for c in _columns(node))
    ]
    if unmapped:
        raise MappingError(
            f"{unmapped[0]['name']}: columns have `attio` meta, the model none: add config.meta.attio with its object"
        )
    return _ordered(_tied_together(exports))


def _models(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [node for node in found["nodes"].values() if node.get("resource_type") == "model"]


def _meta(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return `config.meta`, where dbt 1.10 and later keep it, or the older `meta`."""
    return (node.get("config") or {}).get("meta") or node.get("meta") or {}


def _columns(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list((node.get("columns") or {}).values())


def _relations(found: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return schema and table of every model, and of every source by `source.table`."""
    relations = {
        f"{node['source_name']}.{node['name']}": (str(node["schema"]), str(node.get("identifier") or node["name"]))
        for node in (found.get("sources") or {}).values()
    }
    for node in _models(found):
        relations[str(node["name"])] = (str(node["schema"]), str(node.get("alias") or node["name"]))
    return relations


def _story(meta: object, relations: Mapping[str, tuple[str, str]], where: str) -> tuple[Source, ...]:
    if not isinstance(meta, dict) or not all(isinstance(column, str) and column for column in meta.values()):
        raise MappingError(f"{where} is {meta!r}: give model, or source.table, and its column that holds the key")
    unknown = [name for name in meta if name not in relations]
    if unknown:
        raise MappingError(f"{where} names {unknown[0]}, which is neither a model nor a source.table of the project")
    return tuple(Source(name, *relations[name], column) for name, column in meta.items())


def _export(node: Mapping[str, Any], relations: Mapping[str, tuple[str, str]]) -> Export:
    model = str(node["name"])
    meta = _checked_meta(_meta(node)["attio"], MODEL_KEYS, required=("object", "match_on"), where=model)
    fields: list[Field] = []
    record_id_columns: list[str] = []
    for column in _columns(node):
        if "attio" not in _meta(column):
            continue
        where = f"{model}.{column['name']}"
        column_meta = _meta(column)["attio"]
        if isinstance(column_meta, dict) and "record_id" in column_meta:
            if column_meta != {"record_id": True}:
                raise MappingError(f"{where}: `record_id` stands alone and is true: write {{record_id: true}}")
            record_id_columns.append(str(column["name"]))
            continue
        fields.append(_field(str(column["name"]), column_meta, where))
    if len(record_id_columns) > 1:
        raise MappingError(f"{model}: {' and '.join(record_id_columns)} both say record_id: one column may")
    _no_duplicates(model, fields)
    match_on = _slug(meta["match_on"], f"{model}: match_on")
    if match_on not in {one.attribute for one in fields}:
        raise MappingError(
            f"{model}: match_on names {match_on}, which no column fills: add a column with attribute {match_on}"
        )
    singular, plural = (_text(meta.get(key), f"{model}: {key}") for key in ("singular", "plural"))
    if (singular is None) != (plural is None):
        raise MappingError(f"{model}: singular and plural go together: give both, or none")
    return Export(
        model=model,
        object_slug=_slug(meta["object"], f"{model}: object"),
        match_on=match_on,
        mode=_one_of(meta.get("mode", "upsert"), MODES, f"{model}: mode"),
        order=_whole(meta.get("order", 100), f"{model}: order"),
        singular=singular,
        plural=plural,
        schema=str(node["schema"]),
        table=str(node.get("alias") or model),
        key=_primary_key(node),
        record_id_column=record_id_columns[0] if record_id_columns else None,
        columns=tuple(str(column["name"]) for column in _columns(node)),
        fields=tuple(fields),
        story=_story(meta.get("story", {}), relations, f"{model}: story"),
    )


def _field(column: str, found: object, where: str) -> Field:
    meta = _checked_meta(found, FIELD_KEYS, required=("attribute", "type"), where=where)
    kind = _one_of(meta["type"], TYPES, f"{where}: type")
    lists: Lists | None = "append" if kind in ALWAYS_LISTS else None
    if "list" in meta:
        if kind not in MAY_BE_LISTS:
            raise MappingError(f"{where}: `list` is for several values, and a {kind} holds one: leave it out")
        lists = _one_of(meta["list"], LISTS, f"{where}: list")
    references = _text(meta.get("references"), f"{where}: references")
    if (kind == "record-reference") != (references is not None):
        raise MappingError(f"{where}: a record-reference, and nothing else, has `references: <export>`")
    options = meta.get("options", [])
    if not isinstance(options, list) or not all(isinstance(one, str) and one for one in options):
        raise MappingError(f"{where}: options is {options!r}: give a list of titles")
    if options and kind != "select":
        raise MappingError(f"{where}: only a select has options")
    unique = meta.get("unique", kind in UNIQUE_BY_THEMSELVES)
    if not isinstance(unique, bool):
        raise MappingError(f"{where}: unique is {unique!r}: give true or false")
    clear = meta.get("clear", False)
    if not isinstance(clear, bool):
        raise MappingError(f"{where}: clear is {clear!r}: give true or false")
    if clear and lists == "append":
        raise MappingError(f"{where}: `clear` empties, `list: append` only adds: leave one of them out")
    return Field(
        column=column,
        attribute=_slug(meta["attribute"], f"{where}: attribute"),
        type=kind,
        title=_text(meta.get("title"), f"{where}: title"),
        write=_one_of(meta.get("write", "unless_human"), WRITES, f"{where}: write"),
        list=lists,
        references=references,
        refers_to=None,  # known once all exports are
        unique=unique,
        options=tuple(options),
        clear=clear,
        drift=_one_of(meta["drift"], DRIFTS, f"{where}: drift") if "drift" in meta else None,
    )


def _checked_meta(found: object, known: frozenset[str], *, required: tuple[str, ...], where: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise MappingError(f"{where}: config.meta.attio is {found!r}: give a mapping with {', '.join(required)}")
    for key in found:
        if key not in known:
            raise MappingError(f"{where}: unknown key {key} in config.meta.attio: known are {', '.join(sorted(known))}")
    for key in required:
        if found.get(key) in {None, ""}:
            raise MappingError(f"{where}: config.meta.attio lacks `{key}`: add it")
    return cast("dict[str, Any]", found)


def _one_of(value: object, known: Sequence[Any], where: str) -> Any:  # the caller names the literal
    if value not in known:
        raise MappingError(f"{where} is {value!r}: give one of {', '.join(known)}")
    return value


def _slug(value: object, where: str) -> str:
    if not isinstance(value, str) or not SLUG.fullmatch(value):
        raise MappingError(f"{where} is {value!r}: give a slug of Attio's, such as job_title")
    return value


def _text(value: object, where: str) -> str | None:
    if value is not None and (not isinstance(value, str) or not value.strip()):
        raise MappingError(f"{where} is {value!r}: give a text")
    return value


def _whole(value: object, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise MappingError(f"{where} is {value!r}: give a whole number")
    return value


def _no_duplicates(model: str, fields: Sequence[Field]) -> None:
    seen: dict[str, str] = {}
    for one in fields:
        if one.attribute in seen:
            raise MappingError(
                f"{model}: columns {seen[one.attribute]} and {one.column} both fill attribute {one.attribute}: "
                "take it from one of them"
            )
        seen[one.attribute] = one.column


def _primary_key(node: Mapping[str, Any]) -> str:
    model = str(node["name"])
    keys = [
        str(column["name"])
        for column in _columns(node)
        if any(constraint.get("type") == "primary_key" for constraint in column.get("constraints") or [])
    ]
    for constraint in node.get("constraints") or []:
        if constraint.get("type") == "primary_key":
            keys += [str(name) for name in constraint.get("columns") or []]
    if len(keys) != 1:
        raise MappingError(
            f"{model}: {'no primary key' if not keys else 'the primary key has several columns'}: "
            "give one column the constraint {type: primary_key}"
        )
    return keys[0]


def _tied_together(exports: Sequence[Export]) -> list[Export]:
    """Fill in which object each reference leads to; raise `MappingError` for one that leads nowhere."""
    objects = {one.model: one.object_slug for one in exports}
    tied = []
    for export in exports:
        fields = []
        for field in export.fields:
            if field.references is not None and field.references not in objects:
                raise MappingError(
                    f"{export.model}.{field.column}: references {field.references}, which is no export: "
                    f"there are {', '.join(sorted(objects))}"
                )
            fields.append(dataclasses.replace(field, refers_to=objects.get(field.references or "")))
        tied.append(dataclasses.replace(export, fields=tuple(fields)))
    return tied


def _ordered(exports: Sequence[Export]) -> list[Export]:
    """Sort by `order`, then put each export behind those it refers to; `MappingError` where they refer in a ring."""
    waiting = sorted(exports, key=lambda one: (one.order, one.model))
    placed: list[Export] = []
    while waiting:
        there = {one.model for one in placed}
        ready = next((one for one in waiting if _referred(one) <= there), None)
        if ready is None:
            ring = ", ".join(one.model for one in waiting)
            raise MappingError(f"{ring} refer to each other in a ring: none can go first; take one reference out")
        waiting.remove(ready)
        placed.append(ready)
    return placed


def _referred(export: Export) -> set[str]:
    """Return the exports that must go first; one that refers to itself gets its references on the next run."""
    return {one.references for one in export.fields if one.references is not None} - {export.model}
