"""``zimu emulate``: one step of an emulated unit on arrays in files."""

import argparse
import io
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from zimu.commands.common import ConfigName, JsonFlag, Seed, load_config, out, print_json
from zimu.golden.errors import InputError
from zimu.golden.files import check_writable, write_whole
from zimu.golden.rule import RuleConfig

CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True}
"""The options that give the run-time values are those of the configuration's rule."""


def command(
    context: typer.Context,
    config: ConfigName,
    weights: Annotated[Path, typer.Option(help="Weights, .npy, shape (depth,).")],
    gradients: Annotated[Path, typer.Option(help="Gradients, .npy, shape (depth,).")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Where the new weights go, .npy.")],
    state: Annotated[
        Path | None,
        typer.Option(help="Go on from the state in this file, if it is there, and leave the new one there."),
    ] = None,
    seed: Seed = 0,
    threads: Annotated[int, typer.Option(help="The most threads to use; they change no bit.")] = 1,
    json: JsonFlag = False,
) -> None:
    """Take one step on weights and gradients in .npy files.

    Further options are the run-time values of the configuration's rule, all of them needed: --trials, --threshold and
    --smoothing of the integer unit, with momentum --decay too, with n from the mass --rate. Of another rule, a line
    names those that are missing.
    """
    import numpy as np

    from zimu.emu.update import make_unit

    unit_config = load_config(config)
    values = _values(unit_config, context.args)
    for path in (output, state):
        check_writable(path)
    unit = make_unit(unit_config, seed, threads)
    if state and state.exists():
        unit = type(unit).load(unit_config, state, threads)
    updated = _load(weights).copy()
    unit.step(updated, _load(gradients), **values)
    content = io.BytesIO()
    np.save(content, updated)
    counters = unit.counters._asdict()
    if json:
        print_json(counters)
    else:
        for name, value in counters.items():
            out.print(f"{name:18} {value}")
    write_whole(output, content.getvalue())
    if state:
        unit.save(state)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        usage = " ".join(self.format_usage().split())  # one line, however many it takes elsewhere
        raise InputError(f"{message}; the run-time values are {usage.partition(': ')[2]}")


def _values(config: RuleConfig, words: list[str]) -> dict[str, float]:
    """The run-time values in the rest of a command line."""
    parser = _Parser(prog="", add_help=False, allow_abbrev=False)
    for name in config.values:
        parser.add_argument(f"--{name.replace('_', '-')}", type=_number, required=True)
    return vars(parser.parse_args(words))


def _number(text: str) -> float:
    try:
        return int(text, 0)
    except ValueError:
        return float(text)


def _load(path: Path) -> Any:
    import numpy as np

    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: cannot be read as .npy: {str(error).splitlines()[0]}") from None
