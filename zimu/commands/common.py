"""What several commands share: options, how a configuration is named, where progress and results go."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console

from zimu.golden.config import UnitConfig
from zimu.golden.errors import InputError
from zimu.golden.rule import RuleConfig

notes = Console(stderr=True)
"""Progress and remarks; standard output holds results alone."""

out = Console()

ConfigName = Annotated[
    str,
    typer.Argument(
        metavar="CONFIG", help="A TOML or vector file, a preset, float_sgd:FORMAT[:OPTION...] or int_sgd:BITS."
    ),
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Seed = Annotated[int, typer.Option(help="64-bit seed.")]


def load_config(name: str) -> RuleConfig:
    """The configuration of any rule in a file, or of that name."""
    from zimu.golden.names import named

    return named(name)


def load_zim(name: str) -> UnitConfig:
    """As `load_config`, of the integer unit; `InputError` if it is of another rule."""
    config = load_config(name)
    if not isinstance(config, UnitConfig):
        raise InputError(f"{name}: is of the rule {config.rule!r}: must be of 'zim' here")
    return config


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(value, indent=2, allow_nan=False))
