"""What the rules share that change each weight by its own gradient alone: rounding bits and threads.

The rules: ``emu/float_sgd.py``, ``emu/int_sgd.py``. Twins: ``golden/pointwise.py``, ``rtl/pointwise.py``.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from zimu.emu.kernel import kernel
from zimu.emu.parallel import spread
from zimu.emu.prng import ROUND_STREAM, Words, WordStream
from zimu.emu.update import UpdateUnit
from zimu.golden.pointwise import PointwiseConfig

Config = TypeVar("Config", bound=PointwiseConfig)

BLOCK = 2**14
"""Weights worked on at a time where bits are random: what they need lies in cache."""

Random = NDArray[np.uint32]
"""Rounding bits of some weights. It has a name because a nested function makes its annotations anew at each step."""

_NO_BITS = np.empty(0, np.uint32)


class PointwiseUnit(UpdateUnit[Config]):
    """Base of the units.

    Parameters
    ----------
    config, seed, threads : as `UpdateUnit`; the seed is that of the rounding bits.
    """

    def __init__(self, config: Config, seed: int = 0, threads: int = 1) -> None:
        super().__init__(config, seed, threads)
        words = config.row_words
        self._stream = WordStream(config.prng, self.seed, ROUND_STREAM, words) if words else None

    def streams(self) -> dict[str, WordStream]:
        """That of the rounding bits, where there are any."""
        return {"round": self._stream} if self._stream else {}

    def take(self, part: Callable[[int, int, Random], Sequence[int]]) -> None:
        """Take a step: call ``part(first, last, random)`` for all weights, and count what it returns.

        It returns what happened to its weights, for each of the rule's counters but ``steps``. ``random`` has the
        rounding bits of the weights ``first .. last - 1``; it is empty where nothing is random, and then threads share
        the weights.
        """
        config = self.config
        self.begin()
        parts: list[Sequence[int]] = []
        if self._stream is None:
            spread(
                lambda first, last: parts.append(part(first, last, _NO_BITS)), config.depth, config.depth, self.threads
            )
            self.count(*map(sum, zip(*parts, strict=True)))
            return
        block = min(max(BLOCK // config.lanes, 1), config.beats)
        words = np.empty(block * config.row_words, np.uint32)
        random = np.empty(block * config.lanes, np.uint32)
        for beat in range(0, config.beats, block):
            first, beats = beat * config.lanes, min(config.beats - beat, block)
            last = min(first + beats * config.lanes, config.depth)
            self._stream.read(words[: beats * config.row_words])
            cut_words(words, random[: last - first], config.lanes, config.row_words, config.rounding_bits)
            parts.append(part(first, last, random[: last - first]))
        self.count(*map(sum, zip(*parts, strict=True)))


@kernel
def cut_words(words: Words, random: Random, lanes: int, row_words: int, bits: int) -> None:
    """The random bits of weights in order, from rows of words: lane l has its R bits in word floor(l / m) of a row."""
    share = 32 // bits
    mask = (1 << bits) - 1
    if lanes == 1:
        for i in range(random.size):
            random[i] = words[i] & mask
    else:
        for i in range(random.size):
            beat, lane = divmod(i, lanes)
            random[i] = (words[beat * row_words + lane // share] >> (bits * (lane % share))) & mask
