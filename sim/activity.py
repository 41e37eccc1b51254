"""What switches in a mapped unit while it takes whole steps, and what goes through its memories.

The unit's netlist runs (``sim/netlist.py``) under the drivers of every bench, without pauses, from given weights and on
given gradients, and must come to the emulator's weights and counters bit for bit. Energy is made of the counts by
``cost/energy.py``.
"""

from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from zimu.golden.errors import ToolError
from zimu.golden.rule import RuleConfig
from zimu.golden.vectors import Memory, Stimulus, whole_memory
from zimu.sim.count import Count, expected_steps, take_steps
from zimu.sim.netlist import RAM, Module, NetlistPins


@dataclass(frozen=True)
class Activity(Count):
    """Counts over whole steps, of nets and of memories inside, too.

    Parameters
    ----------
    toggles : int64, by the netlist's number of the net: how often it changed from one clock to the next.
    high : int64, by net: in how many clocks it was 1.
    rams : the memories inside, with the accesses at each.
    """

    toggles: NDArray[Any]
    high: NDArray[Any]
    rams: list[RAM]


def run_netlist(
    config: RuleConfig,
    module: Module,
    functions: Mapping[str, Module],
    *,
    seed: int,
    memory: Memory,
    steps: Iterable[Stimulus],
) -> Activity:
    """Let the netlist of a unit's core take steps beside the emulator, and count.

    Parameters
    ----------
    config : of any rule; ``module`` is its core.
    module, functions : as `NetlistPins` takes them.
    seed, memory, steps : as `zimu.sim.count.count_steps` takes them.

    Raises
    ------
    InputError
        there is no step.
    ToolError
        the netlist cannot be run, or differs from the emulator: what was counted would be of another circuit.
    """
    expected = expected_steps(config, seed, memory, steps)
    pins = NetlistPins(module, functions, seed)
    try:
        count = _result(take_steps(pins, config, seed, whole_memory(config, memory), expected, begin=pins.count))
    except ToolError as error:
        raise ToolError(f"{config.name}, netlist: {error}") from None
    rams = [replace(ram) for ram in pins.rams]
    return Activity(count.steps, count.clocks, count.accesses, pins.toggles, pins.high, rams)


def _result(bench: Coroutine[Any, Any, Count]) -> Count:
    """The result of a coroutine that never waits."""
    try:
        bench.send(None)
    except StopIteration as end:
        result: Count = end.value
        return result
    raise AssertionError("it waits for something")
