"""The kinds of generators: each a machine that gives one 32-bit word after the other.

Plain Python integers, slow on purpose. ``docs/generators.md`` compares their quality and cost.
Twins: ``emu/generators.py``, ``rtl/generators.py``.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from zimu.golden.errors import InputError, check_range
from zimu.golden.rule import WORD_BITS, PrngKind

_MASK32 = 2**32 - 1
_MASK64 = 2**64 - 1


class Generator(ABC):
    """One generator.

    Parameters
    ----------
    expanded : `expanded_words` words from the expansion of a seed.

    Raises
    ------
    InputError
        wrong number of words, a word that is not one, or a state that locks up.
    """

    expanded_words: ClassVar[int]
    """32-bit words that the expansion of a seed gives it."""

    saved_words: ClassVar[int]
    """32-bit words of `state`."""

    locks_up: ClassVar[bool] = False
    """Whether it gives zeros for ever once its words are all zero."""

    def __init__(self, expanded: Sequence[int]) -> None:
        _check_words("expanded words", expanded, self.expanded_words)
        self.state = self._start(list(expanded))

    @abstractmethod
    def next(self) -> int:
        """The next word."""

    @property
    def state(self) -> list[int]:
        """All there is to save, `saved_words` words; setting it continues from there."""
        return list(self._state)

    @state.setter
    def state(self, words: Sequence[int]) -> None:
        _check_words("state", words, self.saved_words)
        self._check_state(words)
        self._state = list(words)

    def _start(self, expanded: list[int]) -> list[int]:
        return expanded

    def _check_state(self, words: Sequence[int]) -> None:
        """Refuse words that cannot be a state of this kind."""
        if self.locks_up and not any(words[: self.expanded_words]):
            raise InputError("state is all zero: must have a bit set")


class Xoshiro128pp(Generator):
    """xoshiro128++.

    Source: Blackman and Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS 47(4), 2021.
    Period: 2^128 - 1 words. Quality: no failure known in BigCrush, PractRand or tests of Hamming weights (same source).
    Cost: 148 LUT and 161 flip-flops for 32 bits a clock on Series-7 (vhdl_prng). State ``s0..s3``.
    """

    expanded_words = saved_words = 4
    locks_up = True

    def next(self) -> int:
        s0, s1, s2, s3 = self._state
        word = _rotl(s0 + s3 & _MASK32, 7) + s0 & _MASK32
        t = s1 << 9 & _MASK32
        s2 ^= s0
        s3 ^= s1
        s1 ^= s2
        s0 ^= s3
        s2 ^= t
        s3 = _rotl(s3, 11)
        self._state = [s0, s1, s2, s3]
        return word


class Philox4x32(Generator):
    """Philox4x32-10: word m is element m mod 4 of the image of the counter m div 4 under the key.

    Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
    Period: 2^64 words here, where the counter counts no further. Quality: passes BigCrush (same source). Cost: two
    32x32-bit products a round, ten rounds a block; 30,556 cells in 7 nm at 1 GHz, against 684 of xoroshiro128aox
    (arXiv 2203.04058). State: key ``k0, k1``, then the number of words given, low half first.
    """

    expanded_words = 2
    saved_words = 4

    def _start(self, expanded: list[int]) -> list[int]:
        return [*expanded, 0, 0]

    def next(self) -> int:
        k0, k1, low, high = self._state
        given = high << 32 | low
        block = given // 4
        word = philox4x32([block & _MASK32, block >> 32, 0, 0], [k0, k1])[given % 4]
        given = given + 1 & _MASK64
        self._state = [k0, k1, given & _MASK32, given >> 32]
        return word


def philox4x32(counter: Sequence[int], key: Sequence[int]) -> list[int]:
    """The image of a counter of four words under a key of two (same source as `Philox4x32`)."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * c0, 2**32)
        high1, low1 = divmod(0xCD9E8D57 * c2, 2**32)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        # Weyl sequences of the golden ratio and of sqrt(3) - 1.
        k0, k1 = k0 + 0x9E3779B9 & _MASK32, k1 + 0xBB67AE85 & _MASK32
    return [c0, c1, c2, c3]


class Pcg32(Generator):
    """PCG-XSH-RR 64/32: a 64-bit linear congruential generator whose output is shifted, folded and rotated.

    Source: O'Neill, "PCG: A family of simple fast space-efficient statistically good algorithms for random number
    generation", HMC-CS-2014-0905, and its pcg_basic. Period: 2^64 words. Quality: passes BigCrush (same source); lanes
    differ in their increment too, yet that only shifts or mirrors one and the same sequence of states (Durst, "Using
    linear congruential generators for parallel random number generation", WSC 1989). Cost: one 64x64-bit product modulo
    2^64 a word. State: state low, high, increment low, high.
    """

    expanded_words = saved_words = 4

    def _start(self, expanded: list[int]) -> list[int]:
        low, high, increment_low, increment_high = expanded
        return [low, high, increment_low | 1, increment_high]

    def _check_state(self, words: Sequence[int]) -> None:
        if not words[2] & 1:
            raise InputError(f"state[2] = {words[2]}: must be odd, it is the low half of the increment")

    def next(self) -> int:
        low, high, increment_low, increment_high = self._state
        x = high << 32 | low
        folded = (x >> 18 ^ x) >> 27 & _MASK32
        after = x * 6364136223846793005 + (increment_high << 32 | increment_low) & _MASK64
        self._state = [after & _MASK32, after >> 32, increment_low, increment_high]
        return _rotl(folded, -(x >> 59) % 32)


class Xoroshiro128aox(Generator):
    """xoroshiro128aox: a linear generator of 128 bits under an output function of AND, OR and XOR, no adder.

    Source: Hanlon and Felix, "A Fast Hardware Pseudorandom Number Generator Based on xoroshiro128", IEEE TC 72(5),
    2023, arXiv 2203.04058. Period: 2^128 - 1 outputs of two words. Quality: passes BigCrush and PractRand, but fails
    Gjrand's z9, a test of Hamming weights (same source): not for samplers that use popcounts as data. Cost: 684 cells
    for 64 bits a clock in 7 nm at 1 GHz (same source). State: ``s0`` low, high, ``s1`` low, high, then 1 where the high
    half of the present output is still to come.
    """

    expanded_words = 4
    saved_words = 5
    locks_up = True

    def _start(self, expanded: list[int]) -> list[int]:
        return [*expanded, 0]

    def _check_state(self, words: Sequence[int]) -> None:
        super()._check_state(words)
        check_range("state[4]", words[4], 0, 1)

    def next(self) -> int:
        *halves, half = self._state
        s0, s1 = halves[1] << 32 | halves[0], halves[3] << 32 | halves[2]
        either, both = s0 ^ s1, s0 & s1
        output = either ^ (_rotl(both, 1, 64) | _rotl(both, 2, 64))
        if not half:
            self._state[4] = 1
            return output & _MASK32
        s0 = _rotl(s0, 55, 64) ^ either ^ either << 14 & _MASK64
        s1 = _rotl(either, 36, 64)
        self._state = [s0 & _MASK32, s0 >> 32, s1 & _MASK32, s1 >> 32, 0]
        return output >> 32


class Lfsr128(Generator):
    """A Galois LFSR of 128 bits with taps 128, 126, 101, 99: the bits it shifts out in 32 steps, first in bit 0.

    Source of the taps: AMD/Xilinx XAPP052; the polynomial is primitive. Period: 2^128 - 1 words, as 32 and 2^128 - 1
    have no common divisor. Quality: every bit is linear in those before, so tests of linear complexity and of ranks of
    binary matrices larger than 128 fail by construction; few taps make for slow recovery from few ones. Cost: 128
    flip-flops and 96 two-input XOR gates for 32 bits a clock. State: lowest word first.
    """

    expanded_words = saved_words = 4
    locks_up = True

    TAPS = (128, 126, 101, 99)

    def next(self) -> int:
        state = sum(word << 32 * i for i, word in enumerate(self._state))
        word = 0
        for i in range(WORD_BITS):
            out = state & 1
            state >>= 1
            if out:
                state ^= sum(1 << tap - 1 for tap in self.TAPS)
            word |= out << i
        self._state = [state >> 32 * i & _MASK32 for i in range(4)]
        return word


class Trivium(Generator):
    """Trivium, 32 bits of key stream a word, first in bit 0; the seed's expansion takes the place of the warm-up.

    Source: De Cannière and Preneel, "Trivium", eSTREAM portfolio, ECRYPT II. Period: not known exactly, as the state
    update is not linear; the designers allow 2^64 bits a key. Quality: a stream cipher with no weakness known at full
    strength. Cost: 145 LUT and 332 flip-flops for 32 bits a clock on Series-7 (vhdl_prng). State: bit i mod 32 of word
    i div 32 is the cipher's s_(i+1).
    """

    expanded_words = saved_words = 9
    locks_up = True

    def next(self) -> int:
        s = [0, *(word >> i & 1 for word in self._state for i in range(32))]  # s[1]..s[288] as in the source
        word = 0
        for i in range(WORD_BITS):
            t1, t2, t3 = s[66] ^ s[93], s[162] ^ s[177], s[243] ^ s[288]
            word |= (t1 ^ t2 ^ t3) << i
            t1 ^= s[91] & s[92] ^ s[171]
            t2 ^= s[175] & s[176] ^ s[264]
            t3 ^= s[286] & s[287] ^ s[69]
            s = [0, t3, *s[1:93], t1, *s[94:177], t2, *s[178:288]]
        self._state = [sum(s[32 * j + i + 1] << i for i in range(32)) for j in range(9)]
        return word


GENERATORS: dict[PrngKind, type[Generator]] = {
    "xoshiro128++": Xoshiro128pp,
    "philox4x32-10": Philox4x32,
    "pcg32": Pcg32,
    "xoroshiro128aox": Xoroshiro128aox,
    "lfsr128": Lfsr128,
    "trivium": Trivium,
}
"""The kinds by the names of the configuration."""


def _check_words(field: str, words: Sequence[int], count: int) -> None:
    if len(words) != count:
        raise InputError(f"{field}: {len(words)} words: must be {count}")
    for i, word in enumerate(words):
        check_range(f"{field}[{i}]", word, 0, _MASK32)


def _rotl(x: int, k: int, bits: int = 32) -> int:
    return (x << k | x >> bits - k) & (1 << bits) - 1
