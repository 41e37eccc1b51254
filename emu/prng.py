"""Random words: streams of generators, expanded from one 64-bit seed by Speck32/64.

Twins: ``golden/prng.py``, ``rtl/prng.py``.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zimu.emu.generators import KINDS, Generators, fill
from zimu.emu.generators import Words as Words
from zimu.emu.jumps import WORTH, jumps_of, skip
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

_SKIPPED = 2**14
"""Words made at a time where generators cannot jump, so that an interrupt is heeded."""

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
    generators : the kind and the lanes, as kernels take them.
    state : the saved words of the generators, one generator after the other; uint32.
    """

    def __init__(self, kind: PrngKind, seed: int, stream: int, lanes: int, first_lane: int = 0) -> None:
        self.kind, self.lanes = kind, lanes
        record = KINDS[kind]
        self.generators = Generators(record.code, lanes, jumps_of(kind))
        state = np.zeros((lanes, record.saved), np.uint32)
        state[:, : record.expanded] = expand_seed(seed, stream, first_lane, lanes, record.expanded)
        if record.odd is not None:
            state[:, record.odd] |= 1
        self.state = state.reshape(-1)

    def read(self, out: Words) -> None:
        """Fill ``out``, a whole number of rows, with the next words."""
        fill(self.generators.code, self.state, self.lanes, out)

    def skip(self, rows: int) -> None:
        """Go on as though so many rows had been read, 0..2^32-1."""
        if rows < WORTH or KINDS[self.kind].linear:
            skip(self.generators, self.state, rows, np.empty(_SKIPPED, np.uint32))
            return
        words = np.empty(min(rows * self.lanes, _SKIPPED), np.uint32)
        for first in range(0, rows, _SKIPPED // self.lanes):
            self.read(words[: min(rows - first, _SKIPPED // self.lanes) * self.lanes])

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
    record = KINDS[kind]
    if record.odd is not None and not words[record.odd] & 1:
        raise InputError(f"generator {lane} has an even increment, {words[record.odd]}: bit 0 must be 1")
    if record.flag is not None and words[record.flag] > 1:
        raise InputError(f"generator {lane} has {words[record.flag]} in its last word: must be 0 or 1")
    if record.locks_up and not words[: record.expanded].any():
        raise InputError(f"generator {lane} is all zero: {kind} locks up there, a bit must be set")


def expand_seed(seed: int, stream: int, first_lane: int, lanes: int, words: int) -> Words:
    """Initial state of a stream's generators: shape (lanes, words).

    State word j of a generator is Speck32/64 of ``stream << 24 | lane << 8 | j`` under the seed.
    """
    lane = np.arange(first_lane, first_lane + lanes)[:, np.newaxis]
    return speck32_64(seed, ((stream << 24) | (lane << 8) | np.arange(words)).astype(np.uint32))


def speck32_64(key: int, blocks: Words) -> Words:
    """Encrypt 32-bit blocks under one 64-bit key with Speck32/64 (22 rounds; IACR 2013/404, section 4)."""
    k, *left = (np.array([(key >> shift) & 0xFFFF], np.uint16) for shift in (0, 16, 32, 48))
    x, y = (blocks >> 16).astype(np.uint16), blocks.astype(np.uint16)
    for i in range(22):
        x = (_ror7(x) + y) ^ k
        y = _rol2(y) ^ x
        left.append((_ror7(left[i]) + k) ^ np.uint16(i))
        k = _rol2(k) ^ left[-1]
    return ((x.astype(np.uint32) << 16) | y).astype(np.uint32)


def _ror7(x: Halves) -> Halves:
    return (x >> 7) | (x << 9)


def _rol2(x: Halves) -> Halves:
    return (x << 2) | (x >> 14)
