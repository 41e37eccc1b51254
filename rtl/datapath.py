"""What the circuits of both samplers have in common: the members by which the core runs them, and the weights' form.

The circuits are ``rtl/sampler.py`` and ``rtl/split.py``; the core around them is ``rtl/unit.py``.
"""

from typing import Any

from amaranth.hdl import signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from zimu.golden.config import UnitConfig
from zimu.rtl.basics import address
from zimu.rtl.beats import beat_layout, mass_bits
from zimu.rtl.update import Places, weight_ports

TRIAL_BITS = 32
"""Width of a number of trials."""


def weight_lanes(config: UnitConfig) -> int:
    """Weights at an address of the weight memory: one, or with ``split`` a beat of them."""
    return config.lanes if config.sampler == "split" else 1


def weight_places(config: UnitConfig) -> int:
    """Addresses of the weight memory."""
    return -(-config.depth // weight_lanes(config))


def weight_shape(config: UnitConfig) -> Any:
    """What an address a of the weight memory holds; lane i of a beat is weight ``a * lanes + i``."""
    weight = signed(config.weight_bits)
    return data.ArrayLayout(weight, config.lanes) if config.sampler == "split" else weight


def weight_memory(config: UnitConfig) -> Places:
    """The weight memory."""
    return Places(weight_places(config), weight_shape(config))


def weight_members(config: UnitConfig) -> dict:
    """Ports of the weight memory: `zimu.rtl.update.weight_ports`."""
    return weight_ports(weight_memory(config))


def datapath_members(config: UnitConfig, *, discarded: Any, rejected: Any, lost: Any) -> dict:
    """Members of gate, sampler and accumulator together: all of a step but its sequence.

    hold : Signal(1), in. Streams stand still and take the words of the seed's expansion.
    strobe, word, stream, lane, last : in. Those of `zimu.rtl.prng.SeedExpander`.
    smoothing, trials, threshold : in. c, n and T, must hold during a step.
    sum_start : Signal(1), in. Begins the sum pass; sampled while idle.
    sum_done : Signal(1), out. High from the end of a sum pass until the next one begins.
    mass : Signal(mass_bits), out. W, valid while `sum_done`.
    start : Signal(1), in. Begins the trials; only after a sum pass with W > 0.
    busy : Signal(1), out. Trials are under way. When it falls, every row of random words that was begun is dropped.
    opened : Signal, out. To be added to the counter of open trials in this clock; and so are
    discarded, rejected, lost : out, of the shapes given.
    request : stream of address(beats), out. Addresses of gradient beats to read.
    beat : stream of `beat_layout`, in. The answers, in order, after any latency.
    read, read_data, write : `weight_members`.
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
        "opened": Out(TRIAL_BITS if config.sampler == "split" else 1),
        "discarded": Out(discarded),
        "rejected": Out(rejected),
        "lost": Out(lost),
        "request": Out(stream.Signature(address(config.beats))),
        "beat": In(stream.Signature(beat_layout(config))),
        **weight_members(config),
    }
