"""Cells that place and route adds, in netlists written by hand."""

from zimu.cost.extras import ends_of_chains, lone_flip_flops

OUTPUTS = ("O", "Q", "COUT")


def module(**cells):
    def cell(kind, pins):
        directions = {pin: "output" if pin in OUTPUTS else "input" for pin in pins}
        return {"type": kind, "connections": {pin: [bit] for pin, bit in pins.items()}, "port_directions": directions}

    return {"cells": {name: cell(kind, pins) for name, (kind, pins) in cells.items()}}


def test_a_flip_flop_is_lone_but_behind_a_table_that_is_its_own():
    netlist = module(
        own=("LUT4", {"A": 2, "O": 3}),
        behind=("DFFE", {"D": 3, "Q": 4}),
        shared=("LUT2", {"A": 4, "O": 5}),
        one=("DFF", {"D": 5, "Q": 6}),
        other=("DFF", {"D": 5, "Q": 7}),
        constant=("DFF", {"D": "1", "Q": 8}),
        adder=("ALU", {"A": 6, "O": 9}),
        summed=("DFF", {"D": 9, "Q": 10}),
    )
    assert lone_flip_flops(netlist, ("LUT[1-4]",), ("DFF*",)) == {"one", "other", "constant", "summed"}
    assert lone_flip_flops(netlist, ("LUT[1-4]", "ALU"), ("DFF*",)) == {"one", "other", "constant"}


def test_a_chain_ends_where_carries_come_in_and_go_elsewhere():
    netlist = module(
        first=("ALU", {"CIN": "0", "COUT": 2}),
        second=("ALU", {"CIN": 2, "COUT": 3}),
        last=("ALU", {"CIN": 3, "COUT": 4}),
        third=("LUT1", {"A": 3, "O": 5}),
        alone=("ALU", {"CIN": 5, "COUT": 6}),
        flag=("LUT1", {"A": 6, "O": 7}),
    )
    assert ends_of_chains(netlist, "ALU", unused=False) == {"first": 1, "second": 1, "last": 0, "alone": 2}
    assert ends_of_chains(netlist, "ALU", unused=True) == {"first": 1, "second": 1, "last": 1, "alone": 2}
