"""What all commands share: help with an example, one JSON document, one line for a mistake, the exit codes."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from sync.cli import COMMANDS, cli
from sync.cli.common import LOG_BYTES
from tests.conftest import CHECKOUT, _run_canon

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Canon, Database, Sandbox

NEED_ATTIO = (["pull"], ["setup"], ["plan"], ["sync", "--yes"])


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield every command and every command within a command, by the words one calls it by."""
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            for nested in command.commands.values():
                yield f"{name} {nested.name}", nested


each_command = pytest.mark.parametrize(("name", "command"), list(commands()), ids=[name for name, _ in commands()])


@each_command
def test_the_help_of_a_command_shows_an_example_of_it(name: str, command: click.Command) -> None:
    shown = command.get_help(click.Context(command))
    assert re.search(rf"^\s+(\w+=\S+ )*canon {name}\b", shown.partition("Example:\n")[2], re.MULTILINE)


@each_command
def test_every_option_of_a_command_is_explained(name: str, command: click.Command) -> None:
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    assert [option.name for option in options if not option.help] == [], name


@each_command
def test_every_command_takes_a_project_directory_and_answers_in_json(name: str, command: click.Command) -> None:
    if not isinstance(command, click.Group):
        assert {"--project-dir", "--json"} <= {option for each in command.params for option in each.opts}, name


@pytest.mark.parametrize("arguments", NEED_ATTIO, ids=" ".join)
def test_without_an_attio_key_one_line_says_so_and_nothing_is_done(
    arguments: list[str], canon: Canon, database: Database, sandbox: Sandbox
) -> None:
    refused = canon(*arguments, "--json", env={"ATTIO_API_KEY": None}).expect(2)
    assert refused.stderr.count("\n") == 1
    assert "ATTIO_API_KEY" in refused.stderr
    assert refused.json["exit_code"] == 2
    assert sandbox.stats()["reads"] + sandbox.stats()["writes"] == 0
    assert database.rows("select count(*) from attio_sync.runs") == [(0,)]


@pytest.mark.parametrize("arguments", NEED_ATTIO[:2], ids=" ".join)
def test_a_key_that_attio_refuses_is_told_in_one_line(arguments: list[str], canon: Canon, sandbox: Sandbox) -> None:
    refused = canon(*arguments, "--json", env={"ATTIO_API_KEY": "refused"}).expect(3)
    assert "ATTIO_API_KEY" in refused.stderr.splitlines()[-1]
    assert refused.json["exit_code"] == 3
    assert sandbox.stats()["writes"] == 0


@pytest.mark.parametrize("arguments", NEED_ATTIO[:2], ids=" ".join)
def test_an_attio_that_cannot_be_reached_is_told_in_one_line(arguments: list[str], canon: Canon) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: a connection is refused at once
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        refused = canon(*arguments, "--json", env={"ATTIO_BASE_URL": url}).expect(4)
    assert url.removeprefix("http://") in refused.stderr
    # on a slow machine it says meanwhile that it waits
    assert len([line for line in refused.stderr.splitlines() if not line.startswith("waiting for Attio")]) == 1
    assert refused.json["exit_code"] == 4


@pytest.mark.parametrize("arguments", [["setup"], ["sync"]], ids=" ".join)
def test_without_a_terminal_and_without_yes_nothing_is_written(
    arguments: list[str], canon: Canon, sandbox: Sandbox
) -> None:
    refused = canon(*arguments, stdin="y\n")
    assert refused.exit_code == 2, refused.stderr
    assert "Traceback" not in refused.stderr
    assert sandbox.stats()["writes"] == 0


def test_a_taken_port_is_told_in_one_line(project: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused = _run_canon(["sandbox", "--port", port], project).expect(2)
    assert port in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_a_full_log_makes_room_and_the_one_before_is_kept(canon: Canon, sandbox: Sandbox, project: Path) -> None:
    local = project / ".local"
    local.mkdir(exist_ok=True)
    (local / "canon.log").write_text("{}\n" * (LOG_BYTES // 3))
    canon("pull").expect(0)
    assert (local / "canon.log.1").stat().st_size >= LOG_BYTES - 3
    assert (local / "canon.log").stat().st_size < LOG_BYTES


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no-such-command"], "no-such-command"),
        (["sync", "--no-such-option"], "--no-such-option"),
        (["sync", "--limit", "many"], "--limit"),
        (["load"], "FILE"),
        (["plan", "--project-dir", "/no/such/directory"], "/no/such/directory"),
    ],
    ids=str,
)
def test_wrong_usage_names_what_is_wrong(arguments: list[str], said: str) -> None:
    refused = CliRunner().invoke(cli, arguments)
    assert refused.exit_code == 2
    assert said in refused.output


def test_a_directory_that_is_no_project_is_told_in_one_line(canon: Canon, project: Path) -> None:
    (project / "dbt_project" / "dbt_project.yml").unlink()
    refused = canon("plan", "--no-pull").expect(2)
    assert "dbt_project.yml" in refused.stderr.splitlines()[-1]


def test_the_command_line_is_also_a_module_and_a_script() -> None:
    pyproject = (CHECKOUT / "pyproject.toml").read_text()
    assert re.search(r'^canon = "sync\.cli:main"$', pyproject, re.MULTILINE)
