"""Runs a cost study: simulates the units, prices them at the throughput that was counted, and joins all figures."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from zimu.cost.cache import Cache, default_folder
from zimu.cost.jobs import Job, Measurement, measure
from zimu.cost.metrics import ENERGY, MEMORY, THROUGHPUT, Metric
from zimu.cost.price import Breakdown, price
from zimu.cost.rows import Row, rows_of
from zimu.cost.silicon import Silicon
from zimu.cost.target import Figure, Target
from zimu.cost.targets import find_targets, metrics_of
from zimu.cost.units import PricedUnit, Rate
from zimu.golden.errors import ZimuError
from zimu.golden.workers import workers
from zimu.study.costs import CostStudy
from zimu.study.simulated import EnergyJob, StepsJob
from zimu.study.sweep import Group

StageProgress = Callable[[str, int, int], None]
"""Called with the name of a stage, the jobs of it that ended and the jobs there are."""


def run_study(
    name: str,
    command: str,
    groups: Sequence[Group],
    *,
    liberty: Sequence[str] = (),
    jobs: int = 2,
    timeout: float = 600,
    cache: str | os.PathLike[str] | None = None,
    scheduler: str = "",
    progress: StageProgress = lambda stage, done, total: None,
) -> CostStudy:
    """Price units, with all that is counted in simulated steps: throughput, memory traffic, and energy in silicon.

    Parameters
    ----------
    name, command : as in `CostStudy`.
    groups : of units; one that is no whole core is priced and not simulated.
    progress : told of the stages ``simulated`` and ``measured``.

    The other parameters, and errors, are those of `zimu.cost.price.price`.
    """
    kept = Cache(cache or default_folder())
    simulated, sizes = [], []
    for group in groups:
        places = find_targets(group.targets, liberty=liberty, seeds=group.seeds, timeout=timeout)
        simulated += [_Simulated(unit, places, kept, timeout) for unit in group.units]
        sizes.append(len(group.units) * sum(place.jobs for place in places))
    with workers(jobs, scheduler) as submit:
        # The longest first.
        every = [each for one in simulated for each in one.energy.values()]
        every += [each for one in simulated for each in one.steps.values()]
        measure(every, kept, submit, partial(progress, "simulated"))
    counted = {one.unit.name: one.counted() for one in simulated}
    rows: list[Row] = []
    breakdowns: list[Breakdown] = []
    for place, group in enumerate(groups):
        pricing = price(
            [counted[unit.name] for unit in group.units],
            group.targets,
            liberty=liberty,
            seeds=group.seeds,
            jobs=jobs,
            timeout=timeout,
            cache=cache,
            scheduler=scheduler,
            progress=partial(_tell, progress, sum(sizes[:place]), sum(sizes)),
        )
        rows += pricing.rows
        breakdowns += pricing.breakdowns
    rows += [row for one in simulated for row in one.rows()]
    return CostStudy(name, command, list(counted.values()), _in_order(rows, list(counted)), breakdowns)


def _tell(progress: StageProgress, before: int, total: int, done: int, _: int) -> None:
    progress("measured", before + done, total)


class _Simulated:
    """What is simulated of a unit, at each of its n."""

    def __init__(self, unit: PricedUnit, places: Sequence[Target], cache: Cache, timeout: float) -> None:
        self.unit = unit
        self.steps: dict[int | None, Measurement] = {}
        self.energy: dict[tuple[str, int | None], Measurement] = {}
        if config := unit.config:
            for rate in unit.rates:
                self.steps[rate.trials] = _measurement(StepsJob(config, rate.trials, timeout), cache)
                for place in places:
                    if isinstance(place, Silicon) and place.period is None:
                        job = EnergyJob(config, rate.trials, place)
                        self.energy[place.name, rate.trials] = _measurement(job, cache)

    def counted(self) -> PricedUnit:
        """The unit with the throughput that was counted."""
        if not self.steps:
            return self.unit
        missing = [THROUGHPUT]
        found = [(n, figure) for n, done in self.steps.items() for figure in _figures(done, n, missing)]
        return replace(
            self.unit,
            rates=tuple(
                Rate(each.value, n, each.tool, each.version, each.command, each.reason)
                for n, each in found
                if each.metric == THROUGHPUT
            ),
        )

    def rows(self) -> list[Row]:
        """Memory traffic, and energy in each technology."""
        owed = [metric for metric in metrics_of(MEMORY) if not metric.optional]
        rows = []
        for n, done in self.steps.items():
            rows += rows_of(self.unit.fields, MEMORY, _figures(done, n, owed))
        for (target, n), done in self.energy.items():
            rows += rows_of(self.unit.fields, target, _figures(done, n, [ENERGY]))
        return rows


def _measurement(job: Job, cache: Cache) -> Measurement:
    """One job; what cannot even be told from others, such as one with a library that cannot be read, has a reason."""
    try:
        _ = job.key
    except ZimuError as error:
        return Measurement([], cache, str(error))
    return Measurement([[job]], cache)


def _figures(done: Measurement, trials: int | None, owed: Sequence[Metric]) -> list[Figure]:
    """What a job gave at ``trials``; that the metrics ``owed`` are missing, if there is a reason why."""
    if done.reason:
        return [Figure(metric, None, done.reason, trials=trials) for metric in owed]
    return [replace(figure, trials=trials) for figures in done.figures for figure in figures]


def _in_order(rows: Sequence[Row], units: Sequence[str]) -> list[Row]:
    """Rows by unit, then target, then metric, then n."""
    targets = list(dict.fromkeys(row.target for row in rows))

    def place(row: Row) -> tuple[int, int, int, int]:
        metric = metrics_of(row.target).index(row.metric)
        return units.index(row.unit), targets.index(row.target), metric, row.trials or 0

    return sorted(rows, key=place)
