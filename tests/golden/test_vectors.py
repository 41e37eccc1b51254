"""Vector files: what is frozen stays, covers the corners, and no damaged file is taken."""

import hashlib
import random
import re
import shutil
import subprocess
from typing import get_args

import numpy as np
import pytest

from zimu.golden.errors import InputError
from zimu.golden.rule import RULES, PrngKind
from zimu.golden.scenarios import SCENARIOS, write_all
from zimu.golden.unit import Counters, ReferenceUnit
from zimu.golden.update import reference
from zimu.golden.vectors import HEADER_WORDS, Difference, Mismatch, Stimulus, VectorSet, frozen_sets, set_words

FROZEN = frozen_sets()
SMALL = "wide_beat"
"""A frozen set that is small enough to be damaged at every byte."""


def load_all() -> list[VectorSet]:
    return [VectorSet.load(path) for path in FROZEN.values()]


def values(trials, threshold, smoothing):
    return {"trials": trials, "threshold": threshold, "smoothing": smoothing}


def checksummed(text: str) -> str:
    """The text with a second line that fits, as someone would forge it."""
    first, second, rest = text.split("\n", 2)
    digest = hashlib.sha256(f"{first}\n{second[:12]}\n{rest}".encode()).hexdigest()
    return f"{first}\n{second[:12]}{digest}\n{rest}"


# What is frozen


@pytest.mark.parametrize("name", FROZEN)
def test_the_reference_replays_every_frozen_set(name):
    assert VectorSet.load(FROZEN[name]).replay(reference) is None


def test_frozen_files_are_what_the_scenarios_record(tmp_path):
    again = write_all(tmp_path)
    assert [path.stem for path in sorted(again)] == list(FROZEN)
    for path in again:
        assert path.read_bytes() == FROZEN[path.stem].read_bytes()
    assert len({scenario.config.name for scenario in SCENARIOS}) == len(SCENARIOS)


def test_frozen_sets_cover_the_corners_of_the_contract():
    """Every corner is met with an effect that can be seen, so that none is there in name only."""
    met = set()
    for vectors in (each for each in load_all() if each.config.rule == "zim" and not each.config.options):
        config, weights, before = vectors.config, vectors.memory["weights"], None
        met.add(f"weight_bits {config.weight_bits}")
        met.add(f"gradient_bits {config.gradient_bits}")
        met.add(f"gate_bits {config.gate_bits}")
        met.add(config.prng)
        if config.sampler == "inverse":
            met.add(f"{config.draw_words} words, {config.prng_lanes} lanes")
        else:
            met.add(f"split, {config.draw_bits} bits, gate {config.gate}")
            met.add(f"split, {min(config.tiles, 2)} tiles, {min(config.leaves - config.tiles, 1)} without weights")
            met.add(f"split, {min(config.split.subtrees, 2)} subtrees, {min(config.split.tile_streams, 2)} streams")
        if config.depth % config.lanes:
            met.add("padding lanes")
        for number, step in enumerate(vectors.steps):
            counters, after = Counters(**step.counters), step.memory["weights"]
            delta = counters.since(before) if before else counters
            gradients, (n, T, c) = step.stimulus.gradients, step.stimulus.registers.values()
            middle = 0 < T < config.max_threshold
            if not delta.empty_steps and n:
                met.add(f"{config.gate} gate, T {'inside' if middle else 'at an end'}: {_share(delta.open_trials, n)}")
            corners = {
                "n = 0": n == 0,
                "T = 0": T == 0 < n,
                "T = 2^32": T == 2**32 and delta.open_trials == n,
                "empty": delta.empty_steps and n,
                "normal after empty": number and before.mass == 0 and delta.open_trials,
                "all gradients most negative": set(gradients) == {config.gradient.limits[0]} and delta.open_trials,
                "one weight": config.depth == 1 and after != weights,
                "W = 1": delta.mass == 1 and delta.open_trials,
                "W a power of two": delta.mass > 1 and delta.mass.bit_count() == 1 and not delta.rejected_draws,
                "W just above": (delta.mass - 1).bit_count() == 1 and 2 * delta.rejected_draws > delta.open_trials,
                "W = 2^32": delta.mass == 2**32 and delta.open_trials,
                "W above 2^32": delta.mass > 2**32 and delta.open_trials,
                "two words for a small W": config.draw_words == 2 and delta.mass < 2**16 and delta.open_trials,
                "no smoothing": config.smoothing_bits == 0 and delta.open_trials,
                "largest smoothing": c == 2**16 - 1 and delta.open_trials,
                "discarded": delta.discarded_trials,
                "lower rail": delta.saturations and config.weight.limits[0] in after,
                "upper rail": delta.saturations and config.weight.limits[1] in after,
            }
            met |= {corner for corner, seen in corners.items() if seen}
            weights, before = after, counters
    wanted = {f"weight_bits {bits}" for bits in (2, 4, 8, 16, 32)} | set(corners)
    wanted |= {f"gradient_bits {bits}" for bits in (2, 4, 8, 16, 32)}
    wanted |= {"gate_bits 1", "gate_bits 32", "padding lanes"}
    wanted |= {f"1 words, {lanes} lanes" for lanes in (1, 2, 4, 16)} | {
        f"2 words, {lanes} lanes" for lanes in (1, 2, 4)
    }
    wanted |= {f"{gate} gate, T at an end: {share}" for gate in ("trial", "step") for share in ("none", "all")}
    wanted |= {"trial gate, T inside: some", "step gate, T inside: none", "step gate, T inside: all"}
    wanted |= set(get_args(PrngKind))
    wanted |= {"split, 16 bits, gate trial", "split, 16 bits, gate step", "split, 32 bits, gate trial"}
    wanted |= {"split, 1 tiles, 0 without weights", "split, 2 tiles, 0 without weights"}
    wanted |= {"split, 2 tiles, 1 without weights"}
    wanted |= {f"split, {subtrees} subtrees, {streams} streams" for subtrees in (1, 2) for streams in (1, 2)}
    assert wanted - met == set()


def test_frozen_sets_cover_the_corners_of_the_options():
    met = set()
    for vectors in (each for each in load_all() if each.config.rule == "zim" and each.config.options):
        config, before, means = vectors.config, None, vectors.memory.get("momentum")
        for step in vectors.steps:
            counters, registers = Counters(**step.counters), step.stimulus.registers
            delta = counters.since(before) if before else counters
            n = registers["trials"]
            if config.trials_shift is not None:
                n = min(n, delta.mass * registers["rate"] >> config.trials_shift)
                met |= corners_of_trials(n, registers, delta)
            if config.momentum:
                after = step.memory["momentum"]
                met |= corners_of_means(config.momentum, means, after, registers["decay"], delta)
                means = after
            if config.encoding.zeros[-1] in step.stimulus.gradients and config.gradient_encoding == "sign_magnitude":
                met.add(f"a zero with a sign, {'no mass' if delta.mass == 0 else 'among others'}, {config.sampler}")
                met |= {"a zero with a sign is hit"} if delta.discarded_trials else set()
            before = counters
    wanted = {f"decay {b}" for b in range(8)} | {"means in an empty step", "means behind a shut gate", "v = -128"}
    wanted |= {"upper rail of a mean", "lower rail of a mean", "a mean below 0 rounded down", "a small mean"}
    wanted |= {"n below the limit", "n at the limit", "no n of a mass", "n of 0 by a rate of 0", "49 bits"}
    wanted |= {f"a zero with a sign, among others, {sampler}" for sampler in ("inverse", "split")}
    wanted |= {"a zero with a sign, no mass, inverse", "a zero with a sign is hit"}
    assert wanted - met == set()


def corners_of_trials(n: int, registers: dict[str, int], delta: Counters) -> set[str]:
    limit, rate = registers["trials"], registers["rate"]
    corners = {
        "n below the limit": 0 < n < limit and delta.open_trials,
        "n at the limit": n == limit == delta.open_trials,
        "no n of a mass": n == 0 < delta.mass * rate,
        "n of 0 by a rate of 0": rate == 0 < delta.mass,
        "49 bits": delta.mass * rate >= 2**48 and delta.open_trials,
    }
    return {corner for corner, seen in corners.items() if seen}


def corners_of_means(momentum, before: list[int], after: list[int], decay: int, delta: Counters) -> set[str]:
    moved = before != after
    low, high = momentum.memory.limits
    corners = {
        f"decay {decay}": moved,
        "means in an empty step": moved and delta.empty_steps,
        "means behind a shut gate": moved and delta.mass and not delta.open_trials,
        "upper rail of a mean": high in before,
        "lower rail of a mean": low in before,
        "v = -128": momentum.gradient_bits == 8 and momentum.sample(min(after)) == -128 and delta.open_trials,
        "a mean below 0 rounded down": any(m < 0 and m % (1 << momentum.shift) for m in after),
        "a small mean": any(0 < abs(m - momentum.half) < momentum.half for m in after),
    }
    return {corner for corner, seen in corners.items() if seen}


def _share(opened: int, trials: int) -> str:
    return "none" if opened == 0 else "all" if opened == trials else "some"


# The format


def test_words_are_where_the_manual_says():
    vectors = VectorSet.load(FROZEN["two_words_4"])
    words, d = vectors.words(), vectors.config.depth
    assert words[:6] == [0x5A494D56, 1, d, len(vectors.steps), 0x89ABCDEF, 0x01234567]
    assert words[6 : 6 + d] == [w % 2**32 for w in vectors.memory["weights"]]
    assert set_words(vectors.config) == (HEADER_WORDS + d, 2 * d + 12)
    assert len(words) == HEADER_WORDS + d + len(vectors.steps) * (2 * d + 12)
    for number, taken in enumerate(vectors.steps):
        step = words[6 + d + number * (2 * d + 12) :][: 2 * d + 12]
        values, counters = taken.stimulus.registers, Counters(**taken.counters)
        assert step[:4] == [values["trials"], values["threshold"], 0, values["smoothing"]]
        assert step[4 : 4 + d] == [g % 2**32 for g in taken.stimulus.gradients]
        assert step[4 + d : 4 + 2 * d] == [w % 2**32 for w in taken.memory["weights"]]
        assert step[4 + 2 * d : 10 + 2 * d] == list(counters[:6])
        assert step[10 + 2 * d] + (step[11 + 2 * d] << 32) == counters.mass
    assert max(step.counters["mass"] for step in vectors.steps) > 2**32


def test_a_threshold_of_33_bits_survives(tmp_path):
    vectors = VectorSet.load(FROZEN["gate_bits_32"])
    assert vectors.steps[0].stimulus.registers["threshold"] == 2**32
    assert VectorSet.load(vectors.save(tmp_path / "copy.hex")) == vectors


def test_recording_refuses_what_the_reference_refuses():
    config = VectorSet.load(FROZEN[SMALL]).config
    with pytest.raises(InputError, match=r"^gradients\[1\] = 128: must be in -128\.\.127$"):
        VectorSet.record(config, 1, {"weights": [0, 0, 0]}, [Stimulus((0, 128, 0), values(1, 0, 0))])


def test_integers_of_numpy_give_the_same_file():
    config = VectorSet.load(FROZEN[SMALL]).config
    plain = VectorSet.record(config, 1, {"weights": [-5, 0, 5]}, [Stimulus((1, -2, 3), values(4, 1, 1))])
    weights, gradients = np.array([-5, 0, 5], np.int8), tuple(np.array([1, -2, 3], np.int8))
    counts = values(np.uint32(4), np.uint64(1), np.int8(1))
    again = VectorSet.record(config, 1, {"weights": weights}, [Stimulus(gradients, counts)])
    assert again.to_text() == plain.to_text()


@pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus Verilog is missing: apt install iverilog")
@pytest.mark.parametrize("name", ["wide_beat", "two_words_4"])
def test_readmemh_sees_the_same_words(tmp_path, name):
    words = VectorSet.load(FROZEN[name]).words()
    (tmp_path / "bench.v").write_text(
        f"""
        module bench;
            reg [31:0] words [0:{len(words) - 1}];
            integer i;
            initial begin
                $readmemh("{FROZEN[name]}", words);
                for (i = 0; i < {len(words)}; i = i + 1) $display("%h", words[i]);
            end
        endmodule
        """
    )
    subprocess.run(["iverilog", "-o", "bench", "bench.v"], cwd=tmp_path, check=True, timeout=60)
    run = subprocess.run(["vvp", "bench"], cwd=tmp_path, check=True, timeout=60, capture_output=True, text=True)
    assert [int(line, 16) for line in run.stdout.split("\n")[:-1]] == words


# Replaying


class Wrong(ReferenceUnit):
    """A unit with one fault, to be found."""

    def step(self, *arguments, **values):
        weights = super().step(*arguments, **values)
        if self.counters.steps == 2:
            weights[1] += 1
        return weights


class Miscounting(ReferenceUnit):
    """A unit whose weights are right and one counter is not."""

    def step(self, *arguments, **values):
        weights = super().step(*arguments, **values)
        self.counters = self.counters._replace(rejected_draws=77)
        return weights


def test_replay_names_the_first_difference():
    vectors = VectorSet.load(FROZEN[SMALL])
    right = vectors.steps[1].memory["weights"][1]
    assert vectors.replay(Wrong) == Mismatch(1, Difference("weights[1]", right, right + 1))
    rejected = vectors.steps[0].counters["rejected_draws"]
    assert str(vectors.replay(Miscounting)) == f"step 0, rejected_draws: expected {rejected}, got 77"


# Damaged files


def refusal(path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        VectorSet.load(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


EDITED = (
    "the SHA-256 in its second line does not fit: it was truncated or edited; get an untouched copy or record it again"
)
NOT_ONE = "not a vector file, or its first two lines were edited; get an untouched copy or record it again"


def test_any_edited_byte_is_refused(tmp_path):
    content = FROZEN[SMALL].read_bytes()
    source = random.Random(1)
    for at in range(len(content)):
        edited = bytearray(content)
        edited[at] ^= 1 << source.randrange(8)
        assert refusal(tmp_path / "edited.hex", bytes(edited)) in (EDITED, NOT_ONE)


def test_a_file_cut_anywhere_is_refused(tmp_path):
    content = FROZEN[SMALL].read_bytes()
    for length in range(len(content)):
        assert refusal(tmp_path / "cut.hex", content[:length]) in (EDITED, NOT_ONE)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.replace(b"\n", b"\r\n"),
        lambda content: content.replace(b"\n", b"\r"),
        lambda content: content + b"\n",
        lambda content: content + b"00000000\n",
        lambda content: b"\xef\xbb\xbf" + content,
        lambda content: content.upper(),
        lambda content: content.replace(b"// lanes", b"//  lanes"),
        lambda content: content.replace(b"\n5a494d56", b"\n\n5a494d56"),
        lambda content: content.replace(b"sha256 = ", b"sha256 =  "),
        lambda content: b"",
        lambda content: b"\x00" * 100,
    ],
)
def test_edits_that_leave_the_words_alone_are_refused_too(tmp_path, change):
    assert refusal(tmp_path / "edited.hex", change(FROZEN[SMALL].read_bytes())) in (EDITED, NOT_ONE)


def test_another_contract_version_is_named(tmp_path):
    text = FROZEN[SMALL].read_text().replace("contract version 1", "contract version 2")
    assert refusal(tmp_path / "new.hex", checksummed(text).encode()) == (
        "contract version 2: must be 1; use the release that recorded it, or record it again"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("5a494d56\n", ""), r"it has \d+ words: must have \d+; "),
        (lambda text: text[:-9], r"it has \d+ words: must have \d+; "),
        (lambda text: text[: text.index("5a494d56") + 18], r"it has 2 words: must have \d+; "),
        (lambda text: text.replace("5a494d56", "5a494d57"), "not in the form that this release writes; "),
        (lambda text: text.replace("5a494d56\n00000001", "5a494d56\n00000002"), "not in the form"),
        (lambda text: text.replace("5a494d56", "5A494D56"), "not comments followed by one 8-digit word a line; "),
        (lambda text: text + "// end\n", "not comments followed by"),
        (lambda text: text.replace("lanes = 64", "lanes = 257"), r"lanes = 257: must be an integer in 1\.\.256"),
        (lambda text: text.replace("// lanes = 64\n", ""), r"lanes is missing: must be an integer in 1\.\.256"),
    ],
)
def test_a_malformed_file_is_refused_even_if_its_checksum_fits(tmp_path, change, message):
    text = checksummed(change(FROZEN[SMALL].read_text()))
    assert re.match(message, refusal(tmp_path / "forged.hex", text.encode()))


def test_the_forgery_of_these_tests_is_the_real_checksum():
    text = FROZEN[SMALL].read_text()
    assert checksummed(text) == text


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"missing\.hex: cannot be read: No such file or directory$"):
        VectorSet.load(tmp_path / "missing.hex")


def test_the_configuration_in_the_header_is_whole():
    for name, vectors in zip(FROZEN, load_all(), strict=True):
        assert vectors.config.name == name
    assert {vectors.config.rule for vectors in load_all()} <= set(RULES)
