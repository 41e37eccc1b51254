"""Wrong circuits, one constant or operator changed in a file of rtl/: the bench must see every one.

One for each file is tried at every change, the others by night.
"""

import inspect
import re
import sys
from collections.abc import Iterable
from importlib import import_module
from operator import itemgetter
from types import ModuleType
from typing import Any

import pytest

import zimu.rtl
from zimu.golden.errors import ToolError
from zimu.golden.float_sgd import FloatSGDConfig
from zimu.golden.int_sgd import IntSGDConfig
from zimu.golden.rule import RuleConfig
from zimu.golden.unit import UnitConfig
from zimu.rtl import (
    accumulator,
    basics,
    beats,
    binomial,
    encoding,
    float_adder,
    float_datapath,
    float_frame,
    float_sgd,
    float_step,
    gate,
    generators,
    int_sgd,
    kinds,
    momentum,
    onchip,
    pointwise,
    prng,
    reader,
    registers,
    sampler,
    search,
    split,
    splitter,
    tables,
    tiles,
    tree,
    unit,
    update,
    words,
)
from zimu.sim import verilog
from zimu.sim.simulators import available
from zimu.sim.verify import verify

MUTANTS = [
    (kinds, "xoshiro's rotation", "rotate_left(11)", "rotate_left(12)"),
    (kinds, "xoshiro's shift", "<< 9)", "<< 8)"),
    (kinds, "xoshiro's output rotation", "rotate_left(7)", "rotate_left(9)"),
    (generators, "the order of the chain", "machine.chain[1:], self.chain_in", "self.chain_in, machine.chain[:-1]"),
    (prng, "Speck's rounds", "SPECK_ROUNDS = 22", "SPECK_ROUNDS = 21"),
    (prng, "Speck's rotation of x", "x.rotate_right(7)", "x.rotate_right(8)"),
    (prng, "the stream's place in a block", "Const(0, 16 - len(lane))", "Const(0, 17 - len(lane))"),
    (gate, "the gate's comparison", "< self.threshold", "<= self.threshold"),
    (gate, "trials decided", "following + 1", "following + 2"),
    (sampler, "the draw's comparison", "candidate < self.mass", "candidate <= self.mass"),
    (sampler, "a row for each draw that wants one", "tokens[1], tokens.any()", "tokens.any(), tokens.any()"),
    (sampler, "the mask's growth", "bound >= self.mass", "bound > self.mass"),
    (sampler, "the place in a row", "Mux(more, first + 1, 0)", "Mux(more, first, 0)"),
    (sampler, "rejections carried over", "add_up(rejects & ~passed)", "0"),
    (sampler, "the end of a row", "m.d.sync += [position.eq(0), carried.eq(0)]", "m.d.sync += carried.eq(0)"),
    (beats, "the tail of the last beat", "tail = config.depth % lanes or lanes", "tail = lanes"),
    (beats, "the smoothing of the last beat", "Mux(marks[-2].last, rest, whole)", "whole"),
    (beats, "the 1 a sum misses", "Cat(partial.carry, number))", "Cat(~partial.carry, number))"),
    (beats, "a carry chain that sums share", "right += [a.carry, b.value]", "right += [b.carry, b.value]"),
    (accumulator, "the rail", "bits - 1), ~up))", "bits - 1), up))"),
    (accumulator, "the direction", "Cat(1, (~up).replicate", "Cat(1, up.replicate"),
    (accumulator, "a weight that is under way", "Mux(issued, Cat(meets[:-1])", "Mux(issued, Cat(meets[1:])"),
    (accumulator, "a weight and its trial", "oldest.eq(each)", "oldest.eq(recent[0])"),
    (update, "steps counted", "counters.steps + 1", "counters.steps + 2"),
    (update, "counting while idle", "with m.If(core.busy):", "with m.If(~core.busy):"),
    (update, "counters of a new seed", "core.counters.eq(0)", "core.counters.steps.eq(0)"),
    (unit, "an empty step", "counters.empty_steps + 1", "counters.empty_steps"),
    (unit, "the trials of an empty step", 'ongoing("SUMMED") & ~empty', 'ongoing("SUMMED")'),
    (sampler, "the row at the end of a step", "draw.align.eq(~self.busy)", "draw.align.eq(0)"),
    (registers, "the register map", "getattr(self, register.of)[register.low :", "getattr(self, register.of)[0 :"),
    (onchip, "the last beat loaded", "beat == config.beats - 1", "beat == config.beats - 2"),
    (onchip, "a beat forgotten", "m.d.sync += [beat.eq(0), loaded.eq(0)]", "m.d.sync += loaded.eq(0)"),
    (onchip, "a weight forgotten", "m.d.sync += [place.eq(0), dropping", "m.d.sync += [dropping"),
    (onchip, "the rest of a read-out", "gives.eq(there & (dropping |", "gives.eq(there & ("),
    (words, "words held", "held.eq(whole[WORD_BITS:])", "held.eq(whole)"),
    (words, "a word forgotten", "with m.If(self.rewind):", "with m.If(self.rewind & ~self.rewind):"),
    (words, "the sign of a number", "return number |", "return number.as_unsigned() |"),
]

FORM_MUTANTS = [
    (search, "search", "the search's comparison", "inside = ~below[-1]", "inside = ~(below[-1] | (below == 0))"),
    (search, "search", "the end of the walk", "with m.If(below[-1]):", "with m.If(below[-1] | (below == 0)):"),
    (search, "search", "the next slice", "m.d.sync += asked.eq(0)", "m.d.sync += asked.eq(1)"),
    (
        tree,
        "tree",
        "a range without a right half",
        "(beats - 1) % (2 * half) < half",
        "(beats - 1) % (2 * half) > half",
    ),
    (tables, "tree", "the place of what is looked up", "port.addr.eq(place >> banks)", "port.addr.eq(place >> 1)"),
    (tree, "tree", "the beats' comparison", "[bits - 1])", "[bits - 1] & (u != middle))"),
    (tree, "tree", "the middle of a range", "ceil_log2(2 * half)] == half)", "ceil_log2(2 * half)] == half - 1)"),
    (
        tree,
        "tree",
        "what a range is compared modulo",
        "config.max_weight_mass - 1) + 1,",
        "config.max_weight_mass - 1),",
    ),
    (tree, "tree", "the smoothing of a half", "(smoothing) << ceil_log2(half)", "(smoothing) << ceil_log2(2 * half)"),
    (tables, "tree", "the place of a half's sum", "Cat(Const(place_of_row, within)", "Cat(Const(0, within)"),
    (tables, "tree", "the bank of a row", "(to[:banks] == bank)", "(to[:banks] != bank)"),
    (tree, "tree", "the sums for a lane", "lane=draw.place[:level]", "lane=draw.place[1 : level + 1]"),
]
"""Bugs of one circuit that finds weights."""

OPTION_MUTANTS = [
    (encoding, "signs", "a second zero", "return gradient[:-1] == 0", "return gradient == 0"),
    (
        encoding,
        "signs",
        "a 1 that carries take",
        "SignMagnitude.held(smoothing) if",
        "~SignMagnitude.held(smoothing) if",
    ),
    (encoding, "signs", "the rest of the smoothing", "Cat(Const(0, 1), smoothing[1:])", "smoothing"),
    (beats, "signs", "the last beat's carries", "- (encoding.held(smoothing) << ceil_log2(lanes))", ""),
    (encoding, "means", "a number", "-gradient[:-1]", "~gradient[:-1]"),
    (momentum, "means", "the half", "Const(momentum.half, momentum.shift)", "Const(0, momentum.shift)"),
    (momentum, "means", "the shift", "Cat(Const(0, 1), decay[1:])", "decay"),
    (momentum, "means", "a write that waits", "moves = ~write.valid | write.ready", "moves = Const(1)"),
    (momentum, "means", "a gradient that is late", "both = self.gradient_beat.valid &", "both ="),
    (momentum, "means", "a request that was taken", "self.request.valid & ~done", "self.request.valid"),
    (momentum, "means", "the last beat", "== config.beats - 1", "== config.beats - 2"),
    (momentum, "means", "the bits of a mean", "[momentum_of(config).shift :]", "[momentum_of(config).shift - 1 :]"),
    (basics, "means", "borrows that end", "right, valid, ~valid)", "right, valid, valid)"),
    (basics, "means", "carries that end", "right, invalid, invalid)", "right, ~invalid, ~invalid)"),
    (gate, "means", "the bits of the rate", "with m.If(phase < RATE_BITS):", "with m.If(phase < RATE_BITS - 1):"),
    (gate, "means", "the most trials", "Mux(beyond, self.limit, scaled)", "Mux(beyond, 0, scaled)"),
    (registers, "means", "a write while busy", "write & ~self.busy", "write & self.busy"),
    (onchip, "means", "the beat of a mean", "write.addr.eq(place // lanes)", "write.addr.eq(place)"),
]
"""Bugs of the options: gradients in sign and magnitude; momentum, and trials from the mass."""

SPLIT_MUTANTS = [
    (binomial, "the digit of a share", "digit.eq(~difference[-1])", "digit.eq(~difference[-1] & (difference != 0))"),
    (binomial, "who stays undecided", "Mux(digit, all_ones, all_zeros)", "Mux(digit, all_zeros, all_ones)"),
    (binomial, "the last word's trials", "i < last for", "i <= last for"),
    (binomial, "the words of a round", "whole + (last != 0)", "whole + 1"),
    (binomial, "the row at a number's end", "position.eq(self.taken_before)", "position.eq(position)"),
    (splitter, "the middle of a node", "<< self.node.level) >> 1", "<< self.node.level)"),
    (splitter, "a sure number", "sums.middle == node.high", "0"),
    (splitter, "where a right half begins", "& ~(begin - 1)", "& ~(begin - 2)"),
    (splitter, "the half that waits next", "in reversed(range(self.levels))", "in range(self.levels)"),
    (splitter, "the gate's share", "certain.eq(self.threshold[-1])", "certain.eq(0)"),
    (splitter, "the top's row", "begun.eq(binomial.position)", "begun.eq(0)"),
    (splitter, "tiles that do not exist", "tile >= tiles", "tile > tiles"),
    (tiles, "a comparator", "self.draw < self.prefix[i]", "self.draw <= self.prefix[i]"),
    (tiles, "the first comparator", "above & ~(above << 1)", "above & ~(above << 2)"),
    (tiles, "counts that run over", "number[-2:].all() for", "number[:0].any() for"),
    (tiles, "the row at a tile's end", "align.eq(left == 0)", "align.eq(0)"),
    (tiles, "trials without gradient", "hits[i] & ~zero[i]", "hits[i]"),
    (tiles, "signs of a later chunk", "negative[lanes:], negative[:lanes]", "negative[lanes:], negative[lanes:]"),
    (tiles, "the stream of a tile", "tile[local:])", "tile[local + 1 :])"),
    (tiles, "the mask of a draw", "bits = mass - 1", "bits = mass"),
    (reader, "the prefix network", "((i >> level) << level) - 1", "((i >> level) << level) - 2"),
    (reader, "sums from tile to tile", "Mux(tag.final, 0, base", "Mux(tag.tail, 0, base"),
    (accumulator, "the rail of a count", "low = -(2 ** (bits - 1))", "low = -(2 ** (bits - 1)) + 1"),
    (accumulator, "the direction of a count", "mirrored - self.count", "mirrored + self.count"),
    (accumulator, "losses of a beat", "step.count.eq(now.count[i])", "step.count.eq(now.count[i][:-2])"),
    (split, "the engine of a tile", "payload.tile[:turns] == number", "payload.tile[:turns] == number ^ 1"),
    (split, "the streams' seeds", "(self.lane & last_lane) == last_lane", "(self.lane & last_lane) == 0"),
]

EARLY = [
    (
        split,
        "a bit of an engine's rejected draws",
        "engine.rejected for engine in engines",
        "engine.rejected & ~(4 * (i == 0)) for i, engine in enumerate(engines)",
    ),
    (
        beats,
        "a held bit of a mass",
        "Mux(self.last, 0, mass)",
        "Mux(self.last, 0, Cat(mass[:4], found.mass[i][4]))",
    ),
]
"""Bugs that need draws rejected many at a time, and weights of the largest mass: `split` meets both at once."""

INT_SGD_MUTANTS = [
    (int_sgd, "the rounding", '"random_taken", self.random)', '"random_taken", self.random ^ 1)'),
    (int_sgd, "products too large", "over.eq(large | ", "over.eq("),
    (int_sgd, "the rail of a large product", "large & ~product[-1]", "large & product[-1]"),
    (int_sgd, "a beat that waits", "free.eq(~self.updated.valid | self.updated.ready)", "free.eq(1)"),
    (int_sgd, "a row for each beat", "row.ready.eq(advance & used)", "row.ready.eq(advance)"),
    (int_sgd, "a product that waits", "self.enable if self.pipelined else", "Const(1) if self.pipelined else"),
    (int_sgd, "the lower rail", "over & negative, 1 << (bits - 1)", "over & negative, 1 << (bits - 2)"),
    (int_sgd, "the upper rail", "over & ~negative", "over & negative"),
    (pointwise, "a lane's random bits", "bits * (i % share) :", "bits * (i % share) + 1 :"),
    (pointwise, "a lane's random word", "row[i // share]", "row[0]"),
    (pointwise, "the last place", "self.places - 1", "self.places - 2"),
    (pointwise, "gradients without weights", ".gradient_beat.valid & self.weight_data.valid", ".gradient_beat.valid"),
    (pointwise, "weights beyond the depth", "range(filled, self", "range(filled + 1, self"),
    (pointwise, "losses of a beat that waits", "Mux(written, unit.counted[name], 0)", "unit.counted[name]"),
    (pointwise, "the generators' seed", "unit.shift.eq(expander.strobe)", "unit.shift.eq(expander.busy)"),
    (pointwise, "generators that run on", 'fsm.ongoing("RESEED") | ~self.seeded', "~self.seeded"),
    (update, "a step without an end", "counters.steps + 1", "counters.steps"),
]

POWER_OF_TWO_MUTANTS = [
    (int_sgd, "the bits that round", "self.rate >= f - i if", "self.rate > f - i if"),
    (int_sgd, "a rate", "as_signed() >> ~rate", "as_signed() >> rate"),
    (int_sgd, "the largest shift", "wanted[f - largest :]", "wanted[f - largest + 1 :]"),
    (int_sgd, "the sign of a sum", "(~differ & weight[-1])", "(~differ & change[0])"),
    (int_sgd, "a row for each beat", "(Const(1), self.operands.valid) if", "(Const(1), Const(1)) if"),
    (int_sgd, "a beat without a row", "(Const(1), self.operands.valid) if", "(Const(0), self.operands.valid) if"),
]

OTHER_KINDS = [
    (kinds, "pcg32", "the multiplier", "6364136223846793005", "6364136223846793007"),
    (kinds, "pcg32", "the increment's lowest bit", "Cat(1, s[2][1:]", "Cat(0, s[2][1:]"),
    (kinds, "xoroshiro128aox", "a rotation", "rotate_left(55)", "rotate_left(54)"),
    (kinds, "xoroshiro128aox", "the output's second rotation", "| both[:32]", "| both[1:33]"),
    (kinds, "lfsr128", "a tap", "101, 99", "101, 98"),
    (kinds, "trivium", "a product", "bit(286, i) & bit(287, i)", "bit(286, i) & bit(288, i)"),
    (kinds, "trivium", "a feedback", "bit(264, i)", "bit(263, i)"),
    (kinds, "philox4x32-10", "the rounds", "ROUNDS = 10", "ROUNDS = 9"),
    (kinds, "philox4x32-10", "the counter", "self.number + ~self.restart", "self.number"),
]


FLOAT_MUTANTS = [
    (float_datapath, "bits that a shift keeps", "e4m3", "lost | (shift & differs", "lost | (differs"),
    (float_datapath, "lost bits of a difference", "e4m3", "(value ^ fill.replicate(len(value))).any()", "value.any()"),
    (float_datapath, "a subnormal's shift", "e4m3", "limit[k] & ~value[-(2**k) :]", "~value[-(2**k) :]"),
    (float_datapath, "a limit that binds no more", "e4m3", " | (limit[k] & ~shift).replicate(k))", ")"),
    (
        float_datapath,
        "what a product that won leaves below",
        "e4m3",
        "Cat(fill.replicate(",
        "Cat(Const(0, 1).replicate(",
    ),
    (float_frame, "the guard bits", "stochastic", "max(self.kept - self.leading, 0)", "0"),
    (float_frame, "the head above the product", "e4m3", "return self.kept + self.addend", "return self.kept - 2"),
    (float_frame, "shifts after a cancellation", "e4m3", "(self.guard > 0)).bit_length()", "4).bit_length() - 1"),
    (
        float_frame,
        "the largest exponent",
        "bf16",
        "return _largest_field(self.weights)",
        "return 2**self.weights.exponent_bits",
    ),
    (float_frame, "a product without a carry", "power of two", 'carry = 2 if self.rate == "any" else 1', "carry = 2"),
    (
        float_frame,
        "random bits of a rounding",
        "stochastic",
        "max(self.random_bits, 1)",
        "max(self.random_bits - 1, 1)",
    ),
    (float_adder, "the sign of a difference", "separate", "(won ^ w_leads)", "won"),
    (float_adder, "the place of a product", "separate", "Cat(product, Const(0, 1))", "Cat(Const(0, 1), product)"),
    (float_adder, "a distance beyond the frame", "separate", " | apart[bits:].any().replicate(bits)", ""),
    (float_adder, "bits lost on the way", "separate", "(amount[k] & differs", "(~amount[k] & differs"),
    (float_adder, "a bias", "separate", "borrow: Value = Const(1, 1)", "borrow: Value = Const(0, 1)"),
    (float_datapath, "a product of 0", "separate", "tiny | cleared", "tiny"),
    (float_step, "a product rounded at random", "separate", "random_bits=0, addend", "addend"),
    (
        float_step,
        "the product's format",
        "separate",
        "OrdinaryFrame(weights, weights,",
        "OrdinaryFrame(weights, gradients,",
    ),
    (float_step, "a weight beside its product", "separate", "self.w, self._ahead)", "self.w, self._ahead - 1)"),
    (float_step, "random bits too early", "separate", "self._ahead + self._last.draw", "self._last.draw"),
    (float_step, "a register that does not wait", "separate", "with m.If(enable):", "with m.If(enable | ~enable):"),
    (
        float_sgd,
        "the sign of the momentum",
        "stochastic",
        "self.momentum ^ (1 << (len(self.momentum) - 1))",
        "self.momentum",
    ),
    (
        float_sgd,
        "a velocity beside its weight",
        "stochastic",
        "own.result, step.latency)",
        "own.result, step.latency - 1)",
    ),
    (float_sgd, "a weight beside its velocity", "stochastic", "weight, self._ahead)", "weight, self._ahead - 1)"),
    (float_sgd, "rounding without random bits", "stochastic", "free & (rows.valid | ~rounding)", "free"),
    (float_sgd, "a result taken once", "stochastic", "valid[-1].eq(0)", "valid[-1].eq(1)"),
    (float_datapath, "the sticky bit", "e4m3", "else lost | significand[0]", "else significand[0]"),
    (float_datapath, "a tie", "e4m3", "else lost | significand[0]", "else lost | ~significand[0]"),
    (float_datapath, "infinity times zero", "bf16", "(lr_.infinite & g_.zero) | ", ""),
    (float_datapath, "infinity less infinity", "bf16", "product_infinite & subtract)", "product_infinite & ~subtract)"),
    (float_datapath, "an exponent too large", "bf16", "exponent >= f.largest_field", "exponent > f.largest_field"),
    (float_datapath, "a subnormal's exponent", "bf16", "Cat(field[0] | ~normal, field[1:])", "field"),
    (
        float_datapath,
        "a subnormal to be flushed",
        "separate",
        "fraction & normal.replicate(len(fraction)), normal)",
        "fraction, normal)",
    ),
    (float_datapath, "the sign of a difference of 0", "e4m3", "sign & ~(nothing & subtract)", "sign"),
    (float_datapath, "the 1 a product still lacks", "e4m3", "negative & ~lost)", "negative)"),
    (
        float_datapath,
        "the sign of what is no number",
        "e4m3",
        "own_sign & ~nan)",
        "own_sign)",
    ),
    (float_datapath, "the sign of a power of two", "power of two", "lr, Const(0, 1))", "lr, Const(1, 1))"),
]

FLOATS = {
    "e4m3": {"weights": "e4m3"},
    "bf16": {"weights": "bf16", "stages": "comb"},
    "stochastic": {"weights": "e4m3", "momentum": True, "random_bits": 5, "prng": "philox4x32-10"},
    "separate": {
        "weights": "bf16",
        "gradients": "e5m2",
        "multiply": "separate",
        "subnormals": "flushed",
        "random_bits": 8,
    },
    "power of two": {"weights": "bf16", "rate": "power_of_two"},
}

FORMS = ("search", "tree", "split")

OPTIONS = {
    "signs": {"gradient_encoding": "sign_magnitude"},
    "means": {"gradient_encoding": "sign_magnitude", "momentum_bits": 9, "trials_shift": 5},
}


def config(form: str, prng: str = "xoshiro128++") -> RuleConfig:
    if form in FLOATS:
        return FloatSGDConfig(name="mutant", depth=45, lanes=2, **FLOATS[form])
    if form == "int_sgd":
        # Two words for a beat, a spare lane, products wider than a weight with its fraction.
        widths = {"weight_bits": 4, "gradient_bits": 8, "rate_bits": 8, "fraction_bits": 9}
        return IntSGDConfig(name="mutant", **widths, depth=22, lanes=4, prng=prng)
    if form == "int_sgd at 2^k":
        widths = {"weight_bits": 4, "gradient_bits": 5, "rate_bits": 2, "fraction_bits": 4}
        return IntSGDConfig(name="mutant", **widths, depth=22, lanes=4, rate="power_of_two", prng=prng)
    shape = {"weight_bits": 4, "gradient_bits": 5, "smoothing_bits": 2, "gate_bits": 4, "prng": prng}
    if form == "split":
        # A beat missing in the last tile, tiles missing in the tree, several nodes above the subtrees.
        shape |= {"depth": 37, "lanes": 2, "tile": 4, "subtrees": 4, "tile_streams": 4, "engines": 2, "prng_lanes": 2}
        return UnitConfig(name="mutant", **shape, sampler="split")
    # Several levels of each kind, slices that lie beyond the depth.
    shape |= {"depth": 53, "lanes": 16, "probe": 4, "prng_lanes": 4}
    return UnitConfig(name="mutant", **shape, **OPTIONS.get(form, {}), form="tree" if form in OPTIONS else form)


def plant(monkeypatch, module: ModuleType, old: str, new: str) -> None:
    """Run a changed text of a module in its place: all circuits are imported anew, so whoever uses it uses this one."""
    source = inspect.getsource(module)
    assert old in source, f"{module.__name__} no longer says {old!r}: change the mutant"
    for name in [name for name in sys.modules if name.startswith("zimu.rtl.")]:
        monkeypatch.setattr(zimu.rtl, name.rpartition(".")[2], sys.modules[name])  # importing sets it too
        monkeypatch.delitem(sys.modules, name)
    changed = ModuleType(module.__name__)
    monkeypatch.setitem(sys.modules, module.__name__, changed)
    exec(compile(source.replace(old, new), module.__name__, "exec"), vars(changed))
    fresh = {name: import_module(f"zimu.rtl.{name}") for name in ("update", "onchip")}
    tops = {"core": {"ports": fresh["update"].update_core}, "unit": {"apb": fresh["onchip"].ZimUnit}}
    monkeypatch.setattr(verilog, "TOPS", tops)


STEPS = {"core": 30, "unit": 120}
"""Of a bench, by top. At one step in ten the unit's driver begins what it then rewinds, and not all of that can go
wrong: in 30 steps two seeds of three see that half a beat is not forgotten, in 120 all that were tried."""


def caught(form: str, top: str, prng: str = "xoshiro128++", steps: int | None = None) -> bool:
    simulator = next((name for name in available() if name == "icarus"), None)
    if simulator is None:
        pytest.skip("iverilog is not installed; `zimu doctor` says how to get it")
    # A change may close a loop without a register, which a simulator runs round for ever.
    return not verify(
        config(form, prng), steps=steps or STEPS[top], seed=11, simulator=simulator, top=top, timeout=120
    ).agreed


def planted(rows, part=itemgetter(0)) -> list[Any]:
    """Parameters of rows (module, name, ...): the first of every fourth part at every change, the others by night."""
    seen = []
    parameters = []
    for row in rows:
        module, name, *rest = row
        first = part(row) not in seen
        marks = [] if first and len(seen) % 4 == 0 else [pytest.mark.nightly]
        parameters.append(pytest.param(module, *rest, id=name, marks=marks))
        seen += [part(row)] if first else []
    return parameters


def first_by_day(names: Iterable[str]) -> list[Any]:
    """Parameters: the first at every change, the others by night."""
    return [pytest.param(name, marks=[pytest.mark.nightly] * (place > 0)) for place, name in enumerate(names)]


def test_every_bug_is_planted_in_the_text_as_it_is():
    tables = (MUTANTS, FORM_MUTANTS, OPTION_MUTANTS, SPLIT_MUTANTS, EARLY, INT_SGD_MUTANTS, POWER_OF_TWO_MUTANTS)
    for module, *_, old, new in [row for table in (*tables, OTHER_KINDS, FLOAT_MUTANTS) for row in table]:
        assert old != new
        assert old in inspect.getsource(module), f"{module.__name__} no longer says {old!r}: change the mutant"


@pytest.mark.parametrize(("module", "old", "new"), planted(MUTANTS))
def test_the_bench_sees_a_wrong_constant_or_operator(monkeypatch, module, old, new):
    plant(monkeypatch, module, old, new)
    # The core's memories answer late and its trials meet; the unit has the bus.
    top = "unit" if module in (registers, onchip, words) else "core"
    assert any(caught(form, top) for form in ("search", "tree"))


@pytest.mark.parametrize(
    ("module", "form", "old", "new"),
    planted([(m, f"{form}: {name}", form, o, n) for m, form, name, o, n in FORM_MUTANTS], part=itemgetter(2)),
)
def test_the_bench_sees_a_wrong_selection(monkeypatch, module, form, old, new):
    plant(monkeypatch, module, old, new)
    assert caught(form, "core")


@pytest.mark.parametrize(
    ("module", "form", "old", "new"),
    planted([(m, f"{form}: {name}", form, o, n) for m, form, name, o, n in OPTION_MUTANTS], part=itemgetter(2)),
)
def test_the_bench_sees_a_wrong_option(monkeypatch, module, form, old, new):
    plant(monkeypatch, module, old, new)
    assert caught(form, "unit" if module in (registers, onchip, words) else "core")


@pytest.mark.parametrize(("module", "old", "new"), planted(SPLIT_MUTANTS))
def test_the_bench_sees_a_wrong_split(monkeypatch, module, old, new):
    plant(monkeypatch, module, old, new)
    assert caught("split", "core")


@pytest.mark.parametrize(("module", "old", "new"), planted(EARLY))
def test_the_bench_sees_rare_faults_within_six_steps(monkeypatch, module, old, new):
    plant(monkeypatch, module, old, new)
    assert caught("split", "core", steps=6)


@pytest.mark.parametrize(("module", "old", "new"), planted(INT_SGD_MUTANTS))
def test_the_bench_sees_a_wrong_integer_rival(monkeypatch, module, old, new):
    plant(monkeypatch, module, old, new)
    assert caught("int_sgd", "core")


@pytest.mark.parametrize(("module", "old", "new"), planted(POWER_OF_TWO_MUTANTS))
def test_the_bench_sees_a_wrong_integer_rival_without_multiplier(monkeypatch, module, old, new):
    plant(monkeypatch, module, old, new)
    # Only a generator that pauses tells whether a beat waits for it.
    assert caught("int_sgd at 2^k", "core", "philox4x32-10")


@pytest.mark.parametrize(("module", "form", "old", "new"), planted(FLOAT_MUTANTS))
def test_the_bench_sees_a_wrong_floating_point_rival(monkeypatch, module, form, old, new):
    plant(monkeypatch, module, old, new)
    assert caught(form, "core")


@pytest.mark.parametrize(
    ("module", "kind", "old", "new"),
    planted([(m, f"{kind} {name}", kind, o, n) for m, kind, name, o, n in OTHER_KINDS], part=itemgetter(2)),
)
def test_the_bench_sees_a_wrong_generator(monkeypatch, module, kind, old, new):
    plant(monkeypatch, module, old, new)
    assert caught("tree", "core", kind)


@pytest.mark.parametrize("kind", first_by_day(generators.KINDS))
def test_the_unchanged_generator_passes_the_same_bench(kind):
    assert not caught("tree", "core", kind)


@pytest.mark.parametrize("form", first_by_day([*FORMS, *OPTIONS]))
@pytest.mark.parametrize("top", ["core", "unit"])
def test_the_unchanged_circuit_passes_the_same_bench(monkeypatch, form, top):
    plant(monkeypatch, gate, "following", "following")
    assert not caught(form, top)


@pytest.mark.parametrize("form", first_by_day(["int_sgd", "int_sgd at 2^k", *FLOATS]))
def test_the_unchanged_rival_passes_the_same_bench(monkeypatch, form):
    plant(monkeypatch, pointwise, "PointwiseCore", "PointwiseCore")
    assert not caught(form, "core")


@pytest.mark.nightly
@pytest.mark.parametrize("form", [*FORMS, "int_sgd"])
def test_the_bench_kills_random_mutants_of_the_netlist(monkeypatch, form):
    # Yosys changes one bit of one cell. The netlist is taken apart into bits first and rid of those that nothing looks
    # at, such as the high bits of words that are masked. Some changes still leave the function as it is; the share
    # below is a bound for the bench, not for those.
    bits = ["proc", "flatten", "opt -full", "simplemap", "opt -full", "opt_clean -purge"]
    mutants, right, survivors = 40, verilog.yosys, []
    for seed in range(mutants + 1):
        log = []

        def mutated(script, seed=seed, log=log, **options):
            *first, write = script
            choice = [f"mutate -list 1 -seed {seed} -o mutant.ys", "exec -- cat mutant.ys", "script mutant.ys"]
            text = right([*first, *bits, *choice[: 3 * (seed > 0)], write], **options)
            log += re.findall(r"mutate -mode .*", text)
            return text

        monkeypatch.setattr(verilog, "yosys", mutated)
        try:
            killed = caught(form, "core")
        except ToolError:
            killed = True  # the simulation itself broke
        if seed == 0:
            assert not killed  # nothing was changed
        elif not killed:
            survivors.append(log[0])
    print(*survivors, sep="\n")
    assert len(survivors) <= mutants // 5, survivors
