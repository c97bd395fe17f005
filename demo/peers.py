"""Other tools, each in a virtual environment of its own, so that none of their dependencies touches ours.

Made when a bench part asks for it, kept in `.local/peers`. What cannot be had here (no index, no wheel) has no row.
"""

from __future__ import annotations

import subprocess
import venv
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent / ".local" / "peers"


class PeerMissingError(Exception):
    """The tool could not be installed here; says which, and the installer's last line."""


def interpreter(name: str, *requirements: str) -> Path:
    """Return the Python of the environment `name` that has `requirements` (`cleanco==2.3`); make it if needed."""
    home = HOME / name
    python, stamp = home / "bin" / "python", home / "requirements.txt"
    wanted = "\n".join(requirements)
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    venv.create(home, clear=True, with_pip=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        raise PeerMissingError(f"{name}: cannot be installed here: {last}")
    stamp.write_text(wanted)
    return python
