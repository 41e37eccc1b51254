"""A unit as a core of LiteX, in LiteX's own simulator."""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from zimu.emu.unit import ZimUnit
from zimu.golden.programs import run
from zimu.golden.registers import Control, Register, Status
from zimu.golden.unit import UnitConfig
from zimu.sim.device import Device
from zimu.sim.kit import write_kit
from zimu.sim.simulators import SIMULATORS, why_missing

pytest.importorskip("litex", reason="litex is missing: pip install litex")
pytest.importorskip("pythondata_misc_tapcfg", reason="missing: pip install pythondata-misc-tapcfg")

CONFIG = UnitConfig(name="cored", weight_bits=9, gradient_bits=8, smoothing_bits=4, depth=24, lanes=8, gate_bits=12)
HEADERS = {"json-c/json.h": "libjson-c-dev", "event2/event.h": "libevent-dev", "zlib.h": "zlib1g-dev"}
MISSING = [package for header, package in HEADERS.items() if not Path("/usr/include", header).exists()]


def write_system(folder, port):
    """LiteX's files of a SoC with the unit; where its simulation is built, and what is at which address."""
    write_kit(CONFIG, folder / "kit", bus="wishbone")
    script = Path(__file__).with_name("litex_soc.py")
    run([sys.executable, script, folder / "kit", CONFIG.name, folder / "made", str(port)], folder=folder, timeout=120)
    return folder / "made" / "gateware", json.loads((folder / "made" / "csr.json").read_text())


def test_litex_builds_a_soc_whose_verilog_fits_the_unit(tmp_path):
    if reason := why_missing("icarus"):
        pytest.skip(reason)
    gateware, places = write_system(tmp_path, 1)
    assert places["memories"]["unit"] == {"base": 0x90000000, "size": 0x100, "type": "io"}
    command = ["iverilog", "-g2012", "-Wall", "-Wno-timescale", "-s", "sim", "-o", "sim", "sim.v"]
    output = run([*command, tmp_path / "kit" / "cored.v"], folder=gateware, timeout=60)
    assert not [line for line in output.splitlines() if "cored" in line or "port" in line], output


class Bus:
    """The SoC's bus, as `zimu.sim.transport.Transport`."""

    def __init__(self, line, base):
        self._line, self._base = line, base

    def read(self, address, count):
        return [self._line.read(self._base + address) for _ in range(count)]

    def write(self, address, words):
        for word in words:
            self._line.write(self._base + address, word % 2**32)


def connect(port, simulation):
    """LiteX's host side of the line, as soon as the simulation listens."""
    from litex.tools.remote.comm_uart import CommUART
    from serial import SerialException

    for _ in range(600):
        assert simulation.poll() is None
        try:
            return CommUART(f"socket://localhost:{port}")
        except SerialException:
            time.sleep(0.1)
    pytest.fail("the simulation does not listen")


def until(condition):
    for _ in range(10_000):
        if condition():
            return
    pytest.fail("it does not come")


@pytest.mark.nightly
@pytest.mark.skipif(bool(MISSING), reason=f"LiteX's simulator needs headers: install {' '.join(MISSING)}")
def test_a_unit_in_litex_does_what_the_emulator_does(tmp_path):
    if reason := why_missing("verilator"):
        pytest.skip(reason)
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    gateware, places = write_system(tmp_path, port)
    run(["bash", "build_sim.sh"], folder=gateware, timeout=900, environment=SIMULATORS["verilator"]())
    base = places["memories"]["unit"]["base"]
    memory = places["memories"]["sram"]["base"]
    controls = {name: each["addr"] for name, each in places["csr_registers"].items()}
    rng = np.random.default_rng(5)
    weights = rng.integers(-256, 256, CONFIG.depth).astype(np.int16)
    gradients = rng.integers(-128, 128, (2, CONFIG.depth)).astype(np.int8)
    values = {"trials": 30, "threshold": CONFIG.max_threshold, "smoothing": 1}
    with subprocess.Popen([gateware / "obj_dir" / "Vsim"], cwd=gateware, stdout=subprocess.DEVNULL) as simulation:
        try:
            line = connect(port, simulation)
            bus = Bus(line, base)
            device = Device(CONFIG, bus)
            device.load({"weights": weights.tolist()})
            device.seed(9)
            device.step(gradients[0].tolist(), **values)
            # The gradients of the second come through the stream.
            for place, word in enumerate(gradients[1].view("<u4").tolist()):
                line.write(memory + 4 * place, word)
            line.write(controls["dma_base"] + 4, memory)
            line.write(controls["dma_length"], CONFIG.depth)
            line.write(controls["dma_enable"], 1)
            until(lambda: line.read(base + Register.STATUS) >> Status.LOADED & 1)
            assert line.read(controls["unit_ev_status"]) == 0
            bus.write(Register.CONTROL, [1 << Control.START])
            until(lambda: line.read(controls["unit_ev_status"]))
            counters, found = device.counters(), device.read()["weights"]
            # There is no such register, which the unit says; what nobody answers reads as all ones in the end.
            assert bus.read(max(Register) + 4, 1) == [0]
        finally:
            simulation.kill()
    unit = ZimUnit(CONFIG, seed=9)
    for each in gradients:
        unit.step(weights, each, **values)
    assert found == weights.tolist()
    assert counters == unit.counters
