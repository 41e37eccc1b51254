"""The records of metrics: none without what readers need, and those that follow from others say so."""

import pytest

from zimu.cost.metrics import CLOCK, NARROW, Metric, per_throughput, times_time
from zimu.cost.targets import TARGETS
from zimu.golden.errors import InputError

LUTS = Metric(name="comb", title="Look-up tables", uom="ICESTORM_LC", narrow="ICE\nSTORM_LC")


@pytest.mark.parametrize("field", ["name", "title", "uom"])
@pytest.mark.parametrize("text", ["", " "])
def test_a_metric_without_name_title_or_unit_is_impossible(field, text):
    with pytest.raises(InputError, match=f"^metric .*: {field} is empty"):
        Metric(**{"name": "a", "title": "b", "uom": "c"} | {field: text})
    with pytest.raises(TypeError, match=field):
        Metric(**{name: "a" for name in ("name", "title", "uom") if name != field})


def test_what_follows_from_a_size_is_counted_in_its_unit():
    cells, product = per_throughput(LUTS, "Tables per throughput"), times_time(LUTS, CLOCK, "Tables x time")
    assert (cells.name, cells.uom) == ("comb_per_wpc", "ICESTORM_LC per weight/cycle")
    assert (product.name, product.uom) == ("comb_ns_per_weight", "ICESTORM_LC * ns/weight")
    assert cells.heading == "ICE\nSTORM_LC\nper\nweight\n/cycle"
    assert (cells.per_weight, product.per_weight, LUTS.per_weight) == (True, True, False)


@pytest.mark.parametrize("family", TARGETS)
def test_metrics_of_a_target_have_names_of_their_own_and_narrow_headings(family):
    metrics = TARGETS[family].metrics
    assert len({metric.name for metric in metrics}) == len({metric.title for metric in metrics}) == len(metrics)
    for metric in metrics:
        assert letters(metric.uom) in letters(metric.heading)
        assert max(map(len, metric.heading.split("\n"))) <= NARROW


def letters(text):
    return "".join(filter(str.isalnum, text))


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (18246.25, "18,246"), (5.2419, "5.242"), (0.65204, "0.652"), (12.0, "12"), (None, "—")],
)
def test_values_are_written_for_readers(value, text):
    assert LUTS.text(value) == text
