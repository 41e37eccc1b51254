"""``zimu cost``: what units take on an FPGA and in silicon, and per weight and cycle."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

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
    jobs: Annotated[int, typer.Option(help="Processes at work.")] = 2,
    scheduler: Annotated[str, typer.Option(help="Address of a Dask scheduler, whose workers do it instead.")] = "",
    cache: Annotated[
        Path | None,
        typer.Option(help="Folder of what was measured before; else $ZIMU_CACHE."),
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds any one program may take.")] = 600,
    simulate: Annotated[
        bool,
        typer.Option(
            "--simulate", help="Simulate steps, too: throughput as counted, memory traffic, energy in your libraries."
        ),
    ] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw the figures into this .svg, .png or .pdf file.")] = None,
    json: JsonFlag = False,
) -> None:
    """Price units on targets: area, clock rate, and both per weight and cycle."""
    from zimu.cost.plot import bars, check_plot
    from zimu.cost.price import price
    from zimu.cost.ranges import IN_VIEW, cheaper_ranges, most_telling
    from zimu.cost.table import tables
    from zimu.cost.units import parse_units
    from zimu.cost.verdict import verdict
    from zimu.study.sweep import Group

    check_plot(plot)
    chosen = parse_units(units, trials or None)
    targets = tuple(target or ())
    how: dict[str, Any] = {"liberty": liberty or (), "jobs": jobs, "timeout": timeout}
    how |= {"cache": cache, "scheduler": scheduler}
    with Stages() as show:
        if simulate:
            from zimu.study.cost_run import run_study  # brings the emulator and simulators

            rows = run_study("cost", "zimu cost", [Group(chosen, targets, seeds)], progress=show, **how).rows
        else:
            rows = price(chosen, targets, seeds=seeds, progress=partial(show, "measured"), **how).rows
    if json:
        print_json([row.to_dict() for row in rows])
    else:
        out.print(tables(rows))
        ranges = most_telling(cheaper_ranges(chosen, rows), IN_VIEW)
        for sentence in [*(each.sentence() for each in ranges), *verdict(rows).lead]:
            out.print(sentence, highlight=False)
    for reason in dict.fromkeys(f"{row.unit}, {row.target}: {row.reason}" for row in rows if row.failed):
        print_note(reason)
    if plot:
        print_note(f"wrote {write_whole(plot, bars(rows, plot.suffix))}")
    if any(row.failed for row in rows):
        raise typer.Exit(1)
