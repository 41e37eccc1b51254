"""What Yosys gets to read (rtl/netlist.py)."""

import json

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from zimu.golden.programs import yosys
from zimu.rtl.netlist import any_on_collision, to_rtlil


class Store(wiring.Component):
    """A memory that one or two ports write and one reads, at a clock or at once."""

    def __init__(self, writers, domain):
        self._writers, self._domain = writers, domain
        super().__init__({"place": In(9), "stored": In(9), "other": In(9), "read": Out(9)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(shape=9, depth=512, init=[])
        read = memory.read_port(domain=self._domain)
        m.d.comb += [read.addr.eq(self.other), self.read.eq(read.data)]
        for _ in range(self._writers):
            write = memory.write_port()
            m.d.comb += [write.en.eq(1), write.addr.eq(self.place), write.data.eq(self.stored)]
        return m


def collisions(writers, domain, folder) -> str:
    """For which write ports the memory's read port may answer anything."""
    design = to_rtlil(Store(writers, domain), "top")
    (folder / "top.il").write_text(design)
    yosys(["read_rtlil top.il", *any_on_collision(design), "write_json top.json"], folder=folder)
    cells = json.loads((folder / "top.json").read_text())["modules"]
    (mask,) = (
        cell["parameters"]["COLLISION_X_MASK"]
        for module in cells.values()
        for cell in module["cells"].values()
        if cell["type"] == "$memrd_v2"
    )
    return mask


@pytest.mark.parametrize("writers", [1, 2])
def test_a_read_that_meets_a_write_may_give_anything(writers, tmp_path):
    assert collisions(writers, "sync", tmp_path) == "1" * writers


def test_a_read_without_a_clock_gives_what_is_held(tmp_path):
    assert collisions(1, "comb", tmp_path) == "0"
