"""A unit in hardware or in a simulator, driven from Python with the calls of the C driver: load, seed, step, read.

Twin: ``sim/driver/zimu.c``. How its registers are reached is a `zimu.sim.transport.Transport`, where its weights lie a
`zimu.sim.arrays.Arrays`.
"""

from collections.abc import Sequence

from zimu.golden.errors import check_range
from zimu.golden.registers import IDENTITY, Control, Register, Status, bits_of, digest, value_words
from zimu.golden.rule import check_vector
from zimu.golden.unit import Counters, UnitConfig
from zimu.golden.vectors import Memory
from zimu.sim.access import DeviceError, RegisterAccess
from zimu.sim.arrays import Arrays, BufferArrays, OnChipArrays
from zimu.sim.transport import Buffer, LinkError, Transport

_ENDS = (Status.DONE, Status.READ_ERROR, Status.WRITE_ERROR)


class Device:
    """A unit behind a transport.

    After a `LinkError` what was under way is begun anew, which makes nothing happen twice: loads and read-outs begin
    with the first word, and whether a step was begun is read off the counter of steps.

    Parameters
    ----------
    config : what the unit was made of.
    transport : reaches its registers.
    buffer : of a unit with external memory, the memory that it shares with this program.

    Raises
    ------
    DeviceError
        there is no unit, or it is of another configuration.
    InputError
        the buffer is too small, or does not begin at a page.
    """

    def __init__(self, config: UnitConfig, transport: Transport, buffer: Buffer | None = None) -> None:
        self.config, self._registers = config, RegisterAccess(transport)
        identity, found = self._registers.load(Register.ID), self._registers.load(Register.DIGEST)
        if identity != IDENTITY:
            raise DeviceError(f"there is no unit: register ID is {identity:#010x}, not {IDENTITY:#010x}")
        if found != digest(config):
            raise DeviceError(
                f"the unit is of another configuration: register DIGEST is {found:#010x}, "
                f"that of {config.name} {digest(config):#010x}"
            )
        self._arrays: Arrays = (
            OnChipArrays(config, self._registers) if buffer is None else BufferArrays(config, self._registers, buffer)
        )

    def seed(self, seed: int) -> None:
        """Expand a seed, 0..2^64 - 1, which also clears the counters."""
        check_range("seed", seed, 0, 2**64 - 1)
        self._registers.store_value("seed", seed)
        self._registers.again(self._expand)
        self._registers.wait(Status.BUSY, False)

    def _expand(self) -> None:
        """Begin to expand the seed, once what may have begun before is over."""
        self._registers.wait(Status.BUSY, False)
        self._registers.control(Control.RESEED)

    def load(self, memory: Memory) -> None:
        """Load all weights, and what is kept beside them: means that are left out begin as means of zero."""
        kinds = {"weights": self.config.weight} | self.config.memories
        whole = {name: [kind.initial] * self.config.depth for name, kind in kinds.items()} | memory
        self._arrays.load(
            {
                name: check_vector(name, list(whole[name]), self.config.depth, *kind.limits)
                for name, kind in kinds.items()
            }
        )

    def step(self, gradients: Sequence[int], **values: int) -> Counters:
        """Take a step and return the counters since the seed.

        Parameters
        ----------
        gradients : depth patterns, as `zimu.golden.unit.ReferenceUnit` and the emulator take them.
        values : the run-time values of the configuration.

        Raises
        ------
        InputError
            a number is outside its range; the unit has seen none of it.
        DeviceError
            the unit refused, for want of a seed, met an error of the memory, or did not come to an end.
        """
        config, registers = self.config, self._registers
        patterns = check_vector("gradients", list(gradients), config.depth, *config.gradient.limits)
        values = config.registers(**values)
        for register, word in value_words(config, self._arrays.storage, values):
            registers.store(register, word)
        before = registers.load(Register.STEPS)
        self._arrays.put(patterns)
        # What an earlier program has not seen must not pass for the end of this step.
        ends = [bit for bit in bits_of(Status, self._arrays.storage) if bit in _ENDS]
        registers.clear(*ends)
        try:
            registers.control(Control.START)
        except LinkError:
            # It has begun if it goes on, has ended, or was counted, which is a clock before DONE; else it can begin.
            status = registers.load(Register.STATUS)
            if not status & (1 << Status.BUSY | 1 << Status.DONE) and registers.load(Register.STEPS) == before:
                registers.control(Control.START)
        status = registers.wait(Status.DONE, True)
        registers.clear(*ends)
        self._arrays.check(status)
        return self.counters()

    def read(self) -> Memory:
        """All weights, and what is kept beside them."""
        return self._arrays.read()

    def counters(self) -> Counters:
        """What was counted since the seed."""
        return Counters(**{name: self._registers.load_value(name) for name in Counters._fields})
