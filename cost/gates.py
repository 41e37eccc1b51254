"""Cost in logic gates: mapping to a cell library with Yosys and ABC, and the project's own generic library.

`map_to_cells` serves any Liberty library; `Generic` counts NAND2 equivalents of no technology. Real libraries, with
areas and delays: ``cost/silicon.py``. Memories stay out of the area; their bits are counted.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar, Self

from zimu.cost.content import digest
from zimu.cost.count import top_module
from zimu.cost.liberty import Cell, read_cells
from zimu.cost.metrics import FLIP_FLOPS, MEMORY_BITS, THROUGHPUT, Metric, per_throughput
from zimu.cost.parts import sizes_of_parts
from zimu.cost.target import Figure, Options, Synthesis, Target
from zimu.golden.errors import ToolError
from zimu.golden.programs import yosys, yosys_version

AREA_SCRIPT = "strash; ifraig; scorr; dc2; dc2; dch -f; amap -m"
"""ABC's commands for least area; without delays in the library there is nothing else to trade it for."""

GATES = Metric(
    name="ge", title="Gate equivalents", uom="NAND2 equivalents", narrow="NAND2\nequi-\nvalents", charted=True
)

GATES_PER_THROUGHPUT = per_throughput(GATES, "Gates per throughput", charted=True, judged=True)

NETLIST = "mapped.json"
"""The file of a mapped design, its memories among its cells."""

_UNCOUNTED = ("$mem_v2", "$scopeinfo")
"""Cells that may be left after mapping: memories, counted in bits, and notes without hardware."""


@dataclass(frozen=True)
class Mapped:
    """A design in cells of a library: area in the library's unit, flip-flops, bits in memories, Yosys' log."""

    area: float
    flip_flops: int
    memory_bits: int
    log: str


def mapping_script(libraries: Sequence[str]) -> list[str]:
    """The Yosys commands that map ``top.il`` to the cells of ``libraries``, file names in the same folder.

    The commands are those of ``synth -flatten`` but two. Without ``memory_map`` a memory remains one cell instead of
    becoming flip-flops. Without the inner ``abc``, which sees flip-flops before they are cells, logic is not cut up
    by clock domain, and mapping takes seconds instead of minutes where there are multipliers.
    """
    files = " ".join(f"-liberty {name}" for name in libraries)
    return [
        "read_rtlil top.il",
        "synth -noabc -flatten -top top -run begin:fine",
        "select t:$mem_v2",
        "write_json -selected memories.json",
        "select -clear",
        "opt -fast -full",
        "opt -full",
        "techmap",
        "opt -fast",
        f"dfflibmap {files}",
        f"abc -script map.abc {files}",
        "opt_clean",
        f"tee -q -o cells.json stat -json {files}",
    ]


def map_to_cells(
    design: str,
    folder: Path,
    libraries: Sequence[Path],
    cells: dict[str, Cell],
    abc_script: str,
    timeout: float,
    more: Sequence[str] = (),
) -> Mapped:
    """Map ``design``, RTLIL text with top module ``top``.

    Parameters
    ----------
    design : RTLIL text.
    folder : holds ``libraries`` and everything that is written.
    libraries : Liberty files of one technology.
    cells : what is in them, by name.
    abc_script : ABC's commands, parted by semicolons.
    timeout : seconds.
    more : Yosys commands for the mapped design, such as `keeping_script`.

    Raises
    ------
    ToolError
        a program failed or ran out of time, or the library lacks cells the design needs.
    """
    (folder / "top.il").write_text(design, encoding="utf-8")
    (folder / "map.abc").write_text("\n".join(abc_script.split("; ")) + "\n", encoding="utf-8")
    # Yosys keeps translated libraries in TMPDIR; ours goes away with everything in it.
    script = [f'setenv TMPDIR "{folder}"', *mapping_script([path.name for path in libraries]), *more]
    log = yosys(script, folder=folder, timeout=timeout)
    found = json.loads((folder / "cells.json").read_text(encoding="utf-8"))["design"]
    counts: dict[str, int] = found["num_cells_by_type"]
    if left := sorted(set(counts) - set(cells) - set(_UNCOUNTED)):
        raise ToolError(f"the library has no cells for {', '.join(left)}")
    return Mapped(
        area=float(found.get("area", 0)),
        flip_flops=sum(count for name, count in counts.items() if name in cells and cells[name].flip_flop),
        memory_bits=memory_bits((folder / "memories.json").read_text(encoding="utf-8")),
        log=log,
    )


def netlist_script(libraries: Sequence[str]) -> list[str]:
    """The Yosys commands that write the netlist just mapped into the file `NETLIST`.

    Reading the cells of ``libraries``, file names in the same folder, says which pins are outputs.
    """
    return [*(f"read_liberty -lib {name}" for name in libraries), "select top", f"write_json -selected {NETLIST}"]


def areas_of_parts(design: str, folder: Path, cells: Mapping[str, Cell]) -> dict[str, float]:
    """The area of each part of a design, largest first; memories have none.

    Parameters
    ----------
    design : RTLIL text with top module ``top``.
    folder : where the commands of `netlist_script` left the netlist.
    cells : of the library, by name.
    """
    module = top_module((folder / NETLIST).read_text(encoding="utf-8"))
    areas = {name: cells[cell["type"]].area for name, cell in module["cells"].items() if cell["type"] in cells}
    return sizes_of_parts(design, module, areas)


def keeping_script(libraries: Sequence[str]) -> list[str]:
    """The Yosys commands that write the netlist just mapped, as `read_netlist` takes it and, for other programs, as
    ``netlist.v``, and what the cells of ``libraries``, file names in the same folder, compute.
    """
    return [
        "write_json netlist.json",
        "splitnets -ports",  # OpenSTA reads no assignments of parts of vectors
        "opt_clean -purge",
        "write_verilog -noattr -noexpr netlist.v",
        "design -reset",
        *(f"read_liberty -overwrite -ignore_miss_func -ignore_miss_dir {name}" for name in libraries),
        "write_json functions.json",
    ]


@dataclass(frozen=True)
class MappedNetlist:
    """A design in cells of a library, its memories apart.

    Parameters
    ----------
    module : the top module as Yosys' ``write_json`` gives it: cells of the library and ``$mem_v2``, nets as numbers.
    functions : for each kind of cell in it a module of Yosys' simple gates and flip-flops, made from its Liberty
        functions.
    """

    module: dict[str, Any]
    functions: dict[str, dict[str, Any]]


def read_netlist(folder: Path) -> MappedNetlist:
    """The netlist that `keeping_script` has left in ``folder``."""
    module = json.loads((folder / "netlist.json").read_text(encoding="utf-8"))["modules"]["top"]
    functions = json.loads((folder / "functions.json").read_text(encoding="utf-8"))["modules"]
    kinds = {cell["type"] for cell in module["cells"].values()}
    for cell in module["cells"].values():
        if cell["type"] in functions:  # Yosys did not know the pins of what ABC gave it
            ports = functions[cell["type"]]["ports"]
            cell["port_directions"] = {name: ports[name]["direction"] for name in cell["connections"]}
    return MappedNetlist(module, {name: function for name, function in functions.items() if name in kinds})


def memory_bits(netlist: str) -> int:
    """Bits of all ``$mem_v2`` cells of a netlist in Yosys' JSON form, where parameters are binary numerals."""
    return sum(
        int(cell["parameters"]["SIZE"], 2) * int(cell["parameters"]["WIDTH"], 2)
        for module in json.loads(netlist)["modules"].values()
        for cell in module["cells"].values()
        if cell["type"] == "$mem_v2"
    )


@dataclass(frozen=True)
class Generic(Target):
    """NAND2 equivalents of no technology, from ``cost/libraries/generic.lib``.

    Parameters
    ----------
    timeout : seconds the mapping may take.
    """

    timeout: float = 600
    name = "generic"
    forms: ClassVar[tuple[str, ...]] = (name,)
    metrics: ClassVar[tuple[Metric, ...]] = (
        FLIP_FLOPS,
        GATES,
        MEMORY_BITS,
        THROUGHPUT,
        GATES_PER_THROUGHPUT,
    )

    @classmethod
    def find(cls, options: Options) -> list[Self]:
        """The one there is."""
        return [cls(options.timeout)]

    @classmethod
    def default(cls, options: Options) -> list[Self]:
        """The same."""
        return cls.find(options)

    @property
    def identity(self) -> str:
        """The commands, the version of what they run, and the library."""
        return "; ".join([self.name, yosys_version(), command([_FILE], AREA_SCRIPT), digest(_library())])

    def synthesise(self, design: str, folder: Path) -> Synthesis:
        """Map ``design``, RTLIL text with top module ``top``, in the empty ``folder``; errors of `map_to_cells`."""
        text = _library()
        library = folder / _FILE
        library.write_text(text, encoding="utf-8")
        cells = read_cells(text)
        mapped = map_to_cells(design, folder, [library], cells, AREA_SCRIPT, self.timeout, netlist_script([_FILE]))
        figure = partial(Figure, tool="yosys", version=yosys_version(), command=command([_FILE], AREA_SCRIPT))
        return Synthesis(
            [
                figure(FLIP_FLOPS, mapped.flip_flops),
                figure(GATES, mapped.area),
                figure(MEMORY_BITS, mapped.memory_bits),
            ],
            parts={GATES.name: areas_of_parts(design, folder, cells)},
        )


_FILE = "generic.lib"


def _library() -> str:
    return resources.files("zimu.cost").joinpath(f"libraries/{_FILE}").read_text(encoding="utf-8")


def command(libraries: Sequence[str], abc_script: str) -> str:
    """What to write beside a figure so that it can be had again."""
    return f"{'; '.join(mapping_script(libraries))} (map.abc: {abc_script})"
