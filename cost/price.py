"""Prices units on targets: the cost flow's front door.

Identical designs are measured once, external programs run in parallel, and throughput is joined to what was measured.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product
from pathlib import Path

from zimu.cost.metrics import THROUGHPUT, Derived, Metric
from zimu.cost.rows import Row, rows_of
from zimu.cost.target import Figure, Progress, Slots, Target
from zimu.cost.targets import TARGETS, find_targets
from zimu.cost.units import PricedUnit, Rate, parse_units, priced
from zimu.golden.errors import InputError, ZimuError, check_range
from zimu.golden.files import scratch_folder
from zimu.golden.rule import RuleConfig
from zimu.golden.unit import MAX_TRIALS
from zimu.rtl.netlist import to_rtlil


def price(
    units: Sequence[str | RuleConfig | PricedUnit],
    targets: Sequence[str] = (),
    *,
    liberty: Sequence[str] = (),
    seeds: int = 8,
    trials: Sequence[int] | None = None,
    jobs: int = 2,
    timeout: float = 600,
    progress: Progress | None = None,
) -> list[Row]:
    """Price every unit on every target.

    Parameters
    ----------
    units : names as `zimu.cost.units.parse_units` takes them, configurations of any rule, or units.
    targets : names as `zimu.cost.targets.find_targets` takes them. By default ECP5-25k, gate equivalents and all
        libraries given.
    liberty : libraries, as `zimu.cost.liberty.find_libraries` takes them.
    seeds : place-and-route seeds, 1..1000.
    trials : n for the throughput of integer units, 1..2^32-1; by default round(sqrt(d)) and d.
    jobs : external programs at a time; never changes a result.
    timeout : seconds any one program may take.
    progress : called with the programs that ended and the programs there are.

    Returns
    -------
    list[Row]
        by unit, then target, then metric. What could not be measured is there with value None and the reason.

    Raises
    ------
    InputError
        an unknown unit or target, a library that is not there, or a number out of its range.
    """
    check_range("jobs", jobs, 1, 1024)
    for count in trials or ():
        check_range("trials", count, 1, MAX_TRIALS)
    chosen = [one for unit in units for one in _units(unit, trials)]
    _refuse_twice("unit", [unit.name for unit in chosen])
    places = find_targets(targets, liberty=liberty, seeds=seeds, timeout=timeout)
    _refuse_twice("target", [place.name for place in places])
    found = {type(place) for place in places}
    absent = [] if targets else [name for name, family in TARGETS.items() if family not in found]
    designs = {unit.name: to_rtlil(unit.build(), "top") for unit in chosen}
    # The longest first, so that at the end no program runs alone.
    longest_first = sorted(set(designs.values()), key=lambda design: (-len(design), design))
    measured = _measure_all(longest_first, places, jobs, progress)
    rows = []
    for unit in chosen:
        for place in places:
            figures = measured[designs[unit.name], place.name]
            rows += rows_of(unit.name, place.name, [*figures, *per_weight(place.metrics, figures, unit.rates)])
        for family in absent:
            rows += rows_of(unit.name, family, TARGETS[family].absent())
    return rows


def per_weight(metrics: Sequence[Metric], figures: Sequence[Figure], rates: Sequence[Rate]) -> list[Figure]:
    """What follows from the figures of one design on one target, by metric and rate.

    Spreads over seeds are carried along; a figure that is missing leaves what follows from it missing, for the same
    reason.

    Parameters
    ----------
    metrics : of the target; `THROUGHPUT` and those that are `Derived` are made.
    figures : what was measured.
    rates : throughputs of the unit.
    """
    found = {figure.metric: figure for figure in figures}
    derived = []
    for metric in metrics:
        if metric == THROUGHPUT:
            derived += [_throughput(rate) for rate in rates]
        elif isinstance(metric, Derived):
            factors = [one for one in (metric.size, metric.clock) if one]
            if found.keys() >= set(factors):
                derived += [_derive(metric, [found[one] for one in factors], rate) for rate in rates]
    return derived


def _throughput(rate: Rate) -> Figure:
    command = "one weight per lane and clock" if rate.trials is None else "step_cycles"
    return Figure(THROUGHPUT, rate.weights_per_cycle, trials=rate.trials, tool="zimu", command=command)


def _derive(metric: Derived, factors: Sequence[Figure], rate: Rate) -> Figure:
    """The product of ``factors``, size and clock, over the throughput; the spread is that of the last of them."""
    for factor in factors:
        if factor.value is None:
            return replace(factor, metric=metric, trials=rate.trials)
    *others, last = (_period(factor) if factor.metric == metric.clock else factor for factor in factors)
    scale = [1 / rate.weights_per_cycle, *(other.value for other in others)]

    def scaled(value: float | None) -> float | None:
        for by in scale:
            value = None if value is None or by is None else value * by
        return value

    return replace(
        last,
        metric=metric,
        value=scaled(last.value),
        minimum=scaled(last.minimum),
        maximum=scaled(last.maximum),
        trials=rate.trials,
    )


def _period(clock: Figure) -> Figure:
    """The shortest clock period in ns; a delay is one."""
    if clock.metric.uom != "MHz":
        return clock

    def invert(mhz: float | None) -> float | None:
        return None if mhz is None else 1000 / mhz

    # The fastest clock has the shortest period.
    return replace(clock, value=invert(clock.value), minimum=invert(clock.maximum), maximum=invert(clock.minimum))


def _units(unit: str | RuleConfig | PricedUnit, trials: Sequence[int] | None) -> list[PricedUnit]:
    if isinstance(unit, str):
        return parse_units([unit], trials)
    return [priced(unit, trials) if isinstance(unit, RuleConfig) else unit]


def _refuse_twice(kind: str, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{kind} {name} is given twice: each must have a name of its own")


def _measure_all(
    designs: Sequence[str], targets: Sequence[Target], jobs: int, progress: Progress | None
) -> dict[tuple[str, str], list[Figure]]:
    """Figures by design and target's name."""
    work = list(product(designs, targets))
    slots = Slots(jobs, sum(target.programs for _, target in work), progress)
    with (
        scratch_folder() as scratch,
        ThreadPoolExecutor(max(len(work), 1)) as pool,
    ):
        folders = [scratch / str(number) for number in range(len(work))]
        futures = [pool.submit(_measure, *item, folder, slots) for item, folder in zip(work, folders, strict=True)]
        try:
            return {
                (design, target.name): future.result() for (design, target), future in zip(work, futures, strict=True)
            }
        finally:
            slots.close()


def _measure(design: str, target: Target, folder: Path, slots: Slots) -> list[Figure]:
    folder.mkdir()
    try:
        return target.measure(design, folder, slots)
    except ZimuError as error:
        return target.missing(str(error))
