"""The kinds of generators, compiled: `KINDS` describes them, and `fill` is the one door, for Python and for kernels.

A kernel takes the generators one after the other, each with its state in registers, which is faster than going
row by row. The casts are there because numba widens uint32 arithmetic to 64 bits, and uint64 with int64 to float.
A further kind is a number, its record, and its kernel with a line in `fill`, all in this file.
Twins: ``golden/generators.py``, ``rtl/generators.py``.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zimu.emu.kernel import int64, kernel
from zimu.emu.xoshiro import xoshiro_pass
from zimu.golden.rule import PrngKind

Words = NDArray[np.uint32]

XOSHIRO128PP, PHILOX4X32, PCG32, XOROSHIRO128AOX, LFSR128, TRIVIUM = range(6)


class Kind(NamedTuple):
    """A kind of generator, as streams need to know it."""

    code: int
    """What `fill` calls it."""
    expanded: int
    """State words that come from the seed."""
    saved: int
    """State words; those beyond the expanded ones start at 0."""
    odd: int | None = None
    """The state word that must be odd."""
    flag: int | None = None
    """The state word that must be 0 or 1."""
    locks_up: bool = True
    """Whether it gives zeros for ever where all expanded words are 0."""
    linear: bool = False
    """Whether the next state is a sum over bits of the state, which has four words."""


KINDS: dict[PrngKind, Kind] = {
    "xoshiro128++": Kind(XOSHIRO128PP, expanded=4, saved=4, linear=True),
    "philox4x32-10": Kind(PHILOX4X32, expanded=2, saved=4, locks_up=False),
    "pcg32": Kind(PCG32, expanded=4, saved=4, odd=2, locks_up=False),
    "xoroshiro128aox": Kind(XOROSHIRO128AOX, expanded=4, saved=5, flag=4),
    "lfsr128": Kind(LFSR128, expanded=4, saved=4, linear=True),
    "trivium": Kind(TRIVIUM, expanded=9, saved=9),
}
"""The kinds by name."""


class Generators(NamedTuple):
    """The generators of a stream, as kernels take them; their states lie in an array beside."""

    code: int
    """Of their kind."""
    lanes: int
    """How many."""
    jumps: Words
    """Those of their kind, `zimu.emu.jumps.jumps_of`."""


MANY_BLOCKS = 64
"""Philox blocks that are made together where as many are wanted."""

_pass2, _pass4, _pass8, _pass16 = map(xoshiro_pass, (2, 4, 8, 16))

u32: Any = np.uint32
u64: Any = np.uint64


@kernel
def fill(code: int, state: Words, lanes: int, out: Words) -> None:
    """Fill ``out``, a whole number of rows, with the next words of ``lanes`` generators.

    Parameters
    ----------
    code : that of a `Kind`.
    state : the saved words of the generators, one generator after the other; advanced in place.
    lanes : P; word t of ``out`` comes from generator t mod P.
    out : shape (rows * lanes,), contiguous.
    """
    if code == XOSHIRO128PP:
        _xoshiro128pp(state, lanes, out)
    elif code == PHILOX4X32:
        _philox4x32(state, lanes, out)
    elif code == PCG32:
        _pcg32(state, lanes, out)
    elif code == XOROSHIRO128AOX:
        _xoroshiro128aox(state, lanes, out)
    elif code == LFSR128:
        _lfsr128(state, lanes, out)
    elif code == TRIVIUM:
        _trivium(state, lanes, out)


@kernel
def _xoshiro128pp(state: Words, lanes: int, out: Words) -> None:
    lane = 0
    while lanes - lane >= 16:
        _pass16(state, lane, lanes, out)
        lane += 16
    if lanes - lane >= 8:
        _pass8(state, lane, lanes, out)
        lane += 8
    if lanes - lane >= 4:
        _pass4(state, lane, lanes, out)
        lane += 4
    if lanes - lane >= 2:
        _pass2(state, lane, lanes, out)
        lane += 2
    if lanes - lane == 1:
        s0, s1, s2, s3 = state[4 * lane], state[4 * lane + 1], state[4 * lane + 2], state[4 * lane + 3]
        for at in range(lane, out.size, lanes):
            a = u32(s0 + s3)
            out[at] = u32(u32(a << u32(7)) | (a >> u32(25))) + s0
            t = u32(s1 << u32(9))
            s2 ^= s0
            s3 ^= s1
            s1 ^= s2
            s0 ^= s3
            s2 ^= t
            s3 = u32(u32(s3 << u32(11)) | (s3 >> u32(21)))
        state[4 * lane], state[4 * lane + 1], state[4 * lane + 2], state[4 * lane + 3] = s0, s1, s2, s3


@kernel
def philox_block(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    """Philox4x32-10 of a counter of four uint32 under a key of two: four uint32."""
    for _ in range(10):
        p, q = u64(c0) * u64(0xD2511F53), u64(c2) * u64(0xCD9E8D57)
        c0, c1, c2, c3 = u32((q >> u64(32)) ^ u64(c1 ^ k0)), u32(q), u32((p >> u64(32)) ^ u64(c3 ^ k1)), u32(p)
        k0, k1 = u32(k0 + u32(0x9E3779B9)), u32(k1 + u32(0xBB67AE85))
    return c0, c1, c2, c3


@kernel
def philox_blocks(words: Words, blocks: int, k0: Any, k1: Any) -> None:
    """The same for each of the first ``blocks`` columns of ``words``, shape (4, ..), in place."""
    for _ in range(10):
        # Rounds outside, blocks inside: LLVM turns that into vectors.
        for i in range(blocks):
            p, q = u64(words[0, i]) * u64(0xD2511F53), u64(words[2, i]) * u64(0xCD9E8D57)
            words[0, i], words[1, i] = u32(q >> u64(32)) ^ words[1, i] ^ k0, u32(q)
            words[2, i], words[3, i] = u32(p >> u64(32)) ^ words[3, i] ^ k1, u32(p)
        k0, k1 = u32(k0 + u32(0x9E3779B9)), u32(k1 + u32(0xBB67AE85))


@kernel
def _philox4x32(state: Words, lanes: int, out: Words) -> None:
    rows = out.size // lanes
    words = np.empty((4, MANY_BLOCKS), np.uint32)
    for lane in range(lanes):
        k0, k1 = state[4 * lane], state[4 * lane + 1]
        given = _joined(state[4 * lane + 2], state[4 * lane + 3])
        row = -int64(given & u64(3))  # where the block begins that the next word is from
        block = given >> u64(2)
        while row < rows:
            if row >= 0 and rows - row >= 4 * MANY_BLOCKS:
                for i in range(MANY_BLOCKS):
                    counter = (block + u64(i)) & u64(2**62 - 1)
                    words[0, i], words[1, i], words[2, i], words[3, i] = u32(counter), u32(counter >> u64(32)), 0, 0
                philox_blocks(words, MANY_BLOCKS, k0, k1)
                for i in range(MANY_BLOCKS):
                    at = (row + 4 * i) * lanes + lane
                    out[at], out[at + lanes] = words[0, i], words[1, i]
                    out[at + 2 * lanes], out[at + 3 * lanes] = words[2, i], words[3, i]
                row += 4 * MANY_BLOCKS
                block = (block + u64(MANY_BLOCKS)) & u64(2**62 - 1)
            else:
                one = philox_block(u32(block), u32(block >> u64(32)), u32(0), u32(0), k0, k1)
                for i in range(max(-row, 0), min(4, rows - row)):
                    out[(row + i) * lanes + lane] = one[i]
                row += 4
                block = (block + u64(1)) & u64(2**62 - 1)
        given += u64(rows)
        state[4 * lane + 2], state[4 * lane + 3] = u32(given), u32(given >> u64(32))


@kernel
def _pcg32(state: Words, lanes: int, out: Words) -> None:
    for lane in range(lanes):
        x = _joined(state[4 * lane], state[4 * lane + 1])
        increment = _joined(state[4 * lane + 2], state[4 * lane + 3])
        for at in range(lane, out.size, lanes):
            folded = u32(((x >> u64(18)) ^ x) >> u64(27))
            turn = u32(x >> u64(59))
            out[at] = (folded >> turn) | u32(folded << (u32(32 - turn) & u32(31)))
            x = x * u64(6364136223846793005) + increment
        state[4 * lane], state[4 * lane + 1] = u32(x), u32(x >> u64(32))


@kernel
def _xoroshiro128aox(state: Words, lanes: int, out: Words) -> None:
    for lane in range(lanes):
        at = 5 * lane
        s0, s1 = _joined(state[at], state[at + 1]), _joined(state[at + 2], state[at + 3])
        half = state[at + 4]
        place = lane
        while place < out.size:
            either, both = s0 ^ s1, s0 & s1
            output = either ^ (_rotl64(both, 1) | _rotl64(both, 2))
            if half == 0:
                out[place] = u32(output)
                place += lanes
                half = u32(1)
            if place < out.size:
                out[place] = u32(output >> u64(32))
                place += lanes
                half = u32(0)
                s0 = _rotl64(s0, 55) ^ either ^ (either << u64(14))
                s1 = _rotl64(either, 36)
        state[at], state[at + 1], state[at + 2], state[at + 3] = (
            u32(s0),
            u32(s0 >> u64(32)),
            u32(s1),
            u32(s1 >> u64(32)),
        )
        state[at + 4] = half


@kernel
def _lfsr128(state: Words, lanes: int, out: Words) -> None:
    # The lowest tap is beyond bit 64: so the 64 bits that leave in 64 steps are there already.
    for lane in range(lanes):
        low = _joined(state[4 * lane], state[4 * lane + 1])
        high = _joined(state[4 * lane + 2], state[4 * lane + 3])
        at = lane
        while at + lanes < out.size:
            out[at], out[at + lanes] = u32(low), u32(low >> u64(32))
            w = low
            low = high ^ (w << u64(62)) ^ (w << u64(37)) ^ (w << u64(35))
            high = w ^ (w >> u64(2)) ^ (w >> u64(27)) ^ (w >> u64(29))
            at += 2 * lanes
        if at < out.size:
            out[at] = w32 = u32(low)
            w = u64(w32)
            low = (low >> u64(32)) | (high << u64(32))
            high = (high >> u64(32)) ^ (w << u64(32)) ^ (w << u64(30)) ^ (w << u64(5)) ^ (w << u64(3))
        state[4 * lane], state[4 * lane + 1] = u32(low), u32(low >> u64(32))
        state[4 * lane + 2], state[4 * lane + 3] = u32(high), u32(high >> u64(32))


@kernel
def _trivium(state: Words, lanes: int, out: Words) -> None:
    # 64 clocks at a time, as no tap is nearer to its register's end. A register is held with its oldest bit lowest,
    # bits 64 and up in a second word: what leaves is then in order, and what enters comes in at the top.
    for lane in range(lanes):
        words = state[9 * lane : 9 * lane + 9]
        a0, a1, b0, b1, c0, c1 = _trivium_registers(words)
        at = lane
        while at < out.size:
            t1, t2, t3 = a0 ^ _window(a0, a1, 27), b0 ^ _window(b0, b1, 15), c0 ^ _window(c0, c1, 45)
            stream = t1 ^ t2 ^ t3
            t1 ^= (_window(a0, a1, 1) & _window(a0, a1, 2)) ^ _window(b0, b1, 6)
            t2 ^= (_window(b0, b1, 1) & _window(b0, b1, 2)) ^ _window(c0, c1, 24)
            t3 ^= (_window(c0, c1, 1) & _window(c0, c1, 2)) ^ _window(a0, a1, 24)
            out[at] = u32(stream)
            if at + lanes < out.size:
                out[at + lanes] = u32(stream >> u64(32))
                a0, a1 = a1 | (t3 << u64(29)), t3 >> u64(35)
                b0, b1 = b1 | (t1 << u64(20)), t1 >> u64(44)
                c0, c1 = c1 | (t2 << u64(47)), t2 >> u64(17)
            else:
                t1, t2, t3 = u64(u32(t1)), u64(u32(t2)), u64(u32(t3))
                a0, a1 = _window(a0, a1, 32) | (t3 << u64(61)), t3 >> u64(3)
                b0, b1 = _window(b0, b1, 32) | (t1 << u64(52)), t1 >> u64(12)
                c0, c1 = _window(c0, c1, 32), (c1 >> u64(32)) | (t2 << u64(15))
            at += 2 * lanes
        _save_trivium(words, a0, a1, b0, b1, c0, c1)


@kernel
def _trivium_registers(words: Words) -> Any:
    """Registers a (s93..s1), b (s177..s94) and c (s288..s178), each in two words, the first of 64 bits."""
    r0, r1, r2 = _reversed(words[8]), _reversed(words[7]), _reversed(words[6])
    r3, r4, r5 = _reversed(words[5]), _reversed(words[4]), _reversed(words[3])
    r6, r7, r8 = _reversed(words[2]), _reversed(words[1]), _reversed(words[0])
    c0, c1 = r0 | (r1 << u64(32)), r2 | ((r3 & u64(2**15 - 1)) << u64(32))
    b0, b1 = (r3 >> u64(15)) | (r4 << u64(17)) | (r5 << u64(49)), (r5 >> u64(15)) | ((r6 & u64(7)) << u64(17))
    a0, a1 = (r6 >> u64(3)) | (r7 << u64(29)) | (r8 << u64(61)), r8 >> u64(3)
    return a0, a1, b0, b1, c0, c1


@kernel
def _save_trivium(words: Words, a0: Any, a1: Any, b0: Any, b1: Any, c0: Any, c1: Any) -> None:
    words[8], words[7], words[6] = _reversed(c0), _reversed(c0 >> u64(32)), _reversed(c1)
    words[5], words[4] = _reversed((c1 >> u64(32)) | (b0 << u64(15))), _reversed(b0 >> u64(17))
    words[3], words[2] = _reversed((b0 >> u64(49)) | (b1 << u64(15))), _reversed((b1 >> u64(17)) | (a0 << u64(3)))
    words[1], words[0] = _reversed(a0 >> u64(29)), _reversed((a0 >> u64(61)) | (a1 << u64(3)))


@kernel
def _reversed(x: Any) -> Any:
    """The low 32 bits in the opposite order."""
    x = ((x >> u64(1)) & u64(0x55555555)) | ((x & u64(0x55555555)) << u64(1))
    x = ((x >> u64(2)) & u64(0x33333333)) | ((x & u64(0x33333333)) << u64(2))
    x = ((x >> u64(4)) & u64(0x0F0F0F0F)) | ((x & u64(0x0F0F0F0F)) << u64(4))
    x = ((x >> u64(8)) & u64(0x00FF00FF)) | ((x & u64(0x00FF00FF)) << u64(8))
    return ((x >> u64(16)) & u64(0xFFFF)) | ((x & u64(0xFFFF)) << u64(16))


@kernel
def _window(low: Any, high: Any, k: int) -> Any:
    """64 bits of a number of 128 from bit ``k`` on, 0 < k < 64."""
    return (low >> u64(k)) | (high << u64(64 - k))


@kernel
def _joined(low: Any, high: Any) -> Any:
    return u64(low) | (u64(high) << u64(32))


@kernel
def _rotl64(x: Any, k: int) -> Any:
    return (x << u64(k)) | (x >> u64(64 - k))
