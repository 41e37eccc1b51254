"""Parts of a unit: every cell is counted once, to the part it works for."""

import json
import re

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from zimu.cost.ecp5 import Ecp5
from zimu.cost.parts import FRAME, is_random_words, part_of, sizes_of_parts
from zimu.golden.names import named, preset
from zimu.golden.programs import yosys
from zimu.rtl.generators import Generator
from zimu.rtl.netlist import to_rtlil
from zimu.rtl.prng import SeedExpander
from zimu.rtl.sampler import WordPair
from zimu.rtl.update import update_core


class Adder(wiring.Component):
    """A sum in a register."""

    def __init__(self, width):
        self._width = width
        super().__init__({"a": In(width), "b": In(width), "total": Out(width)})

    def elaborate(self, platform):
        m = Module()
        kept = Signal(self._width)
        m.d.sync += kept.eq(self.a + self.b)
        m.d.comb += self.total.eq(~kept)  # a register that is a port itself is called by the wire outside
        return m


class Unit(wiring.Component):
    """Two adders of a kind, another in a part of a wrapper, and a register of its own."""

    def __init__(self):
        super().__init__({"a": In(8), "b": In(8), "c": Out(8), "d": Out(8)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.unit = unit = Module()
        m.submodules.lane0, m.submodules.lane1, unit.submodules.words = parts = Adder(8), Adder(8), Adder(4)
        own = Signal(8)
        m.d.comb += [parts[0].a.eq(self.a), parts[0].b.eq(self.b), parts[1].a.eq(parts[0].total), parts[1].b.eq(self.b)]
        m.d.comb += [parts[2].a.eq(self.a), parts[2].b.eq(parts[1].total), self.c.eq(own)]
        m.d.comb += self.d.eq(parts[2].total ^ self.b)
        m.d.sync += own.eq(parts[1].total | self.a)
        return m


DESIGN = to_rtlil(Unit(), "top")


@pytest.fixture(scope="module")
def netlist(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    (folder / "top.il").write_text(DESIGN)
    yosys(["read_rtlil top.il", *Ecp5().synthesis], folder=folder)
    return json.loads((folder / "top.json").read_text())["modules"]["top"]


def test_parts_add_up_to_the_whole(netlist):
    types = {name: cell["type"] for name, cell in netlist["cells"].items()}
    counts = sizes_of_parts(DESIGN, netlist, {name: kind == "TRELLIS_FF" for name, kind in types.items()})
    assert counts == {"lane": 16, "frame": 8, "words": 4}
    weights = {"LUT4": 1, "CCU2C": 2}
    sizes = {name: weights.get(kind, 0) for name, kind in types.items()}
    cells = sizes_of_parts(DESIGN, netlist, sizes)
    assert sum(cells.values()) == sum(sizes.values())
    assert list(cells.values()) == sorted(cells.values(), reverse=True)
    # A cell of a carry chain is two bits of a sum; the second lane inverts what it has of the first.
    assert cells["lane"] == 8 + 8 + 8
    assert cells["frame"] >= 8


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("total", "frame"),
        ("counters.steps", "frame"),
        ("datapath.busy", "frame"),
        ("datapath.sampler.level", "sampler"),
        ("datapath.sampler.beats.u", "sampler.beats"),
        ("datapath.sampler.beats.queue.held", "sampler.beats"),
        ("unit.lane12.step.kept", "lane.step"),
        ("unit.lane12.kept.field", "lane"),
    ],
)
def test_a_wire_is_in_the_deepest_part_that_is_told_apart(path, part):
    scopes = {"datapath", "datapath.sampler", "datapath.sampler.beats", "datapath.sampler.beats.queue"}
    assert part_of(path, scopes | {"unit", "unit.lane12", "unit.lane12.step"}) == part


SMALL = preset("zim8").replace(depth=64)
UNITS = {
    "tree": SMALL,
    "search": preset("zim8_small").replace(depth=64),
    "pair": SMALL.replace(smoothing_bits=8, gradient_bits=32),
    "split": SMALL.replace(sampler="split", form=None, probe=None, tile=16, tile_streams=2, subtrees=2, prng_lanes=2),
    "float": named("float_sgd:bf16:sr8:lfsr128"),
    "int": named("int_sgd:8:x16"),
}


@pytest.mark.parametrize("name", UNITS)
def test_generators_and_what_serves_them_are_random_words_and_nothing_else(name, monkeypatch):
    for kind in (Generator, SeedExpander, WordPair):
        monkeypatch.setattr(kind, "elaborate", marked(kind.elaborate))
    modules = re.split(r"(?m)^module \\top\.?", to_rtlil(update_core(UNITS[name]), "top"))[1:]
    random = {module.partition("\n")[0]: "\\mark\n" in module for module in modules}
    assert sum(random.values()) >= 2
    for path in random:
        within = any(random.get(path.rsplit(".", up)[0]) for up in range(path.count(".") + 1))
        assert is_random_words(part_of(f"{path}.wire", set(random))) is within, path


def marked(elaborate):
    """The same with a signal of a name that no part has."""

    def build(self, platform):
        m = elaborate(self, platform)
        mark = Signal(name="mark")
        m.d.sync += mark.eq(~mark)
        return m

    return build


@pytest.mark.parametrize("part", ["gate", "draw", "sampler.sums", "lane", "lane.step", FRAME, "wordsmith", "repair"])
def test_what_uses_random_words_is_none(part):
    assert not is_random_words(part)
