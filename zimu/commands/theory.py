"""``zimu theory``: the law's moments and descent bound against emulated units."""

from pathlib import Path
from typing import Annotated

import typer

from zimu.commands.common import Stages, out, print_note


def command(
    data: Annotated[
        str, typer.Option(help="Of the network: digits, mnist, or idx for others of its format.")
    ] = "digits",
    folder: Annotated[Path | None, typer.Option(help="Folder of MNIST's files; never downloaded.")] = None,
    epochs: Annotated[int, typer.Option(help="Passes over the network's training images.")] = 15,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the report.")] = Path("zimu-theory"),
) -> None:
    """Hold measured curves against the descent bound, the floor of noise against theory, and BOLD's bound beside."""
    from functools import partial

    from zimu.golden.errors import check_range
    from zimu.golden.files import check_writable, write_whole
    from zimu.golden.programs import package_folder

    package_folder("torch")
    package_folder("matplotlib")
    check_range("epochs", epochs, 1, 1000)
    from zimu.study import images, theory
    from zimu.study.theory_network import network_terms
    from zimu.study.theory_report import Theory, html, markdown

    check_writable(output / "theory.html")
    images.load(data, folder)  # what is missing is said before work begins
    with Stages() as show:
        study = Theory(
            f"zimu theory --data {data} --epochs {epochs}",
            theory.curves(partial(show, "bounds")),
            theory.floors(partial(show, "floors")),
            network_terms(data, folder, epochs=epochs, progress=partial(show, "network")),
        )
    out.print(f"every measured curve {'stays' if study.holds else 'does NOT stay'} under its bound", highlight=False)
    for ending, text in (("html", html(study)), ("md", markdown(study))):
        print_note(f"wrote {write_whole(output / f'theory.{ending}', text)}")
    if not study.holds:
        raise typer.Exit(1)
