"""The jobs of measuring a design on a target: one synthesises it, and one for each seed places it."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from zimu.cost.cache import Cache
from zimu.cost.content import digest
from zimu.cost.jobs import Job, Measurement
from zimu.cost.target import Figure, Synthesis, Target
from zimu.golden.errors import ToolError, ZimuError


@dataclass(frozen=True)
class TargetJob(Job):
    """One step of measuring a design on a target.

    Parameters
    ----------
    target : the target.
    identity : the target's, which takes a while to tell.
    design : the key of its RTLIL text in the cache.
    seed : to place with; None to synthesise.
    """

    target: Target
    identity: str
    design: str
    seed: int | None = None

    @property
    def key(self) -> str:
        return digest(self.identity, self.design, str(self.seed))

    @property
    def place(self) -> str:
        return self.target.name

    def do(self, cache: Cache, scratch: Path) -> list[Figure]:
        if self.seed is None:
            return self._synthesise(cache, scratch).figures
        # Who keeps a cache small removes netlists first.
        netlist = cache.text("netlists", self._synthesis) or self._synthesise(cache, scratch).netlist
        return self.target.place(netlist, self.seed, _folder(scratch, "placed"))

    @property
    def _synthesis(self) -> str:
        """The key of the job that this one follows, or is."""
        return replace(self, seed=None).key

    def _synthesise(self, cache: Cache, scratch: Path) -> Synthesis:
        """What synthesis gives; the netlist and the parts are kept."""
        design = cache.text("designs", self.design)
        if design is None:
            raise ToolError(f"{cache.folder}: a design was removed while it was in use; try again")
        synthesis = self.target.synthesise(design, _folder(scratch, "synthesised"))
        if synthesis.netlist:
            cache.keep_text("netlists", self._synthesis, synthesis.netlist)
        if synthesis.parts:
            cache.keep_text("parts", self._synthesis, json.dumps(synthesis.parts, sort_keys=True))
        return synthesis


def _folder(scratch: Path, name: str) -> Path:
    folder = scratch / name
    folder.mkdir()
    return folder


def measurement(target: Target, design: str, cache: Cache) -> Measurement:
    """What is to be done for a design, whose key in the cache is given, on a target."""
    try:
        syntheses = [TargetJob(way, way.identity, design) for way in target.ways]
    except ZimuError as error:
        return Measurement([], cache, str(error))
    placements = [replace(syntheses[0], seed=seed) for seed in range(1, target.seeds + 1)]
    return Measurement([syntheses, placements], cache)


def figures_of(target: Target, design: str, done: Measurement, cache: Cache) -> list[Figure]:
    """The figures of a design on a target, once all was done."""
    if done.reason:
        return target.missing(done.reason)
    synthesis, placements = done.figures[_chosen(target, done)], done.figures[len(target.ways) :]
    return target.summarise(cache.text("designs", design) or "", synthesis, placements)


def parts_of(target: Target, done: Measurement, cache: Cache) -> dict[str, dict[str, float]]:
    """The sizes of a design's parts by name of a metric, once all was done; empty where they are not in the cache."""
    text = None if done.reason else cache.text("parts", done.keys[_chosen(target, done)])
    found: dict[str, dict[str, float]] = json.loads(text) if text else {}
    return found


def _chosen(target: Target, done: Measurement) -> int:
    """Which synthesis counts."""
    return target.choose(done.figures[: len(target.ways)])
