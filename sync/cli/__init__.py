"""The command line: options in, report out, `SyncError` -> exit code. No logic lives here.

Each command is the attribute `command` of the module `sync.cli.<name>`, imported only when it is asked for.
"""

from __future__ import annotations

import importlib
import json
import logging
import sys
from typing import NoReturn

import click

from sync.cli.common import end_of_pipe_is_quiet
from sync.errors import SyncError

COMMANDS: tuple[str, ...] = (
    "migrate",
    "load",
    "extract",
    "pull",
    "setup",
    "plan",
    "sync",
    "rejected",
    "runs",
    "why",
    "undo",
    "export",
    "duplicates",
    "doctor",
    "serve",
    "sandbox",
)

INTERRUPTED = 130
UNEXPECTED = 70  # sysexits.h EX_SOFTWARE: a defect of ours, not a mistake of the user's

logger = logging.getLogger(__name__)


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"sync.cli.{cmd_name}").command
        assert isinstance(command, click.Command)  # noqa: S101  # a module of ours without a command is a defect
        return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="attio-canon", prog_name="canon")
def cli() -> None:
    """Turn a messy Postgres into canonical tables and keep Attio in step with them.

    \b
    Example:
      canon plan            what would change in Attio, and why
      canon sync --yes      do it
    """


def main(args: list[str] | None = None) -> NoReturn:
    """Run the command line and exit with the contract's code; a user never sees a traceback."""
    arguments = sys.argv[1:] if args is None else args
    with end_of_pipe_is_quiet():
        sys.exit(_run(arguments))


def _run(arguments: list[str]) -> int:  # noqa: PLR0911  # a return per kind of ending
    wants_json = "--json" in arguments
    try:
        result = cli.main(args=arguments, prog_name="canon", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.UsageError as error:
        error.show()
        return _failed(error.format_message(), 2, wants_json=wants_json, shown=True)
    except (click.Abort, KeyboardInterrupt):
        return _failed("interrupted; state is consistent, the next run goes on", INTERRUPTED, wants_json=wants_json)
    except SyncError as error:
        return _failed(str(error), error.exit_code, wants_json=wants_json)
    except click.ClickException as error:
        return _failed(error.format_message(), 2, wants_json=wants_json)
    except Exception as error:
        logger.exception("unexpected error")
        return _failed(
            f"unexpected {type(error).__name__}: this is a defect; details are in .local/canon.log",
            UNEXPECTED,
            wants_json=wants_json,
        )
    return result if isinstance(result, int) else 0


def _failed(message: str, exit_code: int, *, wants_json: bool, shown: bool = False) -> int:
    line = " ".join(message.split())
    if not shown:
        click.echo(f"canon: {line}", err=True)
    if wants_json:
        click.echo(json.dumps({"error": line, "exit_code": exit_code}))
    return exit_code
