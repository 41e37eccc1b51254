"""The plain integer rival's contract: integer weights, a fixed-point learning rate, stochastic rounding.

    w <- saturate( (w * 2^f - eta * g + r) >> f )        r: f random bits; the learning rate is eta / 2^f

Twins: ``emu/int_sgd.py``, ``rtl/int_sgd.py``.
"""

from typing import ClassVar

from pydantic import Field

from zimu.golden.errors import check_range
from zimu.golden.float_format import MAX_RANDOM_BITS
from zimu.golden.pointwise import PointwiseConfig, PointwiseReference
from zimu.golden.rule import check_vector


def step(w: int, eta: int, g: int, random: int, *, fraction_bits: int, weight_bits: int) -> tuple[int, bool]:
    """The new weight, and whether it was clipped.

    The shift rounds down, so the exact w - eta*g / 2^f is rounded up with the probability of its fraction, and the
    mean over all ``random`` in [0, 2^fraction_bits) is exact while nothing is clipped.
    """
    wanted = (w << fraction_bits) - eta * g + random >> fraction_bits
    low, high = -(1 << weight_bits - 1), (1 << weight_bits - 1) - 1
    return min(max(wanted, low), high), not low <= wanted <= high


class IntSGDConfig(PointwiseConfig):
    """An integer SGD unit.

    Parameters
    ----------
    weight_bits : width of a weight, two's complement, 2..32.
    gradient_bits : width of a gradient, two's complement, 2..32.
    rate_bits : width of the register eta, unsigned, 1..24.
    fraction_bits : f, fraction bits of the learning rate eta / 2^f and random bits of a rounding, 0..24.
    name, depth, lanes, prng : as `PointwiseConfig`.
    """

    rule: ClassVar[str] = "int_sgd"

    weight_bits: int = Field(ge=2, le=32)
    gradient_bits: int = Field(ge=2, le=32)
    rate_bits: int = Field(ge=1, le=24)
    fraction_bits: int = Field(ge=0, le=MAX_RANDOM_BITS)

    @property
    def rounding_bits(self) -> int:
        """f, random bits per weight."""
        return self.fraction_bits

    @property
    def weight_range(self) -> tuple[int, int]:
        """Smallest and largest weight."""
        return -(1 << self.weight_bits - 1), (1 << self.weight_bits - 1) - 1

    @property
    def gradient_range(self) -> tuple[int, int]:
        """Smallest and largest gradient."""
        return -(1 << self.gradient_bits - 1), (1 << self.gradient_bits - 1) - 1

    @property
    def description(self) -> str:
        """One line for a reader."""
        return f"w - eta*g / 2^{self.fraction_bits} in integers, weights of {self.weight_bits} bits{self._rounding}"

    def registers(self, *, rate: int) -> dict[str, int]:
        """The run-time value eta, if it is in range; `InputError` otherwise."""
        return {"rate": check_range("rate", rate, 0, (1 << self.rate_bits) - 1)}


class ReferenceIntSGD(PointwiseReference[IntSGDConfig]):
    """The scalar reference of a whole unit.

    Parameters
    ----------
    config, seed : as `PointwiseReference`.
    """

    def step(self, weights: list[int], gradients: list[int], *, rate: int) -> list[int]:
        """Take one step and return the new weights."""
        config = self.config
        weights = check_vector("weights", weights, config.depth, *config.weight_range)
        gradients = check_vector("gradients", gradients, config.depth, *config.gradient_range)
        eta = config.registers(rate=rate)["rate"]
        results = [
            step(w, eta, g, r, fraction_bits=config.fraction_bits, weight_bits=config.weight_bits)
            for w, g, r in zip(weights, gradients, self.rounding_bits(), strict=True)
        ]
        self.count(sum(clipped for _, clipped in results))
        return [weight for weight, _ in results]
