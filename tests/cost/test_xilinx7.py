"""7 series cells of circuits whose cost is known; a clock has no tool, and that is no failure."""

import pytest

from zimu.cost.price import price
from zimu.cost.units import PricedUnit, Rate
from zimu.cost.xilinx7 import count_all
from zimu.golden.errors import ToolError


def test_circuits_of_known_cost(circuits):
    parts = circuits.together(
        register=circuits.register(8),
        multiplier=circuits.multiply(16),
        chain=circuits.chain(1),
        blocks=circuits.memory(1024, 36),
        tables=circuits.memory(16, 4),
    )
    pricing = price([PricedUnit("a", "circuits", lambda: parts, (Rate(0.5),))], ["xilinx7"])
    rows = pricing.rows
    values = {row.metric.name: row.value for row in rows}
    # A carry cell holds four bits of the sum; each needs a table, and a second one where its summand is inverted.
    by_part = {each.metric.name: each.parts for each in pricing.breakdowns}
    assert {name: sum(sizes.values()) for name, sizes in by_part.items()} == {"comb": values["comb"], "ff": 44}
    assert by_part["ff"]["chain"] == 32
    comb, per_throughput = values.pop("comb"), values.pop("comb_per_wpc")
    assert 16 + 4 <= comb <= 32 + 4
    assert per_throughput == 2 * comb
    assert values == {
        "ff": 8 + 32 + 4,
        "dsp": 1,
        "bram": 2,
        "carry": 4,
        "fmax_mhz": None,
        "weights_per_cycle": 0.5,
    }
    assert not any(row.failed for row in rows)
    reason = "no place and route for this family: cells are counted alone"
    assert [row.reason for row in rows if row.value is None] == [reason]


def test_cells_count_for_the_tables_and_blocks_they_take():
    used = {"LUT1": 1, "LUT6": 2, "INV": 3, "RAM64M": 1, "RAM64X1D": 1, "SRL16E": 1, "RAMB36E1": 1, "RAMB18E1": 1}
    counts = {metric.name: number for metric, number in count_all(used | {"FDRE": 5, "FDSE": 1, "MUXF7": 9}).items()}
    assert counts == {"comb": 6 + 4 + 2 + 1, "ff": 6, "dsp": 0, "bram": 3, "carry": 0}


def test_a_cell_that_no_metric_counts_is_refused():
    with pytest.raises(ToolError, match=r"^Yosys' netlist has cells that no metric counts: LDCE, RAM32X1Q$"):
        count_all({"LUT6": 1, "LDCE": 1, "RAM32X1Q": 2, "GND": 1})


def test_what_cannot_be_mapped_fails_but_for_the_clock(circuits):
    rows = price([PricedUnit("a", "a gate", circuits.nand, (Rate(0.5),))], ["xilinx7"], timeout=0.01).rows
    assert {row.metric.name for row in rows if row.failed} == {"comb", "ff", "dsp", "bram", "carry", "comb_per_wpc"}
