"""dieharder's words: which are streamed, how its table is read, and what becomes of a test that fails or hangs."""

import itertools
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from zimu.emu.unit import ZimUnit
from zimu.golden.errors import InputError, MissingToolError
from zimu.golden.generators import GENERATORS
from zimu.golden.names import preset
from zimu.golden.prng import Stream, WordStream
from zimu.golden.unit import UnitConfig
from zimu.study import battery
from zimu.study.battery import ALL, QUICK, Check, check, load, parse, save, sources, tool_version
from zimu.study.battery_report import markdown, summaries

needs_dieharder = pytest.mark.skipif(
    not shutil.which("dieharder"), reason="dieharder is missing: apt-get install dieharder"
)

OUTPUT = """\
#=============================================================================#
#            dieharder version 3.31.1 Copyright 2003 Robert G. Brown          #
#=============================================================================#
   rng_name    |rands/second|   Seed   |
stdin_input_raw|  3.74e+07  |1628158433|
#=============================================================================#
        test_name   |ntup| tsamples |psamples|  p-value |Assessment
#=============================================================================#
        diehard_runs|   0|    100000|     100|0.96386438|  PASSED
        diehard_runs|   0|    100000|     100|0.99800000|   WEAK
          dab_filltree|  32|  15000000|       1|0.00000000|  FAILED
"""

PROGRAM = """\
#!{python}
import sys
if sys.argv[1:] == ["-l"]:
    print("dieharder version 9.8.7")
    sys.exit()
mode = sys.argv[sys.argv.index("-d") + 1]
word = int.from_bytes(sys.stdin.buffer.read(4 * {words})[-4:], sys.byteorder)
if mode == "1":
    sys.exit("no memory error")
if mode == "2":
    import time; time.sleep(1000)
if mode != "3":
    print(f" word_{{word}} | {{mode}}| 10|  5|0.25000000|  {{'FAILED' if mode == '4' else 'PASSED'}}  ")
"""


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """A program in dieharder's place: it names its test after the last of the words it reads."""

    def install(words: int) -> None:
        program = tmp_path / "dieharder"
        program.write_text(PROGRAM.format(python=sys.executable, words=words))
        program.chmod(0o755)
        monkeypatch.setattr("zimu.golden.programs.sysconfig.get_path", lambda name: str(tmp_path))

    return install


def rows_of(subjects, checks, **options):
    *_, last = battery.battery(subjects, checks, **{"seed": 7, "timeout": 60} | options)
    assert last.done == last.total
    return last.rows


def test_dieharders_table_is_read():
    assert parse(OUTPUT) == [
        {
            "name": "diehard_runs",
            "ntuple": 0,
            "tsamples": 100000,
            "psamples": 100,
            "p_value": 0.96386438,
            "assessment": "PASSED",
        },
        {
            "name": "diehard_runs",
            "ntuple": 0,
            "tsamples": 100000,
            "psamples": 100,
            "p_value": 0.998,
            "assessment": "WEAK",
        },
        {
            "name": "dab_filltree",
            "ntuple": 32,
            "tsamples": 15000000,
            "psamples": 1,
            "p_value": 0.0,
            "assessment": "FAILED",
        },
    ]
    assert parse("") == []


def test_checks_are_named_as_on_the_command_line():
    assert check("203:17") == Check(203, 17)
    assert all(check(str(one)) == one for one in ALL)
    assert len(set(ALL)) == len(ALL)
    assert set(QUICK) < set(ALL)
    for text in ("", "x", "2:", "-1", "1,2", "1:2:3", "1000"):
        with pytest.raises(InputError, match=rf"^test '{re.escape(text)}': must be NUMBER or NUMBER:NTUPLE; "):
            check(text)


def test_streams_are_those_that_the_unit_consumes():
    split = UnitConfig(
        name="s",
        weight_bits=8,
        gradient_bits=8,
        smoothing_bits=0,
        depth=256,
        lanes=8,
        gate_bits=8,
        prng="pcg32",
        prng_lanes=4,
        sampler="split",
        tile=16,
        subtrees=2,
    )
    inverse = preset("zim8").replace(prng_lanes=2, prng="trivium")
    for config in (split, inverse):
        unit = ZimUnit(config, 3)
        found = {source.stream.name.lower(): source for source in sources(config)}
        assert set(found) == set(unit.sampler.streams)
        for name, stream in unit.sampler.streams.items():
            source = found[name]
            assert (source.subject, source.prng) == (config.name, config.prng)
            # The first of several streams of one number.
            own = battery.WordStream(source.prng, 3, source.stream, source.lanes).state
            assert own.tolist() == stream.state[: own.size].tolist()
            assert source.lanes == (1 if name == "gate" and config is inverse else config.prng_lanes)


@pytest.mark.parametrize("kind", GENERATORS)
def test_the_program_reads_the_streams_words_from_their_start(fake, kind):
    fake(1000)
    rows = rows_of([kind], [Check(17), Check(200, 5)])
    assert [(row.stream, row.lanes, row.test, row.seed) for row in rows] == [
        ("gate", 1, "17", 7 + 64 * 17),
        ("gate", 1, "200:5", 7 + 64 * 200 + 5),
        ("trials", 8, "17", 7 + 64 * 17),
        ("trials", 8, "200:5", 7 + 64 * 200 + 5),
    ]
    for row in rows:
        words = itertools.chain.from_iterable(WordStream(kind, row.seed, Stream[row.stream.upper()], row.lanes).rows())
        assert row.name == f"word_{next(itertools.islice(words, 999, None))}"


def test_blocks_go_on_where_the_last_one_ended():
    stream = battery.WordStream("lfsr128", 1, 0, 2)
    first, second = itertools.islice(battery.blocks(stream), 2)
    words = np.empty(2 * battery.BLOCK_WORDS, np.uint32)
    battery.WordStream("lfsr128", 1, 0, 2).read(words)
    assert first + second == words.tobytes()


def test_a_test_that_fails_hangs_or_says_nothing_is_a_row_with_the_reason(fake):
    fake(4)
    rows = rows_of(["pcg32"], [Check(n) for n in range(1, 6)], timeout=2)[:5]
    assert [row.assessment for row in rows] == [
        "dieharder failed with exit code 1: no memory error",
        "dieharder did not finish within 2 s and was stopped",
        "it printed no result",
        "FAILED",
        "PASSED",
    ]
    assert [row.p_value for row in rows] == [None, None, None, 0.25, 0.25]
    (summary,) = summaries(rows)
    assert summary[:7] == ("pcg32", "gate", 1, 2, 1, 0, 1)
    assert summary.remarks[1] == "test 2: dieharder did not finish within 2 s and was stopped"
    assert summary.remarks[3].endswith("4 (FAILED, p = 0.25000000)")
    assert markdown(rows, "tool 1", "do it").startswith("tool 1, `do it`:\n\n| generator | stream | lanes | p-values |")
    assert markdown(rows, "tool 1", "do it").count("\n") == 5


def test_known_results_are_not_run_again_but_reasons_are(fake, tmp_path):
    fake(4)
    checks = [Check(3), Check(5), Check(6)]
    rows = rows_of(["pcg32"], checks)
    path = tmp_path / "results.json"
    save(path, "dieharder 9.8.7", rows)
    known = load(path, tool_version())
    assert known == rows
    known = [replace(row, assessment="the power failed") if row.p_value is None else row for row in known]
    fake(8)
    again = rows_of(["pcg32"], checks, known=known)
    assert again == rows
    others = rows_of(["pcg32"], checks, known=known, seed=8)
    assert [row.name for row in others] != [row.name for row in rows]


def test_results_of_another_tool_or_none_at_all_are_refused(tmp_path):
    path = tmp_path / "results.json"
    assert load(path, "dieharder 1") == []
    save(path, "dieharder 1", [])
    with pytest.raises(InputError) as refusal:
        load(path, "dieharder 2")
    assert str(refusal.value) == f"{path}: results of dieharder 1: must be of dieharder 2; name another file"
    for content in ("", "[]", "{}", '{"tool": "dieharder 2", "rows": [{"x": 1}]}'):
        path.write_text(content)
        with pytest.raises(InputError, match=r"results\.json: holds no results of `zimu battery`: name another file$"):
            load(path, "dieharder 2")


def test_what_is_missing_or_unknown_is_named(monkeypatch):
    with pytest.raises(InputError, match=r"^prng = 'mt19937': must be one of 'xoshiro128\+\+', "):
        sources("mt19937")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingToolError, match=r"^dieharder is not installed; `zimu doctor` says how to get it$"):
        rows_of(["pcg32"], QUICK)


def test_the_manual_names_the_quick_choice_and_every_kind():
    manual = " ".join((Path(__file__).parents[2] / "docs" / "generators.md").read_text().split())
    assert f"The quick choice is tests {', '.join(map(str, QUICK))}." in manual
    for kind in GENERATORS:
        for source in sources(kind):
            assert f"| {kind} | {source.stream.name.lower()} | {source.lanes} | 54 | " in manual


@needs_dieharder
def test_dieharder_itself():
    """Seeded, so always the same."""
    assert re.fullmatch(r"dieharder \d+(\.\d+)+", tool_version())
    (row, *_) = rows_of(["xoshiro128++"], [Check(205)])
    assert (row.name, row.assessment, row.tsamples) == ("dab_bytedistrib", "PASSED", 51200000)


@needs_dieharder
def test_dieharder_finds_a_bad_generator_out(monkeypatch):
    monkeypatch.setattr(battery, "blocks", lambda stream: itertools.repeat(bytes(range(256)) * 64))
    (row, *_) = rows_of(["xoshiro128++"], [Check(100)])
    assert (row.name, row.assessment) == ("sts_monobit", "FAILED")
