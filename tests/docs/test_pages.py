"""The pages a reader copies from: Python and shell blocks run, commands exist with the options shown, links lead on."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer
from markdown_it import MarkdownIt

from zimu.cli import app
from zimu.study.bench_subjects import RULES, SAMPLERS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
MARKDOWN = MarkdownIt().enable("table")
PROGRAM = typer.main.get_command(app)
COMMANDS = PROGRAM.commands
OPTIONS = {name for option in PROGRAM.params for name in option.opts}


def blocks(page: Path, language: str) -> list[tuple[int, str]]:
    """The fenced blocks of a language: the line each begins at, and its text."""
    tokens = MARKDOWN.parse(page.read_text(encoding="utf-8"))
    return [(token.map[0] + 1, token.content) for token in tokens if token.type == "fence" and token.info == language]


def spans(page: Path) -> Iterator[str]:
    """The code inside lines of text, a break in it being a space."""
    for token in MARKDOWN.parse(page.read_text(encoding="utf-8")):
        yield from (child.content for child in token.children or () if child.type == "code_inline")


def with_blocks(language: str) -> list[Any]:
    return [pytest.param(page, id=page.name) for page in PAGES if blocks(page, language)]


@pytest.mark.parametrize("page", with_blocks("python"))
def test_python_of_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "page"}
    for line, source in blocks(page, "python"):
        # Blank lines in front, so that a traceback names the line of the page.
        exec(compile("\n" * line + source, str(page), "exec"), names)


@pytest.mark.parametrize("page", with_blocks("sh"))
def test_shell_of_a_page_runs(page, tmp_path):
    environment = os.environ | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    verbs = re.findall(r"^#   \./bootstrap (\w+)", (ROOT / "bootstrap").read_text(encoding="utf-8"), re.MULTILINE)
    for line, source in blocks(page, "sh"):
        if "./bootstrap" in source:  # which ran, or these tests would not
            assert set(re.findall(r"\./bootstrap (\w+)", source)) <= set(verbs)
            continue
        for program in ("riscv64-unknown-elf-gcc", "iverilog"):
            if program in source and shutil.which(program) is None:
                pytest.skip(f"{program} is not installed; `zimu doctor` says how to get it")
        run = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", source], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert run.returncode == 0, f"{page.name}:{line}: {run.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_of_a_page_exist(page):
    for span in spans(page):
        words = re.sub(r"[\[\]]|\.\.\.", "", span).split()
        labels = {*SAMPLERS, *(rule.partition(":")[0] for rule in RULES)}
        if words[:1] != ["zimu"] or len(words) < 2 or words[1].partition(":")[0] in labels:
            continue
        if words[1] in OPTIONS:
            continue
        assert words[1] in COMMANDS, f"{page.name}: {span}"
        try:
            COMMANDS[words[1]].make_context(words[1], words[2:])
        except typer.exceptions.TyperException as error:
            if type(error).__name__ != "MissingParameter":  # a page need not show all that a command needs
                pytest.fail(f"{page.name}: {span}: {error}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_row_is_in_a_table(page):
    """A blank line inside a table, or one missing before it, makes text of its rows."""
    texts = [token.content for token in MARKDOWN.parse(page.read_text(encoding="utf-8")) if token.type == "inline"]
    assert not [line for text in texts for line in text.splitlines() if re.fullmatch(r"\| .* \|", line)]


def test_the_readme_lists_every_command():
    listed = {span.split()[1] for span in spans(ROOT / "README.md") if re.match(r"zimu \w", span)}
    assert listed == set(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_a_page_lead_somewhere(page):
    for token in MARKDOWN.parse(page.read_text(encoding="utf-8")):
        for child in token.children or ():
            target = str(child.attrs.get("href") or child.attrs.get("src") or "")
            if target and "://" not in target:
                path, _, anchor = target.partition("#")
                place = page.parent / path if path else page
                assert place.exists(), f"{page.name}: {target}"
                assert not anchor or anchor in anchors(place), f"{page.name}: {target}"


def anchors(page: Path) -> set[str]:
    """The names of a page's headings, as web views of repositories form them."""
    tokens = MARKDOWN.parse(page.read_text(encoding="utf-8"))
    titles = [after.content for before, after in pairwise(tokens) if before.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
