"""One way to drive a circuit from any simulator: by the names of its ports, a clock at a time.

A bench reads what the ports were just before a rising edge and sets what they are just after it. The names are those of
the Verilog: the path of the member joined by ``__``.
"""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from amaranth.hdl import Signal, ValueCastable
from amaranth.lib import wiring

CLOCK_PERIOD = 10
"""Nanoseconds of a clock under cocotb; the first edge comes at once."""


class PortError(Exception):
    """The circuit does at a port what it never may: an address that does not exist, a level that is neither 0 nor 1."""


class Pins(Protocol):
    """The ports of a circuit under test."""

    async def tick(self) -> None:
        """Wait for the next rising edge of the clock."""

    def get(self, name: str) -> int:
        """A port's value just before the last edge, as an unsigned number; `PortError` if it has none."""

    def set(self, name: str, value: int) -> None:
        """Drive an input from now on; the value is cut to the port's width."""

    @property
    def cycles(self) -> int:
        """Edges so far."""


def port_signals(component: wiring.Component) -> dict[str, tuple[Signal, wiring.Flow]]:
    """The ports of a component by their Verilog names, each with its direction; ports of no width are left out."""
    ports = {}
    for path, member, value in component.signature.flatten(component):
        signal = value.as_value() if isinstance(value, ValueCastable) else value
        if isinstance(signal, Signal) and len(signal):
            ports["__".join(map(str, path))] = (signal, member.flow)
    return ports


class AmaranthPins:
    """Pins of a component under Amaranth's own simulator.

    Parameters
    ----------
    context : the simulator's testbench context.
    component : what is simulated.
    reset : the reset signal of its clock domain.
    """

    def __init__(self, context: Any, component: wiring.Component, reset: Signal) -> None:
        self._context = context
        self._inputs = {"rst": reset}
        self._outputs: dict[str, Signal] = {}
        for name, (signal, flow) in port_signals(component).items():
            (self._inputs if flow is wiring.In else self._outputs)[name] = signal
        self._driven = dict.fromkeys(self._inputs, 0)
        self._values: dict[str, int] = {}
        self._trigger = context.tick().sample(*(signal.as_unsigned() for signal in self._outputs.values()))
        self.cycles = 0

    async def tick(self) -> None:
        values = await self._trigger
        self._values = dict(zip(self._outputs, values[2:], strict=True)) | self._driven
        self.cycles += 1

    def get(self, name: str) -> int:
        return self._values[name]

    def set(self, name: str, value: int) -> None:
        signal = self._inputs[name]
        value &= (1 << len(signal)) - 1
        if self._driven[name] != value:
            self._driven[name] = value
            self._context.set(signal.as_unsigned(), value)


class CocotbPins:
    """Pins of a Verilog top under cocotb.

    Attributes
    ----------
    dut : the top, for models that drive it themselves.
    models : such models by name, which must be made once.
    """

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.models: dict[str, Any] = {}
        self._handles: dict[str, Any] = {}
        self._driven: dict[str, int] = {}

    async def tick(self) -> None:
        from cocotb.triggers import RisingEdge

        await RisingEdge(self.dut.clk)

    @property
    def cycles(self) -> int:
        from cocotb.utils import get_sim_time

        return int(get_sim_time("ns")) // CLOCK_PERIOD + 1

    def _handle(self, name: str) -> Any:
        if name not in self._handles:
            self._handles[name] = getattr(self.dut, name)
        return self._handles[name]

    def get(self, name: str) -> int:
        value = self._handle(name).value
        if not value.is_resolvable:
            raise PortError(f"{name} is {value}")
        return int(value)

    def set(self, name: str, value: int) -> None:
        handle = self._handle(name)
        value &= (1 << len(handle)) - 1
        if self._driven.get(name) != value:
            self._driven[name] = value
            handle.value = value


class Agent(Protocol):
    """Something at the other end of a port: looks at each edge, then sets its side for the next one."""

    def clock(self, pins: Pins) -> None:
        """Act on one edge."""


async def run_until(pins: Pins, agents: Iterable[Agent], done: Callable[[], Any], limit: int) -> bool:
    """Clock pins and agents until ``done()`` holds after an edge; False if that takes more than ``limit`` edges."""
    for _ in range(limit):
        await pins.tick()
        for agent in agents:
            agent.clock(pins)
        if done():
            return True
    return False
