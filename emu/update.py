"""What every emulated unit is, whatever its rule: its arrays, its counters, its state; and how one is made.

Twins: ``golden/update.py``, ``rtl/update.py``. The units: ``emu/unit.py``, and ``emu/pointwise.py`` for rules that work
weight by weight.
"""

from abc import abstractmethod
from collections.abc import Sequence
from importlib import import_module
from operator import add
from typing import Any, Generic, Self, TypedDict, TypeVar

import numpy as np

from zimu.emu.arrays import ArrayKind, ArrayPair, aligned, integer_dtype
from zimu.emu.parallel import check_threads
from zimu.emu.prng import WordStream
from zimu.emu.reals import Encoding
from zimu.emu.states import (
    Resumable,
    check_intact,
    check_origin,
    checked_counters,
    checked_memories,
    checksum,
    restore_streams,
)
from zimu.golden.errors import check_range
from zimu.golden.rule import CONTRACT_VERSION, RULES, RuleConfig, counters_of, zero_counters
from zimu.golden.scaling import Scaling

Config = TypeVar("Config", bound=RuleConfig)


class UnitState(TypedDict):
    """All there is to save between two steps; plain values that JSON carries unchanged."""

    contract_version: int
    config: dict[str, Any]
    streams: dict[str, list[int]]
    """State words of each stream, generator after generator."""
    counters: dict[str, int]
    memories: dict[str, list[int]]
    """What is kept for each weight beside it, as the hardware holds it."""
    checksum: str
    """As `zimu.emu.states.checksum`."""


class UpdateUnit(Resumable, Generic[Config]):
    """Base of the units, bit for bit what the contract says.

    What follows from a configuration, a seed and the arguments of the steps is fixed by the contract and changes only
    with its version.

    Parameters
    ----------
    config : the configuration.
    seed : 64-bit seed of all streams.
    threads : the most threads a step may use, 1..256; they change no bit.

    Attributes
    ----------
    arrays : what the arrays that `step` takes must be, where they are of integers.
    weight_dtype, gradient_dtype : their dtypes: the smallest integers that hold a value.
    memories : for each of the configuration's memories an array of shape (depth,) of the smallest integers that hold
        a value; at first all are its `zimu.golden.rule.Integer.initial`.

    Raises
    ------
    InputError
        ``seed`` is not in 0..2^64-1, or ``threads`` out of range.
    """

    def __init__(self, config: Config, seed: int = 0, threads: int = 1) -> None:
        self.config = config
        self.seed = check_range("seed", seed, 0, 2**64 - 1)
        self.threads = check_threads(threads)
        shape = (config.depth,)
        gradients = ArrayKind.of("gradients", shape, config.gradient)
        self.arrays = ArrayPair(ArrayKind.of("weights", shape, config.weight), gradients)
        self.weight_dtype, self.gradient_dtype = self.arrays.weights.dtype, self.arrays.gradients.dtype
        self.memories = {
            name: aligned(config.depth, integer_dtype(kind), kind.initial) for name, kind in config.memories.items()
        }
        self._kinds = [((1 << kind.bits) - 1, kind.latest) for kind in counters_of(config.counters).values()]
        self._sums: Sequence[int] = zero_counters(config.counters)
        self._latest = self._sums

    @property
    def counters(self) -> Any:
        """The rule's named tuple of counters as the registers show them: since the seed, wrapping."""
        counted = zip(self._kinds, self._sums, self._latest, strict=True)
        return self.config.counters(*[(now if latest else total) & mask for (mask, latest), total, now in counted])

    @abstractmethod
    def streams(self) -> dict[str, WordStream]:
        """The streams of random words by name."""

    @abstractmethod  # a signature that each rule replaces by its own
    def step(self, *args: Any, **values: Any) -> Any:
        """Take one step: ``weights`` are updated in place; what ``values`` are says `RuleConfig.registers`.

        Parameters
        ----------
        weights : shape (depth,), dtype `weight_dtype`, C-contiguous, writeable.
        gradients : shape (depth,), dtype `gradient_dtype`, C-contiguous.
        values : by name.

        Raises
        ------
        InputError
            an argument is refused, or the unit is torn; weights and state are as before.
        """

    # A signature that a rule may replace by its own.
    def registers(self, *args: Any, **values: Any) -> dict[str, int]:
        """The run-time values of the next step as the hardware holds them; `InputError` where one cannot be."""
        return self.config.registers(*args, **values)

    @abstractmethod
    def encoding(self, scale: int, scaling: Scaling) -> Encoding:
        """Between real numbers and the arrays of `step`.

        Parameters
        ----------
        scale : 2^scale is what a weight of one is worth, where weights are integers.
        scaling : of gradients, where they are integers.
        """

    def step_patterns(self, weights: list[int], gradients: list[int], **registers: int) -> list[int]:
        """`step` on integers as the hardware holds them, which must fit the dtypes; returns the new weights."""
        array = np.array(weights, self.weight_dtype)
        self.step(array, np.array(gradients, self.gradient_dtype), **registers)
        return [int(weight) for weight in array]

    def count(self, *step: int) -> None:
        """Count a step, which is then whole: what it adds to each of the counters but ``steps``, in their order."""
        # Cut to their widths when they are read: that takes as long as all else in a step of a small unit.
        self._latest = latest = (1, *step)
        self._sums = tuple(map(add, self._sums, latest))
        self._torn = False

    def state(self) -> UnitState:
        """The state between two steps, for `restore`; `InputError` if the unit is torn."""
        self.check_whole()
        state = UnitState(
            contract_version=CONTRACT_VERSION,
            config=self.config.model_dump(),
            streams={name: stream.state.tolist() for name, stream in self.streams().items()},
            counters=self.counters._asdict(),
            memories={name: values.tolist() for name, values in self.memories.items()},
            checksum="",
        )
        state["checksum"] = checksum(state)
        return state

    @classmethod
    def restore(cls, config: Config, state: UnitState, threads: int = 1) -> Self:
        """A unit that continues from a saved state with the same bits.

        Raises
        ------
        InputError
            the state is not one of this configuration and contract version, or is damaged.
        """
        unit = cls(config, 0, threads)
        unit.resume(state)
        return unit

    def resume(self, state: UnitState) -> None:
        """Go on from a saved state, in place; a unit that then raises the errors of `restore` is of no more use."""
        config = self.config
        check_intact(state, UnitState.__annotations__)
        check_origin(config, state["config"], config.circuit_fields)
        restore_streams(self.streams(), state["streams"])
        widths = {name: counter.bits for name, counter in counters_of(config.counters).items()}
        self._sums = self._latest = config.counters(**checked_counters(state["counters"], widths))
        limits = {name: kind.limits for name, kind in config.memories.items()}
        for name, values in checked_memories(state["memories"], config.depth, limits).items():
            self.memories[name][:] = values


def make_unit(config: RuleConfig, seed: int = 0, threads: int = 1) -> UpdateUnit[Any]:
    """The emulated unit of a configuration of any rule.

    Parameters
    ----------
    config : the configuration.
    seed : 64-bit seed of all streams.
    threads : the most threads a step may use; they change no bit.

    Raises
    ------
    InputError
        ``seed`` or ``threads`` is out of range.
    """
    unit: UpdateUnit[Any] = import_module(f"zimu.emu.{RULES[config.rule]}").UNIT(config, seed, threads)
    return unit


class ListUnit:
    """An emulated unit behind the interface of the scalar reference: ``VectorSet.replay(ListUnit)``.

    Parameters
    ----------
    config : the configuration, of any rule.
    seed : 64-bit seed of all streams.

    Attributes
    ----------
    emulator : the unit.
    memories : those of the unit.
    """

    def __init__(self, config: RuleConfig, seed: int) -> None:
        self.emulator = make_unit(config, seed)
        self.memories = self.emulator.memories

    @property
    def counters(self) -> Any:
        """Cumulative counters."""
        return self.emulator.counters

    def step(self, weights: list[int], gradients: list[int], **registers: int) -> list[int]:
        """Take one step and return the new weights; all are integers as the hardware holds them."""
        return self.emulator.step_patterns(weights, gradients, **registers)
