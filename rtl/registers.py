"""The register block: an APB completer that holds the run-time values and shows status and counters.

AMBA APB (ARM IHI 0024): a transfer has a setup clock (``psel``) and an access clock (``psel & penable``), in which it
waits while ``pready`` is low. What the registers are is said in ``golden/registers.py``, the twin; other buses come
through ``rtl/buses.py``.
"""

from typing import Any

from amaranth.hdl import Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from zimu.golden.registers import (
    ADDRESS_BITS,
    CLEARED_BY_WRITING,
    Access,
    Bit,
    Control,
    Register,
    Status,
    Storage,
    address_ports,
    bits_of,
    constants,
    registers_of,
)
from zimu.golden.rule import WORD_BITS
from zimu.golden.unit import UnitConfig
from zimu.rtl.unit import unit_counters


def bus_signature() -> wiring.Signature:
    """APB as the requester drives it."""
    return wiring.Signature(
        {
            "psel": Out(1),
            "penable": Out(1),
            "pwrite": Out(1),
            "paddr": Out(ADDRESS_BITS),
            "pwdata": Out(WORD_BITS),
            "prdata": In(WORD_BITS),
            "pready": In(1),
            "pslverr": In(1),
        }
    )


class Registers(wiring.Component):
    """The register block.

    Parameters
    ----------
    config : the unit.
    storage : where it keeps what it works on.

    Members
    -------
    bus : APB, in. An access that does nothing answers with ``pslverr``: to an address that holds no register, against
        the register's `Access`, to a run-time value while busy, to on-chip memory while that takes or gives nothing.
        Only reads of WEIGHTS wait, and only for the memory.
    seed : Signal(64), out; and the run-time values, out, by the names and widths of `RuleConfig.values`; with external
        memory its addresses, each Signal(64), out.
    start, reseed, read_weights, rewind : Signal(1), out. Pulses of the bits of CONTROL that the unit has.
    busy, seeded : Signal(1), in; with on-chip memory loaded and reading too.
    done : Signal(1), in. Pulse: a step ended; with external memory read_error and write_error too.
    counters : `unit_counters`, in.
    interrupt : Signal(1), out. STATUS.DONE.
    refused : Signal(1), out. STATUS.REFUSED.
    gradient_words, weight_words : stream of 32 bits, out, with on-chip memory. What is written to GRADIENTS and
        WEIGHTS; their ready must not depend on their valid.
    read_words : stream of 32 bits, in, with on-chip memory. What is read from WEIGHTS while `reading`.
    """

    def __init__(self, config: UnitConfig, storage: Storage):
        self.config, self.storage = config, storage
        self.values = {"seed": 64} | {name: value.bits for name, value in config.values.items()}
        words = stream.Signature(WORD_BITS)
        if storage is Storage.ONCHIP:
            ports = {"loaded": In(1), "reading": In(1)}
            ports |= {"gradient_words": Out(words), "weight_words": Out(words), "read_words": In(words)}
        else:
            self.values |= dict.fromkeys(address_ports(config), 64)
            ports = {"read_error": In(1), "write_error": In(1)}
        super().__init__(
            {
                "bus": In(bus_signature()),
                **{name: Out(bits) for name, bits in self.values.items()},
                **{bit.name.lower(): Out(1) for bit in bits_of(Control, storage)},
                "busy": In(1),
                "seeded": In(1),
                "done": In(1),
                "counters": In(unit_counters(config)),
                "interrupt": Out(1),
                "refused": Out(1),
                **ports,
            }
        )

    def elaborate(self, platform):
        m = Module()
        bus, config = self.bus, self.config
        onchip = self.storage is Storage.ONCHIP
        access = Signal()
        write = Signal()
        m.d.comb += [access.eq(bus.psel & bus.penable), write.eq(access & bus.pwrite), bus.pready.eq(1)]

        # Bits of STATUS that stay until they are cleared, and what sets each.
        refuses = Signal()
        sets: dict[Bit, Any] = {Status.DONE: self.done, Status.REFUSED: refuses}
        if not onchip:
            sets |= {Status.READ_ERROR: self.read_error, Status.WRITE_ERROR: self.write_error}
        kept: dict[Bit, Any] = {
            bit: Signal(name=f"{bit.name.lower()}_kept") for bit in CLEARED_BY_WRITING if bit in sets
        }
        status: dict[Bit, Any] = {Status.BUSY: self.busy, Status.SEEDED: self.seeded} | kept
        if onchip:
            status[Status.LOADED] = self.loaded
        m.d.comb += [self.interrupt.eq(kept[Status.DONE]), self.refused.eq(kept[Status.REFUSED])]

        mass = Const(0, 64) | self.counters.mass
        fixed = constants(config)
        clears = Signal(max(kept) + 1)
        with m.Switch(bus.paddr):
            for register in registers_of(config, self.storage):
                with m.Case(register):
                    if register.access is Access.READ:
                        m.d.comb += bus.pslverr.eq(write)
                    if register in fixed:
                        m.d.comb += bus.prdata.eq(fixed[register])
                    elif register is Register.STATUS:
                        m.d.comb += [bus.prdata[bit].eq(now) for bit, now in status.items()]
                        m.d.comb += clears.eq(bus.pwdata & write.replicate(len(clears)))
                    elif register is Register.CONTROL:
                        self._control(m, write, refuses)
                    elif register is Register.GRADIENTS:
                        self._take(m, write, self.gradient_words)
                    elif register is Register.WEIGHTS:
                        self._take(m, write, self.weight_words)
                        reads = self.reading & ~bus.pwrite
                        m.d.comb += [
                            bus.prdata.eq(self.read_words.payload),
                            self.read_words.ready.eq(access & reads),
                            bus.pready.eq(~reads | self.read_words.valid),
                        ]
                        with m.If(~bus.pwrite):
                            m.d.comb += bus.pslverr.eq(access & ~self.reading)
                    elif register.of in self.values:
                        held = getattr(self, register.of)[register.low : register.low + WORD_BITS]
                        # Run-time values must hold during a step.
                        m.d.comb += [bus.prdata.eq(held), bus.pslverr.eq(write & self.busy)]
                        with m.If(write & ~self.busy):
                            m.d.sync += held.eq(bus.pwdata)
                    else:
                        counter = mass if register.of == "mass" else self.counters[register.of]
                        m.d.comb += bus.prdata.eq(counter[register.low : register.low + WORD_BITS])
            with m.Default():
                m.d.comb += bus.pslverr.eq(access)
        for bit, kept_bit in kept.items():
            m.d.sync += kept_bit.eq(sets[bit] | (kept_bit & ~clears[bit]))
        return m

    def _control(self, m: Module, write: Signal, refuses: Signal) -> None:
        """Act on what is written to CONTROL, or refuse it."""
        onchip = self.storage is Storage.ONCHIP
        allowed = dict.fromkeys(bits_of(Control, self.storage), ~self.busy)
        allowed[Control.START] &= self.seeded & self.loaded if onchip else self.seeded
        if onchip:
            allowed[Control.REWIND] |= self.reading
        asked = self.bus.pwdata[: max(Control) + 1]
        m.d.comb += refuses.eq(write & (asked != 0))
        for bit, now in allowed.items():
            with m.If(write & (asked == 1 << bit) & now):
                m.d.comb += [getattr(self, bit.name.lower()).eq(1), refuses.eq(0)]

    def _take(self, m: Module, write: Signal, words: stream.Interface) -> None:
        """Pass on what is written to a register, or answer with an error where it would be lost."""
        m.d.comb += [
            words.payload.eq(self.bus.pwdata),
            words.valid.eq(write & words.ready),
            self.bus.pslverr.eq(write & ~words.ready),
        ]
