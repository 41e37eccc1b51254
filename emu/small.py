"""Whole steps in one kernel call, for units so small that the calls between kernels would take longer than the work.

The bits are those of the samplers' own steps; what is done differently is how a draw's weight is found.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zimu.emu.generators import KINDS, fill
from zimu.emu.kernel import int64, kernel
from zimu.emu.prng import Words
from zimu.emu.sampler import sum_tiles
from zimu.emu.split import Work, draw_subtrees, split_counts
from zimu.emu.tiles import BUFFER, Scratch, scratch
from zimu.golden.config import UnitConfig

SMALL = 2**14
"""The largest depth for which a step is taken in one call."""

FEW = 256
"""The largest number of trials for which the ``inverse`` sampler does: it looks for the weight of each by itself."""

RESULTS = 6
"""Values a step leaves in its row of results: those of `zimu.emu.unit.StepResult`, in its order."""


def suits(config: UnitConfig, trials: int) -> bool:
    """Whether a step of so many trials is best taken in one call."""
    return config.depth <= SMALL and (config.sampler == "split" or trials <= FEW)


def small_steps(
    config: UnitConfig,
    gates: Words,
    streams: Mapping[str, Words],
    weights: NDArray[Any],
    gradients: NDArray[Any],
    trials: int,
    threshold: int,
    smoothing: int,
    results: NDArray[np.int64],
) -> None:
    """Take one step of each of several units, the arguments of which have been checked.

    Parameters
    ----------
    gates, streams : states of the gate and of the sampler's streams, by name; a row for each unit, advanced in place.
    weights, gradients : shape (units, depth).
    results : shape (units, `RESULTS`), written.
    """
    code, lanes, step_gate = KINDS[config.prng].code, config.prng_lanes, config.gate == "step"
    if config.sampler == "inverse":
        inverse_steps(
            code,
            lanes,
            config.draw_words,
            step_gate,
            config.gate_bits,
            gates,
            streams["trials"],
            weights,
            gradients,
            trials,
            threshold,
            smoothing,
            *config.weight_range,
            results,
        )
        return
    units, shape = len(gates), config.split
    leaves = config.leaves // shape.subtrees
    split_steps(
        code,
        lanes,
        shape.tile,
        config.draw_bits,
        step_gate,
        config.gate_bits,
        gates,
        streams["top"],
        streams["split"].reshape(units, shape.subtrees, -1),
        streams["draw"].reshape(units, shape.subtrees, shape.tile_streams, -1),
        weights,
        gradients,
        trials,
        threshold,
        smoothing,
        np.zeros(config.leaves + 1, np.int64),
        Work.make(config, leaves),
        scratch(shape.tile, config.draw_bits, config.weight_range, config.weight_bits),
        results,
    )


@kernel
def inverse_steps(
    code: int,
    lanes: int,
    draw_words: int,
    step_gate: bool,
    gate_bits: int,
    gates: Words,
    streams: Words,
    weights: NDArray[Any],
    gradients: NDArray[Any],
    trials: int,
    threshold: int,
    smoothing: int,
    low: int,
    high: int,
    results: NDArray[np.int64],
) -> None:
    """One step of the ``inverse`` sampler for each row of weights; ``gates`` and ``streams`` hold a state a row."""
    depth = weights.shape[1]
    prefix, buffer = np.empty(depth, np.int64), np.empty(BUFFER, np.uint32)
    saved = np.empty(streams.shape[1], np.uint32)
    for row in range(weights.shape[0]):
        mass = 0
        for i in range(depth):
            gradient = int64(gradients[row, i])
            mass += max(gradient, -gradient) + smoothing
            prefix[i] = mass
        opened = 0
        if mass > 0 and step_gate:
            opened = trials * _count_open(code, gates[row], buffer, 1, gate_bits, threshold)
        elif mass > 0:
            opened = _count_open(code, gates[row], buffer, trials, gate_bits, threshold)
        mask = 1
        while mask < mass:
            mask <<= 1
        mask -= 1
        accepted = rejected = discarded = saturations = 0
        at = buffer.size
        while accepted < opened:
            if at == buffer.size:
                saved[:] = streams[row]
                fill(code, streams[row], lanes, buffer)
                at = 0
            u = int64(buffer[at])
            if draw_words == 2:
                u |= int64(buffer[at + 1]) << 32
            at += draw_words
            u &= mask
            if u >= mass:
                rejected += 1
                continue
            accepted += 1
            first, size = 0, depth
            while size > 1:
                half = size >> 1
                first += half * (prefix[first + half - 1] <= u)
                size -= half
            gradient, weight = int64(gradients[row, first]), int64(weights[row, first])
            if gradient == 0:
                discarded += 1
            elif weight == (low if gradient > 0 else high):
                saturations += 1
            else:
                weights[row, first] = weight - (1 if gradient > 0 else -1)
        if at < buffer.size:
            streams[row] = saved
            fill(code, streams[row], lanes, buffer[: (at + lanes - 1) // lanes * lanes])
        _put(results[row], opened, discarded, rejected, saturations, mass)


@kernel
def _count_open(code: int, gate: Words, buffer: Words, draws: int, gate_bits: int, threshold: int) -> int:
    """How many of ``draws`` draws of a gate with one generator open."""
    opened, mask = 0, (1 << gate_bits) - 1
    for start in range(0, draws, buffer.size):
        words = buffer[: draws - start]
        fill(code, gate, 1, words)
        for word in words:
            opened += int64(word) & mask < threshold
    return opened


@kernel
def split_steps(
    code: int,
    lanes: int,
    tile: int,
    draw_bits: int,
    step_gate: bool,
    gate_bits: int,
    gates: Words,
    tops: Words,
    splits: Words,
    draws: Words,
    weights: NDArray[Any],
    gradients: NDArray[Any],
    trials: int,
    threshold: int,
    smoothing: int,
    bounds: NDArray[np.int64],
    work: Work,
    tiles: Scratch,
    results: NDArray[np.int64],
) -> None:
    """One step of the ``split`` sampler for each row of weights.

    ``gates``, ``tops``, ``splits`` and ``draws`` hold the states of one unit a row, the last two with more dimensions
    for the subtrees and their streams. ``bounds``, ``work`` and ``tiles`` are scratch.
    """
    subtrees, leaves = splits.shape[1], work.counts.size
    of_gate, whole = np.empty(2, np.int64), np.array([0, threshold, 1 << gate_bits])
    of_subtrees, lost = np.zeros(subtrees, np.int64), np.zeros((subtrees, 3), np.int64)
    depth = weights.shape[1]
    for row in range(weights.shape[0]):
        sum_tiles(gradients[row], smoothing, tile, bounds[1 : (depth + tile - 1) // tile + 1])
        for i in range(bounds.size - 1):
            bounds[i + 1] = bounds[i] + (bounds[i + 1] if i * tile < depth else 0)
        mass = bounds[-1]
        opened = 0
        if mass > 0 and step_gate:
            word = work.words[:lanes]
            fill(code, gates[row], lanes, word)
            opened = trials if int64(word[0]) & (1 << gate_bits) - 1 < threshold else 0
        elif mass > 0:
            split_counts(code, lanes, gates[row], work.words, whole, trials, of_gate, work.waiting)
            opened = of_gate[0]
        lost[:] = 0
        if opened:
            split_counts(code, lanes, tops[row], work.words, bounds[::leaves], opened, of_subtrees, work.waiting)
            draw_subtrees(
                code,
                lanes,
                tile,
                draw_bits,
                0,
                splits[row],
                draws[row],
                bounds,
                of_subtrees,
                gradients[row],
                smoothing,
                weights[row],
                work,
                tiles,
                lost,
            )
        _put(results[row], opened, lost[:, 1].sum(), lost[:, 0].sum(), lost[:, 2].sum(), mass)


@kernel
def _put(row: NDArray[np.int64], opened: int, discarded: int, rejected: int, saturations: int, mass: int) -> None:
    row[0], row[1], row[2], row[3], row[4], row[5] = opened, discarded, rejected, saturations, mass == 0, mass
