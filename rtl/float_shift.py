"""The shifters of the float unit: combinational functions over Amaranth values.

``m`` is the module that gets the intermediate signals. Used by ``rtl/float_datapath.py``.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value


def named(m: Module, name: str, value) -> Signal:
    """``value`` as a signal of its own; an expression used twice would be built twice."""
    value = Value.cast(value)
    signal = Signal(value.shape(), name=name)
    m.d.comb += signal.eq(value)
    return signal


def differs(value: Value, fill: Value) -> Value:
    """Whether any bit of ``value`` is not ``fill``."""
    return (value ^ fill.replicate(len(value))).any()


def shift_right(m: Module, value: Value, amount: Value, fill: Value, *, first: int, width: int) -> tuple[Value, Value]:
    """Shift ``value`` right by ``amount * 2^first`` from the top of a frame of ``width`` bits.

    Returns the top of the frame, as far down as bits can have come, and whether a bit was lost below the frame that
    differs from ``fill``, which stands on both sides of it. The short shifts come first, while the value is narrow.
    """
    lost: Value = Const(0, 1)
    for k, shift in enumerate(amount, first):
        fallen = max(len(value) + 2**k - width, 0)
        lost = lost | (shift & differs(value[:fallen], fill))
        moved = Cat(value, fill.replicate(2**k))[fallen:]
        stayed = Cat(fill.replicate(2**k), value)[fallen:]
        value = named(m, f"right_{2**k}", Mux(shift, moved, stayed))
    return value, lost


def normalise(
    m: Module, value: Value, limit: Value, fill: Value, *, first: int, width: int
) -> tuple[Value, Value, Value, Value]:
    """Shift ``value`` left until its top bit is 1, by a multiple of 2^first and by ``limit`` at most.

    One conditional shift after the other, the longest first, each by the bits that it would shift out. That is
    smaller than a leading-zero counter with a shifter behind it, and can be cut between any two shifts.

    Parameters
    ----------
    m : module.
    value : what is shifted.
    limit : the most that may be shifted.
    fill : the bit that stands below ``value``.
    first : the shortest shift is 2^first.
    width : bits wanted at the top once the shifts below 2^first have been done too.

    Returns
    -------
    value : the shifted value, of ``width + 2^first - 1`` bits.
    limit : what is left of the limit, ``first`` bits.
    amount : the distance shifted, in units of 2^first.
    lost : whether a bit that can no longer reach the wanted ones differs from ``fill``.
    """
    value, lost = _top(value, width + 2 ** len(limit) - 1, fill)
    amount: list[Value] = []
    for k in reversed(range(first, len(limit))):
        shift = named(m, f"shift_{2**k}", limit[k] & ~value[-(2**k) :].any())
        # Where the limit allowed the shift and a 1 forbade it, the limit no longer binds.
        limit = named(m, f"limit_{2**k}", limit[:k] | (limit[k] & ~shift).replicate(k))
        lost = lost | (~shift & differs(value[: 2**k], fill))
        value = named(m, f"left_{2**k}", Mux(shift, value[: -(2**k)], value[2**k :]))
        amount.insert(0, shift)
    return value, limit, Cat(*amount), lost


def _top(value: Value, width: int, fill: Value) -> tuple[Value, Value]:
    """The top bits of ``value``, more put below it where it is too short, and whether one cut off is not ``fill``."""
    cut = max(len(value) - width, 0)
    return Cat(fill.replicate(width - len(value) + cut), value[cut:]), differs(value[:cut], fill)
