"""What a sampler's circuit declares to the core around it: its ports, its streams, its weight memory, its clocks.

The circuits are in ``rtl/sampler.py`` and ``rtl/split.py``; the core is ``rtl/unit.py``.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from zimu.golden.unit import UnitConfig
from zimu.rtl.basics import address
from zimu.rtl.beats import beat_layout, mass_bits
from zimu.rtl.update import Places, probe_ports, weight_ports

TRIAL_BITS = 32
"""Width of a number of trials."""


class WeightMemory(NamedTuple):
    """The weight memory of a sampler's circuit."""

    places: Places
    lanes: int
    """Weights at an address, each of which can be written alone: lane i of place a is weight ``a * lanes + i``."""


class SamplerCircuit(NamedTuple):
    """All that differs from one sampler's circuit to the other's; each is declared in the file of its sampler."""

    datapath: Callable[[UnitConfig], wiring.Component]
    """Everything of a step but its sequence. Members: `datapath_members`."""
    streams: Callable[[UnitConfig], dict[int, int]]
    """The numbers of the streams in the order in which they are seeded, each with its lanes."""
    weights: Callable[[UnitConfig], WeightMemory]
    slices: Callable[[UnitConfig], Places | None]
    """The gradients as a draw reads them again; None where none does."""
    clocks: Callable[[UnitConfig, int, int], float]
    """Expected clocks of a step of so many trials n, of which so many open: `zimu.rtl.unit.step_cycles`."""


def datapath_members(
    config: UnitConfig,
    weights: Places,
    slices: Places | None = None,
    *,
    opened: Any,
    discarded: Any,
    rejected: Any,
    lost: Any,
) -> dict:
    """Members of gate, sampler and accumulator together: all of a step but its sequence.

    hold : Signal(1), in. Streams stand still and take the words of the seed's expansion.
    strobe, word, stream, lane, last : in. Those of `zimu.rtl.prng.SeedExpander`.
    smoothing, trials, threshold : in. c, n and T, must hold during a step.
    sum_start : Signal(1), in. Begins the sum pass; sampled while idle.
    sum_done : Signal(1), out. High from the end of a sum pass until the next one begins.
    mass : Signal(mass_bits), out. W, valid while `sum_done`.
    start : Signal(1), in. Begins the trials; only after a sum pass with W > 0.
    busy : Signal(1), out. Trials are under way. When it falls, every row of random words that was begun is dropped.
    opened, discarded, rejected, lost : out, of the shapes given. To be added to their counters in this clock.
    request : stream of address(beats), out. Addresses of gradient beats to read.
    beat : stream of `beat_layout`, in. The answers, in order, after any latency.
    read, read_data, write : `zimu.rtl.update.weight_ports`.
    probe_request, probe_slice : `zimu.rtl.update.probe_ports`, where there are slices.
    """
    return {
        "hold": In(1),
        "strobe": In(1),
        "word": In(32),
        "stream": In(8),
        "lane": In(16),
        "last": In(1),
        "smoothing": In(config.smoothing_bits),
        "trials": In(TRIAL_BITS),
        "threshold": In(config.gate_bits + 1),
        "sum_start": In(1),
        "sum_done": Out(1),
        "mass": Out(mass_bits(config)),
        "start": In(1),
        "busy": Out(1),
        "opened": Out(opened),
        "discarded": Out(discarded),
        "rejected": Out(rejected),
        "lost": Out(lost),
        "request": Out(stream.Signature(address(config.beats))),
        "beat": In(stream.Signature(beat_layout(config))),
        **weight_ports(weights),
        **probe_ports(slices),
    }
