"""``zimu tradeoff``: the accuracy that trials, bits and generators buy, and what they cost."""

from pathlib import Path
from typing import Annotated

import typer

from zimu.commands.common import JsonFlag, LibertyOption, Stages, out, print_json, print_note


def command(
    model: Annotated[str, typer.Option(help="linear, hidden, conv or resnet18.")] = "hidden",
    data: Annotated[str, typer.Option(help="digits, mnist, or idx for others of its format.")] = "digits",
    folder: Annotated[Path | None, typer.Option(help="Folder of MNIST's files; never downloaded.")] = None,
    axis: Annotated[list[str] | None, typer.Option(help="What to vary, such as 'gradient bits'; repeat.")] = None,
    epochs: Annotated[int, typer.Option(help="Passes over the training images.")] = 15,
    repeats: Annotated[int, typer.Option(help="Runs of each chosen setting.")] = 8,
    target: Annotated[str | None, typer.Option(help="A cell library by its target's name; else the first.")] = None,
    liberty: LibertyOption = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder of runs and report.")] = Path("zimu-tradeoff"),
    jobs: Annotated[int, typer.Option(help="Processes at work.")] = 2,
    cache: Annotated[Path | None, typer.Option(help="Folder of what was measured before; else $ZIMU_CACHE.")] = None,
    json: JsonFlag = False,
) -> None:
    """Train variations of the unit and its rivals, price them, and draw accuracy over cost."""
    from zimu.golden.files import check_writable, write_whole
    from zimu.golden.programs import package_folder

    package_folder("torch")
    package_folder("matplotlib")
    from zimu.study import tradeoff_report
    from zimu.study.tradeoff import run_tradeoff

    check_writable(output / "tradeoff.html")
    with Stages() as show:
        study = run_tradeoff(
            model,
            data,
            None if folder is None else str(folder),
            output / "runs",
            epochs=epochs,
            repeats=repeats,
            tuned_with=min(2, repeats),
            axes=axis or (),
            target=target,
            liberty=liberty or (),
            jobs=jobs,
            cache=cache,
            progress=show,
        )
    if json:
        print_json({"answers": study.answers(), "points": [point.to_dict() for point in study.points]})
    else:
        for answer in study.answers():
            out.print(answer, highlight=False)
    for ending, text in (
        ("html", tradeoff_report.html(study)),
        ("md", tradeoff_report.markdown(study)),
        ("csv", tradeoff_report.table(study)),
    ):
        print_note(f"wrote {write_whole(output / f'tradeoff.{ending}', text)}")
