"""``zimu verify``: RTL against emulator in a simulator."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from zimu.commands.common import ConfigName, JsonFlag, Seed, Stages, load_config, out, print_json, print_note
from zimu.golden.errors import InputError


def command(
    config: ConfigName,
    simulator: Annotated[
        str | None, typer.Option(help="verilator, icarus or amaranth; the fastest there is by default.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Steps to compare.")] = 200,
    seed: Seed = 0,
    top: Annotated[
        str | None, typer.Option(help="unit: the drop-in unit, the default; core: its core with slow memories.")
    ] = None,
    bus: Annotated[
        str | None,
        typer.Option(help="Of a unit: apb, the default; axi4lite, with AXI4-Stream; wishbone. Of a core: ports; axi4."),
    ] = None,
    errors: Annotated[
        float, typer.Option(help="Of axi4: probability of an error in each response of the memory.")
    ] = 0.0,
    waveform: Annotated[
        Path | None, typer.Option(help="Write the waves into this .vcd file; .fst under Icarus.")
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds the simulator may take, building included.")] = 1800,
    json: JsonFlag = False,
) -> None:
    """Compare every weight and counter of the RTL with the emulator, with random gaps and resets."""
    from zimu.sim.verify import verify

    unit = load_config(config)
    with Stages() as show:
        result = verify(
            unit,
            steps=steps,
            seed=seed,
            simulator=simulator,
            top=top,
            bus=bus,
            errors=errors,
            timeout=timeout,
            waveform=waveform,
            progress=partial(show, "steps compared"),
        )
    failed = f"{result.failed} steps that failed and said so, " if errors else ""
    if json:
        print_json(result.as_dict())
    elif result.agreed:
        out.print(
            f"{unit.name} ({result.top}, {result.bus}) agrees with the emulator under {result.simulator}: "
            f"{result.steps} steps, {result.checked} values, {result.cycles} clocks, "
            f"{result.aborted} resets inside a step, {failed}seed {seed}",
            soft_wrap=True,
        )
    if not result.agreed:
        print_note(result.report(config))
    if result.unwritten:
        raise InputError(result.unwritten)
    if waveform:
        print_note(f"wrote {waveform}")
    if not result.agreed:
        raise typer.Exit(1)
