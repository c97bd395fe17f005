"""`python -m sync` is `canon`."""

from sync.cli import main

main()
