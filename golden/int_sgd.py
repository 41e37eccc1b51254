"""The plain integer rival's contract: integer weights, a fixed-point learning rate, stochastic rounding.

    w <- saturate( (w * 2^f - eta * g + r) >> f )        r: f random bits; the learning rate is eta / 2^f

Where the rate is a power of two, eta = 2^k, the same with eta = 1, f - k for f, and the low f - k bits of r.

Twins: ``emu/int_sgd.py``, ``rtl/int_sgd.py``.
"""

import re
from collections.abc import Sequence
from math import log2
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from zimu.golden.errors import InputError, check_range
from zimu.golden.float_format import MAX_RANDOM_BITS
from zimu.golden.pointwise import PointwiseConfig, PointwiseReference
from zimu.golden.rule import DEPTH, Integer, Value, identifier, optional


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
    rate : ``"power_of_two"``: eta is 2^k and the register, rate_bits wide, holds k, which must not exceed f; then
        there is no multiplier. None (default): eta is any number that its register holds.
    name, depth, lanes, prng : as `PointwiseConfig`.
    """

    rule: ClassVar[str] = "int_sgd"
    usage: ClassVar[str] = "int_sgd:BITS[:OPTION...]"
    examples: ClassVar[tuple[str, ...]] = (
        "int_sgd:8",
        "int_sgd:16",
        "int_sgd:8:pow2",
        "int_sgd:8:pow2:x16:lfsr128",
    )

    weight_bits: int = Field(ge=2, le=32)
    gradient_bits: int = Field(ge=2, le=32)
    rate_bits: int = Field(ge=1, le=24)
    fraction_bits: int = Field(ge=0, le=MAX_RANDOM_BITS)
    rate: Literal["power_of_two"] | None = optional(None)

    @model_validator(mode="after")
    def _rate_is_at_most_1(self) -> Self:
        if self.rate and self.largest_rate > self.fraction_bits:
            raise ValueError(
                f"fraction_bits = {self.fraction_bits}: must be at least {self.largest_rate}, so that no rate "
                f"2^k / 2^fraction_bits exceeds 1 (rate_bits = {self.rate_bits})"
            )
        return self

    @property
    def largest_rate(self) -> int:
        """The largest number that the register of the rate holds."""
        return (1 << self.rate_bits) - 1

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
    def kind(self) -> str:
        return f"int{self.weight_bits} SGD"

    @property
    def description(self) -> str:
        """One line for a reader."""
        eta = "2^k" if self.rate else "eta"
        return f"w - {eta}*g / 2^{self.fraction_bits} in integers, weights of {self.weight_bits} bits{self._throughout}"

    def driven(self, learning_rate: float, shape: Sequence[int], exponent: int) -> dict[str, Any]:
        """The learning rate is that of integers, eta / 2^f, to the nearest there is; `InputError` if none is near."""
        scaled = learning_rate * 2**self.fraction_bits
        if self.rate is None:
            return {"rate": round(scaled)}
        if scaled < 1 or not log2(scaled).is_integer():
            raise InputError(
                f"learning_rate = {learning_rate!r}: must be a power of two, 2^-{self.fraction_bits} at least"
            )
        return {"rate": int(log2(scaled))}

    def registers(self, *, rate: int) -> dict[str, int]:
        """The run-time value eta, or k where eta is a power of two, if it is in range; `InputError` otherwise."""
        return {"rate": check_range("rate", rate, 0, self.largest_rate)}

    @classmethod
    def from_words(cls, name: str, words: Sequence[str]) -> Self:
        """``int_sgd:BITS[:OPTION...]``; with the option ``pow2`` there are four rates, from 2^-BITS on."""
        width, *options = words
        if not re.fullmatch("[0-9]{1,3}", width):
            raise InputError(f"{name!r}: must be {cls.usage}, the width of weights, gradients, rate and rounding bits")
        widths: dict[str, Any] = {f"{each}_bits": int(width) for each in ("weight", "gradient", "rate", "fraction")}
        chosen = cls._from_options(name, options, {"pow2": {"rate": "power_of_two", "rate_bits": 2}}, {})
        return cls(name=identifier(name), depth=DEPTH, **widths | chosen)


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
        eta, shift = config.registers(rate=rate)["rate"], config.fraction_bits
        if config.rate:
            eta, shift = 1, shift - eta
        results = [
            step(w, eta, g, r % (1 << shift), fraction_bits=shift, weight_bits=config.weight_bits)
            for w, g, r in zip(weights, gradients, self.rounding_bits(), strict=True)
        ]
        self.count(saturations=sum(clipped for _, clipped in results))
        return [weight for weight, _ in results]


CONFIG, REFERENCE = IntSGDConfig, ReferenceIntSGD
