"""How memories, ports and vector files hold a gradient: the encodings of ``gradient_encoding``.

Twins: ``emu/unit.py``.
"""

from abc import ABC, abstractmethod

from zimu.golden.rule import Integer


class GradientEncoding(ABC):
    """A number in ``bits`` bits, 2..32, and its pattern, both plain ints.

    Parameters
    ----------
    bits : width of the pattern.
    """

    def __init__(self, bits: int) -> None:
        self.bits = bits

    @property
    @abstractmethod
    def pattern(self) -> Integer:
        """A pattern."""

    @property
    @abstractmethod
    def limits(self) -> tuple[int, int]:
        """The smallest and the largest number."""

    @property
    def zeros(self) -> tuple[int, ...]:
        """The patterns of 0."""
        return (0,)

    @abstractmethod
    def decode(self, pattern: int) -> int:
        """The number of a pattern."""

    @abstractmethod
    def encode(self, number: int) -> int:
        """The pattern of a number within the limits."""


class TwosComplement(GradientEncoding):
    """-2^(bits-1) .. 2^(bits-1) - 1; a pattern is the number itself, sign-extended."""

    @property
    def pattern(self) -> Integer:
        return Integer(self.bits, signed=True)

    @property
    def limits(self) -> tuple[int, int]:
        return self.pattern.limits

    def decode(self, pattern: int) -> int:
        return pattern

    def encode(self, number: int) -> int:
        return number


class SignMagnitude(GradientEncoding):
    """-(2^(bits-1) - 1) .. 2^(bits-1) - 1; the top bit is set where the number is negative, the others are its size.

    Zero has a second pattern, the top bit alone, which `encode` never gives.
    """

    @property
    def pattern(self) -> Integer:
        return Integer(self.bits)

    @property
    def limits(self) -> tuple[int, int]:
        return 1 - self.minus_zero, self.minus_zero - 1

    @property
    def zeros(self) -> tuple[int, ...]:
        return 0, self.minus_zero

    @property
    def minus_zero(self) -> int:
        """The pattern of a zero with its sign set: 2^(bits-1)."""
        return 1 << (self.bits - 1)

    def decode(self, pattern: int) -> int:
        negative, size = divmod(pattern, self.minus_zero)
        return -size if negative else size

    def encode(self, number: int) -> int:
        return number if number >= 0 else self.minus_zero - number


ENCODINGS: dict[str, type[GradientEncoding]] = {"twos_complement": TwosComplement, "sign_magnitude": SignMagnitude}
"""By the names of `zimu.golden.unit.UnitConfig`."""
