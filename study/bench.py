"""Measures the emulator beside its rivals: time per weight, ratios, extra memory, as rows ready for JSON.

All subjects run in turn in every repeat, so that a machine that slows down slows them all; a ratio is the median of the
ratios within repeats. Subjects are in ``study/bench_subjects.py``; rows are shown by ``study/bench_report.py``.
"""

import math
import os
import platform
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

import numba

from zimu.golden.errors import ToolError, check_range
from zimu.study import bench_memory
from zimu.study.baselines import Step
from zimu.study.bench_subjects import FLOOR, NUMPY, TORCH, TORCH_SGD, Problem, Subject

DEPTHS = (10_000, 421_642, 11_170_000)
"""d: a layer, a small network, and the size of a ResNet-18."""

SWEEP = tuple(2.0**power for power in range(-12, 3))
"""n / d of the sweep."""

QUICK_TORCH_TRIALS = 10**6
"""In a quick run PyTorch is left out where it has more trials than this."""

SHARES = (0.015, 0.005)
"""n / d of steps with momentum."""

RATIOS = {
    "times_faster_than_numpy": NUMPY,
    "times_faster_than_pytorch": TORCH,
    "times_int8_subtract": FLOOR,
    "times_faster_than_torch_sgd": TORCH_SGD,
}
"""Fields that are ratios, and the subject each refers to."""

_VECTORS = {
    r"%zmm": "AVX-512, 512 bits",
    r"%ymm": "AVX2, 256 bits",
    r"%xmm": "SSE, 128 bits",
    r"\b[qv][0-9]+\b": "NEON, 128 bits",
}
"""How registers are called in machine code, and what they are; the widest first."""

Progress = Callable[[int, int], object]
"""Called with the measurements done and the measurements there are."""


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    Parameters
    ----------
    repeats : measured samples of each subject; odd, so that the median is one of them.
    sample_seconds : a sample is as many steps as take about this long, one at least.
    torch_trials : the largest n that PyTorch is asked for; None for no limit.
    memory_timeout : seconds the memory measurement of one problem may take.
    """

    repeats: int
    sample_seconds: float
    torch_trials: int | None = None
    memory_timeout: float = 600


FULL = Effort(repeats=7, sample_seconds=0.02)
QUICK = Effort(repeats=3, sample_seconds=0.01, torch_trials=QUICK_TORCH_TRIALS)


@dataclass
class Timing:
    """One subject on one problem. What was not measured is None, with the reason under the field's name.

    Parameters
    ----------
    subject, sampler, threads : what was measured; ``sampler`` is None for what is not the emulator.
    d, n : weights and trials.
    ns_per_weight : median time of a step over d.
    samples : ns per weight of each repeat, in order; of equal place in all rows of a problem.
    times_faster_than_numpy, times_faster_than_pytorch : median over repeats of the rival's time over this one.
    times_int8_subtract : median over repeats of this time over the bare int8 subtract's.
    times_faster_than_torch_sgd : as those above, of PyTorch's SGD with momentum.
    extra_bytes_per_weight : peak memory beyond weights and gradients over d.
    reasons : why fields are None.
    """

    subject: str
    sampler: str | None
    threads: int
    d: int
    n: int
    ns_per_weight: float | None = None
    samples: list[float] = field(default_factory=list)
    times_faster_than_numpy: float | None = None
    times_faster_than_pytorch: float | None = None
    times_int8_subtract: float | None = None
    times_faster_than_torch_sgd: float | None = None
    extra_bytes_per_weight: float | None = None
    reasons: dict[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The subject in a word or two."""
        threads = f", {self.threads} threads" if self.threads > 1 else ""
        return f"{self.subject} {self.sampler}{threads}" if self.sampler else self.subject


def default_problems(depths: Sequence[int]) -> list[Problem]:
    """For every depth n = d and n = round(sqrt(d))."""
    return [Problem(depth, trials) for depth in depths for trials in (depth, round(math.sqrt(depth)))]


def sweep_problems(depths: Sequence[int]) -> list[Problem]:
    """For every depth n / d over the range of `SWEEP`."""
    return [Problem(depth, max(round(share * depth), 1)) for depth in depths for share in SWEEP]


def momentum_problems(depths: Sequence[int]) -> list[Problem]:
    """For every depth the n of `SHARES`, at which networks train with momentum."""
    return [Problem(depth, round(share * depth)) for depth in depths for share in SHARES]


def measure(
    problems: Sequence[Problem],
    chosen: Sequence[Subject],
    effort: Effort = FULL,
    *,
    memory: bool = True,
    progress: Progress = lambda done, total: None,
) -> list[Timing]:
    """Measure every subject on every problem.

    Parameters
    ----------
    problems : the steps to take.
    chosen : the subjects, as `zimu.study.bench_subjects.subjects` gives them.
    effort : repeats and the length of samples.
    memory : whether extra memory is measured too.
    progress : told after each measurement.

    Returns
    -------
    list[Timing]
        by problem, then subject. A subject that cannot run has a row too, with the reason.

    Raises
    ------
    InputError
        a number of repeats that is not in 1..1001.
    """
    check_range("repeats", effort.repeats, 1, 1001)
    rounds = effort.repeats + 2  # one to warm up and one for memory
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        progress(done, rounds * len(problems))

    progress(0, rounds * len(problems))
    rows = []
    for problem in problems:
        rows += _measure_one(problem, chosen, effort, memory, tick)
    return rows


def describe_machine() -> dict[str, Any]:
    """The machine and the versions that figures depend on; a package that is missing is None."""
    versions: dict[str, str | None] = {"python": platform.python_version()}
    for package in ("zimu", "numpy", "numba", "torch"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    return {
        "processor": _processor(),
        "vectors": vectors(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "versions": versions,
    }


def vectors() -> str:
    """The widest vectors that compiled loops work with here, as the machine code of one shows them."""
    compiled = numba.njit("void(int8[::1])")(_double)
    (code,) = compiled.inspect_asm().values()
    return next((name for register, name in _VECTORS.items() if re.search(register, code)), "none that is known")


def _double(values: Any) -> None:
    for i in range(values.size):
        values[i] += values[i]


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def _measure_one(
    problem: Problem, chosen: Sequence[Subject], effort: Effort, memory: bool, tick: Callable[[], None]
) -> list[Timing]:
    rows = [Timing(s.name, s.sampler, s.threads, problem.depth, problem.trials) for s in chosen]
    running = []
    for subject, row in zip(chosen, rows, strict=True):
        if reason := subject.missing or _left_out(problem, subject, effort):
            row.reasons = dict.fromkeys(("ns_per_weight", "extra_bytes_per_weight"), reason)
        else:
            running.append((subject, row))
    _time(problem, running, effort, tick)
    _compare(chosen, rows)
    _weigh(problem, running, effort, memory)
    tick()
    return rows


def _left_out(problem: Problem, subject: Subject, effort: Effort) -> str:
    if subject.depth not in (None, problem.depth):
        return f"has {subject.depth:,} weights"
    limit = effort.torch_trials
    if subject.name == TORCH and limit is not None and problem.trials > limit:
        return f"left out of a quick run above {limit:,} trials: a step takes seconds"
    return ""


def _time(
    problem: Problem, running: Sequence[tuple[Subject, Timing]], effort: Effort, tick: Callable[[], None]
) -> None:
    steps = [subject.build(problem, *subject.arrays(problem)) for subject, _ in running]
    counts = [_warm_up(step, effort.sample_seconds) for step in steps]
    tick()
    for _ in range(effort.repeats):
        for (_, row), step, count in zip(running, steps, counts, strict=True):
            row.samples.append(1e9 * _seconds(step, count) / count / problem.depth)
        tick()
    for _, row in running:
        row.ns_per_weight = median(row.samples)


def _warm_up(step: Step, seconds: float) -> int:
    """Take a first step, which may compile, and return how many steps last about ``seconds``."""
    step()
    return max(1, round(seconds / max(_seconds(step, 1), 1e-9)))


def _seconds(step: Step, count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        step()
    return time.perf_counter() - start


def _compare(chosen: Sequence[Subject], rows: Sequence[Timing]) -> None:
    """Fill in the ratios of one problem's rows."""
    others = {row.subject: row for row in rows if row.sampler is None}
    for subject, row in zip(chosen, rows, strict=True):
        for field_name, name in RATIOS.items():
            rival = others.get(name)
            if not subject.draws and name in (NUMPY, TORCH):
                row.reasons[field_name] = "draws no random numbers"
            elif rival is None:
                row.reasons[field_name] = f"{name} was not measured"
            elif not (row.samples and rival.samples):
                row.reasons[field_name] = (rival if row.samples else row).reasons["ns_per_weight"]
            else:
                slower, faster = (row, rival) if name == FLOOR else (rival, row)
                pairs = zip(slower.samples, faster.samples, strict=True)
                setattr(row, field_name, median(above / below for above, below in pairs))


def _weigh(problem: Problem, running: Sequence[tuple[Subject, Timing]], effort: Effort, memory: bool) -> None:
    """Fill in the extra memory of one problem's rows."""
    reason = bench_memory.why_not(problem.depth) if memory else "not measured in a sweep"
    found: list[int] = []
    if not reason:
        try:
            found = bench_memory.extra_bytes(problem, [subject for subject, _ in running], effort.memory_timeout)
        except ToolError as error:
            reason = str(error)
    for place, (_, row) in enumerate(running):
        if reason:
            row.reasons["extra_bytes_per_weight"] = reason
        else:
            row.extra_bytes_per_weight = found[place] / problem.depth
