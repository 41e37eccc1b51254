"""Processes that work beside this one, and end with it however it ends.

Used by ``study/train.py``.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

Submit = Callable[..., "Future[Any]"]
"""Called with a function of a module and its arguments, as `concurrent.futures.Executor.submit`."""


@contextmanager
def worker_processes(count: int) -> Iterator[Submit]:
    """Gives work to ``count`` fresh processes; leaving by an exception ends them at once, whatever they have under way.

    They are fresh rather than forked because this process has threads. A script that calls this in its own body needs
    Python's usual ``if __name__ == "__main__":``.
    """
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), initializer=_live_with_parent)
    try:
        # Processes are started by a thread, where no signal breaks in: one that is half started shows a traceback.
        with ThreadPoolExecutor(1, initializer=_leave_ctrl_c_to_parent) as starter:
            yield lambda *work: starter.submit(lambda: pool.submit(*work)).result()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    pool.shutdown()


def _leave_ctrl_c_to_parent() -> None:
    """In the thread that starts workers: they are born with Ctrl-C blocked, which is the parent's to answer."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _live_with_parent() -> None:
    """In a worker: a parent that is killed cannot end its workers."""
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
