"""Sizes, masses and means as vectors: sums, places among prefix sums, and running means.

Used by ``emu/landing.py``, ``emu/momentum.py``, ``emu/scaling.py``, ``emu/steps.py`` and ``emu/tiles.py``.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types

from zimu.emu.intrinsics import (
    INT32,
    INT64,
    LANES,
    at_element,
    bits_of,
    count_hits,
    everywhere,
    magnitude,
    reduce,
    scanned,
    splat,
    typed,
)
from zimu.emu.kernel import int64, kernel

RUN = 64
"""Values summed at a time by `sum_sizes`."""

FOLLOWED = 32
"""Means that `follow` moves at a time."""

EIGHTS = 16
"""Sums that `sum_eights` makes at a time."""

NEAR = 8
"""Bounds that `count_reached` compares."""


@typed
def sum_run(_context: Any, values: Any, start: Any) -> Any:
    """The sum of |values[start + i]| for `RUN` values of i."""
    narrow = ir.VectorType(ir.IntType(bits_of(values)), RUN)
    wide = ir.VectorType(ir.IntType(min(2 * bits_of(values), 64)), RUN)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source = at_element(context, builder, signature, args, 0, args[1], narrow)
        value = builder.load(source, align=bits_of(values) // 8)
        # The most negative value is its own opposite, and right when it is widened without its sign.
        total = reduce("add", builder, builder.zext(magnitude(builder, value), wide))
        return total if wide.element == INT64 else builder.zext(total, INT64)

    return types.int64(values, types.int64), codegen


@typed
def sum_eights(_context: Any, values: Any, start: Any, added: Any, sums: Any, to: Any) -> Any:
    """``sums[to + j] = added + sum of |values[start + 8 j + i]|, i < 8``, for `EIGHTS` values of j; their sum.

    ``added`` is of the dtype of sums, which holds the sum.
    """
    narrow, wide = ir.IntType(bits_of(values)), ir.IntType(bits_of(sums))

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source = at_element(context, builder, signature, args, 0, args[1], ir.VectorType(narrow, 8 * EIGHTS))
        sizes = magnitude(builder, builder.load(source, align=narrow.width // 8))
        if narrow.width == 8:
            # The bytes of a word of 64 bits: neighbours, then pairs, then quarters.
            words = builder.bitcast(sizes, ir.VectorType(INT64, EIGHTS))
            mask = ir.Constant(words.type, [0x00FF00FF00FF00FF] * EIGHTS)
            words = builder.add(builder.and_(words, mask), builder.and_(builder.lshr(words, splat(words, 8)), mask))
            for step in (32, 16):
                words = builder.add(words, builder.lshr(words, splat(words, step)))
            words = builder.and_(words, splat(words, 0xFFFF))
            each = words if wide == INT64 else builder.trunc(words, ir.VectorType(wide, EIGHTS))
        else:
            each = ir.Constant(ir.VectorType(wide, EIGHTS), ir.Undefined)
            of_one = ir.VectorType(wide, 8)
            for j in range(EIGHTS):
                places = ir.Constant(ir.VectorType(INT32, 8), list(range(8 * j, 8 * j + 8)))
                part = builder.shuffle_vector(sizes, sizes, places)
                part = part if part.type == of_one else builder.zext(part, of_one)
                each = builder.insert_element(each, reduce("add", builder, part), INT32(j))
        each = builder.add(each, everywhere(builder, args[2], EIGHTS))
        builder.store(each, at_element(context, builder, signature, args, 3, args[4], each.type), align=wide.width // 8)
        total = reduce("add", builder, each)
        return total if wide == INT64 else builder.zext(total, INT64)

    one = sums.dtype
    return types.int64(values, types.int64, one, sums, types.int64), codegen


@typed
def largest_run(_context: Any, patterns: Any, start: Any) -> Any:
    """The largest of `RUN` numbers ``patterns[start:]`` without their upper bit; they are of uint32 or uint64."""
    width = bits_of(patterns)
    vector = ir.VectorType(ir.IntType(width), RUN)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        value = builder.load(at_element(context, builder, signature, args, 0, args[1], vector), align=width // 8)
        value = builder.and_(value, ir.Constant(vector, [(1 << (width - 1)) - 1] * RUN))
        largest = reduce("umax", builder, value)
        return largest if width == 64 else builder.zext(largest, INT64)

    return types.uint64(patterns, types.int64), codegen


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


@typed
def scan(_context: Any, gradients: Any, start: Any, added: Any, before: Any, bounds: Any, at: Any) -> Any:
    """``bounds[at + j] = before + sum of |gradients[start + i]| + added, i < j``, for `LANES` values; the whole sum.

    ``bounds`` are of 16 bits or wider than the gradients; where they are of 16, sums wrap.
    """
    element = ir.IntType(bits_of(bounds))
    vector = ir.VectorType(element, LANES)
    narrow = ir.VectorType(ir.IntType(bits_of(gradients)), LANES)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source = at_element(context, builder, signature, args, 0, args[1], narrow)
        gradient = builder.load(source, align=bits_of(gradients) // 8)
        wide = gradient if narrow == vector else builder.sext(gradient, vector)
        mass = builder.add(magnitude(builder, wide), everywhere(builder, args[2], LANES))
        total = scanned(builder, mass)
        whole = builder.extract_element(total, INT32(LANES - 1))
        total = builder.add(builder.sub(total, mass), everywhere(builder, args[3], LANES))
        builder.store(
            total, at_element(context, builder, signature, args, 4, args[5], vector), align=element.width // 8
        )
        return whole if element == INT64 else builder.zext(whole, INT64)

    one = bounds.dtype
    return types.int64(gradients, types.int64, one, one, bounds, types.int64), codegen


def _finder(lanes: int) -> Callable[..., Any]:
    def find(_context: Any, values: Any, at: Any, added: Any, u: Any) -> Any:
        element = ir.IntType(u.bitwidth)
        narrow, vector = ir.VectorType(ir.IntType(bits_of(values)), lanes), ir.VectorType(element, lanes)

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            value = builder.load(
                at_element(context, builder, signature, args, 0, args[1], narrow), align=bits_of(values) // 8
            )
            wide = value if narrow == vector else builder.sext(value, vector)
            mass = builder.add(magnitude(builder, wide), everywhere(builder, args[2], lanes))
            reached = scanned(builder, mass)
            beyond = builder.icmp_signed(">", reached, everywhere(builder, args[3], lanes))
            lane = builder.sub(INT64(lanes), count_hits(builder, beyond, element.width))
            before = builder.select(beyond, ir.Constant(vector, [0] * lanes), reached)
            rest = builder.sub(args[3], reduce("umax", builder, before))
            return context.make_tuple(builder, signature.return_type, [lane, rest])

        return types.Tuple([types.int64, u])(values, types.int64, u, u), codegen

    return typed(find)


@typed
def count_reached(_context: Any, bounds: Any, at: Any, u: Any) -> Any:
    """How many of the `NEAR` numbers ``bounds[at:]`` of 64 bits, which rise, are at most ``u``."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = ir.VectorType(INT64, NEAR)
        values = builder.load(at_element(context, builder, signature, args, 0, args[1], vector), align=8)
        beyond = builder.icmp_signed(">", values, everywhere(builder, args[2], NEAR))
        # Added up lane by lane: with few of them in a vector that is less than to gather their bits.
        total = reduce("add", builder, builder.sext(beyond, vector))
        return builder.add(INT64(NEAR), total)

    return types.int64(bounds, types.int64, types.int64), codegen


find_of_8, find_of_16 = _finder(8), _finder(16)
"""Operations ``(values, at, added, u)`` for kernels: in which of 8, or 16, masses a draw falls, and how far into it.

Mass i is ``|values[at + i]| + added``. Sums of masses fit the signed dtype of ``added`` and ``u``, which is below that
of all.
"""


def _follower(narrow: bool) -> Callable[..., Any]:
    def follow(_context: Any, means: Any, gradients: Any, sampled: Any, at: Any, shift: Any, decay: Any) -> Any:
        half_word = ir.IntType(16)
        vector = ir.VectorType(half_word, FOLLOWED)

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            def place(number: int) -> Any:
                kind = ir.VectorType(ir.IntType(bits_of(signature.args[number])), FOLLOWED)
                return at_element(context, builder, signature, args, number, args[3], kind)

            def load(number: int) -> Any:
                width = bits_of(signature.args[number])
                value = builder.load(place(number), align=width // 8)
                return value if width == 16 else builder.sext(value, vector)

            def store(value: Any, number: int) -> None:
                width = bits_of(signature.args[number])
                if width < 16:
                    value = builder.trunc(value, ir.VectorType(ir.IntType(width), FOLLOWED))
                builder.store(value, place(number), align=width // 8)

            def splat(value: Any) -> Any:
                return everywhere(builder, builder.trunc(value, half_word), FOLLOWED)

            one = ir.Constant(vector, [1] * FOLLOWED)
            shift, mean = splat(args[4]), load(0)
            target = builder.add(builder.shl(load(1), shift), builder.shl(one, builder.sub(shift, one)))
            if narrow:
                step = builder.ashr(builder.sub(target, mean), splat(args[5]))
            else:
                # floor((t - m) / 2) fits where t - m need not.
                odd = builder.and_(builder.and_(mean, builder.not_(target)), one)
                halved = builder.sub(builder.sub(builder.ashr(target, one), builder.ashr(mean, one)), odd)
                step = builder.ashr(halved, splat(builder.sub(args[5], INT64(1))))
            mean = builder.add(mean, step)
            store(mean, 0)
            store(builder.ashr(mean, shift), 2)
            return context.get_dummy_value()

        return types.void(means, gradients, sampled, types.int64, types.int64, types.int64), codegen

    return typed(follow)


follow, follow_wide = _follower(narrow=True), _follower(narrow=False)
"""Operations ``(means, gradients, sampled, at, shift, decay)`` for kernels: move `FOLLOWED` means from ``at`` on.

As `zimu.golden.momentum`; their upper bits go into ``sampled``. Arrays are of 8 or 16 bits; the first operation is for
means of at most 15 bits, the second for a ``decay`` of at least 1.
"""
