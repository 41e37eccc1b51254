"""The tables on a terminal: whole at every width, with units of measure, throughput and reasons."""

import re
from dataclasses import replace

import pytest
from rich.console import Console

from zimu.cost.layout import ANY
from zimu.cost.price import per_weight
from zimu.cost.rows import Row, rows_of
from zimu.cost.table import tables
from zimu.cost.target import Figure
from zimu.cost.targets import find_metric, metrics_of
from zimu.cost.units import Rate
from zimu.golden.names import examples

WIDTHS = (80, 100, 120, 200)
RATES = {"zim8": (Rate(5.31, 32), Rate(0.912, 1024)), **{name: (Rate(1.0),) for name in examples()}}


def priced(unit: str) -> list[Row]:
    """Rows as `zimu.cost.price.price` gives them; the figures are those of no unit, as wide as the widest."""
    fpga = {"comb": 12_345, "ff": 2_345, "dsp": 18, "bram": 11, "fmax_mhz": 138.94}
    fpga |= {"ramw": 1_234} if unit == "zim8" else {}
    gates = {"ge": 18_613.25, "ff": 2_345, "memory_bits": 57_344}
    silicon = {"area_um2": 135_085.4, "delay_ns": 14.004}
    every = {"ecp5-25k": fpga, "generic": gates, "liberty:sg13g2_stdcell_typ_1p20V_25C": gates | silicon}
    rows = []
    for target, values in every.items():
        spread = {"fmax_mhz": (132.21, 141.34)}
        figures = [
            Figure(find_metric(target, name), value, "", *spread.get(name, (None, None)))
            for name, value in values.items()
        ]
        rows += rows_of({"unit": unit}, target, [*figures, *per_weight(metrics_of(target), figures, RATES[unit])])
    return rows


def shown(rows: list[Row], width: int) -> str:
    console = Console(width=width)
    with console.capture() as capture:
        console.print(tables(rows))
    return capture.get()


def cells(text: str) -> list[str]:
    """Lines with their columns one space apart."""
    return [" ".join(line.split()) for line in text.splitlines()]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("count", [1, 2, 4, 5, 21])
def test_nothing_is_cut_at_any_width(width, count):
    rows = [row for unit in list(RATES)[:count] for row in priced(unit)]
    text = shown(rows, width)
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    assert max(map(len, text.splitlines())) <= width
    for row in rows:
        assert re.search(rf"(?<![\d.,]){re.escape(row.metric.text(row.value))}(?![\d.,])", text), row
        assert f"{row.unit} " in text


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("count", [2, 21])
def test_every_metric_has_a_column_and_its_unit_of_measure(width, count):
    """Headings are broken over lines and words, so letters alone are compared."""
    rows = [row for unit in list(RATES)[:count] for row in priced(unit)]
    heads = [part for part in shown(rows, width).split("\n\n") if "unit" in part]
    assert len(heads) == 6
    tops = [head[: head.index("─")] for head in heads]
    for top, derived in zip(tops, (False, True) * 3, strict=True):
        target = top.splitlines()[0].removesuffix(", per weight").strip()
        for row in rows:
            if row.target == target and row.metric.per_weight == derived:
                assert all(word in top for word in row.metric.heading.split("\n"))


def letters(text: str) -> str:
    return re.sub(r"\W|_", "", text)


def test_lines_of_one_unit_at_two_n_differ_in_throughput():
    for rows in ([*priced("zim8")], [row for unit in RATES for row in priced(unit)]):
        for width in WIDTHS:
            lines = [line for line in cells(shown(rows, width)) if line.startswith("zim8 ")]
            assert len(lines) == len(set(lines)) == 3 + 3 * 2
            assert sum(line.startswith("zim8 32 5.31 ") for line in lines) == 3
            assert sum(line.startswith("zim8 1,024 0.912 ") for line in lines) == 3


def test_a_line_has_the_figures_of_its_unit_and_reasons_stand_below(row):
    t = "ecp5-25k"
    rows = [
        row(t, "comb", 1234, unit="a"),
        row(t, "comb", 1235, unit="b"),
        row(t, "fmax_mhz", 50.125, minimum=49.0, maximum=51.5, unit="a"),
        row(t, "fmax_mhz", None, "no clock", unit="b"),
        row(t, "weights_per_cycle", 0.5, trials=16, unit="a"),
        row(t, "weights_per_cycle", 0.25, trials=1024, unit="a"),
        row(t, "weights_per_cycle", 1.0, unit="b"),
        row(t, "comb_per_wpc", 2468, trials=16, unit="a"),
        row(t, "comb_per_wpc", 4936, trials=1024, unit="a"),
        row(t, "ns_per_weight", 79.8, trials=1024, unit="a"),
        row(t, "ns_per_weight", None, "no clock", unit="b"),
        row("liberty", "area_um2", None, "no library", unit="a"),
    ]
    lines = cells(shown(rows, 80))
    for line in (
        "a 1,234 50.12 (49 to 51.5)",
        "b 1,235 —¹",
        "a 16 0.5 2,468",
        "a 1,024 0.25 79.8 4,936",
        f"b {ANY} 1 —¹",
        "a —²",
    ):
        assert line in lines
    assert lines[-2:] == ["¹ no clock", "² no library"]


def test_the_spread_gives_way_before_a_figure_does():
    every = [row for unit in RATES for row in priced(unit)]
    wide, narrow = shown(every, 120), shown(every, 80)
    assert "138.9 (132.2 to 141.3)" in wide
    assert "Medians" not in wide
    assert "138.9 (132.2" not in narrow
    assert "Medians of the seeds; where their spread has no room here, --json has it." in narrow
    assert "138.9 (132.2 to 141.3)" in shown(priced("zim8"), 80)


def test_a_long_name_is_folded_not_cut():
    name = "a_unit_with_a_name_that_is_as_long_as_a_line_of_the_terminal_is_wide_and_longer"
    rows = [replace(row, unit=name) for row in priced("zim8")]
    text = shown(rows, 80)
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    assert "12,345" in text
    firsts = re.findall(r"^([a-z_]+)(?: .*)?$", text, flags=re.MULTILINE)
    assert name in "".join(firsts)
