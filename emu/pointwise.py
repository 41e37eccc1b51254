"""What the rules share that change each weight by its own gradient alone: rounding bits, threads, counters, state.

The rules: ``emu/float_sgd.py``, ``emu/int_sgd.py``. Twins: ``golden/pointwise.py``, ``rtl/pointwise.py``.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Generic, Self, TypedDict, TypeVar

import numpy as np
from numpy.typing import NDArray

from zimu.emu.arrays import Array
from zimu.emu.kernel import kernel
from zimu.emu.parallel import check_threads, spread
from zimu.emu.prng import ROUND_STREAM, Words, WordStream
from zimu.emu.states import Resumable, check_intact, check_origin, checked_counters, checksum, restore_streams
from zimu.golden.config import CONTRACT_VERSION
from zimu.golden.errors import InputError, check_range
from zimu.golden.pointwise import PointwiseConfig, PointwiseCounters
from zimu.golden.rule import WORD_BITS

Config = TypeVar("Config", bound=PointwiseConfig)

BLOCK = 2**14
"""Weights worked on at a time where bits are random: what they need lies in cache."""

Random = NDArray[np.uint32]
"""Rounding bits of some weights. It has a name because a nested function makes its annotations anew at each step."""

_NO_BITS = np.empty(0, np.uint32)


class PointwiseState(TypedDict):
    """All there is to save between two steps; plain values that JSON carries unchanged."""

    contract_version: int
    config: dict[str, Any]
    streams: dict[str, list[int]]
    """State words of the rounding stream, generator after generator; empty where nothing is random."""
    counters: dict[str, int]
    velocities: list[int]
    """Patterns; empty where there is no momentum."""
    checksum: str
    """As `zimu.emu.states.checksum`."""


class PointwiseUnit(Resumable, Generic[Config]):
    """Base of the units.

    Parameters
    ----------
    config : the configuration.
    seed : 64-bit seed of the rounding bits.
    threads : the most threads a step may use, 1..256; they change no bit.

    Attributes
    ----------
    velocities : shape (depth,), patterns of the weights' velocities; empty without momentum.

    Raises
    ------
    InputError
        ``seed`` is not in 0..2^64-1, or ``threads`` out of range.
    """

    CHANGES_NO_BIT: ClassVar[tuple[str, ...]] = ("name",)
    """Fields of a configuration that say how a circuit is built; ``lanes`` and ``prng`` too where nothing is random."""

    def __init__(self, config: Config, seed: int = 0, threads: int = 1) -> None:
        seed = check_range("seed", seed, 0, 2**64 - 1)
        self.threads = check_threads(threads)
        self.config = config
        self.velocities: Array = np.empty(0, np.uint32)
        self._counters = PointwiseCounters(0, 0)
        words = config.row_words
        self._stream = WordStream(config.prng, seed, ROUND_STREAM, words) if words else None

    @property
    def counters(self) -> PointwiseCounters:
        """The counters as the registers show them: since the seed, wrapping."""
        return self._counters

    @abstractmethod
    def step_patterns(self, weights: list[int], gradients: list[int], **registers: int) -> list[int]:
        """Take one step on values as the hardware holds them, integers, and return the new weights."""

    def state(self) -> PointwiseState:
        """The state between two steps, for `restore`; `InputError` if the unit is torn."""
        self.check_whole()
        state = PointwiseState(
            contract_version=CONTRACT_VERSION,
            config=self.config.model_dump(),
            streams={name: stream.state.tolist() for name, stream in self._streams().items()},
            counters=self._counters._asdict(),
            velocities=self.velocities.tolist(),
            checksum="",
        )
        state["checksum"] = checksum(state)
        return state

    @classmethod
    def restore(cls, config: Config, state: PointwiseState, threads: int = 1) -> Self:
        """A unit that continues from a saved state with the same bits.

        Raises
        ------
        InputError
            the state is not one of this configuration and contract version, or is damaged.
        """
        check_intact(state, PointwiseState.__annotations__)
        of_random_bits = () if config.row_words else ("lanes", "prng")
        check_origin(config, state["config"], (*cls.CHANGES_NO_BIT, *of_random_bits))
        unit = cls(config, threads=threads)
        restore_streams(unit._streams(), state["streams"])
        widths = dict.fromkeys(PointwiseCounters._fields, WORD_BITS)
        unit._counters = PointwiseCounters(**checked_counters(state["counters"], widths))
        unit._restore_velocities(state["velocities"])
        return unit

    def _streams(self) -> dict[str, WordStream]:
        return {"round": self._stream} if self._stream else {}

    def _restore_velocities(self, saved: list[int]) -> None:
        if not isinstance(saved, list) or len(saved) != self.velocities.size:
            raise InputError(f"state velocities is damaged: must be a list of {self.velocities.size} patterns")
        low, high = 0, int(np.iinfo(self.velocities.dtype).max)
        self.velocities[:] = [check_range(f"state velocities[{i}]", v, low, high) for i, v in enumerate(saved)]

    def _walk(self, part: Callable[[int, int, Random], int]) -> int:
        """Begin a step: call ``part(first, last, random)`` for all weights; the sum of what it returns.

        ``random`` has the rounding bits of the weights ``first .. last - 1``; it is empty where nothing is random, and
        then threads share the weights.
        """
        config = self.config
        self.begin()
        if self._stream is None:
            sums: list[int] = []
            spread(
                lambda first, last: sums.append(part(first, last, _NO_BITS)), config.depth, config.depth, self.threads
            )
            return sum(sums)
        total = 0
        block = min(max(BLOCK // config.lanes, 1), config.beats)
        words = np.empty(block * config.row_words, np.uint32)
        random = np.empty(block * config.lanes, np.uint32)
        for beat in range(0, config.beats, block):
            first, beats = beat * config.lanes, min(config.beats - beat, block)
            last = min(first + beats * config.lanes, config.depth)
            self._stream.read(words[: beats * config.row_words])
            cut_words(words, random[: last - first], config.lanes, config.row_words, config.rounding_bits)
            total += part(first, last, random[: last - first])
        return total

    def _count(self, saturations: int = 0) -> None:
        """Count a step, which is then whole, and the weights it clipped."""
        steps, clipped = self._counters
        self._counters = PointwiseCounters(steps + 1 & 2**WORD_BITS - 1, clipped + saturations & 2**WORD_BITS - 1)
        self._torn = False


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
            random[i] = words[beat * row_words + lane // share] >> bits * (lane % share) & mask
