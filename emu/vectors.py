"""Sizes, masses and means as vectors: sums, places among prefix sums, and running means.

Used by ``emu/landing.py``, ``emu/momentum.py``, ``emu/scaling.py``, ``emu/steps.py`` and ``emu/tiles.py``.
"""

from collections.abc import Callable, Sequence
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

NEAR = 4
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


def _gradients(builder: Any, values: Any, shift: Any, kind: Any) -> Any:
    """A vector of gradients from what is kept of them, less ``shift`` lower bits; numba's type of that is ``kind``."""
    if isinstance(kind, types.NoneType):
        return values
    lower = everywhere(builder, builder.trunc(shift, values.type.element), values.type.count)
    return builder.ashr(values, lower)


def _narrow_eights(builder: Any, values: Any) -> Any:
    """The sums of each 8 of 256 lanes of 16 bits, in order.

    Written in what machines do at once: halves of 128 bits that change places, halves of words; and one permutation.
    """
    half, words, doubles = ir.VectorType(ir.IntType(16), 32), ir.VectorType(INT64, 8), ir.VectorType(INT32, 16)

    def chosen(a: Any, b: Any, places: Sequence[int]) -> Any:
        return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(INT32, len(places)), list(places)))

    def paired(a: Any, b: Any) -> Any:
        """In each 64 bits the halves of an eight added up, of ``a`` and ``b`` in turn."""
        lower = [source + 8 * eight + i for eight in range(4) for source in (0, 32) for i in range(4)]
        return builder.bitcast(builder.add(chosen(a, b, lower), chosen(a, b, [i + 4 for i in lower])), words)

    def in_turn(a: Any, b: Any) -> Any:
        evens = ir.Constant(ir.VectorType(ir.IntType(1), 16), [1, 0] * 8)
        return builder.bitcast(builder.select(evens, builder.bitcast(a, doubles), builder.bitcast(b, doubles)), half)

    def summed(a: Any, b: Any) -> Any:
        """In each 32 bits the sum of an eight, below what is left over."""
        total = builder.add(in_turn(a, builder.shl(b, splat(b, 32))), in_turn(builder.lshr(a, splat(a, 32)), b))
        pairs = builder.bitcast(total, doubles)
        return builder.add(total, builder.bitcast(builder.lshr(pairs, splat(pairs, 16)), half))

    eighths = [chosen(values, values, range(at, at + 32)) for at in range(0, 256, 32)]
    quarters = [paired(*eighths[i : i + 2]) for i in range(0, 8, 2)]
    # Of the eight that was number 4 p + q among 16 the sum is now at place p of four in the q-th 128 bits.
    places = [2 * (4 * q + p) for p in (0, 2, 1, 3) for q in range(4)]
    return chosen(summed(*quarters[:2]), summed(*quarters[2:]), [*places, *(32 + place for place in places)])


@typed
def sum_eights(_context: Any, values: Any, start: Any, shift: Any, added: Any, sums: Any, to: Any) -> Any:
    """``sums[to + j] = j * added + sum of |values[start + i] >> shift|, i < 8 j``, for `EIGHTS` values of j.

    And the same for as many that follow. Returns the two sums of all, which the dtype of sums and of ``added`` holds;
    ``shift`` may be None.
    """
    narrow, wide, lanes = ir.IntType(bits_of(values)), ir.IntType(bits_of(sums)), 2 * EIGHTS

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source = at_element(context, builder, signature, args, 0, args[1], ir.VectorType(narrow, 8 * lanes))
        given = builder.load(source, align=narrow.width // 8)
        sizes = magnitude(builder, _gradients(builder, given, args[2], shift))
        if narrow.width == 8:
            # The bytes of a word of 64 bits: neighbours, then pairs, then quarters.
            words = builder.bitcast(sizes, ir.VectorType(INT64, lanes))
            mask = ir.Constant(words.type, [0x00FF00FF00FF00FF] * lanes)
            words = builder.add(builder.and_(words, mask), builder.and_(builder.lshr(words, splat(words, 8)), mask))
            for step in (32, 16):
                words = builder.add(words, builder.lshr(words, splat(words, step)))
            words = builder.and_(words, splat(words, 0xFFFF))
            each = words if wide == INT64 else builder.trunc(words, ir.VectorType(wide, lanes))
        elif wide.width == 16:
            each = _narrow_eights(builder, sizes)
        else:
            # Pairs are added until one is left.
            each = sizes if narrow == wide else builder.zext(sizes, ir.VectorType(wide, 8 * lanes))
            while each.type.count > lanes:
                count = each.type.count // 2
                evens, odds = (ir.Constant(ir.VectorType(INT32, count), list(range(i, 2 * count, 2))) for i in (0, 1))
                each = builder.add(builder.shuffle_vector(each, each, evens), builder.shuffle_vector(each, each, odds))
        each = builder.add(each, everywhere(builder, args[3], lanes))
        reached = scanned(builder, each)
        place = at_element(context, builder, signature, args, 4, args[5], each.type)
        builder.store(builder.sub(reached, each), place, align=wide.width // 8)
        totals = [builder.extract_element(reached, INT32(last)) for last in (EIGHTS - 1, lanes - 1)]
        totals = totals if wide == INT64 else [builder.zext(total, INT64) for total in totals]
        return context.make_tuple(builder, signature.return_type, totals)

    one = sums.dtype
    return types.UniTuple(types.int64, 2)(values, types.int64, shift, one, sums, types.int64), codegen


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


@typed
def find_of_8(_context: Any, values: Any, at: Any, shift: Any, added: Any, u: Any) -> Any:
    """In which of 8 masses a draw falls: mass i is ``|values[at + i] >> shift| + added``; ``shift`` may be None.

    Sums of masses fit the signed dtype of ``added`` and ``u``, which is below that of all.
    """
    element = ir.IntType(u.bitwidth)
    narrow, vector = ir.VectorType(ir.IntType(bits_of(values)), 8), ir.VectorType(element, 8)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source = at_element(context, builder, signature, args, 0, args[1], narrow)
        value = _gradients(builder, builder.load(source, align=bits_of(values) // 8), args[2], shift)
        wide = value if narrow == vector else builder.sext(value, vector)
        reached = scanned(builder, builder.add(magnitude(builder, wide), everywhere(builder, args[3], 8)))
        beyond = builder.icmp_signed(">", reached, everywhere(builder, args[4], 8))
        return builder.sub(INT64(8), count_hits(builder, beyond, element.width))

    return types.int64(values, types.int64, shift, u, u), codegen


@typed
def last_reached(_context: Any, sums: Any, at: Any, u: Any) -> Any:
    """The last of the `EIGHTS` numbers ``sums[at:]``, which rise from 0, that is at most ``u``: its place from 0."""
    width = bits_of(sums)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.VectorType(ir.IntType(width), EIGHTS)
        reached = builder.load(at_element(context, builder, signature, args, 0, args[1], kind), align=width // 8)
        beyond = builder.icmp_signed(">", reached, everywhere(builder, args[2], EIGHTS))
        return builder.sub(INT64(EIGHTS - 1), count_hits(builder, beyond, width))

    return types.int64(sums, types.int64, sums.dtype), codegen


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


def _follower(narrow: bool) -> Callable[..., Any]:
    def follow(_context: Any, means: Any, gradients: Any, at: Any, shift: Any, decay: Any) -> Any:
        half_word = ir.IntType(16)
        vector = ir.VectorType(half_word, FOLLOWED)

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            def place(number: int) -> Any:
                kind = ir.VectorType(ir.IntType(bits_of(signature.args[number])), FOLLOWED)
                return at_element(context, builder, signature, args, number, args[2], kind)

            def load(number: int) -> Any:
                width = bits_of(signature.args[number])
                value = builder.load(place(number), align=width // 8)
                return value if width == 16 else builder.sext(value, vector)

            def splat(value: Any) -> Any:
                return everywhere(builder, builder.trunc(value, half_word), FOLLOWED)

            one = ir.Constant(vector, [1] * FOLLOWED)
            shift, mean = splat(args[3]), load(0)
            target = builder.add(builder.shl(load(1), shift), builder.shl(one, builder.sub(shift, one)))
            if narrow:
                step = builder.ashr(builder.sub(target, mean), splat(args[4]))
            else:
                # floor((t - m) / 2) fits where t - m need not.
                odd = builder.and_(builder.and_(mean, builder.not_(target)), one)
                halved = builder.sub(builder.sub(builder.ashr(target, one), builder.ashr(mean, one)), odd)
                step = builder.ashr(halved, splat(builder.sub(args[4], INT64(1))))
            mean = builder.add(mean, step)
            width = bits_of(signature.args[0])
            mean = mean if width == 16 else builder.trunc(mean, ir.VectorType(ir.IntType(width), FOLLOWED))
            builder.store(mean, place(0), align=width // 8)
            return context.get_dummy_value()

        return types.void(means, gradients, types.int64, types.int64, types.int64), codegen

    return typed(follow)


follow, follow_wide = _follower(narrow=True), _follower(narrow=False)
"""Operations ``(means, gradients, at, shift, decay)`` for kernels: move `FOLLOWED` means from ``at`` on.

As `zimu.golden.momentum`. Arrays are of 8 or 16 bits; the first operation is for means of at most 15 bits, the second
for a ``decay`` of at least 1.
"""
