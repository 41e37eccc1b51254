"""Threads of the emulator: kernels release the interpreter's lock, so plain threads do."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from zimu.golden.errors import check_range

MAX_THREADS = 256

GRAIN = 2**16
"""Trials a thread should have at the least: below that, starting it takes longer than the work."""

_SHARES = 4
"""Parts cut for each thread, so that one that is held up does not hold up the others."""


def check_threads(threads: int) -> int:
    """``threads``, if it is a number of threads."""
    return check_range("threads", threads, 1, MAX_THREADS)


def spread(part: Callable[[int, int], None], items: int, work: int, threads: int) -> None:
    """Call ``part(first, last)`` for ranges that cover ``range(items)``, on up to ``threads`` threads.

    ``work`` is the number of trials behind the items; small work stays on the calling thread.
    """
    threads = max(min(threads, items, work // GRAIN), 1)
    if threads == 1:
        part(0, items)
        return
    shares = min(items, threads * _SHARES)
    edges = [items * i // shares for i in range(shares + 1)]
    list(_pool(threads).map(part, edges[:-1], edges[1:]))


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="zimu")


# Threads do not survive a fork: a child starts its own.
os.register_at_fork(after_in_child=_pool.cache_clear)
