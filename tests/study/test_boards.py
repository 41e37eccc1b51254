"""The table of presets on boards: from what was kept, and no more is built than is missing."""

import json

import pytest

from zimu.golden.errors import ToolError
from zimu.golden.names import PRESETS
from zimu.study import boards


def kept(folder, board, **values):
    found = {"clock": 50.0, "fmax": 60.25, "used": {"LUT4": 2099, "DFF": 1471, "VCC": 1}} | values
    (folder / f"zim8_{board}.json").write_text(json.dumps(found))


def test_a_row_tells_cells_clock_and_rate(tmp_path, monkeypatch):
    def build(config, board, folder):
        assert board == "tangnano9k"
        raise ToolError("nextpnr failed")

    depth = 128
    few = PRESETS["zim8"].replace(depth=depth)
    monkeypatch.setattr(boards, "DEPTH", depth)
    monkeypatch.setattr(boards, "PRESETS", {"zim8": few, "zim8_wide": PRESETS["zim8_wide"]})
    monkeypatch.setattr(boards, "build_bitstream", build)
    kept(tmp_path, "ulx3s")
    kept(tmp_path, "icebreaker", fmax=40.0, used={"ICESTORM_LC": 3000})
    clocks = boards.clocks_of_step(few)
    # A beat of eight gradients a clock, and a trial a clock.
    assert depth / 8 + depth // 10 < clocks < depth
    rate, slow = (f"{depth * mhz / clocks:.1f}" for mhz in (50, 40))
    expected = [
        f"| `zim8` | `ulx3s` | 2,099 LUT4, 1,471 DFF | 50, 60.2 | {clocks:,.0f} | {rate} |",
        f"| `zim8` | `icebreaker` | 3,000 ICESTORM_LC | 50, 40.0 not met | {clocks:,.0f} | {slow} |",
        f"| `zim8` | `tangnano9k` | does not fit | | {clocks:,.0f} | |",
    ]
    assert list(boards.rows(tmp_path))[2:] == expected
    assert json.loads((tmp_path / "zim8_tangnano9k.json").read_text()) == {"error": "nextpnr failed"}
    # Once more, with nothing left to build.
    monkeypatch.setattr(boards, "build_bitstream", pytest.fail)
    assert list(boards.rows(tmp_path))[2:] == expected
