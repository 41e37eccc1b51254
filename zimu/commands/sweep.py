"""``zimu sweep``: the cost of a whole space of units, in a table and a report; and two such tables compared."""

from pathlib import Path
from typing import Annotated

import typer

from zimu.commands.common import LibertyOption, Stages, out, print_note


def command(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="TOML file of a space, CSV file of a table, or 'standard'.")
    ],
    folder: Annotated[Path, typer.Option("--out", help="Folder for table and report, named as FILE.")] = Path("sweep"),
    compare: Annotated[Path | None, typer.Option(help="CSV file of an earlier table: name what differs.")] = None,
    target: Annotated[list[str] | None, typer.Option(help="In place of the file's targets; repeat.")] = None,
    liberty: LibertyOption = None,
    jobs: Annotated[int, typer.Option(help="Processes at work.")] = 2,
    scheduler: Annotated[str, typer.Option(help="Address of a Dask scheduler, whose workers do it instead.")] = "",
    cache: Annotated[Path | None, typer.Option(help="Folder of what was measured before; else $ZIMU_CACHE.")] = None,
    timeout: Annotated[float, typer.Option(help="Seconds any one program may take.")] = 600,
) -> None:
    """Simulate and price a space of units, go on where a run was stopped, and write a table and a report."""
    from zimu.cost.ranges import IN_VIEW, cheaper_ranges, most_telling
    from zimu.cost.verdict import verdict
    from zimu.golden.files import check_writable, write_whole
    from zimu.golden.programs import package_folder
    from zimu.study.cost_report import html, markdown
    from zimu.study.cost_run import run_study
    from zimu.study.sweep import load
    from zimu.study.table import differences, read_csv, records, write_table

    before = read_csv(compare) if compare else None
    failed = False
    if file.suffix == ".csv":
        table = read_csv(file)
    else:
        name = file.stem
        groups = load(file).groups(target)
        check_writable(folder / f"{name}.csv")
        package_folder("matplotlib")
        with Stages() as show:
            study = run_study(
                name,
                " ".join(["zimu", "sweep", file.name, *(f"--target {each}" for each in target or ())]),
                groups,
                liberty=liberty or (),
                jobs=jobs,
                timeout=timeout,
                cache=cache,
                scheduler=scheduler,
                progress=show,
            )
        table = records(study.rows, study.breakdowns)
        ranges = most_telling(cheaper_ranges(study.units, study.rows), IN_VIEW)
        for sentence in [*(each.sentence() for each in ranges), *verdict(study.rows).lead]:
            out.print(sentence, highlight=False)
        for reason in dict.fromkeys(f"{row.unit}, {row.target}: {row.reason}" for row in study.rows if row.failed):
            print_note(reason)
        failed = any(row.failed for row in study.rows)
        for path in write_table(folder, name, table):
            print_note(f"wrote {path}")
        for ending, text in (("html", html(study)), ("md", markdown(study))):
            print_note(f"wrote {write_whole(folder / f'{name}.{ending}', text)}")
    if before is not None:
        found = differences(before, table)
        for difference in found:
            out.print(difference.sentence(), highlight=False)
        print_note(f"{len(found):,} of {len(table):,} figures differ from those of {compare}")
    if failed:
        raise typer.Exit(1)
