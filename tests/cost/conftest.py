"""Small circuits with known cost, and the way to measure one."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from amaranth.hdl import Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from zimu.cost.cache import VARIABLE
from zimu.cost.rows import Row
from zimu.cost.target import Figure
from zimu.cost.targets import find_metric
from zimu.rtl.netlist import to_rtlil


class Circuit(wiring.Component):
    """Ports by name, and a function that fills the module."""

    def __init__(self, ports: dict[str, object], fill: Callable[[Module, "Circuit"], None]) -> None:
        super().__init__(ports)
        self.fill = fill

    def elaborate(self, platform):
        m = Module()
        self.fill(m, self)
        return m


def register(width: int) -> Circuit:
    """A register between two ports: ``width`` flip-flops and nothing else."""

    def fill(m: Module, io: Circuit) -> None:
        value = Signal(width, reset_less=True)
        m.d.sync += value.eq(io.d)
        m.d.comb += io.q.eq(value)

    return Circuit({"d": In(width), "q": Out(width)}, fill)


def nand() -> Circuit:
    """One NAND2."""

    def fill(m: Module, io: Circuit) -> None:
        m.d.comb += io.y.eq(~(io.a & io.b))

    return Circuit({"a": In(1), "b": In(1), "y": Out(1)}, fill)


def multiply(width: int) -> Circuit:
    """An unsigned product, without registers."""

    def fill(m: Module, io: Circuit) -> None:
        m.d.comb += io.y.eq(io.a * io.b)

    return Circuit({"a": In(width), "b": In(width), "y": Out(2 * width)}, fill)


def memory(depth: int, width: int) -> Circuit:
    """A memory with a write port and a clocked read port."""

    def fill(m: Module, io: Circuit) -> None:
        m.submodules.memory = cells = Memory(shape=width, depth=depth, init=[])
        write, read = cells.write_port(), cells.read_port()
        m.d.comb += [
            write.addr.eq(io.address),
            write.data.eq(io.data),
            write.en.eq(io.write),
            read.addr.eq(io.read_address),
            read.en.eq(1),
            io.q.eq(read.data),
        ]

    bits = (depth - 1).bit_length()
    ports = {"address": In(bits), "read_address": In(bits), "data": In(width), "write": In(1), "q": Out(width)}
    return Circuit(ports, fill)


def chain(adders: int) -> Circuit:
    """``adders`` 16-bit sums one after the other between registers, with a nonlinear step so that none can merge."""

    def fill(m: Module, io: Circuit) -> None:
        value = Signal(16)
        m.d.sync += value.eq(io.d)
        for _ in range(adders):
            value = (value + (value.rotate_left(5) ^ Const(0x9E37, 16)))[:16]
        m.d.sync += io.q.eq(value)

    return Circuit({"d": In(16), "q": Out(16)}, fill)


def together(**parts: Circuit) -> Circuit:
    """Circuits side by side, which share nothing but the clock: one run measures them all."""

    def fill(m: Module, io: Circuit) -> None:
        for name, part in parts.items():
            m.submodules[name] = part
            for port, member in part.signature.members.items():
                inner, outer = getattr(part, port), getattr(io, f"{name}_{port}")
                m.d.comb += inner.eq(outer) if member.flow is In else outer.eq(inner)

    ports = {
        f"{name}_{port}": member for name, part in parts.items() for port, member in part.signature.members.items()
    }
    return Circuit(ports, fill)


def two_clocks() -> Circuit:
    """A register-to-register path in each of two clock domains."""

    def fill(m: Module, io: Circuit) -> None:
        for domain, output in (("sync", io.q), ("other", io.p)):
            first = Signal(name=f"first_{domain}")
            m.d[domain] += [first.eq(io.d), output.eq(first)]

    return Circuit({"d": In(1), "q": Out(1), "p": Out(1)}, fill)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known from before."""
    monkeypatch.setenv(VARIABLE, str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def circuits() -> ModuleType:
    """The circuits above."""
    return sys.modules[__name__]


def make_row(target: str, metric: str, value: float | None, reason: str = "", **fields: Any) -> Row:
    """A row with the metric that rows of that target call so."""
    return Row(find_metric(target, metric), value, reason, target=target, **fields)


@pytest.fixture
def row() -> Callable[..., Row]:
    """Makes rows."""
    return make_row


@pytest.fixture
def measure(tmp_path: Path) -> Callable[..., dict[str, Figure]]:
    """Measures a circuit on a target; the figures by their metrics' names."""

    def run(target, circuit: Circuit) -> dict[str, Figure]:
        def folder() -> Path:
            new = tmp_path / str(len(list(tmp_path.iterdir())))
            new.mkdir()
            return new

        design = to_rtlil(circuit, "top")
        syntheses = [way.synthesise(design, folder()) for way in target.ways]
        synthesis = syntheses[target.choose([each.figures for each in syntheses])]
        placements = [target.place(synthesis.netlist, seed, folder()) for seed in range(1, target.seeds + 1)]
        figures = target.summarise(design, synthesis.figures, placements)
        return {figure.metric.name: figure for figure in figures}

    return run
