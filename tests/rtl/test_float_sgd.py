"""The float unit's circuit: its datapath against the emulator on many operands at once, and its price."""

import gc
import json

import numpy as np
import pytest

from zimu.emu.float_sgd import fused_step
from zimu.golden.errors import InputError
from zimu.golden.float_sgd import FORMATS, FloatFormat
from zimu.rtl.float_datapath import FusedStep
from zimu.rtl.float_sgd import FloatSGD
from zimu.rtl.netlist import write_rtlil, yosys
from zimu.sim.bit_parallel import BitParallel
from zimu.sim.float_operands import boundary_triples, random_triples


def differing(circuit, fmt, w, lr, g):
    """Triples whose result is not the emulator's, as text."""
    expected = fused_step(fmt, w, lr, g)
    got = circuit(w=w, lr=lr, g=g, enable=np.zeros(len(w), np.uint8))["result"]
    return [
        f"w {w[i]:#x}, lr {lr[i]:#x}, g {g[i]:#x}: expected {expected[i]:#x}, got {got[i]:#x}"
        for i in np.flatnonzero(got != expected)[:5]
    ]


@pytest.mark.parametrize("widths", [(2, 2), (3, 2), (2, 3), (4, 2), (3, 3), (2, 4)], ids=str)
def test_every_triple_of_a_small_format(widths):
    fmt = FloatFormat(*widths)
    every = np.arange(2**fmt.width)
    triples = [axis.reshape(-1) for axis in np.meshgrid(every, every, every)]
    assert differing(BitParallel(FusedStep(fmt)), fmt, *triples) == []


@pytest.mark.parametrize("name", FORMATS)
def test_boundary_and_random_triples(name):
    fmt = FORMATS[name]
    circuit = BitParallel(FusedStep(fmt))
    assert differing(circuit, fmt, *boundary_triples(fmt)) == []
    assert differing(circuit, fmt, *random_triples(fmt, 300_000, seed=6)) == []


@pytest.mark.parametrize("widths", [(2, 24), (3, 24), (4, 20), (8, 3), (5, 19)], ids=str)
def test_lopsided_formats(widths):
    fmt = FloatFormat(*widths)
    assert differing(BitParallel(FusedStep(fmt)), fmt, *random_triples(fmt, 50_000, seed=7)) == []


@pytest.mark.parametrize(
    ("name", "logic", "multipliers"),
    [pytest.param("fp32", 3456, 4, marks=pytest.mark.nightly), ("bf16", 1113, 1)],
)
def test_no_larger_than_the_best_public_unit(name, logic, multipliers, tmp_path):
    """Berkeley HardFloat's fused multiply-add, wrapped the same way: see docs/float_sgd.md."""
    write_rtlil(FloatSGD(FORMATS[name], pipelined=False), "top", tmp_path)
    yosys(["read_rtlil top.il", "synth_ecp5 -noiopad -top top", "tee -q -o top.json stat -json"], folder=tmp_path)
    cells = json.loads((tmp_path / "top.json").read_text())["design"]["num_cells_by_type"]
    assert cells["MULT18X18D"] == multipliers
    assert cells["LUT4"] + 2 * cells["CCU2C"] <= logic


@pytest.mark.filterwarnings("ignore:.*created but never used")
def test_refusals():
    with pytest.raises(InputError, match=r"^registers = 'divide': must be one of 'unpack', "):
        FusedStep(FORMATS["fp32"], ["divide"])
    with pytest.raises(InputError, match=r"^lanes = 65: must be in 1\.\.64$"):
        FloatSGD(FORMATS["fp32"], lanes=65, pipelined=True)
    gc.collect()  # Amaranth complains of unused components when they are collected: have it do so here
