"""LUTs inside the carry cells of an ECP5, which Yosys leaves in cells of their own.

Half a carry cell (CCU2C) is a LUT of four inputs, F, and a carry behind it: the sum is F ^ CIN, and COUT is CIN where
F is 1, else G, where G is what F would be for C = D = 0: bits 3:0 of INIT. An adder needs two of the inputs, so a LUT
in front of it that nothing else needs often fits in: a choice between two summands, their signs, a mask. Vendors' tools
do the same; it costs nothing and shortens the path.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, permutations, product, zip_longest
from typing import NamedTuple

from zimu.cost.netlist import Bit, Cell, Netlist

PINS = "ABCD"


def absorb_luts(parts: Netlist) -> None:
    """Move LUTs into the carry cells of a design in place."""
    for name, cell in list(parts.cells.items()):
        if cell["type"] == "CCU2C":
            for half in "01":
                while _absorb_most(parts, name, half):
                    pass


class Row(NamedTuple):
    """What half a carry cell makes of some values of its inputs."""

    f: int
    g: int


def _absorb_most(parts: Netlist, name: str, half: str) -> bool:
    """Move as many of the LUTs right before half a carry cell into it as fit; whether any did."""
    cell = parts.cells[name]
    nets = list(dict.fromkeys(bit for bit in _inputs(cell, half) if isinstance(bit, int)))
    luts = {bit: parts.drivers[bit] for bit in nets if bit in parts.drivers and _is_private(parts, bit)}
    for count in range(len(luts), 0, -1):
        for chosen in combinations(luts, count):
            taken = {bit: parts.cells[luts[bit]] for bit in chosen}
            leaves = list(dict.fromkeys(_leaves(nets, taken)))
            if len(leaves) > len(PINS):
                continue
            fitted = _fit(dict(_rows(cell, half, taken, leaves)), len(leaves))
            if fitted is not None:
                order, init = fitted
                for bit in chosen:
                    parts.drop(luts[bit])
                for pin, wire in zip_longest(PINS, [leaves[i] for i in order], fillvalue="1"):
                    parts.connect(name, f"{pin}{half}", wire)
                cell["parameters"][f"INIT{half}"] = f"{init:016b}"
                return True
    return False


def _inputs(cell: Cell, half: str = "") -> list[Bit]:
    """The nets and constants at the pins A, B, C, D of a LUT or of half a carry cell."""
    return [cell["connections"].get(f"{pin}{half}", ["0"])[0] for pin in PINS]


def _is_private(parts: Netlist, bit: Bit) -> bool:
    """Whether a LUT gives this bit to one pin alone."""
    return parts.cells[parts.drivers[bit]]["type"] == "LUT4" and len(parts.users[bit]) == 1


def _leaves(nets: Sequence[int], taken: Mapping[int, Cell]) -> Iterator[int]:
    """The nets that half a carry cell depends on once it has taken those LUTs in."""
    for net in nets:
        yield from (bit for bit in _inputs(taken[net]) if isinstance(bit, int)) if net in taken else (net,)


def _rows(
    cell: Cell, half: str, taken: Mapping[int, Cell], leaves: Sequence[int]
) -> Iterator[tuple[tuple[int, ...], Row]]:
    """The truth table over the leaves."""
    init = int(cell["parameters"][f"INIT{half}"], 2)
    for values in product((0, 1), repeat=len(leaves)):
        known: dict[Bit, int] = dict(zip(leaves, values, strict=True))
        for bit, lut in taken.items():
            known[bit] = int(lut["parameters"]["INIT"], 2) >> _index(known, _inputs(lut)) & 1
        index = _index(known, _inputs(cell, half))
        yield values, Row(init >> index & 1, init >> index % 4 & 1)


def _index(known: Mapping[Bit, int], inputs: Sequence[Bit]) -> int:
    """The place in INIT that the inputs choose."""
    return sum(known.get(bit, int(bit == "1")) << i for i, bit in enumerate(inputs))


def _fit(rows: Mapping[tuple[int, ...], Row], leaves: int) -> tuple[tuple[int, ...], int] | None:
    """An order of the leaves at the pins, and the INIT, by which the carry cell does the same; None if there is none.

    Pins that are left over are 1.
    """
    for order in permutations(range(leaves)):
        bits: dict[int, int] = {}
        fits = True
        for values, row in rows.items():
            pins = [values[i] for i in order] + [1] * (len(PINS) - leaves)
            index = sum(value << i for i, value in enumerate(pins))
            fits &= bits.setdefault(index, row.f) == row.f
            if not row.f:  # only then does the carry come from G
                fits &= bits.setdefault(index % 4, row.g) == row.g
        if fits:
            return order, sum(bit << index for index, bit in bits.items())
    return None
