"""Random words: xoshiro128++ streams, expanded from one 64-bit seed by Speck32/64.

Twins: ``golden/prng.py``, ``rtl/prng.py``.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zimu.emu.kernel import kernel

GATE_STREAM = 0
"""Number of the stream of gate draws in the seed expansion."""

TRIALS_STREAM = 1
"""Number of the stream of the sampler's draws."""

STATE_WORDS = 4
"""State words of one xoshiro128++ generator."""

Words = NDArray[np.uint32]
Halves = NDArray[Any]  # uint16; numpy's own types lose the width in shifts


class WordStream:
    """A stream of 32-bit words, interleaved row by row from ``lanes`` generators.

    The bits of a seed are part of the contract and change only with its version.

    Parameters
    ----------
    seed : 64-bit seed of the unit.
    stream : number of the stream.
    lanes : generators P; word t of the stream comes from generator t mod P.
    """

    def __init__(self, seed: int, stream: int, lanes: int) -> None:
        self.lanes = lanes
        self.state = expand_seed(seed, stream, lanes)

    def read(self, out: Words) -> None:
        """Fill ``out``, a whole number of rows, with the next words."""
        _xoshiro128pp(self.state, out)


def expand_seed(seed: int, stream: int, lanes: int) -> Words:
    """Initial state of a stream: shape (4 * lanes,), generator after generator.

    State word j of a generator is Speck32/64 of ``stream << 24 | lane << 8 | j`` under the seed.
    """
    lane, j = np.divmod(np.arange(STATE_WORDS * lanes), STATE_WORDS)
    return speck32_64(seed, (stream << 24 | lane << 8 | j).astype(np.uint32))


def speck32_64(key: int, blocks: Words) -> Words:
    """Encrypt 32-bit blocks under one 64-bit key with Speck32/64 (22 rounds; IACR 2013/404, section 4)."""
    k, *left = (np.array([key >> shift & 0xFFFF], np.uint16) for shift in (0, 16, 32, 48))
    x, y = (blocks >> 16).astype(np.uint16), blocks.astype(np.uint16)
    for i in range(22):
        x = (_ror7(x) + y) ^ k
        y = _rol2(y) ^ x
        left.append((_ror7(left[i]) + k) ^ np.uint16(i))
        k = _rol2(k) ^ left[-1]
    return (x.astype(np.uint32) << 16 | y).astype(np.uint32)


def _ror7(x: Halves) -> Halves:
    return x >> 7 | x << 9


def _rol2(x: Halves) -> Halves:
    return x << 2 | x >> 14


@kernel
def _xoshiro128pp(state: Words, out: Words) -> None:
    # One generator after the other, its state in registers: half the time of going row by row. The casts are
    # there because numba widens uint32 arithmetic to 64 bits.
    u32 = np.uint32
    lanes = state.size // 4
    for lane in range(lanes):
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
