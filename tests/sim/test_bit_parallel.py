"""The bit-parallel simulator on a circuit whose answers are known."""

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from zimu.golden.errors import InputError
from zimu.sim.bit_parallel import BitParallel


class Arithmetic(wiring.Component):
    a: In(8)
    b: In(8)
    product: Out(16)
    constant: Out(4)

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [self.product.eq(self.a * self.b), self.constant.eq(0b0110)]
        return m


class Register(wiring.Component):
    d: In(1)
    q: Out(1)

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.q.eq(self.d)
        return m


@pytest.mark.parametrize("count", [1, 64, 1000])
def test_products(count):
    a, b = np.random.default_rng(0).integers(0, 256, (2, count))
    outputs = BitParallel(Arithmetic())(a=a, b=b)
    np.testing.assert_array_equal(outputs["product"], a * b)
    np.testing.assert_array_equal(outputs["constant"], np.full(count, 6))


def test_state_is_refused():
    with pytest.raises(InputError, match="holds state"):
        BitParallel(Register())
