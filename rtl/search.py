"""The small circuit of the ``inverse`` sampler: one draw searches the beats while another walks along its beat.

Twins: ``golden/sampler.py``, ``emu/sampler.py``.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.utils import ceil_log2

from zimu.golden.unit import UnitConfig
from zimu.rtl.basics import address, one_of
from zimu.rtl.beats import SumPass, add_partial, mass_bits
from zimu.rtl.encoding import encoding_of
from zimu.rtl.selection import form_signature


class Search(wiring.Component):
    """Searches the prefix sums of the beats, a power of two a clock, then walks along the beat, a weight a clock.

    The sum pass stores the prefix sum before every beat. One subtractor serves the search (its borrow is the
    comparison) and the residual u - prefix at its end. Members: `zimu.rtl.selection.form_signature`.
    """

    pending = 1  # a search makes a trial in many clocks

    @staticmethod
    def clocks(config: UnitConfig) -> float:
        searching = ceil_log2(config.beats) + 2
        # To weight k of the beat it takes k clocks, and one for each slice that is read.
        walks = [k + 2 + k // config.slice + 1 for k in range(config.lanes)]
        return sum(max(searching, walk) for walk in walks) / config.lanes

    @staticmethod
    def latency(config: UnitConfig) -> int:
        return ceil_log2(config.beats) + 11

    def __init__(self, config: UnitConfig):
        self.config = config
        super().__init__(form_signature(config))

    def elaborate(self, platform):
        m = Module()
        beats = self.config.beats
        m.submodules.sums = sums = SumPass(self.config)
        m.submodules.prefixes = prefixes = memory.Memory(shape=mass_bits(self.config), depth=beats, init=[])
        write, read = prefixes.write_port(), prefixes.read_port()
        m.d.comb += [
            sums.start.eq(self.sum_start),
            sums.smoothing.eq(self.smoothing),
            self.sum_done.eq(sums.done),
            self.mass.eq(sums.mass),
            write.en.eq(sums.prefix.valid),
            write.addr.eq(sums.prefix.beat),
            write.data.eq(sums.prefix.mass),
        ]
        wiring.connect(m, sums.request, wiring.flipped(self.request))
        wiring.connect(m, wiring.flipped(self.beat), sums.beat)

        # The last beat whose prefix sum is <= u, found a power of two at a time.
        first = 2 ** max(ceil_log2(beats) - 1, 0)
        u = Signal(mass_bits(self.config))
        beat = Signal(address(beats))
        probe = Signal(address(beats))  # the power of two under test
        below = Signal(len(u) + 1)
        found = Signal()
        taken = Signal()
        m.d.comb += below.eq(u - read.data)
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += [self.draw.ready.eq(self.sum_done), read.addr.eq(first)]
                with m.If(self.draw.valid & self.draw.ready):
                    m.d.sync += [u.eq(self.draw.payload), beat.eq(0), probe.eq(first)]
                    m.next = "PROBE" if beats > 1 else "HAND"
            with m.State("PROBE"):
                inside = ~below[-1] & ((beat | probe) < beats)  # there is a beat, and u is not before it
                reached, half = Mux(inside, beat | probe, beat), probe >> 1
                m.d.comb += read.addr.eq(reached | half)
                m.d.sync += [beat.eq(reached), probe.eq(half)]
                with m.If(probe == 1):
                    m.next = "HAND"
            with m.State("HAND"):
                m.d.comb += [read.addr.eq(beat), found.eq(1)]
                with m.If(taken):
                    m.next = "IDLE"
        self._walk(m, found, taken, beat, below if beats > 1 else u)
        return m

    def _walk(self, m, found, taken, beat, residual):
        """Take away one mass after the other, until one is above what is left."""
        config = self.config
        lane_bits, slice_bits = ceil_log2(config.lanes), ceil_log2(config.slice)
        busy = Signal()
        asked = Signal()
        place = Signal(address(config.beats))
        lane = Signal(lane_bits)
        rest = Signal(range(config.max_weight_mass * config.lanes))
        gradients = self.probe_slice.payload
        gradient = Signal(config.gradient_bits)
        mass = Signal(range(config.max_weight_mass + 1))
        below = Signal(len(rest) + 1)
        encoding = encoding_of(config)
        size = encoding.magnitude(gradient, self.smoothing)
        m.d.comb += [
            gradient.eq(one_of(gradients.as_value(), lane[:slice_bits], config.gradient_bits)),
            mass.eq(add_partial(size, encoding.rest(self.smoothing))),
            below.eq(rest - mass),
            taken.eq(found & ~busy),
            self.probe_request.valid.eq(busy & ~asked),
            self.probe_request.payload.eq(Cat(lane, place[: ceil_log2(config.beats)]) >> slice_bits),
            self.landed.payload.index.eq(Cat(lane, place[: ceil_log2(config.beats)])),
            self.landed.payload.negative.eq(gradient[-1]),
            self.landed.payload.zero.eq(encoding.is_zero(gradient)),
        ]
        with m.If(taken):
            m.d.sync += [busy.eq(1), place.eq(beat), lane.eq(0), rest.eq(residual)]
        with m.If(self.probe_request.valid & self.probe_request.ready):
            m.d.sync += asked.eq(1)
        with m.If(asked & self.probe_slice.valid):
            with m.If(below[-1]):
                m.d.comb += self.landed.valid.eq(1)
                with m.If(self.landed.ready):
                    m.d.comb += self.probe_slice.ready.eq(1)
                    m.d.sync += [busy.eq(0), asked.eq(0)]
            with m.Else():
                m.d.sync += [lane.eq(lane + 1), rest.eq(below)]
                with m.If(lane[:slice_bits] == config.slice - 1):
                    m.d.comb += self.probe_slice.ready.eq(1)
                    m.d.sync += asked.eq(0)
