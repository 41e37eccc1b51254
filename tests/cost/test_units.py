"""Units by name."""

import pytest

from zimu.cost.units import FAMILIES, parse_unit, round_sqrt, zim
from zimu.golden.errors import InputError
from zimu.golden.presets import PRESETS, preset
from zimu.rtl.cycles import step_cycles
from zimu.rtl.float_sgd import FloatSGD
from zimu.rtl.generators import KINDS, Generator
from zimu.rtl.unit import ZimCore

pytestmark = pytest.mark.filterwarnings("ignore::amaranth.hdl._ir.UnusedElaboratable")


def test_preset_has_a_rate_for_few_and_for_many_trials():
    unit, config = parse_unit("zim8"), preset("zim8")
    assert unit.name == "zim8"
    assert isinstance(unit.build(), ZimCore)
    assert [rate.trials for rate in unit.rates] == [32, 1024]
    for rate in unit.rates:
        assert rate.weights_per_cycle == 1024 / step_cycles(config, trials=rate.trials, opened=rate.trials)
    assert unit.rates[0].weights_per_cycle > unit.rates[1].weights_per_cycle


def test_file_is_the_configuration_in_it(tmp_path):
    config = preset("zim4").model_copy(update={"name": "mine", "depth": 1})
    unit = parse_unit(str(config.save(tmp_path / "x.toml")), trials=None)
    assert (unit.name, unit.build().config) == ("mine", config)
    assert [rate.trials for rate in unit.rates] == [1]  # round(sqrt(1)) and 1 are one case


def test_trials_can_be_chosen():
    assert [rate.trials for rate in parse_unit("zim8", trials=[300]).rates] == [300]


@pytest.mark.parametrize("trials", [[0], [2**32]])
def test_trials_out_of_range_are_refused(trials):
    with pytest.raises(InputError, match="trials = "):
        zim(preset("zim8"), trials)


@pytest.mark.parametrize(("stages", "pipelined"), [("comb", False), ("pipelined", True)])
def test_float_unit_updates_a_weight_per_clock(stages, pipelined):
    unit = parse_unit(f"float_sgd:fp32:{stages}")
    component = unit.build()
    assert isinstance(component, FloatSGD)
    assert component.format.width == 32
    assert bool(component.registers) == pipelined
    assert [(rate.trials, rate.weights_per_cycle) for rate in unit.rates] == [(None, component.lanes)]


@pytest.mark.parametrize("kind", KINDS)
def test_generators_are_priced_without_figures_per_weight(kind):
    unit = parse_unit(f"prng:{kind}")
    component = unit.build()
    assert isinstance(component, Generator)
    assert (unit.name, component.kind, component.lanes, unit.rates) == (f"prng:{kind}", KINDS[kind], 1, ())


@pytest.mark.parametrize("name", ["zim9", "", "float_sgd", "float_sgd:fp32", "float_sgd:fp32:comb:2", "zim8:comb"])
def test_unknown_unit_is_one_line_with_all_that_is_known(name):
    with pytest.raises(InputError) as caught:
        parse_unit(name)
    message = str(caught.value)
    assert message.startswith(f"unit = {name!r}: must be a .toml file, a preset (")
    assert all(known in message for known in (*PRESETS, *FAMILIES))
    assert "\n" not in message


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("float_sgd:fp8:comb", "format = 'fp8'"),
        ("float_sgd:fp32:fast", "stages = 'fast'"),
        ("prng:mt19937", "kind = 'mt19937'"),
        ("no.toml", "no.toml: cannot be"),
    ],
)
def test_bad_option_is_named(name, message):
    with pytest.raises(InputError, match=f"^{message}"):
        parse_unit(name)


def test_unit_name_wins_over_a_folder_of_that_name(tmp_path, monkeypatch):
    (tmp_path / "zim8").mkdir()
    monkeypatch.chdir(tmp_path)
    assert parse_unit("zim8").name == "zim8"


def test_round_sqrt_rounds_to_the_nearest_integer():
    for number in range(2000):
        root = round_sqrt(number)
        # |root - sqrt(number)| < 1/2, in integers; 1/2 itself cannot occur.
        assert (2 * root - 1) ** 2 < 4 * number < (2 * root + 1) ** 2 or number == root == 0
