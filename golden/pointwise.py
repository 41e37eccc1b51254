"""What the rules share that change each weight by its own gradient alone: memory walk, rounding words, counters.

The rules: ``golden/float_sgd.py``, ``golden/int_sgd.py``. Twins: ``emu/pointwise.py``, ``rtl/pointwise.py``.
"""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Generic, NamedTuple, TypeVar

from pydantic import Field

from zimu.golden.errors import check_range
from zimu.golden.prng import Stream, WordStream
from zimu.golden.rule import NAME_PATTERN, WORD_BITS, PrngKind, RuleConfig


class PointwiseConfig(RuleConfig):
    """Fields of every such rule.

    Parameters
    ----------
    name : the Verilog module and the stem of its files; lower case identifier, at most 48 characters.
    depth : d, the number of weights, 1..2^27.
    lanes : weights per beat, 1..64; where bits are random they depend on it.
    prng : kind of the generators of rounding bits, one for each word of a beat.
    """

    name: str = Field(pattern=NAME_PATTERN)
    depth: int = Field(ge=1, le=2**27)
    lanes: int = Field(default=1, ge=1, le=64)
    prng: PrngKind = "xoshiro128++"

    @property
    def _rounding(self) -> str:
        bits = self.rounding_bits
        return f", stochastic rounding by {bits} bits, generator included" if bits else ""

    @property
    def beats(self) -> int:
        """Beats of a step: ceil(depth / lanes)."""
        return -(-self.depth // self.lanes)

    @property
    @abstractmethod
    def rounding_bits(self) -> int:
        """R, random bits per weight; 0 where nothing is random."""

    @property
    def weights_per_word(self) -> int:
        """Lanes that share a random word: floor(32 / R)."""
        return WORD_BITS // self.rounding_bits

    @property
    def row_words(self) -> int:
        """Random words of a beat, each from a generator of its own; 0 where nothing is random."""
        return -(-self.lanes // self.weights_per_word) if self.rounding_bits else 0


class PointwiseCounters(NamedTuple):
    """What such a unit counts; 32 bits wide, wrapping, since the last seed."""

    steps: int
    saturations: int
    """Weights that were clipped at a rail; none in floating point, which overflows by its own rules."""


Config = TypeVar("Config", bound=PointwiseConfig)


class PointwiseReference(Generic[Config]):
    """Base of the scalar references: rounding bits and counters.

    Parameters
    ----------
    config : the configuration.
    seed : 64-bit seed of the rounding bits.

    Attributes
    ----------
    counters : `PointwiseCounters`.
    """

    def __init__(self, config: Config, seed: int) -> None:
        seed = check_range("seed", seed, 0, 2**64 - 1)
        self.config = config
        self.counters = PointwiseCounters(0, 0)
        words = config.row_words
        self._stream = WordStream(config.prng, seed, Stream.ROUND, words) if words else None

    def rounding_bits(self) -> Iterator[int]:
        """The random bits of the weights of a step, in order; zeros where nothing is random.

        A beat takes a row of the stream. Lane l takes the R bits from bit R * (l mod m) on of word floor(l / m), with
        m = floor(32 / R). Lanes of the last beat beyond the depth take theirs too.
        """
        config = self.config
        if self._stream is None:
            yield from [0] * config.depth
            return
        bits, share = config.rounding_bits, config.weights_per_word
        left = config.depth
        for _, row in zip(range(config.beats), self._stream.rows(), strict=False):
            for lane in range(min(config.lanes, left)):
                yield row[lane // share] >> bits * (lane % share) & (1 << bits) - 1
            left -= config.lanes

    def count(self, saturations: int = 0) -> None:
        """Count a step and the weights it clipped."""
        steps, clipped = self.counters
        self.counters = PointwiseCounters(steps + 1 & 2**WORD_BITS - 1, clipped + saturations & 2**WORD_BITS - 1)
