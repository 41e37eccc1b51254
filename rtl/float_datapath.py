"""The float unit's datapath for one rounding of w - lr*g: a row of steps between which registers may be put.

A step is a function from named values to named values; the shifters that steps use stand before them. The widths are
those of a `zimu.rtl.float_frame.Frame`, where the numbers are drawn. Twins: ``golden/float_sgd.py``,
``emu/float_kernels.py``. In words: ``docs/float_sgd.md``.
"""

from collections.abc import Callable, Collection, Mapping
from inspect import signature

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed

from zimu.golden.errors import check_choice
from zimu.golden.float_format import FloatFormat
from zimu.rtl.float_frame import Frame

Values = dict[str, Value]


class Datapath:
    """One rounding of w - lr*g on bit patterns.

    Parameters
    ----------
    frame : what is computed.
    registers : names of ``steps`` after which there is a register. None makes it combinational.
    steps : `STEPS`, or those of another adder.
    """

    def __init__(
        self, frame: Frame, registers: Collection[str] = (), steps: Mapping[str, Callable[..., Values]] | None = None
    ) -> None:
        self.steps = STEPS if steps is None else steps
        for name in registers:
            check_choice("registers", name, self.steps)
        self.frame = frame
        self.registers = frozenset(registers)

    @property
    def latency(self) -> int:
        """Enabled clocks from operands to result."""
        return len(self.registers)

    @property
    def draw(self) -> int:
        """Enabled clocks from operands to the random bits that round their result."""
        names = list(self.steps)
        return len(self.registers.intersection(names[: names.index("round_off")]))

    def add_to(self, m: Module, enable: Value, *, g: Value, lr: Value, w: Value, random: Value) -> Value:
        """Add it to a module and return the result, a pattern of ``frame.weights``.

        Parameters
        ----------
        enable : lets the registers take new values.
        g : pattern of ``frame.gradients``.
        lr : pattern of ``frame.weights``; of a power of two its exponent field alone; ignored where it is -1.
        w : pattern of ``frame.weights``; ignored without addend.
        random : the random bits; ignored where nothing is random.
        """
        values: Values = {"w": w, "lr": lr, "g": g}
        for name, step in self.steps.items():
            known = values | {"random": random}
            values |= step(m, self.frame, **{key: known[key] for key in _takes(step)})
            alive = self._taken_after(name)
            values = {key: Value.cast(value) for key, value in values.items() if key in alive}
            landed: Values = {
                key: Signal(value.shape(), name=f"{name}_{key}", reset_less=True) for key, value in values.items()
            }
            assignments = [landed[key].eq(value) for key, value in values.items()]
            if name in self.registers:
                with m.If(enable):
                    m.d.sync += assignments
            else:
                m.d.comb += assignments
            values = landed
        return values["result"]

    def _taken_after(self, name: str) -> set[str]:
        """Names of the values that the steps after ``name`` take, and the result."""
        names = list(self.steps)
        later = names[names.index(name) + 1 :]
        return {key for step in later for key in _takes(self.steps[step])} | {"result"}


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


def unpack(m: Module, f: Frame, w: Value, lr: Value, g: Value) -> Values:
    """Significands with their hidden bit, exponents, and the special cases. What is absent is a constant."""
    fmt = f.weights
    if f.rate == "power_of_two":
        lr = Cat(Const(0, fmt.fraction_bits), lr, Const(0, 1))
    elif f.rate == "minus_one":
        lr = Const(fmt.from_float(-1.0), fmt.width)
    product_sign = named(m, "product_sign", ~(lr[-1] ^ g[-1]))
    if not f.addend:
        # A zero that leaves a product of 0 its sign.
        w = Cat(Const(0, fmt.width - 1), product_sign)
    # A product alone needs no clean factors, since `round_off` clears it; a rounded product is clean and canonical.
    w_ = _Number(m, fmt, f.flush, "w", w)
    lr_ = _Number(m, fmt, f.flush, "lr", lr, clean=not f.addend)
    g_ = _Number(
        m, f.gradients, f.flush, "g", g, clean=not f.addend or f.rate == "minus_one", canonical=f.rate == "minus_one"
    )
    product_infinite = named(m, "product_infinite", lr_.infinite | g_.infinite)
    subtract = named(m, "opposite", w[-1] ^ product_sign)
    invalid = (lr_.infinite & g_.zero) | (lr_.zero & g_.infinite) | (w_.infinite & product_infinite & subtract)
    nan = named(m, "is_nan", w_.nan | lr_.nan | g_.nan | invalid)
    return {
        "w": w_.significand,
        "lr": lr_.significand,
        "g": g_.significand,
        "w_exponent": w_.exponent,
        "lr_exponent": lr_.exponent,
        "g_exponent": g_.exponent,
        "product_zero": lr_.zero | g_.zero,
        "w_sign": w[-1],
        "subtract": subtract,
        "nan": nan,
        "special": nan | w_.infinite | product_infinite,
        "special_sign": Mux(product_infinite, product_sign, w[-1]) & ~nan,
    }


class _Number:
    """What an operand is. Subnormals have the exponent 1, or where they are flushed 0 like all zeros.

    Flushing clears their fractions, unless the operand is ``clean``: has none, or none that matters. Where it is
    ``canonical`` its only NaN is the quiet one.
    """

    def __init__(
        self,
        m: Module,
        fmt: FloatFormat,
        flush: bool,
        name: str,
        bits: Value,
        clean: bool = False,
        canonical: bool = False,
    ) -> None:
        fraction, field = bits[: fmt.fraction_bits], bits[fmt.fraction_bits : -1]
        normal = named(m, f"{name}_normal", field.any())
        top = named(m, f"{name}_top", field.all())
        some = named(m, f"{name}_some", fraction.any())
        if flush:
            self.significand = Cat(fraction if clean else fraction & normal.replicate(len(fraction)), normal)
            self.exponent = field
            self.zero = ~normal
        else:
            self.significand = Cat(fraction, normal)
            self.exponent = Cat(field[0] | ~normal, field[1:])
            self.zero = ~normal & ~some
        quiet = fraction[-1] if canonical else some
        self.infinite = top & ~quiet if fmt.infinities else Const(0, 1)
        self.nan = top & (quiet if fmt.infinities else fraction.all())


def multiply(m: Module, f: Frame, lr: Value, g: Value) -> Values:
    """The product of the significands in parts: ``straight`` + (``cross`` 1 and 2) * 2^factor_bits."""
    if f.rate != "any":
        return {"straight": g & lr[-1].replicate(len(g)), "cross_1": Const(0, 0), "cross_2": Const(0, 0)}
    n = f.factor_bits
    straight = lr[:n] * g[:n]
    if len(lr) > n and len(g) > n:
        straight = Cat(named(m, "low_part", straight), named(m, "high_part", lr[n:] * g[n:]))
    return {"straight": straight, "cross_1": lr[:n] * g[n:], "cross_2": lr[n:] * g[:n]}


def measure(m: Module, f: Frame, lr_exponent: Value, g_exponent: Value, w_exponent: Value) -> Values:
    """The exponent field of the frame's top bit where the product sets it, and how far below it w begins."""
    top = named(m, "top", lr_exponent + g_exponent + f.top_offset)
    distance = Signal(signed(max(len(top) + 2, f.bits.bit_length() + 2)), name="distance")
    m.d.comb += distance.eq(top - w_exponent)
    return {"top": top, "distance": distance}


def add_cross(m: Module, f: Frame, cross_1: Value, cross_2: Value) -> Values:
    """The middle of the product."""
    return {"cross": cross_1 + cross_2}


def aim(m: Module, f: Frame, top: Value, distance: Value, product_zero: Value, w_exponent: Value) -> Values:
    """How far w is shifted, which window is normalised, and its top bit's exponent less 1.

    So much it may be shifted before the result is subnormal.
    """
    bits = f.bits.bit_length()
    stay = named(m, "stay", distance[-1] | product_zero)
    far = named(m, "far", distance[bits:-1].any())
    high = named(m, "is_high", stay | (~far & (distance[:bits] <= f.reach)))
    limit = Mux(stay, w_exponent, top) - Mux(high, 1, f.below + 1)
    return {
        "amount": (distance[:bits] | far.replicate(bits)) & ~stay.replicate(bits),
        "high": high,
        "limit": limit[: f.limit + 1].as_signed() if f.flush else limit[: f.limit],
    }


def add_product(m: Module, f: Frame, straight: Value, cross: Value) -> Values:
    """The product in one piece."""
    if not len(cross):
        return {"product": straight[: f.product]}
    upper = straight[f.factor_bits :] + cross
    return {"product": Cat(straight[: f.factor_bits], upper)[: f.product]}


def align_fine(m: Module, f: Frame, w: Value, amount: Value, subtract: Value) -> Values:
    """The short shifts of w, which do not reach the end of the frame. It is inverted if the product is subtracted."""
    fine = _fine_bits(f)
    aligned, _ = shift_right(m, w ^ subtract.replicate(len(w)), amount[:fine], subtract, first=0, width=f.bits)
    return {"aligned": aligned, "amount": amount[fine:]}


def align_coarse(m: Module, f: Frame, aligned: Value, amount: Value, subtract: Value) -> Values:
    """The long shifts of w, and whether something was lost below the frame."""
    aligned, lost = shift_right(m, aligned, amount, subtract, first=_fine_bits(f), width=f.bits)
    return {"aligned": aligned, "lost": lost}


def _fine_bits(f: Frame) -> int:
    return (f.bits.bit_length() + 1) // 2


def add(m: Module, f: Frame, product: Value, aligned: Value, subtract: Value, w_sign: Value) -> Values:
    """The sum w + product, or product - w - 1 modulo the frame; with a carry out of it the product won.

    What stands above the product changes by a carry only: it is made for both cases while the carry is on its way.
    """
    end = f.guard + f.product
    low = named(m, "low", aligned[:end] + Cat(Const(0, f.guard), product))
    head = aligned[end:]
    next_head = named(m, "next_head", head + 1)
    total = Cat(low[:end], Mux(low[end], next_head[: len(head)], head))
    negative = named(m, "is_negative", subtract & low[end] & next_head[len(head)])
    return {"total": total, "negative": negative, "sign": w_sign ^ negative}


def window(
    m: Module, f: Frame, total: Value, high: Value, subtract: Value, negative: Value, lost: Value, limit: Value
) -> Values:
    """The magnitude of what is normalised. Where the product won `round_off` adds the 1 still missing."""
    inverted = named(m, "inverted", subtract & ~negative)
    room = limit[: f.shifts] | limit[f.shifts :].any().replicate(f.shifts)
    return {
        "magnitude": Mux(high, total[f.below :], total[: f.window]) ^ inverted.replicate(f.window),
        "lost": lost | (high & differs(total[: f.below], subtract)),
        "room": Const(2**f.shifts - 1, f.shifts) if f.flush else room,
    }


def _normalise(first_of: Callable[[int], int], shifts: str) -> Callable[..., Values]:
    """A step that does the normalising shifts down to 2^first, where ``first`` depends on how many are left."""

    def step(m: Module, f: Frame, magnitude: Value, room: Value, negative: Value, lost: Value) -> Values:
        magnitude, room, amount, more = normalise(m, magnitude, room, negative, first=first_of(len(room)), width=f.kept)
        return {"magnitude": magnitude, "room": room, shifts: amount, "lost": lost | more}

    return step


def round_off(
    m: Module,
    f: Frame,
    magnitude: Value,
    lost: Value,
    negative: Value,
    limit: Value,
    shifts_1: Value,
    shifts_2: Value,
    shifts_3: Value,
    product_zero: Value,
    random: Value,
) -> Values:
    """Round, the exponent field above the fraction so that a carry runs from one into the other.

    Random bits are added to those below the significand. To the guard bit, where nothing is random, is added whether
    more than half is to be expected of it: something was ``lost`` below it, or the number is odd. The 1 that a
    magnitude still lacks clears what was shifted in and is added to the rest, unless something was lost, where it ends.
    """
    fmt = f.weights
    rest, significand = magnitude[: f.rest], magnitude[f.rest :]
    normal = significand[-1]
    missing = named(m, "missing", negative & ~lost)
    noise = random if f.random_bits else lost | significand[0]
    shape = signed(len(limit) + 1) if f.flush else len(limit)
    exponent = Signal(shape, name="exponent")
    m.d.comb += exponent.eq(limit - Cat(shifts_3, shifts_2, shifts_1))
    # One bit more than the result's, by which pack sees that the field ran over.
    field = exponent[: fmt.exponent_bits + 1] & normal.replicate(fmt.exponent_bits + 1)
    addend = Cat(noise, Const(0, fmt.fraction_bits), normal, Const(0, fmt.exponent_bits - 1))
    rounded = _add_with_carry(Cat(rest, significand[:-1], field), addend, missing)[f.rest :]
    # A magnitude of 1s that lacks its 1 is the smallest normal number if it begins just below that.
    tiny = exponent[-1] & ~(exponent.all() & magnitude.all() & missing) if f.flush else Const(0, 1)
    cleared = product_zero if f.flush and not f.addend else Const(0, 1)
    return {
        "rounded": rounded[: fmt.width],
        "huge": (_reaches(exponent, f.largest_field) if f.flush else exponent >= f.largest_field) & ~cleared,
        "tiny": tiny | cleared,
        "nothing": ~negative & ~lost & ~magnitude.any(),
    }


def _reaches(exponent: Value, bound: int) -> Value:
    """Whether a signed exponent is at least ``bound``, a run of 1s with 0s below; without a carry chain."""
    *bits, negative = exponent
    end, first = bound.bit_length(), (bound & -bound).bit_length() - 1
    return ~negative & (Cat(bits[first:end]).all() | Cat(bits[end:]).any())


def _add_with_carry(a: Value, b: Value, carry: Value) -> Value:
    """The sum in one adder, one bit longer than the operands."""
    return (Cat(Const(1, 1), a) + Cat(carry, b))[1:]


def pack(
    m: Module,
    f: Frame,
    rounded: Value,
    huge: Value,
    tiny: Value,
    nothing: Value,
    sign: Value,
    subtract: Value,
    special: Value,
    special_sign: Value,
    nan: Value,
) -> Values:
    """The result's bit pattern: what was rounded, or zero, or infinity, or NaN."""
    fmt = f.weights
    bits = fmt.width - 1
    magnitude = named(m, "magnitude", rounded[:bits] & ~tiny.replicate(bits))
    own_sign = sign & ~(nothing & subtract)
    if not fmt.infinities:
        nan = named(m, "over", huge | special | (rounded[bits] & ~tiny) | magnitude.all())
        return {"result": Cat(magnitude | nan.replicate(bits), own_sign & ~nan)}
    infinite = named(m, "infinite", huge | special)
    fraction = magnitude[: fmt.fraction_bits] & ~infinite.replicate(fmt.fraction_bits)
    field = magnitude[fmt.fraction_bits :] | infinite.replicate(fmt.exponent_bits)
    quiet = Cat(Const(0, fmt.fraction_bits - 1), nan)
    return {"result": Cat(fraction | quiet, field, Mux(special, special_sign, own_sign))}


STEPS: dict[str, Callable[..., Values]] = {
    "unpack": unpack,
    "multiply": multiply,
    "measure": measure,
    "add_cross": add_cross,
    "aim": aim,
    "add_product": add_product,
    "align_fine": align_fine,
    "align_coarse": align_coarse,
    "add": add,
    "window": window,
    "normalise_1": _normalise(lambda left: max(left - 1, 0), "shifts_1"),
    "normalise_2": _normalise(lambda left: (left + 1) // 2, "shifts_2"),
    "normalise_3": _normalise(lambda left: 0, "shifts_3"),
    "round_off": round_off,
    "pack": pack,
}
"""The datapath from operands to result. A register may stand after any of them."""


def _takes(step: Callable[..., Values]) -> list[str]:
    """Names of the values a step takes."""
    return list(signature(step).parameters)[2:]
