"""Prices units on targets: the cost flow's front door.

Identical designs are built once, external programs run in parallel, and throughput is joined to cost.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Protocol

from zimu.cost.fpga import DEVICES, Ecp5
from zimu.cost.gates import Generic
from zimu.cost.liberty import VARIABLE, find_libraries, pdk_libraries
from zimu.cost.rates import per_weight
from zimu.cost.rows import NO_LIBRARY, Figure, Row, rows_of
from zimu.cost.silicon import Silicon
from zimu.cost.slots import Progress, Slots
from zimu.cost.units import PricedUnit, parse_units, priced
from zimu.golden.config import MAX_TRIALS
from zimu.golden.errors import InputError, ZimuError, check_range, check_seconds
from zimu.golden.files import scratch_folder
from zimu.golden.rule import RuleConfig
from zimu.rtl.netlist import to_rtlil

DEFAULT_TARGETS = ("ecp5-25k", "generic")


class Target(Protocol):
    """Where a design can be measured."""

    @property
    def name(self) -> str:
        """What rows call it."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """What it measures."""

    @property
    def programs(self) -> int:
        """External programs it runs for a design."""

    def measure(self, design: str, folder: Path, slots: Slots) -> list[Figure]:
        """The figures of ``design``, RTLIL text with top module ``top``; ``folder`` is empty and goes away."""


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
    targets : ``ecp5-25k``, ``ecp5-45k``, ``ecp5-85k``, ``generic`` or ``liberty:NAME``. By default
        `DEFAULT_TARGETS` and all libraries given.
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
    designs = {unit.name: to_rtlil(unit.build(), "top") for unit in chosen}
    measured = _measure_all(sorted(set(designs.values())), places, jobs, progress)
    rows = []
    for unit in chosen:
        for place in places:
            figures = measured[designs[unit.name], place.name]
            rows += rows_of(unit.name, place.name, [*figures, *per_weight(figures, unit.rates)])
        if not targets and not any(isinstance(place, Silicon) for place in places):
            rows += rows_of(
                unit.name, NO_LIBRARY, [Figure(name, None, _no_library()) for name in ("area_um2", "delay_ns")]
            )
    return rows


def find_targets(
    names: Sequence[str] = (), *, liberty: Sequence[str] = (), seeds: int = 8, timeout: float = 600
) -> list[Target]:
    """The targets of those names; arguments and errors as in `price`."""
    check_range("seeds", seeds, 1, 1000)
    check_seconds("timeout", timeout)
    libraries = find_libraries(liberty)
    silicon = {f"liberty:{library.name}": library for library in libraries}
    names = names or (*DEFAULT_TARGETS, *silicon)
    if not set(names) <= {*silicon, *DEFAULT_TARGETS}:
        silicon = {f"liberty:{library.name}": library for library in pdk_libraries()} | silicon
    found: list[Target] = []
    for name in names:
        if name in silicon:
            found.append(Silicon(silicon[name], timeout))
        elif name == Generic.name:
            found.append(Generic(timeout))
        elif name in (f"ecp5-{device}" for device in DEVICES):
            found.append(Ecp5(name.removeprefix("ecp5-"), seeds, timeout))
        else:
            known = [*(f"ecp5-{device}" for device in DEVICES), Generic.name, *silicon]
            raise InputError(f"target = {name!r}: must be one of {', '.join(known)}")
    return found


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
        return [Figure(metric, None, str(error)) for metric in target.metrics]


def _no_library() -> str:
    reason = f"no cell library: give one with --liberty or {VARIABLE}"
    if found := len(pdk_libraries()):
        reason += f", or choose one of the {found} under PDK_ROOT with --target liberty:NAME"
    return reason
