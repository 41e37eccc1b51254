"""The manual's pictures as a reader sees them."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
SVG = "{http://www.w3.org/2000/svg}"
SIZES = {None: 14, "small": 11.5}
"""Sizes of letters by class, as the picture's own style sets them."""


@pytest.mark.parametrize("name", ["performance.svg", "crossover.svg"])
def test_no_two_subjects_look_alike(name):
    """The same colour and marker is the same reference with the same stroke."""
    text = (DOCS / name).read_text()
    legend = text[text.index('<g id="legend_1">') :]
    lines = re.findall(r"<g id=\"line2d_.*?(?=<g id=\"text_)", legend, flags=re.DOTALL)
    looks = {(re.search(r"stroke: (#\w{6})", line)[1], re.search(r'href="#(\w+)"', line)[1]) for line in lines}
    assert len(looks) == len(lines) == legend.count('<g id="text_') > 1


def test_no_label_of_the_block_diagram_runs_over_a_box():
    """Measured in DejaVu Sans, the widest of the common typefaces that stand in for Helvetica."""
    pytest.importorskip("matplotlib", reason='matplotlib is missing: pip install "zimu[demo]"')
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    picture = ElementTree.parse(DOCS / "unit.svg").getroot()
    style = picture.find(f".//{SVG}style").text
    assert picture.get("font-size") == str(SIZES[None])
    assert f".small{{font-size:{SIZES['small']}px" in style
    boxes = [
        tuple(float(box.get(name)) for name in ("x", "y", "width", "height"))
        for box in picture.iter(f"{SVG}rect")
        if box.get("class")
    ]
    labels = list(picture.iter(f"{SVG}text"))
    assert boxes
    assert labels
    for label in labels:
        size = SIZES[label.get("class")]
        path = TextPath((0, 0), label.text, size=size, prop=FontProperties("DejaVu Sans"))
        half = path.get_extents().width / 2
        middle, base = float(label.get("x")), float(label.get("y"))
        for x, y, width, height in boxes:
            if y < base < y + height + size:
                inside = x + 4 <= middle - half and middle + half <= x + width - 4
                outside = middle + half < x or x + width < middle - half
                assert inside or outside, label.text


def test_the_picture_of_a_step_is_that_of_the_circuit(tmp_path, monkeypatch):
    pytest.importorskip("wavedrom", reason='wavedrom is missing: pip install "zimu[test]"')
    from zimu.study import waveform

    monkeypatch.setattr("sys.argv", ["waveform", "-o", str(tmp_path / "step.svg")])
    waveform.main()
    assert (tmp_path / "step.svg").read_text() == (DOCS / "step.svg").read_text()


def test_the_picture_of_a_step_tells_every_transfer():
    from zimu.rtl.update import update_core
    from zimu.sim.worker import simulate_component
    from zimu.study.waveform import CONFIG, GRADIENTS, TRIALS, WEIGHTS, diagram, record

    rows = {row["name"]: row for row in diagram(simulate_component(update_core(CONFIG), record))["signal"]}
    assert rows["gradient_request"]["data"] == [str(i) for i in range(CONFIG.depth)]
    assert rows["gradient_beat"]["data"] == list(map(str, GRADIENTS))
    places, before, after = (list(map(int, rows[f"weight_{name}"]["data"])) for name in ("read", "data", "write"))
    assert len(places) == len(before) == len(after) == TRIALS
    weights = list(WEIGHTS)
    for place, old, new in zip(places, before, after, strict=True):
        assert weights[place] == old
        weights[place] = new
        assert new == old - (GRADIENTS[place] > 0) + (GRADIENTS[place] < 0)
    for row in rows.values():
        assert len(row["wave"]) == len(rows["clk"]["wave"])
        assert row["wave"].count("=") == len(row.get("data", []))
