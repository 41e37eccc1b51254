"""``zimu train``: the source's models, trained by units of any rule through PyTorch."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from zimu.commands.common import JsonFlag, Stages, out, print_json, print_note


def command(
    model: Annotated[list[str] | None, typer.Option(help="linear, hidden, conv or resnet18; repeat.")] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(help="zim, zim_plain, paper, paper_torch, sgd or sgd_falling; repeat. Else zim and sgd."),
    ] = None,
    data: Annotated[str, typer.Option(help="digits, mnist, or idx for others of its format.")] = "digits",
    folder: Annotated[Path | None, typer.Option(help="Folder of MNIST's files; never downloaded.")] = None,
    epochs: Annotated[int, typer.Option(help="Passes over the training images.")] = 15,
    repeats: Annotated[int, typer.Option(help="Runs of the chosen setting.")] = 5,
    tuned_with: Annotated[
        int | None, typer.Option(help="Runs of each setting that validation chooses from; 2, or 1 if repeats are 1.")
    ] = None,
    tuned_epochs: Annotated[int | None, typer.Option(help="Epochs of those; else as many as of all runs.")] = None,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder of runs and report; runs that were stopped go on.")
    ] = Path("zimu-train"),
    jobs: Annotated[int, typer.Option(help="Processes of training.")] = 2,
    json: JsonFlag = False,
) -> None:
    """Train models by units of any rule, choose settings on validation images, and tell test accuracies."""
    from zimu.golden.errors import check_choice
    from zimu.golden.files import check_writable, write_whole
    from zimu.golden.programs import package_folder

    package_folder("torch")
    package_folder("matplotlib")
    from zimu.study.experiment import compare
    from zimu.study.numbers import DASH, spread
    from zimu.study.recipes import RECIPES
    from zimu.study.train_report import render

    tuned_with = min(2, repeats) if tuned_with is None else tuned_with
    recipes = [RECIPES[check_choice("rule", name, RECIPES)] for name in rule or ["zim", "sgd"]]
    report = output / "report.html"
    check_writable(report)
    with Stages() as show:
        outcomes = compare(
            model or ["hidden"],
            recipes,
            data,
            None if folder is None else str(folder),
            output,
            epochs=epochs,
            repeats=repeats,
            tuned_with=tuned_with,
            tuned_epochs=tuned_epochs,
            jobs=jobs,
            progress=show,
        )
    results = [outcome.to_dict() for outcome in outcomes]
    about = {
        "data": data,
        "epochs": epochs,
        "repeats": repeats,
        "tuned_with": tuned_with,
        "tuned_epochs": tuned_epochs or epochs,
    }
    if json:
        print_json(results)
    else:
        table = Table("model", "weights", "rule", "setting", "trials per weight", "test accuracy, %")
        for outcome in outcomes:
            table.add_row(
                outcome.model,
                f"{outcome.runs[0].weights:,}",
                outcome.recipe.label,
                f"{outcome.setting:g}",
                DASH if outcome.trials_per_weight is None else f"{outcome.trials_per_weight:.4f}",
                spread(asdict(outcome.accuracy)),
            )
        out.print(table)
    write_whole(report, render(results, about))
    print_note(f"wrote {report}")
