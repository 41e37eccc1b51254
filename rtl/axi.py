"""AXI4 as a manager drives it, and what makes its transfers of the requests and writes of a core (ARM IHI 0022).

An item is what a core asks for at once: a beat, a slice, a weight. In the system's memory its numbers lie side by side,
each in a `zimu.golden.registers.container`, and items one after the other, so that an array of int8_t, int16_t or
int32_t holds them. An item wider than the bus takes several transfers, a narrower one a narrow transfer.
"""

from typing import Any, NamedTuple

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from zimu.golden.registers import container
from zimu.rtl.basics import address
from zimu.rtl.update import Places
from zimu.rtl.words import numbers_of, widened

ADDRESS_BITS = 64
PAGE = 4096
"""Bytes; arrays begin at multiples, and no burst crosses one."""
LONGEST = 16
"""Transfers of a burst at most."""
WORTHWHILE = 4
"""Transfers for which a burst goes out though there may soon be more."""
ID_BITS = 2


def axi_signature(data_bits: int) -> wiring.Signature:
    """AXI4 as the manager drives it."""
    command = {
        "id": Out(ID_BITS),
        "addr": Out(ADDRESS_BITS),
        "len": Out(8),
        "size": Out(3),
        "burst": Out(2),
        "lock": Out(1),
        "cache": Out(4),
        "prot": Out(3),
        "valid": Out(1),
        "ready": In(1),
    }
    response = {"id": In(ID_BITS), "resp": In(2), "valid": In(1), "ready": Out(1)}
    return wiring.Signature(
        {
            **{f"aw{name}": member for name, member in command.items()},
            "wdata": Out(data_bits),
            "wstrb": Out(data_bits // 8),
            "wlast": Out(1),
            "wvalid": Out(1),
            "wready": In(1),
            **{f"b{name}": member for name, member in response.items()},
            **{f"ar{name}": member for name, member in command.items()},
            "rdata": In(data_bits),
            "rlast": In(1),
            **{f"r{name}": member for name, member in response.items()},
        }
    )


class Items(NamedTuple):
    """A memory in items, as transfers of a bus carry them."""

    places: Places
    data_bits: int
    """Of the bus."""
    bursts: bool
    """They are asked for one after the other, mostly."""

    @property
    def number_bits(self) -> int:
        """Of a number's container."""
        return container(max(len(number) for number in numbers_of(Signal(self.places.shape))))

    @property
    def bits(self) -> int:
        """Of an item, its numbers in containers."""
        return self.number_bits * len(numbers_of(Signal(self.places.shape)))

    @property
    def transfers(self) -> int:
        """Of an item."""
        return max(self.bits // self.data_bits, 1)

    @property
    def size(self) -> int:
        """Of a transfer, as AxSIZE has it."""
        return ceil_log2(min(self.bits, self.data_bits) // 8)

    @property
    def lanes(self) -> int:
        """Items that share a word of the bus."""
        return max(self.data_bits // self.bits, 1)

    @property
    def longest(self) -> int:
        """Items of a burst at most."""
        return max(LONGEST // self.transfers, 1) if self.bursts else 1

    @property
    def capacity(self) -> int:
        """Items that may be under way."""
        return 4 * self.longest if self.bursts else 8

    @property
    def page(self) -> int:
        """Items in a page."""
        return PAGE * 8 // self.bits


def command_members(items: Items) -> dict:
    """Members of what offers bursts.

    offered : Signal(1), out. There is a burst to be sent; until it is `taken` it may grow.
    first : Signal(address(places)), out. Its first item.
    last : Signal(8), out. Its transfers less 1.
    taken : Signal(1), in. It is sent.
    """
    return {"offered": Out(1), "first": Out(address(items.places.number)), "last": Out(8), "taken": In(1)}


class Bursts(wiring.Component):
    """Makes bursts of items asked for: of as many as follow each other and come without a pause, or while others go.

    Members
    -------
    item : stream of address(places), in.
    quiet : Signal(1), in. Nothing is under way that a burst could wait for.
    the others : `command_members`.
    """

    def __init__(self, items: Items):
        self.items = items
        asked = stream.Signature(address(items.places.number))
        super().__init__({"item": In(asked), "quiet": In(1), **command_members(items)})

    def elaborate(self, platform):
        m = Module()
        items = self.items
        count = Signal(range(items.longest + 1))
        follows = Signal()
        full = Signal()
        next_item = self.first + count
        m.d.comb += [
            follows.eq(self.item.payload == next_item),
            full.eq((count == items.longest) | (next_item[: ceil_log2(items.page)] == 0)),
            self.last.eq(count * items.transfers - 1),
            self.item.ready.eq((count == 0) | self.taken | (follows & ~full)),
        ]
        waits = ~self.item.valid & (self.quiet | (count * items.transfers >= WORTHWHILE))
        m.d.comb += self.offered.eq((count != 0) & (full | (self.item.valid & ~follows) | waits))
        with m.If((count == 0) | self.taken):
            m.d.sync += [self.first.eq(self.item.payload), count.eq(self.item.valid)]
        with m.Elif(self.item.valid & self.item.ready):
            m.d.sync += count.eq(count + 1)
        return m


class Reader(wiring.Component):
    """Reads items, several of which may be under way; there is room for all that comes.

    Members
    -------
    request : stream of address(places), in.
    answer : stream of the places' shape, out. In order.
    arrived : Signal(1), in; data : Signal(data_bits), in. A transfer has come, of those commanded the oldest.
    drop : Signal(1), in. Answers go nowhere.
    busy : Signal(1), out. There are items under way.
    the others : `command_members`.
    """

    def __init__(self, items: Items):
        self.items = items
        super().__init__(
            {
                "request": In(stream.Signature(address(items.places.number))),
                "answer": Out(stream.Signature(items.places.shape)),
                "arrived": In(1),
                "data": In(items.data_bits),
                "drop": In(1),
                "busy": Out(1),
                **command_members(items),
            }
        )

    def elaborate(self, platform):
        m = Module()
        items = self.items
        m.submodules.bursts = bursts = Bursts(items)
        m.submodules.words = words = fifo.SyncFIFOBuffered(
            width=items.data_bits, depth=items.capacity * items.transfers
        )
        under_way = Signal(range(items.capacity + 1))
        enters = Signal()
        leaves = Signal()
        m.d.sync += under_way.eq(under_way + enters - leaves)
        room = under_way != items.capacity
        m.d.comb += [
            enters.eq(self.request.valid & self.request.ready),
            bursts.item.valid.eq(self.request.valid & room),
            bursts.item.payload.eq(self.request.payload),
            self.request.ready.eq(bursts.item.ready & room),
            bursts.quiet.eq((under_way << ceil_log2(items.transfers)) == bursts.last + 1),
            self.offered.eq(bursts.offered),
            self.first.eq(bursts.first),
            self.last.eq(bursts.last),
            bursts.taken.eq(self.taken),
            self.busy.eq(under_way != 0),
            words.w_en.eq(self.arrived),
            words.w_data.eq(self.data),
        ]

        # One item from its words, or of a word the item asked for.
        whole = Signal(items.bits)
        there = Signal()
        if items.lanes > 1:
            m.submodules.lanes = lanes = fifo.SyncFIFOBuffered(width=ceil_log2(items.lanes), depth=items.capacity)
            m.d.comb += [
                lanes.w_en.eq(enters),
                lanes.w_data.eq(self.request.payload),
                lanes.r_en.eq(leaves),
                words.r_en.eq(leaves),
                there.eq(words.r_rdy & lanes.r_rdy),
                whole.eq(words.r_data.word_select(lanes.r_data, items.bits)),
            ]
        else:
            count = Signal(range(items.transfers))
            held = Signal(items.bits - items.data_bits)
            end = count == items.transfers - 1
            m.d.comb += [
                whole.eq(Cat(held, words.r_data)),
                there.eq(words.r_rdy & end),
                words.r_en.eq(leaves | (words.r_rdy & ~end)),
            ]
            with m.If(words.r_rdy & words.r_en):
                m.d.sync += [held.eq(whole[items.data_bits :]), count.eq(Mux(end, 0, count + 1))]
        numbers = numbers_of(self.answer.payload)
        m.d.comb += [
            self.answer.valid.eq(there & ~self.drop),
            leaves.eq(there & (self.answer.ready | self.drop)),
            *(number.eq(whole[items.number_bits * i :]) for i, number in enumerate(numbers)),
        ]
        return m


class Writer(wiring.Component):
    """Writes items, several of which may be under way.

    Members
    -------
    write : stream of {address, data}, in.
    word : Signal(data_bits), out; strobe : Signal(data_bits / 8), out. The next transfer, of those offered the oldest.
    sent : Signal(1), in. It is taken.
    acknowledged : Signal(1), in. The oldest burst that was sent is answered.
    busy : Signal(1), out. There are items under way.
    asked : Signal(address(places)), in; conflict : Signal(1), out. A write of this item may be under way.
    the others : `command_members`.
    """

    def __init__(self, items: Items, write: Any):
        self.items = items
        place = address(items.places.number)
        super().__init__(
            {
                "write": In(stream.Signature(write)),
                "word": Out(items.data_bits),
                "strobe": Out(items.data_bits // 8),
                "sent": In(1),
                "acknowledged": In(1),
                "busy": Out(1),
                "asked": In(place),
                "conflict": Out(1),
                **command_members(items),
            }
        )

    def elaborate(self, platform):
        m = Module()
        items = self.items
        m.submodules.bursts = bursts = Bursts(items)
        lane_bits = ceil_log2(items.lanes)
        m.submodules.data = data = fifo.SyncFIFOBuffered(width=items.bits + lane_bits, depth=items.capacity)
        unsent = Signal(range(items.capacity + 1))
        unanswered = Signal(range(2 * items.capacity + 1))
        enters = Signal()
        leaves = Signal()
        room = (unsent != items.capacity) & (unanswered < 2 * items.capacity - 1)
        place = self.write.payload.address
        numbers = numbers_of(self.write.payload.data)
        m.d.comb += [
            bursts.item.valid.eq(self.write.valid & room),
            bursts.item.payload.eq(place),
            self.write.ready.eq(bursts.item.ready & room),
            enters.eq(self.write.valid & self.write.ready),
            bursts.quiet.eq(unanswered == 0),
            self.offered.eq(bursts.offered),
            self.first.eq(bursts.first),
            self.last.eq(bursts.last),
            bursts.taken.eq(self.taken),
            data.w_en.eq(enters),
            data.w_data.eq(Cat(*(widened(number, items.number_bits) for number in numbers), place[:lane_bits])),
            data.r_en.eq(leaves),
            self.busy.eq((unsent != 0) | (unanswered != 0)),
        ]
        m.d.sync += [
            unsent.eq(unsent + enters - leaves),
            unanswered.eq(unanswered + self.taken - self.acknowledged),
        ]
        whole, lane = data.r_data[: items.bits], data.r_data[items.bits :]
        if items.transfers > 1:
            count = Signal(range(items.transfers))
            end = count == items.transfers - 1
            m.d.comb += [self.word.eq(whole.word_select(count, items.data_bits)), leaves.eq(self.sent & end)]
            with m.If(self.sent):
                m.d.sync += count.eq(Mux(end, 0, count + 1))
        else:
            m.d.comb += [self.word.eq(whole.replicate(items.lanes)), leaves.eq(self.sent)]
        bytes_of_item = min(items.bits, items.data_bits) // 8
        m.d.comb += self.strobe.eq(((1 << bytes_of_item) - 1) << (lane * bytes_of_item if lane_bits else 0))
        self._find_conflicts(m, enters, place)
        return m

    def _find_conflicts(self, m: Module, enters: Value, place: Value) -> None:
        """Keep the items that are under way, or of bursts only whether there are any."""
        if self.items.bursts:
            m.d.comb += self.conflict.eq(self.busy)
            return
        # There are no more writes under way than places; each is answered in turn.
        places = [Signal(len(place), name=f"place{i}") for i in range(2 * self.items.capacity)]
        there = Signal(len(places))
        newest = Signal(range(len(places)))
        oldest = Signal(range(len(places)))
        with m.If(enters):
            m.d.sync += [newest.eq(newest + 1), there.bit_select(newest, 1).eq(1)]
            for i, held in enumerate(places):
                with m.If(newest == i):
                    m.d.sync += held.eq(place)
        with m.If(self.acknowledged):
            m.d.sync += [oldest.eq(oldest + 1), there.bit_select(oldest, 1).eq(0)]
        meets = Cat(held == self.asked for held in places)
        m.d.comb += self.conflict.eq((meets & there).any())
