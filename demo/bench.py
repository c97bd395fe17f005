"""How fast it is: `make bench`, or some parts of it by name: `make bench ARGS="sync"`.

Each part is a module of `demo` with `run(argument)`, named in `PARTS`; it prints tables. To add one: write it, name it.
"""

from __future__ import annotations

import importlib
import os
import sys

from rich.console import Console

PARTS = {
    "accuracy": ("demo.bench_accuracy", "how often the cleaning is right, and other tools on the same rows"),
    "beside": ("demo.bench_beside", "the same table pushed by drt-core, dlt, a naive loop and us"),
    "build": (
        "demo.bench_build",
        "`make build` at size, and again after a few changes; its argument is a generator's path",
    ),
    "cleaning": (
        "demo.bench_cleaning",
        "LinkedIn URLs, domains, names and places, beside the fastest way to write each",
    ),
    "sync": ("demo.bench_sync", "writes at Attio's limits, memory, planning 200,000 rows"),
    "duplicates": ("demo.bench_duplicates", "copies found and distinct companies lost: ours, two usual rules, Splink"),
    "cleanup": ("demo.bench_cleanup", "3,700 of 8,000 companies removed at Attio's limits, through kills, and undone"),
    "faults": ("demo.bench_faults", "2,000 people created while answers are lost, Attio fails and we are killed"),
}
"""Name -> module, and what it measures. Arguments after a colon go to it: `sync:planning,memory`, `cleaning:100000`."""

OWNERS_VARIABLES = ("PG", "DBT_", "ATTIO_", "CANON_")

console = Console(highlight=False)


def main() -> int:
    """Run the parts that are named, all when none is; return 2 for a name unknown."""
    asked = sys.argv[1:] or list(PARTS)
    unknown = [name for name in asked if name.split(":")[0] not in PARTS]
    if unknown:
        console.print(f"bench: no part is called {unknown[0]}; there are:")
        for name, (_, what) in PARTS.items():
            console.print(f"  {name}: {what}")
        return 2
    for name in [name for name in os.environ if name.startswith(OWNERS_VARIABLES)]:
        del os.environ[name]
    for name in asked:
        part, _, argument = name.partition(":")
        module, what = PARTS[part]
        console.print(f"\n[bold]{part}[/bold]: {what}")
        importlib.import_module(module).run(argument)
    return 0


if __name__ == "__main__":
    sys.exit(main())
