"""Inputs for a bench, and what the emulator makes of them."""

import random
from collections.abc import Iterable, Iterator

from zimu.emu.replay import ListUnit
from zimu.golden.config import UnitConfig
from zimu.golden.vectors import Stimulus, VectorSet
from zimu.sim.jobs import Episode


def expect(config: UnitConfig, seed: int, weights: Iterable[int], stimuli: Iterable[Stimulus]) -> VectorSet:
    """The steps with the emulator's answers."""
    return VectorSet.record(config, seed, weights, stimuli, unit=ListUnit)


def random_vectors(config: UnitConfig, seed: int, steps: int) -> VectorSet:
    """A vector set of ``steps`` random steps, recorded from the scalar reference."""
    rng = random.Random(f"{seed} vectors")
    limit = _usual_trials(config)
    weights = _random_weights(config, rng)
    return VectorSet.record(config, seed, weights, (_random_stimulus(config, rng, limit) for _ in range(steps)))


def random_episodes(config: UnitConfig, seed: int, steps: int, max_trials: int | None = None) -> list[Episode]:
    """Episodes with ``steps`` steps in all, new seeds with and without a reset, and every corner of the inputs.

    The steps of a shorter run are the first ones of a longer run.

    Parameters
    ----------
    max_trials : upper bound of n; by default 2 sqrt(depth) + 16, so that small and large units take similar time.
    """
    rng = random.Random(f"{seed} episodes")
    limit = _usual_trials(config) if max_trials is None else max_trials
    episodes = []
    while steps:
        count = min(steps, rng.randint(1, 24))
        steps -= count
        # Everything of an episode that is not a step comes first: a shorter run then begins like a longer one.
        own_seed, weights = rng.getrandbits(64), _random_weights(config, rng)
        vectors = expect(config, own_seed, weights, [_random_stimulus(config, rng, limit) for _ in range(count)])
        abort = None
        if steps and rng.random() < 0.7:
            # A reset during the sum pass, or anywhere later.
            clocks = rng.randint(1, rng.choice([config.beats + 8, config.beats + 8 * limit]))
            abort = (_random_stimulus(config, rng, limit), clocks)
        episodes.append(Episode(vectors, abort))
    return episodes


def _usual_trials(config: UnitConfig) -> int:
    return round(2 * config.depth**0.5) + 16


def _random_stimulus(config: UnitConfig, rng: random.Random, limit: int) -> Stimulus:
    top = config.max_threshold
    return Stimulus(
        tuple(_random_gradients(config, rng)),
        rng.choice([0, 1, 2, rng.randint(0, limit), rng.randint(0, limit), limit]),
        rng.choice([0, 1, top // 2, top - 1, top, top, rng.randint(0, top), rng.randint(top // 2, top)]),
        rng.choice([0, 1 & config.max_smoothing, config.max_smoothing, rng.randint(0, config.max_smoothing)]),
    )


def _random_gradients(config: UnitConfig, rng: random.Random) -> Iterator[int]:
    low, high = config.gradient_range
    kind = rng.choice(["zero", "extreme", "sparse", "single", "small", "any", "any"])
    single = rng.randrange(config.depth)
    for i in range(config.depth):
        if kind == "zero" or (kind == "sparse" and rng.random() < 0.9) or (kind == "single" and i != single):
            yield 0
        elif kind == "extreme":
            yield rng.choice([low, high])
        elif kind == "small":
            yield rng.randint(-1, 1)
        else:
            yield rng.randint(low, high)


def _random_weights(config: UnitConfig, rng: random.Random) -> list[int]:
    low, high = config.weight_range
    near = rng.random() < 0.5
    return [
        rng.choice([low, low + 1, high - 1, high]) if near and rng.random() < 0.5 else rng.randint(low, high)
        for _ in range(config.depth)
    ]
