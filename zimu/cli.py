"""The command line. Each command is a file in ``zimu/commands``; this one joins them and turns errors into exit codes.

Exit code 0: everything asked for was done and agreed. 1: a mismatch, or a program that failed. 2: bad usage or input.
"""

import sys

import typer

from zimu.commands import battery, bench, config, cost, demo, doctor, emulate, rtl, vectors, verify
from zimu.golden.errors import ZimuError

app = typer.Typer(
    name="zimu",
    help="Emulate, generate, verify and price an integer weight-update unit.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for module in (demo, config, emulate, rtl, vectors, verify, cost, bench, battery, doctor):
    app.command(name=module.__name__.rpartition(".")[2])(module.command)


@app.callback(invoke_without_command=True)
def _options(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    if version:
        from zimu import __version__

        print(f"zimu {__version__}")
        raise typer.Exit


def main() -> None:
    """Entry point of the ``zimu`` program."""
    try:
        app()
    except ZimuError as error:
        print(f"zimu: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("zimu: stopped", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
