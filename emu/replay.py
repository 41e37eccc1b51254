"""The emulator behind the interface of the scalar reference, for replaying vector sets."""

from zimu.emu.unit import ZimUnit
from zimu.golden.config import UnitConfig
from zimu.golden.unit import Counters


class ListUnit:
    """`ZimUnit` on lists of integers: ``VectorSet.replay(ListUnit)``.

    Parameters
    ----------
    config : the configuration.
    seed : 64-bit seed of all streams.
    """

    def __init__(self, config: UnitConfig, seed: int) -> None:
        self.emulator = ZimUnit(config, seed)

    @property
    def counters(self) -> Counters:
        """Cumulative counters."""
        return self.emulator.counters

    def step(
        self, weights: list[int], gradients: list[int], *, trials: int, threshold: int, smoothing: int
    ) -> list[int]:
        """Take one step and return the new weights; values must fit the dtypes of the emulator."""
        values = {"trials": trials, "threshold": threshold, "smoothing": smoothing}
        return self.emulator.step_patterns(weights, gradients, **values)
