"""The unit that keeps gradients, weights and means in the system's memory: core, AXI4 manager, register block.

What a manager's transfers are made of is in ``rtl/axi.py``.
"""

from typing import Any, NamedTuple

from amaranth.hdl import Cat, Const, Module, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import Out
from amaranth.utils import ceil_log2

from zimu.golden.registers import Storage
from zimu.golden.unit import UnitConfig
from zimu.rtl.axi import PAGE, Items, Reader, Writer, axi_signature
from zimu.rtl.beats import beat_layout
from zimu.rtl.buses import AxiLiteBridge, attach, axi_lite_signature, flat, mirrored
from zimu.rtl.registers import Registers
from zimu.rtl.unit import ZimCore
from zimu.rtl.update import Places

DATA_BITS = (32, 512)
"""The narrowest and the widest bus: a beat of gradients to a transfer, where that lies between."""

PAGE_BITS = ceil_log2(PAGE)

INCREMENTING = 1
MODIFIABLE = 0b0011
"""AxCACHE: normal memory, bufferable."""


class Array(NamedTuple):
    """An array in the system's memory as one port of the core sees it."""

    name: str
    at: str
    """The register of its address, `zimu.golden.registers.Register.of`."""
    items: Items


def data_bits(config: UnitConfig) -> int:
    """Width of the data bus."""
    beat = Items(Places(config.beats, beat_layout(config)), DATA_BITS[1], bursts=True)
    return min(max(beat.bits, DATA_BITS[0]), DATA_BITS[1])


class ExternalUnit(wiring.Component):
    """The integer weight-update unit with its memories elsewhere, behind an AXI4 manager.

    A response that is an error ends the step: the core is reset, what is under way comes to its end, and STATUS says
    which it was. Then the unit wants a seed, and its memories what they held.

    Members
    -------
    s_axi_* : AXI4-Lite, in. The registers, `zimu.rtl.registers` with external memory. Addresses are multiples of
        `PAGE`; lower bits are ignored.
    m_axi_* : AXI4, out. One identifier for each port of the core, so answers of different ports may overtake.
    interrupt : Signal(1), out. A step ended; cleared through STATUS.
    """

    storage = Storage.EXTERNAL

    def __init__(self, config: UnitConfig):
        self.config = config
        self.data_bits = data_bits(config)
        super().__init__(
            {
                **mirrored(flat("s_axi", axi_lite_signature())),
                **flat("m_axi", axi_signature(self.data_bits)),
                "interrupt": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        failed = Signal()  # the core is held in reset until nothing is under way
        core = ZimCore(config)
        m.submodules.core = ResetInserter(failed)(core)
        m.submodules.registers = registers = Registers(config, self.storage)
        m.submodules.bridge = bridge = AxiLiteBridge()
        attach(m, self, "s_axi", bridge.axi)
        wiring.connect(m, bridge.bus, registers.bus)

        readers, writers = self._clients(m, core, failed)
        axi = axi_signature(self.data_bits).create(path=("axi",))
        attach(m, self, "m_axi", axi)
        bases = {array.at: getattr(registers, array.at) for array in (*readers, *writers)}
        self._read(m, axi, registers, readers, bases)
        self._write(m, axi, registers, writers, bases)

        under_way = Signal()
        busy = core.busy | under_way | failed
        stepping = Signal()
        m.d.comb += [
            core.seed.eq(registers.seed),
            core.reseed.eq(registers.reseed),
            *(getattr(core, name).eq(getattr(registers, name)) for name in config.values),
            core.start.eq(registers.start),
            under_way.eq(Cat(client.busy for client in (*readers.values(), *writers.values())).any()),
            registers.busy.eq(busy),
            registers.seeded.eq(core.seeded),
            registers.counters.eq(core.counters),
            registers.done.eq(stepping & ~busy),
            self.interrupt.eq(registers.interrupt),
        ]
        with m.If(registers.start):
            m.d.sync += stepping.eq(1)
        with m.Elif(registers.done):
            m.d.sync += stepping.eq(0)
        with m.If(registers.read_error | registers.write_error):
            m.d.sync += failed.eq(1)
        with m.Elif(~under_way):
            m.d.sync += failed.eq(0)
        return m

    def _clients(self, m: Module, core: ZimCore, failed: Signal) -> tuple[dict[Array, Any], dict[Array, Any]]:
        """What reads and what writes each array; a port's identifier is its place."""
        kept = {"weight": (core.sampler.weights(self.config).places, "weights_at")}
        if self.config.momentum:
            kept["momentum"] = (core.beside["momentum"], "means_at")
        read = {"gradient": (Places(self.config.beats, beat_layout(self.config)), "gradients_at")} | kept
        ports = {name: (getattr(core, f"{name}_read"), getattr(core, f"{name}_data")) for name in kept}
        ports["gradient"] = (core.gradient_request, core.gradient_beat)
        if core.slices:
            read["probe"] = (core.slices, read[core.sliced][1])
            ports["probe"] = (core.probe_request, core.probe_slice)

        readers, writers = {}, {}
        for name, (places, at) in kept.items():
            write = getattr(core, f"{name}_write")
            array = Array(name, at, Items(places, self.data_bits, bursts=name != "weight"))
            m.submodules[f"{name}_writer"] = writers[array] = writer = Writer(array.items, write.payload.shape())
            m.d.comb += [
                writer.write.valid.eq(write.valid & ~failed),
                writer.write.payload.eq(write.payload),
                write.ready.eq(writer.write.ready & ~failed),
            ]
        conflicts = {array.at: writer for array, writer in writers.items()}
        for name, (places, at) in read.items():
            request, answer = ports[name]
            array = Array(name, at, Items(places, self.data_bits, bursts=name in ("gradient", "momentum")))
            m.submodules[f"{name}_reader"] = readers[array] = reader = Reader(array.items)
            # The core asks on in the clock in which its reset begins.
            free = ~failed
            if at in conflicts and name != "momentum":
                free &= ~conflicts[at].conflict  # what was written and not yet answered must not be read
            if name == "weight":
                m.d.comb += conflicts[at].asked.eq(request.payload)
            m.d.comb += [
                reader.request.valid.eq(request.valid & free),
                reader.request.payload.eq(request.payload),
                request.ready.eq(reader.request.ready & free),
                reader.drop.eq(failed),
            ]
            wiring.connect(m, reader.answer, answer)
        return readers, writers

    def _command(self, m: Module, channel: str, axi: Any, clients: dict[Array, Any], bases: dict, ready: Any) -> Any:
        """Send the bursts that clients offer, of several the first one's; returns which was taken, if any.

        ``ready``: another one may be taken.
        """
        port = {name: getattr(axi, channel + name) for name in ("id", "addr", "len", "size", "valid", "ready")}
        free = (~port["valid"] | port["ready"]) & ready
        m.d.comb += [
            getattr(axi, f"{channel}burst").eq(INCREMENTING),
            getattr(axi, f"{channel}cache").eq(MODIFIABLE),
        ]
        with m.If(port["ready"]):
            m.d.sync += port["valid"].eq(0)
        earlier = 0
        for number, (array, client) in enumerate(clients.items()):
            offset = Const(0, PAGE_BITS + 1) | client.first << ceil_log2(array.items.bits // 8)
            m.d.comb += client.taken.eq(client.offered & ~earlier & free)
            with m.If(client.taken):
                m.d.sync += [
                    port["valid"].eq(1),
                    port["id"].eq(number),
                    port["addr"].eq(Cat(offset[:PAGE_BITS], bases[array.at][PAGE_BITS:] + offset[PAGE_BITS:])),
                    port["len"].eq(client.last),
                    port["size"].eq(array.items.size),
                ]
            earlier |= client.offered
        return free

    def _read(self, m: Module, axi: Any, registers: Registers, clients: dict[Array, Any], bases: dict) -> None:
        """Send commands of readers, and give each what comes for it."""
        self._command(m, "ar", axi, clients, bases, 1)
        m.d.comb += [axi.rready.eq(1), registers.read_error.eq(axi.rvalid & axi.rresp[1])]
        for number, client in enumerate(clients.values()):
            m.d.comb += [client.data.eq(axi.rdata), client.arrived.eq(axi.rvalid & (axi.rid == number))]

    def _write(self, m: Module, axi: Any, registers: Registers, clients: dict[Array, Any], bases: dict) -> None:
        """Send commands of writers, each with its data after it, and tell each what is answered."""
        sender = Signal(range(max(len(clients), 2)))
        left = Signal(9)  # transfers of the burst whose data are being sent
        ends = axi.wvalid & axi.wready & axi.wlast
        self._command(m, "aw", axi, clients, bases, (left == 0) | ends)
        m.d.comb += [
            axi.wvalid.eq(left != 0),
            axi.wlast.eq(left == 1),
            axi.bready.eq(1),
            registers.write_error.eq(axi.bvalid & axi.bresp[1]),
        ]
        with m.If(axi.wvalid & axi.wready):
            m.d.sync += left.eq(left - 1)
        for number, client in enumerate(clients.values()):
            with m.If(sender == number):
                m.d.comb += [
                    axi.wdata.eq(client.word),
                    axi.wstrb.eq(client.strobe),
                    client.sent.eq(axi.wvalid & axi.wready),
                ]
            with m.If(client.taken):
                m.d.sync += [sender.eq(number), left.eq(client.last + 1)]
            m.d.comb += client.acknowledged.eq(axi.bvalid & (axi.bid == number))
