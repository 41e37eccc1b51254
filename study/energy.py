"""Energy of a weight update: a unit's core in a silicon technology, at work on gradients of real training.

The core is mapped (``cost/gates.py``), its netlist takes whole steps beside the emulator (``sim/activity.py``), and the
library prices what was counted (``cost/energy.py``); the memories around it and inside are priced by published tables
(``cost/memory.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np

from zimu.cost.energy import SLEW, Energy, energy_per_clock
from zimu.cost.gates import keeping_script, map_to_cells, read_netlist
from zimu.cost.liberty import Library
from zimu.cost.memory import MemoryTable
from zimu.cost.parts import is_random_words, part_of_cell
from zimu.cost.silicon import DELAY_SCRIPT, read_delay
from zimu.golden.errors import InputError, check_range
from zimu.golden.files import scratch_folder
from zimu.golden.float_sgd import FloatSGDConfig
from zimu.golden.int_sgd import IntSGDConfig
from zimu.golden.momentum import Momentum
from zimu.golden.rule import Integer, RuleConfig
from zimu.golden.unit import UnitConfig
from zimu.golden.vectors import Memory, Stimulus
from zimu.rtl.netlist import to_rtlil
from zimu.rtl.update import update_core
from zimu.sim.activity import Activity, run_netlist
from zimu.study.digits import load
from zimu.study.methods import EPOCHS, HEADLINE, MOMENTUM, RIVAL, Method, float_unit, plain_integer_unit
from zimu.study.train import record, steps_per_epoch

RATE, COUNTS, SCALE, DECAY = 0.125, 8, -6, 3
"""Settings of the training that gradients are recorded from: learning rate of float units, eta of ``int_sgd:8``, log2
of the integer unit's weight scale, and b of its means."""


RANDOM_WORDS = "random words"

OCTAVE = [2 ** (-place / 8) for place in range(8)]
"""Factors that spread a sum over an octave, evenly on a log scale."""

SCATTERED = frozenset({"weight_read", "weight_write", "probe_request"})
"""Ports on which the integer unit goes where a trial leads; all else is walked from one end to the other."""


@dataclass(frozen=True)
class UpdateEnergy:
    """What a unit takes for its updates.

    Parameters
    ----------
    unit : its name.
    depth : weights of a step.
    trials : n of the integer unit; None of others.
    period : of the clock, in ns.
    datapath, random_words : of the core in pJ a weight: its generators and what serves them, and all else. Memories
        are not included.
    activity : what was counted.
    bits : by port of the memories around the core, the bits that its memory holds of a weight.
    scattered : the ports through which single weights and slices go, in no order.
    """

    unit: str
    depth: int
    trials: int | None
    period: float
    datapath: Energy
    random_words: Energy
    activity: Activity
    bits: dict[str, int]
    scattered: frozenset[str]

    @property
    def energy(self) -> Energy:
        """Both together."""
        return self.datapath + self.random_words


@dataclass(frozen=True)
class MemoryEnergy:
    """What memories take by a published table, in pJ a weight, beside the core's own energy.

    Parameters
    ----------
    inside : the core's own memories, read in every clock in which they are enabled.
    inside_moved : the same, read only where the address changes, as with enables that follow it.
    sram : the memories around the core, if each is an SRAM; None where the table has none so large.
    dram : the same, if they are in DRAM, least and greatest; None where the table has none.
    area : of the core's own memories in um2; None where the table has no areas.
    """

    inside: float
    inside_moved: float
    sram: float | None
    dram: tuple[float, float] | None
    area: float | None


def memory_energy(update: UpdateEnergy, table: MemoryTable, depth: int) -> MemoryEnergy:
    """The memories of a unit that was measured.

    What is walked from one end to the other comes in whole accesses of the table; what is read or written here and
    there, the integer unit's probes and weights, takes an access of its own each time.

    Parameters
    ----------
    depth : weights that the memories around the core hold; those counted may be of a smaller unit of the same kind.
    """
    activity, weights = update.activity, update.depth * update.activity.steps
    reads = moves = writes = 0.0
    areas: list[float | None] = []
    for ram in activity.rams:
        size = -(-ram.words * ram.width // 8)
        reads += table.read_energy(size, ram.width, ram.reads)
        moves += table.read_energy(size, ram.width, ram.moves)
        writes += table.write_energy(size, ram.width, ram.writes)
        areas.append(table.sram(size).area)
    known = [area for area in areas if area is not None]
    sram: float | None = 0.0
    accesses = 0.0
    for name, port in activity.accesses.items():
        whole = port.transfers * port.bits / table.bits
        count = port.transfers * table.accesses(port.bits) if name in update.scattered else whole
        accesses += count
        size = -(-depth * update.bits[name] // 8)
        if sram is not None:
            each = table.write_energy if name.endswith("_write") else table.read_energy
            sram = sram + count * each(size, table.bits) if size <= table.srams[-1].bytes else None
    dram = None if table.dram is None else tuple(accesses * energy / weights for energy in table.dram)
    return MemoryEnergy(
        (reads + writes) / weights,
        (moves + writes) / weights,
        None if sram is None else sram / weights,
        None if dram is None else (dram[0], dram[1]),
        sum(known) if len(known) == len(areas) else None,
    )


def measure_update(
    config: RuleConfig,
    library: Library,
    *,
    steps: int = 2,
    trials: int | None = None,
    seed: int = 1,
    period: float | None = None,
    slew: float = SLEW,
    timeout: float = 600,
) -> UpdateEnergy:
    """The energy of an update, on gradients recorded from training.

    Parameters
    ----------
    config : of any rule that trains the digits.
    library : the technology.
    steps : whole steps to take.
    trials : n of the integer unit.
    seed : of training and of the unit.
    period : of the clock in ns, for leakage; by default ABC's delay of the netlist.
    slew : of all inputs in ns.
    timeout : seconds for the mapping.

    Raises
    ------
    InputError
        the library cannot map or price a design, or a number is out of its range.
    ToolError
        mapping failed, or the netlist differs from the emulator.
    """
    check_range("steps", steps, 1, 1000)
    library.check()
    memory, stimuli = recorded_steps(config, steps, seed, trials)
    with scratch_folder() as folder:
        design, files = to_rtlil(update_core(config), "top"), library.unpack(folder)
        more = keeping_script([path.name for path in files])
        mapped = map_to_cells(design, folder, files, library.cells, DELAY_SCRIPT, timeout, more)
        netlist = read_netlist(folder)
    activity = run_netlist(config, netlist.module, netlist.functions, seed=seed, memory=memory, steps=stimuli)
    period = period or read_delay(mapped.log) or 0.0
    part = part_of_cell(design, netlist.module)
    groups = energy_per_clock(
        netlist,
        library,
        activity.toggles,
        activity.high,
        activity.clocks,
        period=period,
        slew=slew,
        group=lambda cell: RANDOM_WORDS if is_random_words(part(cell)) else "",
    )
    clocks = activity.clocks / (config.depth * activity.steps)
    datapath, random_words = (groups.get(name, Energy()).times(clocks) for name in ("", RANDOM_WORDS))
    bits = {name: _bits_held(config, name) for name in activity.accesses}
    scattered = frozenset(name for name in bits if name in SCATTERED and isinstance(config, UnitConfig))
    return UpdateEnergy(config.name, config.depth, trials, period, datapath, random_words, activity, bits, scattered)


def _bits_held(config: RuleConfig, port: str) -> int:
    """Of a weight, in the memory behind a port."""
    memory = port.rpartition("_")[0]
    core = update_core(config)
    if memory == "probe":
        memory = core.sliced
    if memory == "gradient":
        return config.gradient.bits
    if memory in core.beside:
        return config.memories[memory].bits
    return config.weight.bits + sum(kind.bits for name, kind in config.memories.items() if name not in core.beside)


def recorded_steps(
    config: RuleConfig, steps: int, seed: int, trials: int | None = None, *, octave: bool = False
) -> tuple[Memory, list[Stimulus]]:
    """Weights, and gradients of ``steps`` steps, from the first steps of training a layer of the digits' network.

    A unit with more weights than the layer is given the gradients of several steps side by side, one with fewer a part;
    one of another width the same numbers with more or fewer low bits.

    How often the integer unit draws again depends on where between two powers of two the sum of all magnitudes falls,
    which is as good as chance. So its gradients are scaled by up to a half: each step's to a sum at which it draws as
    often as in the mean, or with ``octave`` those of eight steps in turn by steps of an eighth of an octave.
    """
    method, setting, values = _training(config, trials)
    data = load()
    layer = record(method, setting, seed, data, layer=0, steps=1)
    needed = -(-steps * config.depth // len(layer.weights))
    trace = record(method, setting, seed, data, layer=0, steps=min(needed, EPOCHS * steps_per_epoch(data)))
    trained = layer.config
    gradients = _stream([step.gradients for step in trace], steps * config.depth, trained.gradient, config.gradient)
    weights = _stream([step.weights for step in trace], config.depth, trained.weight, config.weight)
    registers = config.registers(**values)
    parts = [gradients[start : start + config.depth] for start in range(0, len(gradients), config.depth)]
    if isinstance(config, UnitConfig):
        in_turn = [_scaled(part, OCTAVE[number % len(OCTAVE)]) for number, part in enumerate(parts)]
        parts = in_turn if octave else [_typical(config, part) for part in parts]
    return {"weights": weights}, [Stimulus(part, registers) for part in parts]


def _scaled(gradients: Sequence[int], scale: float) -> list[int]:
    return [round(scale * gradient) for gradient in gradients]


def _typical(config: UnitConfig, gradients: Sequence[int]) -> list[int]:
    """Gradients scaled to the sum of magnitudes at which draws are repeated as often as in the mean.

    A draw below 2^k hits one of W weights' worth with probability W / 2^k; over an octave of W, evenly on a log scale,
    it takes 1 / ln 2 draws in the mean.
    """

    def off(scaled: Sequence[int]) -> float:
        kept = config.momentum
        sampled = (kept.sample(kept.step(kept.half, each, _decay(kept))) for each in scaled) if kept else scaled
        total = max(sum(map(abs, sampled)), 1)
        return abs(total / (1 << total.bit_length()) - log(2))

    return min((_scaled(gradients, scale) for scale in OCTAVE), key=off)


def _decay(momentum: Momentum) -> int:
    return min(DECAY, momentum.max_decay)


def _stream(arrays: Sequence[Any], length: int, trained: Integer, wanted: Integer) -> list[int]:
    """The arrays one after the other, again from the first where they end, as numbers of another width."""
    whole = np.concatenate(arrays)
    if whole.dtype.kind == "f":  # a format of numpy's own; a bench takes the patterns of all
        whole = whole.view(f"u{whole.dtype.itemsize}")
    result: list[int] = np.resize(whole, length).tolist()
    wider = wanted.bits - trained.bits
    return [value << wider if wider >= 0 else value >> -wider for value in result] if wider else result


def _training(config: RuleConfig, trials: int | None) -> tuple[Method, float, dict[str, Any]]:
    """How to train with such a unit: method, setting and run-time values."""
    if isinstance(config, UnitConfig):
        values: dict[str, Any] = {"trials": trials, "threshold": config.max_threshold, "smoothing": 0}
        if config.momentum is None:
            return HEADLINE, SCALE, values
        return MOMENTUM, SCALE, values | {"decay": _decay(config.momentum)}
    if isinstance(config, FloatSGDConfig):
        values = {"learning_rate": RATE} | ({"momentum": 0.9} if config.momentum else {})
        unit = f"float_sgd:{config.weights}" + (f"+{config.gradients}" if config.gradients else "")
        return float_unit(RIVAL.key, RIVAL.label, unit=unit), RATE, values
    if not isinstance(config, IntSGDConfig):
        raise InputError(f"{config.name}: there is no training to take gradients of a unit of {config.rule!r} from")
    # The same part of the gradients at any width, 2^-5 as with `COUNTS` at 8 bits, or what comes nearest.
    power = max(config.fraction_bits - 5, 0)
    rate = min(power if config.rate == "power_of_two" else 1 << power, config.largest_rate)
    return plain_integer_unit("int_sgd", "int8 SGD"), COUNTS, {"rate": rate}
