"""Rows of a study as a table that outlives it: Parquet to read, CSV to look at, and two of them compared.

Columns: unit, rule, target, d, n, metric, value, uom, seeds, tool, version, note. A median's note is the spread over
seeds; where a value is empty, the note says why. Sizes over weights per cycle are called in full, as
``comb_per_weight_per_cycle``; what a part of a unit takes is the metric and the part, as ``comb/sampler.beats``.
"""

import csv
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zimu.cost.price import Breakdown
from zimu.cost.rows import Row
from zimu.cost.verdict import LEVEL
from zimu.golden.errors import InputError
from zimu.golden.files import write_whole
from zimu.golden.rule import read_text

COLUMNS = ("unit", "rule", "target", "d", "n", "metric", "value", "uom", "seeds", "tool", "version", "note")

_KEY = ("unit", "target", "d", "n", "metric")

Record = dict[str, Any]


def records(rows: Sequence[Row], breakdowns: Sequence[Breakdown] = ()) -> list[Record]:
    """Rows, and what parts take, as records with these columns; None where there is nothing."""
    whole = {(row.unit, row.target, row.metric): row for row in rows}
    parts = [
        _record(whole[one.unit, one.target, one.metric])
        | {"metric": f"{one.metric.name}/{part}", "value": value, "seeds": None, "note": "of the netlist"}
        for one in breakdowns
        for part, value in one.parts.items()
    ]
    return [*map(_record, rows), *parts]


def _record(row: Row) -> Record:
    spread = ""
    if row.minimum is not None and row.minimum != row.maximum:
        spread = f"{row.metric.text(row.minimum)} to {row.metric.text(row.maximum)}"
    values = (
        *(row.unit, row.rule, row.target, row.depth, row.trials),
        row.metric.name.replace("_per_wpc", "_per_weight_per_cycle"),
        *(row.value, row.metric.uom, row.seeds or None, row.tool, row.version, row.reason or spread),
    )
    return dict(zip(COLUMNS, values, strict=True))


def write_table(folder: str | os.PathLike[str], name: str, table: Sequence[Record]) -> list[Path]:
    """Write ``name.parquet`` and ``name.csv``; the same records give the same bytes. `InputError` if that fails."""
    return [
        write_whole(Path(folder) / f"{name}.parquet", _parquet(table)),
        write_whole(Path(folder) / f"{name}.csv", _csv(table)),
    ]


def _parquet(table: Sequence[Record]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    kinds = {"d": pa.int64(), "n": pa.int64(), "seeds": pa.int64(), "value": pa.float64()}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_pylist(list(table), schema), sink)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _csv(table: Sequence[Record]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: "" if value is None else value for name, value in record.items()} for record in table)
    return stream.getvalue()


def read_csv(path: str | os.PathLike[str]) -> list[Record]:
    """The records of a CSV file with these columns; `InputError` if it has others or a number is none."""
    reader = csv.DictReader(io.StringIO(read_text(path)))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise InputError(f"{path}: the columns must be {', '.join(COLUMNS)}")
    kinds = {"d": int, "n": int, "seeds": int, "value": float}
    try:
        return [
            {name: (kinds.get(name, str)(text) if text or name not in kinds else None) for name, text in line.items()}
            for line in reader
        ]
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: line {reader.line_num}: {error}") from None


@dataclass(frozen=True)
class Difference:
    """A figure that is not what it was.

    Parameters
    ----------
    key : unit, target, d, n and metric.
    before, after : the records; None where there is none.
    """

    key: tuple[Any, ...]
    before: Record | None
    after: Record | None

    def sentence(self) -> str:
        """The same for a reader."""
        unit, target, _, trials, metric = self.key
        where = f"{unit}, {target}" + (f", n = {trials:,}" if trials is not None else "")
        texts = [_told(record) for record in (self.before, self.after)]
        old, new = (record and record["value"] for record in (self.before, self.after))
        change = f" ({100 * (new / old - 1):+.1f} %)" if old and new else ""
        return f"{where}: {metric} was {texts[0]} and is {texts[1]}{change}."


def _told(record: Mapping[str, Any] | None) -> str:
    if record is None:
        return "not asked for"
    return f"missing ({record['note']})" if record["value"] is None else f"{record['value']:,.5g} {record['uom']}"


def differences(before: Sequence[Record], after: Sequence[Record], level: float = LEVEL) -> list[Difference]:
    """Figures that differ by more than ``level`` of the smaller one, or are in one table alone, as ``after`` has them.

    Less is the mappers' and the placer's luck.
    """
    old, new = ({tuple(record[name] for name in _KEY): record for record in table} for table in (before, after))
    keys = [*new, *(key for key in old if key not in new)]
    return [
        Difference(key, old.get(key), new.get(key)) for key in keys if not _level(old.get(key), new.get(key), level)
    ]


def _level(before: Record | None, after: Record | None, level: float) -> bool:
    if before is None or after is None:
        return False
    old, new = before["value"], after["value"]
    if old is None or new is None:
        return bool(old is new)
    return bool(max(old, new) <= min(old, new) * (1 + level))
