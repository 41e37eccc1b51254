"""``zimu bench``: the emulator's speed and memory beside what one would use instead."""

from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from zimu.commands.common import JsonFlag, Stages, out, print_json, print_note


def command(
    quick: Annotated[bool, typer.Option("--quick", help="Fewer repeats, and PyTorch only where it is quick.")] = False,
    crossover: Annotated[
        bool, typer.Option("--crossover", help="The emulator's samplers alone, over a wide range of n.")
    ] = False,
    momentum: Annotated[
        bool, typer.Option("--momentum", help="Steps with a running mean, beside PyTorch's SGD with momentum.")
    ] = False,
    threads: Annotated[list[int] | None, typer.Option(help="Threads of the emulator; repeat for several.")] = None,
    repeats: Annotated[int | None, typer.Option(help="Samples that medians are taken of.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the times into this .svg, .png or .pdf file.")] = None,
    json: JsonFlag = False,
) -> None:
    """Time a step of the emulator beside numpy, PyTorch, FP32 SGD and a bare int8 subtract."""
    from zimu.cost.plot import check_plot
    from zimu.golden.errors import InputError
    from zimu.study import bench, bench_report
    from zimu.study.bench_subjects import momentum_subjects, subjects

    if crossover and momentum:
        raise InputError("--crossover and --momentum: must be one of the two")
    if momentum and (threads or plot):
        raise InputError("--momentum: has one thread and no plot, leave --threads and --plot out")
    chosen = subjects(threads or [1])
    effort = bench.QUICK if quick else bench.FULL
    if repeats is not None:
        effort = replace(effort, repeats=repeats)
    check_plot(plot)
    with Stages() as show:
        progress = partial(show, "rounds measured")
        if crossover:
            own = [subject for subject in chosen if subject.sampler and subject.draws]
            rows = bench.measure(bench.sweep_problems(bench.DEPTHS), own, effort, memory=False, progress=progress)
        elif momentum:
            problems = bench.momentum_problems(bench.DEPTHS[1:])
            rows = bench.measure(problems, momentum_subjects(), effort, memory=False, progress=progress)
        else:
            rows = bench.measure(bench.default_problems(bench.DEPTHS), chosen, effort, progress=progress)
    machine = bench.describe_machine()
    if json:
        print_json({"machine": machine, "effort": asdict(effort), "rows": [asdict(r) for r in rows]})
    else:
        columns = bench_report.MOMENTUM_COLUMNS if momentum else bench_report.COLUMNS
        out.print(bench_report.sweep_table(rows) if crossover else bench_report.table(rows, columns))
        out.print(bench_report.machine_line(machine), soft_wrap=True, highlight=False)
    if plot:
        print_note(f"wrote {bench_report.save_plot(rows, plot, sweep=crossover)}")
