"""What every unit asks of the arrays it is given."""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zimu.golden.errors import InputError
from zimu.golden.rule import Integer

Array = NDArray[Any]


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


def checked_array(field: str, values: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """``values``, if they are a numpy array of that shape and dtype as a kernel takes it; `InputError` otherwise."""
    if not isinstance(values, np.ndarray):
        raise InputError(f"{field} is a {type(values).__name__}: must be a numpy array of {dtype}, shape {shape}")
    check_unmasked(field, values)
    if values.dtype != dtype:
        raise InputError(f"{field} has dtype {values.dtype}: must be {dtype}")
    if values.shape != shape:
        raise InputError(f"{field} has shape {values.shape}: must be {shape}, as the configuration says")
    if not (values.flags.c_contiguous and values.flags.aligned):
        raise InputError(f"{field} is strided or unaligned: must be C-contiguous; numpy.ascontiguousarray makes a copy")
    return np.asarray(values)


def check_unmasked(field: str, values: object) -> None:
    """`InputError` if ``values`` are a masked array: no unit leaves a weight out."""
    if isinstance(values, np.ma.MaskedArray):
        raise InputError(f"{field} is a masked array: must be a plain one, a mask has no meaning here; fill it first")


def check_limits(field: str, values: Array, limits: tuple[int, int]) -> None:
    """`InputError` naming the first integer out of ``limits``."""
    low, high = limits
    if not _holds_only(values.dtype, limits) and (values.min() < low or values.max() > high):
        at = np.unravel_index(int(np.argmax((values < low) | (values > high))), values.shape)
        place = ", ".join(str(int(i)) for i in at)
        raise InputError(f"{field}[{place}] = {values[at]}: must be in {low}..{high}")


@cache
def _holds_only(dtype: np.dtype[Any], limits: tuple[int, int]) -> bool:
    """Whether the type itself can hold no value out of range."""
    held = np.iinfo(dtype)
    return limits[0] <= int(held.min) and int(held.max) <= limits[1]


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
