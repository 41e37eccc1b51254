"""``zimu emulate``: one step of the emulator on arrays in files."""

import io
from pathlib import Path
from typing import Annotated, Any

import typer

from zimu.commands.common import JsonFlag, Seed, ZimName, load_zim, out, print_json
from zimu.golden.errors import InputError
from zimu.golden.files import check_writable, write_whole


def command(
    config: ZimName,
    weights: Annotated[Path, typer.Option(help="Weights, .npy, shape (depth,).")],
    gradients: Annotated[Path, typer.Option(help="Gradients, .npy, shape (depth,).")],
    trials: Annotated[int, typer.Option(help="n.")],
    threshold: Annotated[int, typer.Option(help="T in 0..2^gate_bits; the gate opens with probability T/2^gate_bits.")],
    smoothing: Annotated[int, typer.Option(help="c.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Where the new weights go, .npy.")],
    seed: Seed = 0,
    threads: Annotated[int, typer.Option(help="The most threads to use; they change no bit.")] = 1,
    json: JsonFlag = False,
) -> None:
    """Take one step on weights and gradients in .npy files."""
    import numpy as np

    from zimu.emu.unit import ZimUnit

    check_writable(output)
    unit = ZimUnit(load_zim(config), seed, threads)
    updated = _load(weights).copy()
    unit.step(updated, _load(gradients), trials=trials, threshold=threshold, smoothing=smoothing)
    content = io.BytesIO()
    np.save(content, updated)
    counters = unit.counters._asdict()
    if json:
        print_json(counters)
    else:
        for name, value in counters.items():
            out.print(f"{name:18} {value}")
    write_whole(output, content.getvalue())


def _load(path: Path) -> Any:
    import numpy as np

    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: cannot be read as .npy: {str(error).splitlines()[0]}") from None
