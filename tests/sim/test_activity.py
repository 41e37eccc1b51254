"""Mapped netlists that run under the benches of their circuits, and what is counted in them."""

import random
from importlib import resources

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from zimu.cost.gates import AREA_SCRIPT, MappedNetlist, keeping_script, map_to_cells, read_netlist
from zimu.cost.liberty import read_cells
from zimu.golden.errors import InputError, ToolError
from zimu.golden.names import named
from zimu.rtl.netlist import to_rtlil
from zimu.rtl.update import update_core
from zimu.sim.activity import run_netlist
from zimu.sim.netlist import NetlistPins
from zimu.sim.stimuli import operands_of


@pytest.fixture
def mapped(tmp_path):
    """Maps a component to the project's own cells."""
    text = resources.files("zimu.cost").joinpath("libraries/generic.lib").read_text(encoding="utf-8")

    def run(component) -> MappedNetlist:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        library = folder / "generic.lib"
        library.write_text(text)
        more = keeping_script([library.name])
        map_to_cells(to_rtlil(component, "top"), folder, [library], read_cells(text), AREA_SCRIPT, 300, more)
        return read_netlist(folder)

    return run


class Counter(wiring.Component):
    value: Out(8)

    def elaborate(self, platform):
        m = Module()
        count = Signal(8)
        m.d.sync += count.eq(count + 1)
        m.d.comb += self.value.eq(count)
        return m


def _clock(pins: NetlistPins, count: int) -> None:
    for _ in range(count):
        with pytest.raises(StopIteration):
            pins.tick().send(None)


def test_bits_of_a_counter_switch_as_often_as_they_must(mapped):
    netlist = mapped(Counter())
    pins = NetlistPins(netlist.module, netlist.functions, seed=3)
    pins.set("rst", 1)
    _clock(pins, 1)
    pins.set("rst", 0)
    _clock(pins, 1)
    pins.count()
    _clock(pins, 512)
    bits = netlist.module["ports"]["value"]["bits"]
    assert [int(pins.toggles[bit]) for bit in bits] == [512 >> place for place in range(8)]
    assert [int(pins.high[bit]) for bit in bits] == [256] * 8
    assert (pins.clocks, pins.get("value")) == (512, 0)


def _steps(config, count: int):
    rng = random.Random(5)
    source = operands_of(config)
    return source.memory(rng), [source.stimulus(rng) for _ in range(count)]


@pytest.mark.parametrize(
    ("name", "depth", "per_weight"),
    [
        ("int_sgd:4", 16, {"gradient_request": 0.5, "weight_read": 0.5, "weight_write": 0.5}),
        ("float_sgd:e4m3:comb:momentum", 12, {"gradient_request": 1, "weight_read": 2, "weight_write": 2}),
    ],
)
def test_netlist_agrees_and_traffic_is_counted_in_bytes(mapped, name, depth, per_weight):
    config = named(name).replace(depth=depth)
    memory, steps = _steps(config, 3)
    netlist = mapped(update_core(config))
    activity = run_netlist(config, netlist.module, netlist.functions, seed=7, memory=memory, steps=steps)
    assert activity.steps == 3
    assert depth * 3 < activity.clocks < depth * 3 + 150
    assert activity.traffic() == {port: size * depth for port, size in per_weight.items()}
    again = run_netlist(config, netlist.module, netlist.functions, seed=7, memory=memory, steps=steps)
    assert (activity.toggles == again.toggles).all()


def test_accesses_of_a_memory_inside_are_counted(mapped):
    config = named("zim8_small").replace(depth=64)
    memory, steps = _steps(config, 4)
    netlist = mapped(update_core(config))
    activity = run_netlist(config, netlist.module, netlist.functions, seed=7, memory=memory, steps=steps)
    (ram,) = activity.rams
    assert (ram.words, ram.writes) == (config.beats, 4 * config.beats)
    # Its read port is always enabled.
    assert ram.reads == activity.clocks
    assert 0 < ram.moves < ram.reads


def test_netlist_with_one_wrong_cell_differs(mapped):
    config = named("int_sgd:4").replace(depth=16)
    memory, steps = _steps(config, 3)
    netlist = mapped(update_core(config))
    cells = netlist.module["cells"]
    wrong = next(cell for cell in cells.values() if cell["type"] == "XOR2")
    wrong["type"] = "XNOR2"
    with pytest.raises(ToolError, match="int_sgd_4, netlist: the circuit differs"):
        run_netlist(config, netlist.module, netlist.functions, seed=7, memory=memory, steps=steps)


def test_no_steps_are_refused(mapped):
    config = named("int_sgd:4").replace(depth=4)
    with pytest.raises(InputError, match=r"^steps is empty"):
        run_netlist(config, {}, {}, seed=0, memory={"weights": [0] * 4}, steps=[])


def _pins(kind: str, connections: dict[str, list]) -> NetlistPins:
    """A netlist of one flip-flop, made of a gate or a flip-flop of that kind of Yosys'."""
    pins = {"D": 2, "C": 3, "R": 4}
    inner = {"type": kind, "connections": {pin: [bit] for pin, bit in pins.items()} | {"Q": [5], "Y": [5]}}
    ports = {pin: {"direction": "input", "bits": [bit]} for pin, bit in pins.items()}
    function = {"cells": {"x": inner}, "ports": ports | {"Q": {"direction": "output", "bits": [5]}}}
    module = {"cells": {"f": {"type": "F", "connections": connections}}, "netnames": {"all": {"bits": [2, 3, 4, 5]}}}
    return NetlistPins(module | {"ports": {}}, {"F": function})


def test_what_cannot_be_simulated_is_refused():
    wires = {"D": [2], "C": [3], "R": [4], "Q": [5]}
    with pytest.raises(ToolError, match="cell f: its asynchronous reset is in use"):
        _pins("$_DFF_PP0_", wires)
    with pytest.raises(ToolError, match="cell f: its asynchronous reset is in use"):
        _pins("$_DFF_PN0_", wires | {"R": ["0"]})
    _pins("$_DFF_PN0_", wires | {"R": ["1"]})
    with pytest.raises(ToolError, match=r"cell F: \$_DLATCH_P_ is no gate and no flip-flop"):
        _pins("$_DLATCH_P_", wires)


def test_loop_through_gates_is_refused():
    gate = {"type": "$_NOT_", "connections": {"A": [2], "Y": [3]}}
    ports = {"A": {"direction": "input", "bits": [2]}, "Y": {"direction": "output", "bits": [3]}}
    cells = {"a": {"type": "INV", "connections": {"A": [2], "Y": [2]}}}
    module = {"cells": cells, "netnames": {"n": {"bits": [2]}}, "ports": {}}
    with pytest.raises(ToolError, match="the netlist has a loop through gates"):
        NetlistPins(module, {"INV": {"cells": {"g": gate}, "ports": ports}})
