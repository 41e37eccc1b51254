"""Inputs for a bench, and what the emulator makes of them."""

import random
from collections.abc import Iterable
from typing import Any

from zimu.emu.update import make_unit
from zimu.golden.config import UnitConfig
from zimu.golden.errors import check_range
from zimu.golden.rule import RuleConfig
from zimu.golden.vectors import VectorSet
from zimu.sim.jobs import Episode, Inputs, Memory, Step
from zimu.sim.operands import operands_of
from zimu.sim.unit import Operands

MAX_STEPS = 10**6
"""The most steps of a run or a set."""


def expect(config: RuleConfig, seed: int, memory: Memory, inputs: Iterable[Inputs]) -> list[Step]:
    """The steps of an episode with the emulator's answers."""
    unit: Any = make_unit(config, seed)
    weights = memory["weights"]
    steps = []
    for each in inputs:
        weights = each.memory.get("weights", weights)
        if "velocities" in each.memory:
            unit.velocities[:] = each.memory["velocities"]
        weights = unit.step_patterns(weights, list(each.gradients), **each.registers)
        after = {"weights": weights}
        if "velocities" in memory:
            after["velocities"] = [int(v) for v in unit.velocities]
        steps.append(Step(each, after, unit.counters._asdict()))
    return steps


def random_vectors(config: UnitConfig, seed: int, steps: int) -> VectorSet:
    """A vector set of ``steps`` random steps, 1..10^6, recorded from the scalar reference."""
    check_range("steps", steps, 1, MAX_STEPS)
    rng = random.Random(f"{seed} vectors")
    source = Operands(config)
    weights = source.memory(rng)["weights"]
    return VectorSet.record(config, seed, weights, (source.stimulus(rng) for _ in range(steps)))


def random_episodes(config: RuleConfig, seed: int, steps: int) -> list[Episode]:
    """Episodes with ``steps`` steps in all, new seeds with and without a reset, and every corner of the inputs.

    The steps of a shorter run are the first ones of a longer run.
    """
    rng = random.Random(f"{seed} episodes")
    # Steps that are not compared take no corner from those that are.
    source, stopped = operands_of(config), operands_of(config)
    episodes: list[Episode] = []
    while steps:
        count = min(steps, rng.randint(1, 24))
        steps -= count
        # Everything of an episode that is not a step comes first: a shorter run then begins like a longer one.
        own_seed, memory = rng.getrandbits(64), source.memory(rng)
        answered = expect(config, own_seed, memory, [source.inputs(rng) for _ in range(count)])
        abort = None
        if steps and len(episodes) % 2 == 0:
            # Every other time a new seed alone.
            clocks = stopped.clocks(rng)
            abort = (stopped.inputs(rng), clocks)
        episodes.append(Episode(own_seed, memory, answered, abort))
    return episodes
