"""What a Liberty library says of the energy of its cells: capacitances, internal energies, leakage.

All in pF, pJ, nW, V and ns, whatever the library's units: an internal energy is in its unit of capacitance times its
unit of voltage squared (Liberty User Guide, `internal_power`). Internal energies are taken at one stated input slew and
at each net's own load, between the tables' points and beyond their ends along straight lines.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zimu.cost.liberty import Group, Library
from zimu.golden.errors import InputError

Floats = NDArray[np.float64]

_PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}


@dataclass(frozen=True)
class Table:
    """An energy by load at one input slew: ``energies`` in pJ at ``loads`` in pF; at one load, it is constant."""

    loads: Floats
    energies: Floats

    def at(self, loads: Floats) -> Floats:
        """The energy in pJ at each load in pF; along straight lines, those of the ends going on."""
        if len(self.loads) == 1:
            return np.full(loads.shape, self.energies[0])
        low = np.clip(np.searchsorted(self.loads, loads) - 1, 0, len(self.loads) - 2)
        slope = np.diff(self.energies) / np.diff(self.loads)
        result: Floats = self.energies[low] + slope[low] * (loads - self.loads[low])
        return result


@dataclass(frozen=True)
class Arc:
    """An ``internal_power`` group: the energy of a transition of its pin.

    Parameters
    ----------
    related : the inputs that cause the transition, for outputs.
    when : the condition under which it holds; empty for the default.
    supply : the supply it is drawn from, where the library parts them.
    tables : rise and fall, where there are such.
    """

    related: tuple[str, ...]
    when: str
    supply: str
    tables: tuple[Table, ...]

    def energy(self, loads: Floats) -> Floats:
        """The energy in pJ of a transition at each load: a net rises as often as it falls."""
        energy = np.zeros(loads.shape)
        for table in self.tables:
            energy += table.at(loads) / 2
        return energy


@dataclass(frozen=True)
class Pin:
    """A pin: whether it is an output and what of, its capacitance in pF, its internal energies."""

    output: bool
    function: str
    capacitance: float
    arcs: tuple[Arc, ...]


@dataclass(frozen=True)
class CellPower:
    """A cell: pins, leakage, and of a flip-flop the names of its states, its clock and what it takes next.

    Parameters
    ----------
    leakage : in nW, by condition and supply.
    otherwise : in nW, where no condition holds.
    """

    pins: dict[str, Pin]
    leakage: tuple[tuple[str, str, float], ...]
    otherwise: float
    states: tuple[str, ...] = ()
    clock: str = ""
    following: str = ""

    def __post_init__(self) -> None:
        if self.states and self.clock not in self.pins:
            raise InputError(f"clocked_on = {self.clock!r}: must be a pin of the cell")


@dataclass(frozen=True)
class LibraryPower:
    """The cells of a library, its nominal voltage in V, and the input slew in ns at which energies are taken."""

    cells: dict[str, CellPower]
    voltage: float
    slew: float


def read_power(library: Library, names: Iterable[str], slew: float) -> LibraryPower:
    """The power of the cells of these names.

    Parameters
    ----------
    slew : in ns, as the library defines slews.

    Raises
    ------
    InputError
        the library lacks a cell, states no voltage, or has units or tables that are none.
    """
    wanted = sorted(names)
    cells: dict[str, CellPower] = {}
    voltages = set()
    for head, found in library.read_groups(wanted):
        units = _Units(head, slew)
        voltages.add(units.voltage)
        cells |= {group.arguments[0]: _cell(group, units) for group in found}
    if missing := [name for name in wanted if name not in cells]:
        raise InputError(f"library {library.name} has no cells {', '.join(missing)}")
    if len(voltages) != 1:
        raise InputError(f"library {library.name}: nominal voltages {sorted(voltages)}: must be one")
    return LibraryPower(cells, voltages.pop(), slew)


class _Units:
    """A library's units and templates."""

    def __init__(self, head: Group, slew: float) -> None:
        number, unit = [*head.attributes.get("capacitive_load_unit", ()), "", ""][:2]
        volt = _unit(head.text("voltage_unit", "1V"), "V")
        self.voltage = float(head.text("nom_voltage", "0")) * volt
        if not number or not self.voltage:
            raise InputError(f"library {head.arguments}: must state capacitive_load_unit and nom_voltage")
        self.farads = float(number) * _unit(f"1{unit}", "f") * 1e12
        """Of the library's unit of capacitance, in pF."""
        self.joules = self.farads * volt**2
        self.watts = _unit(head.text("leakage_power_unit", "1nW"), "W") * 1e9
        self.slew = slew / (_unit(head.text("time_unit", "1ns"), "s") * 1e9)
        self.leakage = float(head.text("default_cell_leakage_power", "0"))
        self.capacitance = float(head.text("default_input_pin_cap", "0"))
        self.templates = {group.arguments[0]: group for group in head.all("power_lut_template")}


def _unit(text: str, base: str) -> float:
    """``"10pf"`` with the base ``"f"`` is 1e-11."""
    match = re.fullmatch(rf"\s*([0-9.eE+-]+?)\s*([munpf]?){base}\s*", text.lower().replace(base.lower(), base))
    if match is None:
        raise InputError(f"unit = {text!r}: must be a number and a unit of {base}, such as '1p{base}'")
    return float(match[1]) * _PREFIXES[match[2]]


def _cell(group: Group, units: _Units) -> CellPower:
    leakage = [
        (each.text("when"), each.text("related_pg_pin"), float(each.text("value", "0")) * units.watts)
        for each in group.all("leakage_power")
    ]
    pins = {name: _pin(pin, units) for pin in group.all("pin") for name in pin.arguments}
    otherwise = float(group.text("cell_leakage_power") or units.leakage) * units.watts
    flops = group.all("ff")
    if not flops:
        return CellPower(pins, tuple(leakage), otherwise)
    flop = flops[0]
    states = tuple(flop.arguments)
    return CellPower(pins, tuple(leakage), otherwise, states, flop.text("clocked_on"), flop.text("next_state"))


def _pin(group: Group, units: _Units) -> Pin:
    arcs = [
        Arc(
            tuple(group.text("related_pin").split()),
            group.text("when"),
            group.text("related_pg_pin"),
            tuple(_table(table, units) for table in group.all("rise_power", "fall_power"))
            # One table for both is as good as two of the same.
            + 2 * tuple(_table(table, units) for table in group.all("power")),
        )
        for group in group.all("internal_power")
    ]
    output = group.text("direction") == "output"
    capacitance = 0.0 if output else float(group.text("capacitance") or units.capacitance)
    return Pin(output, group.text("function"), capacitance * units.farads, tuple(arcs))


def _table(group: Group, units: _Units) -> Table:
    """A table of one or two axes, cut at the slew."""
    values = np.array(group.numbers("values")) * units.joules
    name = group.arguments[0]
    if name == "scalar" or len(values) == 1:
        return Table(np.zeros(1), values[:1])
    template = units.templates.get(name)
    if template is None:
        raise InputError(f"table {name}: has no template")
    axes: list[tuple[str, Floats]] = []
    for axis in "12":
        variable = template.text(f"variable_{axis}")
        index = f"index_{axis}"
        points = np.array(group.numbers(index) or template.numbers(index))
        if variable and points.size:
            axes.append((variable, points))
    try:
        values = values.reshape([len(points) for _, points in axes])
    except ValueError:
        raise InputError(
            f"table {name}: {values.size} values on axes of {[len(points) for _, points in axes]}"
        ) from None
    loads = np.zeros(1)
    for place in reversed(range(len(axes))):
        variable, points = axes[place]
        if "transition" in variable:
            lines = np.moveaxis(values, place, -1).reshape(-1, len(points))
            values = np.array([Table(points, line).at(np.array([units.slew]))[0] for line in lines])
            if len(axes) == 1:
                values = values[:1]
        elif "capacitance" in variable:
            loads = points * units.farads
        else:
            raise InputError(f"table {name}: axis {variable}: must be a transition or a capacitance")
    return Table(loads, values.reshape(-1))
