"""Units of every kind of generator against the emulator, whatever the simulator, the top and the form."""

import pytest

from zimu.golden.unit import UnitConfig
from zimu.rtl.generators import KINDS
from zimu.sim.simulators import SIMULATORS, why_missing
from zimu.sim.verify import verify
from zimu.sim.verilog import TOPS


def check(kind, steps, *, simulator="amaranth", top="core", **fields) -> None:
    shape = {"weight_bits": 5, "gradient_bits": 6, "smoothing_bits": 3, "depth": 21, "lanes": 4, "gate_bits": 8}
    config = UnitConfig(name="kind", prng=kind, **shape | fields)
    result = verify(config, steps=steps, seed=11, simulator=simulator, top=top)
    assert result.agreed, result.report("kind.toml")
    assert result.steps == steps
    assert result.aborted >= 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_unit_of_any_kind_agrees_with_the_emulator(kind):
    check(kind, 14, form="search", prng_lanes=2)


# Rows of two words made of one generator's, one, and many generators.
@pytest.mark.nightly
@pytest.mark.parametrize("shape", [{"gradient_bits": 32, "smoothing_bits": 16}, {"prng_lanes": 1}, {"prng_lanes": 8}])
@pytest.mark.parametrize("form", ["search", "tree"])
@pytest.mark.parametrize("top", TOPS)
@pytest.mark.parametrize("simulator", SIMULATORS)
@pytest.mark.parametrize("kind", KINDS)
def test_units_of_any_kind_agree_everywhere(kind, simulator, top, form, shape):
    if reason := why_missing(simulator):
        pytest.skip(reason)
    check(kind, 60, simulator=simulator, top=top, form=form, **shape)
