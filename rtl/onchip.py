"""The unit ready to drop in: core, on-chip memories for gradients and weights, streams, register block."""

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from zimu.golden.errors import InputError
from zimu.golden.unit import UnitConfig
from zimu.rtl.basics import address, one_of
from zimu.rtl.beats import beat_layout, slice_layout
from zimu.rtl.registers import Registers, bus_signature
from zimu.rtl.unit import ZimCore, check_built

MAX_BITS = 2**24
"""The largest on-chip memory this wrapper builds, in bits: more than any FPGA holds in block RAM."""


class ReadPath(wiring.Component):
    """Answers requests from a synchronous RAM port, one per clock, in order, under any back pressure.

    Members
    -------
    request : stream of addresses, in.
    answer : stream of data, out. Comes one clock after its request, or later.
    address, enable : out, and data : in. The RAM's read port; its output must hold while `enable` is low.
    """

    def __init__(self, places: int, shape):
        super().__init__(
            {
                "request": In(stream.Signature(address(places))),
                "answer": Out(stream.Signature(shape)),
                "address": Out(address(places)),
                "enable": Out(1),
                "data": In(shape),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [
            self.request.ready.eq(~self.answer.valid | self.answer.ready),
            self.enable.eq(self.request.ready),
            self.address.eq(self.request.payload),
            self.answer.payload.eq(self.data),
        ]
        with m.If(self.request.ready):
            m.d.sync += self.answer.valid.eq(self.request.valid)
        return m


class SlicePath(wiring.Component):
    """Lets two readers take turns on a `ReadPath`: one takes whole places, the other one slice of a place.

    Either may ask only when all that the other has asked for was taken.

    Members
    -------
    request, beat : stream of addresses in, stream of places out. The one.
    slice_request, slice : stream of addresses in, stream of slices out. The other.
    place_request, place : stream of addresses out, stream of places in. The `ReadPath`.
    """

    def __init__(self, config: UnitConfig):
        self.config = config
        beats, places = address(config.beats), beat_layout(config)
        super().__init__(
            {
                "request": In(stream.Signature(beats)),
                "beat": Out(stream.Signature(places)),
                "slice_request": In(stream.Signature(address(config.slices))),
                "slice": Out(stream.Signature(slice_layout(config))),
                "place_request": Out(stream.Signature(beats)),
                "place": In(stream.Signature(places)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        slices = self.config.lanes // self.config.slice
        part = Signal(ceil_log2(slices))
        sliced = Signal()
        wanted = self.slice_request.payload
        m.d.comb += [
            self.place_request.valid.eq(self.request.valid | self.slice_request.valid),
            self.place_request.payload.eq(Mux(self.slice_request.valid, wanted >> len(part), self.request.payload)),
            self.request.ready.eq(self.place_request.ready & ~self.slice_request.valid),
            self.slice_request.ready.eq(self.place_request.ready),
            self.beat.valid.eq(self.place.valid & ~sliced),
            self.beat.payload.eq(self.place.payload),
            self.slice.valid.eq(self.place.valid & sliced),
            self.slice.payload.eq(one_of(self.place.payload.as_value(), part, len(self.slice.payload.as_value()))),
            self.place.ready.eq(Mux(sliced, self.slice.ready, self.beat.ready)),
        ]
        with m.If(self.place_request.valid & self.place_request.ready):
            m.d.sync += [sliced.eq(self.slice_request.valid), part.eq(wanted)]
        return m


class ZimUnit(wiring.Component):
    """The integer weight-update unit with its memories.

    Weights are loaded once and stay; each step takes one gradient per weight. The gradient stream takes ``beats``
    transfers and then waits until a step has used them.

    Members
    -------
    bus : APB, in. See `zimu.rtl.registers`.
    interrupt : Signal(1), out. A step ended; cleared through STATUS.
    weights_in : stream of signed(weight_bits), in. ``depth`` transfers fill the memory from weight 0; taken while
        not busy.
    gradients : stream of ArrayLayout(signed(gradient_bits), lanes), in. Lane i of beat b is gradient ``b * lanes + i``;
        lanes beyond depth are ignored. Taken while not busy and not loaded.
    weights_out : stream of signed(weight_bits), out. ``depth`` transfers after CONTROL.READ_WEIGHTS.

    Raises
    ------
    InputError
        as `zimu.rtl.unit.check_built`, or the memories would exceed `MAX_BITS`; use `zimu.rtl.unit.ZimCore`, which
        takes memories of any kind.
    """

    def __init__(self, config: UnitConfig):
        check_built(config)  # before parts are made that would be left unused
        bits = config.depth * (config.weight_bits + config.gradient_bits)
        if bits > MAX_BITS:
            limit = MAX_BITS // (config.weight_bits + config.gradient_bits)
            raise InputError(
                f"depth = {config.depth}: must be in 1..{limit} for on-chip memories; for more, take --top core"
            )
        self.config = config
        super().__init__(
            {
                "bus": In(bus_signature()),
                "interrupt": Out(1),
                "weights_in": In(stream.Signature(signed(config.weight_bits))),
                "gradients": In(stream.Signature(beat_layout(config))),
                "weights_out": Out(stream.Signature(signed(config.weight_bits))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.core = core = ZimCore(config)
        m.submodules.registers = registers = Registers(config)
        m.submodules.gradient_memory = gradient_memory = memory.Memory(
            shape=beat_layout(config), depth=config.beats, init=[]
        )
        places = core.sampler.weights(config).places
        m.submodules.weight_memory = weight_memory = memory.Memory(shape=places.shape, depth=places.number, init=[])
        m.submodules.gradient_path = gradient_path = ReadPath(config.beats, beat_layout(config))
        m.submodules.weight_path = weight_path = ReadPath(places.number, places.shape)
        gradient_write, gradient_read = gradient_memory.write_port(), gradient_memory.read_port()
        weight_read = weight_memory.read_port()

        reading = Signal()  # weights on their way out
        loaded = Signal()
        busy = core.busy | reading
        m.d.comb += [
            core.seed.eq(registers.seed),
            core.reseed.eq(registers.reseed),
            core.trials.eq(registers.trials),
            core.threshold.eq(registers.threshold),
            core.smoothing.eq(registers.smoothing),
            core.start.eq(registers.start),
            registers.busy.eq(busy),
            registers.seeded.eq(core.seeded),
            registers.loaded.eq(loaded),
            registers.counters.eq(core.counters),
            self.interrupt.eq(registers.interrupt),
            gradient_read.addr.eq(gradient_path.address),
            gradient_read.en.eq(gradient_path.enable),
            gradient_path.data.eq(gradient_read.data),
            weight_read.addr.eq(weight_path.address),
            weight_read.en.eq(weight_path.enable),
            weight_path.data.eq(weight_read.data),
        ]
        wiring.connect(m, wiring.flipped(self.bus), registers.bus)
        if core.sampler.slices(config):
            m.submodules.slice_path = slice_path = SlicePath(config)
            wiring.connect(m, core.gradient_request, slice_path.request)
            wiring.connect(m, slice_path.beat, core.gradient_beat)
            wiring.connect(m, core.probe_request, slice_path.slice_request)
            wiring.connect(m, slice_path.slice, core.probe_slice)
            wiring.connect(m, slice_path.place_request, gradient_path.request)
            wiring.connect(m, gradient_path.answer, slice_path.place)
        else:
            wiring.connect(m, core.gradient_request, gradient_path.request)
            wiring.connect(m, gradient_path.answer, core.gradient_beat)

        # Gradients in: a step uses them up.
        beat = Signal(range(config.beats))
        stepping = Signal()
        m.d.comb += [
            self.gradients.ready.eq(~busy & ~loaded),
            gradient_write.addr.eq(beat),
            gradient_write.data.eq(self.gradients.payload),
            gradient_write.en.eq(self.gradients.valid & self.gradients.ready),
            registers.done.eq(stepping & ~core.busy),
        ]
        with m.If(gradient_write.en):
            m.d.sync += beat.eq(beat + 1)
            with m.If(beat == config.beats - 1):
                m.d.sync += [beat.eq(0), loaded.eq(1)]
        with m.If(registers.start):
            m.d.sync += [stepping.eq(1), loaded.eq(0)]
        with m.Elif(registers.done):
            m.d.sync += stepping.eq(0)

        self._weights(m, core, registers, weight_memory, weight_path, busy, reading)
        return m

    def _weights(self, m, core, registers, weight_memory, path, busy, reading):
        """The core's ports while it works; in and out, one by one, while it rests."""
        config = self.config
        weights = core.sampler.weights(config)
        places, lanes = weights.places.number, weights.lanes
        write = weight_memory.write_port(granularity=weights.granularity)
        m.d.comb += [
            path.request.valid.eq(core.weight_read.valid),
            path.request.payload.eq(core.weight_read.payload),
            core.weight_read.ready.eq(path.request.ready),
            core.weight_data.valid.eq(path.answer.valid & ~reading),
            core.weight_data.payload.eq(path.answer.payload),
            path.answer.ready.eq(core.weight_data.ready),
            write.addr.eq(core.weight_write.payload.address),
            write.data.eq(core.weight_write.payload.data),
            write.en.eq(core.weight_write.valid.replicate(lanes)),
            core.weight_write.ready.eq(1),
        ]
        place = Signal(range(config.depth))  # of the next weight to come in
        with m.If(~busy):
            m.d.comb += [
                self.weights_in.ready.eq(1),
                write.addr.eq(place // lanes),
                write.data.eq(self.weights_in.payload.as_unsigned().replicate(lanes)),
                write.en.eq(self.weights_in.valid << (place % lanes)),
            ]
            if config.depth % lanes:
                # The first of a beat fills it: what lies beyond the depth is never unknown.
                with m.If(self.weights_in.valid & (place % lanes == 0)):
                    m.d.comb += write.en.eq(2**lanes - 1)
            with m.If(self.weights_in.valid):
                m.d.sync += place.eq(Mux(place == config.depth - 1, 0, place + 1))

        asked = Signal(range(places + 1))
        sent = Signal(range(config.depth))
        last = sent == config.depth - 1
        m.d.comb += self.weights_out.payload.eq(
            Value.cast(path.answer.payload).word_select(sent % lanes, config.weight_bits)
        )
        with m.If(registers.read_weights):
            m.d.sync += [reading.eq(1), asked.eq(0), sent.eq(0)]
        with m.If(reading):
            m.d.comb += [
                path.request.valid.eq(asked != places),
                path.request.payload.eq(asked),
                self.weights_out.valid.eq(path.answer.valid),
                path.answer.ready.eq(self.weights_out.ready & ((sent % lanes == lanes - 1) | last)),
            ]
            with m.If(path.request.valid & path.request.ready):
                m.d.sync += asked.eq(asked + 1)
            with m.If(self.weights_out.valid & self.weights_out.ready):
                m.d.sync += sent.eq(sent + 1)
                with m.If(last):
                    m.d.sync += reading.eq(0)
