"""From an Amaranth component to RTLIL text, which Yosys reads."""

import os
import re
from pathlib import Path

from amaranth.back import rtlil
from amaranth.lib import wiring


def any_on_collision(design: str) -> list[str]:
    """Yosys commands for a design just read: a memory may answer anything for a place written in the same clock.

    No circuit of the project uses such an answer, and Amaranth cannot say so. Without it synthesis adds registers and a
    comparator to each block RAM to return the old value. Reads without a clock have no such case.

    Parameters
    ----------
    design : its RTLIL text, in which each read port has a bit for each write port.
    """
    ports = sorted({int(count) for count in re.findall(r"COLLISION_X_MASK (\d+)'", design)})
    return [
        f"setparam -set COLLISION_X_MASK {count}'b{'1' * count} "
        f"t:$memrd_v2 r:CLK_ENABLE=1 %i r:COLLISION_X_MASK={count}'b{'0' * count} %i"
        for count in ports
    ]


def to_rtlil(component: wiring.Component, name: str) -> str:
    """The component as RTLIL text with top module ``name``: no source paths, so the same bytes on every machine."""
    return plain_arrays(rtlil.convert(component, name=name, emit_src=False))


def plain_arrays(design: str) -> str:
    """RTLIL text in which element 0 of an array ``a`` is the wire ``a.0``.

    Amaranth names it ``a[0]``, which is what Yosys' abc9 calls bit 0 of ``a``.
    """
    return re.sub(r"(\\[^\s\[\]]+)\[(\d+)\]", r"\1.\2", design)


def write_rtlil(component: wiring.Component, name: str, folder: str | os.PathLike[str]) -> Path:
    """Write ``name.il`` into ``folder`` for Yosys to read."""
    path = Path(folder) / f"{name}.il"
    path.write_text(to_rtlil(component, name), encoding="utf-8")
    return path
