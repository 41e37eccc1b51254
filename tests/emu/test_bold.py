"""BOLD's emulator against the reference, on threads, from saved states, with its own retention."""

import json
import random

import numpy as np
import pytest

from zimu.emu.bold import Bold
from zimu.emu.update import ListUnit
from zimu.golden.bold import BoldConfig, ReferenceBold
from zimu.golden.vectors import take_steps
from zimu.sim.bold import Operands

WIDTHS = [(2, 0, 2, 1), (5, 2, 3, 4), (8, 5, 8, 8), (16, 13, 4, 16), (17, 3, 9, 9), (32, 30, 16, 16)]


def configure(bits=8, fraction=5, votes=8, retention=8, depth=37) -> BoldConfig:
    widths = {"accumulator_bits": bits, "fraction_bits": fraction, "vote_bits": votes, "retention_bits": retention}
    return BoldConfig(name="flips", depth=depth, **widths)


@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_steps_are_the_references(widths):
    config = configure(*widths)
    rng = random.Random(3)
    operands = Operands(config)
    memory, stimuli = operands.memory(rng), [operands.stimulus(rng) for _ in range(60)]
    steps = list(take_steps(ReferenceBold(config, 0), memory, stimuli))
    assert list(take_steps(ListUnit(config, 0), memory, stimuli)) == steps
    assert steps[-1].counters["flips"] > 60
    assert steps[-1].counters["saturations"]


def test_threads_change_no_bit():
    config = configure(depth=300_001)
    rng = np.random.default_rng(1)
    votes = rng.integers(-128, 128, (3, config.depth), np.int8)
    results = []
    for threads in (1, 3):
        unit, weights = Bold(config, 0, threads), np.zeros(config.depth, np.uint8)
        for each in votes:
            unit.step(weights, each, shift=0)
        results.append((weights.tobytes(), unit.memories["accumulator"].tobytes(), unit.counters))
    assert results[0] == results[1]


def test_the_retention_follows_the_flips_of_the_step_before():
    config = configure(depth=4)
    own, told = Bold(config), Bold(config)
    weights = np.array([0, 0, 1, 1], np.uint8)
    same = weights.copy()
    flips, seen = 0, []
    for votes in ([-40, 3, 5, -2], [1, 1, 40, 2], [9, -9, 2, 0], [0, 0, 0, 0]):
        array = np.array(votes, np.int8)
        own.step(weights, array, shift=0)
        told.step(same, array, shift=0, retention=config.retention(flips))
        flips = told.counters.last_flips
        seen.append(flips)
        assert own.state() == told.state()
        assert (weights == same).all()
    assert seen[:2] == [1, 1]


def test_a_saved_unit_goes_on_with_the_same_bits():
    config = configure()
    rng = np.random.default_rng(2)
    unit, weights = Bold(config, 0), np.ones(config.depth, np.uint8)
    for _ in range(3):
        unit.step(weights, rng.integers(-20, 40, config.depth).astype(np.int8), shift=0)
    again, other = Bold.restore(config, json.loads(json.dumps(unit.state()))), weights.copy()
    votes = rng.integers(-20, 40, config.depth).astype(np.int8)
    assert unit.step(weights, votes, shift=1) == again.step(other, votes, shift=1)
    assert (weights == other).all()
    assert unit.state() == again.state()
