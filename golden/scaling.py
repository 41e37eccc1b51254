"""How real gradients become integers: times a power of two 2^e, rounded to nearest, ties to even, and clipped.

A scaling says where e comes from: it is given, it fits the gradients of the step, or it follows those of the steps
before, so that they are read only once. Comparing exponents and counting is all that it takes; with b bits the integers
are -(2^(b-1) - 1) .. 2^(b-1) - 1, and an e that fits has 2^(b-2) <= max|g| 2^e < 2^(b-1).
Twin: ``emu/scaling.py``.
"""

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from zimu.golden.errors import InputError, check_range

MAX_EXPONENT = 256
"""The largest |e| that can be given."""

MAX_PATIENCE = 16

USAGE = "fixed:E, tensor, or running[:H]"


class ScaleState(NamedTuple):
    """What a scaling keeps between steps."""

    exponent: int | None = None
    """The e of the next step, where it is known."""
    quiet: int = 0
    """Steps in a row in which every gradient left the top bit free."""


class Scaling(ABC):
    """Where e comes from."""

    @abstractmethod
    def step(self, state: ScaleState, fitting: int | None) -> tuple[int, ScaleState]:
        """The e of a step, and the state after it.

        ``fitting`` is the e that fits the step's gradients, None where all are 0.
        """


class Fixed(Scaling):
    """The e that is given, -256..256: large gradients are clipped, small ones vanish."""

    def __init__(self, exponent: int) -> None:
        self.exponent = check_range("exponent", exponent, -MAX_EXPONENT, MAX_EXPONENT)

    def step(self, state: ScaleState, fitting: int | None) -> tuple[int, ScaleState]:
        return self.exponent, state

    def __str__(self) -> str:
        return f"fixed:{self.exponent}"


class Tensor(Scaling):
    """The e that fits the step's own gradients, which are read twice; 0 where all are 0."""

    def step(self, state: ScaleState, fitting: int | None) -> tuple[int, ScaleState]:
        return fitting or 0, state

    def __str__(self) -> str:
        return "tensor"


class Running(Scaling):
    """The e that fitted before: after a step with larger gradients that which fits them; one more after 2^H quiet ones.

    In the first step whose gradients are not all 0 it is the e that fits them, and before that 0.
    """

    def __init__(self, patience: int = 6) -> None:
        self.patience = check_range("patience", patience, 0, MAX_PATIENCE)

    def step(self, state: ScaleState, fitting: int | None) -> tuple[int, ScaleState]:
        exponent, quiet = state
        if exponent is None:
            return fitting or 0, ScaleState(fitting)
        if fitting is not None and fitting <= exponent:
            return exponent, ScaleState(fitting)
        if quiet + 1 < 1 << self.patience:
            return exponent, ScaleState(exponent, quiet + 1)
        return exponent, ScaleState(exponent + 1)

    def __str__(self) -> str:
        return f"running:{self.patience}"


def scaling(name: str) -> Scaling:
    """The scaling of a name `USAGE`; `InputError` if none has it."""
    found = re.fullmatch(r"(fixed|tensor|running)(?::(-?[0-9]{1,4}))?", name)
    kind, number = found.groups() if found else (None, None)
    if kind == "fixed" and number:
        return Fixed(int(number))
    if kind == "running":
        return Running(int(number)) if number else Running()
    if kind == "tensor" and not number:
        return Tensor()
    raise InputError(f"scaling = {name!r}: must be {USAGE}")


def fitting_exponent(gradients: Iterable[float], bits: int) -> int | None:
    """The e with 2^(bits-2) <= max|g| 2^e < 2^(bits-1); None where all are 0."""
    largest = max(map(abs, gradients), default=0)
    return bits - 1 - math.frexp(largest)[1] if largest else None


def to_integers(gradients: Sequence[float], exponent: int, bits: int) -> list[int]:
    """The integers of finite gradients, exactly."""
    limit = (1 << (bits - 1)) - 1
    rounded = (round(Fraction(g) * Fraction(2) ** exponent) for g in gradients)
    return [min(max(integer, -limit), limit) for integer in rounded]
