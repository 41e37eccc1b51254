"""The ``inverse`` sampler: inverse CDF, trial by trial, by masked rejection.

Twins: ``emu/sampler.py``, ``rtl/sampler.py``.
"""

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any, ClassVar

from zimu.golden.gate import gate
from zimu.golden.momentum import MAX_BITS
from zimu.golden.prng import Stream, WordStream

if TYPE_CHECKING:  # the configuration asks the samplers what they have
    from zimu.golden.unit import UnitConfig


def masses(gradients: list[int], smoothing: int) -> list[int]:
    """The masses |g_i| + c; their sum is W."""
    return [abs(g) + smoothing for g in gradients]


def draws(words: Iterator[int], draw_words: int, mass: int) -> Iterator[int]:
    """Yield every candidate u, accepted or not: the low ceil(log2 W) bits of the next one or two words.

    A draw always takes ``draw_words`` words, the first being the low one. It is accepted where u < ``mass``.
    """
    mask = 2 ** (mass - 1).bit_length() - 1
    while True:
        yield sum(next(words) << (32 * i) for i in range(draw_words)) & mask


def select(prefix: list[int], u: int) -> int:
    """The smallest i with prefix_i > u, where prefix_i = sum of the masses 0..i."""
    return bisect_right(prefix, u)


def prefix_sums(weight_masses: list[int]) -> list[int]:
    """Inclusive prefix sums."""
    return list(accumulate(weight_masses))


class Sampler(ABC):
    """What a sampler is to the unit and to its configuration: its streams, its draws, and the fields that only it has.

    Parameters
    ----------
    config : a configuration with this sampler.
    seed : 64-bit seed.
    """

    circuit_fields: ClassVar[frozenset[str]]
    """Those of its fields that change no bit."""

    @staticmethod
    @abstractmethod
    def fields(given: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a configuration that only this sampler has, with their defaults where others are ``given``."""

    @staticmethod
    @abstractmethod
    def check(config: "UnitConfig") -> None:
        """`ValueError` with one line unless the fields fit each other."""

    @staticmethod
    @abstractmethod
    def gate_lanes(config: "UnitConfig") -> int:
        """Interleaved generators of the gate stream."""

    @staticmethod
    @abstractmethod
    def describe(config: "UnitConfig") -> str:
        """A few words for a reader."""

    @abstractmethod
    def __init__(self, config: "UnitConfig", seed: int) -> None: ...

    @abstractmethod
    def open(self, words: Iterator[int], trials: int, threshold: int) -> int:
        """How many of ``trials`` pass the gate of every trial, ``words`` being those of its stream."""

    @abstractmethod
    def draw(self, weight_masses: list[int], trials: int) -> tuple[list[int], int]:
        """Draw ``trials`` accepted draws: a count for each weight, and the draws rejected."""


class InverseSampler(Sampler):
    """The stream of the ``inverse`` sampler, and a step's counts drawn with it."""

    circuit_fields = frozenset({"form", "probe"})

    @staticmethod
    def fields(given: Mapping[str, Any]) -> dict[str, Any]:
        return {"form": "search", "probe": None, "momentum_bits": None, "trials_shift": None}

    @staticmethod
    def check(config: "UnitConfig") -> None:
        if config.probe is not None and config.probe > config.lanes:
            raise ValueError(f"probe = {config.probe}: must be a power of two in 1..{config.lanes}, the lanes")
        least = config.gradient_bits + 1
        if config.momentum_bits is not None and config.momentum_bits < least:
            if least > MAX_BITS:
                raise ValueError(f"gradient_bits = {config.gradient_bits}: must be in 2..{MAX_BITS - 1} with momentum")
            raise ValueError(
                f"momentum_bits = {config.momentum_bits}: must be in {least}..{MAX_BITS}, above a gradient's"
            )

    @staticmethod
    def gate_lanes(config: "UnitConfig") -> int:
        return 1

    @staticmethod
    def describe(config: "UnitConfig") -> str:
        return str(config.form)

    def __init__(self, config: "UnitConfig", seed: int) -> None:
        self.config = config
        self.trials = WordStream(config.prng, seed, Stream.TRIALS, config.prng_lanes)

    def open(self, words: Iterator[int], trials: int, threshold: int) -> int:
        """One word for each trial."""
        return sum(gate(next(words), self.config.gate_bits, threshold) for _ in range(trials))

    def draw(self, weight_masses: list[int], trials: int) -> tuple[list[int], int]:
        """A draw at a time, in the order of the words."""
        counts, rejected = [0] * len(weight_masses), 0
        prefix = prefix_sums(weight_masses)
        candidates = draws(chain.from_iterable(self.trials.rows()), self.config.draw_words, prefix[-1])
        for _ in range(trials):
            while (u := next(candidates)) >= prefix[-1]:
                rejected += 1
            counts[select(prefix, u)] += 1
        return counts, rejected
