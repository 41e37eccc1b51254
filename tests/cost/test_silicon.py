"""Area and delay: in a little library written here, and in whatever the user's environment names."""

import os

import pytest

from zimu.cost.liberty import VARIABLE, Library, find_libraries
from zimu.cost.silicon import Silicon, read_delay
from zimu.golden.errors import ToolError, ZimuError


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
    values = {metric: figure.value for metric, figure in measure(little, circuits.nand()).items()}
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


def test_delay_is_read_from_one_line_only():
    line = 'ABC: WireLoad = "none"  Gates =  7 ( 1.0 %)   Area =  9.1 (90.0 %)   Delay =  1250.50 ps  ( 12.8 %)\n'
    assert read_delay("ABC: Path 1 -- Delay = 9.99 ps\n" + line) == 1.2505
    assert read_delay("") is None
    with pytest.raises(ToolError, match="2 pieces"):
        read_delay(line + line)


@pytest.mark.skipif(VARIABLE not in os.environ, reason=f"no cell library: set {VARIABLE} to a .lib or .lib.gz file")
def test_real_library_agrees_with_the_generic_one(measure, circuits):
    tried = 0
    for library in find_libraries():
        try:
            library.check()
        except ZimuError:
            continue
        tried += 1
        figures = measure(Silicon(library), circuits.multiply(8))
        # An 8x8 multiplier: NAND2 equivalents of any complete library lie around those of the generic one.
        assert 250 < figures["ge"].value < 900
        assert figures["delay_ns"].value > 0
        assert figures["ge"].value == figures["area_um2"].value / library.nand2_area
    assert tried, f"none of the libraries in {VARIABLE} is complete"
