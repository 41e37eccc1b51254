"""Draws inside tiles as vectors: staged, counted over bounds, and moved into weights. Used by ``emu/tiles.py``."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

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
    typed,
)

BLOCK = 8
"""Bounds that `count_over` compares with a value, once it has found which of `BLOCKS` blocks."""

BLOCKS = 16
"""As many as the widest tile has."""


@typed
def stage(_context: Any, words: Any, at: Any, cut: Any, bias: Any, bound: Any, values: Any, to: Any) -> Any:
    """Put ``(words[at + i] & cut) + bias`` at ``values[to + i]`` for `LANES` values of i; bit i is set if < ``bound``.

    ``cut`` is of the dtype of words, ``bias`` and ``bound`` are of the signed dtype of values.
    """
    word, value = ir.IntType(bits_of(words)), ir.IntType(bits_of(values))

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source = at_element(context, builder, signature, args, 0, args[1], ir.VectorType(word, LANES))
        kept = builder.and_(builder.load(source, align=word.width // 8), everywhere(builder, args[2], LANES))
        if word.width < value.width:
            kept = builder.zext(kept, ir.VectorType(value, LANES))
        elif word.width > value.width:  # is compiled, for who calls chooses the words as it runs
            kept = builder.trunc(kept, ir.VectorType(value, LANES))
        kept = builder.add(kept, everywhere(builder, args[3], LANES))
        target = at_element(context, builder, signature, args, 5, args[6], kept.type)
        builder.store(kept, target, align=value.width // 8)
        below = builder.icmp_signed("<", kept, everywhere(builder, args[4], LANES))
        return builder.zext(builder.bitcast(below, ir.IntType(LANES)), INT64)

    one = values.dtype
    return types.uint64(words, types.int64, words.dtype, one, one, values, types.int64), codegen


@typed
def count_over(_context: Any, values: Any, first: Any, chosen: Any, starts: Any, bounds: Any, over: Any) -> Any:
    """For each of some values take the block of bounds it falls into, and 1 from ``over[j]`` for each j it is over.

    The values are ``values[first + i]`` for each bit i that is set in ``chosen``, a uint64. All arrays are of one
    signed dtype. Bounds rise, in blocks of `BLOCK`; ``starts`` are the first bounds of all blocks but the first, and
    then the largest number there is, `BLOCKS` in all.
    """
    element = ir.IntType(bits_of(values))
    coarse, fine = ir.VectorType(element, BLOCKS), ir.VectorType(element, BLOCK)
    align = element.width // 8

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source = at_element(context, builder, signature, args, 0, args[1], element)
        starts = builder.load(at_element(context, builder, signature, args, 3, INT64(0), coarse), align=align)
        some = ir.Constant(ir.VectorType(INT32, BLOCKS), list(range(BLOCKS)))
        left = cgutils.alloca_once_value(builder, args[2])
        with cgutils.for_range(builder, builder.ctpop(args[2]), intp=INT64):
            chosen = builder.load(left)
            builder.store(builder.and_(chosen, builder.sub(chosen, INT64(1))), left)
            value = builder.load(builder.gep(source, [builder.cttz(chosen, cgutils.true_bit)]))
            value = everywhere(builder, value, BLOCK)
            passed = builder.icmp_signed(">", builder.shuffle_vector(value, value, some), starts)
            offset = builder.mul(count_hits(builder, passed, element.width), INT64(BLOCK))
            bounds = builder.load(at_element(context, builder, signature, args, 4, offset, fine), align=align)
            target = at_element(context, builder, signature, args, 5, offset, fine)
            step = builder.sext(builder.icmp_signed(">", value, bounds), fine)
            builder.store(builder.add(builder.load(target, align=align), step), target, align=align)
        return context.get_dummy_value()

    return types.void(values, types.int64, types.uint64, starts, bounds, over), codegen


@typed
def move(_context: Any, weights: Any, gradients: Any, start: Any, size: Any, over: Any, low: Any, high: Any) -> Any:
    """Move ``size`` weights, a multiple of `LANES`, from ``start`` on, each by its count against its gradient's sign.

    ``-over[j]`` are the trials that landed on weight j of a block or on one after it there. ``low`` and ``high`` hold
    one rail each, in a dtype that also holds a weight and all counts beyond it. Returns the trials that met a gradient
    of 0, and in the upper 32 bits those lost at the rails.
    """
    wide = ir.IntType(max(bits_of(low), bits_of(over)))
    vector = ir.VectorType(wide, LANES)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        def load(number: int, offset: Any) -> tuple[Any, Any]:
            width = bits_of(signature.args[number])
            place = at_element(
                context, builder, signature, args, number, offset, ir.VectorType(ir.IntType(width), LANES)
            )
            value = builder.load(place, align=width // 8)
            return place, value if width == wide.width else builder.sext(value, vector)

        def rail(number: int) -> Any:
            width = bits_of(signature.args[number])
            value = builder.load(at_element(context, builder, signature, args, number, INT64(0), ir.IntType(width)))
            return everywhere(builder, value if width == wide.width else builder.sext(value, wide), LANES)

        zeros = ir.Constant(vector, [0] * LANES)
        # Lane j takes lane j + 1; the last of each block takes a zero, which is lane LANES.
        following = [LANES if j % BLOCK == 0 else j for j in range(1, LANES + 1)]
        following = ir.Constant(ir.VectorType(INT32, LANES), following)
        bottom, top = rail(5), rail(6)
        discarded, lost = (cgutils.alloca_once_value(builder, zeros) for _ in range(2))
        with cgutils.for_range_slice(builder, INT64(0), args[3], INT64(LANES), inc=True) as (offset, _):
            here = builder.add(args[2], offset)
            _, over = load(4, offset)
            count = builder.sub(builder.shuffle_vector(over, zeros, following), over)
            _, gradient = load(1, here)
            place, weight = load(0, here)
            falls, rises = (builder.icmp_signed(way, gradient, zeros) for way in "><")
            down, up = builder.select(falls, count, zeros), builder.select(rises, count, zeros)
            idle = builder.sub(builder.sub(count, down), up)
            moved = builder.add(builder.sub(weight, down), up)
            kept = builder.select(builder.icmp_signed("<", moved, bottom), bottom, moved)
            kept = builder.select(builder.icmp_signed(">", kept, top), top, kept)
            narrow = place.type.pointee
            builder.store(
                kept if narrow == vector else builder.trunc(kept, narrow), place, align=narrow.element.width // 8
            )
            beyond = magnitude(builder, builder.sub(moved, kept))
            builder.store(builder.add(builder.load(discarded), idle), discarded)
            builder.store(builder.add(builder.load(lost), beyond), lost)
        sums = [reduce("add", builder, builder.load(of)) for of in (discarded, lost)]
        sums = [of if wide == INT64 else builder.zext(of, INT64) for of in sums]
        return builder.or_(sums[0], builder.shl(sums[1], INT64(32)))

    return types.int64(weights, gradients, types.int64, types.int64, over, low, high), codegen
