"""The plain integer rival's contract: integer weights, a fixed-point learning rate, stochastic rounding.

    w <- saturate( (w * 2^f - eta * g + r) >> f )        r: f random bits; the learning rate is eta / 2^f

Twins: ``emu/int_sgd.py``, ``rtl/int_sgd.py``.
"""

import re
from collections.abc import Sequence
from typing import Any, ClassVar, Self

from pydantic import Field

from zimu.golden.errors import InputError, check_range
from zimu.golden.float_format import MAX_RANDOM_BITS
from zimu.golden.pointwise import PointwiseConfig, PointwiseReference
from zimu.golden.rule import DEPTH, Integer, Value, identifier


def step(w: int, eta: int, g: int, random: int, *, fraction_bits: int, weight_bits: int) -> tuple[int, bool]:
    """The new weight, and whether it was clipped.

    The shift rounds down, so the exact w - eta*g / 2^f is rounded up with the probability of its fraction, and the
    mean over all ``random`` in [0, 2^fraction_bits) is exact while nothing is clipped.
    """
    wanted = ((w << fraction_bits) - eta * g + random) >> fraction_bits
    low, high = Integer(weight_bits, signed=True).limits
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
    usage: ClassVar[str] = "int_sgd:BITS"
    examples: ClassVar[tuple[str, ...]] = ("int_sgd:8", "int_sgd:16")

    weight_bits: int = Field(ge=2, le=32)
    gradient_bits: int = Field(ge=2, le=32)
    rate_bits: int = Field(ge=1, le=24)
    fraction_bits: int = Field(ge=0, le=MAX_RANDOM_BITS)

    @property
    def rounding_bits(self) -> int:
        """f, random bits per weight."""
        return self.fraction_bits

    @property
    def weight(self) -> Integer:
        return Integer(self.weight_bits, signed=True)

    @property
    def gradient(self) -> Integer:
        return Integer(self.gradient_bits, signed=True)

    @property
    def values(self) -> dict[str, Value]:
        return {"rate": Value(self.rate_bits)}

    @property
    def description(self) -> str:
        """One line for a reader."""
        return f"w - eta*g / 2^{self.fraction_bits} in integers, weights of {self.weight_bits} bits{self._rounding}"

    def registers(self, *, rate: int) -> dict[str, int]:
        """The run-time value eta, if it is in range; `InputError` otherwise."""
        return {"rate": check_range("rate", rate, 0, (1 << self.rate_bits) - 1)}

    @classmethod
    def from_words(cls, name: str, words: Sequence[str]) -> Self:
        """``int_sgd:BITS``."""
        if len(words) != 1 or not re.fullmatch("[0-9]{1,3}", words[0]):
            raise InputError(f"{name!r}: must be {cls.usage}, the width of weights, gradients, rate and rounding bits")
        bits = int(words[0])
        widths: dict[str, Any] = dict.fromkeys(("weight_bits", "gradient_bits", "rate_bits", "fraction_bits"), bits)
        return cls(name=identifier(name), depth=DEPTH, **widths)


class ReferenceIntSGD(PointwiseReference[IntSGDConfig]):
    """The scalar reference of a whole unit.

    Parameters
    ----------
    config, seed : as `PointwiseReference`.
    """

    def step(self, weights: list[int], gradients: list[int], *, rate: int) -> list[int]:
        """Take one step and return the new weights."""
        config = self.config
        weights, gradients = self.checked(weights, gradients)
        eta = config.registers(rate=rate)["rate"]
        results = [
            step(w, eta, g, r, fraction_bits=config.fraction_bits, weight_bits=config.weight_bits)
            for w, g, r in zip(weights, gradients, self.rounding_bits(), strict=True)
        ]
        self.count(saturations=sum(clipped for _, clipped in results))
        return [weight for weight, _ in results]


CONFIG, REFERENCE = IntSGDConfig, ReferenceIntSGD
