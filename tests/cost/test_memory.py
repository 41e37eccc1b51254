"""Memory tables: what is read out of them, and what they do not have."""

import pytest

from zimu.cost.memory import ALADDIN, HOROWITZ, TABLES, memory_table
from zimu.golden.errors import InputError


def test_published_energies_are_found():
    assert [HOROWITZ.read_energy(kilobytes * 1024, 64) for kilobytes in (8, 32, 1024)] == [10, 20, 100]
    assert HOROWITZ.dram_energy(8) == (1300, 2600)
    assert ALADDIN.read_energy(4096, 32) == 3.57
    assert ALADDIN.write_energy(4096, 32) == 3.14


def test_between_two_capacities_the_larger_one_counts():
    assert HOROWITZ.read_energy(1, 64) == 10
    assert HOROWITZ.read_energy(8 * 1024 + 1, 64) == 20


def test_wide_access_is_several_and_a_narrow_one_whole():
    assert HOROWITZ.read_energy(8192, 1) == 10
    assert HOROWITZ.read_energy(8192, 65, count=3) == 60


def test_write_costs_what_a_read_does_where_there_is_no_figure():
    assert HOROWITZ.write_energy(8192, 64) == 10


def test_capacities_rise_and_area_and_leakage_with_them():
    for table in TABLES.values():
        sizes = [sram.bytes for sram in table.srams]
        assert sizes == sorted(set(sizes))
    for field in ("area", "leakage"):
        figures = [getattr(sram, field) for sram in ALADDIN.srams]
        assert figures == sorted(figures)


def test_what_a_table_does_not_have_is_refused():
    with pytest.raises(InputError, match=r"^bytes = 1048577: must be in 1\.\.1048576$"):
        HOROWITZ.read_energy(2**20 + 1, 64)
    with pytest.raises(InputError, match=r"^memory table 'aladdin' has no DRAM: must be 'horowitz'$"):
        ALADDIN.dram_energy(1)
    with pytest.raises(InputError, match=r"^memory table = 'cacti': must be one of 'horowitz', 'aladdin'$"):
        memory_table("cacti")
