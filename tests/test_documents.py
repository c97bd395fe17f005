"""The documents name only commands, targets, options and files that exist."""

import re
from pathlib import Path

import click
import pytest

from sync.cli import COMMANDS, cli

CHECKOUT = Path(__file__).resolve().parent.parent
DOCUMENTS = [
    *(CHECKOUT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    CHECKOUT / "docs" / "schedule.md",
]

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


@pytest.fixture(scope="module")
def targets() -> set[str]:
    rules = re.findall(r"^([a-z][a-z -]*):(?!=)", (CHECKOUT / "Makefile").read_text(), flags=re.MULTILINE)
    return {name for rule in rules for name in rule.split()}


def _code(text: str) -> str:
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, flags=re.DOTALL))


def _options(command: click.Command) -> set[str]:
    nested = list(command.commands.values()) if isinstance(command, click.Group) else []
    return {option for each in [command, *nested] for parameter in each.params for option in parameter.opts}


@each_document
def test_every_make_target_in_a_document_exists(document: Path, targets: set[str]) -> None:
    assert set(re.findall(r"\bmake ([a-z][a-z-]*)", _code(document.read_text()))) <= targets


@each_document
def test_every_canon_command_and_option_in_a_document_exists(document: Path) -> None:
    for name, rest in re.findall(r"\bcanon ([a-z]+)([^`\n]*)", _code(document.read_text())):
        assert name in COMMANDS
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        assert set(re.findall(r"--[a-z][a-z-]*", rest.split("#")[0])) <= _options(command)


@each_document
def test_every_file_a_document_links_to_exists(document: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", document.read_text()) if not link.startswith("http")]
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_the_readme_names_every_command() -> None:
    readme = (CHECKOUT / "README.md").read_text()
    assert [name for name in COMMANDS if not re.search(rf"\b{name}\b", readme)] == []


def test_every_make_target_says_what_it_does(targets: set[str]) -> None:
    makefile = (CHECKOUT / "Makefile").read_text()
    assert [name for name in targets if not re.search(rf"^{name}:[^\n]*##", makefile, flags=re.MULTILINE)] == []
