"""The process in which a simulator runs: ``python -m zimu.sim.worker SIMULATOR BENCH [waves] [optimize]``.

Its working folder holds ``job`` and, for a Verilog simulator, ``dut.v``; it leaves ``outcome.json`` there.
"""

import importlib
import json
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from amaranth.hdl import ClockDomain, Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.sim import Simulator

from zimu.sim.pins import AmaranthPins
from zimu.sim.simulators import TOP, WAIVERS, one_more_done


def run_cocotb(simulator: str, bench: str, waves: bool, optimize: bool) -> None:
    """Build the Verilog and run `zimu.sim.cocotb_test` in the simulator."""
    from cocotb_tools.runner import get_runner

    runner = get_runner(simulator)
    timescale = ("1ns", "1ps")  # the Verilog has none, and Icarus then refuses a clock of nanoseconds
    arguments, settings = [], []
    if simulator == "verilator":
        # Memories begin with anything: what depends on that differs. A later Verilator may have more to say.
        arguments, settings = [str(WAIVERS), "-Wno-fatal", "--x-initial", "unique"], ["+verilator+rand+reset+2"]
        if not optimize:  # one file as it stands compiles in a fifth of the time
            os.environ["MAKEFLAGS"] += " VM_PARALLEL_BUILDS=0 OPT_FAST=-O0"
    runner.build(
        sources=[f"{TOP}.v"], hdl_toplevel=TOP, timescale=timescale, waves=waves, build_args=arguments, always=True
    )
    runner.test(
        test_module="zimu.sim.cocotb_test",
        hdl_toplevel=TOP,
        timescale=timescale,
        waves=waves,
        plusargs=settings,
        extra_env={"ZIMU_BENCH": bench, "ZIMU_FOLDER": str(Path.cwd())},
    )


def run_amaranth(bench: str, waves: bool) -> None:
    """Run the bench in Amaranth's own simulator."""
    module = importlib.import_module(bench)
    job = Path("job").read_text(encoding="utf-8")
    outcome = simulate_component(
        module.build(job),
        lambda pins: module.run(pins, job, lambda: one_more_done(Path())),
        "waves.vcd" if waves else None,
    )
    Path("outcome.json").write_text(json.dumps(outcome), encoding="utf-8")


def simulate_component(
    component: wiring.Component, bench: Callable[[AmaranthPins], Awaitable[Any]], waveform: str | None = None
) -> Any:
    """Let ``bench`` drive the pins of a component in Amaranth's simulator, in this process; returns what it returns."""
    m, reset = Module(), Signal()
    m.domains.sync = ClockDomain()
    m.d.comb += ResetSignal().eq(reset)
    m.submodules.dut = component
    seen = []

    async def testbench(context: Any) -> None:
        seen.append(await bench(AmaranthPins(context, component, reset)))

    simulator = Simulator(m)
    simulator.add_clock(1e-8)
    simulator.add_testbench(testbench)
    with simulator.write_vcd(waveform) if waveform else nullcontext():
        simulator.run()
    return seen[0]


def main() -> None:
    """Entry point of the process."""
    simulator, bench, *options = sys.argv[1:]
    if simulator == "amaranth":
        run_amaranth(bench, "waves" in options)
    else:
        run_cocotb(simulator, bench, "waves" in options, "optimize" in options)


if __name__ == "__main__":
    main()
