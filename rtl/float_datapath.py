"""The float unit's datapath: w - lr*g, fused, as a row of steps between which registers may be put.

A step is a function from named values to named values. Everything hangs on two windows on the exact sum:

    frame   3p+4 bits   |----- w, shifted right from the top ----->
            bit 0 = 1/4 ulp of the product      0...0|-- lr*g, 2p bits, never moved --|00
    window  2p+4 bits   the top of the frame where w is no smaller than lr*g by far, else its low end

Twins: ``golden/float_sgd.py``, ``emu/float_sgd.py``. Why the widths suffice: ``docs/float_sgd.md``.
"""

from collections.abc import Callable, Collection
from inspect import signature

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from zimu.golden.errors import check_choice
from zimu.golden.float_sgd import FloatFormat
from zimu.rtl.float_shift import named, normalise, shift_right

GUARD_BITS = 2
"""Bits of the frame below the product's last one."""

DSP_BITS = 18
"""Factors wider than this are multiplied in parts, as FPGA multipliers would; p up to twice this."""

Values = dict[str, Value]


class FusedStep(wiring.Component):
    """w - lr*g, rounded once to nearest even, on bit patterns.

    Parameters
    ----------
    fmt : the format.
    registers : names of `STEPS` after which there is a register. None makes it combinational.

    Members
    -------
    enable : Signal(1), in. Lets the registers take new values; without registers it does nothing.
    w, lr, g : Signal(width), in. Bit patterns.
    result : Signal(width), out. Bit pattern, `latency` enabled clocks later.
    """

    def __init__(self, fmt: FloatFormat, registers: Collection[str] = ()) -> None:
        for name in registers:
            check_choice("registers", name, STEPS)
        self.format = fmt
        self.registers = frozenset(registers)
        width = fmt.width
        super().__init__({"enable": In(1), "w": In(width), "lr": In(width), "g": In(width), "result": Out(width)})

    @property
    def latency(self) -> int:
        """Enabled clocks from operands to result."""
        return len(self.registers)

    def elaborate(self, platform):
        m = Module()
        values: Values = {"w": self.w, "lr": self.lr, "g": self.g}
        for name, step in STEPS.items():
            values |= step(m, self.format, **{key: values[key] for key in _takes(step)})
            alive = _taken_after(name)
            values = {key: Value.cast(value) for key, value in values.items() if key in alive}
            landed: Values = {
                key: Signal(value.shape(), name=f"{name}_{key}", reset_less=True) for key, value in values.items()
            }
            assignments = [landed[key].eq(value) for key, value in values.items()]
            if name in self.registers:
                with m.If(self.enable):
                    m.d.sync += assignments
            else:
                m.d.comb += assignments
            values = landed
        m.d.comb += self.result.eq(values["result"])
        return m


def frame_bits(fmt: FloatFormat) -> int:
    """Width of the frame the sum is made in: w, two bits of distance, lr*g, guard bits."""
    return 3 * fmt.significand_bits + 2 + GUARD_BITS


def window_bits(fmt: FloatFormat) -> int:
    """Width of the part of the frame that is normalised: lr*g, room for w one bit above and a carry, guard bits."""
    return 2 * fmt.significand_bits + 2 + GUARD_BITS


def unpack(m: Module, fmt: FloatFormat, w: Value, lr: Value, g: Value) -> Values:
    """Significands with their hidden bit, exponents with that of the subnormals at 1, and the special cases."""
    w_, lr_, g_ = (_Number(m, fmt, key, bits) for key, bits in (("w", w), ("lr", lr), ("g", g)))
    product_sign = named(m, "product_sign", ~(lr[-1] ^ g[-1]))
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
    """What an operand is."""

    def __init__(self, m: Module, fmt: FloatFormat, name: str, bits: Value) -> None:
        fraction, field = bits[: fmt.fraction_bits], bits[fmt.fraction_bits : -1]
        normal = named(m, f"{name}_normal", field.any())
        top = named(m, f"{name}_top", field.all())
        some = named(m, f"{name}_some", fraction.any())
        self.significand = Cat(fraction, normal)
        self.exponent = Cat(field[0] | ~normal, field[1:])
        self.zero = ~normal & ~some
        self.infinite = top & ~some
        self.nan = top & some


def multiply(m: Module, fmt: FloatFormat, lr: Value, g: Value) -> Values:
    """The product of the significands in parts: ``straight`` + (``cross`` 1 and 2) * 2^DSP_BITS."""
    lr_low, lr_high, g_low, g_high = lr[:DSP_BITS], lr[DSP_BITS:], g[:DSP_BITS], g[DSP_BITS:]
    low, high = named(m, "low_part", lr_low * g_low), named(m, "high_part", lr_high * g_high)
    return {"straight": Cat(low, high), "cross_1": lr_low * g_high, "cross_2": lr_high * g_low}


def measure(m: Module, fmt: FloatFormat, lr_exponent: Value, g_exponent: Value, w_exponent: Value) -> Values:
    """The exponent field of the frame's top bit where the product sets it, and how far below it w begins."""
    top = named(m, "top", lr_exponent + g_exponent - (fmt.bias - fmt.significand_bits - 3))
    distance = Signal(signed(max(len(top) + 1, frame_bits(fmt).bit_length() + 2)), name="distance")
    m.d.comb += distance.eq(top - w_exponent)
    return {"top": top, "distance": distance}


def add_cross(m: Module, fmt: FloatFormat, cross_1: Value, cross_2: Value) -> Values:
    """The middle of the product."""
    return {"cross": cross_1 + cross_2}


def aim(m: Module, fmt: FloatFormat, top: Value, distance: Value, product_zero: Value, w_exponent: Value) -> Values:
    """How far w is shifted, which window is normalised, and how far that may go before the result is subnormal."""
    bits = frame_bits(fmt).bit_length()
    stay = named(m, "stay", distance[-1] | product_zero)
    far = named(m, "far", distance[bits:-1].any())
    high = named(m, "is_high", stay | (~far & (distance[:bits] <= fmt.significand_bits)))
    bits_of_limit = max(fmt.exponent_bits + 1, bits_for(2**fmt.exponent_bits + fmt.significand_bits))
    base = Mux(stay, w_exponent, top)
    below = frame_bits(fmt) - window_bits(fmt)
    return {
        "amount": (distance[:bits] | far.replicate(bits)) & ~stay.replicate(bits),
        "high": high,
        "limit": (base - Mux(high, 1, below + 1))[:bits_of_limit],
    }


def add_product(m: Module, fmt: FloatFormat, straight: Value, cross: Value, subtract: Value) -> Values:
    """The product, inverted where it is to be subtracted."""
    upper = straight[DSP_BITS:]
    if len(cross):
        upper = named(m, "upper", upper + cross)[: len(upper)]
    product = Cat(straight[:DSP_BITS], upper)
    return {"product": product ^ subtract.replicate(len(product))}


def align_fine(m: Module, fmt: FloatFormat, w: Value, amount: Value) -> Values:
    """The short shifts of w, which do not reach the end of the frame."""
    fine = _fine_bits(fmt)
    aligned, _ = shift_right(m, w, amount[:fine], first=0, width=frame_bits(fmt))
    return {"aligned": aligned, "amount": amount[fine:]}


def align_coarse(m: Module, fmt: FloatFormat, aligned: Value, amount: Value) -> Values:
    """The long shifts of w, and whether a 1 left the frame."""
    aligned, lost = shift_right(m, aligned, amount, first=_fine_bits(fmt), width=frame_bits(fmt))
    return {"aligned": aligned, "lost": lost}


def _fine_bits(fmt: FloatFormat) -> int:
    return (frame_bits(fmt).bit_length() + 1) // 2


def add(m: Module, fmt: FloatFormat, product: Value, aligned: Value, subtract: Value, w_sign: Value) -> Values:
    """The sum: w plus or minus the product, and whether the product won."""
    bits = frame_bits(fmt)
    addend = Cat(subtract.replicate(GUARD_BITS), product)
    addend = Cat(addend, subtract.replicate(bits - len(addend)))
    total = named(m, "sum", _add_with_carry(aligned, addend, subtract))
    negative = named(m, "is_negative", subtract & ~total[bits])
    return {"total": total[:bits], "negative": negative, "sign": w_sign ^ negative}


def _add_with_carry(a: Value, b: Value, carry: Value) -> Value:
    """The sum in one adder, one bit longer than the operands."""
    return (Cat(Const(1, 1), a) + Cat(carry, b))[1:]


def window(
    m: Module, fmt: FloatFormat, total: Value, high: Value, negative: Value, lost: Value, limit: Value
) -> Values:
    """The part of the sum that is normalised. A negative sum is inverted; `round_off` adds the 1 still missing."""
    bits = window_bits(fmt)
    below = len(total) - bits
    steps = (bits - 1).bit_length()
    return {
        "size": Mux(high, total[below:], total[:bits]) ^ negative.replicate(bits),
        "lost": lost | (high & total[:below].any()),
        "room": limit[:steps] | limit[steps:].any().replicate(steps),
    }


def _normalise(first_of: Callable[[int], int], shifts: str) -> Callable[..., Values]:
    """A step that does the normalising shifts down to 2^first, where ``first`` depends on how many are left."""

    def step(m: Module, fmt: FloatFormat, size: Value, room: Value, negative: Value, lost: Value) -> Values:
        size, room, amount, more = normalise(
            m, size, room, negative, first=first_of(len(room)), width=fmt.significand_bits + 1
        )
        return {"size": size, "room": room, shifts: amount, "lost": lost | more}

    return step


def round_off(
    m: Module,
    fmt: FloatFormat,
    size: Value,
    lost: Value,
    negative: Value,
    limit: Value,
    shifts_1: Value,
    shifts_2: Value,
    shifts_3: Value,
) -> Values:
    """Round to nearest even, the exponent field above the fraction so that a carry runs from one into the other.

    An inverted sum still lacks the 1 of its two's complement. If nothing is ``lost`` all bits below the guard are 1s:
    the 1 clears them and is added to the guard, which makes a tie of a 0 and a carry of a 1. Otherwise it ends among
    them and they stay more than nothing.
    """
    guard, significand = size[0], size[1:]
    odd, normal = significand[0], significand[-1]
    up = Mux(negative, guard | (~lost & odd), guard & (lost | odd))
    exponent = named(m, "exponent", (limit - Cat(shifts_3, shifts_2, shifts_1))[: len(limit)])
    field = exponent[: fmt.exponent_bits] & normal.replicate(fmt.exponent_bits)
    hidden = Cat(Const(0, fmt.fraction_bits), normal, Const(0, fmt.exponent_bits - 1))
    return {
        "rounded": _add_with_carry(Cat(significand[:-1], field), hidden, up)[:-1],
        "huge": exponent >= 2**fmt.exponent_bits - 2,
        "nothing": ~negative & ~lost & ~size.any(),
    }


def pack(
    m: Module,
    fmt: FloatFormat,
    rounded: Value,
    huge: Value,
    nothing: Value,
    sign: Value,
    subtract: Value,
    special: Value,
    special_sign: Value,
    nan: Value,
) -> Values:
    """The result's bit pattern: what was rounded, or infinity, or NaN."""
    infinite = named(m, "infinite", huge | special)
    fraction = rounded[: fmt.fraction_bits] & ~infinite.replicate(fmt.fraction_bits)
    field = rounded[fmt.fraction_bits :] | infinite.replicate(fmt.exponent_bits)
    quiet = Cat(Const(0, fmt.fraction_bits - 1), nan)
    return {"result": Cat(fraction | quiet, field, Mux(special, special_sign, sign & ~(nothing & subtract)))}


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
    "normalise_1": _normalise(lambda left: left - 1, "shifts_1"),
    "normalise_2": _normalise(lambda left: (left + 1) // 2, "shifts_2"),
    "normalise_3": _normalise(lambda left: 0, "shifts_3"),
    "round_off": round_off,
    "pack": pack,
}
"""The datapath from operands to result. A register may stand after any of them."""


def _takes(step: Callable[..., Values]) -> list[str]:
    """Names of the values a step takes."""
    return list(signature(step).parameters)[2:]


def _taken_after(name: str) -> set[str]:
    """Names of the values that the steps after ``name`` take, and the result."""
    names = list(STEPS)
    later = names[names.index(name) + 1 :]
    return {key for step in later for key in _takes(STEPS[step])} | {"result"}
