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
    json: JsonFlag = False,
) -> None:
    """Write NAME.v and NAME.json, the manifest of its ports and parameters."""
    from zimu.sim.verilog import check_top, write_rtl

    unit = load_config(config)
    files = [str(path) for path in write_rtl(unit, check_top(unit, top), output)]
    if json:
        print_json({"files": files})
    else:
        for path in files:
            out.print(path)
