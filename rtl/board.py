"""The unit on a board: its host link at the board's UART, a clock from its oscillator, two LEDs.

What a board is made of, its pins above all, is a platform of the package amaranth-boards.
"""

from collections.abc import Mapping
from fractions import Fraction
from importlib import import_module
from typing import Any, NamedTuple

from amaranth.hdl import ClockDomain, ClockSignal, Elaboratable, Module, Signal
from amaranth.lib import io, wiring
from amaranth.lib.cdc import ResetSynchronizer
from amaranth.lib.wiring import In, Out
from amaranth.vendor import GowinPlatform

from zimu.golden.errors import InputError, check_range
from zimu.golden.programs import package_folder
from zimu.golden.unit import UnitConfig
from zimu.rtl.link import LinkedUnit
from zimu.rtl.pll import MHZ, Ecp5Pll, GowinPll, Ice40Pll, Pll
from zimu.rtl.uart import LEAST_CLOCKS

GLOW = Fraction(1, 20)
"""Seconds for which an LED stays lit at least: a step takes microseconds, which nobody sees."""


class Board(NamedTuple):
    """A board.

    Parameters
    ----------
    module, platform : of the package amaranth-boards.
    pll : its device's.
    clock : the frequency the unit runs at if nobody asks for another, in Hz.
    leds : resource and number of the LEDs for busy and error.
    synthesis : options of Yosys' synthesis.
    """

    module: str
    platform: str
    pll: type[Pll]
    clock: Fraction
    leds: tuple[tuple[str, int], tuple[str, int]]
    synthesis: str = ""


BOARDS: Mapping[str, Board] = {
    "ulx3s": Board("ulx3s", "ULX3S_85F_Platform", Ecp5Pll, Fraction(50 * MHZ), (("led", 0), ("led", 1))),
    "icebreaker": Board(
        "icebreaker", "ICEBreakerPlatform", Ice40Pll, Fraction("16.125") * MHZ, (("led_g", 0), ("led_r", 0))
    ),
    "tangnano9k": Board(
        "tang_nano_9k",
        "TangNano9kPlatform",
        GowinPll,
        Fraction("40.5") * MHZ,
        (("led", 0), ("led", 1)),
        "-nolutram",  # nextpnr knows no delays of theirs
    ),
}


class Glow(wiring.Component):
    """Stretches pulses.

    Parameters
    ----------
    clocks : for which it stays high after each, at least.

    Members
    -------
    pulse : Signal(1), in.
    light : Signal(1), out.
    """

    def __init__(self, clocks: int):
        self._clocks = clocks
        super().__init__({"pulse": In(1), "light": Out(1)})

    def elaborate(self, platform):
        m = Module()
        left = Signal(range(self._clocks + 1))
        m.d.comb += self.light.eq(left != 0)
        with m.If(self.pulse):
            m.d.sync += left.eq(self._clocks)
        with m.Elif(self.light):
            m.d.sync += left.eq(left - 1)
        return m


class BoardTop(Elaboratable):
    """All that is on the FPGA.

    Parameters
    ----------
    config : the unit.
    board : the board it is for.
    oscillator, clock : frequencies in Hz, of the board and the most for the unit.
    baud : bits a second on the line.

    Raises
    ------
    InputError
        the PLL makes no such clock, the line is too fast for it, or the memories of the unit are too large.
    """

    def __init__(self, config: UnitConfig, board: Board, oscillator: Fraction, clock: Fraction, baud: int):
        check_range("baud", baud, 1, 10**9)
        self._board = board
        self.pll = board.pll(oscillator, clock)
        self.frequency = self.pll.setting.frequency
        clocks = max(round(self.frequency / baud), 1)
        self.baud = self.frequency / clocks
        if clocks < LEAST_CLOCKS or abs(self.baud - baud) * 50 > baud:
            raise InputError(
                f"baud = {baud}: must be at most {float(self.frequency / LEAST_CLOCKS):.0f}, a quarter of the clock, "
                "and within 2 % of a whole part of it"
            )
        self._linked = LinkedUnit(config, clocks)

    def elaborate(self, platform):
        m = Module()
        clock = Signal(name="pll_clock", attrs={"keep": True})  # by its name it is constrained
        locked = Signal(name="pll_locked")
        port = platform.request(platform.default_clk, dir="-")
        if self.pll.at_pin:
            source = port.io
        else:
            m.submodules.clock_buffer = buffer = io.Buffer("i", port)
            source = buffer.i
        m.submodules.pll = self.pll.instance(source, clock, locked)
        platform.add_clock_constraint(clock, float(self.frequency))
        m.domains.sync = ClockDomain()
        m.d.comb += ClockSignal().eq(clock)
        m.submodules.reset = ResetSynchronizer(~locked)

        m.submodules.linked = linked = self._linked
        uart = platform.request("uart", 0, dir="-")
        m.submodules.receive = receive = io.Buffer("i", uart.rx)
        m.submodules.send = send = io.Buffer("o", uart.tx)
        m.d.comb += [linked.receive.eq(receive.i), send.o.eq(linked.send)]
        for name, pulse, led in zip(("busy", "error"), (linked.busy, linked.error), self._board.leds, strict=True):
            m.submodules[f"{name}_glow"] = glow = Glow(round(self.frequency * GLOW))
            m.submodules[f"{name}_led"] = lamp = io.Buffer("o", platform.request(*led, dir="-"))
            m.d.comb += [glow.pulse.eq(pulse), lamp.o.eq(glow.light)]
        return m


def platform_of(board: Board) -> Any:
    """A fresh platform of the board; `MissingToolError` if its package is not installed."""
    package_folder("amaranth_boards", "amaranth-boards")
    platform = getattr(import_module(f"amaranth_boards.{board.module}"), board.platform)
    if issubclass(platform, GowinPlatform):
        platform = type(platform.__name__, (_Himbaechel, platform), {})
    return platform()


class _Himbaechel(GowinPlatform):
    """Mixed into a Gowin platform: place and route is today's nextpnr; Amaranth knows the one before it."""

    required_tools = ("yosys", "nextpnr-himbaechel-gowin", "gowin_pack")

    @property
    def file_templates(self) -> dict[str, str]:
        return super().file_templates | {
            "{{name}}.sdc": """
                {% for signal, hertz in platform.iter_signal_clock_constraints() -%}
                    create_clock -name {{signal.name}} -period {{10**9 / hertz}} [get_nets {{signal|hierarchy(".")}}]
                {% endfor %}
            """
        }

    @property
    def command_templates(self) -> list[str]:
        synthesis, _, packing = super().command_templates
        placing = """
            {{invoke_tool("nextpnr-himbaechel-gowin")}}
                {{quiet("--quiet")}}
                {{get_override("nextpnr_opts")|options}}
                --log {{name}}.tim
                --device {{platform.part}}
                --vopt family={{platform._chipdb_device}}
                --vopt cst={{name}}.cst
                --sdc {{name}}.sdc
                --json {{name}}.syn.json
                --write {{name}}.pnr.json
        """
        return [synthesis, placing, packing]
