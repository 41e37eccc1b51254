"""What tests of the study share: a short training of every method, results of the real shape, and a browser."""

import io
import shutil
from dataclasses import asdict, dataclass, replace
from typing import Any

import pytest

from zimu.study import methods
from zimu.study.claims import judge
from zimu.study.digits import load
from zimu.study.summary import summarise
from zimu.study.train import train_all


def cost_row(unit, target, metric, value, **fields):
    """A row as results.json holds it."""
    made = {"tool": "yosys + nextpnr-ecp5", "version": "0.70 + 0.11.1", "command": "synth_ecp5 -top top"}
    row = {"unit": unit, "target": target, "metric": metric, "value": value, "uom": "TRELLIS_COMB", "reason": ""}
    is_float = unit.startswith("float_sgd")
    row |= {"rule": "float_sgd", "kind": "FP32 SGD"} if is_float else {"rule": "zim", "kind": "int8 ZIM"}
    row |= {"momentum": False, "depth": 4160, "seeds": 0, "samples": []}
    return row | {"minimum": None, "maximum": None, "trials": None, "failed": value is None} | made | fields


@pytest.fixture(scope="session")
def digits():
    return load()


@pytest.fixture(scope="session")
def summaries(digits):
    """Two epochs, two settings, two seeds."""
    short = [replace(method, grid=method.grid[-3:-1]) for method in methods.METHODS]
    return summarise(short, train_all(short, digits, seeds=2, epochs=2))


@pytest.fixture
def results(summaries):
    """What results.json holds, with verification and cost made up."""
    return {
        "version": "0.0.0",
        "contract_version": 1,
        "command": "zimu demo --seeds 2",
        "passed": True,
        "failures": [],
        "training": {
            "network": "64-64-10 ReLU",
            "depths": [4160, 650],
            "seeds": 2,
            "epochs": 2,
            "batch": 64,
            "start_range": 20,
            "mean_trials": 416,
            "gate_bits": 16,
            "images": {"fit": 1197, "validation": 240, "test": 360},
        },
        "methods": [asdict(summary) for summary in summaries],
        "claims": [judgement.to_dict() for judgement in judge(summaries, seeds=2)],
        "verification": [
            {"layer": 1, "config": "digits_layer1",
                "form": "search", "depth": 4160, "seed": 0, "simulator": "icarus", "steps": 20,
             "checked": 83340, "mismatches": 0, "reason": None},
            {"layer": 2, "config": "digits_layer2", "depth": 650, "seed": 1, "simulator": "icarus",
                "form": "tree", "steps": None,
             "checked": None, "mismatches": None, "reason": "the reason of layer 2"},
        ],
        "cost": [
            cost_row("digits_layer1", "ecp5-25k", "comb", 12345, minimum=12001, maximum=12999),
            cost_row("float_sgd:fp32:comb", "ecp5-25k", "comb", None, reason="the reason of the float unit"),
            cost_row("digits_layer1", "ecp5-25k", "comb_per_wpc", 54321, trials=416),
            cost_row("digits_layer1", "ecp5-25k", "comb_per_wpc", 65432, trials=4160),
            cost_row("float_sgd:fp32:comb", "ecp5-25k", "comb_per_wpc", 3456),
            cost_row("digits_layer1", "generic", "ge", None, reason="nothing has gate equivalents"),
        ],
        "tools": [{"name": "numpy", "version": "1.2.3"}, {"name": "verilator", "version": None}],
    }  # fmt: skip


@dataclass(frozen=True)
class Sight:
    """What a browser shows of a page of some width, everything opened.

    Parameters
    ----------
    width : of the window.
    errors : of the console and of scripts.
    overflow : pixels by which the page is wider than the window.
    scrolled : tables wider than their container.
    pictures : for each its name, its box, how many marks in a colour of data it has, texts that are cut off, and pairs
        of texts that hide each other.
    colours : on the screenshot.
    """

    width: int
    errors: list[str]
    overflow: int
    scrolled: int
    pictures: list[dict[str, Any]]
    colours: int

    def check(self) -> None:
        """Nothing is wider than the window, empty, cut off or hidden."""
        assert self.errors == []
        assert self.overflow <= 0, f"at {self.width} px the page is {self.overflow} px wider than the window"
        assert self.pictures
        for picture in self.pictures:
            assert min(picture["width"], picture["height"]) > 50, picture
            assert picture["marks"] > 0, f"{picture['name']} is empty"
            assert picture["cut"] == [], picture["name"]
            assert picture["hidden"] == [], picture["name"]
        assert self.colours > 20


_LOOK = """() => {
  const box = element => element.getBoundingClientRect();
  const shared = (a, b) => Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left))
    * Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));
  const picture = svg => {
    const all = box(svg), texts = [...svg.querySelectorAll('text')].filter(text => text.textContent.trim());
    const marks = [...svg.querySelectorAll('path, use')].filter(mark =>
      /--(blue|vermilion|green|orange|purple|grey)/.test(mark.getAttribute('style'))
      && box(mark).width + box(mark).height > 0);
    const cut = texts.filter(text => box(text).left < all.left - 1 || box(text).right > all.right + 1
      || box(text).top < all.top - 1 || box(text).bottom > all.bottom + 1);
    const hidden = [];
    texts.forEach((one, place) => texts.slice(place + 1).forEach(other => {
      const [a, b] = [box(one), box(other)];
      if (shared(a, b) > 0.2 * Math.min(a.width * a.height, b.width * b.height))
        hidden.push(one.textContent + ' / ' + other.textContent);
    }));
    return {name: svg.getAttribute('aria-labelledby'), width: all.width, height: all.height, marks: marks.length,
      cut: cut.map(text => text.textContent), hidden};
  };
  const whole = document.documentElement;
  return {
    overflow: Math.max(document.body.scrollWidth, whole.scrollWidth) - whole.clientWidth,
    scrolled: [...document.querySelectorAll('.table')].filter(table => table.scrollWidth > table.clientWidth).length,
    pictures: [...document.querySelectorAll('svg')].map(picture),
  };
}"""


@pytest.fixture
def look_at(tmp_path):
    """Opens a page in Chromium, in a wide and in a narrow window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is missing: ./bootstrap test")
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("there is no Chromium: apt install chromium")
    image = pytest.importorskip("PIL.Image", reason="pillow is missing: ./bootstrap test")

    def look(text: str) -> list[Sight]:
        path = tmp_path / "page.html"
        path.write_text(text, encoding="utf-8")
        sights = []
        with playwright.sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
            for width in (1280, 380):
                errors: list[str] = []
                page = browser.new_page(viewport={"width": width, "height": 900})
                page.on("pageerror", lambda error, errors=errors: errors.append(str(error)))
                page.on("console", lambda said, errors=errors: said.type == "error" and errors.append(said.text))
                page.goto(path.as_uri())
                page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
                seen = page.evaluate(_LOOK)
                shot = image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
                sights.append(Sight(width, errors, **seen, colours=len(shot.getcolors(1 << 24))))
            browser.close()
        return sights

    return look
