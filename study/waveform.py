"""A picture of a step as the core's memories see it: ``python -m zimu.study.waveform -o docs/step.svg``.

The levels are those of a simulation; WaveDrom draws them.
"""

import argparse
import json
import random
from collections.abc import Iterable
from typing import Any

from zimu.golden.files import write_whole
from zimu.golden.unit import UnitConfig
from zimu.golden.vectors import Stimulus
from zimu.rtl.update import update_core
from zimu.sim.drivers import CoreDriver, to_signed
from zimu.sim.pins import AmaranthPins, Pins
from zimu.sim.worker import simulate_component

CONFIG = UnitConfig(
    name="unit", weight_bits=8, gradient_bits=4, smoothing_bits=0, depth=8, lanes=1, gate_bits=4, form="search"
)
GRADIENTS = [1, -2, 0, 5, -7, 0, 3, 1]
WEIGHTS = [10 + i for i in range(CONFIG.depth)]
TRIALS = 3

SHOWN = ("gradient_request", "gradient_beat", "weight_read", "weight_data", "weight_write")
"""Streams of the core."""

ADDRESS_BITS = (CONFIG.depth - 1).bit_length()
"""Below the weight of a write."""

MARGIN = 24
"""Pixels left of the names."""


class Sampler:
    """Notes what is at the ports in each clock."""

    def __init__(self) -> None:
        self.levels: dict[str, list[int]] = {"start": [], "busy": []}
        self.carried: dict[str, list[int | None]] = {name: [] for name in SHOWN}
        """What a stream carries in a clock; None where it carries nothing."""

    def clock(self, pins: Pins) -> None:
        """Act on one edge."""
        for name, levels in self.levels.items():
            levels.append(pins.get(name))
        for name, carried in self.carried.items():
            goes = pins.get(f"{name}__valid") and pins.get(f"{name}__ready")
            carried.append(pins.get(f"{name}__payload") if goes else None)

    def clear(self, pins: Pins) -> None:
        """Nothing is under way."""


async def record(pins: AmaranthPins) -> Sampler:
    """A step, and two clocks more."""
    driver, sampler = CoreDriver(pins, CONFIG, random.Random(0), 0), Sampler()
    await driver.reset()
    await driver.begin(1, {"weights": WEIGHTS})
    driver.agents.append(sampler)
    values = {"trials": TRIALS, "threshold": CONFIG.max_threshold, "smoothing": 0}
    await driver.step(Stimulus([CONFIG.encoding.encode(g) for g in GRADIENTS], values))
    await driver.clocks(2)
    return sampler


def diagram(sampler: Sampler) -> dict[str, Any]:
    """What was noted as WaveJSON."""
    clocks = len(sampler.levels["busy"])
    rows: list[dict[str, Any]] = [{"name": "clk", "wave": "p" + "." * (clocks - 1)}]
    rows += [{"name": name, "wave": _held(map(str, levels))} for name, levels in sampler.levels.items()]
    for name, carried in sampler.carried.items():
        wave = _held("z" if each is None else "=" for each in carried)
        rows.append({"name": name, "wave": wave, "data": [_label(name, each) for each in carried if each is not None]})
    return {"signal": rows, "config": {"skin": "narrow"}, "foot": {"tick": 0, "every": 5}}


def _held(waves: Iterable[str]) -> str:
    """WaveDrom's string: a level that stays is a dot, data are told anew each clock."""
    text, before = "", ""
    for wave in waves:
        text += "." if wave == before != "=" else wave
        before = wave
    return text


def _label(name: str, payload: int) -> str:
    """What a transfer carries, for people: of a write the weight alone."""
    if name == "gradient_beat":
        return str(to_signed(payload, CONFIG.gradient_bits))
    if name == "weight_write":
        return str(payload >> ADDRESS_BITS)
    return str(payload)


def main() -> None:
    """Write the picture."""
    import wavedrom

    parser = argparse.ArgumentParser(prog="python -m zimu.study.waveform", description=__doc__)
    parser.add_argument("-o", "--output", required=True, help="SVG file")
    output = parser.parse_args().output
    picture = wavedrom.render(json.dumps(diagram(simulate_component(update_core(CONFIG), record))))
    # WaveDrom measures names in a narrower typeface than some readers have.
    width, height = picture["width"] + MARGIN, picture["height"]
    picture.viewbox(-MARGIN, 0, width, height)
    picture["width"], picture["style"] = width, "background: white"
    write_whole(output, picture.tostring() + "\n")


if __name__ == "__main__":
    main()
