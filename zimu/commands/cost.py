"""``zimu cost``: what units take on an FPGA and in silicon, and per weight and cycle."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from zimu.commands.common import JsonFlag, LibertyOption, Stages, out, print_json, print_note
from zimu.cost.targets import forms
from zimu.golden.files import write_whole


def command(
    units: Annotated[
        list[str],
        typer.Argument(
            metavar="UNIT",
            help="TOML or vector file, preset, float_sgd:FORMAT[:OPTION...], int_sgd:BITS[:...], prng:KIND, or rivals.",
        ),
    ],
    target: Annotated[
        list[str] | None,
        typer.Option(help=f"{forms()}; repeat for several."),
    ] = None,
    liberty: LibertyOption = None,
    seeds: Annotated[int, typer.Option(help="Place-and-route seeds.")] = 8,
    trials: Annotated[list[int] | None, typer.Option(help="n for throughput; round(sqrt(d)) and d by default.")] = None,
    jobs: Annotated[int, typer.Option(help="Programs at a time.")] = 2,
    timeout: Annotated[float, typer.Option(help="Seconds any one program may take.")] = 600,
    plot: Annotated[Path | None, typer.Option(help="Draw the figures into this .svg, .png or .pdf file.")] = None,
    json: JsonFlag = False,
) -> None:
    """Price units on targets: area, clock rate, and both per weight and cycle."""
    from zimu.cost.plot import bars, check_plot
    from zimu.cost.price import price
    from zimu.cost.table import tables

    check_plot(plot)
    with Stages() as show:
        rows = price(
            units,
            target or (),
            liberty=liberty or (),
            seeds=seeds,
            trials=trials or None,
            jobs=jobs,
            timeout=timeout,
            progress=partial(show, "pricing programs"),
        )
    if json:
        print_json([row.to_dict() for row in rows])
    else:
        out.print(tables(rows))
    failed = dict.fromkeys(f"{row.unit}, {row.target}, {row.metric.name}: {row.reason}" for row in rows if row.failed)
    for line in failed:
        print_note(line)
    if plot:
        print_note(f"wrote {write_whole(plot, bars(rows, plot.suffix))}")
    if failed:
        raise typer.Exit(1)
