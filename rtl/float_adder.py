"""The ordinary adder of the float unit: swap, align, add, normalise, round.

It takes the place of the steps around the sum in ``rtl/float_datapath.py`` where a product was rounded before or is no
longer than its factor, so that the frame needs no room for both. What is done before and after is the same. The
widths are those of `zimu.rtl.float_frame.OrdinaryFrame`. In words: ``docs/float_sgd.md``.
"""

from collections.abc import Callable, Mapping

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed

from zimu.rtl.float_datapath import STEPS, Values, differs, named
from zimu.rtl.float_frame import Frame, OrdinaryFrame


def biased_sum(m: Module, f: Frame, lr_exponent: Value, g_exponent: Value, more: int = 1) -> Value:
    """The sum of exponent fields less the bias 2^n - 1 of g's, signed, in one adder; or with ``more`` = 0 less 2^n."""
    n = f.gradients.exponent_bits - 1
    total = named(m, "total", (Cat(Const(1, 1), lr_exponent) + Cat(Const(more, 1), g_exponent))[1:])
    borrow: Value = Const(1, 1)
    upper: list[Value] = []
    for bit in total[n:]:
        upper.append(bit ^ borrow)
        borrow = borrow & ~bit
    return Cat(total[:n], *upper, borrow).as_signed()


def add_exponents(m: Module, f: Frame, lr_exponent: Value, g_exponent: Value) -> Values:
    """The exponent of a product's top bit less 1: it has a bit for its carry, but for a power of two."""
    return {"top": named(m, "top", biased_sum(m, f, lr_exponent, g_exponent, int(f.rate == "any")))}


def stay(m: Module, f: Frame, top: Value) -> Values:
    """Nothing is shifted to a product."""
    limit = Signal(signed(f.limit + 1), name="product_exponent")
    m.d.comb += limit.eq(top)
    return {"amount": Const(0, f.bits.bit_length()), "high": Const(1, 1), "limit": limit}


def compare(m: Module, f: OrdinaryFrame, lr_exponent: Value, g_exponent: Value, w_exponent: Value) -> Values:
    """The exponent of lr*g, and how far w is below it."""
    top = named(m, "top", g_exponent if f.rate == "minus_one" else biased_sum(m, f, lr_exponent, g_exponent))
    return {"top": top, "distance": named(m, "distance", top - w_exponent)}


def order(m: Module, f: OrdinaryFrame, top: Value, distance: Value, product_zero: Value, w_exponent: Value) -> Values:
    """Which number leads, how far the other one is shifted, and the leading exponent.

    Where w leads, the distance is inverted instead of negated, so it lacks 1; `swap` makes up for it.
    """
    bits = f.bits.bit_length()
    w_leads = named(m, "w_leads", distance[-1] | (product_zero if f.rate == "power_of_two" else 0))
    apart = named(m, "apart", distance[:-1] ^ distance[-1].replicate(len(distance) - 1))
    limit = Signal(signed(f.limit + 1) if f.flush else f.limit, name="leading_exponent")
    m.d.comb += limit.eq(Mux(w_leads, w_exponent, top))
    return {
        "w_leads": w_leads,
        "amount": apart[:bits] | apart[bits:].any().replicate(bits),
        "limit": limit,
    }


def swap(m: Module, f: OrdinaryFrame, w: Value, product: Value, w_leads: Value, subtract: Value) -> Values:
    """The leading number and the other one, which is inverted if it is subtracted."""
    w = Cat(Const(0, f.number - len(w)), w)
    product = Cat(Const(0, f.number - len(product)), product)
    other = Cat(Const(0, f.guard - 1), Mux(w_leads, Cat(product, Const(0, 1)), Cat(Const(0, 1), w)))
    return {"leading": Mux(w_leads, w, product), "other": other ^ subtract.replicate(len(other))}


def align(m: Module, f: OrdinaryFrame, other: Value, amount: Value, subtract: Value) -> Values:
    """The other number in its place, the longest shift first, and whether something was lost below the frame."""
    lost: Value = Const(0, 1)
    for k in reversed(range(len(amount))):
        shift = min(2**k, f.bits)
        lost = lost | (amount[k] & differs(other[:shift], subtract))
        other = named(m, f"right_{2**k}", Mux(amount[k], Cat(other[shift:], subtract.replicate(shift)), other))
    return {"aligned": other, "lost": lost}


def add(
    m: Module, f: OrdinaryFrame, leading: Value, aligned: Value, w_leads: Value, subtract: Value, w_sign: Value
) -> Values:
    """The sum, or the leading number less the other and 1; with a carry out of that the leading one won."""
    total = named(m, "sum", aligned + Cat(Const(0, f.guard), leading))
    won = total[f.bits]
    return {
        "total": Cat(total[: f.bits], won & ~subtract),
        "negative": won & subtract,
        "sign": w_sign ^ (subtract & (won ^ w_leads)),
    }


def magnitude(m: Module, f: OrdinaryFrame, total: Value, subtract: Value, negative: Value, limit: Value) -> Values:
    """The magnitude of the sum; where the leading number won `round_off` adds the 1 still missing."""
    inverted = named(m, "inverted", subtract & ~negative)
    room = limit[: f.shifts] | limit[f.shifts :].any().replicate(f.shifts)
    return {
        "magnitude": total ^ Cat(inverted.replicate(f.bits), Const(0, 1)),
        "room": Const(2**f.shifts - 1, f.shifts) if f.flush else room,
    }


ORDINARY = STEPS | {
    "measure": compare,
    "aim": order,
    "align_fine": swap,
    "align_coarse": align,
    "add": add,
    "window": magnitude,
}
"""The datapath of a sum from operands to result."""

PRODUCT = STEPS | {"measure": add_exponents, "aim": stay}
"""That of a product alone where subnormals are flushed."""


def steps_of(frame: Frame) -> Mapping[str, Callable[..., Values]]:
    """The smallest datapath that a frame allows."""
    if isinstance(frame, OrdinaryFrame):
        return ORDINARY
    return PRODUCT if frame.flush and not frame.addend else STEPS
