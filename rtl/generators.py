"""Generators of random words: one interface for all kinds, and contexts that take turns on a generator.

The kinds are in ``rtl/kinds.py``. Twins: ``golden/generators.py``, ``emu/generators.py``.
"""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from zimu.golden.errors import check_choice
from zimu.rtl.kinds import Lfsr128, Pcg32, Philox4x32, Trivium, Xoroshiro128aox, Xoshiro128pp

KINDS: dict[str, Any] = {
    "xoshiro128++": Xoshiro128pp(),
    "philox4x32-10": Philox4x32(),
    "pcg32": Pcg32(),
    "xoroshiro128aox": Xoroshiro128aox(),
    "lfsr128": Lfsr128(),
    "trivium": Trivium(),
}
"""By their names in `zimu.golden.unit.UnitConfig.prng`.

``machine(lanes)`` makes the registers of a stream. ``chain`` are those that the seed fills, in the order of its
expansion; ``kept`` are those that say all about the words to come; ``row`` and ``valid`` are the words on offer.
``halt`` takes all but the chain to their start, ``resume`` goes on from the kept ones, ``run`` does the work of a clock
in which the row may be taken.
"""


class Generator(wiring.Component):
    """A stream's generators: rows of one word from each.

    The registers that the seed fills form one shift chain: a word enters at the last lane's last one, the first word
    that entered ends in the first one of lane 0 or leaves for the next stream. While `hold` is high all else goes to
    its start.

    **Contexts.** With ``contexts`` > 1 the generators serve several streams in turn; the state of those that wait lies
    in a memory, with the row that was on offer. To seed them: with `hold` high, shift in the words of one context, then
    strobe `store` with its number; and so on for all. The last one stored is active when `hold` falls. A strobe of
    `switch` makes `context` the active one: a row may still be taken in the clock of the strobe, no row is valid in the
    next clock, in which `switching` is high, and after it the rows are those of `context`, from where it was left.

    Parameters
    ----------
    kind : a key of `KINDS`.
    lanes : interleaved generators P.
    contexts : streams that take turns.

    Members
    -------
    hold : Signal(1), in. While high the state stands still (but for `shift`) and no row is valid.
    shift : Signal(1), in. Moves the chain on by one word.
    chain_in, chain_out : Signal(32), in and out. The ends of the chain.
    row : stream of ArrayLayout(32, lanes), out.
    context : Signal(range(contexts)), in. These four exist only with ``contexts`` > 1.
    store : Signal(1), in. Only while `hold` and not `shift`: what was shifted in is the start of `context`.
    switch : Signal(1), in. Ignored while `hold` or `switching`.
    switching : Signal(1), out.

    Raises
    ------
    InputError
        there is no such kind.
    """

    def __init__(self, kind: str, lanes: int, contexts: int = 1):
        check_choice("prng", kind, KINDS)
        self.kind = KINDS[kind]
        self.lanes = lanes
        self.contexts = contexts
        members = {
            "hold": In(1),
            "shift": In(1),
            "chain_in": In(32),
            "chain_out": Out(32),
            "row": Out(stream.Signature(data.ArrayLayout(32, lanes))),
        }
        if contexts > 1:
            members |= {"context": In(range(contexts)), "store": In(1), "switch": In(1), "switching": Out(1)}
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        machine = self.kind.machine(self.lanes)
        m.d.comb += [
            self.chain_out.eq(machine.chain[0]),
            self.row.valid.eq(machine.valid),
            self.row.payload.eq(Cat(machine.row)),
        ]
        with m.If(self.hold):
            machine.halt(m)
            with m.If(self.shift):
                m.d.sync += Cat(machine.chain).eq(Cat(machine.chain[1:], self.chain_in))
        if self.contexts > 1:
            self._switch_contexts(m, machine)
        else:
            with m.Else():
                machine.run(m, self.row.ready)
        return m

    def _switch_contexts(self, m: Module, machine: Any) -> None:
        """Let the machine run, but for the clock in which its registers and a place of the memory change over."""
        kept = Cat(machine.kept)
        m.submodules.memory = memory = Memory(shape=unsigned(len(kept)), depth=self.contexts, init=[])
        waiting, loaded = memory.write_port(), memory.read_port()
        active = Signal(range(self.contexts))
        following = Signal(range(self.contexts))
        # The next state is read before the active one is written, so a context must not switch to itself.
        switch = self.switch & ~self.hold & ~self.switching & (self.context != active)
        m.d.comb += [
            loaded.addr.eq(self.context),
            loaded.en.eq(switch),
            waiting.addr.eq(Mux(self.hold, self.context, active)),
            waiting.data.eq(kept),
            waiting.en.eq(Mux(self.hold, self.store, self.switching)),
        ]
        m.d.sync += [self.switching.eq(switch), following.eq(self.context)]
        with m.If(self.switching):
            m.d.comb += self.row.valid.eq(0)
        with m.If(self.hold):
            with m.If(self.store):
                m.d.sync += active.eq(self.context)
        with m.Elif(self.switching):
            m.d.sync += [active.eq(following), kept.eq(loaded.data)]
            machine.resume(m)
        with m.Else():
            machine.run(m, self.row.ready)
