"""Claims are held against the harder rival, with their trials counted, and are not judged on few seeds."""

import json
from dataclasses import replace

import pytest

from zimu.study import claims, methods
from zimu.study.claims import LEAST_SEEDS, Judgement, judge
from zimu.study.summary import Spread

GAPS = {"unit": 0.01, "unit_momentum": 0.005}
"""What is claimed, said once more."""


def at(summary, chosen, others=()):
    """A summary with the given mean accuracy, and those of other settings."""
    spreads = [Spread(value, 0.0, value, value) for value in (chosen, *others)]
    sweep = [replace(summary.sweep[0], test_accuracy=spread) for spread in spreads]
    return replace(summary, test_accuracy=spreads[0], sweep=sweep)


@pytest.fixture
def judged(summaries):
    """Judges one claim of accuracies made up."""
    by_key = {summary.key: summary for summary in summaries}

    def judged(key="unit", unit=0.97, rival=0.97, others=(0.5,), seeds=LEAST_SEEDS, trials=(100, 10)):
        changed = {"float": at(by_key["float"], rival, others)} | {name: at(by_key[name], unit) for name in GAPS}
        changed[key] = replace(changed[key], counters=[{"steps": 2, "open_trials": count} for count in trials])
        (judgement,) = (each for each in judge((by_key | changed).values(), seeds) if each.unit_key == key)
        return judgement

    return judged


def test_these_are_the_claims():
    assert {claim.method.key: claim.allowed_gap for claim in claims.CLAIMS} == GAPS
    assert [claim.allowed_trials for claim in claims.CLAIMS] == [None, 0.015]
    assert {claim.method for claim in claims.CLAIMS} < set(methods.METHODS)


@pytest.mark.parametrize("key", GAPS)
@pytest.mark.parametrize(
    ("behind", "rival", "others", "holds"),
    [
        (0, 0.98, [0.5], True),
        (0.0001, 0.98, [0.5], False),
        (0, 0.97, [0.985], True),
        (0.0001, 0.97, [0.985], False),
        (-0.02, 0.97, [0.2], True),
    ],
)
def test_a_claim_is_held_against_the_better_rival(judged, key, behind, rival, others, holds):
    unit = max(rival, *others) - GAPS[key] - behind
    judgement = judged(key, unit, rival, others)
    assert judgement.holds is holds
    assert (judgement.unit, judgement.rival, judgement.rival_best) == (unit, rival, max(rival, *others))
    assert judgement.difference == pytest.approx(-GAPS[key] - behind)
    assert bool(judgement.failures) is not holds


def test_trials_are_those_of_the_layer_with_more(judged):
    assert judged(trials=(2 * 4160 // 4, 2 * 650 // 2)).trials == 0.5
    assert judged(trials=(2 * 4160 // 2, 2 * 650 // 4)).trials == 0.5


def test_a_claim_is_missed_by_too_many_trials(judged):
    few, many = (judged("unit_momentum", trials=(124 + more, 19)) for more in (0, 1))
    assert few.holds
    assert many.holds is False
    assert many.failures == ["the int8 unit with momentum takes more than 0.015 trials per weight and step: 0.0150"]
    assert judged(trials=(10**6, 0)).holds  # where nothing is claimed of them


def test_what_is_missed_is_said_whole(judged):
    judgement = judged("unit_momentum", unit=0.96, rival=0.968, others=(0.97,), trials=(4160, 0))
    assert judgement.failures == [
        "the int8 unit with momentum is more than 0.5 points behind FP32 SGD: 96.00 % against 97.00 %",
        "the int8 unit with momentum takes more than 0.015 trials per weight and step: 0.5000",
    ]


@pytest.mark.parametrize(("unit", "holds", "verdict"), [(0.97, True, "met"), (0.5, False, "missed")])
def test_few_seeds_are_not_judged(judged, unit, holds, verdict):
    assert (judged(unit=unit).holds, judged(unit=unit).verdict) == (holds, verdict)
    judgement = judged(unit=unit, seeds=LEAST_SEEDS - 1)
    assert (judgement.holds, judgement.verdict) == (None, "not judged, which takes 10 seeds")
    assert judgement.failures == []


def test_the_sentence_has_every_figure(judged):
    sentence = judged("unit_momentum", unit=0.966, rival=0.968, others=(0.97,), trials=(123, 18)).sentence
    for words in (
        "Over 10 seeds the int8 unit with momentum reaches 96.60 % on the test images",
        "0.0148 trials per weight and step (at most 0.015 are allowed)",
        "FP32 SGD 96.80 % at the learning rate that validation chose, and 97.00 % at the one that happened",
        "difference is \N{MINUS SIGN}0.40 points; the aim is no more than 0.5 points behind:",
    ):
        assert words in sentence
    assert "Over 1 seed the int8 unit reaches" in judged(seeds=1).sentence
    assert "no more than 1 point behind:" in judged().sentence
    assert "allowed" not in judged().sentence


def test_a_judgement_survives_json(judged):
    judgement = judged("unit_momentum")
    values = json.loads(json.dumps(judgement.to_dict()))
    assert values["holds"] is True
    assert Judgement.from_dict(values) == judgement
