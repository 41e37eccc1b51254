"""The descent bound's floor for a network as it trains, beside that of BOLD's bound.

Both bounds have a term that no number of steps makes smaller: L M / mu here (``study/theory.py``), and L d kappa / 2
for Boolean weights, "L r_d" in arXiv 2405.16339, where kappa bounds the mean square of what rounding a weight to +1 or
-1 leaves; it is 1 for weights within -1..1. Divided by L they can be laid over one another, as arXiv 2512.04051 does
for a network with 100 hidden units. Needs PyTorch.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from zimu.golden.scaling import scaling
from zimu.study import images
from zimu.study.experiment import BATCH
from zimu.study.models import CLASSES
from zimu.study.optimizer import ZIM, quantize_
from zimu.study.theory import Law

HIDDEN = 100

SHARES = (0.015, 1.0)
"""n / d of the runs."""

SCALE = -7
"""log2 of what a weight of one is worth."""

Progress = Callable[[int, int], object]
"""Called with the steps done and the steps there are."""


@dataclass(frozen=True)
class Terms:
    """What stands beside L in the floor of a bound, over the steps of a run.

    Parameters
    ----------
    weights : d.
    trials : n.
    terms : M / mu of each step alone.
    """

    weights: int
    trials: int
    terms: list[float]

    @property
    def boolean(self) -> float:
        """That of BOLD's bound: half as many as there are weights, with kappa = 1."""
        return self.weights / 2


def network_terms(
    data: str,
    folder: str | os.PathLike[str] | None,
    *,
    epochs: int = 1,
    seed: int = 0,
    progress: Progress = lambda done, total: None,
) -> list[Terms]:
    """Train the network by one joint unit of 8 bits for each of `SHARES`, n falling to 0, and follow the terms.

    Parameters
    ----------
    data, folder : as `zimu.study.images.load` takes them.
    """
    torch.set_num_threads(1)
    parts = images.load(data, folder)
    pixels, labels = torch.from_numpy(parts.fit.images), torch.from_numpy(parts.fit.labels)
    steps = len(labels) // BATCH * epochs
    order = np.random.default_rng(seed)
    runs = []
    for number, share in enumerate(SHARES):
        torch.manual_seed(seed)
        size = parts.size * parts.size
        model = nn.Sequential(nn.Flatten(), nn.Linear(size, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES))
        parameters = list(model.parameters())
        quantize_(parameters, "zim8", scale=SCALE)
        optimizer = ZIM(parameters, "zim8", scale=SCALE, joint=True, seed=seed, trials=share)
        (unit,) = optimizer.units()
        coder = unit.encoding(SCALE, scaling("tensor"))
        terms = []
        for step in range(steps):
            batch = torch.from_numpy(order.integers(0, len(labels), BATCH))
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(pixels[batch]), labels[batch])
            loss.backward()
            slope = np.concatenate([each.grad.numpy().reshape(-1) for each in parameters]).astype(np.float64)
            trials = max(round(share * len(slope) * (1 - step / steps)), 1)
            gradients, _ = coder.gradients(slope)
            mean, energy = Law(trials).descent(gradients, slope)
            terms.append(2.0**SCALE * energy * float(slope @ slope) / mean)
            optimizer.param_groups[0]["lr"] = 1 - step / steps
            optimizer.step()
            progress(number * steps + step + 1, len(SHARES) * steps)
        runs.append(Terms(len(slope), round(share * len(slope)), terms))
    return runs
