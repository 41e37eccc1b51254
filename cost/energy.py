"""Energy of a mapped netlist, from the counted activity of its nets and the tables of its Liberty library.

Added up for each cell: half C V^2 for each change of the net it drives, C being the capacitances of the pins on that
net; the internal energy that the library gives for the change; and leakage. Wires have no capacitance here. A
condition (``when``) counts with the probability that it holds, and an output's tables for each input that may have
caused its change with that input's changes times the probability that the output depends on it, as OpenSTA does
(``power/Power.cc``). Probabilities are the shares of clocks counted; inputs of a gate are taken as independent, and
data and state of a flip-flop as what was counted: they differ in as many clocks as the state changes after.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zimu.cost.gates import MappedNetlist
from zimu.cost.liberty import Library, holds
from zimu.cost.power import Arc, CellPower, Floats, LibraryPower, read_power
from zimu.golden.errors import InputError

SLEW = 0.1
"""Input slew in ns at which internal energies are taken where nothing else is asked for."""

CLOCK = "clk"

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Energy:
    """Energy in pJ, of a clock or of whatever it was scaled to.

    Parameters
    ----------
    gates_switching, gates_internal : of combinational cells.
    flip_flops_switching, flip_flops_internal : of their outputs and their data.
    clock_switching, clock_internal : of the clock's net and the flip-flops' clock pins.
    inputs_switching : of the pins that ports and memories drive.
    leakage : of all cells, over the clock's period.
    """

    gates_switching: float = 0
    gates_internal: float = 0
    flip_flops_switching: float = 0
    flip_flops_internal: float = 0
    clock_switching: float = 0
    clock_internal: float = 0
    inputs_switching: float = 0
    leakage: float = 0

    @property
    def total(self) -> float:
        """All parts."""
        return sum(self.parts().values())

    def parts(self) -> dict[str, float]:
        """The parts by name."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def __add__(self, other: "Energy") -> "Energy":
        mine, others = self.parts(), other.parts()
        return Energy(**{name: value + others[name] for name, value in mine.items()})

    def times(self, factor: float) -> "Energy":
        """Every part times a factor, such as the clocks of a step over its weights."""
        return Energy(**{name: factor * value for name, value in self.parts().items()})


def energy_per_clock(
    netlist: MappedNetlist,
    library: Library,
    toggles: Counts,
    high: Counts,
    clocks: int,
    *,
    period: float,
    slew: float = SLEW,
    group: Callable[[str], str] = lambda cell: "",
) -> dict[str, Energy]:
    """The mean energy of a clock, by groups of cells.

    Parameters
    ----------
    netlist : cells of ``library``; its clock is the port ``clk``, which goes to flip-flops only.
    toggles, high : by number of the net, its changes and the clocks in which it was 1; those of the clock are known.
    clocks : over which they were counted.
    period : of the clock, in ns.
    slew : of all inputs, in ns.
    group : the group of a cell, by the cell's name; all are of one group by default.

    Returns
    -------
    dict[str, Energy]
        in pJ. What ports and memories drive is in the group of no name.

    Raises
    ------
    InputError
        there are no clocks, or as `zimu.cost.power.read_power`.
    """
    if clocks < 1:
        raise InputError(f"clocks = {clocks}: must be at least 1")
    cells = {name: cell for name, cell in netlist.module["cells"].items() if not cell["type"].startswith("$")}
    power = read_power(library, {cell["type"] for cell in cells.values()}, slew)
    nets = _Nets(netlist.module, list(cells.values()), power, toggles / clocks, high / clocks)
    kinds: defaultdict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for name, cell in cells.items():
        kinds[group(name), cell["type"]].append(cell["connections"])
    parts: dict[str, defaultdict[str, float]] = {"": defaultdict(float)}
    for (owner, kind), connections in kinds.items():
        mine = parts.setdefault(owner, defaultdict(float))
        for part, value in _Kind(power.cells[kind], connections, nets, power.voltage).parts(period):
            mine[part] += value
    # What cells do not drive, ports and memories do.
    switching = 0.5 * power.voltage**2 * nets.loads * nets.rates
    driven = np.zeros(len(switching), bool)
    driven[[0, 1, nets.clock, *nets.driven]] = True
    parts[""]["inputs_switching"] = float(switching[~driven].sum())
    return {owner: Energy(**mine) for owner, mine in parts.items()}


class _Nets:
    """Loads in pF, changes a clock, and shares of clocks at 1, by number of the net; 0 and 1 are the constants."""

    def __init__(
        self, module: Mapping[str, Any], cells: list[Any], power: LibraryPower, rates: Floats, shares: Floats
    ) -> None:
        self.rates, self.shares = rates.copy(), shares.copy()
        self.clock = module["ports"][CLOCK]["bits"][0] if CLOCK in module["ports"] else 0
        self.rates[:2], self.shares[:2] = 0, (0, 1)
        if self.clock:
            self.rates[self.clock], self.shares[self.clock] = 2, 0.5
        self.loads = np.zeros(len(rates))
        self.driven: list[int] = []
        for cell in cells:
            for name, pin in power.cells[cell["type"]].pins.items():
                for bit in cell["connections"].get(name, ()):
                    if pin.output:
                        self.driven.append(number(bit))
                    else:
                        self.loads[number(bit)] += pin.capacitance


def number(bit: int | str) -> int:
    """The number of a net of Yosys' JSON; 0 and 1 are the constants, 0 also one that is not known."""
    return bit if isinstance(bit, int) else int(bit == "1")


class _Kind:
    """All cells of one kind at once: arrays by cell."""

    def __init__(self, cell: CellPower, connections: list[Mapping[str, Any]], nets: _Nets, voltage: float) -> None:
        self.cell, self.nets, self.voltage = cell, nets, voltage
        # An output that nothing takes has no net: number -1, no load.
        self.at = {
            name: np.array([number(bits[0]) if (bits := each.get(name)) else -1 for each in connections])
            for name in cell.pins
        }
        self.count = len(connections)
        self.inputs = [name for name, pin in cell.pins.items() if not pin.output and name != cell.clock]
        self.outputs = [name for name, pin in cell.pins.items() if pin.output]
        self.state_rate = self._state_rate()
        self.rows = self._assignments()

    def _of(self, values: Floats, pin: str) -> Floats:
        """What nets have at a pin, 0 where there is no net."""
        at = self.at[pin]
        result: Floats = np.where(at >= 0, values[at], 0)
        return result

    def _state_rate(self) -> Floats:
        """Of a flip-flop: its changes a clock."""
        if not self.cell.states:
            return np.zeros(self.count)
        rate = np.zeros(self.count)
        for name in self.outputs:
            rate = np.maximum(rate, self._of(self.nets.rates, name))
        return rate

    def _rate(self, pin: str) -> Floats:
        """Changes a clock of a pin; an output of a flip-flop that has no net changes with the others."""
        return self.state_rate if self.cell.states and pin in self.outputs else self._of(self.nets.rates, pin)

    def _assignments(self) -> list[tuple[dict[str, bool], Floats]]:
        """Every state of the cell, all its pins and states by name, with its probability for each cell."""
        cell = self.cell
        names = [*self.inputs, *([cell.clock] if cell.clock else []), *cell.states[:1]]
        shares = {name: self._of(self.nets.shares, name) for name in [*self.inputs, *filter(None, [cell.clock])]}
        joint = self._joint(shares) if cell.states else {}
        rows = []
        for levels in product((False, True), repeat=len(names)):
            values = dict(zip(names, levels, strict=True))
            chance = np.ones(self.count)
            for name, level in values.items():
                if name in shares and not (joint and name == cell.following):
                    chance = chance * (shares[name] if level else 1 - shares[name])
            if joint:
                state = values[cell.states[0]]
                chance = chance * joint[values.get(cell.following, state), state]
                values |= dict(zip(cell.states, (state, not state), strict=False))
            values |= {name: holds(cell.pins[name].function, values) for name in self.outputs}
            rows.append((values, chance))
        return rows

    def _joint(self, shares: Mapping[str, Floats]) -> dict[tuple[bool, bool], Floats]:
        """Of a flip-flop: the probabilities of data and state."""
        cell = self.cell
        state = np.zeros(self.count)
        for name in self.outputs:
            share = self._of(self.nets.shares, name)
            inverted = cell.pins[name].function == cell.states[-1] and len(cell.states) > 1
            state = np.where(self.at[name] >= 0, 1 - share if inverted else share, state)
        if cell.following not in self.inputs:
            return {(level, level): state if level else 1 - state for level in (False, True)}
        apart = self.state_rate / 2
        both = np.clip((shares[cell.following] + state) / 2 - apart, 0, 1 - 2 * apart)
        return {(True, False): apart, (False, True): apart, (True, True): both, (False, False): 1 - 2 * apart - both}

    def _probability(self, when: str) -> Floats:
        """That a condition holds."""
        chances = [chance for values, chance in self.rows if holds(when, values)]
        result: Floats = np.sum(chances, axis=0) if chances else np.zeros(self.count)
        return result

    def _dependence(self, output: str, pin: str) -> Floats:
        """The probability that an output would change with an input: its boolean difference."""
        cell = self.cell
        if cell.states:
            return np.full(self.count, float(pin == cell.clock))
        function = cell.pins[output].function
        chances = [
            chance
            for values, chance in self.rows
            if holds(function, values) != holds(function, values | {pin: not values[pin]})
        ]
        result: Floats = np.sum(chances, axis=0) if chances else np.zeros(self.count)
        return result

    def _weights(self, arcs: Iterable[Arc], output: str) -> list[tuple[Arc, Floats]]:
        """How much each arc counts: the arcs of one supply and one cause together at most 1."""
        groups: defaultdict[tuple[str, tuple[str, ...]], list[Arc]] = defaultdict(list)
        for arc in arcs:
            groups[arc.supply, arc.related].append(arc)
        found = []
        causes: defaultdict[str, Floats] = defaultdict(lambda: np.zeros(self.count))
        for (supply, related), each in groups.items():
            cause = np.ones(self.count)
            if output and related:
                cause = np.sum([self._rate(pin) * self._dependence(output, pin) for pin in related], axis=0)
            causes[supply] = causes[supply] + cause
            conditions = [self._probability(arc.when) for arc in each if arc.when]
            left = 1 - np.sum(conditions, axis=0) if conditions else np.ones(self.count)
            for arc in each:
                found.append((arc, cause * (self._probability(arc.when) if arc.when else np.clip(left, 0, 1))))
        return [
            (
                arc,
                np.divide(weight, causes[arc.supply], out=np.zeros(self.count), where=causes[arc.supply] > 0)
                if output
                else weight,
            )
            for arc, weight in found
        ]

    def _internal(self, pin: str) -> float:
        """Internal energy a clock of one pin, of all cells."""
        output = pin if pin in self.outputs else ""
        loads = self._of(self.nets.loads, pin) if output else np.zeros(self.count)
        weights = self._weights(self.cell.pins[pin].arcs, output)
        return float(sum((self._rate(pin) * weight * arc.energy(loads)).sum() for arc, weight in weights))

    def _leakage(self) -> float:
        """Power in nW of all cells."""
        cell = self.cell
        if not cell.leakage:
            return self.count * cell.otherwise
        total = np.zeros(self.count)
        for supply in {supply for _, supply, _ in cell.leakage}:
            mine = [(when, value) for when, place, value in cell.leakage if place == supply]
            default = next((value for when, value in mine if not when), cell.otherwise)
            held = np.zeros(self.count)
            for when, value in mine:
                if when:
                    chance = self._probability(when)
                    held, total = held + chance, total + chance * value
            total = total + np.clip(1 - held, 0, 1) * default
        return float(total.sum())

    def parts(self, period: float) -> Iterable[tuple[str, float]]:
        """The parts of the energy of a clock that these cells have."""
        part = "flip_flops" if self.cell.states else "gates"
        for output in self.outputs:
            switching = 0.5 * self.voltage**2 * self._of(self.nets.loads * self.nets.rates, output).sum()
            yield f"{part}_switching", float(switching)
        for pin in [*self.inputs, *self.outputs]:
            yield f"{part}_internal", self._internal(pin)
        if self.cell.clock:
            load = self.count * self.cell.pins[self.cell.clock].capacitance
            yield "clock_switching", self.voltage**2 * load  # it changes twice a clock
            yield "clock_internal", self._internal(self.cell.clock)
        yield "leakage", 1e-6 * period * self._leakage()
