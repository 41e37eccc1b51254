"""``zimu rtl``: Verilog of a configuration, with its manifest."""

from pathlib import Path
from typing import Annotated

import typer

from zimu.commands.common import ConfigName, JsonFlag, load_config, out, print_json


def command(
    config: ConfigName,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the files.")] = Path(),
    top: Annotated[
        str | None,
        typer.Option(help="unit: memories, streams, registers, the default; core: memory ports, all a rival has."),
    ] = None,
    bus: Annotated[
        str | None,
        typer.Option(help="Of a unit: apb, the default; axi4lite, with AXI4-Stream; wishbone. Of a core: ports; axi4."),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Write NAME.v, its manifest, constraints and a FuseSoC core; of one with registers headers, a bench, a driver."""
    from zimu.sim.kit import write_kit

    files = [str(path) for path in write_kit(load_config(config), output, top, bus)]
    if json:
        print_json({"files": files})
    else:
        for path in files:
            out.print(path)
