"""``zimu cost``: what units take on an FPGA and in silicon."""

from typing import Annotated

import typer

from zimu.commands.common import JsonFlag


def command(units: Annotated[list[str], typer.Argument(help="x")], json: JsonFlag = False) -> None:
    """Price."""
