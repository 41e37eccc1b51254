"""What cocotb loads inside a simulator: one test that runs a bench on the pins of the Verilog top."""

import importlib
import json
import os
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock

from zimu.sim.pins import CLOCK_PERIOD, CocotbPins
from zimu.sim.simulators import one_more_done


@cocotb.test()  # type: ignore[untyped-decorator]
async def bench(dut: Any) -> None:
    """Run the bench named by the environment and leave its outcome beside its job."""
    folder = Path(os.environ["ZIMU_FOLDER"])
    module = importlib.import_module(os.environ["ZIMU_BENCH"])
    Clock(dut.clk, CLOCK_PERIOD, unit="ns").start()
    job = (folder / "job").read_text(encoding="utf-8")
    outcome = await module.run(CocotbPins(dut), job, lambda: one_more_done(folder))
    (folder / "outcome.json").write_text(json.dumps(outcome), encoding="utf-8")
