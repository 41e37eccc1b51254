"""The table of the presets on the boards: ``python -m zimu.study.boards FOLDER``.

Bitstreams and what was found are kept in the folder: a run that was stopped goes on where it was. It takes an hour.
"""

import argparse
import json
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from zimu.cost.bitstream import build_bitstream
from zimu.golden.errors import ToolError
from zimu.golden.files import write_whole
from zimu.golden.names import PRESETS
from zimu.golden.rule import DEPTH
from zimu.golden.unit import UnitConfig
from zimu.golden.vectors import Stimulus
from zimu.rtl.board import BOARDS
from zimu.sim.count import count_steps

STEPS = 4
"""That the clocks of a step are the mean of."""

CELLS = (
    "TRELLIS_COMB",
    "ICESTORM_LC",
    "LUT4",
    "ALU",
    "TRELLIS_FF",
    "DFF",
    "TRELLIS_RAMW",
    "DP16KD",
    "ICESTORM_RAM",
    "BSRAM",
)
"""Those that are told, by nextpnr's names."""


@cache
def clocks_of_step(config: UnitConfig) -> float:
    """Of a step with n = 0.1 d, gradients of any size."""
    rng = random.Random(1)
    values = {"trials": config.depth // 10, "threshold": config.max_threshold, "smoothing": 0}
    low, high = config.encoding.limits
    steps = [Stimulus([rng.randint(low, high) for _ in range(config.depth)], values) for _ in range(STEPS)]
    return count_steps(config, seed=1, memory={"weights": [0] * config.depth}, steps=steps).clocks_per_step


def found(config: UnitConfig, board: str, folder: Path) -> dict[str, Any]:
    """What `zimu.cost.bitstream.Bitstream` says, or why there is none; kept in ``folder``."""
    kept = folder / f"{config.name}_{board}.json"
    if not kept.exists():
        try:
            made = build_bitstream(config, board, folder)
            result = made._asdict() | {"path": made.path.name}
        except ToolError as error:
            result = {"error": str(error)}
        write_whole(kept, json.dumps(result, indent=2) + "\n")
    result = json.loads(kept.read_text(encoding="utf-8"))
    return dict(result)


def rows(folder: Path) -> Iterator[str]:
    """Of the table."""
    yield "| unit | board | cells | MHz: clock, at most | clocks a step | million weights a second |"
    yield "|---|---|---|---|---|---|"
    for config in PRESETS.values():
        # The gate of steps comes to the same cells within a few; a network's memories fit no board.
        if config.depth != DEPTH or config.gate == "step":
            continue
        clocks = clocks_of_step(config)
        for board in BOARDS:
            result = found(config, board, folder)
            if "error" in result:
                yield f"| `{config.name}` | `{board}` | does not fit | | {clocks:,.0f} | |"
                continue
            cells = ", ".join(f"{result['used'][name]:,} {name}" for name in CELLS if result["used"].get(name))
            speed = f"{result['clock']:.6g}, {result['fmax']:.1f}"
            slow = "" if result["fmax"] >= result["clock"] else " not met"
            rate = config.depth * min(result["clock"], result["fmax"]) / clocks
            yield f"| `{config.name}` | `{board}` | {cells} | {speed}{slow} | {clocks:,.0f} | {rate:.1f} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m zimu.study.boards", description=__doc__)
    parser.add_argument("folder", type=Path, help="for bitstreams and what was found")
    for row in rows(parser.parse_args().folder):
        print(row, flush=True)


if __name__ == "__main__":
    main()
