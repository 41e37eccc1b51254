"""The Python driver: at a simulated unit, and at the end of a line that loses and damages bytes."""

import os
import random
import select
import threading

import pytest

from zimu.golden.errors import InputError, MissingToolError, ToolError
from zimu.golden.link import MOST_WORDS, Request
from zimu.golden.registers import Register
from zimu.golden.unit import UnitConfig
from zimu.sim import simulated
from zimu.sim.access import DeviceError
from zimu.sim.arrays import buffer_bytes
from zimu.sim.device import Device
from zimu.sim.simulated import Simulated, SimulatedLine, SimulatedSystem
from zimu.sim.simulators import why_missing
from zimu.sim.stimuli import random_vectors
from zimu.sim.transport import BusError, Link, LinkError, Mapped, MappedBuffer, serial_line

NIGHTLY = pytest.mark.nightly

SHAPE = {"weight_bits": 9, "gradient_bits": 7, "smoothing_bits": 4, "depth": 21, "lanes": 4, "gate_bits": 12}
UNITS = {
    "search": UnitConfig(name="unit", **SHAPE, form="search", gradient_encoding="sign_magnitude"),
    "momentum": UnitConfig(name="unit", **SHAPE | {"gradient_bits": 10, "lanes": 1}, momentum_bits=13, trials_shift=4),
    "split": UnitConfig(name="unit", **SHAPE, sampler="split", tile=8, subtrees=1, tile_streams=1, engines=1),
}


def takes_steps(device, config, seed, steps=4):
    """The device against the reference."""
    vectors = random_vectors(config, seed, steps)
    device.load(vectors.memory)
    device.seed(vectors.seed)
    for step in vectors.steps:
        counters = device.step(step.stimulus.gradients, **step.stimulus.registers)
        assert counters._asdict() == step.counters
        assert device.read() == step.memory


@pytest.mark.parametrize("kind", UNITS)
def test_the_device_takes_steps_as_the_reference_does(kind):
    with Simulated(UNITS[kind], "amaranth") as bus:
        takes_steps(Device(UNITS[kind], bus), UNITS[kind], 3)


EXTERNAL = {
    "search": UNITS["search"].replace(lanes=1, depth=9),
    "momentum": UNITS["momentum"].replace(lanes=8, depth=3000, weight_bits=17),
    "split": UNITS["split"].replace(depth=40, tile=8),
}


def simulated_system(config):
    if reason := why_missing("verilator"):
        pytest.skip(reason)
    return SimulatedSystem(config, "verilator")


@NIGHTLY
@pytest.mark.parametrize("kind", EXTERNAL)
def test_a_device_with_external_memory_takes_steps_as_the_reference_does(kind):
    config = EXTERNAL[kind]
    with simulated_system(config) as system:
        # Rubbish beyond the numbers of an array must not matter.
        system.buffer.write(0, random.Random(1).randbytes(buffer_bytes(config)))
        takes_steps(Device(config, system, system.buffer), config, 4)


class Moved:
    """A part of a buffer, of which the unit is told another address."""

    def __init__(self, buffer, size, by=0):
        self._buffer, self.size, self.address = buffer, size, buffer.address + by

    def read(self, place, count):
        return self._buffer.read(place, count)

    def write(self, place, data):
        self._buffer.write(place, data)


def test_errors_of_the_memory_and_buffers_that_cannot_be_are_told():
    config = EXTERNAL["momentum"]
    size = buffer_bytes(config)
    assert size == 2 * 4096 + 12288 + 2 * 4096
    with simulated_system(config) as system:
        with pytest.raises(InputError, match=rf"buffer of {size - 1} bytes: the arrays of unit take {size}"):
            Device(config, system, Moved(system.buffer, size - 1))
        with pytest.raises(InputError, match="buffer at 0x180000010: must begin at a multiple of 0x1000"):
            Device(config, system, Moved(system.buffer, size, 16))
        # No memory is there.
        device = Device(config, system, Moved(system.buffer, size, -size))
        device.load({"weights": [1] * config.depth})
        device.seed(1)
        values = {"trials": 1, "threshold": 1, "smoothing": 0, "decay": 1, "rate": 9}
        with pytest.raises(DeviceError, match="the memory answered a read with an error: load the weights, seed"):
            device.step([1] * config.depth, **values)
        with pytest.raises(DeviceError, match="START was refused: the unit wants a seed"):
            device.step([1] * config.depth, **values)
        # The next steps have nothing to do with the one that failed.
        takes_steps(Device(config, system, system.buffer), config, 5, steps=2)


def test_the_end_of_a_step_that_no_one_waited_for_is_not_taken_for_the_next_ones():
    config = UNITS["search"].replace(depth=200)
    with Simulated(config, "amaranth") as bus:
        device = Device(config, bus)
        takes_steps(device, config, 6, steps=1)
        # As by a program that was stopped.
        bus.write(Register.GRADIENTS, [0] * (config.depth // config.lanes))
        bus.write(Register.CONTROL, [1])
        while bus.read(Register.STATUS, 1)[0] & 1:
            pass
        takes_steps(device, config, 7, steps=1)


def test_what_goes_wrong_is_told():
    config = UNITS["search"]
    values = {"trials": 1, "threshold": 1, "smoothing": 0}
    with Simulated(config, "amaranth") as bus:
        with pytest.raises(DeviceError, match="of another configuration"):
            Device(config.replace(depth=20), bus)
        device = Device(config, bus)
        with pytest.raises(BusError, match=r"register 0xf0: refused, after 0 of 1 words"):
            bus.read(0xF0, 1)
        with pytest.raises(DeviceError, match="START was refused"):
            device.step([0] * config.depth, **values)
        with pytest.raises(InputError, match="weights"):
            device.load({"weights": [256] * config.depth})
        device.seed(1)
        with pytest.raises(InputError, match="gradients"):
            device.step([0] * 20, **values)


class Lossy:
    """A line that now and then loses a byte or a bit of one, either way; ``good`` turns it into a good one."""

    def __init__(self, line, rng, probability):
        self._line, self._rng, self._probability = line, rng, probability
        self.damaged = 0

    def _pass(self, data):
        passed = bytearray()
        for byte in data:
            if self._rng.random() < self._probability:
                self.damaged += 1
                if self._rng.random() < 0.5:
                    continue
                byte ^= 1 << self._rng.randrange(8)
            passed.append(byte)
        return bytes(passed)

    def write(self, data):
        self._line.write(self._pass(data))

    def read(self, size):
        return self._pass(self._line.read(size))

    def reset_input_buffer(self):
        self._line.reset_input_buffer()


@pytest.mark.parametrize(
    ("clocks", "kind"),
    [(4, "search"), pytest.param(13, "momentum", marks=NIGHTLY), pytest.param(87, "split", marks=NIGHTLY)],
)
def test_a_device_at_a_line_that_loses_and_damages_bytes_takes_the_same_steps(clocks, kind):
    if reason := why_missing("verilator"):
        pytest.skip(reason)
    config = UNITS[kind]
    with SimulatedLine(config, clocks, "verilator") as line:
        takes_steps(Device(config, Link(line)), config, 8, steps=2)
        lossy = Lossy(line, random.Random(clocks), 0.002)
        takes_steps(Device(config, Link(lossy)), config, 9, steps=6)
    assert lossy.damaged > 2


def test_a_simulator_that_fails_is_told_and_not_waited_for(monkeypatch):
    def fail(*_, **__):
        raise ToolError("it failed")

    monkeypatch.setattr(simulated, "simulate", fail)
    with pytest.raises(ToolError, match="it failed"), Simulated(UNITS["search"], "amaranth"):
        pass


def test_a_line_that_is_cut_is_told():
    class Cut:
        def write(self, data):
            pass

        def read(self, size):
            return b""

        def reset_input_buffer(self):
            pass

    with pytest.raises(LinkError, match=r"register 0x00: nothing came back; check the line and its baud rate"):
        Device(UNITS["search"], Link(Cut()))


def test_frames_hold_no_more_words_than_a_link_takes():
    class Echo:
        def __init__(self):
            self.frames = []

        def write(self, data):
            self.frames.append(data)

        def read(self, size):
            return b""

        def reset_input_buffer(self):
            pass

    line = Echo()
    with pytest.raises(LinkError):
        Link(line).write(Register.WEIGHTS, range(40))
    assert line.frames == [Request(Register.WEIGHTS, MOST_WORDS, tuple(range(MOST_WORDS))).encode()]


def test_registers_in_memory_are_words_of_a_file(tmp_path):
    path = tmp_path / "registers"
    path.write_bytes(bytes(range(256)) * 32)
    registers = Mapped(str(path), 4096)
    assert registers.read(Register.STATUS, 2) == [0x0F0E0D0C] * 2
    registers.write(Register.TRIALS, [1, 2**32 + 5])
    assert path.read_bytes()[4096 + 0x18 : 4096 + 0x1C] == bytes([5, 0, 0, 0])
    with pytest.raises(InputError, match="base = 0x10: must be a multiple of 0x1000"):
        Mapped(str(path), 16)
    with pytest.raises(InputError, match="nowhere: No such file"):
        Mapped(str(tmp_path / "nowhere"))


def test_memory_that_is_shared_is_bytes_of_a_file(tmp_path):
    path = tmp_path / "memory"
    path.write_bytes(bytes(3 * 4096))
    buffer = MappedBuffer(str(path), 8192, 4096, address=0x1_0000_0000)
    assert (buffer.address, buffer.size) == (0x1_0000_0000, 8192)
    assert MappedBuffer(str(path), 4096, 8192).address == 8192
    buffer.write(5, b"abc")
    assert path.read_bytes()[4096:].strip(b"\0") == b"abc"
    assert buffer.read(4, 5) == b"\0abc\0"
    with pytest.raises(InputError, match="memory: 12288 bytes at 0x1000 cannot be mapped"):
        MappedBuffer(str(path), 12288, 4096)


def pump(fd, line, ended):
    """Carry bytes between a pseudo-terminal and a line, a request and its reply at a time."""
    while not ended.is_set():
        request = b""
        # All of a request comes before the simulated line is told: it would rest in the middle otherwise.
        while select.select([fd], [], [], 0.02)[0]:
            request += os.read(fd, 4096)
        if request:
            line.write(request)
            os.write(fd, line.read(256))


def test_a_device_at_a_serial_port_takes_steps():
    config, ended = UNITS["search"], threading.Event()
    ours, theirs = os.openpty()
    with SimulatedLine(config, 4, "amaranth") as simulated:
        pumping = threading.Thread(target=pump, args=(ours, simulated, ended))
        pumping.start()
        try:
            with serial_line(os.ttyname(theirs), 115_200) as line:
                line.timeout = 60  # a simulated board is slow
                takes_steps(Device(config, Link(line)), config, 5, steps=1)
        finally:
            ended.set()
            pumping.join()
            os.close(ours)
            os.close(theirs)


def test_a_line_that_is_too_fast_for_its_clock_is_refused():
    with pytest.raises(InputError, match=r"clocks = 3: must be in 4\.\.4096"):
        SimulatedLine(UNITS["search"], 3)


def test_a_port_that_is_none_is_told(monkeypatch):
    with pytest.raises(InputError, match=r"port = '/dev/none': could not open port .*No such file"):
        serial_line("/dev/none", 115_200)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingToolError, match="pyserial is not installed"):
        serial_line("/dev/none", 115_200)
