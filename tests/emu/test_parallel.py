"""Parts on threads: each once when all goes well; after an exception none begins and none is still writing."""

import signal
import threading
import time

import pytest

from zimu.emu.parallel import GRAIN, spread


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("items", [1, 2, 7, 100])
def test_parts_cover_all_items_once(threads, items):
    seen: list[int] = []
    spread(lambda first, last: seen.extend(range(first, last)), items, threads * GRAIN, threads)
    assert sorted(seen) == list(range(items))


@pytest.fixture
def interruptible():
    """SIGINT raises KeyboardInterrupt; a shell's background jobs ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_and_an_impatient_second_one_wait_for_the_parts_that_have_begun():
    begun: list[int] = []
    ended: list[int] = []
    release = threading.Event()

    def part(first: int, _: int) -> None:
        begun.append(first)
        release.wait(60)
        time.sleep(0.02)
        ended.append(first)

    def interrupt_twice() -> None:
        while len(begun) < 2:
            time.sleep(0.001)
        for _ in range(2):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            time.sleep(0.02)
        release.set()

    sender = threading.Thread(target=interrupt_twice)
    sender.start()
    with pytest.raises(KeyboardInterrupt):
        spread(part, 100, 2 * GRAIN, 2)
    assert sorted(begun) == sorted(ended)
    assert len(begun) == 2
    sender.join()
    time.sleep(0.05)
    assert len(begun) == 2


def test_a_part_that_fails_ends_the_others_and_says_why():
    both, ended = threading.Barrier(2), []

    def part(first: int, _: int) -> None:
        if first < 25:
            both.wait(60)
        if first == 0:
            raise MemoryError("no room")
        time.sleep(0.02)
        ended.append(first)

    with pytest.raises(MemoryError, match="no room"):
        spread(part, 100, 2 * GRAIN, 2)
    count = len(ended)
    time.sleep(0.05)
    assert len(ended) == count == 1
