"""Operands of the unit of the rule ``zim``: gradients with every kind of W, the ends of all ranges.

The unit: ``rtl/unit.py``.
"""

import random
from collections.abc import Iterator

from zimu.golden.unit import UnitConfig
from zimu.golden.vectors import Memory, Stimulus
from zimu.sim.stimuli import Deck, near_rails


class Operands:
    """See `zimu.sim.stimuli.OperandSource`."""

    def __init__(self, config: UnitConfig) -> None:
        self.config = config
        # Such that small and large units take similar time; `split` is made for n near depth.
        self._usual_trials = (2 * config.depth if config.sampler == "split" else round(2 * config.depth**0.5)) + 16
        top, most, least = config.max_threshold, config.max_smoothing, min(config.max_smoothing, 1)
        full, some = (self._usual_trials, self._usual_trials), (1, self._usual_trials)
        opened, wide = (top, top), (top // 2, top)
        self._kinds = Deck(_KINDS)
        # Ranges of n and T. The ends of the one come with much of the other.
        self._gates = Deck(
            [
                (full, opened),
                (full, wide),
                (full, opened),
                (full, wide),
                (full, (top // 2, top // 2)),
                (some, (1, top)),
                ((2, 2), opened),
                (some, (top - 1, top - 1)),
                (full, (1, 1)),
                ((0, 0), opened),
                (some, wide),
                (full, (0, 0)),
                ((1, 1), opened),
            ]
        )
        # Without decay the means are the gradients, and W is what their kind makes it.
        slowest = config.momentum.max_decay if config.momentum else 0
        self._decays = Deck([(0, 0), (0, slowest), (slowest, slowest), (0, slowest)])
        self._wanted = Deck([full, some, None, (1, 1), some])
        self._least_smoothing = least
        self._smoothings = Deck([(0, most), (least, least), (most, most), (0, most), (0, 0)])

    def memory(self, rng: random.Random) -> Memory:
        kinds = {"weights": self.config.weight} | self.config.memories
        return {name: near_rails(rng, kind.limits, self.config.depth) for name, kind in kinds.items()}

    def clocks(self, rng: random.Random) -> int:
        # During the sum pass, or anywhere later.
        beats = self.config.beats
        return rng.randint(1, rng.choice([beats + 8, beats + 8 * self._usual_trials]))

    def stimulus(self, rng: random.Random) -> Stimulus:
        kind = self._kinds.deal(rng)
        # A W that is a power of two needs every bit of the mask and not one more.
        smoothing = 0 if kind in ("empty", "power", "single") else rng.randint(*self._smoothings.deal(rng))
        if kind == "zero":
            smoothing = smoothing or self._least_smoothing
        trials, threshold = (rng.randint(*limits) for limits in self._gates.deal(rng))
        registers = {"trials": trials, "threshold": threshold, "smoothing": smoothing}
        gradients = list(self._gradients(rng, kind, smoothing))
        if self.config.momentum:
            registers["decay"] = rng.randint(*self._decays.deal(rng))
        if self.config.trials_shift is not None:
            mass = sum(map(abs, gradients)) + smoothing * self.config.depth
            registers["rate"] = self._rate(rng, self.config.trials_shift, mass)
        return Stimulus(self._patterns(rng, gradients), registers)

    def _rate(self, rng: random.Random, shift: int, mass: int) -> int:
        """T' by which a step with that W takes a number of trials dealt, or any."""
        most = (1 << self.config.values["rate"].bits) - 1
        wanted = self._wanted.deal(rng)
        if wanted is None:
            return rng.choice([0, 1, most, rng.randint(0, most)])
        return min(-(-(rng.randint(*wanted) << shift) // max(mass, 1)), most)

    def _patterns(self, rng: random.Random, gradients: list[int]) -> list[int]:
        """Gradients as the hardware holds them; a zero by any of its patterns."""
        encoding, zeros = self.config.encoding, self.config.encoding.zeros
        return [encoding.encode(g) if g or len(zeros) == 1 else rng.choice(zeros) for g in gradients]

    def _gradients(self, rng: random.Random, kind: str, smoothing: int) -> Iterator[int]:
        config = self.config
        low, high = config.encoding.limits
        if kind in ("single", "power"):
            place = rng.randrange(config.depth)
            value = rng.randint(low, high) if kind == "single" else -1 << rng.randrange((-low).bit_length())
            yield from (value if i == place else 0 for i in range(config.depth))
            return
        if kind == "above":
            # What a draw is compared with: W, or the mass of a tile.
            tile = config.split.tile if config.sampler == "split" else config.depth
            for begin in range(0, config.depth, tile):
                yield from _just_above(rng, min(tile, config.depth - begin), high, smoothing)
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


_KINDS = ("above", "power", "extreme", "small", "single", "any", "empty", "sparse", "above", "any", "zero")
"""Gradients: all masses together one above a power of two, so that near half of the draws are rejected; one power of
two, and no other mass; at the ends of the range; -1, 0 and 1; one of any size, and no other mass; uniform; all 0,
without smoothing; few other than 0; all 0, with smoothing."""


def _just_above(rng: random.Random, count: int, high: int, smoothing: int) -> list[int]:
    """Gradients of magnitudes up to ``high`` whose masses add up to a power of two and 1, the largest there is.

    Where there is none that large smoothing allows, they are at the end of the range.
    """
    total = (1 << (count * (high + smoothing) - 1).bit_length() - 1) + 1 if high + smoothing > 1 else 1
    size, rest = divmod(max(min(total - count * smoothing, count * high), 0), count)
    sizes = [size + (i < rest) for i in range(count)]
    for i in range(count):
        # The same sum in other places.
        j = rng.randrange(count)
        moved = rng.randint(0, min(sizes[i], high - sizes[j])) if i != j else 0
        sizes[i] -= moved
        sizes[j] += moved
    return [each * rng.choice([-1, 1]) for each in sizes]


OPERANDS = Operands
