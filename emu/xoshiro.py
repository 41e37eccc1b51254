"""Several generators xoshiro128++ at once, a vector for each state word. Used by ``emu/generators.py``."""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from zimu.emu.intrinsics import INT32, splat, typed


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
                    builder.store(builder.extract_element(builder.load(vector), INT32(i)), place)
            return context.get_dummy_value()

        return types.void(state, types.intp, types.intp, out), codegen

    return typed(run)


def _places(builder: Any, state: Any, first: Any, width: int) -> list[list[Any]]:
    """Where state word j of generator ``first + i`` lies, as ``[j][i]``."""
    base = builder.mul(first, first.type(4))
    return [[builder.gep(state, [builder.add(base, first.type(4 * i + j))]) for i in range(width)] for j in range(4)]


def _gathered(builder: Any, places: list[Any]) -> Any:
    vector = ir.Constant(ir.VectorType(INT32, len(places)), ir.Undefined)
    for i, place in enumerate(places):
        vector = builder.insert_element(vector, builder.load(place), INT32(i))
    return vector


def _xoshiro_step(b: Any, s0: Any, s1: Any, s2: Any, s3: Any) -> tuple[Any, list[Any]]:
    """A row's words of xoshiro128++ and the states after it."""
    word = b.add(_rotl(b, b.add(s0, s3), 7), s0)
    t = b.shl(s1, splat(s1, 9))
    s2 = b.xor(s2, s0)
    s3 = b.xor(s3, s1)
    s1 = b.xor(s1, s2)
    s0 = b.xor(s0, s3)
    return word, [s0, s1, b.xor(s2, t), _rotl(b, s3, 11)]


def _rotl(b: Any, x: Any, k: int) -> Any:
    return b.or_(b.shl(x, splat(x, k)), b.lshr(x, splat(x, 32 - k)))
