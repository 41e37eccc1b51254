"""Operands of the unit of the rule ``zim``: gradients with every kind of W, the ends of all ranges.

The unit: ``rtl/unit.py``.
"""

import random
from collections.abc import Iterator

from zimu.golden.config import UnitConfig
from zimu.golden.vectors import Stimulus
from zimu.sim.jobs import Inputs, Memory


class Operands:
    """See `zimu.sim.operands.OperandSource`."""

    def __init__(self, config: UnitConfig) -> None:
        self.config = config
        # Such that small and large units take similar time; `split` is made for n near depth.
        self._usual_trials = (2 * config.depth if config.sampler == "split" else round(2 * config.depth**0.5)) + 16

    def memory(self, rng: random.Random) -> Memory:
        return {"weights": near_rails(rng, self.config.weight_range, self.config.depth)}

    def inputs(self, rng: random.Random) -> Inputs:
        return Inputs.of(self.stimulus(rng))

    def clocks(self, rng: random.Random) -> int:
        # During the sum pass, or anywhere later.
        beats = self.config.beats
        return rng.randint(1, rng.choice([beats + 8, beats + 8 * self._usual_trials]))

    def stimulus(self, rng: random.Random) -> Stimulus:
        """The inputs of a step as a vector set holds them."""
        config, limit = self.config, self._usual_trials
        top = config.max_threshold
        kind = rng.choice(_KINDS)
        # A W that is a power of two needs every bit of the mask and not one more.
        most = 0 if kind in ("empty", "power") else config.max_smoothing
        return Stimulus(
            tuple(self._gradients(rng, kind)),
            rng.choice([0, 1, 2, rng.randint(0, limit), rng.randint(0, limit), limit]),
            rng.choice([0, 1, top // 2, top - 1, top, top, rng.randint(0, top), rng.randint(top // 2, top)]),
            rng.choice([0, 1 & most, most, rng.randint(0, most)]),
        )

    def _gradients(self, rng: random.Random, kind: str) -> Iterator[int]:
        config = self.config
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


_KINDS = ("empty", "zero", "extreme", "sparse", "single", "power", "small", "any", "any")
"""Gradients: all 0, without and with smoothing; at the ends of the range; few or one other than 0; one power of two;
-1, 0 and 1; uniform."""


def near_rails(rng: random.Random, limits: tuple[int, int], count: int) -> list[int]:
    """Integers of a range, uniform or half of them at its ends."""
    low, high = limits
    near = rng.random() < 0.5
    return [
        rng.choice([low, low + 1, high - 1, high]) if near and rng.random() < 0.5 else rng.randint(low, high)
        for _ in range(count)
    ]
