"""The register block, bus transfer by bus transfer."""

import pytest

from zimu.golden.registers import Control, Register, Status, Storage, digest
from zimu.golden.rule import CONTRACT_VERSION
from zimu.rtl.registers import Registers
from zimu.rtl.unit import unit_counters
from zimu.sim.worker import simulate_component

RUN_TIME = {
    Register.SEED_LO: ("seed", 0, 32),
    Register.SEED_HI: ("seed", 32, 32),
    Register.TRIALS: ("trials", 0, 32),
    Register.THRESHOLD_LO: ("threshold", 0, 32),
    Register.THRESHOLD_HI: ("threshold", 32, 1),
    Register.SMOOTHING: ("smoothing", 0, 4),
    Register.DECAY: ("decay", 0, 3),
    Register.RATE: ("rate", 0, 16),
}

ADDRESSES = [register for register in Register if "_AT_" in register.name]

OPTIONS = {"momentum_bits": 12, "trials_shift": 3}
"""What gives a unit all registers."""


class Bus:
    """An APB requester that sees each answer in the access clock, and what the block drives meanwhile."""

    def __init__(self, pins, storage):
        self.pins = pins
        self.pulsing = ["start", "reseed"] + ["read_weights", "rewind"] * (storage is Storage.ONCHIP)

    async def transfer(self, register, value=None) -> tuple[int, bool]:
        pins = self.pins
        pins.set("bus__psel", 1)
        pins.set("bus__penable", 0)
        pins.set("bus__pwrite", value is not None)
        pins.set("bus__paddr", register)
        pins.set("bus__pwdata", value or 0)
        await pins.tick()
        assert not pins.get("bus__pslverr"), "an error belongs to the access clock"
        assert not any(pins.get(name) for name in self.pulsing)
        pins.set("bus__penable", 1)
        await pins.tick()
        while not pins.get("bus__pready"):
            await pins.tick()
        answer = pins.get("bus__prdata"), bool(pins.get("bus__pslverr"))
        self.pulses = {name for name in self.pulsing if pins.get(name)}
        pins.set("bus__psel", 0)
        pins.set("bus__penable", 0)
        return answer

    async def read(self, register) -> int:
        value, error = await self.transfer(register)
        assert not error
        return value

    async def write(self, register, value) -> bool:
        """Write; whether the block answers with an error."""
        return (await self.transfer(register, value))[1]


def on_bus(config, bench, storage=Storage.ONCHIP):
    async def run(pins):
        return await bench(pins, Bus(pins, storage))

    return simulate_component(Registers(config, storage), run)


def test_what_identifies_the_unit_reads_as_documented(configure):
    config = configure(depth=77, lanes=8, weight_bits=9, gradient_bits=10, gate_bits=11)

    async def bench(pins, bus):
        return [
            await bus.read(r) for r in (Register.ID, Register.VERSION, Register.DEPTH, Register.SHAPE, Register.DIGEST)
        ]

    identity, version, depth, shape, hashed = on_bus(config, bench)
    assert identity.to_bytes(4, "big") == b"ZIMU"
    assert (version, depth) == (CONTRACT_VERSION, 77)
    assert list(shape.to_bytes(4, "little")) == [9, 10, 8, 11]
    assert hashed == digest(config) != digest(config.replace(depth=78))


def test_run_time_values_are_written_read_back_and_driven(configure):
    async def bench(pins, bus):
        for number, (register, (name, offset, width)) in enumerate(RUN_TIME.items()):
            for value in (2**32 - 1, 0x01234567 * (number + 3) & 2**32 - 1, 1):
                assert not await bus.write(register, value)
                await pins.tick()
                assert pins.get(name) >> offset & (1 << width) - 1 == value & (1 << width) - 1
                assert await bus.read(register) == value & (1 << width) - 1
        # None has disturbed another one.
        assert [await bus.read(register) for register in RUN_TIME] == [1] * len(RUN_TIME)

    on_bus(configure(gate_bits=32, **OPTIONS), bench)


def test_a_threshold_of_few_bits_has_no_high_word(configure):
    async def bench(pins, bus):
        await bus.write(Register.THRESHOLD_HI, 1)
        await bus.write(Register.THRESHOLD_LO, 2**32 - 1)
        return await bus.read(Register.THRESHOLD_HI), await bus.read(Register.THRESHOLD_LO)

    assert on_bus(configure(gate_bits=8), bench) == (0, 2**9 - 1)


def test_writes_to_run_time_values_while_busy_are_refused_and_change_nothing(configure):
    async def bench(pins, bus):
        for register in RUN_TIME:
            assert not await bus.write(register, 1)
        pins.set("busy", 1)
        for register in RUN_TIME:
            assert await bus.write(register, 0)
            assert await bus.read(register) == 1

    on_bus(configure(gate_bits=32, **OPTIONS), bench)


@pytest.mark.parametrize(
    ("options", "storage", "missing"),
    [
        (OPTIONS, Storage.ONCHIP, set(ADDRESSES)),
        ({}, Storage.ONCHIP, {Register.DECAY, Register.RATE, *ADDRESSES}),
        (OPTIONS, Storage.EXTERNAL, {Register.GRADIENTS, Register.WEIGHTS}),
        ({}, Storage.EXTERNAL, {Register.DECAY, Register.RATE, Register.GRADIENTS, Register.WEIGHTS, *ADDRESSES[4:]}),
    ],
)
def test_only_registers_answer_and_only_some_take_writes(configure, options, storage, missing):
    present = set(Register) - missing
    writable = present & {
        *RUN_TIME,
        *ADDRESSES,
        Register.CONTROL,
        Register.STATUS,
        Register.GRADIENTS,
        Register.WEIGHTS,
    }

    async def bench(pins, bus):
        seen = {}
        if storage is Storage.ONCHIP:  # whose memories take and give
            for name in ("reading", "read_words__valid", "gradient_words__ready", "weight_words__ready"):
                pins.set(name, 1)
        for address in range(0, 256):
            seen[address] = (await bus.transfer(address))[1], await bus.write(address, 0)
        return seen

    for address, (read_error, write_error) in on_bus(configure(**options), bench, storage).items():
        assert read_error is (address not in present), f"reading {address:#x}"
        assert write_error is (address not in writable), f"writing {address:#x}"


def test_counters_read_in_full_width(configure):
    config = configure(gradient_bits=32, smoothing_bits=16, depth=50000)
    layout = unit_counters(config)
    values = {name: 0x80000000 + 0x01010101 * i for i, (name, _) in enumerate(layout)} | {"mass": 0x5A3C12345678}

    async def bench(pins, bus):
        pins.set("counters", layout.const(values).as_value().value)
        return [await bus.read(address) for address in range(Register.STEPS, Register.MASS_HI + 4, 4)]

    *counts, low, high = on_bus(config, bench)
    assert counts == list(values.values())[:6]
    assert high << 32 | low == values["mass"] & (1 << layout["mass"].width) - 1


@pytest.mark.parametrize("storage", Storage)
@pytest.mark.parametrize("busy", [0, 1])
@pytest.mark.parametrize("seeded", [0, 1])
def test_control_acts_or_is_refused(configure, storage, busy, seeded):
    onchip = storage is Storage.ONCHIP
    states = (
        [(loaded, reading) for loaded in (0, 1) for reading in (0, 1) if busy or not reading] if onchip else [(1, 0)]
    )
    names = ["start", "reseed"] + ["read_weights", "rewind"] * onchip

    async def bench(pins, bus):
        seen = {}
        pins.set("busy", busy)
        pins.set("seeded", seeded)
        for loaded, reading in states:
            if onchip:
                pins.set("loaded", loaded)
                pins.set("reading", reading)
            for bits in range(16):
                await bus.write(Register.STATUS, 1 << Status.REFUSED)
                assert not await bus.write(Register.CONTROL, bits)
                seen[loaded, reading, bits] = bus.pulses, await bus.read(Register.STATUS)
        return seen

    for (loaded, reading, bits), (pulses, status) in on_bus(configure(), bench, storage).items():
        (wanted,) = [names[i] for i in range(len(names)) if bits == 1 << i] or [None]
        fine = wanted is not None and (not busy or (wanted == "rewind" and reading))
        if wanted == "start" and not (seeded and loaded):
            fine = False
        assert pulses == ({wanted} if fine else set()), (loaded, reading, bits)
        fields = {Status.BUSY: busy, Status.SEEDED: seeded, Status.REFUSED: bits and not fine}
        fields[Status.LOADED] = loaded and onchip
        assert status == sum(1 << bit for bit, value in fields.items() if value), (loaded, reading, bits)


def test_done_and_refused_stay_until_written_as_one(configure):
    done, refused = 1 << Status.DONE, 1 << Status.REFUSED

    async def bench(pins, bus):
        pins.set("done", 1)
        await pins.tick()
        pins.set("done", 0)
        await bus.write(Register.CONTROL, 1 << Control.START)  # not seeded
        assert await bus.read(Register.STATUS) == done | refused
        assert pins.get("interrupt")
        await bus.write(Register.STATUS, 0)
        assert await bus.read(Register.STATUS) == done | refused
        await bus.write(Register.STATUS, refused)
        assert await bus.read(Register.STATUS) == done
        await bus.write(Register.STATUS, done)
        assert await bus.read(Register.STATUS) == 0
        assert not pins.get("interrupt")
        # A step that ends in the very clock of the clearing write is not forgotten.
        pins.set("done", 1)
        await bus.write(Register.STATUS, done)
        pins.set("done", 0)
        assert await bus.read(Register.STATUS) == done

    on_bus(configure(), bench)


def test_a_setup_clock_alone_writes_nothing(configure):
    async def bench(pins, bus):
        pins.set("bus__psel", 1)
        pins.set("bus__pwrite", 1)
        pins.set("bus__paddr", Register.TRIALS)
        pins.set("bus__pwdata", 7)
        await pins.tick()
        pins.set("bus__psel", 0)
        pins.set("bus__penable", 1)  # an access of somebody else
        await pins.tick()
        pins.set("bus__penable", 0)
        return await bus.read(Register.TRIALS)

    assert on_bus(configure(), bench) == 0


@pytest.mark.parametrize(
    ("register", "port"), [(Register.GRADIENTS, "gradient_words"), (Register.WEIGHTS, "weight_words")]
)
def test_words_are_passed_on_or_refused(configure, register, port):
    async def bench(pins, bus):
        for ready in (0, 1):
            pins.set(f"{port}__ready", ready)
            assert await bus.write(register, 0x89ABCDEF + ready) is not bool(ready)
            assert pins.get(f"{port}__valid") == ready
            assert not ready or pins.get(f"{port}__payload") == 0x89ABCDEF + ready
            await pins.tick()
            assert not pins.get(f"{port}__valid"), "a word once for each write"

    on_bus(configure(), bench)


def test_weights_are_read_when_they_come_and_only_in_a_read_out(configure):
    async def bench(pins, bus):
        pins.set("read_words__payload", 0x12345678)
        pins.set("read_words__valid", 1)
        assert (await bus.transfer(Register.WEIGHTS))[1]
        pins.set("reading", 1)
        assert await bus.read(Register.WEIGHTS) == 0x12345678
        assert pins.get("read_words__ready")
        await pins.tick()
        assert not pins.get("read_words__ready")
        pins.set("read_words__valid", 0)
        before = pins.cycles
        for name, value in (("psel", 1), ("pwrite", 0), ("paddr", Register.WEIGHTS), ("penable", 1)):
            pins.set(f"bus__{name}", value)
        for _ in range(5):
            await pins.tick()
            assert not pins.get("bus__pready")
            assert not pins.get("bus__pslverr")
        assert pins.cycles == before + 5
        pins.set("read_words__valid", 1)
        await pins.tick()
        assert pins.get("bus__pready")

    on_bus(configure(), bench)


def test_errors_of_the_memory_stay_until_written_as_one(configure):
    async def bench(pins, bus):
        for name, bit in (("read_error", Status.READ_ERROR), ("write_error", Status.WRITE_ERROR)):
            pins.set(name, 1)
            await pins.tick()
            pins.set(name, 0)
            assert await bus.read(Register.STATUS) == 1 << bit
            await bus.write(Register.STATUS, 0x7F & ~(1 << bit))
            assert await bus.read(Register.STATUS) == 1 << bit
            await bus.write(Register.STATUS, 1 << bit)
            assert await bus.read(Register.STATUS) == 0

    on_bus(configure(), bench, Storage.EXTERNAL)
