"""Replays recorded gradient traces on the circuit, in a simulator, beside the emulator.

Uses ``study/trace.py`` and ``sim/verify.py``; called by ``study/demo.py``.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

from zimu.golden.errors import MissingToolError, ToolError, check_choice
from zimu.golden.vectors import Stimulus
from zimu.sim.simulators import SIMULATORS, available, why_missing
from zimu.sim.verify import verify_trace
from zimu.study.trace import Trace

TRACE_STEPS = {"verilator": 20, "icarus": 20, "amaranth": 2}
"""Steps of each layer's unit that are replayed on the circuit: fewer where a step takes ten seconds."""

Results = dict[str, Any]


def choose_simulator(asked: str | None) -> str:
    """The simulator to use; one asked for by name must be there before minutes are spent on training."""
    if asked is None:
        return available()[0]
    check_choice("simulator", asked, SIMULATORS)
    reason = why_missing(asked)
    if reason:
        raise MissingToolError(f"simulator {asked}: {reason}")
    return asked


def replay(traces: list[Trace], simulator: str, jobs: int) -> list[Results]:
    """Replay one trace per layer, ``jobs`` at a time; each is a simulator's process of its own.

    Returns for each layer what was compared and what differed, as plain data; where the simulator failed, the reason.
    """
    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(lambda layer: _replay_one(layer + 1, traces[layer], simulator), range(len(traces))))


def _replay_one(layer: int, trace: Trace, simulator: str) -> Results:
    config = trace.config
    check: Results = {
        "layer": layer,
        "config": config.name,
        "form": config.form,
        "depth": config.depth,
        "seed": trace.seed,
        "simulator": simulator,
        "steps": None,
        "checked": None,
        "mismatches": None,
        "first": None,
        "reason": None,
    }
    inputs = [Stimulus(tuple(s.gradients.tolist()), s.trials, s.threshold, s.smoothing) for s in trace.steps]
    try:
        outcome = verify_trace(
            config, seed=trace.seed, weights=trace.weights.tolist(), steps=inputs, simulator=simulator
        )
    except ToolError as error:
        return check | {"reason": str(error)}
    return check | {name: value for name, value in asdict(outcome).items() if name in check and name != "seed"}


def failure(check: Results) -> str | None:
    """What went wrong in one line, or None if every value was compared and none differed."""
    name = f"layer {check['layer']} ({check['config']}, {check['simulator']}, seed {check['seed']})"
    if check["reason"]:
        return f"{name} was not replayed: {check['reason']}"
    if check["checked"] and not check["mismatches"]:
        return None
    return f"{name} differs from the emulator: {_place(check['first'])}"


def _place(first: Results | None) -> str:
    if first is None:
        return "no value was compared"
    return f"first in step {first['step']}, {first['field']}: expected {first['expected']}, got {first['got']}"
