"""Integer momentum: the running mean of each weight's gradients, of which the sampler takes the upper bits.

    t = g * 2^s + 2^(s-1);    m <- m + floor((t - m) / 2^b);    v = floor(m / 2^s)

The half in t makes v the mean rounded to nearest, and traps no small mean: for a constant g the fixed points of m are
the integers in (t - 2^b, t], m reaches one of them from anywhere, and v = g at each.
Twin: ``emu/momentum.py``.
"""

from typing import NamedTuple

from zimu.golden.rule import Integer

MAX_BITS = 16
"""The widest m."""

DECAY_BITS = 3
"""Width of the run-time value b."""


class Momentum(NamedTuple):
    """The means of a unit's gradients.

    Parameters
    ----------
    bits : width of m, two's complement, gradient_bits+1..16.
    gradient_bits : width of g and of v.
    """

    bits: int
    gradient_bits: int

    @property
    def shift(self) -> int:
        """s, the bits of m below a gradient's."""
        return self.bits - self.gradient_bits

    @property
    def half(self) -> int:
        """2^(s-1): m of a mean of zero, which it is at first."""
        return 1 << (self.shift - 1)

    @property
    def memory(self) -> Integer:
        """An m."""
        return Integer(self.bits, signed=True, initial=self.half)

    @property
    def sampled(self) -> Integer:
        """A v."""
        return Integer(self.gradient_bits, signed=True)

    @property
    def max_decay(self) -> int:
        """The largest b: from s on, m could rest where v is not g."""
        return min((1 << DECAY_BITS) - 1, self.shift - 1)

    def step(self, m: int, g: int, decay: int) -> int:
        """The next m. It lies between m and t, so that it never leaves its range."""
        target = (g << self.shift) + self.half
        return m + (target - m >> decay)

    def sample(self, m: int) -> int:
        """v, what the sampler takes for a gradient."""
        return m >> self.shift
