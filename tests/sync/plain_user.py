"""Run a module's `main` as another user: `plain_user.py UID GID MODULE ARGUMENTS...`.

Everything is imported first, as root: the user need not be able to read this interpreter, nor this checkout.
"""

import importlib
import os
import sys

import psycopg  # noqa: F401  # see above

from sync.cli import COMMANDS

uid, gid, name, *arguments = sys.argv[1:]
for command in COMMANDS:
    importlib.import_module(f"sync.cli.{command}")
module = importlib.import_module(name)
if os.geteuid() != int(uid):
    os.setgroups([])
    os.setgid(int(gid))
    os.setuid(int(uid))
sys.exit(module.main(arguments))
