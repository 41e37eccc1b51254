"""What the emulator is measured against: the same step by numpy, by PyTorch, and two plain updates that draw nothing.

Each rival is given the fastest honest set-up: a generator is made once, probabilities are ready before a step begins,
and one compiled loop moves the weights. Used by ``study/bench_subjects.py``; timed by ``study/bench.py``.
"""

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zimu.emu.kernel import int64, kernel
from zimu.golden.programs import how_to_install

LEARNING_RATE = 0.01

BLOCK = 2**16
"""Weights that `float_sgd` updates at a time: its products stay in the second level of cache."""

Step = Callable[[], object]
"""Takes one step on the weights it was built for, in place."""


def missing_torch() -> str:
    """Why the PyTorch rival cannot run; empty where it can."""
    if importlib.util.find_spec("torch") is None:
        return f"PyTorch is not installed: {how_to_install('torch')}"
    return ""


def probabilities(gradients: NDArray[np.int8], smoothing: int) -> NDArray[np.float64]:
    """The p_i of the law, (|g_i| + c) / W, in binary64; shape (d,)."""
    p = gradients.astype(np.float64)
    np.abs(p, out=p)
    p += smoothing
    p /= p.sum()
    return p


def numpy_multinomial(
    weights: NDArray[np.int8], gradients: NDArray[np.int8], *, trials: int, smoothing: int, seed: int
) -> Step:
    """``numpy.random.Generator.multinomial``, a binomial for each weight, then a saturating move of the weights.

    Parameters
    ----------
    weights, gradients : shape (d,).
    trials : n of a step.
    smoothing : c.
    seed : of a PCG64 generator, numpy's default.
    """
    generator = np.random.default_rng(seed)
    p = probabilities(gradients, smoothing)
    return lambda: move(weights, gradients, generator.multinomial(trials, p))


def torch_multinomial(
    weights: NDArray[np.int8], gradients: NDArray[np.int8], *, trials: int, smoothing: int, seed: int
) -> Step:
    """The paper's method: ``torch.distributions.Multinomial(n, p).sample()``, then the same move of the weights.

    Arguments as in `numpy_multinomial`. The distribution is made anew in each step, as it must be where gradients
    change; without the validation of its arguments, which would only add to its time. Sets PyTorch to one thread.
    """
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    p = torch.from_numpy(probabilities(gradients, smoothing))

    def step() -> None:
        counts = torch.distributions.Multinomial(total_count=trials, probs=p, validate_args=False).sample()
        move(weights, gradients, counts.numpy())

    return step


def float_sgd(weights: NDArray[np.float32], gradients: NDArray[np.float32]) -> Step:
    """Plain SGD in binary32, w - lr g with two roundings, without a temporary of the size of the weights."""
    rate = np.float32(LEARNING_RATE)
    scratch = np.empty(min(BLOCK, weights.size), np.float32)
    slices = [slice(start, start + BLOCK) for start in range(0, weights.size, BLOCK)]
    blocks = [(weights[part], gradients[part]) for part in slices]

    def step() -> None:
        for block, slope in blocks:
            product = scratch[: block.size]
            np.multiply(slope, rate, out=product)
            np.subtract(block, product, out=block)

    return step


def torch_sgd(weights: NDArray[np.float32], gradients: NDArray[np.float32], *, fused: bool = False) -> Step:
    """``torch.optim.SGD`` with a momentum of 0.9, on one thread; ``fused`` is PyTorch's own single pass."""
    import torch

    torch.set_num_threads(1)
    parameter = torch.nn.Parameter(torch.from_numpy(weights))
    parameter.grad = torch.from_numpy(gradients)
    optimizer = torch.optim.SGD([parameter], lr=LEARNING_RATE, momentum=0.9, fused=fused or None)
    return lambda: optimizer.step()


def conv_gradients() -> Step:
    """Forward and backward pass of the model ``conv`` for 64 images of 28x28, on one thread."""
    import torch

    from zimu.study.models import make

    torch.set_num_threads(1)
    model = make("conv", 28, 0)
    images, labels = torch.rand(64, 1, 28, 28), torch.randint(10, (64,))

    def step() -> None:
        model.zero_grad()
        torch.nn.functional.cross_entropy(model(images), labels).backward()

    return step


def int8_subtract(weights: NDArray[np.int8], gradients: NDArray[np.int8]) -> Step:
    """The bare saturating w - g: what it takes to read both arrays and write one, and nothing more."""
    return lambda: subtract(weights, gradients)


@kernel
def move(weights: NDArray[Any], gradients: NDArray[Any], counts: NDArray[Any]) -> None:
    """``w[i] - sign(g[i]) * counts[i]``, in place, stopped at -128 and 127; counts may be whole floats below 2^53."""
    for i in range(weights.size):
        sign = int64(gradients[i] > 0) - int64(gradients[i] < 0)
        weights[i] = min(max(int64(weights[i]) - sign * int64(counts[i]), -128), 127)


@kernel
def subtract(weights: NDArray[Any], gradients: NDArray[Any]) -> None:
    """``w[i] - g[i]``, in place, stopped at -128 and 127."""
    for i in range(weights.size):
        # 16 bits hold the difference, and let the loop become saturating byte instructions.
        weights[i] = min(max(np.int16(weights[i]) - np.int16(gradients[i]), -128), 127)
