"""A SoC of LiteX without a processor around a unit, for LiteX's own simulator.

A host reaches its bus through a line of bytes on a TCP port. A DMA engine takes gradients from memory to the unit.
Arguments: the folder of the kit, the unit's name, the folder to write to, the port.
"""

import importlib
import sys

from litex.build.generic_platform import Pins, Subsignal
from litex.build.sim import SimPlatform
from litex.build.sim.config import SimConfig
from litex.gen import LiteXModule
from litex.soc.cores import uart
from litex.soc.cores.dma import WishboneDMAReader
from litex.soc.integration.builder import Builder
from litex.soc.integration.soc import SoCRegion
from litex.soc.integration.soc_core import SoCCore
from litex.soc.interconnect import stream, wishbone
from migen import ClockDomain

CLOCK = 1_000_000
WAYS = ("valid", "ready", "data")
LINE = [Subsignal(f"{end}_{way}", Pins(8 if way == "data" else 1)) for end in ("source", "sink") for way in WAYS]
PADS = [("sys_clk", 0, Pins(1)), ("sys_rst", 0, Pins(1)), ("serial", 0, *LINE)]


class Clocks(LiteXModule):
    def __init__(self, platform):
        self.cd_sys = ClockDomain()
        self.comb += self.cd_sys.clk.eq(platform.request("sys_clk"))
        self.comb += self.cd_sys.rst.eq(platform.request("sys_rst"))


class System(SoCCore):
    def __init__(self, platform, name):
        super().__init__(platform, clk_freq=CLOCK, cpu_type=None, with_uart=False, with_timer=False)
        self.crg = Clocks(platform)
        self.phy = uart.RS232PHYModel(platform.request("serial"))
        # It forgets a request of which no more comes for a tenth of this many clocks; a busy host may be that slow.
        self.bone = uart.UARTBone(self.phy, clk_freq=1000 * CLOCK)
        self.bus.add_master("bone", self.bone.wishbone)

        core = getattr(importlib.import_module(f"{name}_litex"), name.capitalize())
        self.unit = core(platform)
        self.bus.add_slave("unit", self.unit.bus, SoCRegion(origin=0x9000_0000, size=0x100, cached=False))

        self.dma = WishboneDMAReader(wishbone.Interface(), endianness="big", with_csr=True)
        self.bus.add_master("dma", self.dma.bus)
        self.beats = stream.Converter(32, len(self.unit.gradients.data))
        self.comb += [self.dma.source.connect(self.beats.sink), self.beats.source.connect(self.unit.gradients)]


kit, name, output, port = sys.argv[1:]
sys.path.insert(0, kit)
system = System(SimPlatform("SIM", PADS), name)
config = SimConfig()
config.add_clocker("sys_clk", freq_hz=CLOCK)
config.add_module("serial2tcp", "serial", args={"port": int(port)})
builder = Builder(system, output_dir=output, csr_json=f"{output}/csr.json", compile_software=False)
builder.build(sim_config=config, opt_level="O1", run=False)
