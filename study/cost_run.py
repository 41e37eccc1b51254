"""Runs a cost study: simulates the units, prices them at the throughput that was counted, and joins all figures."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from zimu.cost.cache import Cache, default_folder
from zimu.cost.jobs import Measurement, measure
from zimu.cost.metrics import MEMORY, THROUGHPUT
from zimu.cost.price import survey
from zimu.cost.rows import Row, rows_of
from zimu.cost.silicon import ENERGY, Silicon
from zimu.cost.target import Figure
from zimu.cost.targets import find_targets, metrics_of
from zimu.cost.units import PricedUnit, Rate
from zimu.golden.workers import workers
from zimu.study.costs import CostStudy
from zimu.study.simulated import EnergyJob, StepsJob

Stage = Callable[[str, int, int], None]
"""Called with the name of a stage, the jobs of it that ended and the jobs there are."""


def run_study(
    name: str,
    command: str,
    units: Sequence[PricedUnit],
    targets: Sequence[str] = (),
    *,
    liberty: Sequence[str] = (),
    seeds: int = 8,
    jobs: int = 2,
    timeout: float = 600,
    cache: str | os.PathLike[str] | None = None,
    scheduler: str = "",
    progress: Stage = lambda stage, done, total: None,
) -> CostStudy:
    """Price units, with all that is counted in simulated steps: throughput, memory traffic, and energy in silicon.

    Parameters
    ----------
    name, command : as in `CostStudy`.
    units : as `zimu.cost.units.priced` makes them; a unit that is no whole core is priced and not simulated.

    The other parameters, and errors, are those of `zimu.cost.price.price`.
    """
    places = find_targets(targets, liberty=liberty, seeds=seeds, timeout=timeout)
    kept = Cache(cache or default_folder())
    steps, energy = {}, {}
    for unit in units:
        for rate in unit.rates if unit.config else ():
            assert unit.config is not None
            job = StepsJob(unit.config, rate.trials, timeout)
            steps[unit.name, rate.trials] = Measurement([[job]], kept)
            for place in places:
                if isinstance(place, Silicon):
                    mine = EnergyJob(unit.config, rate.trials, place)
                    energy[unit.name, rate.trials, place.name] = Measurement([[mine]], kept)
    with workers(jobs, scheduler) as submit:
        # The longest first.
        measure(
            [*energy.values(), *steps.values()], kept, submit, lambda done, total: progress("simulated", done, total)
        )
    counted = [_counted(unit, steps) for unit in units]
    pricing = survey(
        counted,
        targets,
        liberty=liberty,
        seeds=seeds,
        jobs=jobs,
        timeout=timeout,
        cache=cache,
        scheduler=scheduler,
        progress=partial(progress, "measured"),
    )
    more = [row for unit in units for row in _memory(unit, steps)]
    more += [
        row
        for unit in units
        for (owner, trials, target), each in energy.items()
        if owner == unit.name
        for row in rows_of(unit.fields, target, _figures(each, trials, Figure(ENERGY, None, each.reason)))
    ]
    return CostStudy(name, command, counted, _in_order([*pricing.rows, *more], counted), pricing.breakdowns)


Steps = dict[tuple[str, int | None], Measurement]


def _counted(unit: PricedUnit, steps: Steps) -> PricedUnit:
    """The unit with the throughput that was counted."""
    if not unit.config:
        return unit
    rates = []
    for rate in unit.rates:
        each = steps[unit.name, rate.trials]
        (figure,) = [
            figure
            for figure in _figures(each, rate.trials, Figure(THROUGHPUT, None, each.reason))
            if figure.metric == THROUGHPUT
        ]
        told = (figure.tool, figure.version, figure.command, figure.reason)
        rates.append(Rate(figure.value, rate.trials, *told))
    return replace(unit, rates=tuple(rates))


def _memory(unit: PricedUnit, steps: Steps) -> list[Row]:
    """What goes through the memories around a unit."""
    rows = []
    for rate in unit.rates if unit.config else ():
        each = steps[unit.name, rate.trials]
        missing = [Figure(metric, None, each.reason) for metric in metrics_of(MEMORY) if not metric.optional]
        rows += rows_of(unit.fields, MEMORY, _figures(each, rate.trials, *missing))
    return rows


def _figures(done: Measurement, trials: int | None, *missing: Figure) -> list[Figure]:
    """What a job gave at ``trials``; ``missing`` if there is a reason why not."""
    found = list(missing) if done.reason else [figure for each in done.figures for figure in each]
    return [replace(figure, trials=trials) for figure in found]


def _in_order(rows: Sequence[Row], units: Sequence[PricedUnit]) -> list[Row]:
    """Rows by unit, then target, then metric, then n."""
    places = {unit.name: place for place, unit in enumerate(units)}
    targets = list(dict.fromkeys(row.target for row in rows))

    def place(row: Row) -> tuple[int, int, int, int]:
        metric = metrics_of(row.target).index(row.metric)
        return places[row.unit], targets.index(row.target), metric, row.trials or 0

    return sorted(rows, key=place)
