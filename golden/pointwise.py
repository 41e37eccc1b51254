"""What the rules share that change each weight by its own gradient alone: rounding words, counters.

The rules: ``golden/float_sgd.py``, ``golden/int_sgd.py``. Twins: ``emu/pointwise.py``, ``rtl/pointwise.py``.
"""

import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, TypeVar, get_args

from pydantic import Field

from zimu.golden.errors import InputError, check_choice
from zimu.golden.prng import Stream, WordStream
from zimu.golden.rule import NAME_PATTERN, WORD_BITS, PrngKind, RuleConfig
from zimu.golden.update import Reference


class PointwiseCounters(NamedTuple):
    """What such a unit counts; 32 bits wide, wrapping, since the last seed."""

    steps: int
    saturations: int
    """Weights that were clipped at a rail; none in floating point, which overflows by its own rules."""


class PointwiseConfig(RuleConfig):
    """Fields of every such rule.

    Parameters
    ----------
    name : the Verilog module and the stem of its files; lower case identifier, at most 48 characters.
    depth : d, the number of weights, 1..2^27.
    lanes : weights per beat, 1..64; where bits are random they depend on it.
    prng : kind of the generators of rounding bits, one for each word of a beat.
    """

    counters: ClassVar[type] = PointwiseCounters

    name: str = Field(pattern=NAME_PATTERN)
    depth: int = Field(ge=1, le=2**27)
    lanes: int = Field(default=1, ge=1, le=64)
    prng: PrngKind = "xoshiro128++"

    @property
    def circuit_fields(self) -> frozenset[str]:
        return frozenset({"name"} if self.row_words else {"name", "lanes", "prng"})

    @property
    def _throughout(self) -> str:
        """What a description says of any such unit."""
        bits = self.rounding_bits
        return (f", stochastic rounding by {bits} bits of {self.prng}" if bits else "") + (
            f", {self.lanes} lanes" if self.lanes > 1 else ""
        )

    @classmethod
    def _from_options(
        cls, name: str, options: Sequence[str], known: Mapping[str, dict[str, Any]], numbers: Mapping[str, str]
    ) -> dict[str, Any]:
        """The fields that the options of a name set.

        Parameters
        ----------
        name : the name, for messages.
        options : those of ``known``; a key of ``numbers`` with a number behind it; ``xL`` for L lanes; a kind of
            generator.
        known : what each sets.
        numbers : the field that the number behind each goes to.
        """
        fields: dict[str, Any] = {}
        numbers = {**numbers, "x": "lanes"}
        for option in options:
            number = re.fullmatch(f"({'|'.join(numbers)})([0-9]{{1,3}})", option)
            if number:
                found: dict[str, Any] = {numbers[number[1]]: int(number[2])}
            elif option in get_args(PrngKind):
                found = {"prng": option}
            else:
                forms = [*known, *(f"{prefix}N" for prefix in numbers), *get_args(PrngKind)]
                found = known[check_choice("option", option, forms)]
            if set(found) & set(fields):
                raise InputError(f"option = {option!r}: {next(iter(found))} is given twice in {name}, leave one out")
            fields |= found
        return fields

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


Config = TypeVar("Config", bound=PointwiseConfig)


class PointwiseReference(Reference[Config]):
    """Base of the scalar references: rounding bits.

    Parameters
    ----------
    config, seed : as `Reference`; the seed is that of the rounding bits.
    """

    def __init__(self, config: Config, seed: int) -> None:
        super().__init__(config, seed)
        words = config.row_words
        self._stream = WordStream(config.prng, self.seed, Stream.ROUND, words) if words else None

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
                yield (row[lane // share] >> (bits * (lane % share))) % (1 << bits)
            left -= config.lanes
