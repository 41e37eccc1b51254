"""The unit behind other buses than APB: AXI4-Lite with AXI4-Stream, and Wishbone.

AMBA AXI and AXI-Stream (ARM IHI 0022, IHI 0051) with the usual names, by which tools find an interface; Wishbone B4,
classic cycles. Numbers on an AXI4-Stream lie in bytes, `zimu.rtl.words`.
"""

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from zimu.golden.registers import ADDRESS_BITS, container
from zimu.golden.rule import WORD_BITS
from zimu.golden.unit import UnitConfig
from zimu.rtl.onchip import ZimUnit, kept_layout
from zimu.rtl.registers import bus_signature
from zimu.rtl.words import numbers_of, widened

BYTES = WORD_BITS // 8

OKAY, SLVERR = 0, 2
"""Responses of AXI."""


def axi_lite_signature() -> wiring.Signature:
    """AXI4-Lite as the manager drives it."""
    response = {"resp": In(2), "valid": In(1), "ready": Out(1)}
    address = {"addr": Out(ADDRESS_BITS), "prot": Out(3), "valid": Out(1), "ready": In(1)}
    return wiring.Signature(
        {
            **{f"aw{name}": member for name, member in address.items()},
            "wdata": Out(WORD_BITS),
            "wstrb": Out(BYTES),
            "wvalid": Out(1),
            "wready": In(1),
            **{f"b{name}": member for name, member in response.items()},
            **{f"ar{name}": member for name, member in address.items()},
            "rdata": In(WORD_BITS),
            **{f"r{name}": member for name, member in response.items()},
        }
    )


def wishbone_signature() -> wiring.Signature:
    """Wishbone as the manager drives it: 32 bits wide and addressed by words."""
    return wiring.Signature(
        {
            "cyc": Out(1),
            "stb": Out(1),
            "we": Out(1),
            "adr": Out(ADDRESS_BITS - 2),
            "sel": Out(BYTES),
            "dat_w": Out(WORD_BITS),
            "dat_r": In(WORD_BITS),
            "ack": In(1),
            "err": In(1),
        }
    )


class AxiLiteBridge(wiring.Component):
    """Makes APB transfers of AXI4-Lite ones, one at a time; neither reads nor writes make the others wait for ever.

    A write of less than a word is answered with SLVERR and changes nothing, as does what the APB side refuses.

    Members
    -------
    axi : AXI4-Lite, in.
    bus : APB, out.
    """

    def __init__(self):
        super().__init__({"axi": In(axi_lite_signature()), "bus": Out(bus_signature())})

    def elaborate(self, platform):
        m = Module()
        axi, bus = self.axi, self.bus
        active = Signal()
        enabled = Signal()
        writes = Signal()
        # The address of a write is taken as it comes, since a manager may wait for that before it sends the data.
        held = Signal()
        address = Signal(ADDRESS_BITS)
        partial = Signal()
        done = Signal()
        failed = Signal()
        m.d.comb += [
            partial.eq(writes & (axi.wstrb != 2**BYTES - 1)),
            done.eq(active & enabled & (bus.pready | partial)),
            failed.eq(bus.pslverr | partial),
            bus.psel.eq(active & ~partial),
            bus.penable.eq(enabled & ~partial),
            bus.pwrite.eq(writes),
            bus.paddr.eq(Mux(writes, address, axi.araddr)),
            bus.pwdata.eq(axi.wdata),
            axi.awready.eq(~held),
            axi.wready.eq(done & writes),
            axi.arready.eq(done & ~writes),
        ]
        with m.If(axi.awvalid & axi.awready):
            m.d.sync += [held.eq(1), address.eq(axi.awaddr)]
        for valid, ready in ((axi.bvalid, axi.bready), (axi.rvalid, axi.rready)):
            with m.If(ready):
                m.d.sync += valid.eq(0)

        writable = Signal()
        readable = Signal()
        m.d.comb += [
            writable.eq(held & axi.wvalid & (~axi.bvalid | axi.bready)),
            readable.eq(axi.arvalid & (~axi.rvalid | axi.rready)),
        ]
        response = Mux(failed, SLVERR, OKAY)
        with m.If(~active):
            m.d.sync += active.eq(writable | readable)
            # A write first: the next one waits a clock for its address, in which a read can begin.
            m.d.sync += writes.eq(writable)
        with m.Elif(~done):
            m.d.sync += enabled.eq(1)
        with m.Else():
            m.d.sync += [active.eq(0), enabled.eq(0)]
            with m.If(writes):
                m.d.sync += [held.eq(0), axi.bvalid.eq(1), axi.bresp.eq(response)]
            with m.Else():
                m.d.sync += [axi.rvalid.eq(1), axi.rresp.eq(response), axi.rdata.eq(bus.prdata)]
        return m


class WishboneBridge(wiring.Component):
    """Makes APB transfers of Wishbone cycles, each of two clocks or more.

    A write of less than a word is answered with ``err`` and changes nothing, as does what the APB side refuses.

    Members
    -------
    wishbone : Wishbone, in.
    bus : APB, out.
    """

    def __init__(self):
        super().__init__({"wishbone": In(wishbone_signature()), "bus": Out(bus_signature())})

    def elaborate(self, platform):
        m = Module()
        wishbone, bus = self.wishbone, self.bus
        enabled = Signal()
        strobe = Signal()
        partial = Signal()
        done = Signal()
        failed = Signal()
        m.d.sync += enabled.eq(strobe & ~done)
        m.d.comb += [
            strobe.eq(wishbone.cyc & wishbone.stb),
            partial.eq(wishbone.we & (wishbone.sel != 2**BYTES - 1)),
            done.eq(strobe & enabled & (bus.pready | partial)),
            failed.eq(bus.pslverr | partial),
            bus.psel.eq(strobe & ~partial),
            bus.penable.eq(enabled & strobe & ~partial),
            bus.pwrite.eq(wishbone.we),
            bus.paddr.eq(Cat(0, 0, wishbone.adr)),
            bus.pwdata.eq(wishbone.dat_w),
            wishbone.dat_r.eq(bus.prdata),
            wishbone.ack.eq(done & ~failed),
            wishbone.err.eq(done & failed),
        ]
        return m


def flat(prefix: str, signature: wiring.Signature) -> dict[str, Any]:
    """The members of an interface whose ports are to be called ``prefix_member``, as the bus' standard has it."""
    return {f"{prefix}_{name}": member for name, member in signature.members.items()}


def mirrored(members: Mapping[str, Any]) -> dict[str, Any]:
    """The same members seen from the other side."""
    return {name: member.flip() for name, member in members.items()}


def attach(m: Module, component: wiring.Component, prefix: str, interface: Any) -> None:
    """Connect ports made by `flat` from outside with an interface inside that looks the other way."""
    for name, member in interface.signature.members.items():
        port, inner = getattr(component, f"{prefix}_{name}"), getattr(interface, name)
        m.d.comb += inner.eq(port) if member.flow is In else port.eq(inner)


def axis_signature(shape: Any) -> wiring.Signature:
    """AXI4-Stream of payloads of a shape, as the transmitter drives it: each number in `axis_bits`."""
    return wiring.Signature(
        {"tdata": Out(axis_bits(shape) * len(numbers_of(Signal(shape)))), "tvalid": Out(1), "tready": In(1)}
    )


def axis_bits(shape: Any) -> int:
    """Bits that each number of a payload takes in the data of an AXI4-Stream."""
    return max(container(len(number)) for number in numbers_of(Signal(shape)))


class AxiLiteUnit(wiring.Component):
    """The unit with its memories behind AXI4-Lite and AXI4-Stream.

    Members
    -------
    s_axi_* : AXI4-Lite, in. The registers.
    s_axis_weights_*, s_axis_gradients_* : AXI4-Stream, in. ``weights_in`` and ``gradients`` of `ZimUnit`.
    m_axis_weights_* : AXI4-Stream, out. ``weights_out``; ``tlast`` goes with the last weight of a read-out.
    interrupt : Signal(1), out. As of `ZimUnit`.
    """

    storage = ZimUnit.storage

    def __init__(self, config: UnitConfig):
        self.unit = ZimUnit(config)
        kept = axis_signature(kept_layout(config))
        last = wiring.Signature({"tlast": Out(1)})
        super().__init__(
            {
                **mirrored(flat("s_axi", axi_lite_signature())),
                **mirrored(flat("s_axis_weights", kept)),
                **mirrored(flat("s_axis_gradients", axis_signature(self.unit.gradients.payload.shape()))),
                **flat("m_axis_weights", kept),
                **flat("m_axis_weights", last),
                "interrupt": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.unit = unit = self.unit
        m.submodules.bridge = bridge = AxiLiteBridge()
        attach(m, self, "s_axi", bridge.axi)
        wiring.connect(m, bridge.bus, unit.bus)
        for prefix, arriving in (("s_axis_weights", unit.weights_in), ("s_axis_gradients", unit.gradients)):
            tdata, bits = getattr(self, f"{prefix}_tdata"), axis_bits(arriving.payload.shape())
            m.d.comb += [
                *(number.eq(tdata[bits * i :]) for i, number in enumerate(numbers_of(arriving.payload))),
                arriving.valid.eq(getattr(self, f"{prefix}_tvalid")),
                getattr(self, f"{prefix}_tready").eq(arriving.ready),
            ]
        leaving = unit.weights_out
        bits = axis_bits(leaving.payload.shape())
        m.d.comb += [
            self.m_axis_weights_tdata.eq(Cat(widened(number, bits) for number in numbers_of(leaving.payload))),
            self.m_axis_weights_tvalid.eq(leaving.valid),
            self.m_axis_weights_tlast.eq(unit.weights_end),
            leaving.ready.eq(self.m_axis_weights_tready),
            self.interrupt.eq(unit.interrupt),
        ]
        return m


class WishboneUnit(wiring.Component):
    """The unit with its memories behind Wishbone, and streams as they are.

    Members
    -------
    wb_* : Wishbone, in. The registers.
    the others : as of `ZimUnit`.
    """

    storage = ZimUnit.storage

    def __init__(self, config: UnitConfig):
        self.unit = ZimUnit(config)
        streams = {name: member for name, member in self.unit.signature.members.items() if name != "bus"}
        super().__init__({**mirrored(flat("wb", wishbone_signature())), **streams})

    def elaborate(self, platform):
        m = Module()
        m.submodules.unit = unit = self.unit
        m.submodules.bridge = bridge = WishboneBridge()
        attach(m, self, "wb", bridge.wishbone)
        wiring.connect(m, bridge.bus, unit.bus)
        for name in ("weights_in", "gradients"):
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(unit, name))
        wiring.connect(m, unit.weights_out, wiring.flipped(self.weights_out))
        m.d.comb += [self.interrupt.eq(unit.interrupt), self.weights_end.eq(unit.weights_end)]
        return m
