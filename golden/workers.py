"""Who does work: this process, others beside it that end with it however it ends, or a cluster's."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from zimu.golden.errors import InputError, MissingToolError
from zimu.golden.files import leave_no_scratch
from zimu.golden.programs import how_to_install, stop_programs

Submit = Callable[..., "Future[Any]"]
"""Called with a function of a module and its arguments, as `concurrent.futures.Executor.submit`."""


@contextmanager
def workers(count: int, scheduler: str = "") -> Iterator[Submit]:
    """Gives work to a thread of this process if ``count`` is 1, to `worker_processes` if it is more, or to a cluster.

    Parameters
    ----------
    count : how many work at a time; a cluster knows that itself.
    scheduler : the address of a Dask scheduler, such as ``tcp://127.0.0.1:8786``.

    Raises
    ------
    MissingToolError
        Dask is not installed.
    InputError
        there is no scheduler.
    """
    if scheduler:
        with _cluster(scheduler) as submit:
            yield submit
    elif count > 1:
        with worker_processes(count) as submit:
            yield submit
    else:
        pool = ThreadPoolExecutor(1)
        try:
            yield pool.submit
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _cluster(scheduler: str) -> Iterator[Submit]:
    try:
        from distributed import Client
    except ImportError:
        raise MissingToolError(f"distributed is not installed: {how_to_install('distributed')}") from None
    try:
        client = Client(scheduler, timeout=10, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(f"scheduler = {scheduler}: nothing answers there: {error}") from None
    with client:
        executor = client.get_executor(pure=False)
        try:
            yield executor.submit
        finally:
            executor.shutdown(wait=False)


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
    """In a worker: a parent that is killed cannot end its workers, nor do they end the programs they run."""
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=_end).start())
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    _end()


def _end() -> None:
    stop_programs()
    leave_no_scratch(5)  # programs end before the folder they work in goes
    os._exit(1)
