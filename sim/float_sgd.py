"""The bench of the float unit: random beats through the streams, every new weight compared with the emulator.

Like ``sim/bench.py`` it runs under cocotb (Verilator, Icarus) and under Amaranth's simulator.
"""

import json
import random
from dataclasses import asdict, dataclass
from typing import Any

from zimu.emu.float_sgd import fused_step
from zimu.golden.float_sgd import FloatFormat
from zimu.rtl.float_sgd import FloatSGD
from zimu.sim.drivers import HangError, pack
from zimu.sim.float_operands import random_triples
from zimu.sim.pins import Agent, Pins, run_until
from zimu.sim.simulators import simulate
from zimu.sim.streams import Sink, Source

_PAUSE = 0.3
_STRETCH = 500
"""Beats between changes from random gaps to none and back: full rate has bugs of its own."""


@dataclass(frozen=True)
class FloatJob:
    """What a bench run does and what it must see; patterns as integers, lanes innermost."""

    exponent_bits: int
    significand_bits: int
    lanes: int
    pipelined: bool
    seed: int
    rates: list[int]
    """The learning rate of each beat."""
    weights: list[list[int]]
    gradients: list[list[int]]
    expected: list[list[int]]

    @property
    def format(self) -> FloatFormat:
        """The format of all patterns."""
        return FloatFormat(self.exponent_bits, self.significand_bits)


def random_job(fmt: FloatFormat, *, lanes: int, pipelined: bool, beats: int, seed: int) -> FloatJob:
    """Random beats, and the emulator's answers."""
    w, lr, g = (values.reshape(beats, lanes) for values in random_triples(fmt, beats * lanes, seed))
    expected = fused_step(fmt, w, lr[:, :1], g)
    beats_of = [values.tolist() for values in (w, g, expected)]
    widths = (fmt.exponent_bits, fmt.significand_bits)
    return FloatJob(*widths, lanes, pipelined, seed, lr[:, 0].tolist(), *beats_of)


def verify_float(job: FloatJob, *, simulator: str, timeout: float) -> dict[str, Any]:
    """Run a job in a simulator: weights ``checked``, ``mismatches`` and the ``first`` of them, ``cycles``.

    Raises
    ------
    ToolError
        the simulator failed or did not finish in time.
    """
    return simulate(__name__, json.dumps(asdict(job)), simulator=simulator, timeout=timeout)


def build(job: str) -> FloatSGD:
    """The circuit a job is for."""
    plan = FloatJob(**json.loads(job))
    return FloatSGD(plan.format, lanes=plan.lanes, pipelined=plan.pipelined)


async def run(pins: Pins, job: str) -> dict[str, Any]:
    """Run a job; see `verify_float` for the result."""
    plan = FloatJob(**json.loads(job))
    bench = _Bench(pins, plan)
    await bench.reset()
    # Beats that a reset drops on their way must leave no trace.
    bench.feed()
    await run_until(pins, bench.agents, lambda: False, bench.rng.randint(1, 40))
    await bench.reset()
    bench.feed()
    limit = 1000 + 20 * len(plan.rates)
    if not await run_until(pins, bench.agents, bench.done, limit):
        raise HangError(f"{len(plan.rates)} beats did not come back within {limit} clocks")
    await run_until(pins, bench.agents, lambda: False, 40)
    return bench.outcome()


class _Operands(Source):
    """Feeds beats; the learning rate is right while a beat is offered and rubbish otherwise."""

    def __init__(self, plan: FloatJob, rng: random.Random):
        super().__init__("operands", rng, _PAUSE)
        self._plan = plan

    def clock(self, pins: Pins) -> None:
        super().clock(pins)
        rates, width = self._plan.rates, self._plan.format.width
        pins.set("learning_rate", rates[-len(self.queue)] if self._valid else self.rng.getrandbits(width))


class _Bench:
    """Source, sink and their gaps."""

    def __init__(self, pins: Pins, plan: FloatJob) -> None:
        self.pins, self.plan = pins, plan
        self.rng = random.Random(f"{plan.seed} gaps")
        self.source = _Operands(plan, self.rng)
        self.sink = Sink("updated", self.rng, _PAUSE)
        self.agents: list[Agent] = [self.source, self.sink, self]

    def clock(self, pins: Pins) -> None:
        """Change between random gaps and full rate."""
        pause = _PAUSE if len(self.sink.taken) // _STRETCH % 2 == 0 else 0.0
        self.source.pause = self.sink.pause = pause

    async def reset(self) -> None:
        self.pins.set("rst", 1)
        self.source.clear(self.pins)
        self.sink.clear(self.pins)
        await self.pins.tick()
        await self.pins.tick()
        self.pins.set("rst", 0)

    def feed(self) -> None:
        bits = self.plan.format.width
        for weights, gradients in zip(self.plan.weights, self.plan.gradients, strict=True):
            pairs = [half for pair in zip(weights, gradients, strict=True) for half in pair]
            self.source.queue.append(pack(pairs, bits))

    def done(self) -> bool:
        return len(self.sink.taken) >= len(self.plan.rates)

    def outcome(self) -> dict[str, Any]:
        """What came back beside what must."""
        plan, bits = self.plan, self.plan.format.width
        got = [word >> bits * lane & 2**bits - 1 for word in self.sink.taken for lane in range(plan.lanes)]
        want = [pattern for beat in plan.expected for pattern in beat]
        wrong = [i for i, (a, b) in enumerate(zip(got, want, strict=False)) if a != b]
        extra = abs(len(got) - len(want))
        return {
            "checked": len(got),
            "mismatches": len(wrong) + extra,
            "first": self._describe(wrong[0], got[wrong[0]]) if wrong else None,
            "cycles": self.pins.cycles,
        }

    def _describe(self, index: int, got: int) -> str:
        plan = self.plan
        beat, lane = divmod(index, plan.lanes)
        names = ("w", "lr", "g", "expected", "got")
        values = (
            plan.weights[beat][lane],
            plan.rates[beat],
            plan.gradients[beat][lane],
            plan.expected[beat][lane],
            got,
        )
        digits = -(-plan.format.width // 4)
        texts = ", ".join(f"{name} {value:#0{digits + 2}x}" for name, value in zip(names, values, strict=True))
        return f"beat {beat}, lane {lane}: {texts} (seed {plan.seed})"
