"""Who does work: the same results from a thread, from processes and from a cluster, and an end to all of them."""

import os
import subprocess
import sys

import pytest

from zimu.golden.errors import InputError, MissingToolError
from zimu.golden.workers import workers


def test_one_worker_is_a_thread_of_this_process_and_more_are_others():
    with workers(1) as submit:
        assert submit(os.getpid).result() == os.getpid()
    with workers(2) as submit:
        assert submit(os.getpid).result() != os.getpid()


@pytest.mark.timeout(120)
def test_a_cluster_works_for_whoever_has_its_address():
    distributed = pytest.importorskip("distributed", reason="Dask is missing: ./bootstrap test")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        with workers(1, cluster.scheduler_address) as submit:
            # Two that are at work at the same time. A cluster knows functions of the project and of Python's library.
            parent = [sys.executable, "-c", "import os, time; time.sleep(1); print(os.getppid())"]
            found = {future.result() for future in [submit(subprocess.check_output, parent) for _ in range(2)]}
            assert len(found) == 2
            assert str(os.getpid()).encode() not in found
            with pytest.raises(ZeroDivisionError):
                submit(divmod, 1, 0).result()


def test_a_scheduler_that_is_not_there_is_named():
    pytest.importorskip("distributed", reason="Dask is missing: ./bootstrap test")
    with pytest.raises(InputError, match=r"^scheduler = nowhere: ") as found, workers(1, "nowhere"):
        pass
    assert not isinstance(found.value, MissingToolError)


def test_without_dask_the_message_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingToolError, match=r"^distributed is not installed: .*install"), workers(1, "tcp://x"):
        pass
