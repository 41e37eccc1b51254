"""Two processes hold half of a unit's weights each and agree with one process that holds them all.

``python -m zimu.study.sharded`` runs it over PyTorch's gloo back end on this machine (extra ``bench``).
Each process tells the others the mass of its gradients, one integer; random words and weights are never sent.
"""

import os
import socket
import sys
from typing import Any

import numpy as np

from zimu.emu.shard import Shard
from zimu.emu.unit import ZimUnit
from zimu.golden.errors import MissingToolError
from zimu.golden.programs import how_to_install
from zimu.golden.unit import UnitConfig

CONFIG = UnitConfig(
    name="sharded",
    weight_bits=8,
    gradient_bits=8,
    smoothing_bits=4,
    depth=100_000,
    lanes=8,
    gate_bits=16,
    prng="philox4x32-10",
)
SEED, STEPS = 2026, 5
RUN = {"trials": 50_000, "threshold": 60_000, "smoothing": 1}


def gradients(step: int) -> Any:
    """Made-up gradients of all weights, the same in every process; shape (depth,), int8."""
    return np.random.default_rng(step).integers(-128, 127, CONFIG.depth, endpoint=True).astype(np.int8)


def one_process() -> Any:
    """The weights after all steps of a whole unit."""
    unit, weights = ZimUnit(CONFIG, SEED), np.zeros(CONFIG.depth, np.int8)
    for step in range(STEPS):
        unit.step(weights, gradients(step), **RUN)
    return weights


def worker(rank: int, processes: int, port: int, results: Any) -> None:
    """One of ``processes``: take all steps on its own part of the weights and put them into ``results``."""
    import torch
    from torch import distributed

    os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"] = "127.0.0.1", str(port)
    distributed.init_process_group("gloo", rank=rank, world_size=processes)
    first, last = (CONFIG.depth * i // processes for i in (rank, rank + 1))
    shard, weights = Shard(CONFIG, SEED, first, last), np.zeros(last - first, np.int8)
    for step in range(STEPS):
        own = gradients(step)[first:last]
        masses = [torch.zeros(1, dtype=torch.int64) for _ in range(processes)]
        distributed.all_gather(masses, torch.tensor([shard.mass(own, RUN["smoothing"])]))
        totals = [int(mass) for mass in masses]
        shard.step(weights, own, **RUN, before=sum(totals[:rank]), mass=sum(totals))
    results[first:last] = torch.from_numpy(weights)
    distributed.destroy_process_group()


def many_processes(processes: int) -> Any:
    """The weights after all steps of ``processes`` shards.

    Raises
    ------
    MissingToolError
        PyTorch is not installed.
    """
    try:
        from torch import int8, zeros
        from torch.multiprocessing.spawn import spawn
    except ImportError:
        raise MissingToolError(f"PyTorch is not installed: {how_to_install('torch')}") from None
    results = zeros(CONFIG.depth, dtype=int8).share_memory_()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    spawn(worker, (processes, port, results), nprocs=processes)
    return results.numpy()


if __name__ == "__main__":
    agree = np.array_equal(one_process(), many_processes(2))
    verdict = "the same bits" if agree else "DIFFER"
    print(f"2 processes and 1 process, {STEPS} steps of {CONFIG.depth} weights: {verdict}")
    sys.exit(not agree)
