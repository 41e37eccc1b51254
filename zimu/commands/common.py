"""What several commands share: options, how a configuration is named, where progress and results go."""

import json
import os
import signal
import sys
import threading
from datetime import timedelta
from typing import Annotated, Any, NoReturn, Self

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from zimu.golden.rule import RuleConfig

notes = Console(stderr=True)
"""Progress and remarks; standard output holds results alone."""

CLOSED_PIPE = 128 + signal.SIGPIPE
"""Exit code where nobody reads the results any more, as in ``zimu config --list | head -1``."""

PAUSE = 10.0
"""Seconds between two lines of progress where there is no terminal."""


def drop_output() -> None:
    """Let what standard output did not take go nowhere, so that the end of the program does not try again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Output(Console):
    def on_broken_pipe(self) -> NoReturn:
        drop_output()
        raise SystemExit(CLOSED_PIPE)


out = _Output()
"""Results."""

ConfigName = Annotated[
    str,
    typer.Argument(
        metavar="CONFIG", help="A TOML or vector file, a preset, or RULE:WHAT[:OPTION...]; see zimu config."
    ),
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
LibertyOption = Annotated[
    list[str] | None,
    typer.Option(help="Cell library: .lib, .lib.gz, folder, or NAME=FOLDER; also from ZIMU_LIBERTY."),
]
Seed = Annotated[int, typer.Option(help="64-bit seed.")]


def load_config(name: str) -> RuleConfig:
    """The configuration of any rule in a file, or of that name."""
    from zimu.golden.names import named

    return named(name)


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    print_text(json.dumps(value, indent=2, allow_nan=False) + "\n")


def print_text(text: str) -> None:
    """Text on standard output as it is."""
    out.out(text, end="", highlight=False)


def print_note(text: str) -> None:
    """A remark on standard error, a line however long it is."""
    notes.print(text, soft_wrap=True, markup=False, highlight=False)


class Stages:
    """How far a long command is, on standard error: bars with the time left on a terminal, elsewhere a line a stage and
    one every `PAUSE` seconds.

    ``with Stages() as show: show("trained", 3, 190)`` says that 3 of 190 parts of the stage are done, from any thread;
    a fourth argument says what comes next.
    """

    def __init__(self) -> None:
        text = TextColumn("{task.description}", table_column=Column(ratio=1, no_wrap=True))
        columns = (SpinnerColumn(), text, BarColumn(16), MofNCompleteColumn())
        times = (TimeElapsedColumn(), TimeRemainingColumn())
        # The estimate is made from all that was seen: parts may take minutes.
        self._bars = Progress(*columns, *times, console=notes, transient=True, expand=True, speed_estimate_period=1e6)
        self._tasks: dict[str, TaskID] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._lines = threading.Thread(target=self._tell, daemon=True)

    def __enter__(self) -> Self:
        if notes.is_interactive:
            self._bars.start()
        else:
            self._lines.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if notes.is_interactive:
            self._bars.stop()

    def __call__(self, stage: str, done: int, total: int, following: str = "") -> None:
        with self._lock:
            if stage not in self._tasks:
                self._tasks[stage] = self._bars.add_task(stage, total=total)
                if not notes.is_interactive:
                    print_note(f"{stage}: 0 of {total:,}")
            text = f"{stage}, {following}" if following else stage
            task = self._tasks[stage]
            open_before = not self._bars.tasks[task].finished
            self._bars.update(task, description=text, completed=done, total=total)
            if open_before and self._bars.tasks[task].finished and not notes.is_interactive:
                print_note(_line(self._bars.tasks[task]))

    def _tell(self) -> None:
        while not self._ended.wait(PAUSE):
            for task in self._bars.tasks:
                if not task.finished:
                    print_note(_line(task))


def _line(task: Task) -> str:
    """Where a stage stands."""
    parts = [f"{task.description}: {task.completed:,.0f} of {task.total:,.0f}", f"{_time(task.elapsed or 0)} so far"]
    if task.time_remaining:
        parts.append(f"about {_time(task.time_remaining)} left")
    return ", ".join(parts)


def _time(seconds: float) -> timedelta:
    return timedelta(seconds=round(seconds))
