"""The figures of the report, as SVG text to stand inside an HTML page.

The same data gives the same bytes: no dates, no random identifiers, no addresses. Letters stay text, so the page's own
typeface is used and figures can be searched. Colours are those of Okabe and Ito, told apart by colour-blind readers;
lines differ in dash as well. They stand in the SVG as the names of `THEME`, so that a page can be light or dark. Used
by ``study/report.py``, which passes what it read from results.json, and by ``study/cost_plots.py``.
"""

import io
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from zimu.cost.layout import Chart
from zimu.cost.plot import draw, height
from zimu.golden.errors import MissingToolError
from zimu.golden.programs import how_to_install

BLUE, VERMILION, GREEN, ORANGE, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#B87A00", "#A8508A", "#5A5A5A"
BROWN = "#7A3E1D"
PAPER, AXIS, GRID = "#FFFFFF", "#000000", "#E3E3E3"

THEME = {
    "paper": (PAPER, "#16181B"),
    "axis": (AXIS, "#DCDFE3"),
    "grid": (GRID, "#33373D"),
    "blue": (BLUE, "#56B4E9"),
    "vermilion": (VERMILION, "#FF8B4D"),
    "green": (GREEN, "#2EC49A"),
    "orange": (ORANGE, "#E6AC3C"),
    "purple": (PURPLE, "#DE93BF"),
    "grey": (GREY, "#A4A9B0"),
    "brown": (BROWN, "#C08A66"),
}
"""The names of the colours, and what each is on a light page and on a dark one."""

_NAMES = {light.lower(): name for name, (light, _) in THEME.items()}

RULES = {"zim": BLUE, "float_sgd": VERMILION, "int_sgd": GREEN}
"""The colours of units by their update rule."""

_STYLES = {
    "unit": (BLUE, "-"),
    "unit_momentum": (PURPLE, "-"),
    "unit_smoothed": (GREEN, "--"),
    "unit_gated": (ORANGE, "-."),
    "unit_full": (GREY, ":"),
    "float": (VERMILION, "-"),
    "float_falling": (VERMILION, "--"),
}

_CURVES = ("unit", "unit_momentum", "float", "unit_full")
"""Methods whose curves are drawn: those of the claims and the contrast. More would hide each other."""

_SETTINGS = {
    "font.size": 10,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
    "axes.linewidth": 0.7,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.6,
    "svg.fonttype": "none",
    "svg.hashsalt": "zimu",
}

Results = dict[str, Any]


def figure(name: str, draw: Callable[[Any], None], height: float = 3.1) -> str:
    """Draw on one pair of axes, half a page wide, and return the SVG."""
    try:
        from matplotlib import rc_context, rcdefaults
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingToolError(f"matplotlib is not installed: {how_to_install('matplotlib')}") from None
    with rc_context():
        rcdefaults()  # a matplotlibrc of the user's must not change the report
        with rc_context(_SETTINGS):
            figure = Figure(figsize=(5.2, height), layout="constrained")
            draw(figure.subplots())
            stream = io.StringIO()
            figure.savefig(stream, format="svg")
    return _inline(stream.getvalue(), name)


def _inline(svg: str, name: str) -> str:
    """The <svg> element alone, its identifiers made unique on the page, without name spaces HTML does not need.

    Colours become names of `THEME`, which the page defines.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"(?<=: )#[0-9a-f]{6}\b", lambda colour: f"var(--{_NAMES[colour[0]]})", svg)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg)
    svg = re.sub(r'(?<= id=")|(?<=href="#)|(?<=url\(#)', f"{name}-", svg)
    svg = re.sub(r' (?:width|height)="[\d.]+pt"', "", svg, count=2)
    return svg.replace("<svg ", f'<svg role="img" aria-labelledby="{name}-caption" ', 1).strip()


def _curve(axes: Any, method: Results, curve: str, factor: float) -> None:
    colour, dash = _STYLES[method["key"]]
    points = [(epoch, spread) for epoch, spread in enumerate(method[curve], 1) if spread["mean"] is not None]
    epochs = [epoch for epoch, _ in points]
    mean, low, high = ([spread[field] * factor for _, spread in points] for field in ("mean", "low", "high"))
    axes.fill_between(epochs, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.plot(epochs, mean, dash, color=colour, label=method["label"])


def accuracy(results: Results) -> str:
    """Test accuracy by epoch: mean and range over the seeds."""

    def draw(axes: Any) -> None:
        for method in _chosen(results, _CURVES):
            _curve(axes, method, "test_accuracy_curve", 100)
        axes.set(xlabel="epoch", ylabel="test accuracy (%)", ylim=(80, 100), xlim=(1, None))
        axes.legend(loc="lower right")

    return figure("accuracy", draw)


def loss(results: Results) -> str:
    """Loss on the fitted images by epoch: mean and range over the seeds."""

    def draw(axes: Any) -> None:
        from matplotlib.ticker import LogFormatter

        for method in _chosen(results, _CURVES):
            _curve(axes, method, "fit_loss_curve", 1)
        axes.set(xlabel="epoch", ylabel="training loss (nats per image)", yscale="log", xlim=(1, None))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(LogFormatter())  # powers of ten in a page's own typeface run over the edge
        axes.legend(loc="lower left")  # curves fall

    return figure("loss", draw)


def scale_sweep(results: Results) -> str:
    """Validation error of the unit's methods over the weight scale."""
    methods = [method for method in results["methods"] if method["histograms"]]

    def draw(axes: Any) -> None:
        _sweep(axes, methods)
        settings = [int(point["setting"]) for point in methods[0]["sweep"]]
        axes.set_xticks(settings, [f"1/{2**-setting}" for setting in settings])
        axes.set_xlabel("weight scale (value of one count)")

    return figure("scale", draw)


def rate_sweep(results: Results) -> str:
    """Validation error of the float methods over the learning rate."""
    methods = [method for method in results["methods"] if not method["histograms"]]

    def draw(axes: Any) -> None:
        _sweep(axes, methods)
        settings = [point["setting"] for point in methods[0]["sweep"]]
        axes.set_xscale("log")
        axes.set_xticks(settings, [f"{setting:g}" for setting in settings])
        axes.set_xticks([], minor=True)
        axes.set_xlabel("learning rate")

    return figure("rate", draw)


def _sweep(axes: Any, methods: Iterable[Results]) -> None:
    for method in methods:
        colour, dash = _STYLES[method["key"]]
        settings = [point["setting"] for point in method["sweep"]]
        errors = [100 - 100 * point["validation_accuracy"]["mean"] for point in method["sweep"]]
        axes.plot(settings, errors, dash, color=colour, marker="o", markersize=4, markerfacecolor=PAPER)
        chosen = settings.index(method["setting"])
        # The filled dot marks the choice, and gives the legend its line.
        axes.plot(settings[chosen], errors[chosen], dash, color=colour, marker="o", label=method["label"])
    axes.set(ylabel="validation error (%)", yscale="log", ylim=(2, 250))
    axes.set_yticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"])
    axes.set_yticks([], minor=True)
    axes.legend(loc="upper left")


def weights(results: Results, layer: int) -> str:
    """Final int8 weights of one layer of the headline unit, all seeds together."""
    (method,) = _chosen(results, ("unit",))
    counts = method["histograms"][layer]
    total = sum(counts)

    def draw(axes: Any) -> None:
        edge = results["training"]["start_range"]
        start = 100 / (2 * edge + 1)
        shares = [100 * count / total for count in counts]
        axes.stairs(shares, [value - 0.5 for value in range(-128, 129)], fill=True, color=BLUE, label="after training")
        axes.stairs([start], [-edge - 0.5, edge + 0.5], color=GREY, linewidth=1.2, label="at the start")
        axes.set(xlabel="weight (int8 counts)", ylabel="share of weights (%)", xlim=(-129, 128))
        axes.set_xticks([-128, -64, 0, 64, 127])
        axes.legend(loc="upper left")

    return figure(f"weights{layer + 1}", draw)


CYCLE = ((BLUE, "-"), (VERMILION, "-"), (GREEN, "--"), (ORANGE, "-."), (PURPLE, ":"), (GREY, "--"), (BROWN, "-."))
"""Colours and dashes of lines that are told apart by their order."""


def curves(name: str, label: str, lines: Sequence[tuple[str, Sequence[Sequence[float]]]], **axis: Any) -> str:
    """Lines over epochs, each with its name and the curves of its runs: their mean, and their range as a band.

    Parameters
    ----------
    name : of the figure.
    label : of the upright axis.
    lines : name and curves of each; none of them empty.
    axis : further properties of the axes, as matplotlib's ``Axes.set`` takes them.
    """

    def draw(axes: Any) -> None:
        from matplotlib.ticker import LogFormatter

        for place, (line, runs) in enumerate(lines):
            colour, dash = CYCLE[place % len(CYCLE)]
            epochs = range(1, len(runs[0]) + 1)
            columns = list(zip(*runs, strict=True))
            axes.fill_between(epochs, list(map(min, columns)), list(map(max, columns)), color=colour, alpha=0.15, lw=0)
            mean = [sum(column) / len(column) for column in columns]
            axes.plot(epochs, mean, dash, color=colour, label=line, marker="o" if len(mean) == 1 else "")
        axes.set(xlabel="epoch", ylabel=label, **axis)
        axes.xaxis.get_major_locator().set_params(integer=True)
        if axes.get_yscale() == "log":
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter(LogFormatter())
        axes.legend(loc="best")

    return figure(name, draw)


def cost_bars(name: str, chart: Chart) -> str:
    """A chart of costs, in the colours of `RULES`."""
    return figure(name, lambda axes: draw(axes, chart, lambda row: RULES[row.rule]), height(chart))


def _chosen(results: Results, keys: Iterable[str]) -> list[Results]:
    by_key = {method["key"]: method for method in results["methods"]}
    return [by_key[key] for key in keys]
