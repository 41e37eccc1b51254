"""``zimu vectors``: replay frozen vectors, or record new ones."""

from pathlib import Path
from typing import Annotated, Any

import typer

from zimu.commands.common import JsonFlag, Seed, load_zim, notes, out, print_json


def command(
    files: Annotated[list[Path] | None, typer.Argument(help="Vector files; by default the frozen sets.")] = None,
    record: Annotated[str | None, typer.Option(metavar="CONFIG", help="Record a set for this configuration.")] = None,
    steps: Annotated[int, typer.Option(help="Steps to record.")] = 8,
    seed: Seed = 0,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="File of the new set.")] = None,
    json: JsonFlag = False,
) -> None:
    """Replay vector files on the reference and on the emulator, or record a new one."""
    if record is not None:
        if output is None or files:
            raise typer.BadParameter("--record CONFIG needs -o FILE and no other files")
        _record(record, steps, seed, output)
        return
    rows = _replay(files)
    if json:
        print_json(rows)
    else:
        for row in rows:
            out.print(f"{row['set']:28} {row['steps']:4} steps  {row['mismatch'] or 'agrees'}", soft_wrap=True)
    if any(row["mismatch"] for row in rows):
        raise typer.Exit(1)


def _replay(files: list[Path] | None) -> list[dict[str, Any]]:
    from zimu.emu.replay import ListUnit
    from zimu.golden.unit import ReferenceUnit
    from zimu.golden.vectors import VectorSet, frozen_sets

    rows = []
    for path in files or frozen_sets().values():
        vectors = VectorSet.load(path)
        for machine in (ReferenceUnit, ListUnit):
            mismatch = vectors.replay(machine)
            if mismatch:
                break
        rows.append({"set": path.stem, "steps": len(vectors.steps), "mismatch": str(mismatch) if mismatch else None})
    return rows


def _record(name: str, steps: int, seed: int, output: Path) -> None:
    from zimu.sim.stimuli import random_vectors

    random_vectors(load_zim(name), seed, steps).save(output)
    notes.print(f"wrote {output}")
