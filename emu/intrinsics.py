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

LANES = 16
"""Values worked on at a time: a vector register of AVX2 holds as many of 16 bits."""

BLOCK = 8
"""Bounds that `count_over` compares with a value, once it has found which of `BLOCKS` blocks."""

BLOCKS = 16
"""As many as the widest tile has."""

RUN = 64
"""Values summed at a time by `sum_sizes`."""

NEAR = 8
"""Bounds that `count_reached` compares."""


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


def _at(context: Any, builder: Any, signature: Any, args: Any, number: int, offset: Any, kind: Any) -> Any:
    """A pointer to ``kind`` at an element of the array that is argument ``number``."""
    array = context.make_array(signature.args[number])(context, builder, args[number])
    return builder.bitcast(builder.gep(array.data, [offset]), kind.as_pointer())


def _everywhere(builder: Any, value: Any, lanes: int) -> Any:
    """A vector of ``lanes`` times the value."""
    undefined = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
    lane_zero = ir.Constant(ir.VectorType(_INT32, lanes), [0] * lanes)
    return builder.shuffle_vector(builder.insert_element(undefined, value, _INT32(0)), undefined, lane_zero)


def _magnitude(builder: Any, value: Any) -> Any:
    """|value| of each lane; the most negative is as it was."""
    zeros = ir.Constant(value.type, [0] * value.type.count)
    return builder.select(builder.icmp_signed("<", value, zeros), builder.neg(value), value)


def _reduce(operation: str, builder: Any, vector: Any) -> Any:
    """The lanes of a vector put together by an ``llvm.vector.reduce``."""
    kind = vector.type
    name = f"llvm.vector.reduce.{operation}.v{kind.count}i{kind.element.width}"
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind.element, [kind]), name)
    return builder.call(function, [vector])


def _hits(builder: Any, conditions: Any, width: int) -> Any:
    """How many of a vector of conditions hold, an int64, where those were made by comparing lanes of ``width`` bits.

    Bytes are counted, not lanes: that is how machines without vectors of bits tell what a comparison gave.
    """
    lanes = conditions.type.count
    size = lanes * width // 8
    octets = ir.VectorType(ir.IntType(8), size)
    filled = builder.bitcast(builder.sext(conditions, ir.VectorType(ir.IntType(width), lanes)), octets)
    filled = builder.icmp_signed("<", filled, ir.Constant(octets, [0] * size))
    bits = builder.ctpop(builder.bitcast(filled, ir.IntType(size)))
    bits = builder.zext(bits, _INT64) if size < 64 else bits if size == 64 else builder.trunc(bits, _INT64)
    return builder.udiv(bits, _INT64(width // 8))


def _scanned(builder: Any, values: Any) -> Any:
    """Inclusive prefix sums of a vector of 8 lanes, or of 16."""
    zeros, lanes = ir.Constant(values.type, [0] * values.type.count), values.type.count
    # Within each 8 first, since machines move lanes about in halves; then the upper half takes the sum of the lower.
    moves = [[lanes if j % 8 < step else j - step for j in range(lanes)] for step in (1, 2, 4)]
    # Lanes that take nothing take zeros, which are those of numbers from that of the lanes on.
    for moved in moves + ([[lanes] * 8 + [7] * 8] if lanes == 16 else []):
        taken = builder.shuffle_vector(values, zeros, ir.Constant(ir.VectorType(_INT32, lanes), moved))
        values = builder.add(values, taken)
    return values


def _bits(vector: Any) -> int:
    """Width of a lane, in bits, of a numba array's type."""
    width: int = vector.dtype.bitwidth
    return width


@_typed
def stage(_context: Any, words: Any, at: Any, cut: Any, bias: Any, bound: Any, values: Any, to: Any) -> Any:
    """Put ``(words[at + i] & cut) + bias`` at ``values[to + i]`` for `LANES` values of i; bit i is set if < ``bound``.

    ``cut`` is of the dtype of words, ``bias`` and ``bound`` are of the signed dtype of values.
    """
    word, value = ir.IntType(_bits(words)), ir.IntType(_bits(values))

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source = _at(context, builder, signature, args, 0, args[1], ir.VectorType(word, LANES))
        kept = builder.and_(builder.load(source, align=word.width // 8), _everywhere(builder, args[2], LANES))
        if word.width < value.width:
            kept = builder.zext(kept, ir.VectorType(value, LANES))
        elif word.width > value.width:  # is compiled, for who calls chooses the words as it runs
            kept = builder.trunc(kept, ir.VectorType(value, LANES))
        kept = builder.add(kept, _everywhere(builder, args[3], LANES))
        target = _at(context, builder, signature, args, 5, args[6], kept.type)
        builder.store(kept, target, align=value.width // 8)
        below = builder.icmp_signed("<", kept, _everywhere(builder, args[4], LANES))
        return builder.zext(builder.bitcast(below, ir.IntType(LANES)), _INT64)

    one = values.dtype
    return types.uint64(words, types.int64, words.dtype, one, one, values, types.int64), codegen


@_typed
def count_over(_context: Any, values: Any, first: Any, chosen: Any, starts: Any, bounds: Any, over: Any) -> Any:
    """For each of some values take the block of bounds it falls into, and 1 from ``over[j]`` for each j it is over.

    The values are ``values[first + i]`` for each bit i that is set in ``chosen``, a uint64. All arrays are of one
    signed dtype. Bounds rise, in blocks of `BLOCK`; ``starts`` are the first bounds of all blocks but the first, and
    then the largest number there is, `BLOCKS` in all.
    """
    element = ir.IntType(_bits(values))
    coarse, fine = ir.VectorType(element, BLOCKS), ir.VectorType(element, BLOCK)
    align = element.width // 8

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source = _at(context, builder, signature, args, 0, args[1], element)
        starts = builder.load(_at(context, builder, signature, args, 3, _INT64(0), coarse), align=align)
        some = ir.Constant(ir.VectorType(_INT32, BLOCKS), list(range(BLOCKS)))
        left = cgutils.alloca_once_value(builder, args[2])
        with cgutils.for_range(builder, builder.ctpop(args[2]), intp=_INT64):
            chosen = builder.load(left)
            builder.store(builder.and_(chosen, builder.sub(chosen, _INT64(1))), left)
            value = builder.load(builder.gep(source, [builder.cttz(chosen, cgutils.true_bit)]))
            value = _everywhere(builder, value, BLOCK)
            passed = builder.icmp_signed(">", builder.shuffle_vector(value, value, some), starts)
            offset = builder.mul(_hits(builder, passed, element.width), _INT64(BLOCK))
            bounds = builder.load(_at(context, builder, signature, args, 4, offset, fine), align=align)
            target = _at(context, builder, signature, args, 5, offset, fine)
            step = builder.sext(builder.icmp_signed(">", value, bounds), fine)
            builder.store(builder.add(builder.load(target, align=align), step), target, align=align)
        return context.get_dummy_value()

    return types.void(values, types.int64, types.uint64, starts, bounds, over), codegen


@_typed
def move(_context: Any, weights: Any, gradients: Any, start: Any, size: Any, over: Any, low: Any, high: Any) -> Any:
    """Move ``size`` weights, a multiple of `LANES`, from ``start`` on, each by its count against its gradient's sign.

    ``-over[j]`` are the trials that landed on weight j of a block or on one after it there. ``low`` and ``high`` hold
    one rail each, in a dtype that also holds a weight and all counts beyond it. Returns the trials that met a gradient
    of 0, and in the upper 32 bits those lost at the rails.
    """
    wide = ir.IntType(max(_bits(low), _bits(over)))
    vector = ir.VectorType(wide, LANES)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        def load(number: int, offset: Any) -> tuple[Any, Any]:
            width = _bits(signature.args[number])
            place = _at(context, builder, signature, args, number, offset, ir.VectorType(ir.IntType(width), LANES))
            value = builder.load(place, align=width // 8)
            return place, value if width == wide.width else builder.sext(value, vector)

        def rail(number: int) -> Any:
            width = _bits(signature.args[number])
            value = builder.load(_at(context, builder, signature, args, number, _INT64(0), ir.IntType(width)))
            return _everywhere(builder, value if width == wide.width else builder.sext(value, wide), LANES)

        zeros = ir.Constant(vector, [0] * LANES)
        # Lane j takes lane j + 1; the last of each block takes a zero, which is lane LANES.
        following = [LANES if j % BLOCK == 0 else j for j in range(1, LANES + 1)]
        following = ir.Constant(ir.VectorType(_INT32, LANES), following)
        bottom, top = rail(5), rail(6)
        discarded, lost = (cgutils.alloca_once_value(builder, zeros) for _ in range(2))
        with cgutils.for_range_slice(builder, _INT64(0), args[3], _INT64(LANES), inc=True) as (offset, _):
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
            beyond = _magnitude(builder, builder.sub(moved, kept))
            builder.store(builder.add(builder.load(discarded), idle), discarded)
            builder.store(builder.add(builder.load(lost), beyond), lost)
        sums = [_reduce("add", builder, builder.load(of)) for of in (discarded, lost)]
        sums = [of if wide == _INT64 else builder.zext(of, _INT64) for of in sums]
        return builder.or_(sums[0], builder.shl(sums[1], _INT64(32)))

    return types.int64(weights, gradients, types.int64, types.int64, over, low, high), codegen


def _summer(size: int) -> Callable[..., Any]:
    def run(_context: Any, values: Any, start: Any) -> Any:
        narrow = ir.VectorType(ir.IntType(_bits(values)), size)
        wide = ir.VectorType(ir.IntType(min(2 * _bits(values), 64)), size)

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            value = builder.load(_at(context, builder, signature, args, 0, args[1], narrow), align=_bits(values) // 8)
            # The most negative value is its own opposite, and right when it is widened without its sign.
            total = _reduce("add", builder, builder.zext(_magnitude(builder, value), wide))
            return total if wide.element == _INT64 else builder.zext(total, _INT64)

        return types.int64(values, types.int64), codegen

    return _typed(run)


sum_run = _summer(RUN)
"""An operation ``(values, start)`` for kernels: the sum of |values[start + i]| for `RUN` values of i."""


@_typed
def sum_eights(_context: Any, values: Any, start: Any, added: Any, sums: Any, to: Any) -> Any:
    """``sums[to + j] = added + sum of |values[start + 8 j + i]|, i < 8``, for the eights of `RUN` values; their sum.

    ``added`` is of the dtype of sums, which holds each of them.
    """
    narrow, wide = ir.IntType(_bits(values)), ir.IntType(_bits(sums))
    eights = RUN // 8

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source = _at(context, builder, signature, args, 0, args[1], ir.VectorType(narrow, RUN))
        sizes = _magnitude(builder, builder.load(source, align=narrow.width // 8))
        if narrow.width == 8:
            # The bytes of a word of 64 bits: neighbours, then pairs, then quarters.
            words = builder.bitcast(sizes, ir.VectorType(_INT64, eights))
            mask = ir.Constant(words.type, [0x00FF00FF00FF00FF] * eights)
            words = builder.add(builder.and_(words, mask), builder.and_(builder.lshr(words, _splat(words, 8)), mask))
            for step in (32, 16):
                words = builder.add(words, builder.lshr(words, _splat(words, step)))
            words = builder.and_(words, _splat(words, 0xFFFF))
            vector = ir.VectorType(wide, eights)
            each = words if wide == _INT64 else builder.trunc(words, vector)
        else:
            each = ir.Constant(ir.VectorType(wide, eights), ir.Undefined)
            of_one = ir.VectorType(wide, 8)
            for j in range(eights):
                places = ir.Constant(ir.VectorType(_INT32, 8), list(range(8 * j, 8 * j + 8)))
                part = builder.shuffle_vector(sizes, sizes, places)
                part = part if part.type == of_one else builder.zext(part, of_one)
                each = builder.insert_element(each, _reduce("add", builder, part), _INT32(j))
        each = builder.add(each, _everywhere(builder, args[2], eights))
        builder.store(each, _at(context, builder, signature, args, 3, args[4], each.type), align=wide.width // 8)
        total = each if wide == _INT64 else builder.sext(each, ir.VectorType(_INT64, eights))
        return _reduce("add", builder, total)

    one = sums.dtype
    return types.int64(values, types.int64, one, sums, types.int64), codegen


@_typed
def largest_run(_context: Any, patterns: Any, start: Any) -> Any:
    """The largest of `RUN` numbers ``patterns[start:]`` without their upper bit; they are of uint32 or uint64."""
    width = _bits(patterns)
    vector = ir.VectorType(ir.IntType(width), RUN)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        value = builder.load(_at(context, builder, signature, args, 0, args[1], vector), align=width // 8)
        value = builder.and_(value, ir.Constant(vector, [(1 << (width - 1)) - 1] * RUN))
        largest = _reduce("umax", builder, value)
        return largest if width == 64 else builder.zext(largest, _INT64)

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


@_typed
def scan(_context: Any, gradients: Any, start: Any, added: Any, before: Any, bounds: Any, at: Any) -> Any:
    """``bounds[at + j] = before + sum of |gradients[start + i]| + added, i < j``, for `LANES` values; the whole sum.

    ``bounds`` are of 16 bits or wider than the gradients; where they are of 16, sums wrap.
    """
    element = ir.IntType(_bits(bounds))
    vector = ir.VectorType(element, LANES)
    narrow = ir.VectorType(ir.IntType(_bits(gradients)), LANES)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source = _at(context, builder, signature, args, 0, args[1], narrow)
        gradient = builder.load(source, align=_bits(gradients) // 8)
        wide = gradient if narrow == vector else builder.sext(gradient, vector)
        mass = builder.add(_magnitude(builder, wide), _everywhere(builder, args[2], LANES))
        total = _scanned(builder, mass)
        whole = builder.extract_element(total, _INT32(LANES - 1))
        total = builder.add(builder.sub(total, mass), _everywhere(builder, args[3], LANES))
        builder.store(total, _at(context, builder, signature, args, 4, args[5], vector), align=element.width // 8)
        return whole if element == _INT64 else builder.zext(whole, _INT64)

    one = bounds.dtype
    return types.int64(gradients, types.int64, one, one, bounds, types.int64), codegen


def _finder(lanes: int) -> Callable[..., Any]:
    def find(_context: Any, values: Any, at: Any, added: Any, u: Any) -> Any:
        element = ir.IntType(u.bitwidth)
        narrow, vector = ir.VectorType(ir.IntType(_bits(values)), lanes), ir.VectorType(element, lanes)

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            value = builder.load(_at(context, builder, signature, args, 0, args[1], narrow), align=_bits(values) // 8)
            wide = value if narrow == vector else builder.sext(value, vector)
            mass = builder.add(_magnitude(builder, wide), _everywhere(builder, args[2], lanes))
            reached = _scanned(builder, mass)
            beyond = builder.icmp_signed(">", reached, _everywhere(builder, args[3], lanes))
            lane = builder.sub(_INT64(lanes), _hits(builder, beyond, element.width))
            before = builder.select(beyond, ir.Constant(vector, [0] * lanes), reached)
            rest = builder.sub(args[3], _reduce("umax", builder, before))
            return context.make_tuple(builder, signature.return_type, [lane, rest])

        return types.Tuple([types.int64, u])(values, types.int64, u, u), codegen

    return _typed(find)


@_typed
def count_reached(_context: Any, bounds: Any, at: Any, u: Any) -> Any:
    """How many of the `NEAR` numbers ``bounds[at:]`` of 64 bits, which rise, are at most ``u``."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = ir.VectorType(_INT64, NEAR)
        values = builder.load(_at(context, builder, signature, args, 0, args[1], vector), align=8)
        beyond = builder.icmp_signed(">", values, _everywhere(builder, args[2], NEAR))
        # Added up lane by lane: with few of them in a vector that is less than to gather their bits.
        total = _reduce("add", builder, builder.sext(beyond, vector))
        return builder.add(_INT64(NEAR), total)

    return types.int64(bounds, types.int64, types.int64), codegen


find_of_8, find_of_16 = _finder(8), _finder(16)
"""Operations ``(values, at, added, u)`` for kernels: in which of 8, or 16, masses a draw falls, and how far into it.

Mass i is ``|values[at + i]| + added``. Sums of masses fit the signed dtype of ``added`` and ``u``, which is below that
of all.
"""


def _follower(narrow: bool) -> Callable[..., Any]:
    def follow(_context: Any, means: Any, gradients: Any, sampled: Any, at: Any, shift: Any, decay: Any) -> Any:
        half_word = ir.IntType(16)
        vector = ir.VectorType(half_word, LANES)

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            def place(number: int) -> Any:
                kind = ir.VectorType(ir.IntType(_bits(signature.args[number])), LANES)
                return _at(context, builder, signature, args, number, args[3], kind)

            def load(number: int) -> Any:
                width = _bits(signature.args[number])
                value = builder.load(place(number), align=width // 8)
                return value if width == 16 else builder.sext(value, vector)

            def store(value: Any, number: int) -> None:
                width = _bits(signature.args[number])
                if width < 16:
                    value = builder.trunc(value, ir.VectorType(ir.IntType(width), LANES))
                builder.store(value, place(number), align=width // 8)

            def splat(value: Any) -> Any:
                return _everywhere(builder, builder.trunc(value, half_word), LANES)

            one = ir.Constant(vector, [1] * LANES)
            shift, mean = splat(args[4]), load(0)
            target = builder.add(builder.shl(load(1), shift), builder.shl(one, builder.sub(shift, one)))
            if narrow:
                step = builder.ashr(builder.sub(target, mean), splat(args[5]))
            else:
                # floor((t - m) / 2) fits where t - m need not.
                odd = builder.and_(builder.and_(mean, builder.not_(target)), one)
                halved = builder.sub(builder.sub(builder.ashr(target, one), builder.ashr(mean, one)), odd)
                step = builder.ashr(halved, splat(builder.sub(args[5], _INT64(1))))
            mean = builder.add(mean, step)
            store(mean, 0)
            store(builder.ashr(mean, shift), 2)
            return context.get_dummy_value()

        return types.void(means, gradients, sampled, types.int64, types.int64, types.int64), codegen

    return _typed(follow)


follow, follow_wide = _follower(narrow=True), _follower(narrow=False)
"""Operations ``(means, gradients, sampled, at, shift, decay)`` for kernels: move `LANES` running means from ``at`` on.

As `zimu.golden.momentum`; their upper bits go into ``sampled``. Arrays are of 8 or 16 bits; the first operation is for
means of at most 15 bits, the second for a ``decay`` of at least 1.
"""


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
