"""A step is taken whole or the unit says that it is torn; a saved state goes on with the same bits, or is refused."""

import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import zimu.emu
from zimu.emu.batch import Batch
from zimu.emu.float_sgd import FloatSGD
from zimu.emu.int_sgd import IntSGD
from zimu.emu.sampler import InverseSampler
from zimu.emu.shard import Shard
from zimu.emu.split import SplitSampler
from zimu.emu.states import checksum
from zimu.emu.unit import ZimUnit
from zimu.golden.errors import InputError
from zimu.golden.float_sgd import FloatSGDConfig
from zimu.golden.int_sgd import IntSGDConfig
from zimu.golden.rule import RuleConfig
from zimu.golden.unit import UnitConfig

SEED = 3

ZIM = UnitConfig(
    name="unit", weight_bits=8, gradient_bits=8, smoothing_bits=2, depth=300, lanes=8, gate_bits=8, prng_lanes=4
)
SPLIT = {"sampler": "split", "tile": 64, "subtrees": 4, "tile_streams": 4}
LARGE = SplitSampler.SMALL + 1
"""A depth beyond those whose steps are one kernel call with the sampler ``split``."""
ROUNDS = 40
"""Interrupts of a running unit."""
BUSY = 140_000
"""Trials, or weights, that are work for two threads."""

FLOAT = FloatSGDConfig(name="rival", depth=300, weights="bf16", gradients="fp32", random_bits=8, momentum=True)
INT = IntSGDConfig(name="rival", depth=300, weight_bits=8, gradient_bits=8, rate_bits=8, fraction_bits=8)


class Case(NamedTuple):
    """A kind of unit and a way in which it takes its steps."""

    config: RuleConfig
    kind: Any
    values: dict[str, float]
    place: tuple[int, ...] = ()
    """What `restore` takes between the state and the threads."""
    threads: int = 1
    rows: tuple[int, ...] = ()
    seed: Any = SEED

    def fresh(self) -> Any:
        return self.kind(self.config, self.seed, *self.place, self.threads)

    def restored(self, state: Any) -> Any:
        return self.kind.restore(self.config, state, *self.place, self.threads)

    def arrays(self, unit: Any) -> tuple[np.ndarray, Callable[[Any, np.ndarray], Any]]:
        """Weights to start from, and what takes a step of a unit and of weights."""
        one = first_of(unit)
        shape = (*self.rows, self.place[1] - self.place[0] if self.place else self.config.depth)
        rng = np.random.default_rng(SEED)
        weights, gradients = (
            rng.integers(-100, 100, shape).astype(dtype) for dtype in (one.weight_dtype, one.gradient_dtype)
        )
        gradients.flags.writeable = False
        return weights, lambda unit, weights: unit.step(weights, gradients, **self.values)


def first_of(unit: Any) -> Any:
    """The first unit of a batch, the unit of a shard, or itself."""
    return getattr(unit, "units", [getattr(unit, "unit", unit)])[0]


def zim(kind: Any = ZimUnit, trials: int = 100, **fields: Any) -> Case:
    values = {"trials": trials, "threshold": 200, "smoothing": 1}
    fields |= {"config": ZIM} | fields
    return Case(kind=kind, values=values, **fields)


RATES = {"learning_rate": 0.5, "momentum": 0.5}

CASES = {
    "inverse in one call": zim(),
    "inverse in many": zim(trials=InverseSampler.FEW + 1),
    "inverse on threads": zim(trials=BUSY, config=ZIM.replace(depth=LARGE), threads=2),
    "split in one call": zim(config=ZIM.replace(**SPLIT)),
    "split in many": zim(config=ZIM.replace(**SPLIT, depth=LARGE, gate="step")),
    "split on threads": zim(trials=BUSY, config=ZIM.replace(**SPLIT, depth=LARGE), threads=2),
    "batch in one call": zim(Batch, rows=(3,), seed=range(3)),
    "batch unit by unit": zim(Batch, InverseSampler.FEW + 1, rows=(3,), seed=range(3)),
    "shard": zim(Shard, 1000, place=(100, 200)),
    "float": Case(FLOAT, FloatSGD, RATES),
    "float on threads": Case(
        FLOAT.replace(depth=BUSY, random_bits=0, momentum=False), FloatSGD, {"learning_rate": 0.5}, threads=2
    ),
    "int": Case(INT, IntSGD, {"rate": 9}),
}
CASES["shard"].values.update(before=40, mass=30_000)
MEANS = {"momentum_bits": 12, "trials_shift": 8}
CASES |= {
    "means in one call": zim(config=ZIM.replace(**MEANS)),
    "means on threads": zim(trials=BUSY, config=ZIM.replace(**MEANS, depth=BUSY), threads=2),
    "means of a batch": zim(Batch, rows=(3,), seed=range(3), config=ZIM.replace(**MEANS)),
}
for name in ("means in one call", "means on threads", "means of a batch"):
    CASES[name].values.update(decay=2, rate=100)
# Threads take twenty seconds; the kernels are those of one call.
SLOW = ("means on threads",)
cases = pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=name, marks=[pytest.mark.nightly] * (name in SLOW)) for name, case in CASES.items()],
)


def check_refused(case: Case, unit: Any, weights: np.ndarray) -> None:
    """A torn unit takes no step, has no state, and writes nothing."""
    _, step = case.arrays(unit)
    kept = weights.copy()
    for refused in (unit.state, partial(step, unit, weights), partial(unit.save, "never")):
        with pytest.raises(InputError, match=r"^the unit is torn: .*; restore a saved state, and the weights saved"):
            refused()
    assert np.array_equal(weights, kept)
    assert not Path("never").exists()


# A step that is broken off


class BrokenOff(BaseException):
    """Like an interrupt, nothing that a handler of errors catches."""


def broken_off(line: int, step: Callable[[], Any]) -> bool:
    """Take a step and break it off before the given line of the emulator's own code; whether it came so far."""
    folder, lines = str(Path(zimu.emu.__file__).parent), 0

    def trace(frame: Any, event: str, _: Any) -> Any:
        nonlocal lines
        if not frame.f_code.co_filename.startswith(folder):
            return None
        lines += event == "line"
        if lines == line:
            raise BrokenOff
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        step()
    except BrokenOff:
        return True
    finally:
        sys.settrace(before)
    return False


@cases
def test_a_step_broken_off_at_any_line_is_whole_or_torn(case):
    unit = case.fresh()
    weights, step = case.arrays(unit)
    step(unit, weights)
    before = unit.state(), weights.tolist()
    start = weights.copy()
    step(unit, weights)
    after = unit.state(), weights.tolist()
    assert after != before
    seen: Counter[str] = Counter()
    line = 1
    while True:
        unit, weights = case.restored(before[0]), start.copy()
        if not broken_off(line, partial(step, unit, weights)):
            break
        if unit.torn:
            check_refused(case, unit, weights)
        else:
            assert (unit.state(), weights.tolist()) in (before, after), f"line {line}"
        seen["torn" if unit.torn else "whole"] += 1
        line += 1
    assert (unit.state(), weights.tolist()) == after
    assert min(seen["torn"], seen["whole"]) > 0


def test_a_refused_step_tears_nothing():
    for case in CASES.values():
        unit = case.fresh()
        weights, step = case.arrays(unit)
        before = unit.state()
        with pytest.raises(InputError, match=r"^weights is a list"):
            step(unit, weights.tolist())
        assert unit.state() == before


def test_a_torn_unit_of_a_batch_tears_the_batch_and_not_its_neighbours():
    case = CASES["batch unit by unit"]
    batch = case.fresh()
    weights, _ = case.arrays(batch)
    batch.units[1].begin()
    assert batch.torn
    check_refused(case, batch, weights)
    assert not batch.units[0].torn
    assert batch.units[2].state()["counters"]["steps"] == 0


def interrupt(case: Case) -> Counter[str]:
    """Interrupt running units at random moments, often twice, and check what the interrupt leaves."""
    source, seen = random.Random(SEED), Counter()
    unit = case.fresh()
    weights, step = case.arrays(unit)
    step(unit, weights)
    for _ in range(ROUNDS):
        before, start = unit.state(), weights.copy()
        sender = threading.Thread(target=send_interrupts, args=[source.uniform(0, 0.02), source.uniform(0, 0.002)])
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
        try:
            try:
                sender.start()
                while True:
                    step(unit, weights)
            except KeyboardInterrupt:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
        except KeyboardInterrupt:  # the second one came before it could be ignored
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        left = weights.copy()
        sender.join()
        time.sleep(0.01)
        assert np.array_equal(weights, left), "written after the interrupt"
        seen["torn" if unit.torn else "whole"] += 1
        if unit.torn:
            check_refused(case, unit, weights)
            unit, weights = case.restored(before), start
            continue
        again = case.restored(before)
        for _ in range(first_of(unit).counters.steps - first_of(again).counters.steps):
            step(again, start)
        assert again.state() == unit.state(), "no state between two steps"
        assert np.array_equal(weights, start), "weights and state do not go together"
    return seen


def send_interrupts(*pauses: float) -> None:
    for pause in pauses:
        time.sleep(pause)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)


INTERRUPTED = ["split on threads", "inverse on threads", "float on threads", "batch unit by unit", "float"]


@pytest.mark.parametrize("name", INTERRUPTED)
def test_a_real_interrupt_at_a_random_moment_leaves_a_whole_or_a_torn_unit(name, tmp_path):
    command = [sys.executable, __file__, name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert sum(json.loads(done.stdout).values()) == ROUNDS


# Saving


@cases
def test_a_unit_goes_on_from_a_file_with_the_same_bits(case, tmp_path):
    unit = case.fresh()
    weights, step = case.arrays(unit)
    step(unit, weights)
    path = unit.save(tmp_path / "new" / "state.json")
    assert json.loads(path.read_bytes().decode("utf-8")) == unit.state()
    content = path.read_bytes()
    assert unit.save(path).read_bytes() == content
    again, others = case.kind.load(case.config, path, *case.place, threads=case.threads), weights.copy()
    for _ in range(2):
        assert step(unit, weights) == step(again, others)
    assert np.array_equal(weights, others)
    assert unit.state() == again.state()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: "),
        (b"\xff", "cannot be read: "),
        (b"{", "not a saved state: no valid JSON: "),
        (b"[" * 100_000, "not a saved state: no valid JSON: "),
        (b"[]", "not a unit's state: must be a table of contract_version, "),
        (b"{}", "not a unit's state: must be a table of contract_version, "),
    ],
)
def test_a_file_that_holds_no_state_is_refused(content, message, tmp_path):
    path = tmp_path / "state.json"
    if content is not None:
        path.write_bytes(content)
    for case in CASES.values():
        with pytest.raises(InputError) as refusal:
            case.kind.load(case.config, path, *case.place)
        assert str(refusal.value).startswith(f"{path}: {message}")
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("saved", "change"),
    [
        (ZIM, {"form": "tree", "name": "other", "lanes": 2}),
        (ZIM.replace(**MEANS), {"form": "tree", "name": "other", "lanes": 2}),
        (ZIM.replace(**SPLIT), {"engines": 1, "name": "other", "lanes": 16}),
        (FLOAT, {"stages": "comb", "name": "other"}),
        (FLOAT.replace(random_bits=0), {"stages": "comb", "lanes": 5, "prng": "pcg32"}),
        (INT, {"name": "other"}),
        (INT.replace(fraction_bits=0), {"lanes": 3, "prng": "trivium"}),
    ],
)
def test_what_makes_no_bit_may_be_another_where_a_state_is_loaded(saved, change, tmp_path):
    kind = {"zim": ZimUnit, "float_sgd": FloatSGD, "int_sgd": IntSGD}[saved.rule]
    state = kind(saved, SEED).state()
    again = kind.restore(saved.replace(**change), state).state()
    assert again["streams"] == state["streams"]
    assert kind.restore(saved, again).state() == state
    # A field that only one of two circuits has.
    for field in change:
        del state["config"][field]
    assert kind.restore(saved, sealed(state)).state()["streams"] == again["streams"]


def test_a_state_from_before_there_was_a_field_is_loaded_where_it_is_at_its_default():
    state = IntSGD(INT, SEED).state()
    assert "rate" not in state["config"]
    assert IntSGD.restore(INT, state).state() == state
    other = INT.replace(rate="power_of_two", rate_bits=1, fraction_bits=8)
    with pytest.raises(InputError, match="rate"):
        IntSGD.restore(other, sealed(state | {"config": state["config"] | {"rate_bits": 1, "fraction_bits": 8}}))


@pytest.mark.parametrize(
    ("saved", "change"),
    [
        (ZIM, {"depth": 301}),
        (ZIM, {"prng": "pcg32"}),
        (ZIM.replace(**SPLIT), {"tile_streams": 8}),
        (FLOAT, {"lanes": 2}),
        (INT, {"prng": "trivium"}),
    ],
)
def test_what_makes_bits_must_be_the_same(saved, change):
    kind = {"zim": ZimUnit, "float_sgd": FloatSGD, "int_sgd": IntSGD}[saved.rule]
    (field, value), state = *change.items(), kind(saved, SEED).state()
    other = saved.replace(**change)
    with pytest.raises(
        InputError, match=rf"^the state was saved by another configuration, {field} = .*{value!r} as in"
    ):
        kind.restore(other, state)


def sealed(state: Any) -> Any:
    return state | {"checksum": checksum(state)}


def text_of(state: Any) -> str:
    """The JSON of a state; unlike Python's ``==`` it tells 1 from true and from 1.0."""
    return json.dumps(state, sort_keys=True, default=repr)


def damaged(state: Any, source: random.Random) -> Any:
    """A copy of a state with one value, key or element of it, however deep, changed, added or lost."""
    state = deepcopy(state)
    place = state
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = source.choice(keys) if keys else None
        inner = place[key] if keys else None
        if not (isinstance(inner, dict | list) and inner and source.random() < 0.9):
            break
        place = inner
    values = [0, 1, -1, 2**32, True, False, None, "", "x", 1.0, float("nan"), [], {}, np.int64(7), object()]
    kind = source.randrange(4)
    if key is None or kind == 0:
        extra = source.choice(values)
        place.append(extra) if isinstance(place, list) else place.update({f"x{source.random()}": extra})
    elif kind == 1:
        del place[key]
    elif kind == 2 and isinstance(place[key], int):
        place[key] ^= 1 << source.randrange(32)
    elif kind == 2 and isinstance(place[key], str):
        place[key] = "".join(source.sample(place[key], len(place[key])))
    else:
        place[key] = source.choice(values)
    return state


def outcome(resume: Callable[[], Any]) -> tuple[Any, str]:
    """The state of the unit that was resumed, or None and why it was refused."""
    try:
        return resume().state(), ""
    except InputError as refusal:
        return None, str(refusal)


DAMAGED = ["inverse in one call", "split in one call", "batch in one call", "shard", "float", "int"]


@pytest.mark.parametrize("name", DAMAGED)
def test_no_damage_to_a_state_goes_unseen(name):
    case, source = CASES[name], random.Random(name)
    unit = case.fresh()
    weights, step = case.arrays(unit)
    step(unit, weights)
    state = unit.state()
    for _ in range(1000):
        other = damaged(state, source)
        accepted, message = outcome(partial(case.restored, other))
        assert "\n" not in message
        assert accepted in (None, state)
        assert (accepted == state) == (text_of(other) == text_of(state))


@pytest.mark.parametrize("name", DAMAGED)
def test_no_damage_to_a_file_goes_unseen(name, tmp_path):
    case, source, path = CASES[name], random.Random(name), tmp_path / "state.json"
    unit = case.fresh()
    weights, step = case.arrays(unit)
    step(unit, weights)
    content, state = unit.save(path).read_bytes(), unit.state()
    refused = 0
    for _ in range(500):
        at, size = source.randrange(len(content)), source.choice([0, 1, 1, 1, 5])
        other = content[:at] + source.randbytes(source.choice([0, 1, 1, 1, 3])) + content[at + size :]
        path.write_bytes(source.choice([other, other, other, content[:at]]))
        accepted, message = outcome(partial(case.kind.load, case.config, path, *case.place))
        assert accepted in (None, state)
        assert accepted or message.startswith(f"{path}: ")
        refused += accepted is None
    assert refused > 400


def test_numpy_integers_in_a_state_come_out_as_plain_ones():
    state = ZimUnit(ZIM, SEED).state()
    state["counters"]["steps"] = np.uint32(7)
    again = ZimUnit.restore(ZIM, sealed(state)).state()
    assert type(again["counters"]["steps"]) is int
    assert json.loads(json.dumps(again)) == again


if __name__ == "__main__":
    print(json.dumps(interrupt(CASES[sys.argv[1]])))
