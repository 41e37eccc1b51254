"""Runs a netlist in cells of a library under the benches of the circuit it was made from, and counts what switches.

A simulator of its own, for one purpose: all nets of a mapped unit are looked at in every clock. Verilator compiles such
a model, in which nothing can be left out, for minutes where there are 2,000 cells; here the compiled loop is the same
for all netlists. It knows one clock, two levels and no delays: each net takes at most one new value a clock, so there
are no glitches.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zimu.emu.kernel import kernel
from zimu.golden.errors import ToolError

Array = NDArray[Any]

Module = Mapping[str, Any]
"""A module as Yosys' ``write_json`` gives it."""

MEMORY = "$mem_v2"

INPUTS = 6
"""The most inputs a cell's function may have: its table is one word of 64 bits."""

_ZERO, _ONE = 0, 1  # Yosys' numbers of nets begin at 2
_CONSTANTS = {"0": _ZERO, "1": _ONE, "x": _ZERO, "z": _ZERO}
_GATES = {"$_NOT_": "A", "$_BUF_": "A", "$_AND_": "AB", "$_OR_": "AB", "$_XOR_": "AB"}
_NO_HARDWARE = "$scopeinfo"


@dataclass
class RAM:
    """A memory of the netlist, and how often it was used since counting began.

    Parameters
    ----------
    name : its path in the source.
    words, width : shape.
    reads : clocks in which its read port was enabled.
    moves : of those, clocks in which the address was another than at the read before.
    writes : words written, of all write ports.
    """

    name: str
    words: int
    width: int
    reads: int = 0
    moves: int = 0
    writes: int = 0


class _Cell:
    """What a kind of cell computes: its outputs, its states and what they take next, as tables of its inputs."""

    def __init__(self, kind: str, module: Module) -> None:
        self.kind = kind
        self._drivers: dict[Any, Any] = {}
        self.states: dict[Any, Any] = {}  # by the bit that holds a state, its flip-flop
        for cell in module["cells"].values():
            if cell["type"].startswith("$_DFF_P"):
                self.states[cell["connections"]["Q"][0]] = cell
            elif cell["type"] in _GATES:
                self._drivers[cell["connections"]["Y"][0]] = cell
            else:
                raise ToolError(f"cell {kind}: {cell['type']} is no gate and no flip-flop of the rising edge")
        ports = module["ports"].items()
        self.inputs = {port["bits"][0]: name for name, port in ports if port["direction"] == "input"}
        self.outputs = {name: port["bits"][0] for name, port in ports if port["direction"] == "output"}

    def leaves(self, bit: Any) -> list[Any]:
        """The inputs and states that a bit is a function of."""
        found: dict[Any, None] = {}
        ahead = [bit]
        while ahead:
            each = ahead.pop()
            if each in self._drivers:
                cell = self._drivers[each]
                ahead += [cell["connections"][pin][0] for pin in _GATES[cell["type"]]]
            elif each in self.inputs or each in self.states:
                found[each] = None
            elif each not in _CONSTANTS:
                raise ToolError(f"cell {self.kind}: nothing drives a net of its function")
        return list(found)

    def value(self, bit: Any, values: Mapping[Any, int]) -> int:
        """A bit for given inputs and states."""
        if bit in _CONSTANTS:
            return _CONSTANTS[bit]
        if bit in values:
            return values[bit]
        cell = self._drivers[bit]
        a, *b = (self.value(cell["connections"][pin][0], values) for pin in _GATES[cell["type"]])
        kind = cell["type"]
        if kind == "$_NOT_":
            return 1 - a
        return a if not b else a & b[0] if kind == "$_AND_" else a | b[0] if kind == "$_OR_" else a ^ b[0]

    def table(self, bit: Any) -> int:
        """A bit as a word: bit i is its value where the leaves are the bits of i, the first the lowest."""
        leaves = self.leaves(bit)
        if len(leaves) > INPUTS:
            raise ToolError(f"cell {self.kind}: a function of {len(leaves)} inputs, must be at most {INPUTS}")
        word = 0
        for row, values in enumerate(product((0, 1), repeat=len(leaves))):
            word |= self.value(bit, dict(zip(reversed(leaves), values, strict=True))) << row
        return word


class NetlistPins:
    """Pins, as `zimu.sim.pins.Pins`, of a netlist that runs in this process, and the counts of its nets.

    Everything begins with random levels: what depends on a flip-flop or a word that was not set differs with ``seed``.

    Parameters
    ----------
    module : the netlist; ports ``clk`` and ``rst`` are clock and reset.
    functions : for each kind of cell a module of ``$_AND_``, ``$_OR_``, ``$_XOR_``, ``$_NOT_`` and ``$_DFF_P*`` cells.
    seed : of the levels at first.

    Attributes
    ----------
    cycles : edges so far.
    clocks : edges since `count`.
    toggles, high : int64, by Yosys' number of the net: how often it changed, and in how many clocks it was 1, since
        `count`. The clock changes twice in each and is 1 in half of each, which is left to whoever reads this.
    rams : the memories.

    Raises
    ------
    ToolError
        the netlist has loops, latches, asynchronous resets that are not tied off, or memories without a clock.
    """

    def __init__(self, module: Module, functions: Mapping[str, Module], seed: int = 0) -> None:
        self._known = {kind: _Cell(kind, function) for kind, function in functions.items()}
        self._count = 2 + max((bit for bit in _bits(module) if isinstance(bit, int)), default=1)
        gates: dict[int, tuple[int, list[int]]] = {}  # by the net driven: its table and inputs
        flops: dict[int, int] = {}  # by the net of the state, what it takes next
        for name, cell in module["cells"].items():
            if cell["type"] not in (MEMORY, _NO_HARDWARE):
                self._add(name, cell, gates, flops)
        self._order = _gate_arrays(gates)
        self._states = np.array(list(flops), np.int32)
        self._nexts = np.array(list(flops.values()), np.int32)
        self._memories = [_Memory(name, cell) for name, cell in module["cells"].items() if cell["type"] == MEMORY]
        self.rams = [memory.ram for memory in self._memories]

        self._ports = {name: _nets(port["bits"]) for name, port in module["ports"].items()}
        self._pending: dict[str, int] = {}
        random = np.random.default_rng(seed)
        self._values = random.integers(0, 2, self._count).astype(np.uint8)
        for memory in self._memories:
            memory.content[:] = random.integers(0, 2, memory.content.shape)
        self._values[[_ZERO, _ONE]] = 0, 1
        self.toggles, self.high = np.zeros(self._count, np.int64), np.zeros(self._count, np.int64)
        self.cycles = self.clocks = 0

    def _add(self, name: str, cell: Module, gates: dict[int, tuple[int, list[int]]], flops: dict[int, int]) -> None:
        """Add what a cell drives."""
        kind, connections = self._known[cell["type"]], cell["connections"]
        nets = {bit: _net(connections[pin][0]) for bit, pin in kind.inputs.items() if connections.get(pin)}
        driven = {pin: _net(connections[pin][0]) for pin in kind.outputs if connections.get(pin)}
        for pin, bit in kind.outputs.items():
            if bit in kind.states and bit not in nets and pin in driven:
                nets[bit] = driven[pin]
        for bit, flop in kind.states.items():
            if bit not in nets:
                nets[bit] = self._new_net()
            self._check_reset(name, kind, flop, nets)
            following = flop["connections"]["D"][0]
            if following not in nets:
                nets[following] = self._new_net()
                gates[nets[following]] = kind.table(following), [nets[leaf] for leaf in kind.leaves(following)]
            flops[nets[bit]] = nets[following]
        for pin, net in driven.items():
            bit = kind.outputs[pin]
            if nets.get(bit) != net:
                gates[net] = kind.table(bit), [nets[leaf] for leaf in kind.leaves(bit)]

    def _new_net(self) -> int:
        self._count += 1
        return self._count - 1

    @staticmethod
    def _check_reset(name: str, kind: _Cell, flop: Module, nets: Mapping[Any, int]) -> None:
        """Refuse a flip-flop whose set or reset without a clock could ever act."""
        level = {"N": 0, "P": 1}.get(flop["type"].removeprefix("$_DFF_P").rstrip("_")[:1])
        if level is None:
            return
        bit = flop["connections"]["R"][0]
        values = {leaf: nets.get(leaf, _ZERO) for leaf in kind.leaves(bit)}
        if any(net not in (_ZERO, _ONE) for net in values.values()) or kind.value(bit, values) == level:
            raise ToolError(f"cell {name}: its asynchronous reset is in use, which this simulation does not have")

    async def tick(self) -> None:
        """Pass an edge."""
        if self.cycles:
            # What the edge before this one did.
            answers = [memory.clock(self._values) for memory in self._memories]
            _take(self._values, self._states, self._nexts, self.toggles)
            for memory, answer in zip(self._memories, answers, strict=True):
                if answer is not None:
                    self._drive(memory.data, answer)
        for name, value in self._pending.items():
            self._drive(self._ports[name], _unpack(value, len(self._ports[name])))
        self._pending.clear()
        _settle(self._values, *self._order, self.toggles, self.high)
        self.cycles += 1
        self.clocks += 1

    def _drive(self, nets: Array, levels: Array) -> None:
        self.toggles[nets] += self._values[nets] != levels
        self._values[nets] = levels

    def get(self, name: str) -> int:
        """A port's value just before the last edge."""
        return int.from_bytes(np.packbits(self._values[self._ports[name]], bitorder="little").tobytes(), "little")

    def set(self, name: str, value: int) -> None:
        """Drive an input from the last edge on."""
        self._pending[name] = value

    def count(self) -> None:
        """Begin to count."""
        self.toggles[:] = self.high[:] = 0
        self.clocks = 0
        for ram in self.rams:
            ram.reads = ram.moves = ram.writes = 0


class _Memory:
    """A memory with one read port on the clock; a place read and written at one edge answers what it held before."""

    def __init__(self, name: str, cell: Module) -> None:
        parameters, nets = cell["parameters"], {pin: _nets(bits) for pin, bits in cell["connections"].items()}
        number = {key: int(parameters[key], 2) for key in ("SIZE", "WIDTH", "RD_PORTS", "WR_PORTS", "OFFSET")}
        clocked = parameters["RD_CLK_ENABLE"] + parameters["RD_CLK_POLARITY"] + parameters["WR_CLK_ENABLE"]
        resets = [*nets["RD_ARST"], *nets["RD_SRST"]]
        bypasses = parameters["RD_TRANSPARENCY_MASK"]
        if number["RD_PORTS"] != 1 or number["OFFSET"] or "0" in clocked or any(resets) or "1" in bypasses:
            raise ToolError(f"memory {name}: must have one read port, clocked, without reset or bypass")
        self.ram = RAM(name, number["SIZE"], number["WIDTH"])
        self.content = np.zeros((number["SIZE"], number["WIDTH"]), np.uint8)
        ports = number["WR_PORTS"]
        self.data = nets["RD_DATA"]
        self._enable, self._address = nets["RD_EN"], nets["RD_ADDR"]
        self._weights = 1 << np.arange(len(self._address))
        self._write_enables = nets["WR_EN"].reshape(ports, -1)
        self._write_addresses = nets["WR_ADDR"].reshape(ports, -1)
        self._write_data = nets["WR_DATA"].reshape(ports, -1)
        self._last = -1

    def clock(self, values: Array) -> Array | None:
        """What is read at an edge, if anything is; then write."""
        answer = None
        if values[self._enable[0]]:
            place = int(values[self._address] @ self._weights)
            self.ram.reads += 1
            self.ram.moves += place != self._last
            self._last = place
            # Beyond the last word there is none, and nothing uses the answer.
            answer = self.content[min(place, len(self.content) - 1)].copy()
        for port, enables in enumerate(self._write_enables):
            chosen = values[enables] == 1
            if chosen.any():
                place = int(values[self._write_addresses[port]] @ self._weights)
                self.ram.writes += 1
                if place < len(self.content):
                    self.content[place][chosen] = values[self._write_data[port]][chosen]
        return answer


@kernel
def _take(values: Array, states: Array, nexts: Array, toggles: Array) -> None:
    """Let all flip-flops take what they take next, at once: twice the value in bit 1 until all have it."""
    for i in range(len(states)):
        values[states[i]] |= (values[nexts[i]] & 1) << 1
    for i in range(len(states)):
        net = states[i]
        if values[net] == 1 or values[net] == 2:
            toggles[net] += 1
        values[net] >>= 1


@kernel
def _settle(values: Array, outputs: Array, tables: Array, inputs: Array, toggles: Array, high: Array) -> None:
    """Bring all gates up to date, in their order, and count."""
    for i in range(len(outputs)):
        row = 0
        for k in range(inputs.shape[1]):
            row |= values[inputs[i, k]] << k
        value = (tables[i] >> np.uint64(row)) & np.uint64(1)
        net = outputs[i]
        if values[net] != value:
            values[net] = value
            toggles[net] += 1
    for net in range(len(values)):
        high[net] += values[net]


def _gate_arrays(gates: Mapping[int, tuple[int, list[int]]]) -> tuple[Array, Array, Array]:
    """Outputs, tables and inputs, each gate after those that drive it; inputs it has not are 0."""
    try:
        order = [*TopologicalSorter({net: inputs for net, (_, inputs) in gates.items()}).static_order()]
    except CycleError as error:
        raise ToolError(f"the netlist has a loop through gates: nets {error.args[1]}") from None
    outputs = [net for net in order if net in gates]
    inputs = np.zeros((len(outputs), INPUTS), np.int32)
    for row, net in zip(inputs, outputs, strict=True):
        row[: len(gates[net][1])] = gates[net][1]
    return np.array(outputs, np.int32), np.array([gates[net][0] for net in outputs], np.uint64), inputs


def _bits(module: Module) -> list[Any]:
    """The bits of all nets."""
    return [bit for net in module["netnames"].values() for bit in net["bits"]]


def _net(bit: Any) -> int:
    return bit if isinstance(bit, int) else _CONSTANTS[bit]


def _nets(bits: Iterable[Any]) -> Array:
    return np.array([_net(bit) for bit in bits], np.int32)


def _unpack(value: int, width: int) -> Array:
    data = (value & (1 << width) - 1).to_bytes(-(-width // 8), "little")
    return np.unpackbits(np.frombuffer(data, np.uint8), count=width, bitorder="little")
