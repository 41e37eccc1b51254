"""``zimu board``: a unit with a host link on an FPGA board, as the file that configures it."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from zimu.commands.common import ConfigName, JsonFlag, Stages, load_config, out, print_json, print_note
from zimu.golden.link import BAUD


def command(
    board: Annotated[str, typer.Argument(metavar="BOARD", help="ulx3s, icebreaker or tangnano9k.")],
    config: ConfigName,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the file.")] = Path(),
    clock: Annotated[
        float | None, typer.Option(help="MHz of the unit at most, as near as the PLL comes; by default the board's.")
    ] = None,
    baud: Annotated[int, typer.Option(help="Bits a second of the host link.")] = BAUD,
    seed: Annotated[int, typer.Option(help="Of place and route.")] = 1,
    timeout: Annotated[float, typer.Option(help="Seconds any one program may take.")] = 1800,
    json: JsonFlag = False,
) -> None:
    """Make the bitstream of a unit with a UART host link, and tell whether it is fast enough for its clock."""
    from zimu.cost.bitstream import build_bitstream

    with Stages() as show:
        made = build_bitstream(
            load_config(config), board, output, clock, baud, seed, timeout, partial(show, "programs run")
        )
    if json:
        print_json(made._asdict() | {"path": str(made.path), "met": made.met})
    else:
        table = Table("cells", "used", "of", box=None)
        for name, used in made.used.items():
            if used:
                table.add_row(name, f"{used:,}", f"{made.available[name]:,}")
        out.print(table)
        verdict = "met" if made.met else "NOT MET"
        out.print(f"clock {made.clock:.6g} MHz, at most {made.fmax:.1f} MHz: {verdict}", highlight=False)
        out.print(f"host link at {made.baud:,.0f} baud", highlight=False)
        out.print(made.path, highlight=False)
    if not made.met:
        print_note(f"too slow for its clock: take another --seed, or --clock {made.fmax:.0f} and less")
        raise typer.Exit(1)
