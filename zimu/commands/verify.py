"""``zimu verify``: RTL against emulator in a simulator."""

from pathlib import Path
from typing import Annotated

import typer

from zimu.commands.common import ConfigName, JsonFlag, Seed, load_config, notes, out, print_json


def command(
    config: ConfigName,
    simulator: Annotated[
        str | None, typer.Option(help="verilator, icarus or amaranth; the fastest there is by default.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Steps to compare.")] = 200,
    seed: Seed = 0,
    top: Annotated[
        str | None, typer.Option(help="unit: the drop-in unit, the default; core: its core behind slow memories.")
    ] = None,
    waveform: Annotated[Path | None, typer.Option(help="Write the waves here (.vcd; .fst under Icarus).")] = None,
    timeout: Annotated[float, typer.Option(help="Seconds the simulator may take, building included.")] = 1800,
    json: JsonFlag = False,
) -> None:
    """Compare every weight and counter of the RTL with the emulator, with random gaps and resets."""
    from zimu.sim.verify import verify

    unit = load_config(config)
    with notes.status(f"verifying {unit.name}: building, then {steps} steps"):
        result = verify(unit, steps=steps, seed=seed, simulator=simulator, top=top, timeout=timeout, waveform=waveform)
    if json:
        print_json(result.as_dict())
    elif result.agreed:
        out.print(
            f"{unit.name} ({result.top}) agrees with the emulator under {result.simulator}: {result.steps} steps, "
            f"{result.checked} values, {result.cycles} clocks, {result.aborted} resets inside a step, seed {seed}",
            soft_wrap=True,
        )
    if not result.agreed:
        notes.print(result.report(config), soft_wrap=True, markup=False, highlight=False)
        raise typer.Exit(1)
