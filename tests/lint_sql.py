"""`make lint`, its SQL part: sqlfluff through dbt's own templater, which needs a database; a throw-away one will do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from sync import localdb

CHECKOUT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Lint every model and test; return sqlfluff's exit code."""
    scratch = Path(tempfile.mkdtemp(prefix="canon-lint-"))
    cluster = localdb.Cluster(scratch / "postgres", localdb.binaries(), scratch, {"fsync": "off"})
    try:
        environment = {**os.environ, **cluster.start(), "DBT_PROFILES_DIR": str(scratch)}
        shutil.copy(CHECKOUT / "profiles.yml.example", scratch / "profiles.yml")
        migrate = [sys.executable, "-m", "sync", "migrate", "--yes", "--project-dir", str(scratch)]
        subprocess.run(migrate, cwd=CHECKOUT, env=environment, check=True, capture_output=True)
        command = [
            str(Path(sys.executable).parent / "sqlfluff"),
            "lint",
            "--disable-progress-bar",
            "--processes",
            "0",
            "dbt_project/models",
        ]
        done = subprocess.run(command, cwd=CHECKOUT, env=environment, check=False, capture_output=True, text=True)
        if done.returncode:
            sys.stdout.write(done.stdout)
        else:
            sys.stdout.write("sqlfluff: all models pass\n")
        return done.returncode
    finally:
        cluster.stop()
        cluster.remove()
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
