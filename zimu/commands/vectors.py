"""``zimu vectors``: replay frozen vectors, or record new ones."""

from pathlib import Path
from typing import Annotated, Any

import typer

from zimu.commands.common import JsonFlag, load_config, out, print_json, print_note
from zimu.golden.files import check_writable


def command(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE", help="Vector files; by default the frozen sets.")
    ] = None,
    record: Annotated[str | None, typer.Option(metavar="CONFIG", help="Record a set for this configuration.")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps to record; 8 by default.")] = None,
    seed: Annotated[int | None, typer.Option(help="64-bit seed of what is recorded; 0 by default.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="File of the new set.")] = None,
    json: JsonFlag = False,
) -> None:
    """Replay vector files on the reference and on the emulator, or record a new one."""
    if record is not None:
        if output is None or files:
            raise typer.BadParameter("--record CONFIG needs -o FILE and no other files")
        _record(record, 8 if steps is None else steps, seed or 0, output)
        return
    if (steps, seed, output) != (None, None, None):
        raise typer.BadParameter("--steps, --seed and -o go with --record CONFIG")
    rows = _replay(files)
    if json:
        print_json(rows)
    else:
        for row in rows:
            out.print(f"{row['set']:28} {row['steps']:4} steps  {row['mismatch'] or 'agrees'}", soft_wrap=True)
    if any(row["mismatch"] for row in rows):
        raise typer.Exit(1)


def _replay(files: list[Path] | None) -> list[dict[str, Any]]:
    from zimu.emu.update import ListUnit
    from zimu.golden.update import reference
    from zimu.golden.vectors import VectorSet, frozen_sets

    rows = []
    for path in files or frozen_sets().values():
        vectors = VectorSet.load(path)
        for machine in (reference, ListUnit):
            mismatch = vectors.replay(machine)
            if mismatch:
                break
        rows.append({"set": path.stem, "steps": len(vectors.steps), "mismatch": str(mismatch) if mismatch else None})
    return rows


def _record(name: str, steps: int, seed: int, output: Path) -> None:
    from zimu.sim.stimuli import random_vectors

    config = load_config(name)
    check_writable(output)
    print_note(f"wrote {random_vectors(config, seed, steps).save(output)}")
