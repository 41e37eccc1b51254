"""Random words: streams of generators, expanded from one 64-bit seed by Speck32/64.

Twins: ``golden/prng.py``, ``rtl/prng.py``.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zimu.emu.generators import CODES, fill
from zimu.emu.generators import Words as Words
from zimu.golden.errors import InputError, check_range
from zimu.golden.rule import PrngKind

GATE_STREAM = 0
"""Number of the stream of gate draws in the seed expansion."""

TRIALS_STREAM = 1
"""Number of the stream of the sampler's draws."""

TOP_STREAM = 2
"""Number of the stream that splits the trials of a step over the subtrees."""

SPLIT_STREAM = 3
"""Number of the streams that split the trials of a subtree over its tiles."""

DRAW_STREAM = 4
"""Number of the streams of draws inside tiles."""

ROUND_STREAM = 5
"""Number of the stream of rounding bits."""

EXPANDED_WORDS: dict[PrngKind, int] = {
    "xoshiro128++": 4,
    "philox4x32-10": 2,
    "pcg32": 4,
    "xoroshiro128aox": 4,
    "lfsr128": 4,
    "trivium": 9,
}
"""State words of a generator that come from the seed."""

SAVED_WORDS: dict[PrngKind, int] = EXPANDED_WORDS | {"philox4x32-10": 4, "xoroshiro128aox": 5}
"""State words of a generator; those beyond the expanded ones start at 0."""

Halves = NDArray[Any]  # uint16; numpy's own types lose the width in shifts


class WordStream:
    """A stream of 32-bit words, interleaved row by row from ``lanes`` generators.

    The bits of a seed are part of the contract and change only with its version.

    Parameters
    ----------
    kind : generator kind.
    seed : 64-bit seed of the unit.
    stream : number of the stream.
    lanes : generators P; word t of the stream comes from generator t mod P.
    first_lane : lane of the first generator; the others follow.

    Attributes
    ----------
    code : the kind, as `zimu.emu.generators.fill` calls it.
    state : the saved words of the generators, one generator after the other; uint32.
    """

    def __init__(self, kind: PrngKind, seed: int, stream: int, lanes: int, first_lane: int = 0) -> None:
        self.kind, self.code, self.lanes = kind, CODES[kind], lanes
        state = np.zeros((lanes, SAVED_WORDS[kind]), np.uint32)
        state[:, : EXPANDED_WORDS[kind]] = expand_seed(seed, stream, first_lane, lanes, EXPANDED_WORDS[kind])
        if kind == "pcg32":
            state[:, 2] |= 1
        self.state = state.reshape(-1)

    def read(self, out: Words) -> None:
        """Fill ``out``, a whole number of rows, with the next words."""
        fill(self.code, self.state, self.lanes, out)

    def restore(self, words: list[int]) -> None:
        """Continue from a saved `state`.

        Raises
        ------
        InputError
            not as many words, a word that is none, or a generator that could not have been saved like that.
        """
        if not isinstance(words, list) or len(words) != self.state.size:
            raise InputError(f"must be a list of {self.state.size} words")
        checked = np.array([check_range(f"word {i}", word, 0, 2**32 - 1) for i, word in enumerate(words)], np.uint32)
        for lane, generator in enumerate(checked.reshape(self.lanes, -1)):
            _check_generator(self.kind, lane, generator)
        self.state[:] = checked


def _check_generator(kind: PrngKind, lane: int, words: Words) -> None:
    if kind == "pcg32" and not words[2] & 1:
        raise InputError(f"generator {lane} has an even increment, {words[2]}: bit 0 must be 1")
    if kind == "xoroshiro128aox" and words[4] > 1:
        raise InputError(f"generator {lane} has {words[4]} in its last word: must be 0 or 1")
    if kind not in ("pcg32", "philox4x32-10") and not words[: EXPANDED_WORDS[kind]].any():
        raise InputError(f"generator {lane} is all zero: {kind} locks up there, a bit must be set")


def expand_seed(seed: int, stream: int, first_lane: int, lanes: int, words: int) -> Words:
    """Initial state of a stream's generators: shape (lanes, words).

    State word j of a generator is Speck32/64 of ``stream << 24 | lane << 8 | j`` under the seed.
    """
    lane = np.arange(first_lane, first_lane + lanes)[:, np.newaxis]
    return speck32_64(seed, (stream << 24 | lane << 8 | np.arange(words)).astype(np.uint32))


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
