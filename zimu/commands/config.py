"""``zimu config``: a preset or a rival as TOML, to start from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, get_args

import typer

from zimu.commands.common import out
from zimu.golden.config import UnitConfig
from zimu.golden.rule import PrngKind


def command(
    preset: Annotated[
        str, typer.Argument(help="A preset, a TOML or vector file, float_sgd:FORMAT[:OPTION...] or int_sgd:BITS.")
    ] = "zim8",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write to this file.")] = None,
    show_all: Annotated[bool, typer.Option("--list", help="List the presets and the rivals.")] = False,
) -> None:
    """Print a configuration as TOML, to start from."""
    from zimu.golden.names import RIVALS, named
    from zimu.golden.presets import PRESETS

    if show_all:
        _list(PRESETS, RIVALS)
        return
    config = named(preset)
    if output:
        config.save(output)
    else:
        print(config.to_toml(), end="")


def _list(configs: dict[str, UnitConfig], rivals: Sequence[str]) -> None:
    from rich.table import Table

    table = Table("preset", "weights", "gradients", "depth", "lanes", "gate", "sampler", "form", box=None)
    for name, c in configs.items():
        widths = f"int{c.weight_bits}", f"int{c.gradient_bits}"
        table.add_row(name, *widths, str(c.depth), str(c.lanes), c.gate, c.sampler, c.form)
    out.print(table)
    out.print(f"\nrivals: {', '.join(rivals)}; docs/float_sgd.md has more", soft_wrap=True)
    out.print(f"prng is one of {', '.join(get_args(PrngKind))}; docs/generators.md compares them", soft_wrap=True)
