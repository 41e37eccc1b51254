"""``zimu demo``: real training by the unit, the RTL beside it, and what both cost."""

from pathlib import Path
from typing import Annotated

import typer

from zimu.commands.common import JsonFlag, notes, out, print_json


def command(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the report.")] = Path("zimu-demo"),
    seeds: Annotated[int, typer.Option(help="Training runs of each setting.")] = 5,
    simulator: Annotated[str | None, typer.Option(help="verilator, icarus or amaranth.")] = None,
    place_seeds: Annotated[int, typer.Option(help="Place-and-route seeds of each unit.")] = 8,
    jobs: Annotated[int, typer.Option(help="Processes.")] = 2,
    json: JsonFlag = False,
) -> None:
    """Train handwritten digits with the unit and with FP32 SGD, replay the RTL, price both, write a report."""
    from zimu.study.demo import run_demo

    demo = run_demo(output, seeds=seeds, simulator=simulator, place_seeds=place_seeds, jobs=jobs, console=notes)
    if json:
        print_json(demo.results)
    else:
        out.print(demo.table())
        out.print(f"\nreport: {demo.report}", soft_wrap=True)
    for failure in demo.results["failures"]:
        notes.print(f"failed: {failure}", markup=False)
    if not demo.passed:
        raise typer.Exit(1)
