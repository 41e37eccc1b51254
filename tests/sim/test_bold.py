"""BOLD's circuit beside the emulator in every simulator, and planted bugs that the bench must see."""

import inspect
from types import ModuleType

import pytest

from zimu.golden.bold import BoldConfig
from zimu.rtl import bold
from zimu.sim.simulators import SIMULATORS, why_missing
from zimu.sim.verify import verify


def configure(bits=8, fraction=5, votes=8, retention=8, **fields) -> BoldConfig:
    widths = {"accumulator_bits": bits, "fraction_bits": fraction, "vote_bits": votes, "retention_bits": retention}
    return BoldConfig(name="flips", **widths, **{"depth": 45, "lanes": 4} | fields)


@pytest.mark.nightly
def test_all_simulators_see_the_same():
    present = [simulator for simulator in SIMULATORS if not why_missing(simulator)]
    results = [verify(configure(), steps=30, seed=1, simulator=simulator) for simulator in present]
    for result in results:
        assert result.agreed, result.report("flips.toml")
    assert {(r.steps, r.checked, r.aborted, r.cycles) for r in results} == {
        (30, 30 * (2 * 45 + 4), results[0].aborted, results[0].cycles)
    }
    missing = [f"{simulator}: {why_missing(simulator)}" for simulator in SIMULATORS if simulator not in present]
    if missing:
        pytest.skip(f"compared {', '.join(present)} only; {'; '.join(missing)}")


@pytest.mark.parametrize("widths", [(2, 0, 2, 1), (4, 2, 3, 2), (16, 3, 4, 16), (32, 30, 16, 16)], ids=str)
@pytest.mark.parametrize("lanes", [1, 5])
def test_other_widths_agree(widths, lanes):
    result = verify(configure(*widths, lanes=lanes), steps=20, seed=2, simulator="amaranth")
    assert result.agreed, result.report("flips.toml")


MUTANTS = {
    "the cut towards zero": ("product[-1] & product[:fraction].any()", "product[-1]"),
    "the threshold above": ("held >= config.threshold", "held > config.threshold"),
    "the threshold below": ("held <= -config.threshold", "held < -config.threshold"),
    "the accumulator of a flip": ("Mux(self.flipped, 0, held)", "held"),
    "the rail": ("Cat((~wanted[-1]).replicate(bits - 1)", "Cat(wanted[-1].replicate(bits - 1)"),
    "the shift": ("self.operands.gradient << self.shift", "self.operands.gradient << (self.shift ^ 1)"),
    "flips of a beat": ("self.counted.last_flips.eq(flips)", "self.counted.last_flips.eq(flips != 0)"),
    "a beat that waits": ("~self.updated.valid | self.updated.ready", "1"),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.nightly] * (place > 1)) for place, name in enumerate(MUTANTS)]
)
def test_the_bench_sees_a_planted_bug(monkeypatch, name):
    if reason := why_missing("icarus"):  # whose Verilog is written in this process
        pytest.skip(reason)
    old, new = MUTANTS[name]
    source = inspect.getsource(bold)
    assert source.count(old) == 1, f"rtl/bold.py no longer says {old!r}: change the mutant"
    changed = ModuleType(bold.__name__)
    exec(compile(source.replace(old, new), bold.__name__, "exec"), vars(changed))
    monkeypatch.setattr(bold, "CORE", changed.CORE)
    assert not verify(configure(), steps=20, seed=3, simulator="icarus").agreed
