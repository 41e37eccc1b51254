"""The widths of the float unit's datapath: how many bits each step needs so that nothing that matters is lost.

    frame   head | product | guard    w is shifted right from the top, |lr*g| stands above the guard bits, never moved
    window  the top of the frame where w is no smaller than lr*g by far, else its low end; this much is normalised

Used by ``rtl/float_datapath.py``, and `OrdinaryFrame` by ``rtl/float_adder.py``. Why the widths suffice:
``docs/float_sgd.md``.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from amaranth.utils import bits_for

from zimu.golden.float_format import FloatFormat


@dataclass(frozen=True)
class Frame:
    """One rounding of w - lr*g, or of a part of it, with p and q the significand bits of the formats.

    Parameters
    ----------
    weights : format of w, lr and the result.
    gradients : format of g.
    flush : whether subnormal operands and results are zeros.
    random_bits : R of the rounding; 0 for nearest, ties to even.
    rate : lr is any number of its format, or a positive power of two, or the constant -1.
    addend : whether there is a w; without it the result is -lr*g.
    factor_bits : factors wider than this are multiplied in parts.
    """

    weights: FloatFormat
    gradients: FloatFormat
    flush: bool
    random_bits: int
    rate: Literal["any", "power_of_two", "minus_one"] = "any"
    addend: bool = True
    factor_bits: int = 64

    @property
    def rest(self) -> int:
        """Bits below the significand that rounding looks at one by one: a guard bit, or as many as are random."""
        return max(self.random_bits, 1)

    @property
    def kept(self) -> int:
        """Bits of a normalised number: significand and rest."""
        return self.weights.significand_bits + self.rest

    @property
    def product(self) -> int:
        """Width of lr*g."""
        return self.gradients.significand_bits + (self.weights.significand_bits if self.rate == "any" else 0)

    @property
    def head(self) -> int:
        """Bits above the product: where a w begins against which the product is less than a unit of its rest."""
        if self.flush and not self.addend:
            return 0
        return self.kept + self.addend

    @property
    def leading(self) -> int:
        """The lowest place at which a product can begin against which w is so small that bits of it are lost."""
        if self.flush:
            return self.product - (2 if self.rate == "any" else 1)
        if self.rate == "power_of_two":
            return 0
        # One of the factors may be subnormal.
        shorter = min(self.weights.significand_bits, self.gradients.significand_bits)
        return (shorter if self.rate == "any" else self.product) - 1

    @property
    def guard(self) -> int:
        """Bits below the product; with them it has more bits than are `kept`."""
        return max(self.kept - self.leading, 0) if self.addend else 0

    @property
    def bits(self) -> int:
        """Width of the frame."""
        return self.head + self.product + self.guard

    @property
    def window(self) -> int:
        """Width of the window: all of the frame where that takes no further shift."""
        window = self._window(self.reach)
        return self.bits if self._shifts(self.bits) == self._shifts(window) else window

    @cached_property
    def reach(self) -> int:
        """How far w may begin below the top of the frame for the high window to be taken: what makes it smallest."""
        return min(range(self.kept), key=self._window)

    def _window(self, reach: int) -> int:
        # High: w's first bit at `reach`, one more where the product is subtracted. Low: w beyond it, or the product,
        # and the carry of their sum.
        high = reach + self.kept + self.addend
        low = max(self.bits - reach - 1, self.product + self.guard) + self.addend
        return min(max(high, low), self.bits)

    @property
    def below(self) -> int:
        """How far the low window begins below the high one."""
        return self.bits - self.window

    @property
    def shifts(self) -> int:
        """Normalising shifts: by 2^k for each k below this."""
        if self.flush and not self.addend:
            return (self.product - 1 - self.leading).bit_length()
        return self._shifts(self.window)

    def _shifts(self, window: int) -> int:
        # Without guard bits a sum can be -1, which inverted leaves nothing in the window.
        return (window - (self.guard > 0)).bit_length()

    @property
    def top_offset(self) -> int:
        """What is added to the exponent fields of lr and g to have that of the frame's top bit."""
        carry = 2 if self.rate == "any" else 1
        return self.head - 1 + carry - self.gradients.bias

    @property
    def largest_field(self) -> int:
        """The exponent field of the largest finite result."""
        return _largest_field(self.weights)

    @property
    def limit(self) -> int:
        """Width of the exponent of a window's top bit, less 1."""
        top = _largest_field(self.weights) + _largest_field(self.gradients) + self.top_offset
        return bits_for(max(top - self.below, self.largest_field + self.reach, self.largest_field))


class OrdinaryFrame(Frame):
    """The frame of an ordinary adder, in which the number of the larger exponent stands and the other is shifted.

        frame   carry | number | guard

    It serves where w and lr*g have all their leading zeros at the smallest exponent of one format: sums of two numbers
    of a format, and powers of two where subnormals are flushed. All of it is normalised.
    """

    @property
    def number(self) -> int:
        """Bits of the longer number."""
        return max(self.weights.significand_bits, self.product)

    @property
    def guard(self) -> int:
        """Bits below the numbers: `kept` ones are there after a place was lost, and all of a number shifted by one."""
        return max(self.kept + 1 - self.number, 2)

    @property
    def bits(self) -> int:
        """Width of the frame without its carry."""
        return self.number + self.guard

    @property
    def window(self) -> int:
        """Width of what is normalised."""
        return self.bits + 1

    @property
    def top_offset(self) -> int:
        """What is added to the exponent fields of lr and g to have that of lr*g."""
        return -self.gradients.bias

    @property
    def limit(self) -> int:
        """Width of the larger exponent, which flushed differences may be shifted far below 0."""
        top = _largest_field(self.weights) + _largest_field(self.gradients) + self.top_offset
        return max(bits_for(top if self.rate == "power_of_two" else self.largest_field), self.shifts - 1)


def _largest_field(fmt: FloatFormat) -> int:
    return fmt.max_finite >> fmt.fraction_bits
