"""The Verilog of every preset in the synthesis of every family: no latch, no two drivers, no warning at all."""

import re

import pytest

from zimu.cost.liberty import find_libraries
from zimu.golden.names import PRESETS
from zimu.golden.programs import yosys
from zimu.golden.rule import DEPTH
from zimu.sim.kit import write_kit
from zimu.sim.verilog import RAM_MACROS

SILICON = "sg13g2_stdcell_typ_1p20V_25C"

FAMILIES = {
    "ecp5": "synth_ecp5 -top {name}",
    "ice40": "synth_ice40 -top {name}",
    "gowin": "synth_gowin -top {name}",
    "xilinx7": "synth_xilinx -family xc7 -top {name}",
    SILICON: "read_liberty -lib cells0.lib; synth -flatten -top {name}; "
    "dfflibmap -liberty cells0.lib; abc -liberty cells0.lib",
}

LATCHES = "t:$dlatch* t:$_DLATCH* t:*LATCH* t:LD?E t:DL t:DL?* t:sg13g2_dlh* t:sg13g2_dll*"
"""Yosys' own, Xilinx', Gowin's, IHP's."""


def unpack_library(folder):
    """Write the Liberty file as ``cells0.lib``."""
    found = [each for each in find_libraries() if each.name == SILICON]
    if not found:
        pytest.skip(f"no library {SILICON}: let ZIMU_LIBERTY name a folder with that file of IHP's open PDK")
    found[0].unpack(folder)


@pytest.mark.parametrize(
    ("name", "family"),
    [
        pytest.param(name, family, marks=[] if (name, family) == ("zim8_small", "ecp5") else [pytest.mark.nightly])
        for name in PRESETS
        for family in FAMILIES
    ],
)
def test_synthesis_of_a_preset_has_nothing_to_say(name, family, tmp_path):
    config = PRESETS[name]
    # A network's memories are larger than any device's.
    verilog, *_ = write_kit(config, tmp_path, "unit" if config.depth == DEPTH else "core")
    read = [f"read_verilog {verilog.name}"]
    if family == SILICON:
        unpack_library(tmp_path)
        # Large memories are RAM macros, of which only the ports are known here.
        read = [f"read_verilog -lib {verilog.name}", f"read_verilog -overwrite -D{RAM_MACROS} {verilog.name}"]
    commands = FAMILIES[family].format(name=name).split("; ")
    script = [*read, *commands, "check -assert", f"select -assert-none {LATCHES}"]
    log = yosys(script, folder=tmp_path, timeout=3600)
    # Drivers in conflict are warnings. ABC's own remarks stand behind its name.
    assert not re.findall(r"^(?:Latch inferred|Warning).*", log, re.MULTILINE)
