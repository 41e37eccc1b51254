"""Operands of BOLD's unit: accumulators at the rails, at the threshold and beside it, retentions from none to all.

The unit: ``rtl/bold.py``.
"""

import random

from zimu.golden.bold import BoldConfig
from zimu.golden.vectors import Memory, Stimulus
from zimu.sim.stimuli import Deck, near_rails


class Operands:
    """See `zimu.sim.stimuli.OperandSource`."""

    def __init__(self, config: BoldConfig) -> None:
        self.config = config
        whole = 1 << config.retention_bits
        some, most = (1, whole - 1), (whole - 1, whole - 1)
        # The first step finds most: votes against what the accumulators hold, products of every size.
        self._retentions = Deck([some, (whole, whole), some, (0, 0), (1, 1), most])
        self._shifts = Deck([(0, config.fraction_bits), (0, 0), (0, config.accumulator_bits - 1)])

    def memory(self, rng: random.Random) -> Memory:
        config = self.config
        return {
            "weights": [rng.getrandbits(1) for _ in range(config.depth)],
            "accumulator": [self._accumulator(rng) for _ in range(config.depth)],
        }

    def stimulus(self, rng: random.Random) -> Stimulus:
        config = self.config
        shift = rng.randint(*self._shifts.deal(rng))
        # Votes of every size: small ones move an accumulator over the threshold, large ones to a rail.
        scale = rng.randrange(config.vote_bits)
        votes = [vote >> scale for vote in near_rails(rng, config.gradient.limits, config.depth)]
        registers = {"shift": shift, "retention": rng.randint(*self._retentions.deal(rng))}
        memory = self.memory(rng) if rng.random() < 0.5 else {}
        return Stimulus(votes, registers, memory)

    def clocks(self, rng: random.Random) -> int:
        return rng.randint(1, 2 * self.config.beats + 16)

    def _accumulator(self, rng: random.Random) -> int:
        """Anything, a rail, or the threshold and its neighbours on both sides."""
        low, high = self.config.memories["accumulator"].limits
        near = [side * self.config.threshold + beside for side in (-1, 1) for beside in (-1, 0, 1)]
        return rng.choice([rng.randint(low, high), rng.randint(low, high), low, high, *(min(m, high) for m in near)])


OPERANDS = Operands
