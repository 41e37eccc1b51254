"""Replaying a trace: the real circuit agrees, and whatever does not agree is said in one line."""

from dataclasses import replace

import pytest

from zimu.golden.errors import ToolError
from zimu.sim.bench import Finding
from zimu.sim.verify import Verification
from zimu.study import methods
from zimu.study import replay as module
from zimu.study.train import record

AGREED = Verification(
    name="digits_layer2",
    top="unit",
    bus="apb",
    simulator="icarus",
    seed=1,
    steps=2,
    failed=0,
    aborted=0,
    checked=1314,
    mismatches=0,
    cycles=999,
    first=None,
)


@pytest.fixture
def trace(digits):
    return record(methods.HEADLINE, -6, 0, digits, layer=1, steps=1)


def test_circuit_takes_a_recorded_step(trace):
    (check,) = module.replay([trace], "amaranth", 1)
    assert module.failure(check) is None
    assert (check["steps"], check["checked"], check["mismatches"]) == (1, 650 + 7, 0)


def test_circuit_is_given_what_was_recorded(trace, monkeypatch):
    given = {}

    def verify_trace(config, **arguments):
        given.update(arguments, config=config)
        return AGREED

    monkeypatch.setattr(module, "verify_trace", verify_trace)
    (check,) = module.replay([trace], "icarus", 1)
    (step,) = given["steps"]
    assert (given["config"], given["seed"], given["simulator"]) == (trace.config, trace.seed, "icarus")
    assert given["memory"] == {"weights": trace.weights.tolist()}
    assert step.gradients == trace.steps[0].gradients.tolist()
    assert step.registers == trace.steps[0].values
    assert (check["layer"], check["depth"], check["form"], check["checked"]) == (1, 650, "tree", 1314)


@pytest.mark.parametrize(
    ("outcome", "message"),
    [
        (
            replace(AGREED, mismatches=3, first=Finding(1, "weights[17]", -4, 5, 1, 800)),
            "differs from the emulator: first in step 1, weights[17]: expected -4, got 5",
        ),
        (
            replace(AGREED, mismatches=1, first=Finding(0, "open_trials", 130, 129, 1, 800)),
            "differs from the emulator: first in step 0, open_trials: expected 130, got 129",
        ),
        (replace(AGREED, checked=0, steps=0), "differs from the emulator: no value was compared"),
        (ToolError("icarus did not finish within 1800 s and was stopped"), "was not replayed: icarus did not finish"),
    ],
)
def test_what_goes_wrong_is_said(trace, monkeypatch, outcome, message):
    def verify_trace(config, **_):
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(module, "verify_trace", verify_trace)
    (check,) = module.replay([trace], "icarus", 1)
    assert module.failure(check).startswith(f"layer 1 (digits_layer2, icarus, seed 1) {message}")
