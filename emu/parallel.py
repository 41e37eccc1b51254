"""Threads of the emulator: kernels release the interpreter's lock, so plain threads do."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from threading import get_ident

from zimu.golden.errors import check_range

MAX_THREADS = 256

GRAIN = 2**16
"""Trials a thread should have at the least: below that, starting it takes longer than the work."""

_SHARES = 4
"""Parts cut for each thread, so that one that is held up does not hold up the others."""

_PATIENCE = 1e-3
"""Seconds between two looks at whether all threads have stopped."""


def check_threads(threads: int) -> int:
    """``threads``, if it is a number of threads."""
    return check_range("threads", threads, 1, MAX_THREADS)


def spread(part: Callable[[int, int], None], items: int, work: int, threads: int) -> None:
    """Call ``part(first, last)`` for ranges that cover ``range(items)``, on up to ``threads`` threads.

    ``work`` is the number of trials behind the items; small work stays on the calling thread. When a part or the
    caller is interrupted, no further part begins, and those begun have ended before the exception leaves: nothing is
    written after it.
    """
    threads = max(min(threads, items, work // GRAIN), 1)
    if threads == 1:
        part(0, items)
        return
    shares = min(items, threads * _SHARES)
    ranges = list(pairwise(items * i // shares for i in range(shares + 1)))
    # All threads take from one iterator; it ends where the list does, also when that is emptied.
    waiting, busy = iter(ranges), set[int]()

    def serve() -> None:
        busy.add(get_ident())
        try:
            for first, last in waiting:
                part(first, last)
        except BaseException:
            ranges.clear()
            raise
        finally:
            busy.remove(get_ident())

    failure: BaseException | None = None
    try:
        for served in [_pool(threads).submit(serve) for _ in range(threads)]:
            served.result()
    except BaseException as error:
        failure = error
        settled = False
        while not settled:
            try:
                ranges.clear()
                while busy:
                    time.sleep(_PATIENCE)
                settled = True
            except BaseException as another:  # an impatient second interrupt
                failure = another
    if failure is not None:
        raise failure


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="zimu")


# Threads do not survive a fork: a child starts its own.
os.register_at_fork(after_in_child=_pool.cache_clear)
