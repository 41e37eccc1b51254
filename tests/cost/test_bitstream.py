"""Bitstreams: the same bytes twice, the pins of the board, timing that is told; what cannot be made is told."""

from math import nan

import pytest

from zimu.cost import bitstream
from zimu.cost.bitstream import build_bitstream
from zimu.golden.errors import InputError, MissingToolError, ToolError
from zimu.golden.names import preset
from zimu.golden.rule import DEPTH
from zimu.golden.unit import UnitConfig

SMALL = UnitConfig(
    name="tiny",
    weight_bits=4,
    gradient_bits=4,
    smoothing_bits=0,
    depth=16,
    lanes=2,
    gate_bits=8,
    prng="lfsr128",
    form="search",
    probe=1,
)


@pytest.mark.nightly  # by day the commands of docs/boards.md make one
def test_a_bitstream_for_icebreaker(tmp_path):
    made = build_bitstream(SMALL, "icebreaker", tmp_path)
    assert made.path == tmp_path / "tiny_icebreaker.bin"
    # The synchronisation word of iCE40 (FPGA-TN-02001), after the comments that icepack writes.
    assert bytes.fromhex("7EAA997E") in made.path.read_bytes()[:200]
    assert made.clock == 16.125
    assert made.met is (made.fmax >= made.clock)
    assert made.baud == 16_125_000 / 16
    # Oscillator, two lines, two LEDs.
    assert made.used["SB_IO"] == 5
    assert made.used["ICESTORM_PLL"] == 1
    assert 0 < made.used["ICESTORM_LC"] < made.available["ICESTORM_LC"] == 5280
    assert [path.name for path in tmp_path.iterdir()] == ["tiny_icebreaker.bin"]


@pytest.mark.nightly
@pytest.mark.parametrize("board", ["ulx3s", "icebreaker", "tangnano9k"])
def test_the_same_unit_gives_the_same_bytes_and_meets_its_clock(board, tmp_path):
    first, second = (build_bitstream(preset("zim8"), board, tmp_path / each) for each in ("first", "second"))
    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.met
    assert first._replace(path=second.path) == second
    other = build_bitstream(preset("zim8"), board, tmp_path / "other", seed=2)
    assert other.path.read_bytes() != first.path.read_bytes()


@pytest.mark.parametrize(
    ("change", "board", "options", "message"),
    [
        ({}, "arty", {}, "board = 'arty': must be one of 'ulx3s', 'icebreaker', 'tangnano9k'"),
        ({}, "icebreaker", {"clock": 15.0}, "clock = 15 MHz: must be at least 16.125 MHz"),
        ({}, "icebreaker", {"baud": 5_000_000}, "baud = 5000000: must be at most 4031250"),
        ({}, "ulx3s", {"baud": 9_000_000}, "baud = 9000000: .* within 2 % of a whole part"),
        ({}, "ulx3s", {"baud": 0}, "baud = 0"),
        ({}, "ulx3s", {"clock": nan}, "clock = nan: must be a number of MHz above 0"),
        ({}, "ulx3s", {"seed": 0}, "seed = 0"),
        ({"depth": 2**23}, "ulx3s", {}, "depth = 8388608: must be in 1..2097152 for on-chip memories"),
    ],
)
def test_what_cannot_be_is_told_before_anything_runs(change, board, options, message, tmp_path, monkeypatch):
    monkeypatch.setattr(bitstream, "yosys", None)
    with pytest.raises(InputError, match=message):
        build_bitstream(SMALL.replace(**change), board, tmp_path, **options)
    assert not list(tmp_path.iterdir())


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingToolError, match=r"amaranth-boards is not installed: .*pip install"):
        build_bitstream(SMALL, "icebreaker")


@pytest.mark.nightly
def test_a_unit_that_does_not_fit_is_told_with_the_words_of_place_and_route(tmp_path):
    with pytest.raises(ToolError, match=r"nextpnr-ice40 failed .*ICESTORM_RAM"):
        build_bitstream(SMALL.replace(depth=64 * DEPTH, weight_bits=8), "icebreaker", tmp_path)
    assert not list(tmp_path.iterdir())
