"""The ports of a circuit that finds the weights of draws: ``rtl/search.py``, ``rtl/tree.py``."""

from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from zimu.golden.unit import UnitConfig
from zimu.rtl.basics import address
from zimu.rtl.beats import beat_layout, mass_bits, slice_layout


def landed_layout(config: UnitConfig) -> data.StructLayout:
    """Where a draw landed: the weight's index and its gradient's sign."""
    return data.StructLayout({"index": address(config.depth), "negative": 1, "zero": 1})


def form_signature(config: UnitConfig) -> dict:
    """Members of a circuit that finds the weights of draws.

    sum_start : Signal(1), in. Begins the sum pass of a step; sampled while idle.
    sum_done : Signal(1), out. High from the end of a sum pass until the next one begins.
    mass : Signal(mass_bits), out. W, valid while `sum_done`.
    smoothing : Signal(smoothing_bits), in. c, must hold during a step.
    draw : stream of Signal(mass_bits), in. Accepted draws u < W.
    landed : stream of `landed_layout`, out. One for each draw, in order.
    request : stream of address(beats), out. Addresses of gradient beats to read.
    beat : stream of `beat_layout`, in. The answers, in order, after any latency.
    probe_request : stream of address(slices), out. Slices of gradients to read again for a draw.
    probe_slice : stream of `slice_layout`, in. The answers, in order, after any latency.
    """
    return {
        "sum_start": In(1),
        "sum_done": Out(1),
        "mass": Out(mass_bits(config)),
        "smoothing": In(config.smoothing_bits),
        "draw": In(stream.Signature(mass_bits(config))),
        "landed": Out(stream.Signature(landed_layout(config))),
        "request": Out(stream.Signature(address(config.beats))),
        "beat": In(stream.Signature(beat_layout(config))),
        "probe_request": Out(stream.Signature(address(config.slices))),
        "probe_slice": In(stream.Signature(slice_layout(config))),
    }
