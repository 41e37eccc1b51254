"""``zimu config``: a preset as TOML, to start from."""

from pathlib import Path
from typing import Annotated, get_args

import typer

from zimu.commands.common import out
from zimu.golden.config import UnitConfig
from zimu.golden.rule import PrngKind


def command(
    preset: Annotated[str, typer.Argument(help="Name of the preset.")] = "zim8",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write to this file.")] = None,
    show_all: Annotated[bool, typer.Option("--list", help="List the presets.")] = False,
) -> None:
    """Print a preset as TOML."""
    from zimu.golden import presets

    if show_all:
        _list(presets.PRESETS)
        return
    config = presets.preset(preset)
    if output:
        config.save(output)
    else:
        print(config.to_toml(), end="")


def _list(configs: dict[str, UnitConfig]) -> None:
    from rich.table import Table

    table = Table("preset", "weights", "gradients", "depth", "lanes", "gate", "sampler", "form", box=None)
    for name, c in configs.items():
        widths = f"int{c.weight_bits}", f"int{c.gradient_bits}"
        table.add_row(name, *widths, str(c.depth), str(c.lanes), c.gate, c.sampler, c.form)
    out.print(table)
    out.print(f"\nprng is one of {', '.join(get_args(PrngKind))}; docs/generators.md compares them", soft_wrap=True)
