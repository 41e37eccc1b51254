"""``zimu drive``: trains the digits on a unit at the end of a line, on a board or simulated, beside the emulator."""

from contextlib import ExitStack
from functools import partial
from typing import Annotated

import typer

from zimu.commands.common import ConfigName, JsonFlag, Seed, Stages, load_config, out, print_json, print_note
from zimu.golden.link import BAUD


def command(
    config: ConfigName,
    port: Annotated[
        str | None, typer.Option(help="Serial port of a board, such as /dev/ttyUSB0; a simulated board without.")
    ] = None,
    baud: Annotated[int, typer.Option(help="Bits a second at the port, as the board was made.")] = BAUD,
    clocks: Annotated[int, typer.Option(help="Of a bit on the line of the simulated board.")] = 4,
    steps: Annotated[int, typer.Option(help="Batches of 64 images; 19 see all images once.")] = 19,
    seed: Seed = 0,
    timeout: Annotated[float, typer.Option(help="Seconds the simulator may take, building included.")] = 3600,
    json: JsonFlag = False,
) -> None:
    """Train the digits on a unit behind a host link, and hold every weight after every step against the emulator."""
    from zimu.golden.errors import check_range
    from zimu.sim.device import Device
    from zimu.sim.simulated import SimulatedLine
    from zimu.sim.transport import Link, serial_line
    from zimu.study.drive import check_fits, drive

    unit = check_fits(load_config(config))
    check_range("steps", steps, 1, 10**6)
    with Stages() as show, ExitStack() as stack:
        line = serial_line(port, baud) if port else SimulatedLine(unit, clocks, timeout=timeout)
        device = Device(unit, Link(stack.enter_context(line)))
        driven = drive(unit, device, steps, seed, partial(show, "steps"))
    if json:
        print_json(driven._asdict() | {"agreed": driven.agreed})
    elif driven.agreed:
        out.print(f"{driven.steps} steps, every weight the emulator's; {driven.accuracy:.1%} of the test images right")
    if not driven.agreed:
        print_note(driven.difference)
        raise typer.Exit(1)
