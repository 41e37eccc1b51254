"""How many clocks a step of the core takes: a model, which tests hold against simulation."""

from amaranth.utils import bits_for, ceil_log2

from zimu.golden.config import UnitConfig
from zimu.golden.rule import WORD_BITS
from zimu.rtl.generators import KINDS
from zimu.rtl.selection import form_of
from zimu.rtl.tiles import AHEAD, beats_of_tile, candidates_of_row, contexts_of_engine

SHARES = [2 ** -((i + 0.5) / 64) for i in range(64)]
"""Shares a = M / 2^ceil(log2 M) of acceptable candidates, for M spread evenly on a log scale."""


def step_cycles(config: UnitConfig, *, trials: int, opened: int | None = None) -> float:
    """Expected clocks of one step with memories that answer in the next clock, for W spread evenly on a log scale.

    Parameters
    ----------
    trials : n.
    opened : N, the trials that pass the gate; all by default.
    """
    opened = trials if opened is None else opened
    return (_split_cycles if config.sampler == "split" else _inverse_cycles)(config, trials, opened)


def _inverse_cycles(config: UnitConfig, trials: int, opened: int) -> float:
    """The sampler ``inverse``.

    The terms: the sum pass and its pipeline; one clock for each trial in the gate, and for those that open the clocks
    lost on rows of random words without an acceptable draw; the sampler's pipeline once. It takes longer than that
    where a search's probes do, its way down the lanes, or generators that do not give a row in each clock.
    """
    levels, lane_levels = ceil_log2(config.beats), ceil_log2(config.lanes)
    per_draw = _clocks_per_draw(config.row_words // config.draw_words) * max(config.row_words // config.prng_lanes, 1)
    drawing = max(trials + opened * (per_draw - 1), _clocks_of_words(config, trials, opened))
    drawing = max(drawing, opened * form_of(config).clocks(config))
    # The mask of the draws grows a bit a clock while W does.
    summing = max(config.beats, bits_for(config.max_mass - 1)) + 7
    return summing + drawing + (levels + lane_levels + 7 if opened else 0)


def _clocks_of_words(config: UnitConfig, trials: int, opened: int) -> float:
    """Clocks until gate and draws have their random words, from generators that pause between them.

    Each takes a word in a clock in which the other has one too, which makes both together slower than the slower one;
    the fourth powers are fitted to simulations.
    """
    kind = KINDS[config.prng]
    gating = trials if config.gate == "trial" else 0
    drawing = opened * config.draw_words / config.prng_lanes * sum(1 / a for a in SHARES) / len(SHARES)
    clocks = [rows + max(rows - kind.rows_ahead, 0) * (kind.row_clocks - 1) for rows in (gating, drawing)]
    return sum(each**4 for each in clocks) ** 0.25 if kind.row_clocks > 1 else max(clocks)


def _clocks_per_draw(candidates: int) -> float:
    """Mean clocks from one accepted draw to the next.

    A row of ``candidates`` takes as many clocks as it holds acceptable ones, but at least one.
    """
    return sum(1 + (1 - a) ** candidates / (candidates * a) for a in SHARES) / len(SHARES)


def _split_cycles(config: UnitConfig, trials: int, opened: int) -> float:
    """The sampler ``split``, for masses spread evenly over the weights.

    The terms: the sum pass and its pipeline; the gate; the way down to the first tile; and then the longest of three,
    which go on side by side: the splitter's way through the rest of the tree, the reader's beats, the engines' tiles.
    """
    summing = config.beats + 11
    gating = 1.0
    if config.gate == "trial" and 0 < opened < trials:
        gating = _clocks_per_binomial(config, trials)
    if not opened:
        return summing + gating
    # Nodes with trials on each level, and the clocks of one of them.
    levels = ceil_log2(config.leaves)
    nodes = [_visited(2**level, opened) for level in range(levels + 1)]
    clocks = [_clocks_per_binomial(config, opened / count) + 3 for count in nodes[:-1]]
    first = sum(clocks)
    splitting = sum(count * each for count, each in zip(nodes, clocks, strict=False)) + nodes[-1]
    if config.split.subtrees > 1:
        splitting += 4 * _visited(config.split.subtrees, opened)

    tiles, beats, engines = nodes[-1], beats_of_tile(config), config.split.engines
    drawing = opened / tiles * _clocks_per_draw(candidates_of_row(config))
    # The pipeline runs empty, the counts leave, the next tile comes in. Its beats are asked for some clocks before this
    # one ends, or when it begins. Engines wait for each other at the two ports.
    each = drawing + 2 + 2 * beats + max(AHEAD - drawing - beats - 3, 0) + 0.75 * (engines - 1)
    if contexts_of_engine(config) > 1:
        each += 2
    # The engine with most to do counts: about 0.55 log2 K standard deviations above the mean of K.
    share = tiles / engines
    most = share * each + 0.55 * ceil_log2(engines) * (share * drawing) ** 0.5
    reading = tiles * (beats + 1)
    return summing + gating + first + max(splitting - first + each, most, reading + each) + 8


def _visited(places: int, trials: float) -> float:
    """Of some places of equal mass, those that get a trial, on average."""
    return places * (1 - (1 - 1 / places) ** trials)


def _clocks_per_binomial(config: UnitConfig, trials: float) -> float:
    """Clocks of a binomial number: half of the trials are decided in each round, in a row's bits a clock."""
    row = WORD_BITS * config.prng_lanes
    total, undecided = 0.0, trials
    for level in range(64):
        happens = 1 - (1 - 2.0**-level) ** trials
        # A round whose words lie in two rows takes a clock more.
        total += happens * max(1, (undecided + row / 2) / row)
        undecided /= 2
    return total
