"""The host link: requests carried out once they came in full and undamaged, replies that say what came of them."""

import pytest

from zimu.golden.link import MOST_WORDS, PAUSE, Reply, Request
from zimu.rtl.link import HostLink
from zimu.sim.worker import simulate_component

CLOCKS = 5
"""Of a bit, where it does not matter how many."""


class Completer:
    """An APB completer that remembers what was written where, answers reads by their number, and fails at addresses."""

    def __init__(self, failing=(), waits=0):
        self.failing, self.waits = failing, waits
        self.writes, self.reads = [], []
        self._waited = 0

    def clock(self, pins):
        access = pins.get("bus__psel") and pins.get("bus__penable")
        if access and self._waited == self.waits:
            address = pins.get("bus__paddr")
            if pins.get("bus__pwrite"):
                self.writes.append((address, pins.get("bus__pwdata")))
            else:
                self.reads.append(address)
            self._waited = -1
        self._waited = self._waited + 1 if access else 0
        pins.set("bus__pready", self._waited == self.waits)
        pins.set("bus__pslverr", pins.get("bus__paddr") in self.failing)
        pins.set("bus__prdata", 0x01020304 * (len(self.reads) + 1))


def on_line(bench, clocks=CLOCKS, completer=None):
    completer = completer or Completer()

    async def run(pins):
        line = Line(pins, clocks, completer)
        await line.rest(3)
        return await bench(line)

    return simulate_component(HostLink(clocks), run), completer


class Line:
    """The host's end of the lines."""

    def __init__(self, pins, clocks, completer):
        self.pins, self.clocks, self.completer = pins, clocks, completer
        self.heard = bytearray()
        self._bits, self._wait = [], 0
        pins.set("receive", 1)

    async def tick(self, count):
        for _ in range(count):
            await self.pins.tick()
            self.completer.clock(self.pins)
            self._listen(self.pins.get("send"))

    def _listen(self, level):
        if self._wait:
            self._wait -= 1
        elif self._bits:
            self._bits.append(level)
            self._wait = self.clocks - 1
            if len(self._bits) == 10:
                assert level, "a stop bit"
                self.heard.append(sum(bit << place for place, bit in enumerate(self._bits[1:9])))
                self._bits = []
                self._wait = 0
        elif not level:
            self._bits, self._wait = [0], self.clocks + self.clocks // 2 - 1

    async def rest(self, bits):
        self.pins.set("receive", 1)
        await self.tick(bits * self.clocks)

    async def send(self, data):
        for byte in data:
            for bit in (0, *(byte >> place & 1 for place in range(8)), 1):
                self.pins.set("receive", bit)
                await self.tick(self.clocks)

    async def ask(self, request) -> Reply | None:
        self.heard.clear()
        await self.send(request.encode())
        await self.rest(10 * request.reply_bytes + 120)
        return request.decode(bytes(self.heard))


@pytest.mark.parametrize("clocks", [4, 7, 25])
def test_words_are_written_and_read(clocks):
    words = tuple(0x9ABCDEF0 + i for i in range(3))

    async def bench(line):
        wrote = await line.ask(Request(0x18, 3, words))
        one = await line.ask(Request(0x0C, 1))
        many = await line.ask(Request(0x64, MOST_WORDS))
        return wrote, one, many

    (wrote, one, many), completer = on_line(bench, clocks, Completer(waits=2))
    assert wrote == Reply(False, 3, ())
    assert completer.writes == [(0x18, word) for word in words]
    assert completer.reads == [0x0C] + [0x64] * MOST_WORDS
    assert one == Reply(False, 1, (0x01020304,))
    assert many == Reply(False, MOST_WORDS, tuple(0x01020304 * (i + 2) % 2**32 for i in range(MOST_WORDS)))


def test_a_bus_error_ends_a_request_and_is_told():
    async def bench(line):
        return await line.ask(Request(0x18, 4, (1, 2, 3, 4))), await line.ask(Request(0x1C, 2))

    (wrote, read), completer = on_line(bench, completer=Completer(failing=(0x18,)))
    assert (wrote.failed, wrote.done) == (True, 0)
    assert completer.writes == [(0x18, 1)]
    assert (read.failed, read.done) == (False, 2)


FRAME = Request(0x60, 2, (0x11223344, 0x5A5A5A5A)).encode()

DAMAGED = {
    f"bit {bit} of byte {i}": FRAME[:i] + bytes([FRAME[i] ^ 1 << bit]) + FRAME[i + 1 :]
    for i in range(len(FRAME))
    for bit in range(8)
}
DAMAGED |= {f"no byte {i}": FRAME[:i] + FRAME[i + 1 :] for i in range(len(FRAME))}
DAMAGED |= {f"byte {i} twice": FRAME[: i + 1] + FRAME[i:] for i in range(1, len(FRAME) - 1)}
"""Of bytes that are the same side by side it does not matter which is missing."""


def lost(line_of_frames):
    """What is carried out of frames, each followed by a pause and a request that is well."""

    async def bench(line):
        for frame in line_of_frames:
            line.heard.clear()
            await line.send(frame)
            await line.rest(PAUSE + 40)
            assert not line.heard, f"a reply to {frame.hex()}"
            assert not line.completer.writes, f"{frame.hex()} was carried out"
            assert line.pins.get("damaged"), f"{frame.hex()} was not seen as damaged"
            assert (await line.ask(Request(0x0C, 1))) is not None
            assert not line.pins.get("damaged")

    on_line(bench, clocks=4)


def test_damaged_frames_are_forgotten():
    lost([DAMAGED[name] for number, name in enumerate(DAMAGED) if number % 6 == 0])


@pytest.mark.nightly
@pytest.mark.parametrize("part", range(6))
def test_every_damaged_frame_is_forgotten(part):
    lost([frame for number, frame in enumerate(DAMAGED.values()) if number % 6 == part])


def test_noise_before_a_mark_and_words_like_marks_do_not_matter():
    async def bench(line):
        await line.send(bytes([0, 255, 0xA5, 17]))
        return await line.ask(Request(0x5A, 2, (0x5A5A5A5A, 0xA5A5A5A5)))

    reply, completer = on_line(bench)
    assert reply == Reply(False, 2, ())
    assert completer.writes == [(0x5A, 0x5A5A5A5A), (0x5A, 0xA5A5A5A5)]


def test_a_reply_that_is_damaged_or_anothers_is_none():
    async def bench(line):
        await line.ask(Request(0x0C, 2))
        return bytes(line.heard)

    frame, _ = on_line(bench)
    assert Request(0x0C, 2).decode(frame) is not None
    assert Request(0x0C, 1).decode(frame) is None
    assert Request(0x0C, 2, (1, 2)).decode(frame) is None
    for i in range(len(frame)):
        assert Request(0x0C, 2).decode(frame[:i] + frame[i + 1 :]) is None
        for bit in range(8):
            assert Request(0x0C, 2).decode(frame[:i] + bytes([frame[i] ^ 1 << bit]) + frame[i + 1 :]) is None
