"""NAND2 equivalents of circuits whose gates are known by hand."""

import pytest

from zimu.cost.gates import Generic, memory_bits
from zimu.golden.errors import ToolError


def test_nand_is_the_unit(measure, circuits):
    figures = measure(Generic(), circuits.nand())
    assert {metric: figure.value for metric, figure in figures.items()} == {"ff": 0, "ge": 1, "memory_bits": 0}


def test_register_is_its_flip_flops(measure, circuits):
    figures = measure(Generic(), circuits.register(8))
    assert (figures["ff"].value, figures["ge"].value) == (8, 8 * 5.25)


def test_memory_is_counted_in_bits_and_stays_out_of_the_area(measure, circuits):
    figures = measure(Generic(), circuits.memory(512, 32))
    assert {metric: figure.value for metric, figure in figures.items()} == {"ff": 0, "ge": 0, "memory_bits": 512 * 32}


def test_registers_of_all_kinds_are_mapped_and_counted(measure, circuits):
    # Reset and a free-running path: the flip-flops stay, and gates for the reset come on top.
    figures = measure(Generic(), circuits.chain(1))
    assert figures["ff"].value == 32
    assert figures["ge"].value > 32 * 5.25


def test_area_grows_with_the_circuit(measure, circuits):
    small, large = (measure(Generic(), circuits.multiply(width))["ge"].value for width in (4, 8))
    # An array multiplier grows with the square of its width.
    assert 3 < large / small < 6


def test_same_design_gives_same_figures(measure, circuits):
    assert measure(Generic(), circuits.chain(2)) == measure(Generic(), circuits.chain(2))


def test_figures_name_tool_and_command(measure, circuits):
    ge = measure(Generic(), circuits.nand())["ge"]
    assert ge.tool == "yosys"
    assert ge.version
    assert "abc -script map.abc -liberty generic.lib" in ge.command


def test_time_limit_is_named(measure, circuits):
    with pytest.raises(ToolError, match=r"^yosys did not finish within 0\.01 s and was stopped$"):
        measure(Generic(timeout=0.01), circuits.nand())


def test_memory_bits_reads_binary_parameters():
    cell = '{"type": "$mem_v2", "parameters": {"SIZE": "1000", "WIDTH": "0101"}}'
    netlist = f'{{"modules": {{"top": {{"cells": {{"a": {cell}, "b": {cell}, "c": {{"type": "$dff"}}}}}}}}}}'
    assert memory_bits(netlist) == 2 * 8 * 5
