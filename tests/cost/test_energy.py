"""Energy of a netlist against sums by hand, in a little library whose every number is written here."""

import os
import shutil
import subprocess

import numpy as np
import pytest

from zimu.cost.energy import Energy, energy_per_clock
from zimu.cost.gates import MappedNetlist, keeping_script, map_to_cells, read_netlist
from zimu.cost.liberty import VARIABLE, Library, find_libraries, parse_group
from zimu.cost.power import read_power
from zimu.cost.silicon import DELAY_SCRIPT
from zimu.golden.errors import InputError
from zimu.rtl.netlist import to_rtlil

LIBRARY = """
library(little) {
  /* 2 V; 10 fF, so an internal energy of 1 is 10 fJ; nW; slews in 100 ps */
  capacitive_load_unit(10, ff); voltage_unit : "1V"; nom_voltage : 2; leakage_power_unit : "1nW"; time_unit : "100ps";
  power_lut_template(both) {
    variable_1 : input_transition_time; variable_2 : total_output_net_capacitance; index_1("0, 10"); index_2("0, 10");
  }
  power_lut_template(slews) { variable_1 : input_transition_time; index_1("0, 10"); }
  cell(NANDA) {
    area : 4; cell_leakage_power : 7;
    leakage_power() { value : 8; when : "A&B"; }
    leakage_power() { value : 1; when : "!A B'"; }
    pin(A) { direction : input; capacitance : 2; }
    pin(B) { direction : input; capacitance : 3; }
    pin(Y) {
      direction : output; function : "!(A*B)";
      internal_power() {
        related_pin : "A";
        rise_power(both) { values("1, 3", \\
          "2, 4"); }
        fall_power(scalar) { values("5"); }
      }
      internal_power() { related_pin : "B"; power(scalar) { values("9"); } }
    }
  }
  cell(FLOP) {
    area : 20; cell_leakage_power : 30;
    ff(IQ, IQN) { clocked_on : "C"; next_state : "D"; }
    pin(C) {
      direction : input; clock : true; capacitance : 1;
      internal_power() { when : "D&!Q"; power(scalar) { values("100"); } }
      internal_power() { power(slews) { values("20, 40"); } }
    }
    pin(D) { direction : input; capacitance : 4; internal_power() { power(scalar) { values("6"); } } }
    pin(Q) {
      direction : output; function : "IQ";
      internal_power() { related_pin : "C"; power(scalar) { values("50"); } }
    }
  }
}
"""

CLK, IN, OTHER, HELD, OUT = range(2, 7)


def _netlist() -> MappedNetlist:
    """A flip-flop in front of a NAND with a second input."""
    flop = {"type": "FLOP", "connections": {"C": [CLK], "D": [IN], "Q": [HELD]}}
    nand = {"type": "NANDA", "connections": {"A": [HELD], "B": [OTHER], "Y": [OUT]}}
    ports = {"clk": {"direction": "input", "bits": [CLK]}}
    return MappedNetlist({"cells": {"flop": flop, "nand": nand}, "ports": ports}, {})


@pytest.fixture
def little(tmp_path):
    (tmp_path / "little.lib").write_text(LIBRARY)
    return Library("little", (tmp_path / "little.lib",))


def _energy(library, **changes) -> Energy:
    clocks = 100
    #                   0  1 clk in  other held out
    toggles = np.array([0, 0, 0, 40, 10, 40, 30])
    high = np.array([0, 0, 0, 50, 80, 50, 60])
    fields = {"period": 2.0, "slew": 0.5} | changes
    (energy,) = energy_per_clock(_netlist(), library, toggles, high, clocks, **fields).values()
    return energy


def test_every_part_is_the_sum_by_hand(little):
    pf = 0.01  # of the unit of capacitance; times 1 V^2, also of the internal energies' unit, in pJ
    half = 0.5 * 2 * 2
    energy = _energy(little)
    # Nothing takes the NAND's output.
    assert energy.gates_switching == 0
    assert energy.flip_flops_switching == pytest.approx(half * 2 * pf * 0.4)
    assert energy.inputs_switching == pytest.approx(half * (4 * 0.4 + 3 * 0.1) * pf)
    assert energy.clock_switching == pytest.approx(half * 1 * pf * 2)
    # At a slew of 0.5 ns and no load: (1.5 + 5) / 2 through A, 9 through B. A acts where B is 1, B where A is.
    through_a, through_b = 0.4 * 0.8, 0.1 * 0.5
    mean = (through_a * 3.25 + through_b * 9) / (through_a + through_b)
    assert energy.gates_internal == pytest.approx(0.3 * mean * pf)
    assert energy.flip_flops_internal == pytest.approx((0.4 * 50 + 0.4 * 6) * pf)
    # Data is 1 and the state 0 in half of the clocks after which the state changes.
    assert energy.clock_internal == pytest.approx(2 * (0.2 * 100 + 0.8 * 30) * pf)
    both, none = 0.5 * 0.8, 0.5 * 0.2
    nand = both * 8 + none * 1 + (1 - both - none) * 7
    assert energy.leakage == pytest.approx((30 + nand) * 2.0 * 1e-6)
    assert energy.total == pytest.approx(sum(energy.parts().values()))


def test_leakage_goes_with_the_period_and_nothing_else_does(little):
    short, long = _energy(little), _energy(little, period=20.0)
    assert long.leakage == pytest.approx(10 * short.leakage)
    assert long.total - long.leakage == pytest.approx(short.total - short.leakage)


def test_internal_energy_goes_with_load_and_slew(little):
    arc = read_power(little, ["NANDA"], 0.5).cells["NANDA"].pins["Y"].arcs[0]
    # Rise at half of the slews: 1.5 at no load, 3.5 at 10 units; lines go on beyond. Fall: 5.
    loads = np.array([0, 0.05, 0.1, 0.2])
    assert arc.energy(loads) == pytest.approx(0.01 * (np.array([1.5, 2.5, 3.5, 5.5]) + 5) / 2)
    steep = read_power(little, ["NANDA"], 1.0).cells["NANDA"].pins["Y"].arcs[0]
    assert steep.energy(loads[:1]) == pytest.approx([0.01 * (2 + 5) / 2])


def test_parts_are_scaled_to_a_weight(little):
    energy = _energy(little)
    assert energy.times(3).parts() == pytest.approx({name: 3 * value for name, value in energy.parts().items()})


def test_cell_that_the_library_lacks_is_named(little):
    with pytest.raises(InputError, match=r"^library little has no cells OTHER$"):
        read_power(little, ["FLOP", "OTHER"], 0.1)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("nom_voltage : 2;", "", "must state capacitive_load_unit and nom_voltage"),
        ('"1nW"', '"1 horse"', "unit = '1 horse': must be a number and a unit of W"),
        ('"1, 3", ', '"1, 3, 5", ', r"table both: 5 values on axes of \[2, 2\]"),
        ("rise_power(both)", "rise_power(lost)", "table lost: has no template"),
        ("variable_1 : input_transition_time;", "variable_1 : weather;", "axis weather"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path, old, new, message):
    assert old in LIBRARY
    (tmp_path / "broken.lib").write_text(LIBRARY.replace(old, new))
    with pytest.raises(InputError, match=message):
        read_power(Library("broken", (tmp_path / "broken.lib",)), ["NANDA", "FLOP"], 0.1)


def test_no_clocks_are_refused(little):
    with pytest.raises(InputError, match=r"^clocks = 0: must be at least 1$"):
        energy_per_clock(_netlist(), little, np.zeros(7), np.zeros(7), 0, period=1)


def test_groups_are_read_to_the_brace_that_closes_them():
    group = parse_group('a ("x", y) { p : 1; q ("1, 2", 3) ; b () { p : "2"; } /* c { */ } d () { }')
    assert (group.name, group.arguments, group.text("p")) == ("a", ["x", "y"], "1")
    assert group.numbers("q") == [1, 2, 3]
    assert [(each.name, each.text("p")) for each in group.groups] == [("b", "2")]
    with pytest.raises(ValueError, match="it ends within a group"):
        parse_group("a () { p : 1;")


SCRIPT = """
read_liberty cells.lib
read_verilog netlist.v
link_design top
create_clock -name clk -period 10 [get_ports clk]
set_power_activity -global -activity 0.25 -duty 0.5
set_power_activity -input -activity 0.25 -duty 0.5
report_power -digits 8
exit
"""


@pytest.mark.skipif(VARIABLE not in os.environ, reason=f"no cell library: set {VARIABLE} to a .lib or .lib.gz file")
@pytest.mark.skipif(not shutil.which("sta"), reason="no OpenSTA: install the package opensta")
def test_switching_and_leakage_are_those_of_opensta(tmp_path, circuits):
    tried = 0
    for number, library in enumerate(library for library in find_libraries() if library.complete):
        if len(library.files) > 1:
            continue  # such a technology has a file for each kind of cell, and is tried by none of the others
        tried += 1
        folder = tmp_path / str(number)
        folder.mkdir()
        files = library.unpack(folder)
        design = to_rtlil(circuits.chain(2), "top")
        more = keeping_script([path.name for path in files])
        map_to_cells(design, folder, files, library.cells, DELAY_SCRIPT, 300, more)
        netlist = read_netlist(folder)
        # Without the wires that a library may give by default.
        lines = files[0].read_text().splitlines(keepends=True)
        (folder / "cells.lib").write_text("".join(line for line in lines if "default_wire_load" not in line))
        (folder / "power.tcl").write_text(SCRIPT)
        command = ["sta", "-no_splash", "-exit", "power.tcl"]
        report = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=True).stdout
        (total,) = [line.split() for line in report.splitlines() if line.startswith("Total")]
        _, _, switching, leakage, _, _ = total
        nets = 2 + max(bit for net in netlist.module["netnames"].values() for bit in net["bits"])
        energy = energy_per_clock(netlist, library, np.full(nets, 25), np.full(nets, 50), 100, period=10)[""]
        # In W, at 10 ns. It leaves out what ports drive.
        ours = energy.gates_switching + energy.flip_flops_switching
        assert ours * 1e-12 / 10e-9 == pytest.approx(float(switching), rel=0.03)
        assert energy.leakage * 1e-12 / 10e-9 == pytest.approx(float(leakage), rel=0.05)
    assert tried, f"none of the libraries in {VARIABLE} is one file and complete"
