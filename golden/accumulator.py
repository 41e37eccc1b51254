"""The saturating integer accumulator.

Twins: ``emu/accumulator.py``, ``rtl/accumulator.py``.
"""

from zimu.golden.rule import Integer


def accumulate(weight: int, gradient: int, count: int, weight_bits: int) -> tuple[int, int]:
    """Apply ``count`` trials to one weight: ``saturate(w - sign(g) * count)``.

    Returns the new weight and the number of trials lost at a rail. Both ends of the two's complement range are
    rails: -2^(weight_bits-1) and 2^(weight_bits-1) - 1.
    """
    low, high = Integer(weight_bits, signed=True).limits
    wanted = weight - sign(gradient) * count
    clipped = min(max(wanted, low), high)
    return clipped, abs(wanted - clipped)


def sign(x: int) -> int:
    """-1, 0 or 1."""
    return (x > 0) - (x < 0)
