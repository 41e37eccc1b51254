"""Compiling: said once, kept for later processes, and never stale."""

import importlib
import os
import pkgutil
import subprocess
import sys

import numba

import zimu.emu

FIRST_STEP = """
import numpy as np
from zimu.emu.unit import ZimUnit
from zimu.golden.presets import preset
unit = ZimUnit(preset("zim8"), 1)
weights = np.zeros(1024, np.int8)
print(unit.step(weights, np.ones(1024, np.int8), trials=9, threshold=65536, smoothing=1))
"""
NOTICE = "zimu: compiling the emulator (once per installation)\n"


def first_step(cache) -> tuple[str, str]:
    run = subprocess.run(
        [sys.executable, "-c", FIRST_STEP],
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache)},
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return run.stdout, run.stderr


def test_compiling_is_said_once_and_only_when_it_happens(tmp_path):
    cold, warm = first_step(tmp_path), first_step(tmp_path)
    assert cold[1] == NOTICE
    assert warm[1] == ""
    assert cold[0] == warm[0]
    assert cold[0].startswith("StepResult(open_trials=9, ")


def test_no_kernel_calls_one_of_another_file():
    """A changed source file is noticed only for the kernels in it: a call across files could run stale code."""
    kernels = 0
    for module in pkgutil.iter_modules(zimu.emu.__path__, "zimu.emu."):
        for value in list(vars(importlib.import_module(module.name)).values()):
            if not isinstance(value, numba.core.dispatcher.Dispatcher):
                continue
            kernels += 1
            function = value.py_func
            for name in function.__code__.co_names:
                called = function.__globals__.get(name)
                if isinstance(called, numba.core.dispatcher.Dispatcher):
                    assert called.py_func.__module__ == function.__module__
    assert kernels >= 6
