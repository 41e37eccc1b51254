"""Random words: xoshiro128++, and the expansion of one 64-bit seed into named streams.

Twins: ``emu/prng.py``, ``rtl/prng.py``.
"""

from collections.abc import Iterator
from enum import IntEnum

_MASK16 = 2**16 - 1
_MASK32 = 2**32 - 1


class Stream(IntEnum):
    """Identifiers of the named streams; part of the contract."""

    GATE = 0
    TRIALS = 1
    TOP = 2
    SPLIT = 3
    DRAW = 4


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


def xoshiro128pp(state: list[int]) -> int:
    """Return the next word and advance ``state`` (four 32-bit words) in place.

    Source: Blackman and Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS 47(4), 2021.
    """
    s0, s1, s2, s3 = state
    word = _rotl(s0 + s3 & _MASK32, 7) + s0 & _MASK32
    t = s1 << 9 & _MASK32
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= t
    s3 = _rotl(s3, 11)
    state[:] = [s0, s1, s2, s3]
    return word


def _rotl(x: int, k: int) -> int:
    return (x << k | x >> 32 - k) & _MASK32


class WordStream:
    """A named stream of 32-bit words: word t comes from generator ``t mod lanes``.

    ``state`` is one flat list, four words a generator; between steps it is all there is to save.
    """

    def __init__(self, kind: str, seed: int, stream: Stream, lanes: int, first_lane: int = 0) -> None:
        self.generators = [expand_seed(seed, stream, first_lane + lane, 4) for lane in range(lanes)]

    def rows(self) -> Iterator[list[int]]:
        """Yield rows, one word of every generator; a row left half used is gone when the next step begins."""
        while True:
            yield [xoshiro128pp(state) for state in self.generators]

    @property
    def state(self) -> list[int]:
        """State words of all generators, in order."""
        return [word for state in self.generators for word in state]

    @state.setter
    def state(self, words: list[int]) -> None:
        self.generators = [list(words[i : i + 4]) for i in range(0, len(words), 4)]
