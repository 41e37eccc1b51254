"""Named configurations to start from: ``zim8`` is the one the manual talks about.

A name is ``zim`` and the width of weights and gradients, then what differs from the pipelined tree sampler
(``_search``) and from the gate of every trial (``_step``).
"""

from itertools import product
from typing import Literal, get_args

from zimu.golden.config import UnitConfig
from zimu.golden.errors import check_choice

Form = Literal["tree", "search"]
Gate = Literal["trial", "step"]

WIDTHS = (4, 8, 16)
"""Widths of weights and gradients, in bits."""


def _preset(width: int, form: Form, gate: Gate) -> UnitConfig:
    return UnitConfig(
        name=f"zim{width}" + "_search" * (form == "search") + "_step" * (gate == "step"),
        weight_bits=width,
        gradient_bits=width,
        smoothing_bits=4,
        depth=1024,
        lanes=8,
        gate=gate,
        gate_bits=16,
        prng="xoshiro128++",
        prng_lanes=1,
        sampler="inverse",
        form=form,
    )


PRESETS: dict[str, UnitConfig] = {
    config.name: config for config in (_preset(*row) for row in product(WIDTHS, get_args(Form), get_args(Gate)))
}
"""All presets by name."""


def preset(name: str) -> UnitConfig:
    """The preset of that name; `InputError` with all the names if there is none."""
    return PRESETS[check_choice("preset", name, PRESETS)]
