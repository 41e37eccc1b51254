"""The floating-point rivals, fast: SGD over arrays, bit for bit what the contract says.

The arithmetic is in ``emu/float_kernels.py``. Twins: ``golden/float_sgd.py``, ``rtl/float_sgd.py``.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from zimu.emu.arrays import Array, check_unmasked, checked_array, checked_pair, pattern_dtype
from zimu.emu.float_kernels import narrow_all, shape_of, step_binary32, step_patterns, widen_all
from zimu.emu.pointwise import PointwiseUnit, Random
from zimu.emu.reals import Encoding, Reals
from zimu.emu.scaling import Floats
from zimu.golden.errors import InputError
from zimu.golden.float_format import FORMATS, FloatFormat
from zimu.golden.float_sgd import Arithmetic, FloatSGDConfig
from zimu.golden.pointwise import PointwiseCounters
from zimu.golden.scaling import Scaling

_NATIVE: dict[str, DTypeLike] = {"fp32": np.float32, "fp16": np.float16}

_MAX_EXPONENT_BITS = 8
_MAX_SIGNIFICAND_BITS = 24


class FloatSGD(PointwiseUnit[FloatSGDConfig]):
    """A floating-point SGD unit, bit for bit; parameters and errors are those of `zimu.emu.update.UpdateUnit`.

    Attributes
    ----------
    weight_dtype, gradient_dtype : ``float32`` for ``fp32``, ``float16`` for ``fp16``; for a format that numpy lacks,
        patterns, as the smallest unsigned integers that hold them.
    memories : with momentum ``velocity``, the patterns of the weights' velocities.
    """

    def __init__(self, config: FloatSGDConfig, seed: int = 0, threads: int = 1) -> None:
        super().__init__(config, seed, threads)
        self.arithmetic = config.arithmetic
        self.weight_dtype = dtype_of(config.weights)
        self.gradient_dtype = dtype_of(config.gradients or config.weights)

    def step(
        self, weights: Array, gradients: Array, *, learning_rate: float, momentum: float | None = None
    ) -> PointwiseCounters:
        """Take one step, ``weights`` are updated in place; the counters afterwards.

        ``learning_rate`` and ``momentum`` are as for `FloatSGDConfig.registers`: rounded to their formats first.
        """
        registers = self.config.registers(learning_rate=learning_rate, momentum=momentum)
        shape = (self.config.depth,)
        weights = checked_array("weights", weights, shape, self.weight_dtype)
        gradients = checked_array("gradients", gradients, shape, self.gradient_dtype)
        weights, gradients = checked_pair(weights, gradients)
        numbers = self.arithmetic
        self._take(
            weights.view(pattern_dtype(numbers.weights.width)),
            gradients.view(pattern_dtype(numbers.gradients.width)),
            **registers,
        )
        return PointwiseCounters(*self.counters)

    def encoding(self, scale: int, scaling: Scaling) -> "Formats":
        return Formats(self.config.weights, self.config.gradients or self.config.weights)

    def step_patterns(self, weights: list[int], gradients: list[int], **registers: int) -> list[int]:
        """Take one step on patterns and return the new weights."""
        array = _patterns(self.arithmetic.weights, "weights", weights)
        self._take(array, _patterns(self.arithmetic.gradients, "gradients", gradients), **registers)
        return [int(weight) for weight in array]

    def _take(self, weights: Array, gradients: Array, *, learning_rate: int, momentum: int = 0) -> None:
        config, numbers = self.config, self.arithmetic
        if config.rate == "power_of_two":
            learning_rate <<= numbers.weights.fraction_bits
        mu = momentum ^ numbers.gradients.sign_bit
        velocity = self.memories.get("velocity")

        def part(first: int, last: int, random: Random) -> tuple[int]:
            factors = gradients[first:last]
            if velocity is not None:
                own = velocity[first:last]
                _step_all(numbers.of_velocity, factors, mu, own, own, random[:0])
                factors = own
            _step_all(numbers, weights[first:last], learning_rate, factors, weights[first:last], random)
            return (0,)

        self.take(part)


def step(
    arithmetic: Arithmetic, w: ArrayLike, lr: ArrayLike, g: ArrayLike, random: ArrayLike | None = None
) -> NDArray[Any]:
    """The bit patterns of w - lr*g; the arguments are broadcast.

    Parameters
    ----------
    arithmetic : of formats of at most 8 exponent and 24 significand bits.
    w, lr, g : patterns, unsigned integers in [0, 2^width) of their formats.
    random : with stochastic rounding the random bits, integers in [0, 2^random_bits).

    Returns
    -------
    An array of the smallest unsigned dtype that holds a pattern.

    Raises
    ------
    InputError
        a format is too wide for this emulator, or an array is not of integers in range.
    """
    for fmt in (arithmetic.weights, arithmetic.gradients):
        if fmt.exponent_bits > _MAX_EXPONENT_BITS or fmt.significand_bits > _MAX_SIGNIFICAND_BITS:
            raise InputError(
                f"{fmt}: must have at most {_MAX_EXPONENT_BITS} exponent and {_MAX_SIGNIFICAND_BITS} significand bits"
            )
    bits = np.asarray(0 if random is None else random)
    _check_integers("random", bits, 2**arithmetic.random_bits - 1)
    arrays = (
        _patterns(arithmetic.weights, "w", w),
        _patterns(arithmetic.weights, "lr", lr),
        _patterns(arithmetic.gradients, "g", g),
        bits.astype(np.uint32),
    )
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    w, lr, g, bits = (np.ascontiguousarray(np.broadcast_to(array, shape)).reshape(-1) for array in arrays)
    result = np.empty_like(w)
    shapes = shape_of(arithmetic.weights, arithmetic.flush), shape_of(arithmetic.gradients, arithmetic.flush)
    step_patterns(w, lr, g, result, bits, arithmetic.fused, *shapes, arithmetic.random_bits)
    return result.reshape(shape)


def dtype_of(name: str) -> np.dtype[Any]:
    """What arrays of a format are made of; see `FloatSGD`."""
    return np.dtype(_NATIVE.get(name, pattern_dtype(FORMATS[name].width)))


def to_format(name: str, numbers: NDArray[np.float64]) -> Array:
    """The numbers nearest to ``numbers``, ties to even, as an array of `dtype_of` the format; of the same shape.

    What overflows is infinity, or NaN where the format has none.
    """
    fmt = FORMATS[name]
    out = np.empty(numbers.shape, pattern_dtype(fmt.width))
    narrow_all(np.ascontiguousarray(numbers, np.float64).reshape(-1), shape_of(fmt, False), out.reshape(-1))
    return out.view(dtype_of(name))


def from_format(name: str, values: Array) -> NDArray[np.float64]:
    """The numbers that an array of `dtype_of` the format holds; exact, of the same shape."""
    fmt = FORMATS[name]
    out = np.empty(values.shape)
    flat = np.ascontiguousarray(values).reshape(-1).view(pattern_dtype(fmt.width))
    widen_all(flat, shape_of(fmt, False), out.reshape(-1))
    return out


class Formats(Encoding):
    """Numbers of floating-point formats, by their names; neither weights nor gradients are scaled."""

    def __init__(self, weight: str, gradient: str) -> None:
        self._weight, self._gradient = weight, gradient

    def weights(self, reals: Floats) -> Array:
        return to_format(self._weight, reals.astype(np.float64))

    def reals(self, weights: Array) -> Reals:
        return from_format(self._weight, weights)

    def gradients(self, gradients: Floats) -> tuple[Array, int]:
        return to_format(self._gradient, gradients.astype(np.float64)), 0

    @property
    def state(self) -> list[Any]:
        return []

    @state.setter
    def state(self, state: list[Any]) -> None:
        pass


def _step_all(arithmetic: Arithmetic, w: Array, lr: int, g: Array, out: Array, random: Random) -> None:
    """``out = w - lr*g`` on patterns with one learning rate; ``out`` may be ``w`` or ``g``."""
    fmt, fp32 = arithmetic.weights, FORMATS["fp32"]
    if (fmt, arithmetic.gradients) == (fp32, fp32) and not (arithmetic.flush or arithmetic.random_bits):
        rate, nan = np.array([lr, fmt.quiet_nan], np.uint32).view(np.float32)
        step_binary32(w.view(np.float32), rate, g.view(np.float32), out.view(np.float32), arithmetic.fused, nan)
        return
    shapes = shape_of(fmt, arithmetic.flush), shape_of(arithmetic.gradients, arithmetic.flush)
    rates = np.array([lr], w.dtype)
    step_patterns(w, rates, g, out, random, arithmetic.fused, *shapes, arithmetic.random_bits)


def _patterns(fmt: FloatFormat, field: str, bits: ArrayLike) -> Array:
    check_unmasked(field, bits)
    array = np.asarray(bits)
    _check_integers(field, array, 2**fmt.width - 1)
    return array.astype(pattern_dtype(fmt.width))


def _check_integers(field: str, array: Array, high: int) -> None:
    if array.dtype.kind not in "ui":
        raise InputError(f"{field} is an array of {array.dtype}: must be bit patterns, of an integer dtype")
    if array.size and not 0 <= int(array.min()) <= int(array.max()) <= high:
        raise InputError(f"{field} has values in {array.min()}..{array.max()}: must be in 0..{high}")


UNIT = FloatSGD
