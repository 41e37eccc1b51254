"""``python -m zimu``: the command line."""

from zimu.cli import main

main()
