"""BOLD's contract: Boolean weights that flip when the accumulated votes ask for it.

    m <- saturate( trunc(B * m / 2^k) + q * 2^e );   where m * sign(w) >= 2^f:  w <- not w, m <- 0

Source: Nguyen et al., "BOLD: Boolean Logic Deep Learning", NeurIPS 2024 (arXiv 2405.16339), algorithm 8 and equations 9
to 11: m <- beta m + eta q, a flip where m and w agree in sign and |m| >= 1. Here m counts in units of 2^-f, so that 1
is 2^f, eta is 2^(e - f), and beta is B / 2^k. In words: ``docs/bold.md``. Twins: ``emu/bold.py``, ``rtl/bold.py``.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice, product
from math import log2
from typing import Annotated, Any, ClassVar, NamedTuple, Self

from pydantic import Field, model_validator

from zimu.golden.errors import InputError, check_range
from zimu.golden.pointwise import PointwiseConfig, PointwiseReference
from zimu.golden.prng import Stream, WordStream
from zimu.golden.rule import DEPTH, Counter, Integer, Value, identifier
from zimu.golden.vectors import Stimulus, VectorSet


class BoldCounters(NamedTuple):
    """What the unit counts; 32 bits wide, wrapping, since the last seed."""

    steps: int
    saturations: int
    """Accumulators that were clipped at a rail."""
    flips: int
    """Weights that flipped."""
    last_flips: Annotated[int, Counter(latest=True)]
    """Weights that flipped in the last step, of which `BoldConfig.retention` makes B."""


class BoldConfig(PointwiseConfig):
    """A unit that flips Boolean weights.

    Parameters
    ----------
    accumulator_bits : width of m, two's complement, 2..32.
    vote_bits : width of a vote q, two's complement, 2..16.
    fraction_bits : f, so that a weight flips where m reaches 2^f, 0..accumulator_bits - 2.
    retention_bits : k, fraction bits of beta, 1..16.
    name, depth, lanes, prng : as `PointwiseConfig`; nothing here is random.
    """

    rule: ClassVar[str] = "bold"
    counters: ClassVar[type] = BoldCounters
    usage: ClassVar[str] = "bold:BITS[:OPTION...]"
    examples: ClassVar[tuple[str, ...]] = ("bold:8", "bold:16")

    accumulator_bits: int = Field(ge=2, le=32)
    vote_bits: int = Field(ge=2, le=16)
    fraction_bits: int = Field(ge=0, le=30)
    retention_bits: int = Field(ge=1, le=16)

    @model_validator(mode="after")
    def _accumulator_reaches_the_threshold(self) -> Self:
        most = self.accumulator_bits - 2
        if self.fraction_bits > most:
            raise ValueError(
                f"fraction_bits = {self.fraction_bits}: must be in 0..{most}, so that m can reach 2^fraction_bits "
                f"(accumulator_bits = {self.accumulator_bits})"
            )
        return self

    @property
    def rounding_bits(self) -> int:
        return 0

    @property
    def weight(self) -> Integer:
        """1 is +1, 0 is -1."""
        return Integer(1)

    @property
    def gradient(self) -> Integer:
        """A vote q: positive where +1 is too much."""
        return Integer(self.vote_bits, signed=True)

    @property
    def memories(self) -> dict[str, Integer]:
        return {"accumulator": Integer(self.accumulator_bits, signed=True)}

    @property
    def values(self) -> dict[str, Value]:
        return {"shift": Value((self.accumulator_bits - 1).bit_length()), "retention": Value(self.retention_bits + 1)}

    @property
    def threshold(self) -> int:
        """2^f."""
        return 1 << self.fraction_bits

    @property
    def description(self) -> str:
        """One line for a reader."""
        return (
            f"Boolean weights flipped by accumulators of {self.accumulator_bits} bits, votes of {self.vote_bits} bits"
            + self._throughout
        )

    def driven(self, learning_rate: float, shape: Sequence[int], exponent: int) -> dict[str, Any]:
        """The learning rate is eta, 2^(shift - fraction_bits), a power of two; the retention is of the flips before."""
        if learning_rate <= 0 or not log2(learning_rate).is_integer():
            raise InputError(f"learning_rate = {learning_rate!r}: must be a power of two")
        return {"shift": int(log2(learning_rate)) + self.fraction_bits}

    def registers(self, *, shift: int, retention: int) -> dict[str, int]:
        """The run-time values e, 0..accumulator_bits-1, and B, 0..2^k, if they are in range; `InputError` otherwise."""
        return {
            "shift": check_range("shift", shift, 0, self.accumulator_bits - 1),
            "retention": check_range("retention", retention, 0, 1 << self.retention_bits),
        }

    def retention(self, flips: int) -> int:
        """B, the share of weights that did not flip where ``flips`` did in the step before: floor((d - flips) 2^k / d).

        It is 2^k before the first step.
        """
        kept = self.depth - check_range("flips", flips, 0, self.depth)
        return (kept << self.retention_bits) // self.depth

    @classmethod
    def from_words(cls, name: str, words: Sequence[str]) -> Self:
        """``bold:BITS``: accumulators of so many bits that hold 4 times the threshold, votes of 8, beta of 8."""
        if not re.fullmatch("[0-9]{1,3}", words[0]):
            raise InputError(f"{name!r}: must be {cls.usage}, the width of the accumulators")
        bits = check_range("BITS", int(words[0]), 4, 32)
        widths: dict[str, Any] = {"accumulator_bits": bits, "fraction_bits": bits - 3}
        widths |= cls._from_options(name, words[1:], {}, {})
        return cls(name=identifier(name), depth=DEPTH, vote_bits=8, retention_bits=8, **widths)


def step(config: BoldConfig, w: int, m: int, q: int, *, shift: int, retention: int) -> tuple[int, int, bool, bool]:
    """The new weight and accumulator of one weight, whether m was clipped, and whether w flipped.

    The product is cut towards zero, so that an accumulator without votes decays to 0 from both sides.
    """
    product = retention * m
    kept = abs(product) >> config.retention_bits
    wanted = (kept if product >= 0 else -kept) + (q << shift)
    low, high = config.memories["accumulator"].limits
    held = min(max(wanted, low), high)
    flips = held >= config.threshold if w else -held >= config.threshold
    return (1 - w, 0, held != wanted, True) if flips else (w, held, held != wanted, False)


class ReferenceBold(PointwiseReference[BoldConfig]):
    """The scalar reference of a whole unit.

    Parameters
    ----------
    config, seed : as `PointwiseReference`; the seed clears the counters and nothing else.
    """

    def step(self, weights: list[int], gradients: list[int], *, shift: int, retention: int) -> list[int]:
        """Take one step and return the new weights; ``gradients`` are the votes."""
        weights, gradients = self.checked(weights, gradients)
        values = self.config.registers(shift=shift, retention=retention)
        triples = zip(weights, self.memories["accumulator"], gradients, strict=True)
        results = [step(self.config, *each, **values) for each in triples]
        self.memories["accumulator"] = [m for _, m, _, _ in results]
        flips = sum(flipped for *_, flipped in results)
        self.count(saturations=sum(clipped for _, _, clipped, _ in results), flips=flips, last_flips=flips)
        return [w for w, *_ in results]


def vector_sets() -> Iterator[VectorSet]:
    """The frozen sets: each end of every range, both signs at the threshold and beside it, decay from both sides."""
    words = (row[0] for row in WordStream("xoshiro128++", 0xB01D, Stream.TRIALS, 1).rows())

    def numbers(kind: Integer, count: int) -> list[int]:
        return [(word >> (32 - kind.bits)) + kind.limits[0] for word in islice(words, count)]

    for name, bits, fraction, votes, retention in (
        ("bold", 8, 5, 8, 8),
        ("bold_2", 2, 0, 2, 1),
        ("bold_4", 4, 2, 3, 2),
        ("bold_16", 16, 13, 8, 16),
        ("bold_32", 32, 30, 16, 16),
    ):
        widths: dict[str, Any] = {
            "accumulator_bits": bits,
            "fraction_bits": fraction,
            "vote_bits": votes,
            "retention_bits": retention,
        }
        config = BoldConfig(name=name, depth=13, lanes=4, **widths)
        threshold, whole = config.threshold, 1 << retention
        low, high = config.memories["accumulator"].limits
        near = [sign * threshold + beside for sign in (-1, 1) for beside in (-1, 0, 1)]
        corners = [min(max(m, low), high) for m in (low, high, *near, 0, 1, -1, 3, -3)]
        memory = {"weights": numbers(config.weight, 13), "accumulator": corners}
        still = [0] * 13
        runs = [(still, 0, whole), (still, 0, whole - 1), (still, 0, whole // 2), (still, 0, 1)]
        ends = product((0, bits - 1, bits // 2), (whole, 0, whole - 1))
        runs += [(numbers(config.gradient, 13), shift, b) for shift, b in ends]
        runs += [(numbers(config.gradient, 13), fraction // 2, config.retention(flips)) for flips in (0, 5, 13)]
        stimuli = (Stimulus(q, {"shift": shift, "retention": b}) for q, shift, b in runs)
        yield VectorSet.record(config, 0, memory, stimuli)


CONFIG, REFERENCE, VECTOR_SETS = BoldConfig, ReferenceBold, vector_sets
