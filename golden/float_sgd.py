"""The floating-point rivals' contract: SGD in binary formats, with every rounding where the hardware has one.

Bit patterns in, bit patterns out, exact integers between. Slow on purpose; ``emu/float_sgd.py`` is for daily use.
Twins: ``emu/float_sgd.py``, ``rtl/float_sgd.py``. Rules in words: ``docs/float_sgd.md``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from zimu.golden.errors import InputError, check_choice, check_range
from zimu.golden.float_format import FORMATS, MAX_RANDOM_BITS, TITLES, FloatFormat, FormatName, float_format
from zimu.golden.pointwise import PointwiseConfig, PointwiseReference
from zimu.golden.rule import DEPTH, Integer, Value, identifier


@dataclass(frozen=True)
class Arithmetic:
    """How w - lr*g is computed.

    Parameters
    ----------
    weights : format of w, of lr and of the result.
    gradients : format of g.
    fused : whether the exact w - lr*g is rounded once, or lr*g to the nearest number of ``weights`` before.
    flush : whether subnormal operands are read as zeros of their sign, and results smaller than the smallest normal
        number, before rounding, become zeros of their sign; the product of two roundings too.
    random_bits : R of the last rounding, which is then stochastic; 0 for nearest. See `FloatFormat.round`.
    """

    weights: FloatFormat
    gradients: FloatFormat
    fused: bool = True
    flush: bool = False
    random_bits: int = 0

    def __post_init__(self) -> None:
        check_range("random_bits", self.random_bits, 0, MAX_RANDOM_BITS)

    @property
    def of_velocity(self) -> "Arithmetic":
        """The arithmetic of momentum: all in the format of the gradients, rounded to nearest."""
        return Arithmetic(self.gradients, self.gradients, self.fused, self.flush)


def step(arithmetic: Arithmetic, w: int, lr: int, g: int, random: int = 0) -> int:
    """The pattern of w - lr*g.

    Parameters
    ----------
    w, lr : patterns of ``arithmetic.weights``, as integers in [0, 2^width).
    g : pattern of ``arithmetic.gradients``.
    random : the random bits, in [0, 2^random_bits).

    Raises
    ------
    InputError
        an argument is out of range.
    """
    fmt = arithmetic.weights
    for field, bits, limit in (("w", w, fmt.width), ("lr", lr, fmt.width), ("g", g, arithmetic.gradients.width)):
        check_range(field, bits, 0, 2**limit - 1)
    check_range("random", random, 0, 2**arithmetic.random_bits - 1)
    product = _multiply(arithmetic, lr, g)
    if not arithmetic.fused:
        product = _rounded(fmt, product, flush=arithmetic.flush)
    total = _subtract(_Exact.of(fmt, w, arithmetic.flush), product)
    return _pattern(fmt, total, flush=arithmetic.flush, random_bits=arithmetic.random_bits, random=random)


def velocity_step(arithmetic: Arithmetic, mu: int, v: int, g: int) -> int:
    """The pattern of g + mu*v, computed as g - (-mu)*v in ``arithmetic.of_velocity``."""
    own = arithmetic.of_velocity
    return step(own, g, mu ^ own.weights.sign_bit, v)


class _Exact(NamedTuple):
    """(-1)^negative * magnitude * 2^unit; or infinity; or a NaN. A magnitude of 0 has a sign too."""

    negative: bool
    magnitude: int
    unit: int
    kind: Literal["number", "infinity", "nan"] = "number"

    @classmethod
    def of(cls, fmt: FloatFormat, pattern: int, flush: bool) -> "_Exact":
        """What a pattern stands for."""
        magnitude = pattern & (fmt.sign_bit - 1)
        kind: Any = "nan" if fmt.is_nan(magnitude) else "infinity" if fmt.is_infinite(magnitude) else "number"
        if kind != "number" or (flush and magnitude < fmt.smallest_normal):
            magnitude = 0
        return cls(bool(pattern & fmt.sign_bit), fmt.ulps(magnitude), fmt.ulp_exponent, kind)

    @property
    def zero(self) -> bool:
        """Whether it is a number and 0."""
        return self.kind == "number" and self.magnitude == 0


_NAN = _Exact(False, 0, 0, "nan")


def _multiply(arithmetic: Arithmetic, lr: int, g: int) -> _Exact:
    a = _Exact.of(arithmetic.weights, lr, arithmetic.flush)
    b = _Exact.of(arithmetic.gradients, g, arithmetic.flush)
    negative = a.negative != b.negative
    if "nan" in (a.kind, b.kind):
        return _NAN
    if "infinity" in (a.kind, b.kind):
        return _NAN if a.zero or b.zero else _Exact(negative, 0, 0, "infinity")
    return _Exact(negative, a.magnitude * b.magnitude, a.unit + b.unit)


def _subtract(a: _Exact, b: _Exact) -> _Exact:
    if "nan" in (a.kind, b.kind):
        return _NAN
    if b.kind == "infinity":
        return _NAN if a.kind == "infinity" and a.negative == b.negative else _Exact(not b.negative, 0, 0, "infinity")
    if a.kind == "infinity":
        return a
    unit = min(a.unit, b.unit)
    left, right = ((-x.magnitude if x.negative else x.magnitude) << (x.unit - unit) for x in (a, b))
    total = left - right
    # An exact zero is positive, unless both of its parts are negative zeros.
    negative = total < 0 or (a.zero and b.zero and a.negative and not b.negative)
    return _Exact(negative, abs(total), unit)


def _pattern(fmt: FloatFormat, exact: _Exact, **rounding: Any) -> int:
    if exact.kind == "nan":
        return fmt.quiet_nan
    if exact.kind == "infinity":
        return fmt.overflow(exact.negative)
    if exact.magnitude == 0:
        return fmt.sign_bit if exact.negative else 0
    return fmt.round(exact.negative, exact.magnitude, exact.unit, **rounding)


def _rounded(fmt: FloatFormat, exact: _Exact, *, flush: bool) -> _Exact:
    return _Exact.of(fmt, _pattern(fmt, exact, flush=flush), flush)


OPTIONS: dict[str, dict[str, Any]] = {
    "separate": {"multiply": "separate"},
    "flush": {"subnormals": "flushed"},
    "pow2": {"rate": "power_of_two"},
    "momentum": {"momentum": True},
    "comb": {"stages": "comb"},
    "pipelined": {"stages": "pipelined"},
}
"""What each option of a float unit sets; besides there are ``srR``, stochastic rounding by R bits, and those of all
such rules."""


class FloatSGDConfig(PointwiseConfig):
    """A floating-point SGD unit.

    Parameters
    ----------
    weights : format of weights and learning rate.
    gradients : format of gradients and velocities; that of the weights by default.
    multiply : ``"fused"`` rounds once, ``"separate"`` the product too.
    subnormals : ``"kept"`` or ``"flushed"``.
    rate : ``"any"`` learning rate, or ``"power_of_two"``: then there is no multiplier, and a learning rate must be 0 or
        a power of two that is a normal number.
    momentum : whether there is a velocity v' = g + mu*v beside each weight, whose step is w - lr*v'.
    random_bits : R of the rounding of a weight, 0..24; 0 rounds to nearest, ties to even.
    stages : of the circuit: ``"comb"`` has registers at inputs and outputs only. It never changes a result.
    name, depth, lanes, prng : as `PointwiseConfig`.
    """

    rule: ClassVar[str] = "float_sgd"
    usage: ClassVar[str] = f"float_sgd:{{{','.join(FORMATS)}}}[+GRADIENTS][:OPTION...]"
    examples: ClassVar[tuple[str, ...]] = (
        "float_sgd:fp32:comb",
        "float_sgd:fp32:pipelined",
        "float_sgd:bf16:comb",
        "float_sgd:bf16:pipelined",
        "float_sgd:bf16:separate:comb",
        "float_sgd:bf16:flush:comb",
        "float_sgd:bf16:separate:flush:comb",
        "float_sgd:fp32:separate:flush:comb",
        "float_sgd:bf16:pow2:comb",
        "float_sgd:bf16:flush:pow2:comb",
        "float_sgd:bf16:momentum:comb",
        "float_sgd:bf16:sr8:comb",
        "float_sgd:bf16+fp32:comb",
        "float_sgd:fp16:comb",
        "float_sgd:fp16:pipelined",
        "float_sgd:fp16+e4m3:comb",
        "float_sgd:fp16+e5m2:comb",
        "float_sgd:e4m3:comb",
        "float_sgd:e4m3:pipelined",
        "float_sgd:e5m2:comb",
        "float_sgd:e5m2:pipelined",
    )

    weights: FormatName
    gradients: FormatName | None = None
    multiply: Literal["fused", "separate"] = "fused"
    subnormals: Literal["kept", "flushed"] = "kept"
    rate: Literal["any", "power_of_two"] = "any"
    momentum: bool = False
    random_bits: int = Field(default=0, ge=0, le=MAX_RANDOM_BITS)
    stages: Literal["comb", "pipelined"] = "pipelined"

    @model_validator(mode="before")
    @classmethod
    def _gradients_like_weights(cls, fields: dict[str, Any]) -> dict[str, Any]:
        return {"gradients": fields.get("weights")} | fields if "weights" in fields else fields

    @property
    def arithmetic(self) -> Arithmetic:
        """How a weight's step is computed."""
        return Arithmetic(
            float_format(self.weights),
            float_format(self.gradients or self.weights),
            self.multiply == "fused",
            self.subnormals == "flushed",
            self.random_bits,
        )

    @property
    def rounding_bits(self) -> int:
        """R, random bits per weight."""
        return self.random_bits

    @property
    def weight(self) -> Integer:
        return Integer(self.arithmetic.weights.width)

    @property
    def gradient(self) -> Integer:
        return Integer(self.arithmetic.gradients.width)

    @property
    def memories(self) -> dict[str, Integer]:
        return {"velocity": self.gradient} if self.momentum else {}

    @property
    def values(self) -> dict[str, Value]:
        fmt = self.arithmetic.weights
        rate = Value(fmt.exponent_bits if self.rate == "power_of_two" else fmt.width)
        return {"learning_rate": rate} | ({"momentum": Value(self.gradient.bits)} if self.momentum else {})

    @property
    def circuit_fields(self) -> frozenset[str]:
        return super().circuit_fields | {"stages"}

    @property
    def kind(self) -> str:
        weights, gradients = self.weights, self.gradients or self.weights
        return f"{TITLES[weights]} SGD" + (f", {TITLES[gradients]} gradients" if gradients != weights else "")

    @property
    def momentum_kept(self) -> bool:
        return self.momentum

    @property
    def description(self) -> str:
        """One line for a reader."""
        mixed = f" with {self.gradients} gradients" if self.gradients != self.weights else ""
        parts = [
            f"w - lr*g in {self.weights}{mixed}",
            {"fused": "fused, one rounding", "separate": "two roundings"}[self.multiply],
            f"subnormals {self.subnormals}",
            "lr a power of two" if self.rate == "power_of_two" else "",
            "momentum" if self.momentum else "",
            {"comb": "registers at inputs and outputs only", "pipelined": "pipelined"}[self.stages],
        ]
        return ", ".join(filter(None, parts)) + self._throughout

    def driven(
        self, learning_rate: float, shape: Sequence[int], exponent: int, *, momentum: float | None = None
    ) -> dict[str, Any]:
        """The learning rate is lr; ``momentum`` is for a unit that has it."""
        return {"learning_rate": learning_rate} | ({} if momentum is None else {"momentum": momentum})

    def registers(self, *, learning_rate: float, momentum: float | None = None) -> dict[str, int]:
        """The patterns of the run-time values.

        ``learning_rate`` is of the format of the weights; with ``rate = "power_of_two"`` its exponent field stands
        alone. ``momentum`` is of the format of the gradients; to be given where the unit has it.

        Raises
        ------
        InputError
            a value is not finite, overflows its format or vanishes in it, is no power of two where it must be, or
            ``momentum`` is given to a unit without it or missing.
        """
        weights = float_format(self.weights)
        rate = weights.encode("learning_rate", learning_rate)
        if self.rate == "power_of_two":
            # The number given counts, not what it rounds to.
            fraction = rate % (1 << weights.fraction_bits)
            if weights.to_float(rate) != learning_rate or fraction or rate & weights.sign_bit:
                raise InputError(
                    f"learning_rate = {learning_rate!r}: must be 0 or a power of two that is a normal number of "
                    f"{self.weights}"
                )
            rate >>= weights.fraction_bits
        if not self.momentum:
            if momentum is not None:
                raise InputError(f"momentum = {momentum!r}: this unit has none, leave it out")
            return {"learning_rate": rate}
        if momentum is None:
            raise InputError("momentum is missing: this unit has a velocity, give a real number")
        return {"learning_rate": rate, "momentum": self.arithmetic.gradients.encode("momentum", momentum)}

    @classmethod
    def from_words(cls, name: str, words: Sequence[str]) -> Self:
        """``float_sgd:WEIGHTS[+GRADIENTS][:OPTION...]``."""
        weights, _, gradients = words[0].partition("+")
        fields = cls._from_options(name, words[1:], OPTIONS, {"sr": "random_bits"})
        formats: dict[str, Any] = {"weights": check_choice("format", weights, FORMATS)}
        if gradients:
            formats["gradients"] = check_choice("format", gradients, FORMATS)
        return cls(name=identifier(name), depth=DEPTH, **formats, **fields)


class ReferenceFloatSGD(PointwiseReference[FloatSGDConfig]):
    """The scalar reference of a whole unit; its memory ``velocity`` holds patterns.

    Parameters
    ----------
    config, seed : as `PointwiseReference`.
    """

    def step(self, weights: list[int], gradients: list[int], *, learning_rate: int, momentum: int = 0) -> list[int]:
        """Take one step and return the new weights; all values are patterns, ``learning_rate`` as in the register."""
        config, numbers = self.config, self.config.arithmetic
        weights, gradients = self.checked(weights, gradients)
        momentum = check_range("momentum", momentum, 0, 2**numbers.gradients.width - 1)
        learning_rate = check_range("learning_rate", learning_rate, 0, 2 ** config.values["learning_rate"].bits - 1)
        if config.rate == "power_of_two":
            learning_rate <<= numbers.weights.fraction_bits
        if config.momentum:
            pairs = zip(self.memories["velocity"], gradients, strict=True)
            gradients = self.memories["velocity"] = [velocity_step(numbers, momentum, v, g) for v, g in pairs]
        triples = zip(weights, gradients, self.rounding_bits(), strict=True)
        updated = [step(numbers, w, learning_rate, g, r) for w, g, r in triples]
        self.count()
        return updated


CONFIG, REFERENCE = FloatSGDConfig, ReferenceFloatSGD
