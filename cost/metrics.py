"""What figures are of: a metric is one record, which tables, charts and verdicts take all they show of it from.

Here are the record and the metrics of several targets. One that a single target has, or counts in cells of its own, is
a record in that target's file; `per_throughput`, `time_per_weight` and `times_time` make those that follow from it.
"""

from dataclasses import dataclass

from zimu.golden.errors import InputError

DASH = "\N{EM DASH}"
"""What stands for a value that was not measured."""

NARROW = 8
"""Columns of a terminal that a line of a heading takes at most, where its words let it."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """What a figure is of.

    Parameters
    ----------
    name : what rows call it; targets of different technologies use one name for what has one role.
    title : what readers call it.
    uom : unit of measure, what values are counted in.
    narrow : ``uom`` broken into lines about as narrow as the figures below them.
    label : a word before ``narrow``, where that alone does not say what is counted.
    per_weight : whether it is, or follows from, the throughput.
    group : the table it stands in, beside that of what was measured and that of figures per weight.
    charted : whether units get bars.
    judged : whether units are held against each other in it.
    smaller_is_better : who wins then.
    optional : whether a design of which there are none has no figure.

    Raises
    ------
    InputError
        there is no name, title or unit of measure.
    """

    name: str
    title: str
    uom: str
    narrow: str = ""
    label: str = ""
    per_weight: bool = False
    group: str = ""
    charted: bool = False
    judged: bool = False
    smaller_is_better: bool = True
    optional: bool = False

    def __post_init__(self) -> None:
        for field in ("name", "title", "uom"):
            if not getattr(self, field).strip():
                raise InputError(f"metric {self.name!r}: {field} is empty: must say what readers see")

    @property
    def heading(self) -> str:
        """Lines to stand above its figures on a terminal; they name the unit of measure."""
        lines = self.narrow or self.uom
        return f"{self.label},\n{lines}" if self.label else lines

    def text(self, value: float | None) -> str:
        """A value for readers: integers whole, others with four significant digits, thousands parted; None a dash."""
        if value is None:
            return DASH
        if value == int(value) or abs(value) >= 1000:
            return f"{value:,.0f}"
        return f"{value:.4g}"


@dataclass(frozen=True, kw_only=True)
class Derived(Metric):
    """A metric that is not measured: size times clock period over weights per cycle; a factor that is None is left out.

    Parameters
    ----------
    size : a metric of the same target.
    clock : one in MHz, whose inverse is the period, or in ns.
    """

    per_weight: bool = True
    size: Metric | None = None
    clock: Metric | None = None


FLIP_FLOPS = Metric(name="ff", title="Flip-flops", uom="flip-flops", narrow="flip-\nflops", charted=True)
MEMORY_BITS = Metric(name="memory_bits", title="Memory bits", uom="bits", narrow="memory\nbits")
CLOCK = Metric(
    name="fmax_mhz", title="Clock frequency", uom="MHz", label="clock", charted=True, smaller_is_better=False
)
THROUGHPUT = Metric(
    name="weights_per_cycle",
    title="Throughput",
    uom="weights/cycle",
    narrow="weights\n/cycle",
    per_weight=True,
    smaller_is_better=False,
)
"""What all `Derived` are divided by; given for every unit that updates weights, on every target."""


MEMORY = "memory"
"""Where figures of the memories around a unit stand, as others stand at a target: no technology changes them."""


def _bytes(what: str, title: str, *, judged: bool = False, optional: bool = False) -> Metric:
    """Bytes through ports of the memories around a unit."""
    return Metric(
        name=f"{what}_bytes_per_weight",
        title=title,
        uom="bytes/weight",
        narrow="bytes\n/weight",
        label=what,
        per_weight=True,
        charted=judged,
        judged=judged,
        optional=optional,
    )


GRADIENT_BYTES = _bytes("gradient", "Gradients read")
WEIGHT_BYTES = _bytes("weight", "Weights read and written")
MEAN_BYTES = _bytes("mean", "Means or velocities read and written", optional=True)
MEMORY_BYTES = _bytes("memory", "Memory traffic", judged=True)
"""All of them."""

MEMORY_METRICS = (GRADIENT_BYTES, WEIGHT_BYTES, MEAN_BYTES, MEMORY_BYTES, THROUGHPUT)
"""What `MEMORY` has figures of, counted in simulated steps."""


def _energy(name: str, title: str, label: str, *, judged: bool = False) -> Metric:
    """A part of the energy of an update, from simulated steps (``cost/energy.py``, ``cost/memory.py``)."""
    return Metric(
        name=f"{name}_pj_per_weight",
        title=title,
        uom="pJ/weight",
        narrow="pJ\n/weight",
        label=label,
        per_weight=True,
        group="energy",
        charted=judged,
        judged=judged,
        optional=True,
    )


ENERGY = _energy("energy", "Energy per weight", "core", judged=True)
"""Of the core; its memories and those around it are not in it."""

ENERGY_PARTS = (
    _energy("datapath", "Datapath", "data-\npath"),
    _energy("random_words", "Random words", "random\nwords"),
    _energy("clock", "Clock", "clock"),
    _energy("leakage", "Leakage", "leak-\nage"),
)
"""They add up to `ENERGY`."""

RANDOM_CLOCK = _energy("random_words_clock", "Clock of random words", "clock of\nrandom\nwords")
"""The part of the clock's energy that the generators' flip-flops take."""

MEMORY_AREA = Metric(
    name="memory_area_um2",
    title="Memories inside, Aladdin, 40 nm",
    uom="um2",
    label="RAMs,\n40 nm",
    optional=True,
)
"""Area of the unit's own memories, by the one table that has areas; of another technology than the rest."""

MEMORY_ENERGY = {
    ("inside", "horowitz"): _energy("inside_horowitz", "Memories inside, Horowitz", "inside,\n45 nm"),
    ("inside", "aladdin"): _energy("inside_aladdin", "Memories inside, Aladdin", "inside,\n40 nm"),
    ("sram", "horowitz"): _energy("sram_horowitz", "Around, SRAM, Horowitz", "SRAM,\n45 nm"),
    ("sram", "aladdin"): _energy("sram_aladdin", "Around, SRAM, Aladdin", "SRAM,\n40 nm"),
    ("dram_low", "horowitz"): _energy("dram_low_horowitz", "Around, DRAM, Horowitz, least", "DRAM,\n45 nm,\nleast"),
    ("dram_high", "horowitz"): _energy("dram_high_horowitz", "Around, DRAM, Horowitz, most", "DRAM,\n45 nm,\nmost"),
}
"""By place and table: the unit's own memories, and those around it if they are SRAM or DRAM."""


def time_per_weight(clock: Metric) -> Derived:
    """The clock period over weights per cycle."""
    return Derived(
        name="ns_per_weight",
        title="Time per weight",
        uom="ns/weight",
        narrow="ns\n/weight",
        charted=True,
        judged=True,
        clock=clock,
    )


def per_throughput(size: Metric, title: str, *, charted: bool = False, judged: bool = False) -> Derived:
    """A size over weights per cycle."""
    return Derived(
        name=f"{size.name}_per_wpc",
        title=title,
        uom=f"{size.uom} per weight/cycle",
        narrow=f"{_with(size, 'per')}\nweight\n/cycle",
        charted=charted,
        judged=judged,
        size=size,
    )


def times_time(size: Metric, clock: Metric, title: str) -> Derived:
    """A size times the time per weight."""
    return Derived(
        name=f"{size.name}_ns_per_weight",
        title=title,
        uom=f"{size.uom} * ns/weight",
        narrow=f"{_with(size, '*')}\nns\n/weight",
        judged=True,
        size=size,
        clock=clock,
    )


def _with(size: Metric, word: str) -> str:
    """The size's unit of measure in narrow lines, and a word after it."""
    lines = size.narrow or size.uom
    last = lines.rpartition("\n")[2]
    return f"{lines} {word}" if len(f"{last} {word}") <= NARROW else f"{lines}\n{word}"
