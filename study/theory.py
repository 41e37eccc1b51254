"""What the law promises, and what the unit does: moments, the descent bound, and the floor that noise leaves.

A step changes weight i by -D s_i k_i, where D is what a weight of one is worth, s_i the sign of its gradient and k a
multinomial of n trials, each open with probability z, over p_i = (v_i + c) / W with v_i the size of the integer
gradient. With U the change of all weights, F of L-Lipschitz gradient g, and constants so that at every step

    -g . E[U] >= alpha mu |g|^2    and    E|U|^2 <= alpha M + alpha^2 M_G |g|^2,    alpha <= mu / (L M_G),

a step lowers F by at least alpha mu |g|^2 / 2 - alpha L M / 2 in the mean: F(w + U) <= F(w) + g . U + L |U|^2 / 2.
Summed over K steps from w_1 on, with F_inf below F everywhere:

    E[(1/K) sum |g|^2] <= L M / mu + 2 (F(w_1) - F_inf) / (K mu alpha).

That is the bound of arXiv 2512.04051. Here alpha is D and M_G is 0, so that M holds all of E|U|^2. Used by
``study/theory_report.py``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from zimu.emu.reals import Counts
from zimu.emu.unit import ZimUnit
from zimu.golden.scaling import scaling
from zimu.golden.unit import UnitConfig
from zimu.study import digits

Reals = NDArray[np.float64]

GRADIENT_BITS, WEIGHT_BITS, GATE_BITS = 8, 24, 16
"""Weights so wide that none comes to its rails, which the law knows nothing of."""


@dataclass(frozen=True)
class Law:
    """What a step draws, beside its gradients.

    Parameters
    ----------
    trials : n.
    threshold : T; a trial is open with probability z = T / 2^16.
    smoothing : c, beside integer gradients.
    each_step : whether one draw opens all trials of a step, instead of one for each.
    """

    trials: int
    threshold: int = 2**GATE_BITS
    smoothing: int = 0
    each_step: bool = False

    @property
    def openness(self) -> Fraction:
        """Z."""
        return Fraction(self.threshold, 2**GATE_BITS)

    def means(self, gradients: Sequence[int]) -> list[Fraction]:
        """E[U_i], exact, in counts of a weight."""
        masses, whole = self._masses(gradients)
        share = self.trials * self.openness / whole if whole else Fraction(0)
        return [-_sign(g) * mass * share for g, mass in zip(gradients, masses, strict=True)]

    def second_moments(self, gradients: Sequence[int]) -> list[list[Fraction]]:
        """E[U_i U_j], exact, in counts squared."""
        masses, whole = self._masses(gradients)
        if not whole:
            return [[Fraction(0)] * len(gradients) for _ in gradients]
        n, z = self.trials, self.openness
        pairs = n * (n - 1) * (z if self.each_step else z * z)
        moments = [
            [
                _sign(g) * _sign(h) * pairs * Fraction(a * b, whole * whole)
                for h, b in zip(gradients, masses, strict=True)
            ]
            for g, a in zip(gradients, masses, strict=True)
        ]
        for i, (g, mass) in enumerate(zip(gradients, masses, strict=True)):
            moments[i][i] += abs(_sign(g)) * n * z * Fraction(mass, whole)
        return moments

    def descent(self, gradients: NDArray[Any], slope: Reals) -> tuple[float, float]:
        """-slope . E[U] and E|U|^2, for D = 1: the moments summed up, in binary64."""
        size = np.abs(gradients.astype(np.float64))
        whole = size.sum() + self.smoothing * len(size)
        if not whole:
            return 0.0, 0.0
        p = np.where(size > 0, size + self.smoothing, 0) / whole  # trials on a gradient of 0 are discarded
        n, z = self.trials, float(self.openness)
        pairs = n * (n - 1) * (z if self.each_step else z * z)
        return n * z * float(slope @ (np.sign(gradients) * p)), n * z * float(p.sum()) + pairs * float(p @ p)

    def _masses(self, gradients: Sequence[int]) -> tuple[list[int], int]:
        masses = [abs(g) + self.smoothing for g in gradients]
        return masses, sum(masses)


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


class Problem(Protocol):
    """A function to minimise."""

    name: str
    smoothness: float
    """L."""
    start: Reals
    """w_1, shape (d,)."""

    def value(self, w: Reals) -> float:
        """F(w), which is nowhere below 0."""

    def gradient(self, w: Reals) -> Reals:
        """Shape (d,)."""

    @property
    def distance(self) -> float | None:
        """|w - w_1|_1 of a minimum w; None where there is none that is known."""


class Quadratic:
    """F = sum_i l_i (w_i - t_i)^2 / 2, with the l_i from ``smoothness / condition`` to ``smoothness``, even in log.

    Parameters
    ----------
    depth : d.
    smoothness : L.
    condition : its ratio to the smallest curvature.
    seed : of the optimum t, uniform in -1..1; the start is 0.
    """

    def __init__(self, depth: int, smoothness: float = 1.0, condition: float = 1.0, seed: int = 0) -> None:
        self.name = f"quadratic, d = {depth}, L = {smoothness:g}, condition {condition:g}"
        self.smoothness = smoothness
        self.start = np.zeros(depth)
        self._curvatures = smoothness * np.logspace(-np.log10(condition), 0, depth)
        self._optimum = np.random.default_rng(seed).uniform(-1, 1, depth)

    def value(self, w: Reals) -> float:
        """F(w)."""
        return float(self._curvatures @ (w - self._optimum) ** 2) / 2

    def gradient(self, w: Reals) -> Reals:
        """Shape (d,)."""
        return self._curvatures * (w - self._optimum)

    @property
    def distance(self) -> float:
        """From the start to the optimum."""
        return float(np.abs(self.start - self._optimum).sum())


class Logistic:
    """Mean logistic loss of telling odd from even among scikit-learn's digits.

    L is a quarter of the largest eigenvalue of the images' second moments.
    """

    def __init__(self) -> None:
        fit = digits.load().fit
        pixels = fit.images.reshape(len(fit.labels), -1).astype(np.float64)
        self._images = np.hstack([pixels, np.ones((len(pixels), 1))])
        self._signs = 1.0 - 2.0 * (fit.labels % 2)
        self.name = f"logistic, d = {self._images.shape[1]}"
        self.smoothness = float(np.linalg.eigvalsh(self._images.T @ self._images / len(pixels))[-1]) / 4
        self.start = np.zeros(self._images.shape[1])

    def value(self, w: Reals) -> float:
        """F(w)."""
        return float(np.logaddexp(0, -self._signs * (self._images @ w)).mean())

    def gradient(self, w: Reals) -> Reals:
        """Shape (d,)."""
        margins = self._signs * (self._images @ w)
        slope: Reals = -self._images.T @ (self._signs / (1 + np.exp(margins))) / len(margins)
        return slope

    @property
    def distance(self) -> None:
        """There is no minimum that is known."""
        return None


@dataclass(frozen=True)
class Descent:
    """Runs on a problem, and the bound.

    Parameters
    ----------
    problem, law, scale : what ran; D is 2^scale.
    squares : |g|^2 before each step, in the mean over the runs.
    ratios : |g|^2 / |g|_1 in the same way.
    mu, M : the constants of the module's text, the least and the most over all steps of all runs.
    bound : of the mean of the first K of ``squares``, for every K.
    balance : over the second half of all runs, -g . E[U] by L E|U|^2 / 2. Where F is a quadratic of one curvature, F no
        longer falls on average, and it is 1.
    """

    problem: Problem
    law: Law
    scale: int
    squares: Reals
    ratios: Reals
    mu: float
    M: float
    bound: Reals
    balance: float

    @property
    def averages(self) -> Reals:
        """(1/K) sum |g|^2 for every K."""
        return np.asarray(np.cumsum(self.squares) / np.arange(1, len(self.squares) + 1), np.float64)

    @property
    def holds(self) -> bool:
        """Whether the measured curve stays under the bound."""
        return bool((self.averages <= self.bound).all())

    @property
    def trials_needed(self) -> float | None:
        """The fewest open trials a step with which all steps together reach the minimum: |w - w_1|_1 / (K D)."""
        distance = self.problem.distance
        return None if distance is None else distance / (len(self.squares) * 2.0**self.scale)

    @property
    def floor(self) -> float:
        """|g|^2 over the second half."""
        return float(self.squares[len(self.squares) // 2 :].mean())

    @property
    def floor_ratio(self) -> float:
        """|g|^2 / |g|_1 over the second half, in units of L D / 2."""
        return float(self.ratios[len(self.ratios) // 2 :].mean()) / (self.problem.smoothness * 2.0**self.scale / 2)


def descend(problem: Problem, law: Law, scale: int, *, steps: int, runs: int) -> Descent:
    """Minimise by an emulated unit, with the gradient of each point as integers of 8 bits, from seeds 0..runs-1.

    Parameters
    ----------
    scale : log2 of D.
    """
    worth, depth = 2.0**scale, len(problem.start)
    squares, ratios, means, energies = (np.empty((runs, steps), np.float64) for _ in range(4))
    config = unit_config(law, depth)
    for run in range(runs):
        unit = ZimUnit(config, run)
        coder = Counts(config.weight, scale, GRADIENT_BITS, scaling("tensor"))
        weights = coder.weights(problem.start)
        for step in range(steps):
            slope = problem.gradient(coder.reals(weights))
            gradients, _ = coder.gradients(slope)
            squares[run, step] = slope @ slope
            ratios[run, step] = squares[run, step] / max(np.abs(slope).sum(), 1e-300)
            means[run, step], energies[run, step] = law.descent(gradients, slope)
            unit.step(weights, gradients, trials=law.trials, threshold=law.threshold, smoothing=law.smoothing)
    mu = float((means / squares).min())  # D cancels alpha
    most = worth * float(energies.max())
    first = problem.value(problem.start)
    taken = np.arange(1, steps + 1, dtype=np.float64)
    bound: Reals = problem.smoothness * most / mu + 2 * first / (taken * mu * worth)
    late = slice(steps // 2, None)
    balance = means[:, late].sum() / (problem.smoothness * worth * energies[:, late].sum() / 2)
    return Descent(
        problem, law, scale, np.mean(squares, axis=0), np.mean(ratios, axis=0), mu, most, bound, float(balance)
    )


def unit_config(law: Law, depth: int) -> UnitConfig:
    """The unit that draws by a law."""
    return UnitConfig(
        name="theory",
        weight_bits=WEIGHT_BITS,
        gradient_bits=GRADIENT_BITS,
        smoothing_bits=law.smoothing.bit_length(),
        depth=depth,
        lanes=8,
        gate="step" if law.each_step else "trial",
        gate_bits=GATE_BITS,
        prng_lanes=1,
        sampler="inverse",
    )


STEPS, RUNS = 3000, 8

Progress = Callable[[int, int], object]
"""Called with the problems done and the problems there are."""


def curves(progress: Progress = lambda done, total: None, *, steps: int = STEPS, runs: int = RUNS) -> list[Descent]:
    """Runs whose bound is drawn: both problems, few trials and many, the gates, smoothing."""
    wanted: list[tuple[Problem, Law, int]] = [
        (Quadratic(256, condition=10), Law(16), -7),
        (Quadratic(256, condition=10), Law(256), -7),
        (Quadratic(256, condition=10), Law(64, threshold=2**14), -7),
        (Quadratic(256, condition=10), Law(64, threshold=2**14, each_step=True), -7),
        (Quadratic(256, condition=10), Law(64, smoothing=32), -7),
        (Logistic(), Law(8), -6),
        (Logistic(), Law(64), -6),
        (Logistic(), Law(8, smoothing=32), -6),
    ]
    return _descend_all(wanted, steps, runs, progress)


def floors(
    progress: Progress = lambda done, total: None, *, steps: int = STEPS, runs: int = RUNS
) -> dict[str, list[Descent]]:
    """What is left of the gradient where n does not fall, over what it may depend on; quadratics of one curvature."""
    base: dict[str, Any] = {"depth": 256, "smoothness": 1.0, "scale": -6, "trials": 16, "smoothing": 0}
    axes: dict[str, list[dict[str, Any]]] = {
        "D": [{"scale": scale} for scale in (-7, -6, -5, -4, -3)],
        "L": [{"smoothness": smoothness} for smoothness in (0.25, 1.0, 4.0)],
        "d, n = d / 16": [{"depth": depth, "trials": depth // 16} for depth in (64, 256, 1024)],
        "n": [{"trials": trials} for trials in (1, 4, 16, 64, 256, 1024)],
        "c": [{"smoothing": smoothing} for smoothing in (0, 8, 64, 512)],
    }
    wanted, places = [], []
    for axis, variations in axes.items():
        for varied in variations:
            given = base | varied
            problem = Quadratic(given["depth"], given["smoothness"])
            wanted.append((problem, Law(given["trials"], smoothing=given["smoothing"]), given["scale"]))
            places.append(axis)
    done = _descend_all(wanted, steps, runs, progress)
    return {axis: [one for one, place in zip(done, places, strict=True) if place == axis] for axis in axes}


def _descend_all(
    wanted: Sequence[tuple[Problem, Law, int]], steps: int, runs: int, progress: Progress
) -> list[Descent]:
    done = []
    for number, (problem, law, scale) in enumerate(wanted):
        progress(number, len(wanted))
        done.append(descend(problem, law, scale, steps=steps, runs=runs))
    progress(len(wanted), len(wanted))
    return done
