"""The host link in hardware: frames from a UART become transfers on APB. Twin: ``golden/link.py``, which says how.

A request is carried out only when it has come in full and its CRC is right.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from zimu.golden.link import MOST_WORDS, PAUSE, REPLY, REQUEST
from zimu.golden.unit import UnitConfig
from zimu.rtl.onchip import ZimUnit
from zimu.rtl.registers import bus_signature
from zimu.rtl.uart import Receiver, Sender

POLYNOMIAL = 0xEDB88320
RESIDUE = 0xDEBB20E3
"""What the register holds after a body and its CRC."""


class Crc(wiring.Component):
    """CRC-32, a bit a clock.

    Members
    -------
    clear : Signal(1), in. Begins anew.
    data : Signal(8), in; strobe : Signal(1), in. The next byte; nine clocks or more after the one before.
    value : Signal(32), out. Of the bytes so far, not inverted, eight clocks after the last.
    """

    def __init__(self):
        super().__init__({"clear": In(1), "data": In(8), "strobe": In(1), "value": Out(32, init=-1)})

    def elaborate(self, platform):
        m = Module()
        left = Signal(range(9))
        with m.If(self.strobe):
            m.d.sync += [self.value.eq(self.value ^ self.data), left.eq(8)]
        with m.Elif(left != 0):
            m.d.sync += [self.value.eq((self.value >> 1) ^ Mux(self.value[0], POLYNOMIAL, 0)), left.eq(left - 1)]
        with m.If(self.clear):
            m.d.sync += [self.value.eq(2**32 - 1), left.eq(0)]
        return m


class HostLink(wiring.Component):
    """Carries out the requests that come on a line, and replies on another.

    Parameters
    ----------
    clocks : of a bit on the line, at least `zimu.rtl.uart.LEAST_CLOCKS`.

    Members
    -------
    receive, send : Signal(1), in and out. The lines, high at rest.
    bus : APB, out.
    damaged : Signal(1), out. The last frame that came was no good, or a byte came that began none.
    """

    def __init__(self, clocks: int):
        self._clocks = clocks
        super().__init__(
            {"receive": In(1, init=1), "send": Out(1, init=1), "bus": Out(bus_signature()), "damaged": Out(1)}
        )

    def elaborate(self, platform):
        m = Module()
        bus = self.bus
        m.submodules.receiver = receiver = Receiver(self._clocks)
        m.submodules.sender = sender = Sender(self._clocks)
        m.submodules.crc = crc = Crc()
        m.submodules.words = held = memory.Memory(shape=32, depth=MOST_WORDS, init=[])
        write, read = held.write_port(), held.read_port()
        m.d.comb += [receiver.line.eq(self.receive), self.send.eq(sender.line)]

        head = Signal(8)
        number = Signal(range(MOST_WORDS + 1))  # of the word under way
        part = Signal(2)  # its byte
        word = Signal(32)
        failed = Signal()
        writes = head[7]
        last = head[:4]
        came = receiver.strobe
        byte = receiver.data
        replies = Signal()
        pause = Signal(range(PAUSE * self._clocks + 1))
        m.d.comb += [
            bus.pwrite.eq(writes),
            bus.pwdata.eq(read.data),
            read.addr.eq(number),
            write.addr.eq(number),
            crc.data.eq(Mux(replies, sender.data.payload, byte)),
        ]
        with m.If(came):
            m.d.sync += pause.eq(PAUSE * self._clocks)
        with m.Elif(pause != 0):
            m.d.sync += pause.eq(pause - 1)

        # What goes out next, and where to go on when it is taken.
        outgoing = sender.data
        gone = outgoing.valid & outgoing.ready
        settled = Signal(range(10))  # clocks until the CRC is up to date
        with m.If(crc.strobe):
            m.d.sync += settled.eq(9)
        with m.Elif(settled != 0):
            m.d.sync += settled.eq(settled - 1)

        def give_up():
            """Wait for another frame if this one does not go on."""
            with m.If((pause == 0) & ~came):
                m.d.sync += self.damaged.eq(1)
                m.next = "MARK"

        with m.FSM():
            with m.State("MARK"):
                m.d.comb += crc.clear.eq(1)
                m.d.sync += [number.eq(0), part.eq(0), failed.eq(0), replies.eq(0)]
                with m.If(came):
                    m.d.sync += self.damaged.eq(byte != REQUEST)
                    with m.If(byte == REQUEST):
                        m.next = "HEAD"
            with m.State("HEAD"):
                m.d.comb += crc.strobe.eq(came)
                with m.If(came):
                    m.d.sync += head.eq(byte)
                    m.next = "ADDRESS"
                give_up()
            with m.State("ADDRESS"):
                m.d.comb += crc.strobe.eq(came)
                with m.If(came):
                    m.d.sync += bus.paddr.eq(byte)
                    m.next = "CHECK"
                    with m.If(writes):
                        m.next = "WORDS"
                give_up()
            with m.State("WORDS"):
                m.d.comb += [crc.strobe.eq(came), write.data.eq(Cat(word[8:], byte)), write.en.eq(came & (part == 3))]
                with m.If(came):
                    m.d.sync += [word.eq(Cat(word[8:], byte)), part.eq(part + 1)]
                    with m.If(part == 3):
                        m.d.sync += number.eq(number + 1)
                        with m.If(number == last):
                            m.next = "CHECK"
                give_up()
            with m.State("CHECK"):
                m.d.comb += crc.strobe.eq(came)
                with m.If(came):
                    m.d.sync += part.eq(part + 1)
                    with m.If(part == 3):
                        m.next = "JUDGE"
                give_up()
            with m.State("JUDGE"):
                m.d.sync += number.eq(0)
                with m.If(settled == 0):
                    m.d.sync += self.damaged.eq(crc.value != RESIDUE)
                    m.next = "MARK"
                    with m.If(crc.value == RESIDUE):
                        m.next = "NEXT"
            with m.State("SETUP"):
                m.d.comb += bus.psel.eq(1)
                m.next = "ACCESS"
            with m.State("ACCESS"):
                m.d.comb += [bus.psel.eq(1), bus.penable.eq(1), write.data.eq(bus.prdata)]
                with m.If(bus.pready):
                    m.d.comb += write.en.eq(~writes)
                    with m.If(bus.pslverr):
                        m.d.sync += failed.eq(1)
                        m.next = "REPLY"
                    with m.Else():
                        m.d.sync += number.eq(number + 1)
                        m.next = "REPLY"
                        with m.If(number != last):
                            m.next = "NEXT"
            with m.State("NEXT"):
                m.next = "SETUP"
            with m.State("REPLY"):
                m.d.comb += [outgoing.valid.eq(1), outgoing.payload.eq(REPLY), crc.clear.eq(1)]
                with m.If(gone):
                    m.d.sync += replies.eq(1)
                    m.next = "REPLY_HEAD"
            with m.State("REPLY_HEAD"):
                m.d.comb += [outgoing.valid.eq(1), outgoing.payload.eq(head), crc.strobe.eq(gone)]
                with m.If(gone):
                    m.next = "STATUS"
            with m.State("STATUS"):
                m.d.comb += [outgoing.valid.eq(1), outgoing.payload.eq(Cat(number, Const(0, 2), failed))]
                m.d.comb += crc.strobe.eq(gone)
                with m.If(gone):
                    m.d.sync += [number.eq(0), part.eq(0)]
                    m.next = "SEAL"
                    with m.If(~writes):
                        m.next = "REPLY_WORDS"
            with m.State("REPLY_WORDS"):
                m.d.comb += [outgoing.valid.eq(1), outgoing.payload.eq(read.data.word_select(part, 8))]
                m.d.comb += crc.strobe.eq(gone)
                with m.If(gone):
                    m.d.sync += part.eq(part + 1)
                    with m.If(part == 3):
                        m.d.sync += number.eq(number + 1)
                        with m.If(number == last):
                            m.next = "SEAL"
            with m.State("SEAL"):
                m.d.comb += [
                    outgoing.valid.eq(settled == 0),
                    outgoing.payload.eq(~crc.value.word_select(part, 8)),
                ]
                with m.If(gone):
                    m.d.sync += part.eq(part + 1)
                    with m.If(part == 3):
                        m.next = "MARK"
        return m


class LinkedUnit(wiring.Component):
    """The unit with its memories at the end of a host link.

    Parameters
    ----------
    config : the unit.
    clocks : of a bit on the line, at least `zimu.rtl.uart.LEAST_CLOCKS`.

    Members
    -------
    receive, send : Signal(1), in and out. The lines, high at rest.
    busy : Signal(1), out. As of `ZimUnit`.
    error : Signal(1), out. What was last asked for was refused, or came damaged.
    """

    def __init__(self, config: UnitConfig, clocks: int):
        self.unit, self._clocks = ZimUnit(config), clocks
        super().__init__({"receive": In(1, init=1), "send": Out(1, init=1), "busy": Out(1), "error": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.unit = unit = self.unit
        m.submodules.link = link = HostLink(self._clocks)
        wiring.connect(m, link.bus, unit.bus)
        m.d.comb += [
            link.receive.eq(self.receive),
            self.send.eq(link.send),
            self.busy.eq(unit.busy),
            self.error.eq(unit.refused | link.damaged),
        ]
        return m
