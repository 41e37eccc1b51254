"""The page of a cost study: right in what it says, self-contained, whole, and the same bytes each time."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from zimu.cost.price import Breakdown, per_weight
from zimu.cost.rows import Row, rows_of
from zimu.cost.target import Figure
from zimu.cost.targets import find_metric, metrics_of
from zimu.cost.units import PricedUnit, Rate
from zimu.study.cost_points import comparisons, size_and_time
from zimu.study.cost_report import html, markdown, trained_at
from zimu.study.costs import CostStudy

pytest.importorskip("matplotlib", reason="matplotlib is missing: ./bootstrap test")

FPGA, GATES, SILICON = "ecp5-25k", "generic", "liberty:x"
DEPTH = 10_000
TRIALS = (10, 100, 1000)

KINDS = {"zim": "int8 ZIM", "int_sgd": "int8 SGD", "float_sgd": "bfloat16 SGD"}


def own_rate(trials):
    """Cycles grow with n."""
    return 1000 / trials


def unit(name, momentum=False, **fields):
    """A unit whose rule is what its name begins with; others than ``zim`` do one weight a cycle."""
    rule = next(rule for rule in KINDS if name.startswith(rule))
    rates = tuple(Rate(own_rate(n), n) for n in TRIALS) if rule == "zim" else (Rate(1.0),)
    made = PricedUnit(name, "", lambda: None, rates, "", rule, KINDS[rule], momentum, DEPTH)
    return replace(made, rate_at=own_rate if rule == "zim" else None, **fields)


def rows_at(one, target, **values):
    """Its rows on a target, from values by metric; a text is why there is none."""
    source = {"tool": "yosys", "version": "0.70", "command": f"synth {target}"}
    figures = [
        Figure(
            find_metric(target, name),
            None if isinstance(value, str) else value,
            value if isinstance(value, str) else "",
        )
        for name, value in values.items()
    ]
    figures = [
        replace(each, **source, samples=(each.value, each.value * 1.05, each.value * 0.9))
        if each.metric.name == "fmax_mhz" and each.value
        else replace(each, **source)
        for each in figures
    ]
    return rows_of(one.fields, target, [*figures, *per_weight(metrics_of(target), figures, one.rates)])


def each_n(one, target, values):
    """Rows of figures per weight: ``values`` by metric, as a function of n, which is 1000 for rivals."""
    figures = [
        Figure(find_metric(target, name), value(rate.trials or 1000), trials=rate.trials)
        for name, value in values.items()
        for rate in one.rates
    ]
    return rows_of(one.fields, target, figures)


@pytest.fixture
def study():
    """By hand: at n the integer unit costs 500 n / 1000 cells; its rivals 50 and 4."""
    units = [
        unit("zim_a"),
        unit("zim_b, lanes = 32, depth = 421642"),
        unit("zim_m", momentum=True),
        unit("float_sgd:bf16"),
        unit("float_sgd:bf16:m", momentum=True),
        unit("float_sgd:fp32", kind="FP32 SGD"),
        unit("int_sgd:8"),
    ]
    cells = (500, 900, 700, 50, 90, 300, 4)
    rows = []
    for one, count in zip(units, cells, strict=True):
        rows += rows_at(one, FPGA, comb=count, fmax_mhz=100.0)
        rows += rows_at(one, GATES, ge=count * 7) + rows_at(one, SILICON, area_um2=count * 60.5, delay_ns=2.0)
        parts = {"datapath": 0.02, "random_words": 0.01, "clock": 0.04, "leakage": 0.0001}
        energies = {f"{part}_pj_per_weight": lambda n, by=by: n * by for part, by in parts.items()}
        total = sum(parts.values())
        rows += each_n(one, SILICON, energies | {"energy_pj_per_weight": lambda n, total=total: n * total})
        traffic = {"gradient": lambda n: 1.0, "weight": lambda n: n / 500, "memory": lambda n: 1 + n / 500}
        rows += each_n(one, "memory", {f"{part}_bytes_per_weight": value for part, value in traffic.items()})
    names = [f"part {place}" for place in range(11)]
    sizes = {name: 100.0 - 9 * place for place, name in enumerate(names)}
    breakdowns = [Breakdown(one.name, FPGA, find_metric(FPGA, "comb"), sizes) for one in units]
    return CostStudy("small", "zimu sweep small", units, rows, breakdowns)


def pick(study, *, targets=(), units=()):
    """The part of a study on these targets, or of these units."""
    rows = [row for row in study.rows if row.target in targets or row.unit in units]
    kept = [one for one in study.units if not units or one.name in units]
    parts = [one for one in study.breakdowns if one.target in targets or one.unit in units]
    return replace(study, units=kept, rows=rows, breakdowns=parts)


class Outline(HTMLParser):
    """Attributes and identifiers of a page; checks that elements nest."""

    def __init__(self, page):
        super().__init__()
        self.open, self.ids, self.attributes = [], [], []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        if tag != "meta":
            self.open.append(tag)
        self.handle_startendtag(tag, attributes)

    def handle_startendtag(self, tag, attributes):
        self.attributes += attributes
        self.ids += [value for name, value in attributes if name == "id"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def words(page):
    """The text of a page outside of its pictures."""
    text = re.sub(r"<svg .*?</svg>|<style>.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL)
    return " ".join(text.replace("&nbsp;", " ").replace("\N{NO-BREAK SPACE}", " ").split())


def test_the_verdict_stands_first_and_is_right(study):
    """At n = 10 the unit costs 5 cells a weight and cycle of 10 ns: a tenth of bfloat16's, more than int8 SGD's."""
    top = words(html(study).partition("<h2>")[0])
    view = top.partition("Each sentence")[0]
    assert (
        "TRELLIS_COMB * ns/weight: int8 ZIM is cheaper than bfloat16 SGD (float_sgd:bf16, 500) up to n = 0.01 d, "
        "and dearer above; cheaper by a factor of 10 at n = 0.001 d (zim_a, 50)."
    ) in view
    assert (
        "int8 ZIM is cheaper than int8 SGD (int_sgd:8, 40) up to n = 0.0008 d, and dearer above; dearer by a factor of "
        "1.25 at n = 0.001 d (zim_a, 50)."
    ) in view
    assert view.count("per weight/cycle: ") + view.count("/weight: ") == 10
    assert "Against FP32 SGD, int8 ZIM wins" in top
    assert all(
        one in markdown(study) for one in ("(float_sgd:bf16, 500) up to n = 0.01 d", "zimu sweep small", "No wires")
    )


def test_a_unit_that_never_wins_is_told_so(study):
    dear = replace(study, rows=[row for row in study.rows if row.unit not in ("zim_a", "zim_m")])
    dear = pick(dear, targets=(FPGA,), units=())
    rows = [row for row in dear.rows if row.unit != "int_sgd:8"] + rows_at(
        study.units[-1], FPGA, comb=0.1, fmax_mhz=9.0
    )
    told = words(html(replace(dear, rows=rows)).partition("<h2>")[0])
    assert "int8 ZIM is dearer than int8 SGD (int_sgd:8, 0.1) at any n up to 4 d; dearer by a factor of 90 at" in told


def test_kinds_side_by_side(study):
    clock, _, throughput, _ = comparisons(study.rows, FPGA)
    assert (clock.title, throughput.title) == ("At equal clock", "At equal throughput")
    assert clock.shares == ["0.001\N{NO-BREAK SPACE}d", "0.01\N{NO-BREAK SPACE}d", "0.1\N{NO-BREAK SPACE}d"]
    assert clock.best == [("zim_a", "5"), ("zim_a", "50"), ("zim_a", "500")]
    factors = {one.kind: one.factors for one in clock.rivals}
    assert list(factors) == ["int8 SGD", "bfloat16 SGD", "FP32 SGD"]
    assert factors["bfloat16 SGD"] == [10, 1, 0.1]
    # 100 MHz: 10 ns a weight of a rival.
    assert [one.text for one in throughput.rivals] == ["40", "500", "3,000"]


def test_the_front_has_what_nothing_beats(study):
    front = size_and_time(study.rows, FPGA)
    assert [(one.row.unit, one.row.trials) for one in front.front(False)] == [("zim_a", 10), ("int_sgd:8", None)]
    assert [one.row.unit for one in front.front(True)] == ["zim_m", "float_sgd:bf16:m"]
    assert [one.number for one in front.points if one.number] == [1, 2, 3, 4]


def test_target_clocks_are_on_one_front_with_what_has_none(study):
    """Twice the speed for a tenth more area is on it, so is a rival of less area and four times the delay."""
    own, rival = study.units[0], study.units[3]
    rows = [
        *rows_at(own, SILICON, area_um2=1000.0, delay_ns=2.0),
        *rows_at(own, f"{SILICON}@1ns", area_um2=1100.0, delay_ns=1.0),
        *rows_at(own, f"{SILICON}@9ns", area_um2=1000.0, delay_ns=2.0),
        *rows_at(rival, f"{SILICON}@9ns", area_um2=900.0, delay_ns=8.0),
    ]
    front = size_and_time(rows, SILICON)
    assert [(one.row.target, one.row.trials) for one in front.front(False)] == [
        (f"{SILICON}@1ns", 10),
        (SILICON, 10),
        (f"{SILICON}@9ns", None),
    ]
    assert len(front.points) == 3 * 2 + 1
    clocked = replace(study, rows=rows)
    page = html(clocked)
    assert ("front1" in page, "front2" in page) == (True, False)
    assert f"<td>{SILICON}@1ns</td>" in page


def test_trainings_have_the_n_of_their_schedules():
    assert list(trained_at().values()) == pytest.approx([0.015, 0.1], rel=0.01)


def test_the_page_is_whole_and_nothing_is_loaded_from_elsewhere(study):
    page = html(study)
    outline = Outline(page)
    assert "http" not in page
    assert "@import" not in page
    names = {name for name, _ in outline.attributes}
    assert not names & {"src", "srcset", "data", "action", "poster", "background"}
    assert len(outline.ids) == len(set(outline.ids))
    wanted = set(re.findall(r'(?:href="#|url\(#)([^")]*)', page))
    wanted |= {value for name, value in outline.attributes if name == "aria-labelledby"}
    assert wanted <= set(outline.ids)
    used = set(re.findall(r"var\((--[a-z]+)\)", page))
    assert used <= set(re.findall(r"(--[a-z]+):", page))
    assert re.findall(r"#[0-9a-f]{6}", "".join(re.findall(r"<svg .*?</svg>", page, flags=re.DOTALL))) == []
    # Break-even and fronts on three targets and the front of energy, energy, traffic, parts, seeds.
    assert page.count("<svg ") == 3 + 4 + 4


def test_every_figure_has_its_source(study):
    page = html(study)
    for target in (FPGA, GATES, SILICON):
        assert f"yosys 0.70: <code>synth {target}</code>" in page
    assert "<pre>zimu sweep small</pre>" in page


@pytest.mark.parametrize(
    "keep", [{"targets": (FPGA,)}, {"targets": (GATES,)}, {"units": ("zim_a",)}, {"units": ("int_sgd:8",)}]
)
def test_sections_without_figures_are_left_out(study, keep):
    part = pick(study, **keep)
    page = html(part)
    Outline(page)
    assert ("Energy and memory" in page) == ("units" in keep)
    assert ("Nothing can be compared" in page) == ("units" in keep) == ("Nothing can be compared" in markdown(part))
    assert ("At equal clock, and" in page) == ("targets" in keep)
    assert "Method and limits" in page


def test_what_is_missing_everywhere_has_its_reason(study):
    gone = [replace(row, value=None, reason="the <b>reason</b>", samples=()) for row in study.rows]
    page = html(replace(study, rows=gone, breakdowns=[]))
    Outline(page)
    assert "<svg" not in page
    assert "the &lt;b&gt;reason&lt;/b&gt;" in page
    assert html(replace(study, units=[], rows=[], breakdowns=[])).count("<svg") == 0


def test_units_that_a_picture_has_no_room_for_are_named(study):
    names = [f"int_sgd:{place}" for place in range(20)]
    metric = find_metric(FPGA, "comb")
    more = [Breakdown(name, FPGA, metric, {"all": 1.0}) for name in names]
    rows = [replace(row, unit=name) for name in names for row in study.rows if row.unit == "int_sgd:8"]
    page = html(replace(study, rows=[*study.rows, *rows], breakdowns=[*study.breakdowns, *more]))
    assert "Combinational cells by part, ecp5-25k. No room for 15 of 27 units." in page
    (left,) = re.findall(r"<th>Left out</th>.*?</table>", page, flags=re.DOTALL)
    assert left.count("<td>int_sgd:") == 15


def test_same_study_same_bytes_whatever_hash_seed_and_user_style(study, tmp_path):
    (tmp_path / "matplotlibrc").write_text("font.size: 33\n")
    rows = [row.to_dict() for row in study.rows]
    code = (
        "import json, sys; from zimu.cost.rows import Row; from zimu.study.costs import CostStudy; "
        "from zimu.study.cost_report import html; rows = [Row.from_dict(row) for row in json.load(sys.stdin)]; "
        "sys.stdout.write(html(CostStudy('small', 'zimu sweep small', [], rows, [])))"
    )
    again = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(rows).encode(),
        env={**os.environ, "PYTHONHASHSEED": "4711", "PYTHONIOENCODING": "utf-8", "TZ": "Asia/Tokyo"},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        timeout=300,
        check=True,
    )
    back = [Row.from_dict(row) for row in rows]
    assert back == study.rows
    assert again.stdout.decode() == html(CostStudy("small", "zimu sweep small", [], back, []))
    assert html(study) == html(study)


def test_a_browser_shows_all_of_it(study, look_at):
    wide, narrow = look_at(html(study))
    for sight in (wide, narrow):
        sight.check()
    assert narrow.scrolled > 0
