"""The register block: an APB completer that holds the run-time values and shows status and counters.

AMBA APB (ARM IHI 0024): a transfer has a setup clock (``psel``) and an access clock (``psel & penable``); this block
needs no wait states. All registers are 32 bits wide at multiples of 4.
"""

from enum import IntEnum

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from zimu.golden.rule import CONTRACT_VERSION
from zimu.golden.unit import UnitConfig
from zimu.rtl.unit import unit_counters

IDENTITY = int.from_bytes(b"ZIMU", "big")
ADDRESS_BITS = 8


class Register(IntEnum):
    """Byte addresses."""

    ID = 0x00
    """Read: 0x5A494D55, "ZIMU"."""
    VERSION = 0x04
    """Read: contract version."""
    CONTROL = 0x08
    """Write: `Control` bits; each acts when it is written as 1."""
    STATUS = 0x0C
    """Read: `Status` bits. Writing 1 to DONE or REFUSED clears it."""
    SEED_LO = 0x10
    SEED_HI = 0x14
    TRIALS = 0x18
    """n."""
    THRESHOLD_LO = 0x1C
    """T, bits 31:0."""
    THRESHOLD_HI = 0x20
    """T, bit 32; reads 0 where gate_bits < 32."""
    SMOOTHING = 0x24
    """c."""
    DEPTH = 0x28
    """Read: depth."""
    SHAPE = 0x2C
    """Read: weight_bits in 7:0, gradient_bits in 15:8, lanes in 23:16, gate_bits in 31:24."""
    DECAY = 0x30
    """b, of units with momentum."""
    RATE = 0x34
    """T', of units that take n from the mass."""
    STEPS = 0x40
    OPEN_TRIALS = 0x44
    DISCARDED_TRIALS = 0x48
    REJECTED_DRAWS = 0x4C
    SATURATIONS = 0x50
    EMPTY_STEPS = 0x54
    MASS_LO = 0x58
    MASS_HI = 0x5C


class Control(IntEnum):
    """Bit numbers of CONTROL. A bit that comes at the wrong time is ignored and sets STATUS.REFUSED."""

    START = 0
    """Take a step; wants a seed and a full gradient memory."""
    RESEED = 1
    """Expand the seed, clear the counters."""
    READ_WEIGHTS = 2
    """Send all weights out."""


class Status(IntEnum):
    """Bit numbers of STATUS."""

    BUSY = 0
    """A step, a seed expansion or a read-out is under way."""
    SEEDED = 1
    """A seed was expanded since reset."""
    LOADED = 2
    """The gradient memory is full: a step can start."""
    DONE = 3
    """A step ended."""
    REFUSED = 4
    """A CONTROL bit came at the wrong time."""


VALUES = {
    Register.TRIALS: ("trials", 0),
    Register.THRESHOLD_LO: ("threshold", 0),
    Register.THRESHOLD_HI: ("threshold", 32),
    Register.SMOOTHING: ("smoothing", 0),
    Register.DECAY: ("decay", 0),
    Register.RATE: ("rate", 0),
}
"""The run-time value of a register, and its lowest bit there. A unit has the registers of the values it has."""

_COUNTERS = {
    Register.STEPS: "steps",
    Register.OPEN_TRIALS: "open_trials",
    Register.DISCARDED_TRIALS: "discarded_trials",
    Register.REJECTED_DRAWS: "rejected_draws",
    Register.SATURATIONS: "saturations",
    Register.EMPTY_STEPS: "empty_steps",
}


def bus_signature() -> wiring.Signature:
    """APB as the requester drives it."""
    return wiring.Signature(
        {
            "psel": Out(1),
            "penable": Out(1),
            "pwrite": Out(1),
            "paddr": Out(ADDRESS_BITS),
            "pwdata": Out(32),
            "prdata": In(32),
            "pready": In(1),
            "pslverr": In(1),
        }
    )


class Registers(wiring.Component):
    """The register block.

    Members
    -------
    bus : APB, in. Accesses to addresses that hold no register answer with ``pslverr``.
    seed : Signal(64), out; and the run-time values, out, by the names and widths of `RuleConfig.values`. Writes to them
        while busy are refused with ``pslverr``.
    start, reseed, read_weights : Signal(1), out. Pulses.
    busy, seeded, loaded : Signal(1), in.
    done : Signal(1), in. Pulse: a step ended.
    counters : `unit_counters`, in.
    interrupt : Signal(1), out. STATUS.DONE.
    """

    def __init__(self, config: UnitConfig):
        self.config = config
        super().__init__(
            {
                "bus": In(bus_signature()),
                "seed": Out(64),
                **{name: Out(value.bits) for name, value in config.values.items()},
                "start": Out(1),
                "reseed": Out(1),
                "read_weights": Out(1),
                "busy": In(1),
                "seeded": In(1),
                "loaded": In(1),
                "done": In(1),
                "counters": In(unit_counters(config)),
                "interrupt": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bus, config = self.bus, self.config
        writable = {
            Register.SEED_LO: self.seed[:32],
            Register.SEED_HI: self.seed[32:],
            **{
                register: getattr(self, name)[low : low + 32]
                for register, (name, low) in VALUES.items()
                if name in config.values
            },
        }
        done = Signal()
        refused = Signal()
        mass = Const(0, 64) | self.counters.mass
        shape = [config.weight_bits, config.gradient_bits, config.lanes, config.gate_bits]
        readable = {
            Register.ID: Const(IDENTITY, 32),
            Register.VERSION: Const(CONTRACT_VERSION, 32),
            Register.STATUS: Cat(self.busy, self.seeded, self.loaded, done, refused),
            Register.DEPTH: Const(config.depth, 32),
            Register.SHAPE: Cat(Const(value % 256, 8) for value in shape),  # 256 lanes are shown as 0
            Register.MASS_LO: mass[:32],
            Register.MASS_HI: mass[32:],
            **writable,
            **{register: self.counters[name] for register, name in _COUNTERS.items()},
        }

        access = Signal()
        m.d.comb += [access.eq(bus.psel & bus.penable), bus.pready.eq(1), self.interrupt.eq(done)]
        with m.If(self.done):
            m.d.sync += done.eq(1)
        with m.Switch(bus.paddr):
            for register, value in readable.items():
                with m.Case(register):
                    m.d.comb += bus.prdata.eq(value)
                    # Run-time values must hold during a step; what can only be read takes no writes.
                    if register in writable:
                        m.d.comb += bus.pslverr.eq(access & bus.pwrite & self.busy)
                        with m.If(access & bus.pwrite & ~self.busy):
                            m.d.sync += value.eq(bus.pwdata)
                    elif register is Register.STATUS:
                        with m.If(access & bus.pwrite):
                            m.d.sync += refused.eq(refused & ~bus.pwdata[Status.REFUSED])
                            with m.If(bus.pwdata[Status.DONE]):
                                m.d.sync += done.eq(self.done)
                    else:
                        m.d.comb += bus.pslverr.eq(access & bus.pwrite)
            with m.Case(Register.CONTROL):
                with m.If(access & bus.pwrite):
                    start, reseed, read = (bus.pwdata[bit] for bit in Control)
                    allowed = ~self.busy & Mux(start, self.seeded & self.loaded, 1)
                    alone = Cat(start, reseed, read)
                    one = (alone & (alone - 1)) == 0
                    with m.If(allowed & one):
                        m.d.comb += [self.start.eq(start), self.reseed.eq(reseed), self.read_weights.eq(read)]
                    with m.Else():
                        m.d.sync += refused.eq(1)
            with m.Default():
                m.d.comb += bus.pslverr.eq(access)
        return m
