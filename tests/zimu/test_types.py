"""What the type checker sees: every file of the project, and from a user's folder the types of the public names."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import zimu

ROOT = Path(__file__).parents[2]

PLANTED = '\n_planted: int = "text"\n'

USER = """
import zimu

unit = zimu.ZimUnit(zimu.preset("zim8"), seed=1)
unit.threads_used
zimu.ZimUnit(zimu.preset("zim8"), seed="1")
zimu.no_such_name
"""


def folders() -> list[str]:
    """The folders that are installed, as the build knows them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return list(project["tool"]["setuptools"]["package-dir"].values())


def mypy(*arguments: str, folder: Path) -> str:
    command = [sys.executable, "-m", "mypy", "--no-error-summary", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False).stdout


def test_an_error_in_any_file_is_found(tmp_path):
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for folder in folders():
        if "/" not in folder:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / folder, tmp_path / folder, symlinks=True, ignore=ignored)
    files = {path for folder in folders() for path in (tmp_path / folder).glob("*.py")}
    assert {path.relative_to(tmp_path).parts[0] for path in files} >= {"golden", "emu", "rtl", "sim", "cost", "study"}
    for path in files:
        path.write_text(path.read_text(encoding="utf-8") + PLANTED, encoding="utf-8")
    complaints = re.findall(r"^(.+?):\d+: error: Incompatible types in assignment", mypy(folder=tmp_path), re.MULTILINE)
    found = {(tmp_path / name).resolve() for name in complaints}
    assert not files - found


@pytest.mark.parametrize("name", ["zimu.zimu", "zimu.tests"])
def test_folders_that_are_no_parts_cannot_be_imported(name):
    program = f"import importlib, zimu.golden; importlib.import_module({name!r})"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.stderr.splitlines()[-1] == f"ModuleNotFoundError: No module named '{name}'"


def test_a_user_sees_the_public_types(tmp_path):
    (tmp_path / "user.py").write_text(USER, encoding="utf-8")
    reveals = "".join(f"reveal_type(zimu.{name})\n" for name in zimu.__all__)
    (tmp_path / "names.py").write_text(f"import zimu\n{reveals}", encoding="utf-8")
    output = mypy("--strict", "user.py", "names.py", folder=tmp_path)
    assert re.findall(r"user\.py:(\d+): error: (.*)  \[", output) == [
        ("5", '"ZimUnit" has no attribute "threads_used"'),
        ("6", 'Argument "seed" to "ZimUnit" has incompatible type "str"; expected "int"'),
        ("7", 'Module has no attribute "no_such_name"'),
    ]
    types = re.findall(r'names\.py:\d+: note: Revealed type is "(.*)"', output)
    assert len(types) == len(zimu.__all__)
    assert "Any" not in types
