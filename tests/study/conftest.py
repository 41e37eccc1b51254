"""A short training of every method, shared by the tests that need results of the real shape."""

from dataclasses import asdict, replace

import pytest

from zimu.study import methods
from zimu.study.digits import load
from zimu.study.summary import judge, summarise
from zimu.study.train import train_all

_FIGURE = {"uom": "TRELLIS_COMB", "tool": "nextpnr-ecp5", "version": "0.11.1", "reason": None}


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
            "gate_bits": 16,
            "images": {"fit": 1197, "validation": 240, "test": 360},
        },
        "methods": [asdict(summary) for summary in summaries],
        "claim": asdict(judge(summaries)) | {"unit_key": "unit", "rival_key": "float"},
        "verification": [
            {"layer": 1, "config": "digits_layer1",
                "form": "search", "depth": 4160, "seed": 0, "simulator": "icarus", "steps": 20,
             "checked": 83340, "mismatches": 0, "reason": None},
            {"layer": 2, "config": "digits_layer2", "depth": 650, "seed": 1, "simulator": "icarus",
                "form": "tree", "steps": None,
             "checked": None, "mismatches": None, "reason": "the reason of layer 2"},
        ],
        "cost": [
            _FIGURE | {"unit": "digits_layer1", "target": "ecp5", "metric": "comb", "value": 12345},
            _FIGURE | {"unit": "float_sgd:fp32:comb", "target": "ecp5", "metric": "comb", "value": None,
                       "reason": "the reason of the float unit"},
            _FIGURE | {"unit": "digits_layer1", "target": "generic", "metric": "ge", "value": None,
                       "reason": "nothing has gate equivalents"},
        ],
        "cost_notes": [],
        "tools": [{"name": "numpy", "version": "1.2.3"}, {"name": "verilator", "version": None}],
    }  # fmt: skip
