"""The unit as an optimizer of PyTorch: the emulator's bits, the source's law, and what torch users expect."""

import io
from collections import Counter

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from zimu.emu.update import make_unit
from zimu.golden import scaling
from zimu.golden.errors import InputError
from zimu.golden.names import named
from zimu.golden.unit import ReferenceUnit

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install zimu[torch]")

from zimu.torch import ZIM, quantize_  # noqa: E402

MOMENTUM = named("zim8").replace(momentum_bits=12)

UNITS = {
    "zim": ("zim8", {"trials": 0.5}, 1.0),
    "momentum": (MOMENTUM, {"trials": "sqrt", "decay": 3}, 0.5),
    "float": ("float_sgd:fp32:momentum", {"momentum": 0.9}, 0.01),
    "rounding": ("float_sgd:bf16:sr8", {}, 0.25),
    "integer": ("int_sgd:8", {}, 4 / 256),
    "boolean": ("bold:16", {}, 2.0**-6),
}
"""Units with their values and a learning rate."""


def parameters(unit, *shapes, seed: int = 0, scale: int = -6) -> list:
    """Parameters with weights of the unit, and gradients."""
    torch.manual_seed(seed)
    made = [torch.nn.Parameter(torch.randn(shape)) for shape in shapes]
    quantize_(made, unit, scale=scale)
    slopes(made)
    return made


def slopes(made) -> None:
    for parameter in made:
        parameter.grad = torch.randn(parameter.shape) / 100


def held(made) -> list:
    return [parameter.detach().clone() for parameter in made]


def same(some, others) -> bool:
    return all(torch.equal(a, b) for a, b in zip(some, others, strict=True))


@pytest.mark.parametrize("name", UNITS)
@pytest.mark.parametrize("joint", [False, True])
def test_parameters_are_what_the_emulator_makes_of_them(name, joint):
    """Built a second time, from a unit and the scalar reference of scaling."""
    unit, values, rate = UNITS[name]
    made = parameters(unit, (30, 7), (11,))
    optimizer = ZIM(made, unit, lr=rate, joint=joint, seed=5, **values)
    groups = [made] if joint else [[each] for each in made]
    twins = []
    for number, group in enumerate(groups):
        size = sum(each.numel() for each in group)
        config = (named(unit) if isinstance(unit, str) else unit).replace(depth=size)
        emulator = make_unit(config, 5 + number)
        coder = emulator.encoding(-6, scaling.Tensor())
        flat = np.concatenate([each.detach().numpy().reshape(-1) for each in group])
        shape = tuple(group[0].shape) if len(group) == 1 else (size,)
        twins.append((group, emulator, coder, coder.weights(flat), shape))
    before = held(made)
    for _ in range(4):
        slopes(made)
        for group, emulator, coder, weights, shape in twins:
            gradients = np.concatenate([each.grad.numpy().reshape(-1) for each in group])
            encoded, exponent = coder.gradients(gradients)
            if emulator.gradient_dtype == np.int8:
                fitting = scaling.fitting_exponent(gradients.tolist(), 8)
                assert exponent == fitting
                assert encoded.tolist() == scaling.to_integers(gradients.tolist(), fitting, 8)
            emulator.step(weights, encoded, **emulator.config.driven(rate, shape, exponent, **values))
        optimizer.step()
        for group, _, coder, weights, _ in twins:
            flat = np.concatenate([each.detach().numpy().reshape(-1) for each in group])
            assert flat.tolist() == coder.reals(weights).tolist()
    assert not same(before, held(made))
    assert [unit.counters for unit in optimizer.units()] == [emulator.counters for _, emulator, *_ in twins]


@pytest.mark.parametrize("name", UNITS)
def test_a_resumed_run_has_the_same_bits(name):
    unit, values, rate = UNITS[name]

    def optimizer(made):
        return ZIM(made, unit, lr=rate, scaling="running:1", **values)

    def go(made, trainer, steps: int, first: int) -> None:
        for step in range(first, first + steps):
            torch.manual_seed(step)
            slopes(made)
            trainer.step()

    whole = parameters(unit, (20, 9), (300,))
    trainer = optimizer(whole)
    go(whole, trainer, 3, 0)
    kept = io.BytesIO()
    torch.save({"model": held(whole), "optimizer": trainer.state_dict()}, kept)
    go(whole, trainer, 3, 3)
    kept.seek(0)
    saved = torch.load(kept)  # with no more than PyTorch reads by itself
    resumed = parameters(unit, (20, 9), (300,), seed=9)
    with torch.no_grad():
        for parameter, value in zip(resumed, saved["model"], strict=True):
            parameter.copy_(value)
    other = optimizer(resumed)
    other.load_state_dict(saved["optimizer"])
    go(resumed, other, 3, 3)
    assert same(held(resumed), held(whole))
    assert [unit.counters for unit in other.units()] == [unit.counters for unit in trainer.units()]


@pytest.mark.parametrize(("trials", "wanted"), [(40, 40), (0.1, 600), ("sqrt", 77), ("root", 18)], ids=str)
def test_trials_are_given_or_follow_from_the_weights(trials, wanted):
    made = parameters("zim8", (10, 20, 30))
    optimizer = ZIM(made, "zim8", trials=trials)
    optimizer.step()
    assert optimizer.units()[0].counters.open_trials == wanted


def test_the_root_of_a_joint_vector_is_all_of_it():
    made = parameters("zim8", (10, 20), (30,))
    optimizer = ZIM(made, "zim8", trials="root", joint=True)
    optimizer.step()
    assert optimizer.units()[0].counters.open_trials == 230


def test_schedulers_drive_trials():
    made = parameters("zim8", (100,))
    optimizer = ZIM(made, "zim8", trials=100)
    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, 4)
    opened = [0]
    for _ in range(6):
        optimizer.step()
        scheduler.step()
        opened.append(optimizer.units()[0].counters.open_trials)
    assert np.diff(opened).tolist() == [100, 75, 50, 25, 0, 0]


def test_schedulers_drive_the_threshold():
    """Half of 2^16: with 4000 trials fewer than 1800 or more than 2200 open once in 3.9e9 seeds."""
    made = parameters("zim8", (100,))
    optimizer = ZIM(made, "zim8", trials=4000, drives="threshold", lr=0.5)
    optimizer.step()
    assert 1800 < optimizer.units()[0].counters.open_trials < 2200
    optimizer.param_groups[0]["lr"] = 0
    optimizer.step()
    assert optimizer.units()[0].counters.open_trials < 2200


def test_groups_have_units_of_their_own():
    first, second, third = parameters("zim8", (50,), (60,), (70,), scale=-4)
    groups = [
        {"params": [first, second], "joint": True},
        {"params": [third], "unit": named("float_sgd:fp32"), "lr": 0.5, "values": {}},
    ]
    optimizer = ZIM(groups, "zim8", scale=-4, trials=10)
    kinds = [unit.config.rule for unit in optimizer.units()]
    assert kinds == ["zim", "float_sgd"]
    wanted = third.detach() - 0.5 * third.grad
    optimizer.step()
    assert torch.equal(third.detach(), wanted)
    assert optimizer.units()[0].counters.open_trials == 10


def test_a_weight_moves_by_its_scale():
    parameter = torch.nn.Parameter(torch.zeros(1))
    parameter.grad = torch.tensor([-3.0])
    optimizer = ZIM([parameter], "zim8", scale=-3, trials=5)
    optimizer.step()
    assert parameter.item() == 5 / 8
    for _ in range(30):
        optimizer.step()
    assert parameter.item() == 127 / 8


def test_a_closure_is_evaluated_with_gradients_on():
    (parameter,) = parameters("zim8", (5,))
    optimizer = ZIM([parameter], "zim8", trials=3)

    def closure():
        optimizer.zero_grad()
        loss = (parameter**2).sum()
        loss.backward()
        return loss

    before = (parameter.detach() ** 2).sum()
    assert optimizer.step(closure) == before
    assert optimizer.units()[0].counters.open_trials == 3


def test_a_parameter_without_a_gradient_stays():
    first, second = parameters("zim8", (40,), (40,))
    first.grad = None
    before = held([first, second])
    optimizer = ZIM([first, second], "zim8", trials=10)
    optimizer.step()
    assert torch.equal(first, before[0])
    assert not torch.equal(second, before[1])
    assert [unit.counters.steps for unit in optimizer.units()] == [0, 1]
    joint = ZIM([first, second], "zim8", trials=10, joint=True)
    joint.step()
    assert torch.equal(first, before[0])


def test_parameters_may_be_written_between_steps():
    (parameter,) = parameters("zim8", (40,))
    optimizer = ZIM([parameter], "zim8", trials=0)
    optimizer.step()
    with torch.no_grad():
        parameter.fill_(0.25)
    optimizer.step()
    assert set(parameter.tolist()) == {0.25}


# What is refused


def check_refused(optimizer, made, message: str) -> None:
    before, states = held(made), optimizer.state_dict()
    with pytest.raises(InputError, match=message):
        optimizer.step()
    assert same(before, held(made))
    assert optimizer.state_dict() == states


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -float("inf")])
def test_gradients_that_are_not_finite(wrong):
    made = parameters("zim8", (40,), (40,))
    optimizer = ZIM(made, "zim8", trials=10, scaling="running:0")
    optimizer.step()
    slopes(made)
    made[1].grad[7] = wrong
    check_refused(optimizer, made, r"gradients\[7\] = -?(nan|inf): must be finite")


def test_parameters_that_hold_no_weights():
    made = parameters("zim8", (40,), (40,))
    optimizer = ZIM(made, "zim8", trials=10)
    with torch.no_grad():
        made[1][3] += 0.001
    check_refused(optimizer, made, "must hold weights of the unit alone, zimu.torch.quantize_ rounds to them")


def test_smoothing_beside_small_gradients_stops_where_its_register_does():
    made = parameters("zim8", (40,))
    optimizer = ZIM(made, named("zim8").replace(smoothing_bits=8), trials=10, gradient_smoothing=1.0)
    made[0].grad = torch.full((40,), 2.0**-20)
    optimizer.step()
    assert optimizer.units()[0].counters.mass == 40 * (64 + 255)


def test_a_sparse_gradient():
    made = parameters("zim8", (4, 5))
    made[0].grad = made[0].grad.to_sparse()
    with pytest.raises(InputError, match="a gradient is sparse: must be dense"):
        ZIM(made, "zim8", trials=10).step()


@pytest.mark.parametrize(
    ("made", "fields", "message"),
    [
        (torch.zeros(3, dtype=torch.float64), {}, "a parameter is of torch.float64 on cpu: must be of torch.float32"),
        (torch.zeros(3, dtype=torch.bfloat16), {}, "must be of torch.float32 on the processor"),
        (torch.zeros(0), {}, "a parameter is empty: leave it out"),
        (torch.zeros(3), {"scale": 65}, "scale = 65: must be in -64..64"),
        (torch.zeros(3), {"scaling": "mean"}, "scaling = 'mean': must be fixed:E, tensor, or running"),
        (torch.zeros(3), {"lr": 1.5}, "learning_rate = 1.5: must be in 0..1, a share of trials"),
        (torch.zeros(3), {"trials": -1}, "trials = -1: must be in 0..4294967295"),
        (torch.zeros(3), {"trials": "all"}, "trials = 'all'"),
        (torch.zeros(3), {"trails": 3}, "unknown value 'trails': must be of trials, drives, smoothing"),
        (torch.zeros(3), {"decay": 3}, "decay = 3: this unit has none"),
        (torch.zeros(3), {"unit": MOMENTUM}, "decay is missing"),
        (torch.zeros(3), {"unit": "int_sgd:8", "trials": 3}, "unknown value 'trials': the rule has no such values"),
        (torch.zeros(3), {"unit": "int_sgd:8:pow2", "lr": 0.3}, "learning_rate = 0.3: must be a power of two"),
        (torch.zeros(3), {"smoothing": 1, "gradient_smoothing": 1.0}, "must be one of the two"),
    ],
)
def test_what_cannot_be_is_refused_at_once(made, fields, message):
    with pytest.raises(InputError, match=message):
        ZIM([torch.nn.Parameter(made)], **{"unit": "zim8"} | fields)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda: ZIM(parameters("zim8", (41,)), "zim8"), "depth"),
        (lambda: ZIM(parameters("int_sgd:8", (40,)), "int_sgd:8", lr=0.1), "rule|config|unit"),
        (lambda: ZIM(parameters("zim8", (40,), (3,)), "zim8"), "of 2 units: must be of 1"),
    ],
)
def test_a_state_of_another_optimizer(other, message):
    made = parameters("zim8", (40,))
    optimizer = ZIM(made, "zim8", trials=10)
    optimizer.step()
    before = optimizer.state_dict()
    with pytest.raises(InputError, match=message):
        optimizer.load_state_dict(other().state_dict())
    assert optimizer.state_dict() == before


# The law


def test_with_the_source_s_smoothing_the_update_has_the_source_s_distribution():
    """Two samples of 20,000 updates, one by the source's method in PyTorch (arXiv 2512.04051), of the same law.

    c = 1 is added to real gradients, z = 1. The gradients are multiples of 2^-12, so that integers hold them exactly. A
    chi-squared test of homogeneity over the outcomes; it would fail one of a million pairs of seeds.
    """
    d, n, draws = 4, 3, 20_000
    slope = torch.tensor([100, -40, 7, -127]) / 2.0**12
    unit = named("zim8").replace(smoothing_bits=16)
    parameter = torch.nn.Parameter(torch.zeros(d))
    parameter.grad = slope
    optimizer = ZIM([parameter], unit, scale=0, scaling="fixed:12", trials=n, gradient_smoothing=1.0, seed=3)
    ours, theirs = Counter(), Counter()
    p = slope.abs() + 1
    torch.manual_seed(1)
    multinomial = torch.distributions.Multinomial(n, p / p.sum())
    for _ in range(draws):
        with torch.no_grad():
            parameter.zero_()
        optimizer.step()
        ours[tuple(parameter.tolist())] += 1
        theirs[tuple((-torch.sign(slope) * multinomial.sample()).tolist())] += 1
    outcomes = sorted({*ours, *theirs})
    assert len(outcomes) == 20  # all there are, (n + d - 1 choose n)
    table = [[sample[outcome] for outcome in outcomes] for sample in (ours, theirs)]
    assert chi2_contingency(table).pvalue > 1e-6


def test_another_smoothing_is_told_apart():
    """What the test above would say of c = 1 in integers: the largest gradients then take nearly all trials."""
    parameter = torch.nn.Parameter(torch.zeros(4))
    parameter.grad = torch.tensor([100, -40, 7, -127]) / 2.0**12
    optimizer = ZIM([parameter], "zim8", scale=0, scaling="fixed:12", trials=100, smoothing=1)
    optimizer.step()
    assert abs(parameter[2]) < 10 < abs(parameter[3])


def test_a_recorded_trace_replays_on_the_reference():
    """What the circuit is given later; with momentum, whose means are not in the trace."""
    made = parameters(MOMENTUM, (12, 5), (7,))
    optimizer = ZIM(made, MOMENTUM, seed=3, trials=0.5, decay=3)
    with optimizer.record(1) as trace:
        for _ in range(5):
            slopes(made)
            optimizer.step()
    optimizer.step()  # is not recorded any more
    reference = ReferenceUnit(trace.config, trace.seed)
    weights = trace.weights.tolist()
    for step in trace:
        weights = reference.step(weights, step.gradients.tolist(), **step.values)
        assert weights == step.weights.tolist()
    assert len(trace.steps) == 5
    assert weights != trace.weights.tolist()


def test_a_trace_begins_with_the_first_step():
    made = parameters("zim8", (9,))
    optimizer = ZIM(made, "zim8", trials=5)
    optimizer.step()
    with pytest.raises(InputError, match="unit 0 has taken 1 steps: record from the first on"), optimizer.record():
        pass
    with pytest.raises(InputError, match=r"number = 1: must be in 0..0"), optimizer.record(1):
        pass


def test_a_state_of_other_groups_is_refused():
    """As PyTorch words it: as many units, otherwise grouped."""
    made = parameters("zim8", (5,), (6,))
    kept = ZIM(made, "zim8").state_dict()
    other = ZIM([{"params": made[:1]}, {"params": made[1:]}], "zim8")
    with pytest.raises(ValueError, match="different number of parameter groups"):
        other.load_state_dict(kept)
    assert [unit.counters.steps for unit in other.units()] == [0, 0]
