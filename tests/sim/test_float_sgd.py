"""The float unit in the simulators: streams with and without gaps, resets, every new weight beside the emulator's."""

from dataclasses import replace

import pytest

from zimu.golden.float_sgd import FORMATS
from zimu.sim.float_sgd import random_job, verify_float
from zimu.sim.simulators import SIMULATORS, why_missing


def verify(simulator, name, *, lanes, pipelined, beats, timeout=300):
    if reason := why_missing(simulator):
        pytest.skip(reason)
    job = random_job(FORMATS[name], lanes=lanes, pipelined=pipelined, beats=beats, seed=8)
    outcome = verify_float(job, simulator=simulator, timeout=timeout)
    assert outcome["first"] is None
    assert (outcome["checked"], outcome["mismatches"]) == (beats * lanes, 0)
    return outcome["cycles"]


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_pipelined(simulator):
    verify(simulator, "fp32", lanes=1, pipelined=True, beats=1500)


@pytest.mark.parametrize(("simulator", "name"), [("icarus", "fp32"), ("amaranth", "bf16"), ("amaranth", "fp16")])
def test_combinational(simulator, name):
    verify(simulator, name, lanes=2, pipelined=False, beats=600)


def test_a_wrong_weight_is_found():
    job = random_job(FORMATS["bf16"], lanes=2, pipelined=False, beats=20, seed=9)
    expected = [list(beat) for beat in job.expected]
    expected[7][1] ^= 1
    outcome = verify_float(replace(job, expected=expected), simulator="amaranth", timeout=60)
    assert outcome["mismatches"] == 1
    assert outcome["first"].startswith("beat 7, lane 1: w 0x")


@pytest.mark.nightly
@pytest.mark.parametrize("pipelined", [False, True])
@pytest.mark.parametrize(("simulator", "name"), [("verilator", "fp32"), ("icarus", "fp32"), ("verilator", "bf16")])
def test_campaign(simulator, name, pipelined):
    verify(simulator, name, lanes=4, pipelined=pipelined, beats=52_000, timeout=3000)
