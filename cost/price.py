"""Prices units on targets: the cost flow's front door.

Nothing is measured twice, several processes measure at a time, and throughput is joined to what was measured.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from typing import NamedTuple

import zimu.golden
import zimu.rtl
from zimu.cost.cache import Cache, default_folder
from zimu.cost.content import digest, sources
from zimu.cost.jobs import measure
from zimu.cost.metrics import THROUGHPUT, Derived, Metric
from zimu.cost.parts import largest_first
from zimu.cost.rows import Row, rows_of
from zimu.cost.target import Figure, Progress
from zimu.cost.target_jobs import figures_of, measurement, parts_of
from zimu.cost.targets import TARGETS, find_metric, find_targets
from zimu.cost.units import PricedUnit, Rate, parse_units, priced
from zimu.golden.errors import InputError, check_range
from zimu.golden.rule import RuleConfig
from zimu.golden.unit import MAX_TRIALS
from zimu.golden.workers import workers
from zimu.rtl.netlist import to_rtlil


class Design(NamedTuple):
    """The RTLIL text of a unit: its key in the cache, and how long it is."""

    key: str
    size: int


@dataclass(frozen=True)
class Breakdown:
    """What the parts of a unit take on a target.

    Parameters
    ----------
    unit, target : names, as rows have them.
    metric : the size that is parted.
    parts : the size of each, largest first. Together they are the unit's netlist; docs/cost.md says what they are.
    """

    unit: str
    target: str
    metric: Metric
    parts: dict[str, float]


@dataclass(frozen=True)
class Pricing:
    """All that pricing units on targets gives.

    Parameters
    ----------
    rows : by unit, then target, then metric. What could not be measured is there with value None and the reason.
    breakdowns : by unit, then target, then metric; only those that there are.
    """

    rows: list[Row]
    breakdowns: list[Breakdown]


def price(
    units: Sequence[str | RuleConfig | PricedUnit],
    targets: Sequence[str] = (),
    *,
    liberty: Sequence[str] = (),
    seeds: int = 8,
    trials: Sequence[int] | None = None,
    jobs: int = 2,
    timeout: float = 600,
    cache: str | os.PathLike[str] | None = None,
    scheduler: str = "",
    progress: Progress | None = None,
) -> Pricing:
    """Price every unit on every target, and say what their parts take.

    What was measured before parts were kept, and is in the cache, has no breakdown.

    Parameters
    ----------
    units : names as `zimu.cost.units.parse_units` takes them, configurations of any rule, or units.
    targets : names as `zimu.cost.targets.find_targets` takes them. By default ECP5-25k, gate equivalents and all
        libraries given.
    liberty : libraries, as `zimu.cost.liberty.find_libraries` takes them.
    seeds : place-and-route seeds, 1..1000.
    trials : n for the throughput of integer units, 1..2^32-1; by default round(sqrt(d)) and d.
    jobs : processes at work; never changes a result.
    timeout : seconds any one program may take.
    cache : the folder in which is kept what was measured, and looked for first; by default
        `zimu.cost.cache.default_folder`.
    scheduler : the address of a Dask scheduler whose workers see that folder; they measure instead of ``jobs``
        processes.
    progress : called with the jobs that ended and the jobs there are.

    Raises
    ------
    InputError
        an unknown unit or target, a library that is not there, a number out of its range, or a folder that cannot be
        written.
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
    kept = Cache(cache or default_folder())
    designs = _designs(chosen, kept)
    # The longest first, so that at the end no program runs alone.
    longest_first = sorted(set(designs.values()), key=lambda design: (-design.size, design.key))
    measurements = {
        (design, place.name): measurement(place, design.key, kept) for design in longest_first for place in places
    }
    with workers(jobs, scheduler) as submit:
        measure(list(measurements.values()), kept, submit, progress)
    rows, breakdowns = [], []
    for unit in chosen:
        for place in places:
            design = designs[unit.name]
            done = measurements[design, place.name]
            figures = figures_of(place, design.key, done, kept)
            rows += rows_of(unit.fields, place.name, [*figures, *per_weight(place.metrics, figures, unit.rates)])
            breakdowns += [
                Breakdown(unit.name, place.name, find_metric(place.name, name), largest_first(parts))
                for name, parts in parts_of(place, done, kept).items()
            ]
        for family in absent:
            rows += rows_of(unit.fields, family, TARGETS[family].absent())
    return Pricing(rows, breakdowns)


def per_weight(metrics: Sequence[Metric], figures: Sequence[Figure], rates: Sequence[Rate]) -> list[Figure]:
    """What follows from the figures of one design on one target, by metric and rate.

    Spreads over seeds and samples are carried along; a figure that is missing leaves what follows from it missing, for
    the same reason.

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
    return Figure(
        THROUGHPUT,
        rate.weights_per_cycle,
        rate.reason,
        trials=rate.trials,
        tool=rate.tool,
        version=rate.version,
        command=rate.command,
    )


def _derive(metric: Derived, factors: Sequence[Figure], rate: Rate) -> Figure:
    """The product of ``factors``, size and clock, over the throughput; spread and samples are those of the last one."""
    for factor in factors:
        if factor.value is None:
            return replace(factor, metric=metric, trials=rate.trials)
    if rate.weights_per_cycle is None:
        return replace(_throughput(rate), metric=metric)
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
        samples=tuple(value for value in map(scaled, last.samples) if value is not None),
        trials=rate.trials,
    )


def _period(clock: Figure) -> Figure:
    """The shortest clock period in ns; a delay is one."""
    if clock.metric.uom != "MHz":
        return clock

    def invert(mhz: float | None) -> float | None:
        return None if mhz is None else 1000 / mhz

    # The fastest clock has the shortest period.
    return replace(
        clock,
        value=invert(clock.value),
        minimum=invert(clock.maximum),
        maximum=invert(clock.minimum),
        samples=tuple(1000 / mhz for mhz in clock.samples),
    )


def _units(unit: str | RuleConfig | PricedUnit, trials: Sequence[int] | None) -> list[PricedUnit]:
    if isinstance(unit, str):
        return parse_units([unit], trials)
    return [priced(unit, trials) if isinstance(unit, RuleConfig) else unit]


def _refuse_twice(kind: str, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{kind} {name} is given twice: each must have a name of its own")


def _designs(units: Sequence[PricedUnit], cache: Cache) -> dict[str, Design]:
    """The designs of units by their names, in the cache: made only where the unit or the sources are not known."""
    made_of = digest(sources(zimu.golden, zimu.rtl), metadata.version("amaranth"))
    found = {}
    for unit in units:
        key = digest(made_of, unit.identity)
        entry = cache.text("units", key) if unit.identity else None
        if entry is None:
            text = to_rtlil(unit.build(), "top")
            entry = f"{digest(text)} {len(text)}"
            cache.keep_text("designs", digest(text), text)
            if unit.identity:
                cache.keep_text("units", key, entry)
        name, size = entry.split()
        found[unit.name] = Design(name, int(size))
    return found
