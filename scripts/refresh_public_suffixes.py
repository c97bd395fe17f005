"""Write dbt_project/seeds/public_suffixes.csv from the snapshot of the Public Suffix List in the package tldextract.

    python scripts/refresh_public_suffixes.py

A rule in letters beyond ASCII is written twice, as it is and in its ASCII form: hosts come in both.
"""

import csv
from importlib.resources import files
from pathlib import Path

SEED = Path(__file__).resolve().parent.parent / "dbt_project" / "seeds" / "public_suffixes.csv"


def main() -> None:
    """Rewrite the seed."""
    section, rows = "icann", set()
    for line in files("tldextract").joinpath(".tld_set_snapshot").read_text("utf-8").splitlines():
        if "===BEGIN PRIVATE DOMAINS===" in line:
            section = "private"
        rule = line.strip()
        if not rule or rule.startswith("//"):
            continue
        kind = {"!": "exception", "*": "wildcard"}.get(rule[0], "exact")
        suffix = rule.removeprefix("!").removeprefix("*.")
        ascii_suffix = ".".join(label.encode("idna").decode() for label in suffix.split("."))
        rows |= {(suffix, kind, section), (ascii_suffix, kind, section)}
    with SEED.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("suffix", "kind", "section"))
        writer.writerows(sorted(rows))


if __name__ == "__main__":
    main()
