"""The few operations numba does not offer, in LLVM's own terms: bit counts, and loops that are sure to use vectors.

numba leaves vectors to LLVM's loop vectoriser, which does well with one loop and poorly with a short loop inside
another, and finds nothing to do where every word needs the one before. So the loops here say what a vector is; LLVM
cuts it to what the machine has.
"""

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from zimu.emu.kernel import int64, kernel

_INT32, _INT64 = ir.IntType(32), ir.IntType(64)

LANES = 32
"""Bounds compared at a time by `count_below`; scratch arrays are a multiple of it."""

RUN = 64
"""Values summed at a time by `sum_sizes`."""


def _typed(function: Callable[..., Any]) -> Callable[..., Any]:
    return cast(Callable[..., Any], intrinsic(function))


@_typed
def ones(_context: Any, x: Any) -> Any:
    """The number of ones in an unsigned integer."""

    def codegen(_: Any, builder: Any, __: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return x(x), codegen


@_typed
def bit_length(_context: Any, _x: Any) -> Any:
    """Bits of a non-negative int64, as ``int.bit_length``."""

    def codegen(_: Any, builder: Any, __: Any, args: Any) -> Any:
        return builder.sub(_INT64(64), builder.ctlz(args[0], cgutils.false_bit))

    return types.int64(types.int64), codegen


def _counter(lanes: int) -> Callable[..., Any]:
    def count(_context: Any, bounds: Any, values: Any, size: Any, below: Any, at: Any) -> Any:
        element = ir.IntType(bounds.dtype.bitwidth)
        vector = ir.VectorType(element, lanes)
        alignment = bounds.dtype.bitwidth // 8

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            def place(number: int, offset: Any, kind: Any) -> Any:
                array = context.make_array(signature.args[number])(context, builder, args[number])
                return builder.bitcast(builder.gep(array.data, [offset]), kind.as_pointer())

            undefined = ir.Constant(vector, ir.Undefined)
            everywhere = ir.Constant(ir.VectorType(_INT32, lanes), [0] * lanes)
            bound = builder.load(place(0, args[4], vector), align=alignment)
            first = place(1, _INT64(0), element)
            target = place(3, args[4], vector)
            total = cgutils.alloca_once_value(builder, builder.load(target, align=alignment))
            with cgutils.for_range(builder, args[2], intp=_INT64) as loop:
                value = builder.load(builder.gep(first, [loop.index]))
                value = builder.shuffle_vector(
                    builder.insert_element(undefined, value, _INT32(0)), undefined, everywhere
                )
                hits = builder.zext(builder.icmp_unsigned("<", value, bound), vector)
                builder.store(builder.add(builder.load(total), hits), total)
            builder.store(builder.load(total), target, align=alignment)
            return context.get_dummy_value()

        return types.void(bounds, values, types.int64, below, types.int64), codegen

    return _typed(count)


@_typed
def sum_run(_context: Any, values: Any, start: Any) -> Any:
    """The sum of |values[start + i]| for `RUN` values of i."""
    narrow = ir.VectorType(ir.IntType(values.dtype.bitwidth), RUN)
    wide = ir.VectorType(_INT64 if values.dtype.bitwidth > 16 else _INT32, RUN)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, args[0])
        place = builder.bitcast(builder.gep(array.data, [args[1]]), narrow.as_pointer())
        value, zeros = builder.load(place, align=values.dtype.bitwidth // 8), ir.Constant(narrow, [0] * RUN)
        # The most negative value is its own opposite, and right when it is widened without its sign.
        size = builder.select(builder.icmp_signed("<", value, zeros), builder.neg(value), value)
        name = f"llvm.vector.reduce.add.v{RUN}i{wide.element.width}"
        add_up = cgutils.get_or_insert_function(builder.module, ir.FunctionType(wide.element, [wide]), name)
        total = builder.call(add_up, [builder.zext(size, wide)])
        return total if wide.element == _INT64 else builder.zext(total, _INT64)

    return types.int64(values, types.int64), codegen


@kernel
def sum_sizes(values: Any, start: int, stop: int) -> int:
    """The sum of the absolute values of ``values[start:stop]``."""
    total, at = 0, start
    while at + RUN <= stop:
        total += sum_run(values, at)
        at += RUN
    for i in range(at, stop):
        value = int64(values[i])
        total += max(value, -value)
    return total


@_typed
def _scan(_context: Any, gradients: Any, start: Any, added: Any, before: Any, prefix: Any, at: Any) -> Any:
    """``prefix[at + j] = before + sum of |gradients[start + i]| + added, i <= j``, for `LANES` values; the last one."""
    element = ir.IntType(prefix.dtype.bitwidth)
    vector = ir.VectorType(element, LANES)
    narrow = ir.VectorType(ir.IntType(gradients.dtype.bitwidth), LANES)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        def place(number: int, offset: Any, kind: Any) -> Any:
            array = context.make_array(signature.args[number])(context, builder, args[number])
            return builder.bitcast(builder.gep(array.data, [offset]), kind.as_pointer())

        def splat(value: Any) -> Any:
            undefined = ir.Constant(vector, ir.Undefined)
            everywhere = ir.Constant(ir.VectorType(_INT32, LANES), [0] * LANES)
            return builder.shuffle_vector(builder.insert_element(undefined, value, _INT32(0)), undefined, everywhere)

        zeros = ir.Constant(vector, [0] * LANES)
        gradient = builder.load(place(0, args[1], narrow), align=gradients.dtype.bitwidth // 8)
        wide = builder.sext(gradient, vector) if gradients.dtype.bitwidth < prefix.dtype.bitwidth else gradient
        size = builder.select(builder.icmp_signed("<", wide, zeros), builder.neg(wide), wide)
        total = builder.add(size, splat(builder.trunc(args[2], element)))
        step = 1
        while step < LANES:
            # Lane j takes lane j - step; the lanes before the first take zeros, which are lanes LANES and up.
            moved = [LANES if j < step else j - step for j in range(LANES)]
            shifted = builder.shuffle_vector(total, zeros, ir.Constant(ir.VectorType(_INT32, LANES), moved))
            total = builder.add(total, shifted)
            step *= 2
        total = builder.add(total, splat(builder.trunc(args[3], element)))
        builder.store(total, place(4, args[5], vector), align=prefix.dtype.bitwidth // 8)
        return builder.zext(builder.extract_element(total, _INT32(LANES - 1)), _INT64)

    return types.int64(gradients, types.int64, types.int64, types.int64, prefix, types.int64), codegen


@kernel
def scan_masses(gradients: Any, start: int, size: int, smoothing: int, prefix: Any) -> int:
    """Inclusive prefix sums of |g| + smoothing for ``size`` gradients, a multiple of `LANES`, from ``start`` on.

    ``prefix`` is of uint16 or wider than the gradients, and holds every sum. Returns the last one.
    """
    total = 0
    for at in range(0, size, LANES):
        total = _scan(gradients, start + at, smoothing, total, prefix, at)
    return total


_count_one, _count_two = _counter(LANES), _counter(2 * LANES)


@kernel
def count_below(bounds: Any, values: Any, size: int, below: Any) -> None:
    """Add to ``below[j]`` how many of ``values[:size]`` are < ``bounds[j]``.

    The three arrays are of one unsigned dtype; ``bounds`` and ``below`` have one size, a multiple of `LANES`.
    """
    at = 0
    while at + 2 * LANES <= bounds.size:
        _count_two(bounds, values, size, below, at)
        at += 2 * LANES
    if at < bounds.size:
        _count_one(bounds, values, size, below, at)


def xoshiro_pass(width: int) -> Callable[..., None]:
    """An operation ``(state, first, lanes, out)`` for kernels: several generators xoshiro128++ at once.

    It advances the ``width`` generators from ``first`` on, of ``lanes`` whose states of four words lie one after the
    other in ``state``, and puts their words into every row of ``out``. Both arrays are of uint32 and contiguous. There
    is a vector for each state word.
    """

    def run(_typing: Any, state: Any, _first: Any, _lanes: Any, out: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            states, words = (context.make_array(signature.args[i])(context, builder, args[i]) for i in (0, 3))
            size = cgutils.unpack_tuple(builder, words.shape, 1)[0]
            places = _places(builder, states.data, args[1], width)
            vectors = [cgutils.alloca_once_value(builder, _gathered(builder, of_word)) for of_word in places]
            with cgutils.for_range_slice(builder, args[1], size, args[2], inc=True) as (at, _):
                word, following = _xoshiro_step(builder, *(builder.load(vector) for vector in vectors))
                target = builder.bitcast(builder.gep(words.data, [at]), word.type.as_pointer())
                builder.store(word, target, align=4)
                for vector, value in zip(vectors, following, strict=True):
                    builder.store(value, vector)
            for vector, of_word in zip(vectors, places, strict=True):
                for i, place in enumerate(of_word):
                    builder.store(builder.extract_element(builder.load(vector), _INT32(i)), place)
            return context.get_dummy_value()

        return types.void(state, types.intp, types.intp, out), codegen

    return _typed(run)


def _places(builder: Any, state: Any, first: Any, width: int) -> list[list[Any]]:
    """Where state word j of generator ``first + i`` lies, as ``[j][i]``."""
    base = builder.mul(first, first.type(4))
    return [[builder.gep(state, [builder.add(base, first.type(4 * i + j))]) for i in range(width)] for j in range(4)]


def _gathered(builder: Any, places: list[Any]) -> Any:
    vector = ir.Constant(ir.VectorType(_INT32, len(places)), ir.Undefined)
    for i, place in enumerate(places):
        vector = builder.insert_element(vector, builder.load(place), _INT32(i))
    return vector


def _xoshiro_step(b: Any, s0: Any, s1: Any, s2: Any, s3: Any) -> tuple[Any, list[Any]]:
    """A row's words of xoshiro128++ and the states after it."""
    word = b.add(_rotl(b, b.add(s0, s3), 7), s0)
    t = b.shl(s1, _splat(s1, 9))
    s2 = b.xor(s2, s0)
    s3 = b.xor(s3, s1)
    s1 = b.xor(s1, s2)
    s0 = b.xor(s0, s3)
    return word, [s0, s1, b.xor(s2, t), _rotl(b, s3, 11)]


def _rotl(b: Any, x: Any, k: int) -> Any:
    return b.or_(b.shl(x, _splat(x, k)), b.lshr(x, _splat(x, 32 - k)))


def _splat(like: Any, value: int) -> Any:
    return ir.Constant(like.type, [value] * like.type.count)
