"""Jobs that simulate units for a cost study: whole steps counted, and the energy of an update.

Both take gradients of real training. The integer unit takes steps of its whole depth; of others, which do the same for
each weight, so many weights that the ends of their pipelines do not count.
"""

import sys
from dataclasses import dataclass
from functools import cache, partial
from importlib import metadata
from pathlib import Path

import zimu.emu
import zimu.golden
import zimu.rtl
import zimu.sim
from zimu import __version__
from zimu.cost import energy, gates, liberty, memory, parts, power, silicon
from zimu.cost.cache import Cache
from zimu.cost.content import digest, sources
from zimu.cost.jobs import Job
from zimu.cost.liberty import read_text
from zimu.cost.memory import TABLES
from zimu.cost.metrics import (
    ENERGY,
    ENERGY_PARTS,
    GRADIENT_BYTES,
    MEAN_BYTES,
    MEMORY,
    MEMORY_AREA,
    MEMORY_BYTES,
    MEMORY_ENERGY,
    RANDOM_CLOCK,
    THROUGHPUT,
    WEIGHT_BYTES,
    Metric,
)
from zimu.cost.silicon import Silicon
from zimu.cost.target import Figure
from zimu.golden.programs import yosys_version
from zimu.golden.rule import RuleConfig
from zimu.golden.unit import UnitConfig
from zimu.rtl.update import update_core
from zimu.sim.count import Count, count_steps
from zimu.sim.simulators import available
from zimu.study import digits, methods, network, trace, train
from zimu.study import energy as measuring
from zimu.study.energy import OCTAVE, measure_update, memory_energy, recorded_steps

CLOCKS = 1024
"""Clocks of a step at most, of units that work weight by weight."""

SHALLOW = 16384
"""Weights up to which Icarus ends before Verilator has compiled a unit."""

ENOUGH = 8192
"""Weights in all the steps whose energy is measured, at least."""

SEED = 1
"""Of training and of the units."""


@dataclass(frozen=True)
class StepsJob(Job):
    """Whole steps of a unit, simulated: throughput, and bytes a weight through the memories around it.

    Parameters
    ----------
    config : of any rule.
    trials : n of the integer unit.
    timeout : seconds the simulator may take.
    """

    config: RuleConfig
    trials: int | None
    timeout: float = 600

    @property
    def key(self) -> str:
        return digest("steps", _sources(), _identity(self.config), str(self.trials))

    @property
    def place(self) -> str:
        return MEMORY

    def do(self, cache: Cache, scratch: Path) -> list[Figure]:
        config = counted = self.config
        if isinstance(config, UnitConfig):
            steps = len(OCTAVE)
            count = self._count(config, steps)
            clocks = count.clocks_per_step
        else:
            # A weight more takes as long as the one before it: two lengths tell how long any other takes.
            steps = 1
            shorter, counted = (_shortened(config, most) for most in (CLOCKS // 2, CLOCKS))
            less, count = self._count(shorter, steps), self._count(counted, steps)
            each = (count.clocks - less.clocks) / max(counted.depth - shorter.depth, 1)
            clocks = count.clocks + (config.depth - counted.depth) * each
        values = traffic(counted, count) | {THROUGHPUT: config.depth / clocks}
        simulator = _simulator(config)
        figure = partial(
            Figure,
            tool=f"zimu + {simulator}",
            version=f"zimu {__version__} + {simulator} {_version(simulator)}",
            command=f"count_steps: {steps} of {counted.depth:,} weights, on gradients of training",
        )
        return [figure(metric, value) for metric, value in values.items()]

    def _count(self, config: RuleConfig, steps: int) -> Count:
        held, stimuli = recorded_steps(config, steps, SEED, self.trials, octave=True)
        simulator = _simulator(config)
        return count_steps(config, seed=SEED, memory=held, steps=stimuli, simulator=simulator, timeout=self.timeout)


def traffic(config: RuleConfig, count: Count) -> dict[Metric, float]:
    """Bytes a weight through the memories around a unit, as they were counted at its ports."""
    core = update_core(config)
    each = {GRADIENT_BYTES: 0.0, WEIGHT_BYTES: 0.0} | ({MEAN_BYTES: 0.0} if config.memories else {})
    together = [kind for name, kind in config.memories.items() if name not in core.beside]
    of_weights = config.weight.bits / (config.weight.bits + sum(kind.bits for kind in together))
    for port, size in count.traffic().items():
        name = port.rpartition("_")[0]
        name = core.sliced if name == "probe" else name
        if name == "gradient":
            each[GRADIENT_BYTES] += size / config.depth
        elif name in core.beside:
            each[MEAN_BYTES] += size / config.depth
        else:
            each[WEIGHT_BYTES] += of_weights * size / config.depth
            if together:
                each[MEAN_BYTES] += (1 - of_weights) * size / config.depth
    return each | {MEMORY_BYTES: sum(each.values())}


@dataclass(frozen=True)
class EnergyJob(Job):
    """The energy of a unit's update in a technology.

    Parameters
    ----------
    config : of any rule.
    trials : n of the integer unit.
    target : the technology; its period, if it has one, is not aimed at.
    """

    config: RuleConfig
    trials: int | None
    target: Silicon

    @property
    def key(self) -> str:
        files = [digest(read_text(file)) for file in self.target.technology.files]
        return digest("energy", _sources(), _identity(self.config), str(self.trials), yosys_version(), *files)

    @property
    def place(self) -> str:
        return self.target.name

    def do(self, cache: Cache, scratch: Path) -> list[Figure]:
        config = _shortened(self.config, CLOCKS)
        steps = min(-(-ENOUGH // config.depth), len(OCTAVE))
        library, limit = self.target.technology, self.target.timeout
        update = measure_update(config, library, steps=steps, trials=self.trials, seed=SEED, timeout=limit)
        both = update.energy
        clocks = [each.clock_switching + each.clock_internal for each in (both, update.random_words)]
        datapath, random_words = (
            each.total - each.clock_switching - each.clock_internal - each.leakage
            for each in (update.datapath, update.random_words)
        )
        values = {ENERGY: both.total} | dict(
            zip(ENERGY_PARTS, (datapath, random_words, clocks[0], both.leakage), strict=True)
        )
        values[RANDOM_CLOCK] = clocks[1]
        command = f"measure_update: {steps} of {config.depth:,} weights, on gradients of training"
        figure = partial(Figure, tool="yosys + zimu", version=f"{yosys_version()} + zimu {__version__}")
        figures = [figure(metric, value, command=command) for metric, value in values.items()]
        for table in TABLES.values():
            memories = memory_energy(update, table, self.config.depth)
            low, high = memories.dram or (None, None)
            found = {"inside": memories.inside, "sram": memories.sram, "dram_low": low, "dram_high": high}
            known = {MEMORY_ENERGY[place, table.name]: value for place, value in found.items() if value is not None}
            if memories.area is not None:
                known[MEMORY_AREA] = memories.area
            figures += [figure(metric, value, command=f"{command}; {table.name}") for metric, value in known.items()]
        return figures


def _simulator(config: RuleConfig) -> str:
    """The one that ends first."""
    there = available()
    if "icarus" in there and (config.depth <= SHALLOW or not isinstance(config, UnitConfig)):
        return "icarus"
    return there[0]


def _shortened(config: RuleConfig, clocks: int) -> RuleConfig:
    """The unit with fewer weights, if it works weight by weight."""
    if isinstance(config, UnitConfig):
        return config
    return config.replace(depth=min(config.depth, clocks * config.lanes))


def _identity(config: RuleConfig) -> str:
    return f"{config.rule} {config.model_dump_json()}"


@cache
def _sources() -> str:
    """A digest of all that decides what is simulated and counted."""
    packages = sources(zimu.golden, zimu.emu, zimu.rtl, zimu.sim)
    mine = sources(sys.modules[__name__], measuring, digits, methods, network, trace, train)
    pricing = sources(energy, gates, liberty, memory, parts, power, silicon)
    return digest(packages, mine, pricing, metadata.version("amaranth"), metadata.version("numpy"))


def _version(simulator: str) -> str:
    """That of a package."""
    try:
        return metadata.version(simulator)
    except metadata.PackageNotFoundError:
        return "of the system"
