"""Packing that Yosys leaves undone on an ECP5: registers into the blocks beside them, LUTs into carry cells.

``python -m zimu.cost.pack FILE`` does it in a netlist by Yosys' ``synth_ecp5 -json``, whose top module is ``top``.
"""

import json
import sys
from pathlib import Path

from zimu.cost.absorb import absorb_registers
from zimu.cost.carry import absorb_luts
from zimu.cost.netlist import Netlist


def pack(path: Path) -> None:
    """Pack the netlist in a file, in place; the design stays the same."""
    netlist = json.loads(path.read_text(encoding="utf-8"))
    parts = Netlist(netlist["modules"]["top"])
    absorb_registers(parts)
    absorb_luts(parts)
    path.write_text(json.dumps(netlist), encoding="utf-8")


if __name__ == "__main__":
    pack(Path(sys.argv[1]))
