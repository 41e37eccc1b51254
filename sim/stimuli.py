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


def random_episodes(config: UnitConfig, seed: int, steps: int) -> list[Episode]:
    """Episodes with ``steps`` steps in all, new seeds with and without a reset, and every corner of the inputs.

    The steps of a shorter run are the first ones of a longer run.
    """
    rng = random.Random(f"{seed} episodes")
    limit = _usual_trials(config)
    episodes: list[Episode] = []
    while steps:
        count = min(steps, rng.randint(1, 24))
        steps -= count
        # Everything of an episode that is not a step comes first: a shorter run then begins like a longer one.
        own_seed, weights = rng.getrandbits(64), _random_weights(config, rng)
        vectors = expect(config, own_seed, weights, [_random_stimulus(config, rng, limit) for _ in range(count)])
        abort = None
        if steps and len(episodes) % 2 == 0:
            # A reset during the sum pass, or anywhere later; every other time a new seed alone.
            clocks = rng.randint(1, rng.choice([config.beats + 8, config.beats + 8 * limit]))
            abort = (_random_stimulus(config, rng, limit), clocks)
        episodes.append(Episode(vectors, abort))
    return episodes


def _usual_trials(config: UnitConfig) -> int:
    """Upper bound of n, such that small and large units take similar time; `split` is made for n near depth."""
    return (2 * config.depth if config.sampler == "split" else round(2 * config.depth**0.5)) + 16


def _random_stimulus(config: UnitConfig, rng: random.Random, limit: int) -> Stimulus:
    top = config.max_threshold
    kind = rng.choice(_KINDS)
    # A W that is a power of two needs every bit of the mask and not one more.
    most = 0 if kind in ("empty", "power") else config.max_smoothing
    return Stimulus(
        tuple(_random_gradients(config, rng, kind)),
        rng.choice([0, 1, 2, rng.randint(0, limit), rng.randint(0, limit), limit]),
        rng.choice([0, 1, top // 2, top - 1, top, top, rng.randint(0, top), rng.randint(top // 2, top)]),
        rng.choice([0, 1 & most, most, rng.randint(0, most)]),
    )


_KINDS = ("empty", "zero", "extreme", "sparse", "single", "power", "small", "any", "any")
"""Gradients: all 0, without and with smoothing; at the ends of the range; few or one other than 0; one power of two;
-1, 0 and 1; uniform."""


def _random_gradients(config: UnitConfig, rng: random.Random, kind: str) -> Iterator[int]:
    low, high = config.gradient_range
    if kind in ("single", "power"):
        place = rng.randrange(config.depth)
        value = rng.randint(low, high) if kind == "single" else -1 << rng.randrange(config.gradient_bits)
        yield from (value if i == place else 0 for i in range(config.depth))
        return
    for _ in range(config.depth):
        if kind in ("empty", "zero") or (kind == "sparse" and rng.random() < 0.9):
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
