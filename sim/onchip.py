"""Drives the unit with its memories as its system would: through the register block, and through streams.

The unit: ``rtl/onchip.py``.
"""

import random
from collections.abc import Sequence
from typing import Any

from zimu.golden.registers import (
    Control,
    Register,
    Status,
    Storage,
    container,
    words_of_beat,
)
from zimu.golden.rule import WORD_BITS
from zimu.golden.unit import UnitConfig
from zimu.golden.vectors import Memory, Stimulus
from zimu.rtl.onchip import kept_layout
from zimu.sim.drivers import PlaceLayout, pack, to_signed
from zimu.sim.pins import Pins
from zimu.sim.registers import RegisterDriver
from zimu.sim.streams import Sink, Source


class UnitDriver(RegisterDriver):
    """See the module. Of what a stream and a register can carry either does, at random.

    Now and then something is begun that is then rewound.
    """

    storage = Storage.ONCHIP

    def __init__(self, pins: Pins, config: UnitConfig, rng: random.Random, pause: float):
        super().__init__(pins, config, rng, pause)
        self.layout = PlaceLayout(kept_layout(config), ["weights", *config.memories])
        self.weights_in, self.gradients, self.weights_out = self.streams()
        self.agents = [self.weights_in, self.gradients, self.weights_out]
        self.prepare_bus()

    def streams(self) -> tuple[Any, Any, Any]:
        """What sends weights and gradients, as a `Source`, and what takes weights, as a `Sink`."""
        weights, gradients = (Source(name, self.rng, self.pause) for name in ("weights_in", "gradients"))
        return weights, gradients, Sink("weights_out", self.rng, self.pause)

    async def begin(self, seed: int, memory: Memory) -> None:
        if self.now_and_then():
            await self._load_weights(memory, self.rng.randrange(self.config.depth))
            await self._rewind()
        await self._load_weights(memory, self.config.depth)
        await self.expand(seed)

    async def start(self, stimulus: Stimulus) -> None:
        await self.set_values(stimulus)
        beats = self.beats(stimulus.gradients)
        if self.now_and_then():
            await self.misuse()
        if self.now_and_then():
            await self._load_gradients(beats[: self.rng.randint(1, len(beats))], cut=True)
            await self._rewind()
        await self._load_gradients(beats)
        await self.write(Register.CONTROL, 1 << Control.START)

    async def step(self, stimulus: Stimulus) -> None:
        await self.start(stimulus)
        await self.until(lambda: self.pins.get("interrupt"), "a step")
        await self.write(Register.STATUS, 1 << Status.DONE)

    async def read(self) -> tuple[Memory, dict[str, int]]:
        if self.now_and_then():
            await self._read_weights(self.rng.randrange(self.config.depth))
            await self._rewind()
        memory = await self._read_weights(self.config.depth)
        await self.rest("reading the weights")
        return memory, await self.counters()

    async def _load_weights(self, memory: Memory, count: int) -> None:
        """Send the first ``count`` weights, each with what is kept beside it."""
        if self._by_words():
            for weight in range(count):
                for name in self.layout.shapes:
                    await self.write(Register.WEIGHTS, self._in_rubbish(memory[name][weight], self._bits(name)))
        else:
            self.weights_in.put(self.layout.places(memory, self.rng)[:count])
            await self.until(lambda: self.weights_in.empty, "loading the weights")

    async def _load_gradients(self, beats: Sequence[int], cut: bool = False) -> None:
        """Send beats; of words perhaps not the last ones, if they may be ``cut``."""
        if self._by_words():
            words = [word for beat in beats for word in self._words(beat)]
            for word in words[: self.rng.randint(1, len(words))] if cut else words:
                await self.write(Register.GRADIENTS, word)
        else:
            self.gradients.put(beats)
            await self.until(lambda: self.gradients.empty, "loading the gradients")

    def _words(self, beat: int) -> list[int]:
        """A beat as the words of GRADIENTS."""
        bits = self.config.gradient_bits
        lanes = [self._in_rubbish(beat >> bits * lane, bits) for lane in range(self.config.lanes)]
        return [pack(lanes, container(bits)) >> WORD_BITS * word for word in range(words_of_beat(self.config))]

    async def _read_weights(self, count: int) -> Memory:
        """Begin to read out and return the first ``count`` weights, with what is kept beside each."""
        self.listen(not self._by_words())
        await self.write(Register.CONTROL, 1 << Control.READ_WEIGHTS)
        if self.weights_out in self.agents:
            await self.until(lambda: len(self.weights_out.taken) >= count, "reading the weights")
            memory = self.layout.read(self.weights_out.taken, count)
            self.weights_out.taken.clear()
            return memory
        words = [[await self.load(Register.WEIGHTS) for _ in self.layout.shapes] for _ in range(count)]
        return {name: [self._number(name, word[i]) for word in words] for i, name in enumerate(self.layout.shapes)}

    def listen(self, wanted: bool) -> None:
        """Take what comes out of the stream of weights, or nothing."""
        if wanted and self.weights_out not in self.agents:
            self.agents.append(self.weights_out)
        if not wanted and self.weights_out in self.agents:
            self.agents.remove(self.weights_out)
            self.weights_out.clear(self.pins)

    async def _rewind(self) -> None:
        await self.write(Register.CONTROL, 1 << Control.REWIND)
        await self.rest("rewinding")
        self.weights_out.taken.clear()

    def _by_words(self) -> bool:
        return self.rng.random() < 0.5

    def _bits(self, name: str) -> int:
        bits: int = self.layout.shapes[name].width
        return bits

    def _in_rubbish(self, number: int, bits: int) -> int:
        """A number in the low bits of a word whose other bits do not matter."""
        return number & (1 << bits) - 1 | self.rng.getrandbits(WORD_BITS) << bits

    def _number(self, name: str, word: int) -> int:
        """What a word says in all of its bits."""
        return to_signed(word, WORD_BITS) if self.layout.shapes[name].signed else word
