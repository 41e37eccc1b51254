"""What switches in a mapped unit while it takes whole steps, and what goes through its memories.

The unit's netlist runs (``sim/netlist.py``) under the drivers of every bench, without pauses, from given weights and on
given gradients, and must come to the emulator's weights and counters bit for bit. Energy is made of the counts by
``cost/energy.py``.
"""

import random
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from zimu.golden.errors import InputError, ToolError
from zimu.golden.rule import RuleConfig
from zimu.golden.vectors import Memory, Stimulus, whole_memory
from zimu.sim.drivers import Access, CoreDriver, HangError
from zimu.sim.netlist import RAM, Module, NetlistPins
from zimu.sim.pins import PortError
from zimu.sim.stimuli import expect


@dataclass(frozen=True)
class Activity:
    """Counts over whole steps; the seed's expansion is not among them.

    Parameters
    ----------
    steps, clocks : how many there were.
    toggles : int64, by the netlist's number of the net: how often it changed from one clock to the next.
    high : int64, by net: in how many clocks it was 1.
    accesses : by the names of the core's ports, what went through each port of the memories around it.
    rams : the memories inside, with the accesses at each.
    """

    steps: int
    clocks: int
    toggles: NDArray[Any]
    high: NDArray[Any]
    accesses: dict[str, Access]
    rams: list[RAM]

    def traffic(self) -> dict[str, float]:
        """Bytes a step through each port of the memories around the core."""
        return {name: access.transfers * access.bits / 8 / self.steps for name, access in self.accesses.items()}


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
    seed : the unit's.
    memory : what the memory holds before the first step, as `zimu.golden.vectors.whole_memory` takes it.
    steps : at least one; their inputs.

    Raises
    ------
    InputError
        there is no step.
    ToolError
        the netlist cannot be run, or differs from the emulator: what was counted would be of another circuit.
    """
    memory = whole_memory(config, memory)
    expected = expect(config, seed, memory, steps)
    if not expected:
        raise InputError("steps is empty: must have at least one step")
    pins = NetlistPins(module, functions, seed)

    async def bench() -> Activity:
        driver = CoreDriver(pins, config, random.Random(f"{seed} gaps"), 0.0)
        await driver.reset()
        await driver.begin(seed, memory)
        pins.count()
        before = driver.accesses
        for number, step in enumerate(expected):
            await driver.step(step.stimulus)
            for field, want, got in step.differences(*await driver.read()):
                raise ToolError(f"{config.name}: the netlist differs in step {number}, {field}: {want} became {got}")
        through = {
            name: Access(now.transfers - before[name].transfers, now.bits) for name, now in driver.accesses.items()
        }
        rams = [replace(ram) for ram in pins.rams]
        return Activity(len(expected), pins.clocks, pins.toggles, pins.high, through, rams)

    try:
        return _result(bench())
    except (HangError, PortError) as error:
        raise ToolError(f"{config.name}: the netlist differs: {error}") from None


def _result(bench: Coroutine[Any, Any, Activity]) -> Activity:
    """The result of a coroutine that never waits."""
    try:
        bench.send(None)
    except StopIteration as end:
        result: Activity = end.value
        return result
    raise AssertionError("it waits for something")
