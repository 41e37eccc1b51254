"""What a bench feeds a unit: the interface of a rule's source of operands, and how it is found.

The source of a rule is the class `Operands` in the file of ``sim`` that bears the name of the rule's module.
"""

import random
from importlib import import_module
from typing import Any, Protocol

from zimu.golden.rule import RuleConfig
from zimu.golden.rules import RULES
from zimu.sim.jobs import Inputs, Memory


class OperandSource(Protocol):
    """Random operands with every corner of a rule; what is drawn follows from the generator given."""

    def memory(self, rng: random.Random) -> Memory:
        """What the memory holds when an episode begins."""

    def inputs(self, rng: random.Random) -> Inputs:
        """What goes into one step."""

    def clocks(self, rng: random.Random) -> int:
        """After how many clocks of a step, at least one, a reset may stop it."""


def operands_of(config: RuleConfig) -> OperandSource:
    """The source for a configuration of any rule."""
    source: Any = import_module(f"zimu.sim.{RULES[config.rule].module}")
    made: OperandSource = source.Operands(config)
    return made
