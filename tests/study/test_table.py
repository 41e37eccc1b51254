"""Tables of a study: what is written comes back, and what differs from an earlier one is named."""

import pytest

from zimu.cost.rows import Row
from zimu.cost.targets import find_metric
from zimu.golden.errors import InputError
from zimu.study.table import COLUMNS, differences, read_csv, records, write_table

parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is missing: ./bootstrap test")


def row(metric, value, target="ecp5-25k", **fields):
    names = {"unit": "zim8", "rule": "zim", "depth": 1024, "tool": "t", "version": "1"}
    return Row(find_metric(target, metric), value, target=target, **names | fields)


@pytest.fixture
def table():
    return records(
        [
            row("comb", 2304, minimum=2304, maximum=2304, seeds=8),
            row("fmax_mhz", 157.5, minimum=150.0, maximum=160.25, seeds=8),
            row("comb_per_wpc", 535.9, trials=32, unit='a, "b"', seeds=8),
            row("area_um2", None, "liberty", reason="no library, really", tool="", version=""),
        ]
    )


def test_columns_and_notes(table):
    assert [tuple(record) for record in table] == [COLUMNS] * 4
    assert [record["note"] for record in table] == ["", "150 to 160.2", "", "no library, really"]
    assert [record["metric"] for record in table] == ["comb", "fmax_mhz", "comb_per_weight_per_cycle", "area_um2"]
    assert [(record["d"], record["n"], record["seeds"]) for record in table][2:] == [(1024, 32, 8), (1024, None, None)]


def test_what_is_written_comes_back(table, tmp_path):
    paths = write_table(tmp_path, "x", table)
    assert [path.name for path in paths] == ["x.parquet", "x.csv"]
    assert parquet.read_table(paths[0]).to_pylist() == table
    assert read_csv(paths[1]) == table
    before = [path.read_bytes() for path in paths]
    assert [path.read_bytes() for path in write_table(tmp_path, "x", table)] == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "the columns must be unit, rule"),
        (",".join(COLUMNS) + "\nu,r,t,x,1,m,1,u,1,t,v,\n", "line 2: inv"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, text, message):
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=f"^{path}: {message}"):
        read_csv(path)


def changed(table, place, **fields):
    return [record | fields if i == place else record for i, record in enumerate(table)]


def test_differences_above_the_level_are_named(table):
    assert differences(table, table) == []
    assert differences(table, changed(table, 0, value=2304 * 1.049)) == []
    (one,) = differences(table, changed(table, 0, value=2600))
    assert one.sentence() == ("zim8, ecp5-25k: comb was 2,304 TRELLIS_COMB and is 2,600 TRELLIS_COMB (+12.8 %).")
    (one,) = differences(changed(table, 2, value=600.0), table)
    assert one.sentence().startswith('a, "b", ecp5-25k, n = 32: comb_per_weight_per_cycle was 600 ')
    assert one.sentence().endswith("(-10.7 %).")


def test_what_is_missing_on_one_side_is_a_difference(table):
    (one,) = differences(table, changed(table, 1, value=None, note="no clock"))
    assert one.sentence() == "zim8, ecp5-25k: fmax_mhz was 157.5 MHz and is missing (no clock)."
    (one,) = differences(table[1:], table)
    assert one.sentence() == "zim8, ecp5-25k: comb was not asked for and is 2,304 TRELLIS_COMB."
    (one,) = differences(table, table[:3])
    assert one.sentence() == "zim8, liberty: area_um2 was missing (no library, really) and is not asked for."
