"""``zimu battery``: the random words of a unit under dieharder."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from zimu.commands.common import JsonFlag, Stages, load_config, out, print_json, print_note
from zimu.golden.errors import InputError
from zimu.golden.files import check_writable, write_whole
from zimu.golden.unit import UnitConfig


def command(
    units: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CONFIG|PRNG", help="TOML or vector files, presets, kinds of generators; by default all kinds."
        ),
    ] = None,
    tests: Annotated[
        str | None, typer.Option(metavar="N[:NTUPLE],...", help="dieharder's numbers; a quick choice by default.")
    ] = None,
    all_tests: Annotated[bool, typer.Option("--all", help="All tests of `dieharder -a`: hours a generator.")] = False,
    seed: Annotated[int, typer.Option(help="64-bit seed that each test derives its own from.")] = 1,
    timeout: Annotated[float, typer.Option(help="Seconds any one test may take.")] = 3600,
    results: Annotated[Path | None, typer.Option(help="Keep results in this .json file, and go on from there.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write a Markdown table into this file.")] = None,
    json: JsonFlag = False,
) -> None:
    """Stream the words a unit consumes into dieharder's tests; exit code 1 if one fails or does not end."""
    from zimu.golden.generators import GENERATORS
    from zimu.study import battery, battery_report

    if tests and all_tests:
        raise typer.BadParameter("--all and --tests exclude each other")
    checks = battery.ALL if all_tests else battery.QUICK
    if tests:
        checks = tuple(map(battery.check, tests.split(",")))
    subjects = [name if name in GENERATORS else _zim(name) for name in units or GENERATORS]
    check_writable(results, markdown)
    tool = battery.tool_version()
    known = battery.load(results, tool) if results else []

    rows: list[battery.Score] = []
    try:
        with Stages() as show:
            for step in battery.battery(subjects, checks, seed=seed, timeout=timeout, known=known):
                show("tests done", step.done, step.total, step.following)
                rows = step.rows
                if results:
                    battery.save(results, tool, rows + [row for row in known if row not in rows])
    finally:
        # Also where it could not go on: each row may have taken minutes.
        if rows and json:
            print_json([asdict(row) for row in rows])
        elif rows:
            out.print(battery_report.table(rows))
    if markdown:
        choice = ["--all"] if all_tests else [f"--tests {tests}"] if tests else []
        words = " ".join(["zimu battery", *(units or []), *choice, f"--seed {seed}"])
        print_note(f"wrote {write_whole(markdown, battery_report.markdown(rows, tool, words))}")
    if any(row.assessment not in ("PASSED", "WEAK") for row in rows):
        raise typer.Exit(1)


def _zim(name: str) -> UnitConfig:
    """A configuration whose streams can be tested: of the integer unit; `InputError` if it is of another rule."""
    config = load_config(name)
    if not isinstance(config, UnitConfig):
        raise InputError(f"{name}: is of the rule {config.rule!r}: must be of 'zim' here")
    return config
