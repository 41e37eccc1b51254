"""What every emulated unit offers, whatever its rule, and how one is made from a configuration."""

import os
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from zimu.emu.arrays import Array
from zimu.golden.rule import RuleConfig
from zimu.golden.rules import RULES


class UpdateUnit(Protocol):
    """A unit of any rule; what its ``values`` are says its configuration's `RuleConfig.registers`."""

    @property
    def counters(self) -> Any:
        """A named tuple of the counters as the registers show them, since the seed."""

    @property
    def weight_dtype(self) -> Any:
        """The dtype of the weights that `step` takes."""

    @property
    def gradient_dtype(self) -> Any:
        """The dtype of the gradients that `step` takes."""

    def step(self, weights: Array, gradients: Array, **values: Any) -> Any:
        """Take one step: ``weights``, shape (depth,), are updated in place."""

    def step_patterns(self, weights: list[int], gradients: list[int], **registers: int) -> list[int]:
        """Take one step on integers as the hardware holds them, and return the new weights."""

    @property
    def torn(self) -> bool:
        """Whether a step was broken off, so that the unit takes no other; see `zimu.emu.states.Resumable`."""

    def state(self) -> Any:
        """All there is to save between two steps, plain values that JSON carries unchanged; for ``restore``."""

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the state to a JSON file, whole or not at all; for ``load``."""


def make_unit(config: RuleConfig, seed: int = 0, threads: int = 1) -> UpdateUnit:
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
    rule = RULES[config.rule]
    unit: UpdateUnit = getattr(import_module(f"zimu.emu.{rule.module}"), rule.unit)(config, seed, threads)
    return unit
