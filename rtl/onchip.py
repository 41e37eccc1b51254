"""The unit ready to drop in: core, on-chip memories for gradients and weights, streams, register block."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, Value, signed, unsigned
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from zimu.golden.errors import InputError
from zimu.golden.registers import Storage, container
from zimu.golden.rule import WORD_BITS
from zimu.golden.unit import UnitConfig
from zimu.rtl.basics import address, one_of
from zimu.rtl.beats import beat_layout
from zimu.rtl.datapath import WeightMemory
from zimu.rtl.momentum import mean_beats
from zimu.rtl.registers import Registers, bus_signature
from zimu.rtl.unit import ZimCore
from zimu.rtl.update import Places
from zimu.rtl.words import FromWords, ToWords, numbers_of

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

    Parameters
    ----------
    places, slices : the memory as the one and the other sees it.

    Members
    -------
    request, beat : stream of addresses in, stream of places out. The one.
    slice_request, slice : stream of addresses in, stream of slices out. The other.
    place_request, place : stream of addresses out, stream of places in. The `ReadPath`.
    """

    def __init__(self, places: Places, slices: Places):
        self._parts = slices.number // places.number
        asked, answered = stream.Signature(address(places.number)), stream.Signature(places.shape)
        super().__init__(
            {
                "request": In(asked),
                "beat": Out(answered),
                "slice_request": In(stream.Signature(address(slices.number))),
                "slice": Out(stream.Signature(slices.shape)),
                "place_request": Out(asked),
                "place": In(answered),
            }
        )

    def elaborate(self, platform):
        m = Module()
        part = Signal(ceil_log2(self._parts))
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


def kept_layout(config: UnitConfig) -> Any:
    """What the streams of weights carry: a weight, with momentum {``weight``, ``momentum``}."""
    if config.momentum is None:
        return signed(config.weight_bits)
    return data.StructLayout({"weight": signed(config.weight_bits), "momentum": signed(config.momentum.bits)})


class Kept(NamedTuple):
    """What a unit keeps of each weight from step to step: the weight, or its mean."""

    name: str
    of_core: WeightMemory
    write: memory.WritePort
    path: ReadPath
    request: Any
    """Stream of addresses from the core."""
    answer: Any
    """Stream of places to the core."""


class ZimUnit(wiring.Component):
    """The integer weight-update unit with its memories.

    Weights are loaded once and stay, and so do the means with momentum; each step takes one gradient per weight. The
    gradient stream takes ``beats`` transfers and then waits until a step has used them.

    Members
    -------
    bus : APB, in. See `zimu.rtl.registers`. What the streams carry can also be written and read there, word by word;
        a memory is filled and read in one of the two ways at a time.
    interrupt : Signal(1), out. A step ended; cleared through STATUS.
    busy : Signal(1), out. STATUS.BUSY.
    refused : Signal(1), out. STATUS.REFUSED.
    weights_in : stream of `kept_layout`, in. ``depth`` transfers fill the memory from weight 0; taken while not busy.
    gradients : stream of `zimu.rtl.beats.beat_layout`, in. Lane i of beat b is gradient ``b * lanes + i``;
        lanes beyond depth are ignored. Taken while not busy and not loaded.
    weights_out : stream of `kept_layout`, out. ``depth`` transfers after CONTROL.READ_WEIGHTS.
    weights_end : Signal(1), out. The transfer of `weights_out` is the last one of a read-out.

    Raises
    ------
    InputError
        the memories would exceed `MAX_BITS`; use `zimu.rtl.unit.ZimCore`, which takes memories of any kind.
    """

    storage = Storage.ONCHIP

    def __init__(self, config: UnitConfig):
        kept = kept_layout(config)
        of_weight = Shape.cast(kept).width + config.gradient_bits
        if config.depth * of_weight > MAX_BITS:
            limit = MAX_BITS // of_weight
            raise InputError(
                f"depth = {config.depth}: must be in 1..{limit} for on-chip memories; for more, take --top core"
            )
        self.config = config
        super().__init__(
            {
                "bus": In(bus_signature()),
                "interrupt": Out(1),
                "busy": Out(1),
                "refused": Out(1),
                "weights_in": In(stream.Signature(kept)),
                "gradients": In(stream.Signature(beat_layout(config))),
                "weights_out": Out(stream.Signature(kept)),
                "weights_end": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.core = core = ZimCore(config)
        m.submodules.registers = registers = Registers(config, self.storage)
        reading = Signal()  # weights on their way out
        loaded = Signal()
        m.d.comb += [
            core.seed.eq(registers.seed),
            core.reseed.eq(registers.reseed),
            *(getattr(core, name).eq(getattr(registers, name)) for name in config.values),
            core.start.eq(registers.start),
            self.busy.eq(core.busy | reading),
            registers.busy.eq(self.busy),
            registers.seeded.eq(core.seeded),
            registers.loaded.eq(loaded),
            registers.reading.eq(reading),
            registers.counters.eq(core.counters),
            self.interrupt.eq(registers.interrupt),
            self.refused.eq(registers.refused),
        ]
        wiring.connect(m, wiring.flipped(self.bus), registers.bus)

        # By the names of their ports.
        kept = {"weight": core.sampler.weights(config)}
        if config.momentum:
            kept["momentum"] = WeightMemory(mean_beats(config), config.lanes)
        places = {"gradient": Places(config.beats, beat_layout(config))} | {name: kept[name].places for name in kept}
        readers = {"gradient": (core.gradient_request, core.gradient_beat)} | {
            name: (getattr(core, f"{name}_read"), getattr(core, f"{name}_data")) for name in kept
        }
        if core.slices:
            m.submodules.slice_path = slice_path = SlicePath(places[core.sliced], core.slices)
            request, answer = readers[core.sliced]
            wiring.connect(m, request, slice_path.request)
            wiring.connect(m, slice_path.beat, answer)
            wiring.connect(m, core.probe_request, slice_path.slice_request)
            wiring.connect(m, slice_path.slice, core.probe_slice)
            readers[core.sliced] = (slice_path.place_request, slice_path.place)
        writes, paths = {}, {}
        for name, (number, shape) in places.items():
            lanes = kept[name].lanes if name in kept else 1
            bits = Shape.cast(shape).width
            held = memory.Memory(shape=unsigned(bits), depth=number, init=[])
            paths[name] = path = ReadPath(number, shape)
            m.submodules[f"{name}_memory"], m.submodules[f"{name}_path"] = held, path
            read, writes[name] = held.read_port(), held.write_port(granularity=bits // lanes)
            m.d.comb += [read.addr.eq(path.address), read.en.eq(path.enable), path.data.eq(read.data)]
        request, answer = readers["gradient"]
        wiring.connect(m, request, paths["gradient"].request)
        wiring.connect(m, paths["gradient"].answer, answer)

        # Gradients in: a step uses them up.
        beat = Signal(range(config.beats))
        stepping = Signal()
        gradient_write = writes["gradient"]
        gradients = self._words_or_stream(m, registers, "gradient", container(config.gradient_bits), self.gradients)
        m.d.comb += [
            gradients.ready.eq(~self.busy & ~loaded),
            gradient_write.addr.eq(beat),
            gradient_write.data.eq(gradients.payload),
            gradient_write.en.eq(gradients.valid & gradients.ready),
            registers.done.eq(stepping & ~core.busy),
        ]
        with m.If(gradient_write.en):
            m.d.sync += beat.eq(beat + 1)
            with m.If(beat == config.beats - 1):
                m.d.sync += [beat.eq(0), loaded.eq(1)]
        with m.If(registers.rewind):
            m.d.sync += [beat.eq(0), loaded.eq(0)]
        with m.If(registers.start):
            m.d.sync += [stepping.eq(1), loaded.eq(0)]
        with m.Elif(registers.done):
            m.d.sync += stepping.eq(0)

        self._lead_weights(
            m,
            core,
            registers,
            reading,
            [Kept(name, kept[name], writes[name], paths[name], *readers[name]) for name in kept],
        )
        return m

    def _lead_weights(
        self, m: Module, core: ZimCore, registers: Registers, reading: Signal, kept: Sequence[Kept]
    ) -> None:
        """Weights in and out, and what is kept beside them, one weight at a time while the core rests."""
        depth, resting = self.config.depth, ~core.busy & ~reading
        place = Signal(range(depth))
        sent = Signal(range(depth))
        gives = Signal()
        dropping = Signal()  # the rest of a read-out goes nowhere
        taken = self._words_or_stream(m, registers, "weight", WORD_BITS, self.weights_in)
        given = self.weights_out.payload.shape()
        m.submodules.weight_read_words = words = ToWords(given)
        wiring.connect(m, words.words, registers.read_words)
        there = reading & Cat(each.path.answer.valid for each in kept).all()
        m.d.comb += [
            taken.ready.eq(resting),
            words.payloads.payload.eq(self.weights_out.payload),
            words.payloads.valid.eq(there & ~dropping),
            words.rewind.eq(registers.read_weights),
            self.weights_out.valid.eq(there & ~dropping),
            self.weights_end.eq(sent == depth - 1),
            gives.eq(there & (dropping | self.weights_out.ready | words.payloads.ready)),
        ]
        with m.If(registers.rewind):
            m.d.sync += [place.eq(0), dropping.eq(reading)]
        with m.Elif(taken.valid & taken.ready):
            m.d.sync += place.eq(Mux(place == depth - 1, 0, place + 1))
        with m.If(registers.read_weights):
            m.d.sync += [reading.eq(1), sent.eq(0)]
        with m.Elif(gives):
            m.d.sync += [sent.eq(sent + 1)]
            with m.If(sent == depth - 1):
                m.d.sync += [reading.eq(0), dropping.eq(0)]
        numbers = map(numbers_of, (taken.payload, self.weights_out.payload))
        for (name, of_core, write, path, request, answer), arriving, leaving in zip(kept, *numbers, strict=True):
            lanes, number = of_core.lanes, of_core.places.number

            asked = getattr(core, f"{name}_write")
            m.d.comb += [asked.ready.eq(1), write.addr.eq(asked.payload.address), write.data.eq(asked.payload.data)]
            m.d.comb += write.en.eq(asked.valid.replicate(lanes))
            with m.If(resting):
                m.d.comb += [
                    write.addr.eq(place // lanes),
                    write.data.eq(arriving.as_unsigned().replicate(lanes)),
                    write.en.eq(taken.valid << (place % lanes)),
                ]
                if depth % lanes:
                    # The first of a beat fills it: what lies beyond the depth is never unknown.
                    with m.If(taken.valid & (place % lanes == 0)):
                        m.d.comb += write.en.eq(2**lanes - 1)

            wanted = Signal(range(number + 1), name=f"{name}_wanted")
            lane, last = sent % lanes, sent == depth - 1
            m.d.comb += [
                path.request.valid.eq(Mux(reading, wanted != number, request.valid)),
                path.request.payload.eq(Mux(reading, wanted, request.payload)),
                request.ready.eq(path.request.ready & ~reading),
                answer.valid.eq(path.answer.valid & ~reading),
                answer.payload.eq(path.answer.payload),
                path.answer.ready.eq(Mux(reading, gives & ((lane == lanes - 1) | last), answer.ready)),
                leaving.eq(Value.cast(path.answer.payload).word_select(lane, len(leaving))),
            ]
            with m.If(registers.read_weights):
                m.d.sync += wanted.eq(0)
            with m.Elif(reading & path.request.valid & path.request.ready):
                m.d.sync += wanted.eq(wanted + 1)

    def _words_or_stream(self, m: Module, registers: Registers, name: str, bits: int, arriving: Any) -> Any:
        """What comes through a stream of the unit or, a word at a time, through a register of that name."""
        shape = arriving.payload.shape()
        either = stream.Signature(shape).create(path=(name + "_taken",))
        m.submodules[f"{name}_words"] = words = FromWords(shape, bits)
        wiring.connect(m, getattr(registers, f"{name}_words"), words.words)
        m.d.comb += [
            words.rewind.eq(registers.rewind),
            words.payloads.ready.eq(either.ready),
            arriving.ready.eq(either.ready & ~words.payloads.valid),
            either.valid.eq(words.payloads.valid | arriving.valid),
            either.payload.eq(Mux(words.payloads.valid, words.payloads.payload, arriving.payload)),
        ]
        return either
