"""How the emulator's inner loops are compiled: once per installation, with a word to whoever waits for it.

numba tells a stale cache by the kernel's own source file alone. So a kernel calls no kernel of another file;
the parts pass arrays to each other instead.
"""

import sys
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba
import numpy as np
from numba.core import event

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


int64 = cast(Callable[[Any], int], np.int64)
"""Widens a value inside a kernel, where ``int()`` would keep 32 bits. Typed as what it is to Python."""


def kernel(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Compile ``function`` at its first call and keep the machine code for later processes.

    The cache lies beside the source, or where that is read-only in the user's cache folder; and
    ``NUMBA_CACHE_DIR`` moves it. Where nothing can be written the code is compiled anew in each process.
    """
    try:
        compiled = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # numba's word for: no folder for the cache can be written
        compiled = numba.njit(nogil=True)(function)
    return cast(Callable[Arguments, Result], compiled)


class _Notice(event.Listener):  # type: ignore[misc]  # numba is not typed
    """Says once per process that the emulator is being compiled; code read from the cache raises no event."""

    said = False

    def on_start(self, event: Any) -> None:
        module = event.data["dispatcher"].py_func.__module__
        if not self.said and module.startswith("zimu.emu."):
            self.said = True
            print("zimu: compiling the emulator (once per installation)", file=sys.stderr, flush=True)

    def on_end(self, event: Any) -> None:
        pass


event.register("numba:compile", _Notice())
