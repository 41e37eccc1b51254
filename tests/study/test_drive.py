"""The digits, learned by a unit at the end of a simulated line as the emulator learns them."""

import pytest

from zimu.golden.errors import InputError
from zimu.golden.names import named, preset
from zimu.golden.unit import ReferenceUnit, UnitConfig
from zimu.sim.device import Device
from zimu.sim.simulated import SimulatedLine
from zimu.sim.simulators import why_missing
from zimu.sim.transport import Link
from zimu.study.drive import WEIGHTS, check_fits, drive

CONFIG = UnitConfig(
    name="unit",
    weight_bits=8,
    gradient_bits=8,
    smoothing_bits=0,
    depth=WEIGHTS,
    lanes=8,
    gate_bits=8,
    form="search",
)


def on_simulated_board(config, clocks, steps):
    if reason := why_missing("verilator"):
        pytest.skip(reason)
    with SimulatedLine(config, clocks, "verilator", timeout=7200) as line:
        return drive(config, Device(config, Link(line)), steps, seed=3)


@pytest.mark.nightly  # by day the commands of docs/boards.md take one
def test_a_simulated_board_takes_the_emulators_steps():
    assert on_simulated_board(CONFIG, 4, 2)._replace(accuracy=0) == (2, 0, "")


@pytest.mark.nightly
@pytest.mark.parametrize(("name", "clocks"), [("zim8", 4), ("zim8_small", 13), ("momentum", 87)])
def test_a_simulated_board_learns_the_digits(name, clocks):
    config = CONFIG.replace(momentum_bits=12, form="tree") if name == "momentum" else preset(name)
    driven = on_simulated_board(config, clocks, 38)
    assert driven.agreed, driven.difference
    # After two times all images; 10 % is chance.
    assert driven.accuracy > 0.7


class Here:
    """A device with a reference unit inside, which now and then tells another number."""

    def __init__(self, config, told):
        self._config, self._told = config, told

    def load(self, memory):
        self._memory = dict(memory)

    def seed(self, seed):
        self._unit = ReferenceUnit(self._config, seed)

    def step(self, gradients, **values):
        self._memory["weights"] = self._unit.step(self._memory["weights"], gradients, **values)
        return self._told(self._unit.counters)

    def read(self):
        return self._told({"weights": list(self._memory["weights"]), **self._unit.memories})


def test_any_number_that_differs_is_told_with_its_step():
    def others_weight(told):
        if isinstance(told, dict) and sum(map(bool, told["weights"])) > 120:
            told["weights"][WEIGHTS - 1] ^= 1
        return told

    def others_counter(told):
        return told if isinstance(told, dict) else told._replace(steps=told.steps + (told.steps == 3))

    well = drive(CONFIG, Here(CONFIG, lambda told: told), 6)
    assert well.agreed
    assert well.steps == 6
    told = drive(CONFIG, Here(CONFIG, others_weight), 6)
    assert 0 < told.steps < 6
    assert f"step {told.steps}: weights[{WEIGHTS - 1}] is " in told.difference
    told = drive(CONFIG, Here(CONFIG, others_counter), 6)
    assert told.steps == 2
    assert told.difference == "step 2: counters[0] is 4, the emulator's 3"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (CONFIG.replace(depth=WEIGHTS - 1), "depth = 649: must be at least 650"),
        (CONFIG.replace(trials_shift=3), "trials_shift = 3: must be left out"),
        (named("int_sgd:8"), "rule = 'int_sgd': must be 'zim'"),
    ],
)
def test_units_that_cannot_are_told(config, message):
    with pytest.raises(InputError, match=message):
        check_fits(config)
