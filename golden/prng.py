"""Random words: one 64-bit seed is expanded into the generators of named streams.

Twins: ``emu/prng.py``, ``rtl/prng.py``.
"""

from collections.abc import Iterator
from enum import IntEnum

from zimu.golden.generators import GENERATORS
from zimu.golden.rule import PrngKind

_MASK16 = 2**16 - 1


class Stream(IntEnum):
    """Identifiers of the named streams; part of the contract."""

    GATE = 0
    TRIALS = 1
    TOP = 2
    SPLIT = 3
    DRAW = 4
    ROUND = 5


def speck32_64(key: int, block: int) -> int:
    """Encrypt one 32-bit block under a 64-bit key with Speck32/64, 22 rounds.

    Source: Beaulieu et al., "The SIMON and SPECK Families of Lightweight Block Ciphers", IACR 2013/404,
    section 4; the test vector of appendix C is key 1918111009080100, 6574694c -> a86842f2.
    Key bits 15:0 are k_0, 31:16 l_0, 47:32 l_1, 63:48 l_2; block bits 31:16 are x, 15:0 y.
    """
    k = key & _MASK16
    schedule = [key >> 16 & _MASK16, key >> 32 & _MASK16, key >> 48 & _MASK16]
    x, y = block >> 16, block & _MASK16
    for i in range(22):
        x, y = _speck_round(x, y, k)
        left, k = _speck_round(schedule.pop(0), k, i)
        schedule.append(left)
    return x << 16 | y


def _speck_round(x: int, y: int, k: int) -> tuple[int, int]:
    x = ((x >> 7 | x << 9) + y & _MASK16) ^ k
    y = (y << 2 | y >> 14) & _MASK16 ^ x
    return x, y


def expand_seed(seed: int, stream: Stream, lane: int, words: int) -> list[int]:
    """The first ``words`` 32-bit state words of generator ``lane`` of a stream.

    Word j is Speck32/64 under the seed of the block ``stream << 24 | lane << 8 | j``. Blocks differ, and a cipher
    is a permutation, so at most one word of a seed's whole expansion is zero: no generator can start locked up.
    """
    return [speck32_64(seed, stream << 24 | lane << 8 | j) for j in range(words)]


class WordStream:
    """A named stream of 32-bit words: word t comes from generator ``t mod lanes``.

    Parameters
    ----------
    kind : generator kind, a key of `GENERATORS`.
    seed : 64-bit seed of the unit.
    stream : which stream.
    lanes : generators P.
    first_lane : lane of the first generator; the others follow.
    """

    def __init__(self, kind: PrngKind, seed: int, stream: Stream, lanes: int, first_lane: int = 0) -> None:
        machine = GENERATORS[kind]
        self.generators = [
            machine(expand_seed(seed, stream, lane, machine.expanded_words))
            for lane in range(first_lane, first_lane + lanes)
        ]

    def rows(self) -> Iterator[list[int]]:
        """Yield rows, one word of every generator; a row left half used is gone when the next step begins."""
        while True:
            yield [generator.next() for generator in self.generators]

    @property
    def state(self) -> list[int]:
        """The states of all generators, in order: one flat list, all there is to save at the start of a row."""
        return [word for generator in self.generators for word in generator.state]

    @state.setter
    def state(self, words: list[int]) -> None:
        size = len(words) // len(self.generators)
        for i, generator in enumerate(self.generators):
            generator.state = words[i * size : (i + 1) * size]
