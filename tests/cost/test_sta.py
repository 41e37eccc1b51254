"""What OpenSTA is given, and what is read from its reports."""

import pytest

from zimu.cost.sta import cut_netlist, read_path
from zimu.golden.errors import ToolError

DIRECTIONS = {"A": "input", "D": "input", "C": "input", "Y": "output", "Q": "output"}


def cell(kind, **pins):
    connections = {pin: [bit] for pin, bit in pins.items()}
    return {"type": kind, "connections": connections, "port_directions": {pin: DIRECTIONS[pin] for pin in pins}}


TOP = {
    "ports": {
        "clk": {"direction": "input", "bits": [2]},
        "a": {"direction": "input", "bits": [3]},
        "y": {"direction": "output", "bits": [6]},
    },
    "cells": {
        "first": cell("INV", A=3, Y=4),
        "state": cell("FLOP", C=2, D=4, Q=5),
        "last": cell("INV", A=5, Y=6),
        "inner": cell("INV", A=6, Y=7),
        "constant": cell("INV", A="1", Y=8),
        "note": {"type": "$scopeinfo", "connections": {}, "port_directions": {}},
    },
}


def test_what_is_cut_out_becomes_ports():
    assert cut_netlist(TOP, "gates", lambda kind: kind == "FLOP").splitlines() == [
        "module gates (n3, n5, n4, n6);",
        "  input n3;",
        "  input n5;",
        "  output n4;",
        "  output n6;",
        "  wire n7;",
        "  wire n8;",
        "  INV u0 (.A(n3), .Y(n4));",
        "  INV u1 (.A(n5), .Y(n6));",
        "  INV u2 (.A(n6), .Y(n7));",
        "  INV u3 (.A(1'b1), .Y(n8));",
        "endmodule",
    ]


def test_what_stays_is_no_port():
    lines = cut_netlist(TOP, "whole", lambda kind: False).splitlines()
    assert lines[0] == "module whole (n2, n3, n6);"
    assert "  FLOP u1 (.C(n2), .D(n4), .Q(n5));" in lines


def test_path_is_what_a_clock_of_one_ns_lacks():
    assert read_path("  -1.331331   slack (VIOLATED)\n") == 2.331331
    assert read_path("   0.290740   slack (MET)\n") == 0.70926
    assert read_path("No paths found.\n") is None


def test_an_error_is_no_path():
    with pytest.raises(ToolError, match=r"^sta gave no path: Error: top\.v line 3, syntax error$"):
        read_path("Error: top.v line 3, syntax error\n")
