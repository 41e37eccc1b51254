"""Inputs for a bench, whatever the rule, and what the emulator makes of them.

The random operands of a rule are ``OPERANDS`` in the file of ``sim`` that bears its name in `zimu.golden.rule.RULES`.
"""

import random
from collections.abc import Iterable
from dataclasses import replace
from importlib import import_module
from typing import Any, Protocol

from zimu.emu.update import ListUnit
from zimu.golden.errors import check_range
from zimu.golden.rule import RULES, RuleConfig
from zimu.golden.vectors import Memory, Step, Stimulus, VectorSet, take_steps
from zimu.sim.bench import Episode

MAX_STEPS = 10**6
"""The most steps of a run or a set."""


class OperandSource(Protocol):
    """Random operands with every corner of a rule; what is drawn follows from the generator given."""

    def memory(self, rng: random.Random) -> Memory:
        """What the memory holds when an episode begins."""

    def stimulus(self, rng: random.Random) -> Stimulus:
        """What goes into one step."""

    def clocks(self, rng: random.Random) -> int:
        """After how many clocks of a step, at least one, a reset may stop it."""


def operands_of(config: RuleConfig) -> OperandSource:
    """The source for a configuration of any rule: ``OPERANDS`` of the rule's file."""
    made: OperandSource = import_module(f"zimu.sim.{RULES[config.rule]}").OPERANDS(config)
    return made


class Deck:
    """Corners of an input, dealt one at a time and each as often as any other.

    The first time in the order given, by which short runs meet first what finds most; then in any order.
    """

    def __init__(self, cards: Iterable[Any]) -> None:
        self._cards = list(cards)
        self._left = self._cards[::-1]

    def deal(self, rng: random.Random) -> Any:
        """The next corner."""
        self._left = self._left or rng.sample(self._cards, len(self._cards))
        return self._left.pop()


def near_rails(rng: random.Random, limits: tuple[int, int], count: int) -> list[int]:
    """Integers of a range, uniform or half of them at its ends."""
    low, high = limits
    near = rng.random() < 0.5
    return [
        rng.choice([low, low + 1, high - 1, high]) if near and rng.random() < 0.5 else rng.randint(low, high)
        for _ in range(count)
    ]


def expect(config: RuleConfig, seed: int, memory: Memory, stimuli: Iterable[Stimulus]) -> list[Step]:
    """The steps of an episode with the emulator's answers."""
    return list(take_steps(ListUnit(config, seed), memory, stimuli))


def random_vectors(config: RuleConfig, seed: int, steps: int) -> VectorSet:
    """A vector set of ``steps`` random steps, 1..10^6, recorded from the scalar reference."""
    check_range("steps", steps, 1, MAX_STEPS)
    rng = random.Random(f"{seed} vectors")
    source = operands_of(config)
    memory = source.memory(rng)
    # A set has no steps before which the memory is written.
    stimuli = (replace(source.stimulus(rng), memory={}) for _ in range(steps))
    return VectorSet.record(config, seed, memory, stimuli)


def random_episodes(config: RuleConfig, seed: int, steps: int, longest: int = 24) -> list[Episode]:
    """Episodes with ``steps`` steps in all, new seeds with and without a reset, and every corner of the inputs.

    The steps of a shorter run are the first ones of a longer run. No episode has more than ``longest``.
    """
    rng = random.Random(f"{seed} episodes")
    # Steps that are not compared take no corner from those that are.
    source, stopped = operands_of(config), operands_of(config)
    episodes: list[Episode] = []
    while steps:
        count = min(steps, rng.randint(1, longest))
        steps -= count
        # Everything of an episode that is not a step comes first: a shorter run then begins like a longer one.
        own_seed, memory = rng.getrandbits(64), source.memory(rng)
        answered = expect(config, own_seed, memory, [source.stimulus(rng) for _ in range(count)])
        abort = None
        if steps and len(episodes) % 2 == 0:
            # Every other time a new seed alone.
            clocks = stopped.clocks(rng)
            abort = (stopped.stimulus(rng), clocks)
        episodes.append(Episode(own_seed, memory, answered, abort))
    return episodes
