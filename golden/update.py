"""What every scalar reference is, whatever its rule: its memories, its counters, its checks; and how one is made.

Twins: ``emu/update.py``, ``rtl/update.py``.
"""

from abc import ABC, abstractmethod
from importlib import import_module
from typing import Any, Generic, TypeVar

from zimu.golden.errors import check_range
from zimu.golden.rule import RULES, RuleConfig, add_counters, check_vector, counters_of, zero_counters

Config = TypeVar("Config", bound=RuleConfig)


class Reference(ABC, Generic[Config]):
    """Base of the scalar references of whole units: plain Python integers, slow on purpose.

    Parameters
    ----------
    config : the configuration.
    seed : 64-bit seed of all random words.

    Attributes
    ----------
    counters : the named tuple of the configuration's rule.
    memories : for each of the configuration's memories a list of ``depth`` integers.
    """

    def __init__(self, config: Config, seed: int) -> None:
        self.config = config
        self.seed = check_range("seed", seed, 0, 2**64 - 1)
        self.counters: Any = zero_counters(config.counters)
        self.memories = {name: [kind.initial] * config.depth for name, kind in config.memories.items()}

    @abstractmethod  # a signature that each rule replaces by its own
    def step(self, *args: Any, **registers: Any) -> list[int]:
        """Take one step on weights, gradients and run-time values, and return the new weights.

        All are integers as the hardware holds them. A refused argument, `InputError`, changes nothing.
        """

    def checked(self, weights: list[int], gradients: list[int]) -> tuple[list[int], list[int]]:
        """Both as plain ints, for those of other libraries wrap; `InputError` unless all are in range."""
        config = self.config
        return (
            check_vector("weights", weights, config.depth, *config.weight.limits),
            check_vector("gradients", gradients, config.depth, *config.gradient.limits),
        )

    def count(self, **step: int) -> None:
        """Count a step; what is not named counted nothing."""
        names, counted = counters_of(self.config.counters), {"steps": 1} | step
        assert counted.keys() <= names.keys(), f"counters are {', '.join(names)}, not {', '.join(step)}"
        self.counters = add_counters(self.counters, [counted.get(name, 0) for name in names])


def reference(config: RuleConfig, seed: int) -> Reference[Any]:
    """The scalar reference of a configuration of any rule."""
    made: Reference[Any] = import_module(f"zimu.golden.{RULES[config.rule]}").REFERENCE(config, seed)
    return made
