"""Run `python -m sync.localdb ARGUMENTS` as another user: `plain_user.py UID GID ARGUMENTS...`.

Everything is imported first, as root: the user need not be able to read this interpreter, nor this checkout.
"""

import os
import sys

import psycopg  # noqa: F401  # see above

from sync import localdb

uid, gid, *arguments = sys.argv[1:]
if os.geteuid() != int(uid):
    os.setgroups([])
    os.setgid(int(gid))
    os.setuid(int(uid))
sys.exit(localdb.main(arguments))
