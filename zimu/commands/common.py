"""What several commands share: options, how a configuration is named, where progress and results go."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from zimu.golden.config import UnitConfig
from zimu.golden.errors import InputError

notes = Console(stderr=True)
"""Progress and remarks; standard output holds results alone."""

out = Console()

ConfigName = Annotated[str, typer.Argument(metavar="CONFIG", help="A TOML file, or the name of a preset.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Seed = Annotated[int, typer.Option(help="64-bit seed.")]


def load_config(name: str) -> UnitConfig:
    """The configuration in a file, or the preset of that name."""
    from zimu.golden.presets import PRESETS

    if name in PRESETS and not Path(name).exists():
        return PRESETS[name]
    if not Path(name).exists():
        raise InputError(f"{name}: no such file, nor a preset; presets are {', '.join(PRESETS)}")
    return UnitConfig.load(name)


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(value, indent=2, allow_nan=False))
