"""A short training of every method, shared by the tests that need results of the real shape."""

from dataclasses import asdict, replace

import pytest

from zimu.study import methods
from zimu.study.claims import judge
from zimu.study.digits import load
from zimu.study.summary import summarise
from zimu.study.train import train_all


def cost_row(unit, target, metric, value, **fields):
    """A row as results.json holds it."""
    made = {"tool": "yosys + nextpnr-ecp5", "version": "0.70 + 0.11.1", "command": "synth_ecp5 -top top"}
    row = {"unit": unit, "target": target, "metric": metric, "value": value, "uom": "TRELLIS_COMB", "reason": ""}
    is_float = unit.startswith("float_sgd")
    row |= {"rule": "float_sgd", "kind": "FP32 SGD"} if is_float else {"rule": "zim", "kind": "int8 ZIM"}
    row |= {"momentum": False, "depth": 4160, "seeds": 0, "samples": []}
    return row | {"minimum": None, "maximum": None, "trials": None, "failed": value is None} | made | fields


@pytest.fixture(scope="session")
def digits():
    return load()


@pytest.fixture(scope="session")
def summaries(digits):
    """Two epochs, two settings, two seeds."""
    short = [replace(method, grid=method.grid[-3:-1]) for method in methods.METHODS]
    return summarise(short, train_all(short, digits, seeds=2, epochs=2))


@pytest.fixture
def results(summaries):
    """What results.json holds, with verification and cost made up."""
    return {
        "version": "0.0.0",
        "contract_version": 1,
        "command": "zimu demo --seeds 2",
        "passed": True,
        "failures": [],
        "training": {
            "network": "64-64-10 ReLU",
            "depths": [4160, 650],
            "seeds": 2,
            "epochs": 2,
            "batch": 64,
            "start_range": 20,
            "mean_trials": 416,
            "gate_bits": 16,
            "images": {"fit": 1197, "validation": 240, "test": 360},
        },
        "methods": [asdict(summary) for summary in summaries],
        "claims": [judgement.to_dict() for judgement in judge(summaries, seeds=2)],
        "verification": [
            {"layer": 1, "config": "digits_layer1",
                "form": "search", "depth": 4160, "seed": 0, "simulator": "icarus", "steps": 20,
             "checked": 83340, "mismatches": 0, "reason": None},
            {"layer": 2, "config": "digits_layer2", "depth": 650, "seed": 1, "simulator": "icarus",
                "form": "tree", "steps": None,
             "checked": None, "mismatches": None, "reason": "the reason of layer 2"},
        ],
        "cost": [
            cost_row("digits_layer1", "ecp5-25k", "comb", 12345, minimum=12001, maximum=12999),
            cost_row("float_sgd:fp32:comb", "ecp5-25k", "comb", None, reason="the reason of the float unit"),
            cost_row("digits_layer1", "ecp5-25k", "comb_per_wpc", 54321, trials=416),
            cost_row("digits_layer1", "ecp5-25k", "comb_per_wpc", 65432, trials=4160),
            cost_row("float_sgd:fp32:comb", "ecp5-25k", "comb_per_wpc", 3456),
            cost_row("digits_layer1", "generic", "ge", None, reason="nothing has gate equivalents"),
        ],
        "tools": [{"name": "numpy", "version": "1.2.3"}, {"name": "verilator", "version": None}],
    }  # fmt: skip
