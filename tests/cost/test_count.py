"""Cells into metrics: patterns, weights, and what there is none of."""

import json

from zimu.cost.count import count, matching, netlist_cells
from zimu.cost.metrics import Metric

TABLES = Metric(name="comb", title="Tables", uom="LUT")
FLOPS = Metric(name="ff", title="Flip-flops", uom="flip-flops")


def test_each_cell_counts_for_its_weight():
    cells = {TABLES: {"LUT[1-6]": 1, "RAM64M": 4}, FLOPS: {"FD*": 1}}
    assert count(cells, {"LUT2": 3, "LUT6": 5, "LUT7": 100, "RAM64M": 2}) == {TABLES: 16, FLOPS: 0}


def test_only_cells_that_are_there_match():
    assert matching({"DPB": 1, "DP": 3, "MULT9X9": 0, "SDPB": 1}, ("DP*", "MULT*")) == ["DP", "DPB"]


def test_netlist_is_counted_by_type():
    cells = {"a": {"type": "LUT4"}, "b": {"type": "LUT4"}, "c": {"type": "SB_DFF"}}
    modules = {"top": {"cells": cells}, "LUT4": {"cells": {"x": {"type": "$lut"}}}}
    assert netlist_cells(json.dumps({"modules": modules})) == {"LUT4": 2, "SB_DFF": 1}
