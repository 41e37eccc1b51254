"""Peak memory of a step beyond its weights and gradients, counted by the operating system, for every subject alike.

Allocations inside compiled kernels and inside PyTorch are seen by no tracer of Python's, but all of them show in the
process's resident set. So a process of its own builds the subjects one after the other and reads how far the resident
set rose at its highest. Run as ``python -m zimu.study.bench_memory`` with a request on standard input; asked by
``study/bench.py``.
"""

import gc
import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from zimu.golden.errors import ToolError
from zimu.golden.programs import run
from zimu.study.bench_subjects import Problem, Subject, subjects

RESOLUTION = 2**18
"""Bytes the kernel may be off by: it counts pages per processor and adds up late."""

ENVIRONMENT = {
    # Freed blocks of 64 kB and more go back to the system at once, so that the next subject has to ask for its own. The
    # allocator would otherwise raise this threshold to whatever was freed.
    "MALLOC_MMAP_THRESHOLD_": "65536",
    # Huge pages would round every array up to 2 MB.
    "NUMPY_MADVISE_HUGEPAGE": "0",
}

_CLEAR = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


def why_not(depth: int) -> str:
    """Why extra memory of ``depth`` weights cannot be measured here; empty where it can."""
    if not _CLEAR.exists():
        return "the peak of the resident set can be reset on Linux alone"
    if depth < RESOLUTION:
        return f"the resident set is known to {RESOLUTION // 1024} kB, more than a byte a weight here"
    return ""


def extra_bytes(problem: Problem, chosen: Sequence[Subject], timeout: float) -> list[int]:
    """Peak extra bytes of one step of each of ``chosen``, measured in a fresh process.

    Raises
    ------
    ToolError
        the process failed, for instance for want of memory, or took longer than ``timeout`` seconds.
    """
    request = {
        "depth": problem.depth,
        "trials": problem.trials,
        "subjects": [[subject.name, subject.sampler, subject.threads] for subject in chosen],
    }
    command = [sys.executable, "-m", "zimu.study.bench_memory"]
    printed = run(
        command, timeout=timeout, environment=ENVIRONMENT, stdin=json.dumps(request), name="the memory measurement"
    )
    measured: list[int] = json.loads(printed.splitlines()[-1])
    return measured


def peak_extra(work: Callable[[], object]) -> int:
    """Bytes by which ``work`` raised the resident set of this process at its highest, to within `RESOLUTION`.

    What ``work`` had done before must have gone back to the system: see `ENVIRONMENT`.

    Raises
    ------
    ToolError
        the system does not let a process reset its peak.
    """
    gc.collect()
    try:
        _CLEAR.write_text("5")  # proc(5): resets the peak to the present size
    except OSError as error:
        raise ToolError(f"{_CLEAR}: cannot be written: {error.strerror}") from None
    before = _kilobytes("VmRSS")
    work()
    return 1024 * max(_kilobytes("VmHWM") - before, 0)


def _kilobytes(field: str) -> int:
    found = re.search(rf"^{field}:\s+(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
    if found is None:
        raise ToolError(f"{_STATUS} has no {field}")
    return int(found[1])


def _measure(problem: Problem, subject: Subject) -> int:
    weights, gradients = subject.arrays(problem)

    def work() -> None:
        # Building counts: generators, probabilities and work space are memory that a user has to have.
        subject.build(problem, weights, gradients)()

    work()  # loads code, which is not the step's
    return peak_extra(work)


def _main() -> None:
    request = json.load(sys.stdin)
    problem = Problem(request["depth"], request["trials"])
    wanted = [tuple(key) for key in request["subjects"]]
    known = {
        (subject.name, subject.sampler, subject.threads): subject
        for subject in subjects(sorted({threads for _, _, threads in wanted}))
    }
    print(json.dumps([_measure(problem, known[key]) for key in wanted]))


if __name__ == "__main__":
    _main()
