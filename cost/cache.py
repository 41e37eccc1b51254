"""What was measured before, found by its content: designs, netlists, and figures, kept in a folder for all who price.

A key is a digest of all that a result depends on, so nothing here is ever out of date, only unused; the folder may be
removed at any time. Several processes may use it at once, on several machines if they share it.
"""

import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from zimu.cost.target import Figure
from zimu.cost.targets import find_metric
from zimu.golden.errors import InputError, MissingToolError
from zimu.golden.files import write_whole
from zimu.golden.programs import how_to_install

VARIABLE = "ZIMU_CACHE"
"""Environment variable that names the folder of the cache."""


def default_folder() -> Path:
    """``$ZIMU_CACHE``, else ``zimu/cost`` where the user's caches are."""
    if folder := os.environ.get(VARIABLE):
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zimu" / "cost"


class Outcome(NamedTuple):
    """What came of a job: figures, or why there are none."""

    figures: list[Figure]
    reason: str = ""


class Cache:
    """A folder of results.

    Parameters
    ----------
    folder : made when something is kept.

    Raises
    ------
    MissingToolError
        pyarrow or filelock is not installed.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        for package in ("pyarrow", "filelock"):
            try:
                metadata.version(package)
            except metadata.PackageNotFoundError:
                raise MissingToolError(f"{package} is not installed: {how_to_install(package)}") from None
        self.folder = Path(folder)

    @contextmanager
    def claim(self, key: str) -> Iterator[None]:
        """Hold a key: whoever else wants it waits, until this process lets go or dies."""
        from filelock import FileLock

        place = self._place("locks", key, "")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(place)
            lock.acquire()
        except OSError as error:
            raise InputError(
                f"{self.folder}: cannot be written: {error.strerror or error}; name another cache"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def text(self, kind: str, key: str) -> str | None:
        """A text of that kind; None if it is not there."""
        try:
            return gzip.decompress(self._place(kind, key, ".gz").read_bytes()).decode()
        except (OSError, EOFError, zlib.error):
            return None

    def keep_text(self, kind: str, key: str, text: str) -> None:
        """Keep a text; `InputError` if there is no room for it."""
        write_whole(self._place(kind, key, ".gz"), gzip.compress(text.encode(), compresslevel=3, mtime=0))

    def outcome(self, key: str, target: str) -> Outcome | None:
        """What a job gave that ran on that target; None if it is not there."""
        import pyarrow as pa
        from pyarrow import parquet

        try:
            # Not by its name: that is taken for a part of a data set's, with columns in it.
            rows = parquet.ParquetFile(self._place("figures", key, ".parquet")).read().to_pylist()
        except (OSError, pa.ArrowInvalid):
            return None
        reason = "".join(row["reason"] for row in rows if not row["metric"])
        named = [row for row in rows if row["metric"]]
        fields = ("value", "reason", "tool", "version", "command")
        figures = [Figure(find_metric(target, row["metric"]), **{name: row[name] for name in fields}) for row in named]
        return Outcome([replace(each, value=_plain(each.value)) for each in figures], reason)

    def keep_outcome(self, key: str, target: str, seed: int | None, outcome: Outcome) -> None:
        """Keep what a job gave: a row for each figure, or one without a metric that says why there is none."""
        import pyarrow as pa
        from pyarrow import parquet

        names = ("value", "reason", *_TOOL)
        rows: list[dict[str, object]] = [
            {"metric": figure.metric.name, "uom": figure.metric.uom} | {name: getattr(figure, name) for name in names}
            for figure in outcome.figures
        ]
        if outcome.reason:
            rows = [dict.fromkeys(("metric", "uom", *_TOOL), "") | {"value": None, "reason": outcome.reason}]
        schema = pa.schema(
            [(name, pa.string()) for name in ("key", "target")]
            + [("seed", pa.int64()), ("metric", pa.string()), ("value", pa.float64())]
            + [(name, pa.string()) for name in ("uom", "reason", *_TOOL)]
        )
        table = pa.Table.from_pylist([{"key": key, "target": target, "seed": seed} | row for row in rows], schema)
        sink = pa.BufferOutputStream()
        parquet.write_table(table, sink)
        write_whole(self._place("figures", key, ".parquet"), sink.getvalue().to_pybytes())

    def _place(self, kind: str, key: str, suffix: str) -> Path:
        return self.folder / kind / key[:2] / f"{key}{suffix}"


_TOOL = ("tool", "version", "command")


def _plain(value: float | None) -> float | None:
    """Counts as integers."""
    return int(value) if value is not None and value.is_integer() else value
