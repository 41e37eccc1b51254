"""The page: self-contained, whole, well-formed, and the same bytes each time."""

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from zimu.cost.rows import Row
from zimu.cost.verdict import verdict
from zimu.study.numbers import number, percent, points
from zimu.study.report import render

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Outline(HTMLParser):
    """Collects what a browser would have to fetch or resolve, and checks that elements nest."""

    def __init__(self, page):
        super().__init__()
        self.open, self.ids, self.attributes, self.text = [], [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        if tag not in VOID:
            self.open.append(tag)
        self._note(attributes)

    def handle_startendtag(self, tag, attributes):
        self._note(attributes)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def _note(self, attributes):
        self.attributes += attributes
        self.ids += [value for name, value in attributes if name == "id"]


@pytest.fixture
def page(results):
    return render(results)


def test_nothing_is_loaded_from_elsewhere(page):
    assert "http" not in page
    assert "@import" not in page
    outline = Outline(page)
    names = {name for name, _ in outline.attributes}
    assert not names & {"src", "srcset", "data", "action", "poster", "background"}
    links = [value for name, value in outline.attributes if name.endswith("href")]
    assert links
    assert all(link.startswith("#") for link in links)
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", page))


def test_page_is_well_formed_and_every_reference_resolves(page):
    outline = Outline(page)
    assert outline.open == []
    assert len(outline.ids) == len(set(outline.ids))
    wanted = set(re.findall(r'(?:href="#|url\(#)([^")]*)', page))
    wanted |= {value for name, value in outline.attributes if name == "aria-labelledby"}
    assert wanted <= set(outline.ids)


def test_every_figure_is_there(page):
    assert page.count("<svg ") == 6 + 2
    for name in ("accuracy", "loss", "scale", "rate", "weights1", "weights2", "cost1", "cost2"):
        assert f'aria-labelledby="{name}-caption"' in page


def test_every_number_is_shown(page, results):
    text = " ".join(" ".join(Outline(page).text).split())
    for method in results["methods"]:
        assert method["label"] in text
        assert method["description"] in text
        for field in ("mean", "deviation", "low", "high"):
            assert percent(method["test_accuracy"][field]) in text
        for layer in method["counters"]:
            assert all(number(value) in text for value in layer.values())
    assert "83,340" in text
    assert "12,345 12,001 to 12,999" in text
    assert all(number(row["value"]) in text for row in results["cost"])
    assert "1.2.3" in text
    assert results["command"].replace("zimu demo", "./bootstrap demo") in text


def test_what_was_not_measured_is_a_dash_with_its_reason(page, results):
    for row in [*results["cost"], *results["verification"]]:
        if row["reason"]:
            assert row["reason"] in page
    assert "yosys + nextpnr-ecp5 0.70 + 0.11.1: <code>synth_ecp5 -top top</code>" in page
    (bar,) = re.findall(r"<svg [^>]*cost1-caption.*?</svg>", page, flags=re.DOTALL)
    assert ">\N{EM DASH}</text>" in bar
    assert ">12,345</text>" in bar


def test_the_verdict_on_cost_stands_at_the_top_and_comes_from_the_rows(page, results):
    top = page[: page.index("<h2>")]
    for words in (
        *verdict([Row.from_dict(row) for row in results["cost"]]).lead,
        "At n = 416 int8 ZIM (digits_layer1, 54,321) loses to FP32 SGD",
        "FP32 SGD (float_sgd:fp32:comb, 3,456) by a factor of 15.7",
    ):
        assert words in top
    assert "int8 SGD (" not in top
    other = {"unit": "int_sgd:8", "rule": "int_sgd", "kind": "int8 SGD"}
    results["cost"].append(results["cost"][4] | other | {"value": 200_000})
    top = render(results).partition("<h2>")[0]
    assert "beats int8 SGD (int_sgd:8, 200,000) by a factor of 3.68" in top
    results["cost"][-1]["value"] = 6789
    assert "loses to int8 SGD (int_sgd:8, 6,789) by a factor of 9.64" in render(results).partition("<h2>")[0]
    results["cost"] = []
    assert "<b>Cost.</b>" not in render(results)


def test_figures_take_the_colours_of_a_light_and_of_a_dark_page(page):
    """Dark is for screens alone, so that print stays light."""
    figures = "".join(re.findall(r"<svg .*?</svg>", page, flags=re.DOTALL))
    assert re.findall(r"#[0-9a-fA-F]{3,6}\b(?=[\";])", figures) == []
    style = page[page.index("<style>") : page.index("</style>")]
    light, dark = re.findall(r":root \{(.*?)\}", style, flags=re.DOTALL)
    assert style.index("@media screen and (prefers-color-scheme: dark)") < style.index(dark)
    used = set(re.findall(r"var\((--[a-z]+)\)", page))
    assert {"--paper", "--ink", "--blue", "--vermilion", "--green"} <= used
    for scheme in (light, dark):
        assert used <= set(re.findall(r"(--[a-z]+):", scheme))
    assert set(re.findall(r"#[0-9a-fA-F]{3,6}\b", light + dark)) == set(re.findall(r"#[0-9a-fA-F]{3,6}\b", style))


def test_every_table_scrolls_by_itself_and_shows_that_it_does(page):
    tables = page.count("<table>")
    assert tables == 4 + 3
    assert len(re.findall(r'<div class="table" tabindex="0" role="region" aria-label="[^"]+"><table>', page)) == tables
    (rule,) = re.findall(r"^\.table \{(.*?)\}", page, flags=re.DOTALL | re.MULTILINE)
    assert "overflow-x: auto" in rule
    assert (rule.count("local"), rule.count("scroll")) == (2, 2)


def test_text_from_outside_is_escaped(results):
    results["failures"] = ["<script>alert(1)</script>"]
    assert "<script>" not in render(results)


def test_a_failure_shows(results):
    assert 'class="verdict failed"' not in render(results)
    results["passed"] = False
    results["verification"][0]["mismatches"] = 1
    results["failures"] = ["the layer 1 replay differs"]
    page = render(results)
    assert 'class="verdict failed"' in page
    assert '<span class="bad">1 mismatch</span>' in page
    assert "the layer 1 replay differs" in page


def test_same_results_same_bytes_whatever_hash_seed_and_user_style(page, results, tmp_path):
    (tmp_path / "matplotlibrc").write_text("font.size: 33\naxes.edgecolor: red\n")
    code = "import json, sys; from zimu.study.report import render; sys.stdout.write(render(json.load(sys.stdin)))"
    again = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(results).encode(),
        env={**os.environ, "PYTHONHASHSEED": "4711", "PYTHONIOENCODING": "utf-8", "TZ": "Asia/Tokyo"},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        timeout=120,
        check=True,
    )
    assert again.stdout.decode() == page


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "\N{EM DASH}"),
        (0, "0"),
        (1234567, "1,234,567"),
        (91.34, "91.3"),
        (0.03456, "0.0346"),
        (1234.56, "1,235"),
        (234.56, "234.6"),
    ],
)
def test_numbers(value, shown):
    assert number(value) == shown


def test_shares():
    assert percent(0.97) == "97.00"
    assert percent(None) == "\N{EM DASH}"
    assert points(-0.0039) == "\N{MINUS SIGN}0.39"
    assert points(0.0039) == "+0.39"


def test_a_browser_shows_all_of_it(page, look_at):
    for sight in look_at(page):
        sight.check()
