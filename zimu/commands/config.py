"""``zimu config``: a preset or a rival as TOML, to start from."""

from pathlib import Path
from typing import Annotated, get_args

import typer

from zimu.commands.common import out, print_note, print_text
from zimu.golden.rule import RULES, PrngKind, config_class
from zimu.golden.unit import UnitConfig


def command(
    preset: Annotated[
        str, typer.Argument(metavar="CONFIG", help="A preset, a TOML or vector file, or RULE:WHAT[:OPTION...].")
    ] = "zim8",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write to this file.")] = None,
    show_all: Annotated[
        bool, typer.Option("--list", help="List the presets, and names of units of other rules.")
    ] = False,
) -> None:
    """Print a configuration as TOML, to start from."""
    from zimu.golden.names import PRESETS, named

    if show_all:
        _list(PRESETS)
        return
    config = named(preset)
    if output:
        print_note(f"wrote {config.save(output)}")
    else:
        print_text(config.to_toml())


def _list(configs: dict[str, UnitConfig]) -> None:
    from rich.table import Table

    table = Table("preset", "weights", "gradients", "depth", "lanes", "gate", "sampler", "form", box=None)
    for name, c in configs.items():
        widths = f"int{c.weight_bits}", f"int{c.gradient_bits}"
        table.add_row(name, *widths, str(c.depth), str(c.lanes), c.gate, c.sampler, c.form)
    out.print(table)
    for kind in map(config_class, RULES):
        if kind.usage:
            out.print(f"\n{kind.usage}", highlight=False, soft_wrap=True)
        for name in kind.examples:
            out.print(f"  {name}", highlight=False)
    out.print(
        "\nprng is one of " + ", ".join(get_args(PrngKind)) + "; docs/generators.md compares them", soft_wrap=True
    )
