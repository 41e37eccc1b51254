"""Gradients as memories and ports hold them, and what circuits make of one: its magnitude, its sign, whether it is 0.

Twin: ``golden/encoding.py``.
"""

from typing import Any, NamedTuple

from amaranth.hdl import Cat, Const, Mux, Shape, signed, unsigned

from zimu.golden.unit import UnitConfig


class Partial(NamedTuple):
    """A sum as two numbers still to be added.

    |g| of a negative g in two's complement is ~g and a 1. Every adder takes one such 1 on its way for nothing; as a
    tree over k gradients has k - 1 adders, each sum in it misses one.
    """

    value: Any
    carry: Any
    """One bit."""


class TwosComplement:
    """The number itself, sign-extended."""

    @staticmethod
    def shape(bits: int) -> Shape:
        return signed(bits)

    @staticmethod
    def magnitude(gradient: Any, smoothing: Any) -> Partial:
        sign = gradient[-1]
        return Partial(gradient[:-1] ^ sign.replicate(len(gradient) - 1), sign)

    @staticmethod
    def held(smoothing: Any) -> Any:
        return Const(0, 0)

    @staticmethod
    def rest(smoothing: Any) -> Any:
        return smoothing

    @staticmethod
    def is_zero(gradient: Any) -> Any:
        return gradient == 0

    @staticmethod
    def number(gradient: Any) -> Any:
        return gradient.as_signed()


class SignMagnitude:
    """The sign in the top bit, the magnitude below it, which needs no carry.

    The adders' carry inputs take a 1 of the smoothing instead, the same for all. As constants they would let synthesis
    cut the chains that several sums share.
    """

    @staticmethod
    def shape(bits: int) -> Shape:
        return unsigned(bits)

    @staticmethod
    def magnitude(gradient: Any, smoothing: Any) -> Partial:
        return Partial(gradient[:-1], SignMagnitude.held(smoothing) if len(smoothing) else Const(0, 1))

    @staticmethod
    def held(smoothing: Any) -> Any:
        return smoothing[:1]

    @staticmethod
    def rest(smoothing: Any) -> Any:
        return Cat(Const(0, 1), smoothing[1:])

    @staticmethod
    def is_zero(gradient: Any) -> Any:
        return gradient[:-1] == 0

    @staticmethod
    def number(gradient: Any) -> Any:
        return Mux(gradient[-1], -gradient[:-1], gradient[:-1])[: len(gradient)].as_signed()


ENCODINGS: dict[str, Any] = {"twos_complement": TwosComplement, "sign_magnitude": SignMagnitude}
"""By `zimu.golden.unit.UnitConfig.gradient_encoding`."""


def encoding_of(config: UnitConfig) -> Any:
    """The encoding of the gradients; its functions take unsigned values of gradient_bits.

    ``number(gradient)`` is g in two's complement. ``magnitude(gradient, smoothing)`` is |g| and of c what
    ``held(smoothing)`` says; ``rest(smoothing)`` is the rest of c.
    """
    return ENCODINGS[config.gradient_encoding]
