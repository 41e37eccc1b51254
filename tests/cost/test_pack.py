"""What is packed on an ECP5: which registers and LUTs, which must not be, and that the design stays the same."""

import json
import subprocess
import sys
from collections import Counter

import pytest
from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from zimu.cost.absorb import absorb_registers
from zimu.cost.carry import absorb_luts
from zimu.cost.ecp5 import Ecp5
from zimu.cost.netlist import Netlist
from zimu.golden.programs import yosys
from zimu.rtl.netlist import any_on_collision, to_rtlil

CLOCKS = 8


class Read(wiring.Component):
    """A block RAM that is read into a register."""

    def __init__(self, *, width=9, with_reset=False, seen=False, init=0, gated=False):
        self.reset_less, self.seen, self.init, self.gated = not with_reset, seen, init, gated
        self.width = width
        ports = {"write": In(1), "enable": In(1), "place": In(9), "stored": In(width), "other": In(9)}
        super().__init__(ports | {"read": Out(width), "before": Out(width)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(shape=self.width, depth=512, init=[])
        write, read = memory.write_port(), memory.read_port()
        kept = Signal(self.width, reset_less=self.reset_less, init=self.init)
        m.d.comb += [
            write.en.eq(self.write),
            write.addr.eq(self.place),
            write.data.eq(self.stored),
            read.addr.eq(self.other),
            self.read.eq(kept),
            self.before.eq(read.data if self.seen else 0),
        ]
        with m.If(self.enable if self.gated else 1):
            m.d.sync += kept.eq(read.data)
        return m


class Multiply(wiring.Component):
    """A multiplier between registers."""

    def __init__(self, *, one_operand=False, shared=False, other_gate=False, tapped=False):
        self.one_operand, self.shared, self.other_gate, self.tapped = one_operand, shared, other_gate, tapped
        ports = {"enable": In(1), "left": In(8), "right": In(8), "product": Out(16), "seen": Out(16)}
        super().__init__(ports)

    def elaborate(self, platform):
        m = Module()
        left, right = (Signal(8, name=name, reset_less=True) for name in ("l", "r"))
        product = Signal(16, reset_less=True)
        with m.If(self.enable):
            m.d.sync += [left.eq(self.left), product.eq(left * (self.right if self.one_operand else right))]
        with m.If(~self.enable if self.other_gate else self.enable):
            m.d.sync += right.eq(self.right)
        m.d.comb += self.product.eq(product)
        if self.shared:
            m.d.comb += self.seen.eq(left)
        if self.tapped:
            m.d.comb += self.seen.eq(left * right)
        return m


class Sum(wiring.Component):
    """A sum or difference of 8 bits with LUTs in front, in a register behind a carry out."""

    def __init__(self, kind):
        self.kind = kind
        ports = {name: In(8) for name in ("a", "b", "c", "d")} | {"choice": In(1), "sign": In(1), "other": In(1)}
        super().__init__(ports | {"total": Out(9), "seen": Out(8)})

    def elaborate(self, platform):
        m = Module()
        either = Signal(8)
        m.d.comb += either.eq(Mux(self.choice, self.b, self.c))
        signed_a, signed_b = (x ^ bit.replicate(8) for x, bit in ((self.a, self.sign), (self.b, self.other)))
        total = {
            "choice": lambda: self.a + either,
            "choice_taken_away": lambda: self.a - either,
            "signs": lambda: signed_a + signed_b + self.sign,
            "mask": lambda: self.a + (self.b & self.choice.replicate(8)),
            "both_masked": lambda: (self.a & self.sign.replicate(8)) + (self.b & self.choice.replicate(8)),
            "choice_seen": lambda: self.a + either,
            "two_choices": lambda: Mux(self.sign, self.a, self.d) + either,
            "three_terms": lambda: self.a + (self.b ^ self.c ^ self.d),
        }[self.kind]()
        m.d.sync += [self.total.eq(total), self.seen.eq(either if self.kind == "choice_seen" else 0)]
        return m


def synthesised(component, folder) -> dict:
    """Its netlist."""
    design = to_rtlil(component, "top")
    (folder / "top.il").write_text(design)
    yosys(["read_rtlil top.il", *any_on_collision(design), *Ecp5().synthesis], folder=folder)
    return json.loads((folder / "top.json").read_text())


def parts_of(netlist) -> Netlist:
    return Netlist(netlist["modules"]["top"])


def cells(netlist) -> Counter:
    return Counter(cell["type"] for cell in netlist["modules"]["top"]["cells"].values())


def block(netlist, kind) -> dict:
    (found,) = (cell for cell in netlist["modules"]["top"]["cells"].values() if cell["type"] == kind)
    return found


# What a block gives without registers may be anything, as long as it is the same on both sides.
MODELS = f"""
module DP16KD(input CLKA, CLKB, CEA, CEB, OCEA, OCEB, WEA, WEB, RSTA, RSTB, CSA0, CSA1, CSA2, CSB0, CSB1, CSB2,
    {", ".join(f"input {p}{s}{i}" for p in ("AD", "DI") for s in "AB" for i in range(14 if p == "AD" else 18))},
    {", ".join(f"output DO{s}{i}" for s in "AB" for i in range(18))});
    parameter REGMODE_A = "NOREG";
    parameter REGMODE_B = "NOREG";
    parameter DATA_WIDTH_A = 18;
    OTHERS
    wire [13:0] a = {{{", ".join(f"ADA{i}" for i in reversed(range(14)))}}};
    wire [13:0] b = {{{", ".join(f"ADB{i}" for i in reversed(range(14)))}}};
    wire [17:0] d = {{{", ".join(f"DIA{i}" for i in reversed(range(18)))}}};
    reg [17:0] state = 0, read = 0, kept_a = 0, kept_b = 0;
    wire enable_a = DATA_WIDTH_A == 36 ? OCEB : OCEA;
    always @(posedge CLKA) state <= {{state, state[17]}} ^ d ^ {{a, WEA}};
    always @(posedge CLKB) if (CEB) read <= state ^ b;
    always @(posedge CLKB) begin
        if (enable_a) kept_a <= ~read;
        if (OCEB) kept_b <= read;
    end
    assign {{{", ".join(f"DOA{i}" for i in reversed(range(18)))}}} = REGMODE_A == "OUTREG" ? kept_a : ~read;
    assign {{{", ".join(f"DOB{i}" for i in reversed(range(18)))}}} = REGMODE_B == "OUTREG" ? kept_b : read;
endmodule
module MULT18X18D(input CLK0, CE0, CE1, SIGNEDA, SIGNEDB,
    {", ".join(f"input {p}{i}" for p in "ABC" for i in range(18))}, {", ".join(f"output P{i}" for i in range(36))});
    parameter REG_INPUTA_CLK = "NONE";
    parameter REG_INPUTB_CLK = "NONE";
    parameter REG_OUTPUT_CLK = "NONE";
    parameter REG_INPUTA_CE = "";
    parameter REG_INPUTB_CE = "";
    parameter REG_OUTPUT_CE = "";
    wire [17:0] a = {{{", ".join(f"A{i}" for i in reversed(range(18)))}}};
    wire [17:0] b = {{{", ".join(f"B{i}" for i in reversed(range(18)))}}};
    reg [17:0] kept_a = 0, kept_b = 0;
    reg [35:0] kept_p = 0;
    wire [17:0] left = REG_INPUTA_CLK == "CLK0" ? kept_a : a, right = REG_INPUTB_CLK == "CLK0" ? kept_b : b;
    wire [35:0] p = {{left, right}} ^ {{right, left}} >> 5;
    always @(posedge CLK0) begin
        if (CE0) {{kept_a, kept_b}} <= {{a, b}};
        if (CE1) kept_p <= p;
    end
    assign {{{", ".join(f"P{i}" for i in reversed(range(36)))}}} = REG_OUTPUT_CLK == "CLK0" ? kept_p : p;
endmodule
"""


def check_same(before, after, folder) -> None:
    """Prove that two netlists give the same for all inputs of some clocks after power-on."""
    given: set[str] = set()
    for name, netlist in (("before", before), ("after", after)):
        top = netlist["modules"]["top"]
        given |= {name for cell in top["cells"].values() if cell["type"] == "DP16KD" for name in cell["parameters"]}
        (folder / f"{name}.json").write_text(json.dumps({"modules": {name: top | {"attributes": {}}}}))
    others = sorted(given - {"REGMODE_A", "REGMODE_B", "DATA_WIDTH_A"})
    (folder / "models.v").write_text(MODELS.replace("OTHERS", "".join(f"parameter {name} = 0; " for name in others)))
    yosys(
        [
            *("read_verilog models.v", "read_verilog -nooverwrite +/ecp5/cells_sim.v"),
            *("read_json before.json", "read_json after.json"),
            *("miter -equiv -make_assert before after miter", "hierarchy -top miter", "proc", "flatten", "opt miter"),
            f"sat -verify -prove-asserts -set-init-zero -seq {CLOCKS} miter",
        ],
        folder=folder,
        timeout=120,
    )


@pytest.mark.parametrize(("width", "gated"), [(9, False), (9, True), (36, True)])
def test_a_ram_takes_the_register_behind_it(tmp_path, width, gated):
    netlist = synthesised(Read(width=width, gated=gated), tmp_path)
    before = json.loads(json.dumps(netlist))
    absorb_registers(parts_of(netlist))
    assert cells(before) - cells(netlist) == Counter({"TRELLIS_FF": width})
    assert "OUTREG" in {block(netlist, "DP16KD")["parameters"][f"REGMODE_{side}"] for side in "AB"}
    check_same(before, netlist, tmp_path)


@pytest.mark.parametrize("why", [{"with_reset": True}, {"seen": True}, {"init": 1}])
def test_a_ram_leaves_other_registers_where_they_are(tmp_path, why):
    netlist = synthesised(Read(**why), tmp_path)
    before = json.loads(json.dumps(netlist))
    absorb_registers(parts_of(netlist))
    assert netlist == before


@pytest.mark.parametrize(
    ("fields", "absorbed", "registers"),
    [
        ({}, 32, {"INPUTA", "INPUTB", "OUTPUT"}),
        ({"shared": True}, 24, {"INPUTA", "INPUTB", "OUTPUT"}),  # what another needs too stays
        ({"one_operand": True}, 16, {"OUTPUT"}),
        ({"other_gate": True}, 16, {"OUTPUT"}),
        ({"tapped": True}, 16, {"INPUTA", "INPUTB"}),
    ],
)
def test_a_multiplier_takes_the_registers_around_it(tmp_path, fields, absorbed, registers):
    netlist = synthesised(Multiply(**fields), tmp_path)
    before = json.loads(json.dumps(netlist))
    absorb_registers(parts_of(netlist))
    assert cells(before) - cells(netlist) == Counter({"TRELLIS_FF": absorbed})
    parameters = block(netlist, "MULT18X18D")["parameters"]
    assert {name for name in ("INPUTA", "INPUTB", "OUTPUT") if parameters.get(f"REG_{name}_CLK")} == registers
    check_same(before, netlist, tmp_path)


@pytest.mark.parametrize(
    ("kind", "absorbed"),
    [
        ("choice", 8),
        ("choice_taken_away", 0),  # a carry would have to depend on the choice
        ("signs", 16),
        ("mask", 8),
        ("both_masked", 16),
        ("choice_seen", 0),  # its LUTs are needed elsewhere
        ("two_choices", 8),  # both would be six inputs
        ("three_terms", 0),  # a carry would have to depend on all three
    ],
)
def test_a_carry_cell_takes_the_luts_in_front_of_it(tmp_path, kind, absorbed):
    netlist = synthesised(Sum(kind), tmp_path)
    before = json.loads(json.dumps(netlist))
    absorb_luts(parts_of(netlist))
    assert cells(before) - cells(netlist) == Counter({"LUT4": absorbed} if absorbed else {})
    check_same(before, netlist, tmp_path)


def test_the_command_packs_registers_and_luts(tmp_path):
    for component in (Multiply(), Sum("signs")):
        netlist = synthesised(component, tmp_path)
        before = json.loads(json.dumps(netlist))
        absorb_registers(parts_of(netlist))
        absorb_luts(parts_of(netlist))
        assert netlist != before
        subprocess.run([sys.executable, "-m", "zimu.cost.pack", "top.json"], cwd=tmp_path, check=True)
        assert json.loads((tmp_path / "top.json").read_text()) == netlist


def test_figures_are_those_of_what_was_packed(measure):
    figures = measure(Ecp5(seeds=1), Read())
    assert (figures["bram"].value, figures["ff"].value) == (1, 0)
