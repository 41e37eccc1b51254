"""A recorded trace holds everything a replay needs, in the order it happened."""

import pytest

from zimu.golden.errors import InputError
from zimu.golden.unit import ReferenceUnit
from zimu.study import methods, train
from zimu.study.train import record


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("method", [methods.HEADLINE, methods.MOMENTUM], ids=lambda method: method.key)
def test_replay_on_the_reference_gives_the_recorded_weights(digits, method, layer):
    trace = record(method, -6, 7, digits, layer=layer, steps=4)
    unit = ReferenceUnit(trace.config, trace.seed)
    weights = trace.weights.tolist()
    for step in trace.steps:
        weights = unit.step(
            weights,
            step.gradients.tolist(),
            **step.values,
        )
        assert weights == step.weights.tolist()
    assert len(trace.steps) == 4
    assert trace.weights.tolist() != weights


def test_recording_does_not_change_the_run(digits):
    trace = record(methods.HEADLINE, -6, 0, digits, layer=0, steps=19, epochs=1)
    run = train.train(methods.HEADLINE, -6, 0, digits, epochs=1)
    assert (trace.steps[-1].weights == run.weights[0]).all()


@pytest.mark.parametrize(
    ("layer", "steps", "message"),
    [
        (2, 1, "layer = 2: must be in 0..1"),
        (0, 20, "steps = 20: must be in 1..19"),
        (0, 0, "steps = 0: must be in 1..19"),
    ],
)
def test_what_cannot_be_recorded_is_refused(digits, layer, steps, message):
    with pytest.raises(InputError, match=f"^{message}$"):
        record(methods.HEADLINE, -6, 0, digits, layer=layer, steps=steps, epochs=1)
