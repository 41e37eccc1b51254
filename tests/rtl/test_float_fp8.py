"""The FP8 circuits on every triple (w, lr, g): the netlist against the emulator.

The emulator's answers to the same triples are compared with rational arithmetic in ``tests/emu/test_float_fp8.py``.
"""

import numpy as np
import pytest

from zimu.emu import float_sgd as emu
from zimu.golden.float_format import FORMATS
from zimu.golden.float_sgd import Arithmetic
from zimu.rtl.float_step import Step
from zimu.sim.bit_parallel import BitParallel

PART = 16
"""Values of w in one pass; a million triples."""


@pytest.mark.parametrize("flush", [False, pytest.param(True, marks=pytest.mark.nightly)], ids=["kept", "flushed"])
@pytest.mark.parametrize("fused", [True, pytest.param(False, marks=pytest.mark.nightly)], ids=["fused", "separate"])
@pytest.mark.parametrize("name", ["e4m3", "e5m2"])
def test_every_triple(name, fused, flush):
    fmt = FORMATS[name]
    arithmetic = Arithmetic(fmt, fmt, fused, flush)
    circuit = BitParallel(Step(arithmetic))
    every = np.arange(256, dtype=np.uint8)
    enable = np.zeros(PART * 2**16, np.uint8)
    for first in range(0, 256, PART):
        axes = np.meshgrid(every[first : first + PART], every, every, indexing="ij")
        w, lr, g = (axis.reshape(-1) for axis in axes)
        got = circuit(w=w, lr=lr, g=g, enable=enable)["result"]
        np.testing.assert_array_equal(got, emu.step(arithmetic, w, lr, g), err_msg=f"w from {first:#x} on")
