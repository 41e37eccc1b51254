"""Processes that work beside this one, and end with it however it ends.

Used by ``study/train.py``.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any


@contextmanager
def worker_processes(count: int) -> Iterator[ProcessPoolExecutor]:
    """``count`` fresh processes; leaving by an exception ends them at once, whatever they have under way.

    They are fresh rather than forked because this process has threads. A script that calls this in its own body needs
    Python's usual ``if __name__ == "__main__":``.
    """
    others = set(multiprocessing.active_children())
    pool = _Workers(count, multiprocessing.get_context("spawn"), initializer=_live_with_parent)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    pool.shutdown()


class _Workers(ProcessPoolExecutor):
    """Ctrl-C is the parent's to answer: workers are born with it blocked, or they would show a traceback each."""

    def submit(self, *args: Any, **kwargs: Any) -> "Future[Any]":
        # Processes are started here, when there is something for them to do.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return super().submit(*args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _live_with_parent() -> None:
    """In a worker: a parent that is killed cannot end its workers."""
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
