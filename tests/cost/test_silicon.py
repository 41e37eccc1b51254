"""Area and delay: in a little library written here, and in whatever the user's environment names."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from zimu.cost.liberty import VARIABLE, Library, find_libraries
from zimu.cost.price import price
from zimu.cost.silicon import AREA, DELAY, DELAY_SCRIPT, SCRIPTS, Silicon, read_delay
from zimu.cost.sta import has_sta
from zimu.cost.target import Figure
from zimu.golden.errors import ToolError
from zimu.golden.names import preset
from zimu.rtl.netlist import to_rtlil

OSU018 = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")

needs_library = pytest.mark.skipif(
    VARIABLE not in os.environ, reason=f"no cell library: set {VARIABLE} to a .lib or .lib.gz file"
)
needs_sta = pytest.mark.skipif(not has_sta(), reason="OpenSTA is missing: apt-get install opensta")


def without_sta(figures):
    """The values of what every machine measures."""
    return {metric: figure.value for metric, figure in figures.items() if not figure.metric.optional}


def _gate(cell: str, area: float, inputs: str, function: str, sense: str, delay: float) -> str:
    """A gate whose delay, in ns, is ``delay`` without load and twice that at 1 pF, whatever drives it."""
    row = f'"{delay}, {1.5 * delay}, {2 * delay}"'
    table = f'index_1("0.01, 0.5, 1"); index_2("0, 0.5, 1"); values({row}, {row}, {row});'
    timing = "".join(
        f'timing() {{ related_pin : "{pin}"; timing_sense : {sense}; '
        + "".join(
            f"{name}(t) {{ {table} }} " for name in ("cell_rise", "cell_fall", "rise_transition", "fall_transition")
        )
        + "}\n"
        for pin in inputs
    )
    pins = "".join(f"pin({pin}) {{ direction : input; capacitance : 0.001; }}\n" for pin in inputs)
    output = f'pin(Y) {{ direction : output; function : "{function}"; max_capacitance : 1; {timing} }}\n'
    return f"cell({cell}) {{\narea : {area};\n{pins}{output}}}\n"


LIBRARY = (
    'library(little) {\ndelay_model : table_lookup; time_unit : "1ns"; capacitive_load_unit(1, pf);\n'
    "lu_table_template(t) { variable_1 : input_net_transition; variable_2 : total_output_net_capacitance; "
    'index_1("0.01, 0.5, 1"); index_2("0, 0.5, 1"); }\n'
    + _gate("INVA", 3, "A", "!A", "negative_unate", 0.25)
    + _gate("BUFA", 6, "A", "A", "positive_unate", 0.25)
    + _gate("NANDA", 4, "AB", "!(A&B)", "negative_unate", 0.5)
    + 'cell(FLOP) {\narea : 20;\nff(IQ, IQN) { clocked_on : "C"; next_state : "D"; }\n'
    "pin(C) { direction : input; clock : true; } pin(D) { direction : input; }\n"
    'pin(Q) { direction : output; function : "IQ"; }\n}\n}\n'
)


@pytest.fixture
def little(tmp_path):
    """A target with three gates and a flip-flop of known area and delay."""
    home = tmp_path / "library"
    home.mkdir()
    (home / "little.lib").write_text(LIBRARY)
    return Silicon(Library("little", (home / "little.lib",)))


def test_nand_has_the_cells_area_and_delay(measure, circuits, little):
    values = without_sta(measure(little, circuits.nand()))
    assert values == {"ff": 0, "ge": 1, "area_um2": 4, "delay_ns": 0.5, "memory_bits": 0}


def test_register_has_no_gates_to_time(measure, circuits, little):
    figures = measure(little, circuits.register(8))
    assert (figures["ff"].value, figures["area_um2"].value, figures["ge"].value) == (8, 160, 40)
    assert (figures["delay_ns"].value, figures["delay_ns"].reason) == (None, "there are no gates to time")


def test_memory_stays_out_of_the_area(measure, circuits, little):
    figures = measure(little, circuits.memory(64, 8))
    assert (figures["memory_bits"].value, figures["ff"].value) == (512, 0)


def test_longer_path_takes_longer(measure, circuits, little):
    short, long = (measure(little, circuits.chain(adders))["delay_ns"].value for adders in (1, 4))
    assert 2 < long / short < 8


def test_name_is_that_of_the_library(little):
    assert little.name == "liberty:little"


def test_a_period_chooses_among_scripts_and_none_changes_nothing(measure, circuits, little):
    loose, tight = replace(little, period=50), replace(little, period=0.001)
    assert little.ways == (little,)
    assert loose.ways == tight.ways == tuple(replace(little, script=script) for script in SCRIPTS)
    assert loose.ways[1] == little  # what one target has measured is there for the other
    plain, slow, fast = (measure(target, circuits.multiply(6)) for target in (little, loose, tight))
    area, delay = ([each[name].value for each in (plain, slow, fast)] for name in ("area_um2", "delay_ns"))
    assert area[1] <= min(area[0], area[2])
    assert delay[2] <= min(delay[0], delay[1])
    used = [each["area_um2"].command.partition("map.abc: ")[2] for each in (plain, slow, fast)]
    assert used == [f"{script})" for script in (DELAY_SCRIPT, SCRIPTS[0], SCRIPTS[2])]


@pytest.mark.parametrize(
    ("period", "chosen"), [(0.5, 2), (1.0, 2), (1.4, 2), (1.5, 1), (2.9, 1), (3.0, 0), (9.0, 0)], ids=str
)
def test_of_those_that_keep_to_the_period_the_smallest_counts(little, period, chosen):
    results = [(90.0, 3.0), (95.0, 1.5), (120.0, 1.0)]
    figures = [[Figure(AREA, area), Figure(DELAY, delay)] for area, delay in results]
    assert replace(little, period=period).choose(figures) == chosen


def test_delay_is_read_from_one_line_only():
    line = 'ABC: WireLoad = "none"  Gates =  7 ( 1.0 %)   Area =  9.1 (90.0 %)   Delay =  1250.50 ps  ( 12.8 %)\n'
    assert read_delay("ABC: Path 1 -- Delay = 9.99 ps\n" + line) == 1.2505
    assert read_delay("") is None
    with pytest.raises(ToolError, match="2 pieces"):
        read_delay(line + line)


@needs_sta
def test_second_opinion_on_a_gate_of_known_delay(measure, circuits, little):
    figures = measure(little, circuits.nand())
    assert figures["sta_delay_ns"].value == 0.5
    assert "sta_period_ns" not in figures  # there is no flip-flop
    assert figures["sta_delay_ns"].tool == "yosys + sta"


@needs_sta
def test_without_gates_there_is_no_second_opinion_on_them(measure, circuits, little):
    assert "sta_delay_ns" not in measure(little, circuits.register(2))


def test_without_opensta_there_is_no_second_opinion(measure, circuits, little, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert little.programs == 1
    assert set(measure(little, circuits.nand())) == {"ff", "ge", "area_um2", "delay_ns", "memory_bits"}


@pytest.fixture(scope="module")
def complete():
    """The user's libraries that can map a design, the smallest first; reading them takes seconds."""
    libraries = sorted((library for library in find_libraries() if library.complete), key=lambda one: len(one.cells))
    assert libraries, f"none of the libraries in {VARIABLE} is complete"
    return libraries


@needs_sta
@needs_library
def test_opensta_agrees_with_abc_on_gates_and_adds_the_flip_flops(measure, circuits, complete):
    library = complete[0]
    parts = circuits.together(chain=circuits.chain(2), memory=circuits.memory(16, 4))
    figures = measure(Silicon(library), parts)
    delay, second = figures["delay_ns"].value, figures["sta_delay_ns"].value
    # Up to 1.7 % has been seen; a flip-flop or a wire too many would make a tenth.
    assert abs(second - delay) < 0.03 * delay
    assert figures["sta_period_ns"].value > second


def test_parts_add_up_to_the_area(circuits, little, tmp_path):
    design = to_rtlil(circuits.together(chain=circuits.chain(1), memory=circuits.memory(16, 4)), "top")
    synthesis = little.synthesise(design, tmp_path)
    (area,) = (figure.value for figure in synthesis.figures if figure.metric.name == "area_um2")
    assert list(synthesis.parts) == ["area_um2"]
    assert sum(synthesis.parts["area_um2"].values()) == area
    assert synthesis.parts["area_um2"]["chain"] > 32 * 20


@needs_library
def test_a_period_trades_area_for_delay_in_a_real_library(measure, circuits, complete):
    (library,) = complete[:1]
    plain, *aimed = (measure(Silicon(library, period=period), circuits.multiply(8)) for period in (None, 0.001, 100))
    area, delay = ([each[name].value for each in (plain, *aimed)] for name in ("area_um2", "delay_ns"))
    assert delay[1] <= delay[0]
    assert area[2] <= area[0]
    assert delay[1] < delay[2]
    assert area[2] < area[1]


@needs_library
def test_parts_of_a_unit_add_up_to_the_area_in_a_real_library(complete):
    unit = preset("zim8_small").replace(depth=64)
    pricing = price([unit], [f"liberty:{complete[0].name}"], jobs=1)
    (area,) = (row.value for row in pricing.rows if row.metric.name == "area_um2")
    (parted,) = pricing.breakdowns
    assert parted.metric.name == "area_um2"
    assert sum(parted.parts.values()) == pytest.approx(area, rel=1e-9)
    assert {"gate", "trial_words", "accumulator"} < set(parted.parts)


@pytest.mark.skipif(not OSU018.exists(), reason="no OSU library: apt-get install qflow-tech-osu018")
def test_library_of_a_debian_package_is_usable(measure, circuits):
    (library,) = find_libraries([str(OSU018)])
    values = without_sta(measure(Silicon(library), circuits.register(8)))
    assert values == {"ff": 8, "ge": 32, "area_um2": 768, "delay_ns": None, "memory_bits": 0}
    figures = measure(Silicon(library), circuits.multiply(8))
    assert 250 < figures["ge"].value < 900
    assert figures["delay_ns"].value > 1  # 180 nm


@needs_library
def test_real_library_agrees_with_the_generic_one(measure, circuits, complete):
    for library in complete:
        figures = measure(Silicon(library), circuits.multiply(8))
        # An 8x8 multiplier: NAND2 equivalents of any complete library lie around those of the generic one.
        assert 250 < figures["ge"].value < 900
        assert figures["delay_ns"].value > 0
        assert figures["ge"].value == figures["area_um2"].value / library.nand2_area
