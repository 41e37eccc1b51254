"""Replays recorded gradient traces on the circuit, in a simulator, beside the emulator.

Uses ``study/trace.py`` and ``sim/verify.py``; called by ``study/demo.py``.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

from zimu.golden.errors import ToolError
from zimu.golden.vectors import Stimulus
from zimu.sim.simulators import available, choose_simulator
from zimu.sim.verify import Progress, verify_trace
from zimu.study.trace import Trace

TRACE_STEPS = {"icarus": 8, "verilator": 8, "amaranth": 2}
"""Steps of each layer's unit that are replayed on the circuit: fewer where a step takes ten seconds.

The first simulator that is there is taken: Icarus is through with so few before Verilator has compiled its model.
"""

Results = dict[str, Any]


def choose(simulator: str | None) -> str:
    """The simulator asked for, or the one that is through first; `MissingToolError` if it is not there."""
    return choose_simulator(simulator or next(name for name in TRACE_STEPS if name in available()))


def replay(
    traces: list[Trace], simulator: str, jobs: int, progress: Progress = lambda done, total: None
) -> list[Results]:
    """Replay one trace per layer, ``jobs`` at a time; each is a simulator's process of its own.

    ``progress`` is told the steps compared of all layers and the steps there are.
    Returns for each layer what was compared and what differed, as plain data; where the simulator failed, the reason.
    """
    done = dict.fromkeys(range(len(traces)), 0)
    total = sum(len(trace.steps) for trace in traces)

    def one(layer: int) -> Results:
        def tell(steps: int, _: int) -> None:
            done[layer] = steps
            progress(sum(done.values()), total)

        return _replay_one(layer + 1, traces[layer], simulator, tell)

    progress(0, total)
    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(one, range(len(traces))))


def _replay_one(layer: int, trace: Trace, simulator: str, progress: Progress) -> Results:
    config = trace.config
    check: Results = {
        "layer": layer,
        "config": config.name,
        "form": config.model_dump().get("form"),
        "depth": config.depth,
        "seed": trace.seed,
        "simulator": simulator,
        "steps": None,
        "checked": None,
        "mismatches": None,
        "first": None,
        "reason": None,
    }
    inputs = [Stimulus(s.gradients.tolist(), config.registers(**s.values)) for s in trace.steps]
    try:
        outcome = verify_trace(
            config,
            seed=trace.seed,
            memory={"weights": trace.weights.tolist()},
            steps=inputs,
            simulator=simulator,
            progress=progress,
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
