"""The contract stands alone: it imports no other part of the project and no compiler."""

import subprocess
import sys

PROGRAM = """
import pkgutil, sys
import zimu, zimu.golden
for module in pkgutil.iter_modules(zimu.golden.__path__, "zimu.golden."):
    __import__(module.name)
print(*sorted(name for name in sys.modules if name.split(".")[0] in ("numba", "numpy", "amaranth", "torch")))
print(*sorted(name for name in sys.modules if name.startswith("zimu.") and not name.startswith("zimu.golden")))
"""


def test_golden_imports_only_golden_and_no_compiler():
    run = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True, timeout=60)
    assert run.stdout.split("\n") == ["", "", ""]
