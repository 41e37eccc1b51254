"""The example with two processes over gloo."""

import numpy as np
import pytest

from zimu.study import sharded


def test_two_processes_agree_with_one():
    pytest.importorskip("torch", reason="PyTorch is not installed: .venv/bin/pip install torch")
    weights = sharded.one_process()
    assert np.count_nonzero(weights) > 10_000
    assert sharded.many_processes(2).tolist() == weights.tolist()
