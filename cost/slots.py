"""How many external programs run at a time, and how far along they are."""

import threading
from collections.abc import Callable
from types import TracebackType

from zimu.golden.errors import ToolError

Progress = Callable[[int, int], None]
"""Called with the programs that ended and the programs there are."""


class Slots:
    """``with slots:`` around each external program holds back all but ``jobs`` of them.

    Parameters
    ----------
    jobs : programs at a time.
    total : programs there will be.
    progress : told at the start and after each one; called from several threads, never at the same time.
    """

    def __init__(self, jobs: int, total: int = 0, progress: Progress | None = None) -> None:
        self._free = threading.Semaphore(jobs)
        self._lock = threading.Lock()
        self._progress = progress
        self._total = total
        self._done = 0
        self._closed = False
        if progress:
            progress(0, total)

    def close(self) -> None:
        """Let no further program begin."""
        self._closed = True

    def __enter__(self) -> None:
        self._free.acquire()
        if self._closed:
            self._free.release()
            raise ToolError("stopped before it was measured")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._free.release()
        with self._lock:
            self._done += 1
            if self._progress:
                self._progress(self._done, self._total)
