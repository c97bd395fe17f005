"""dbt for tests: imported once, and then forked for each call, which saves half of a short one's time.

Reads calls from stdin, a JSON object a line: `arguments`, `cwd`, `environment`, and the files `stdout` and `stderr`;
answers each with the exit code.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import dbt.adapters.postgres  # noqa: F401  # dbt loads it when it meets the profile
from dbt.cli.main import cli


def call(arguments: list[str], cwd: str, environment: dict[str, str], **outputs: str) -> int:
    """Run dbt in a process of its own; return its exit code."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(outputs[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    sys.argv = ["dbt", *arguments]
    cli()
    raise AssertionError("click ends the process")


if __name__ == "__main__":
    for line in sys.stdin:
        asked: dict[str, Any] = json.loads(line)
        sys.stdout.write(f"{call(**asked)}\n")
        sys.stdout.flush()
