"""What `zimu bench` measures, and on what: the problem of a step, and everything that can take it.

A subject is a name and a way to build its step; a further configuration of the emulator is one line in `SAMPLERS`.
Rivals are in ``study/baselines.py``; measured by ``study/bench.py`` (time) and ``study/bench_memory.py`` (memory).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zimu.emu.float_sgd import to_format
from zimu.emu.unit import ZimUnit
from zimu.emu.update import make_unit
from zimu.golden.float_sgd import FloatSGDConfig
from zimu.golden.names import named
from zimu.golden.unit import UnitConfig
from zimu.study import baselines
from zimu.study.baselines import Step

SEED = 1
"""Of the gradients and of every subject's generator."""

SMOOTHING = 1
"""c of every step."""

GRADIENT_SCALE = 8
"""Scale b of the Laplace distribution that gradients are rounded from; their mean magnitude is about b."""

SAMPLERS: dict[str, dict[str, Any]] = {
    "inverse": {"prng_lanes": 8},
    "split": {"prng_lanes": 8, "tile": 128, "subtrees": 16, "tile_streams": 1},
}
"""The emulator's configurations by sampler: what each needs beside the fields all share."""

RULES: dict[str, dict[str, Any]] = {
    "float_sgd:fp32": {"learning_rate": 0.01},
    "float_sgd:bf16": {"learning_rate": 0.01},
    "float_sgd:bf16:sr8": {"learning_rate": 0.01},
    "int_sgd:8": {"rate": 1},
}
"""Units of other rules that the emulator is measured with, each with the run-time values of its steps."""

MOMENTUM: dict[str, Any] = {"prng_lanes": 8, "momentum_bits": 12}
"""The emulator's configuration with a running mean, which only the sampler ``inverse`` has; b is `DECAY`."""

DECAY = 3

CONV_WEIGHTS = 421_642
"""Weights of the model whose forward and backward pass is measured beside steps of as many."""

NUMPY, TORCH, FLOOR, TORCH_SGD = "numpy", "pytorch", "int8_subtract", "torch_sgd"
"""The subjects that ratios refer to."""


@dataclass(frozen=True)
class Problem:
    """One step: d weights and gradients of 8 bits, n trials, c = `SMOOTHING`, the gate of every trial open.

    Parameters
    ----------
    depth : d.
    trials : n.
    """

    depth: int
    trials: int

    @cached_property
    def gradients(self) -> NDArray[np.int8]:
        """Shape (d,): Laplace numbers of scale `GRADIENT_SCALE`, rounded, clipped to -127..127; the same for all."""
        numbers = np.random.default_rng(SEED).laplace(0, GRADIENT_SCALE, self.depth)
        return np.clip(np.rint(numbers, out=numbers), -127, 127, out=numbers).astype(np.int8)


Build = Callable[[Problem, NDArray[Any], NDArray[Any]], Step]
"""Makes a step of weights and gradients of the subject's dtype."""


@dataclass(frozen=True)
class Subject:
    """Something that can take the step.

    Parameters
    ----------
    name : how rows call it.
    build : makes its step.
    sampler : the emulator's sampler, or the name of its unit of another rule; None for what is not the emulator.
    threads : it may use.
    dtype : of its weights and gradients.
    encode : makes the gradients its own from the problem's, where it is not a matter of dtype.
    draws : whether it draws a multinomial, so that it may be compared with others that do.
    missing : why it cannot run here; empty where it can.
    depth : the only d that it has a step for; None where it has one for any.
    """

    name: str
    build: Build
    sampler: str | None = None
    threads: int = 1
    dtype: type[Any] = np.int8
    draws: bool = True
    missing: str = ""
    depth: int | None = None
    encode: Callable[[NDArray[np.int8]], NDArray[Any]] | None = None

    def arrays(self, problem: Problem) -> tuple[NDArray[Any], NDArray[Any]]:
        """Weights, all 0, and gradients, with memory behind every page of them."""
        gradients = self.encode(problem.gradients) if self.encode else problem.gradients.astype(self.dtype)
        return np.full(problem.depth, 0, gradients.dtype), gradients


def subjects(threads: Sequence[int] = (1,)) -> list[Subject]:
    """All subjects: every sampler of the emulator with every number of threads, then all else on one."""
    own = [emulator(sampler, count) for sampler in SAMPLERS for count in threads]
    own += [other_rule(name) for name in RULES]
    return [
        *own,
        Subject(NUMPY, _drawing(baselines.numpy_multinomial)),
        Subject(TORCH, _drawing(baselines.torch_multinomial), missing=baselines.missing_torch()),
        Subject("fp32_sgd", _plain(baselines.float_sgd), dtype=np.float32, draws=False),
        Subject(FLOOR, _plain(baselines.int8_subtract), draws=False),
    ]


def momentum_subjects() -> list[Subject]:
    """The emulator with a running mean, PyTorch's SGD with momentum, and what comes before a step of either."""
    missing = baselines.missing_torch()

    def build(problem: Problem, weights: NDArray[Any], gradients: NDArray[Any]) -> Step:
        config = unit_config("inverse", problem.depth).replace(**MOMENTUM)
        unit = ZimUnit(config, SEED)
        values = {"threshold": config.max_threshold, "smoothing": 0, "decay": DECAY}
        return lambda: unit.step(weights, gradients, trials=problem.trials, **values)

    rival: dict[str, Any] = {"draws": False, "missing": missing}
    fused = partial(baselines.torch_sgd, fused=True)
    return [
        Subject("zimu", build, "inverse with momentum"),
        Subject(TORCH_SGD, _plain(baselines.torch_sgd), dtype=np.float32, **rival),
        Subject("torch_sgd_fused", _plain(fused), dtype=np.float32, **rival),
        Subject("conv_forward_backward", lambda *_: baselines.conv_gradients(), depth=CONV_WEIGHTS, **rival),
    ]


def emulator(sampler: str, threads: int = 1) -> Subject:
    """The emulator with one of `SAMPLERS`."""

    def build(problem: Problem, weights: NDArray[Any], gradients: NDArray[Any]) -> Step:
        config = unit_config(sampler, problem.depth)
        unit = ZimUnit(config, SEED, threads)
        return lambda: unit.step(
            weights, gradients, trials=problem.trials, threshold=config.max_threshold, smoothing=SMOOTHING
        )

    return Subject("zimu", build, sampler, threads)


def other_rule(name: str) -> Subject:
    """The emulator with one of `RULES`; its gradients are the problem's."""
    config = named(name)
    form = config.gradients if isinstance(config, FloatSGDConfig) else None

    def build(problem: Problem, weights: NDArray[Any], gradients: NDArray[Any]) -> Step:
        unit = make_unit(config.replace(depth=problem.depth), SEED)
        return lambda: unit.step(weights, gradients, **RULES[name])

    encode = (lambda gradients: to_format(form, gradients.astype(np.float64))) if form else None
    return Subject("zimu", build, name, draws=False, encode=encode)


def unit_config(sampler: str, depth: int) -> UnitConfig:
    """The configuration that is measured: 8-bit weights and gradients, a gate for every trial."""
    return UnitConfig(
        name="bench",
        weight_bits=8,
        gradient_bits=8,
        smoothing_bits=SMOOTHING.bit_length(),
        depth=depth,
        lanes=8,
        gate="trial",
        gate_bits=16,
        sampler=sampler,
        **SAMPLERS[sampler],
    )


def _plain(rival: Callable[..., Step]) -> Build:
    return lambda _, weights, gradients: rival(weights, gradients)


def _drawing(rival: Callable[..., Step]) -> Build:
    def build(problem: Problem, weights: NDArray[Any], gradients: NDArray[Any]) -> Step:
        return rival(weights, gradients, trials=problem.trials, smoothing=SMOOTHING, seed=SEED)

    return build
