"""What every unit asks of the arrays it is given."""

from functools import cache
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from zimu.golden.errors import InputError
from zimu.golden.rule import Integer

Array = NDArray[Any]


_LINE = 64
"""Bytes of a cache line, and of the widest vectors: one that lies across two takes twice as long to reach."""


def aligned(size: int, dtype: np.dtype[Any], value: int = 0) -> Array:
    """An array of shape (size,) full of a value, which begins where a cache line does."""
    octets = np.empty(size * dtype.itemsize + _LINE, np.uint8)
    first = -octets.ctypes.data % _LINE
    array = octets[first : first + size * dtype.itemsize].view(dtype)
    array[:] = value
    return array


@cache
def integer_dtype(kind: Integer) -> np.dtype[Any]:
    """The smallest signed or unsigned integers of 8, 16 or 32 bits that hold a number of this kind."""
    if not kind.signed:
        return pattern_dtype(kind.bits)
    return np.dtype(np.int8 if kind.bits <= 8 else np.int16 if kind.bits <= 16 else np.int32)


@cache
def pattern_dtype(bits: int) -> np.dtype[Any]:
    """The smallest of uint8, uint16 and uint32 that holds ``bits``."""
    return np.dtype(np.uint8 if bits <= 8 else np.uint16 if bits <= 16 else np.uint32)


class ArrayKind:
    """What an array of integers must be.

    Parameters
    ----------
    field : what it is called.
    shape : its shape.
    dtype : its dtype.
    limits : the smallest and the largest integer it may hold.
    """

    def __init__(self, field: str, shape: tuple[int, ...], dtype: np.dtype[Any], limits: tuple[int, int]) -> None:
        self.field, self.shape, self.dtype, self.limits = field, shape, dtype, limits
        held = np.iinfo(dtype)
        self._any = limits[0] <= int(held.min) and int(held.max) <= limits[1]

    @classmethod
    def of(cls, field: str, shape: tuple[int, ...], number: Integer) -> Self:
        """Of such numbers, in the smallest integers that hold them."""
        return cls(field, shape, integer_dtype(number), number.limits)

    def checked(self, values: Array) -> Array:
        """``values`` as a kernel takes them; `InputError` if they are anything else, or out of the limits."""
        values = checked_array(self.field, values, self.shape, self.dtype)
        if not self._any:
            check_limits(self.field, values, self.limits)
        return values


class ArrayPair(NamedTuple):
    """What the weights and gradients of a step must be."""

    weights: ArrayKind
    gradients: ArrayKind

    def checked(self, weights: Array, gradients: Array) -> tuple[Array, Array]:
        """The two as the kernels take them, once nothing is left to refuse."""
        return checked_pair(self.weights.checked(weights), self.gradients.checked(gradients))


def checked_array(field: str, values: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """``values``, if they are a numpy array of that shape and dtype as a kernel takes it; `InputError` otherwise."""
    if not isinstance(values, np.ndarray):
        raise InputError(f"{field} is a {type(values).__name__}: must be a numpy array of {dtype}, shape {shape}")
    if type(values) is not np.ndarray:
        check_unmasked(field, values)
        values = np.asarray(values)
    if values.dtype != dtype:
        raise InputError(f"{field} has dtype {values.dtype}: must be {dtype}")
    if values.shape != shape:
        raise InputError(f"{field} has shape {values.shape}: must be {shape}, as the configuration says")
    flags = values.flags
    if not (flags.c_contiguous and flags.aligned):
        raise InputError(f"{field} is strided or unaligned: must be C-contiguous; numpy.ascontiguousarray makes a copy")
    return values


def check_unmasked(field: str, values: object) -> None:
    """`InputError` if ``values`` are a masked array: no unit leaves a weight out."""
    if isinstance(values, np.ma.MaskedArray):
        raise InputError(f"{field} is a masked array: must be a plain one, a mask has no meaning here; fill it first")


def check_limits(field: str, values: Array, limits: tuple[int, int]) -> None:
    """`InputError` naming the first integer out of ``limits``."""
    low, high = limits
    if values.min() < low or values.max() > high:
        at = np.unravel_index(int(np.argmax((values < low) | (values > high))), values.shape)
        place = ", ".join(str(int(i)) for i in at)
        raise InputError(f"{field}[{place}] = {values[at]}: must be in {low}..{high}")


def checked_pair(weights: Array, gradients: Array) -> tuple[Array, Array]:
    """Two arrays that each passed `checked_array`, if the weights can be updated from the gradients."""
    if not weights.flags.writeable:
        raise InputError("weights are read-only: must be writeable, they are updated in place")
    if np.may_share_memory(weights, gradients):
        raise InputError("weights and gradients share memory: must be two arrays")
    # numba compiles anew for read-only arrays: make every gradient one.
    gradients = gradients.view()
    gradients.flags.writeable = False
    return weights, gradients
