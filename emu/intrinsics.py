"""What numba does not offer, in LLVM's own terms: bit counts, and what operations on vectors are written with.

numba leaves vectors to LLVM's loop vectoriser, which does well with one loop and poorly with a short loop inside
another, and finds nothing to do where every word needs the one before. So the loops of ``emu/vectors.py``,
``emu/tile_vectors.py`` and ``emu/xoshiro.py`` say what a vector is; LLVM cuts it to what the machine has.
"""

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

INT32, INT64 = ir.IntType(32), ir.IntType(64)

LANES = 16
"""Values worked on at a time: a vector register of AVX2 holds as many of 16 bits."""


def typed(function: Callable[..., Any]) -> Callable[..., Any]:
    """An operation for kernels, typed as what it is to Python."""
    return cast(Callable[..., Any], intrinsic(function))


@typed
def ones(_context: Any, x: Any) -> Any:
    """The number of ones in an unsigned integer."""

    def codegen(_: Any, builder: Any, __: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return x(x), codegen


@typed
def bit_length(_context: Any, _x: Any) -> Any:
    """Bits of a non-negative int64, as ``int.bit_length``."""

    def codegen(_: Any, builder: Any, __: Any, args: Any) -> Any:
        return builder.sub(INT64(64), builder.ctlz(args[0], cgutils.false_bit))

    return types.int64(types.int64), codegen


def at_element(context: Any, builder: Any, signature: Any, args: Any, number: int, offset: Any, kind: Any) -> Any:
    """A pointer to ``kind`` at an element of the array that is argument ``number``."""
    array = context.make_array(signature.args[number])(context, builder, args[number])
    return builder.bitcast(builder.gep(array.data, [offset]), kind.as_pointer())


def everywhere(builder: Any, value: Any, lanes: int) -> Any:
    """A vector of ``lanes`` times the value."""
    undefined = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
    lane_zero = ir.Constant(ir.VectorType(INT32, lanes), [0] * lanes)
    return builder.shuffle_vector(builder.insert_element(undefined, value, INT32(0)), undefined, lane_zero)


def magnitude(builder: Any, value: Any) -> Any:
    """|value| of each lane; the most negative is as it was."""
    zeros = ir.Constant(value.type, [0] * value.type.count)
    return builder.select(builder.icmp_signed("<", value, zeros), builder.neg(value), value)


def reduce(operation: str, builder: Any, vector: Any) -> Any:
    """The lanes of a vector put together by an ``llvm.vector.reduce``."""
    kind = vector.type
    name = f"llvm.vector.reduce.{operation}.v{kind.count}i{kind.element.width}"
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind.element, [kind]), name)
    return builder.call(function, [vector])


def count_hits(builder: Any, conditions: Any, width: int) -> Any:
    """How many of a vector of conditions hold, an int64, where those were made by comparing lanes of ``width`` bits.

    Bytes are counted, not lanes: that is how machines without vectors of bits tell what a comparison gave.
    """
    lanes = conditions.type.count
    size = lanes * width // 8
    octets = ir.VectorType(ir.IntType(8), size)
    filled = builder.bitcast(builder.sext(conditions, ir.VectorType(ir.IntType(width), lanes)), octets)
    filled = builder.icmp_signed("<", filled, ir.Constant(octets, [0] * size))
    bits = builder.ctpop(builder.bitcast(filled, ir.IntType(size)))
    bits = builder.zext(bits, INT64) if size < 64 else bits if size == 64 else builder.trunc(bits, INT64)
    return builder.udiv(bits, INT64(width // 8))


def scanned(builder: Any, values: Any) -> Any:
    """Inclusive prefix sums of a vector of 8 lanes, or of each 16 lanes of one."""
    zeros, lanes = ir.Constant(values.type, [0] * values.type.count), values.type.count
    # Within each 8 first, since machines move lanes about in halves; then the upper half takes the sum of the lower.
    moves = [[lanes if j % 8 < step else j - step for j in range(lanes)] for step in (1, 2, 4)]
    if lanes > 8:
        moves.append([lanes if j % 16 < 8 else j - j % 8 - 1 for j in range(lanes)])
    for moved in moves:
        # Lanes that take nothing take zeros, which are those of numbers from that of the lanes on.
        taken = builder.shuffle_vector(values, zeros, ir.Constant(ir.VectorType(INT32, lanes), moved))
        values = builder.add(values, taken)
    return values


def bits_of(vector: Any) -> int:
    """Width of a lane, in bits, of a numba array's type."""
    width: int = vector.dtype.bitwidth
    return width


def splat(like: Any, value: int) -> Any:
    """A vector of one constant, of the kind of another."""
    return ir.Constant(like.type, [value] * like.type.count)
