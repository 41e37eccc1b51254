"""Units by name."""

import pytest

from zimu.cost.units import parse_unit, parse_units, priced, round_sqrt
from zimu.golden.errors import InputError
from zimu.golden.float_sgd import FloatSGDConfig
from zimu.golden.int_sgd import IntSGDConfig
from zimu.golden.names import PRESETS, examples, preset
from zimu.rtl.float_sgd import FloatSGD, FloatSGDCore
from zimu.rtl.generators import KINDS, Generator
from zimu.rtl.int_sgd import IntSGD, IntSGDCore
from zimu.rtl.unit import ZimCore, step_cycles

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
    config = preset("zim4").replace(name="mine", depth=1)
    unit = parse_unit(str(config.save(tmp_path / "x.toml")), trials=None)
    assert (unit.name, unit.build().config) == ("mine", config)
    assert [rate.trials for rate in unit.rates] == [1]  # round(sqrt(1)) and 1 are one case


def test_trials_can_be_chosen():
    assert [rate.trials for rate in parse_unit("zim8", trials=[300]).rates] == [300]


@pytest.mark.parametrize("trials", [[0], [2**32]])
def test_trials_out_of_range_are_refused(trials):
    with pytest.raises(InputError, match="trials = "):
        priced(preset("zim8"), trials)


@pytest.mark.parametrize("stages", ["comb", "pipelined"])
def test_float_unit_updates_a_weight_per_clock(stages):
    unit = parse_unit(f"float_sgd:bf16+fp32:sr8:{stages}")
    component = unit.build()
    assert isinstance(component, FloatSGDCore)
    config = component.config
    assert (config.weights, config.gradients, config.random_bits, config.stages) == ("bf16", "fp32", 8, stages)
    assert unit.name == f"float_sgd:bf16+fp32:sr8:{stages}"
    assert [(rate.trials, rate.weights_per_cycle) for rate in unit.rates] == [(None, 1.0)]


@pytest.mark.parametrize("rule", ["int_sgd:8:pow2", "float_sgd:bf16:sr8:comb", "bold:8"])
def test_lanes_and_the_kind_of_generator_stand_in_a_name(rule):
    unit = parse_unit(f"{rule}:x16:lfsr128")
    config = unit.build().config
    assert (config.lanes, config.prng, unit.rates[0].weights_per_cycle) == (16, "lfsr128", 16.0)
    assert "16 lanes" in unit.description


def test_integer_rival_and_lanes(tmp_path):
    unit = parse_unit("int_sgd:8")
    assert isinstance(unit.build(), IntSGDCore)
    config = IntSGDConfig(name="wide", depth=9, lanes=4, weight_bits=8, gradient_bits=4, rate_bits=3, fraction_bits=6)
    wide = parse_unit(str(config.save(tmp_path / "x.toml")))
    assert (wide.name, wide.build().config, wide.rates[0].weights_per_cycle) == ("wide", config, 4.0)
    rival = FloatSGDConfig(name="mine", depth=9, weights="e4m3")
    assert parse_unit(str(rival.save(tmp_path / "y.toml"))).build().config == rival


@pytest.mark.parametrize(("name", "kind"), [("int_sgd:8:pow2:x4", IntSGD), ("float_sgd:bf16:comb", FloatSGD)])
def test_the_lanes_of_a_rival_are_priced_alone_where_asked_for(name, kind):
    unit = parse_unit(f"lanes:{name}")
    assert unit.name == f"lanes:{name}"
    assert isinstance(unit.build(), kind)
    assert unit.rates == parse_unit(name).rates
    assert unit.description.endswith("; the lanes alone")


def test_rivals_are_all_there_under_names_and_descriptions_of_their_own():
    units = parse_units(["zim8", "rivals"])
    assert [unit.name for unit in units] == ["zim8", *examples()]
    assert len({unit.description for unit in units}) == len(units)


@pytest.mark.parametrize("kind", KINDS)
def test_generators_are_priced_without_figures_per_weight(kind):
    unit = parse_unit(f"prng:{kind}")
    component = unit.build()
    assert isinstance(component, Generator)
    assert (unit.name, component.kind, component.lanes, unit.rates) == (f"prng:{kind}", KINDS[kind], 1, ())


@pytest.mark.parametrize("name", ["zim9", "", "float_sgd", "zim8:comb"])
def test_unknown_unit_is_one_line_with_all_that_is_known(name):
    with pytest.raises(InputError) as caught:
        parse_unit(name)
    message = str(caught.value)
    assert f"{name!r}: must be a .toml file, a preset (" in message
    assert all(known in message for known in (*PRESETS, "float_sgd:{fp32,", "int_sgd:BITS"))
    assert "\n" not in message


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("float_sgd:fp8:comb", "format = 'fp8': must be one of 'fp32', 'bf16', 'fp16', 'e4m3', 'e5m2'"),
        ("float_sgd:bf16+int8", "format = 'int8'"),
        ("float_sgd:fp32:fast", "option = 'fast': must be one of 'separate', "),
        ("float_sgd:fp32:comb:2", "option = '2'"),
        ("float_sgd:fp32:comb:pipelined", "option = 'pipelined': stages is given twice"),
        ("float_sgd:fp32:sr25", r"random_bits = 25: must be an integer in 0\.\.24"),
        ("int_sgd:33", r"weight_bits = 33: must be an integer in 2\.\.32"),
        ("int_sgd:eight", r"'int_sgd:eight': must be int_sgd:BITS\[:OPTION...\], "),
        ("int_sgd:8:comb", "option = 'comb': must be one of 'pow2', 'xN', 'xoshiro128\\+\\+', "),
        ("int_sgd:8:pow2:pow2", "option = 'pow2': rate is given twice"),
        ("float_sgd:fp32:x65", r"lanes = 65: must be an integer in 1\.\.64"),
        ("float_sgd:fp32:x2:x4", "option = 'x4': lanes is given twice"),
        ("prng:mt19937", "kind = 'mt19937'"),
        ("lanes:zim8", "unit = 'lanes:zim8': must name a rival"),
        ("lanes:int_sgd:99", r"weight_bits = 99: must be an integer in 2\.\.32"),
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
