"""``zimu demo``: real training by the unit, the RTL beside it, and what both cost."""

from pathlib import Path
from typing import Annotated

import typer

from zimu.commands.common import JsonFlag, LibertyOption, Stages, out, print_json, print_note
from zimu.golden.files import check_writable


def command(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the report.")] = Path("zimu-demo"),
    seeds: Annotated[
        int, typer.Option(help="Training runs of each setting; fewer than 10 cannot support the claims.")
    ] = 10,
    simulator: Annotated[str | None, typer.Option(help="verilator, icarus or amaranth.")] = None,
    place_seeds: Annotated[int, typer.Option(help="Place-and-route seeds of each unit.")] = 8,
    liberty: LibertyOption = None,
    jobs: Annotated[int, typer.Option(help="Processes of training, and programs of pricing, at a time.")] = 2,
    json: JsonFlag = False,
) -> None:
    """Train handwritten digits with the unit and with FP32 SGD, replay the RTL, price both, write a report."""
    from zimu.study.demo import FILES, run_demo

    check_writable(*(output / name for name in FILES))
    with Stages() as show:
        demo = run_demo(
            seeds=seeds,
            simulator=simulator,
            place_seeds=place_seeds,
            liberty=liberty or (),
            jobs=jobs,
            progress=show,
        )
    if json:
        print_json(demo.results)
    else:
        out.print(demo.table())
    for failure in demo.results["failures"]:
        print_note(f"failed: {failure}")
    for path in demo.write(output):
        print_note(f"wrote {path}")
    if not demo.passed:
        raise typer.Exit(1)
