"""``zimu config``: a preset or a rival as TOML, to start from."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Annotated, get_args

import typer

from zimu.commands.common import out, print_note, print_text
from zimu.golden.config import UnitConfig
from zimu.golden.rule import PrngKind


def command(
    preset: Annotated[
        str,
        typer.Argument(
            metavar="CONFIG", help="A preset, a TOML or vector file, float_sgd:FORMAT[:OPTION...] or int_sgd:BITS."
        ),
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
        print_note(f"wrote {config.save(output)}")
    else:
        print_text(config.to_toml())


def _list(configs: dict[str, UnitConfig], rivals: Sequence[str]) -> None:
    from rich.table import Table

    table = Table("preset", "weights", "gradients", "depth", "lanes", "gate", "sampler", "form", box=None)
    for name, c in configs.items():
        widths = f"int{c.weight_bits}", f"int{c.gradient_bits}"
        table.add_row(name, *widths, str(c.depth), str(c.lanes), c.gate, c.sampler, c.form)
    out.print(table)
    for family, names in groupby(rivals, lambda name: name.split(":")[0]):
        out.print(f"\nrivals, {family}", highlight=False)
        for name in names:
            out.print(f"  {name}", highlight=False)
    out.print("docs/float_sgd.md has more\n", highlight=False)
    out.print(f"prng is one of {', '.join(get_args(PrngKind))}; docs/generators.md compares them", soft_wrap=True)
