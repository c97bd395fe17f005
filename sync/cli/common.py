"""What every command shares: `--project-dir`, `--json`, the `.env` file, the log, asking, answering."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import logging
import os
import socket
import sys
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click
from rich.console import Console

from sync import localdb
from sync.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from rich.console import RenderableType

LOG_BYTES = 20_000_000

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Session:
    """One call of `canon`.

    `project_dir` is the checkout: it holds `dbt_project/`, `.env` and `.local/`.
    `wants_json` is True when stdout is to carry one JSON document.
    """

    project_dir: Path
    wants_json: bool

    def answer(self, document: dict[str, Any], *readable: RenderableType) -> None:
        """Give the result: `document` as JSON on stdout when asked for, else `readable` on stderr."""
        if self.wants_json:
            click.echo(json.dumps(document, default=str, ensure_ascii=False))
            return
        console = people_console()
        for part in readable:
            console.print(part, soft_wrap=isinstance(part, str))

    def confirm(self, question: str, *, yes: bool) -> None:
        """Ask before something is changed; raise `ConfigError` (exit 2) unless the answer is yes."""
        if yes:
            return
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise ConfigError(f"{question} Nobody is there to answer: nothing done; give --yes to agree beforehand.")
        if not click.confirm(question, default=False, err=True):
            raise ConfigError("answered no: nothing done")


def command_options(function: Callable[Concatenate[Session, P], R]) -> Callable[P, R]:
    """Give a command `--project-dir` and `--json`, and its first argument: the `Session`."""

    @click.option(
        "--project-dir",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        default=Path(),
        show_default="the current directory",
        help="The checkout: it holds dbt_project/, .env and .local/.",
    )
    @click.option("--json", "wants_json", is_flag=True, help="Print one JSON document on stdout.")
    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        project_dir: Path = kwargs.pop("project_dir").resolve()  # type: ignore[attr-defined]
        wants_json = bool(kwargs.pop("wants_json"))
        localdb.read_settings(project_dir)
        _configure_log(project_dir)
        return function(Session(project_dir, wants_json), *args, **kwargs)

    return run


def people_console() -> Console:
    """Return the console of people's output: stderr, wide enough for a table where no terminal says how wide it is."""
    return Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else 140)


def listen(host: str, port: int) -> socket.socket:
    """Listen on a port (0: a free one); raise `ConfigError` (exit 2) when it cannot be had."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        # Named as TCP, for asyncio then sends small answers at once; else each waits 40 ms for an acknowledgement.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(f"port {port} on {host} cannot be had ({reason}): choose another with --port") from error
    listener.listen(1024)
    return listener


def run_async(work: Coroutine[Any, Any, R]) -> R:
    """Run a coroutine to its end; of errors raised by several at once the first speaks for all."""
    try:
        return asyncio.run(work)
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from group


class JsonLines(logging.Formatter):
    """A log record as a line of JSON; `extra={"fields": {...}}` adds fields of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        entry = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "pid": record.process,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str, ensure_ascii=False)


def _configure_log(project_dir: Path) -> None:
    """Log as JSON lines to `.local/canon.log`; pass `extra={"fields": {...}}` for structured fields.

    A full log becomes `canon.log.1`, in place of the one before.
    """
    folder = project_dir / ".local"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        handler = RotatingFileHandler(folder / "canon.log", maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write {folder}/canon.log ({error.strerror}): give write permission there") from error
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # one line a request would drown the rest


@contextlib.contextmanager
def end_of_pipe_is_quiet() -> Iterator[None]:
    """Let `canon ... | head` end without a word about the closed pipe."""
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
