"""Co-design suite for an integer weight-update unit: golden model, RTL, verification, cost.

The names below are the public API. Each is loaded on first use, so ``import zimu`` costs next to nothing.

>>> import numpy as np, zimu
>>> config = zimu.preset("zim8")
>>> unit = zimu.ZimUnit(config, seed=1)
>>> weights = np.zeros(config.depth, np.int8)
>>> gradients = np.ones(config.depth, np.int8)
>>> unit.step(weights, gradients, trials=32, threshold=config.max_threshold, smoothing=0).open_trials
32
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_SOURCES = {
    "Batch": "emu.batch",
    "Counters": "golden.unit",
    "Device": "sim.device",
    "FloatSGD": "emu.float_sgd",
    "FloatSGDConfig": "golden.float_sgd",
    "InputError": "golden.errors",
    "IntSGD": "emu.int_sgd",
    "IntSGDConfig": "golden.int_sgd",
    "Link": "sim.transport",
    "Mapped": "sim.transport",
    "MappedBuffer": "sim.transport",
    "MissingToolError": "golden.errors",
    "ReferenceUnit": "golden.unit",
    "Shard": "emu.shard",
    "Simulated": "sim.simulated",
    "SimulatedSystem": "sim.simulated",
    "StepResult": "emu.unit",
    "ToolError": "golden.errors",
    "UnitConfig": "golden.unit",
    "VectorSet": "golden.vectors",
    "ZimUnit": "emu.unit",
    "ZimuError": "golden.errors",
    "make_unit": "emu.update",
    "named": "golden.names",
    "preset": "golden.names",
    "price": "cost.price",
    "to_verilog": "sim.verilog",
    "verify": "sim.verify",
    "write_kit": "sim.kit",
}

__all__ = [*_SOURCES]

if TYPE_CHECKING:
    from zimu.cost.price import price as price
    from zimu.emu.batch import Batch as Batch
    from zimu.emu.float_sgd import FloatSGD as FloatSGD
    from zimu.emu.int_sgd import IntSGD as IntSGD
    from zimu.emu.shard import Shard as Shard
    from zimu.emu.unit import StepResult as StepResult
    from zimu.emu.unit import ZimUnit as ZimUnit
    from zimu.emu.update import make_unit as make_unit
    from zimu.golden.errors import InputError as InputError
    from zimu.golden.errors import MissingToolError as MissingToolError
    from zimu.golden.errors import ToolError as ToolError
    from zimu.golden.errors import ZimuError as ZimuError
    from zimu.golden.float_sgd import FloatSGDConfig as FloatSGDConfig
    from zimu.golden.int_sgd import IntSGDConfig as IntSGDConfig
    from zimu.golden.names import named as named
    from zimu.golden.names import preset as preset
    from zimu.golden.unit import Counters as Counters
    from zimu.golden.unit import ReferenceUnit as ReferenceUnit
    from zimu.golden.unit import UnitConfig as UnitConfig
    from zimu.golden.vectors import VectorSet as VectorSet
    from zimu.sim.device import Device as Device
    from zimu.sim.kit import write_kit as write_kit
    from zimu.sim.simulated import Simulated as Simulated
    from zimu.sim.simulated import SimulatedSystem as SimulatedSystem
    from zimu.sim.transport import Link as Link
    from zimu.sim.transport import Mapped as Mapped
    from zimu.sim.transport import MappedBuffer as MappedBuffer
    from zimu.sim.verify import verify as verify
    from zimu.sim.verilog import to_verilog as to_verilog


if not TYPE_CHECKING:  # a type checker would take every name for an attribute

    def __getattr__(name: str) -> Any:
        if name not in _SOURCES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{__name__}.{_SOURCES[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_SOURCES})
