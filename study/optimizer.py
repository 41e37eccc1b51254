"""A unit of any rule as an optimizer of PyTorch: the weights of a model change by nothing but its steps.

What users import is ``zimu.torch``; in words: ``docs/optimizer.md``. Needs PyTorch.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from inspect import signature
from typing import Any

import numpy as np
import torch

from zimu.emu.arrays import Array
from zimu.emu.reals import Encoding
from zimu.emu.scaling import check_finite
from zimu.emu.update import UpdateUnit, make_unit
from zimu.golden.errors import InputError, check_range
from zimu.golden.names import named
from zimu.golden.rule import RuleConfig
from zimu.golden.scaling import scaling as scaling_of
from zimu.study.trace import Trace, TraceStep

_SEEDS = 2**64


class _Slot:
    """The parameters that one unit trains, and the unit.

    Parameters
    ----------
    parameters : one, or all of a group.
    config : of the unit; its depth is replaced.
    scale, scaling : as `ZIM`.
    seed : of the unit.
    threads : as `ZIM`.
    """

    def __init__(
        self,
        parameters: Sequence[torch.nn.Parameter],
        config: RuleConfig,
        scale: int,
        scaling: str,
        seed: int,
        threads: int,
    ) -> None:
        self.parameters = parameters
        sizes = [parameter.numel() for parameter in parameters]
        self.places = [slice(end - size, end) for size, end in zip(sizes, np.cumsum(sizes).tolist(), strict=True)]
        self.shape = tuple(parameters[0].shape) if len(parameters) == 1 else (sum(sizes),)
        self.seed = seed
        self.unit: UpdateUnit[Any] = make_unit(config.replace(depth=sum(sizes)), seed, threads)
        self.encoding: Encoding = self.unit.encoding(scale, scaling_of(scaling))
        self.weights = np.zeros(sum(sizes), self.unit.weight_dtype)
        self._versions: list[int | None] = [None] * len(sizes)
        self._gradients = np.zeros(sum(sizes), np.float32)
        self.recorded: list[TraceStep] | None = None
        """Where steps are written down, if anybody asked."""

    def read(self) -> Array:
        """The weights as the unit holds them; `InputError` where a parameter holds what no weight is worth."""
        weights = self.weights.copy()
        for parameter, place, version in zip(self.parameters, self.places, self._versions, strict=True):
            if parameter._version == version:
                continue  # nobody has written it since `write` did
            given = parameter.detach().reshape(-1).numpy()
            weights[place] = self.encoding.weights(given)
            worth = self.encoding.reals(weights[place])
            if not np.array_equal(worth, given):
                at = int(np.argmax(worth != given))
                raise InputError(
                    f"a parameter of shape {tuple(parameter.shape)} holds {given[at]!r}, the nearest weight is "
                    f"{worth[at]!r}: must hold weights of the unit alone, zimu.torch.quantize_ rounds to them"
                )
        return weights

    def gradients(self) -> np.ndarray[Any, Any]:
        """The gradients of all parameters, binary32, until the next call; zeros for one without.

        `InputError` where one is not finite: a unit of floating point would take it.
        """
        for parameter, place in zip(self.parameters, self.places, strict=True):
            gradient = parameter.grad
            if gradient is None:
                self._gradients[place] = 0
                continue
            if gradient.is_sparse:
                raise InputError("a gradient is sparse: must be dense")
            self._gradients[place] = gradient.detach().reshape(-1).numpy()
        check_finite(self._gradients)
        return self._gradients

    def values(self, learning_rate: float, exponent: int, given: dict[str, Any]) -> dict[str, Any]:
        """The run-time values of a step; `InputError` where one is not the rule's, or out of range."""
        driven = self.unit.config.driven
        known = [name for name, each in signature(driven).parameters.items() if each.kind is each.KEYWORD_ONLY]
        unknown = [name for name in given if name not in known]
        if unknown:
            has = f"must be of {', '.join(known)}" if known else "the rule has no such values, leave it out"
            raise InputError(f"unknown value {unknown[0]!r}: {has}")
        values: dict[str, Any] = driven(learning_rate, self.shape, exponent, **given)
        self.unit.registers(**values)
        return values

    def write(self) -> None:
        """Put the weights into the parameters."""
        reals = self.encoding.reals(self.weights).astype(np.float32)
        for number, (parameter, place) in enumerate(zip(self.parameters, self.places, strict=True)):
            parameter.copy_(torch.from_numpy(reals[place]).view(parameter.shape))
            self._versions[number] = parameter._version

    def state(self) -> dict[str, Any]:
        """All there is to save between two steps beside the parameters."""
        return {"unit": self.unit.state(), "scaling": self.encoding.state}

    def resumed(self, state: Any) -> tuple[UpdateUnit[Any], list[Any]]:
        """A unit that goes on from a saved state, and the state of the scaling; `InputError` if it is of another."""
        if not isinstance(state, dict) or set(state) != {"unit", "scaling"}:
            raise InputError("the state is not of a unit: must be from state_dict() of such an optimizer")
        return type(self.unit).restore(self.unit.config, state["unit"], self.unit.threads), state["scaling"]


class _Plan:
    """A step of one unit that nothing is left to refuse of."""

    def __init__(self, slot: _Slot, learning_rate: float, values: dict[str, Any]) -> None:
        self._slot, self._weights = slot, slot.read()
        self._gradients, exponent = slot.encoding.gradients(slot.gradients())
        self._values = slot.values(learning_rate, exponent, values)

    def take(self) -> None:
        slot = self._slot
        slot.weights = self._weights
        slot.unit.step(slot.weights, self._gradients, **self._values)
        if slot.recorded is not None:
            slot.recorded.append(TraceStep(self._gradients.copy(), self._values, slot.weights.copy()))
        slot.write()


class ZIM(torch.optim.Optimizer):
    """Trains parameters that hold integer weights, each worth 2^scale, by emulated units.

    Schedulers drive the learning rate, and with it n or T; whatever is in a group may differ between groups. A step
    that is refused changes nothing.

    Parameters
    ----------
    params : parameters in binary32 on the processor, or groups of them, as every optimizer of PyTorch takes them.
    unit : a configuration of any rule, or its name as ``zimu config --list`` shows it; the depth is that of the
        parameters.
    lr : what the rule calls its learning rate; of a ZIM unit a share of n, or of T, in 0..1.
    scale : s: a weight of one is worth 2^s, where weights are integers.
    scaling : how gradients become integers: ``"tensor"``, ``"fixed:E"``, ``"running"``; `zimu.golden.scaling`.
    joint : whether one unit trains all parameters of a group, as one long vector; otherwise each has its own.
    seed : the k-th unit, counted from 0 over all groups, has the seed ``seed + k``, modulo 2^64.
    threads : the most threads a unit may use; they change no bit.
    values : further run-time values of the rule, those of its ``driven``: for a ZIM unit ``trials``, ``drives``,
        ``smoothing``, ``gradient_smoothing``, ``decay``, ``rate``; ``momentum`` for `float_sgd` with momentum.

    Raises
    ------
    InputError
        an argument that does not fit the unit, or parameters of another kind.
    """

    def __init__(
        self,
        params: Any,
        unit: str | RuleConfig = "zim8",
        *,
        lr: float = 1.0,
        scale: int = -6,
        scaling: str = "tensor",
        joint: bool = False,
        seed: int = 0,
        threads: int = 1,
        **values: Any,
    ) -> None:
        self._slots: list[list[_Slot]] = []
        self._seed, self._threads = seed, threads
        config = named(unit) if isinstance(unit, str) else unit
        defaults = {"unit": config, "lr": lr, "scale": scale, "scaling": scaling, "joint": joint, "values": values}
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters to train, as every optimizer of PyTorch does."""
        super().add_param_group(param_group)
        try:
            self._slots.append(self._new_slots(self.param_groups[-1]))
        except InputError:
            del self.param_groups[-1]
            raise

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take a step with the gradients there are; parameters without one stay as they are.

        Parameters
        ----------
        closure : evaluates the model again, and returns the loss, as with every optimizer of PyTorch.

        Raises
        ------
        InputError
            a gradient is not finite, a parameter was given what is no weight, or a value does not fit; nothing has
            changed.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        chosen = [
            (slot, group)
            for group, slots in zip(self.param_groups, self._slots, strict=True)
            for slot in slots
            if any(parameter.grad is not None for parameter in slot.parameters)
        ]
        before = [slot.encoding.state for slot, _ in chosen]
        try:
            plans = [_Plan(slot, float(group["lr"]), group["values"]) for slot, group in chosen]
        except BaseException:
            for (slot, _), state in zip(chosen, before, strict=True):
                slot.encoding.state = state
            raise
        for plan in plans:
            plan.take()
        return loss

    def units(self) -> list[UpdateUnit[Any]]:
        """The units, with their counters, in the order of the parameters."""
        return [slot.unit for slot in self._all_slots()]

    @contextmanager
    def record(self, number: int = 0) -> Iterator[Trace]:
        """Keep what a unit is given, for a replay on the circuit: ``with optimizer.record(0) as trace:``.

        Parameters
        ----------
        number : of the unit, as in `units`; it must not have taken a step yet.
        """
        slots = self._all_slots()
        slot = slots[check_range("number", number, 0, len(slots) - 1)]
        if slot.unit.counters.steps:
            raise InputError(f"unit {number} has taken {slot.unit.counters.steps} steps: record from the first on")
        trace = Trace(slot.unit.config, slot.seed, slot.read(), [])
        slot.recorded = trace.steps
        try:
            yield trace
        finally:
            slot.recorded = None

    def state_dict(self) -> dict[str, Any]:
        """Everything there is to save but the parameters: a run that goes on from both has the same bits."""
        state = super().state_dict()
        groups = [group | {"unit": group["unit"].to_toml()} for group in state["param_groups"]]
        units = {number: slot.state() for number, slot in enumerate(self._all_slots())}
        return {"state": units, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a saved state.

        Raises
        ------
        InputError
            it is of other units, or damaged; nothing has changed.
        ValueError
            it has other groups of parameters.
        """
        slots = self._all_slots()
        units = state_dict["state"]
        if set(units) != set(range(len(slots))):
            raise InputError(f"the state is of {len(units)} units: must be of {len(slots)}, as the optimizer has")
        resumed = [slot.resumed(units[number]) for number, slot in enumerate(slots)]
        saved_groups = zip(state_dict["param_groups"], self.param_groups, strict=False)  # PyTorch counts them
        groups = [saved | {"unit": own["unit"]} for saved, own in saved_groups]
        super().load_state_dict({"state": {}, "param_groups": groups})
        for slot, (unit, scaling) in zip(slots, resumed, strict=True):
            slot.unit, slot.encoding.state = unit, scaling

    def _all_slots(self) -> list[_Slot]:
        return [slot for group in self._slots for slot in group]

    def _new_slots(self, group: dict[str, Any]) -> list[_Slot]:
        parameters = group["params"]
        for parameter in parameters:
            if parameter.dtype != torch.float32 or parameter.device.type != "cpu":
                raise InputError(
                    f"a parameter is of {parameter.dtype} on {parameter.device}: must be of torch.float32 on the "
                    "processor; it holds multiples of 2^scale"
                )
            if not parameter.numel():
                raise InputError("a parameter is empty: leave it out")
        taken = sum(map(len, self._slots))
        parts = [parameters] if group["joint"] else [[parameter] for parameter in parameters]
        slots = [
            _Slot(part, group["unit"], group["scale"], group["scaling"], (self._seed + number) % _SEEDS, self._threads)
            for number, part in enumerate(parts, start=taken)
        ]
        for slot in slots:  # what cannot be is refused now, not at the first step
            slot.values(float(group["lr"]), 0, group["values"])
        return slots


@torch.no_grad()
def quantize_(parameters: Iterable[torch.nn.Parameter], unit: str | RuleConfig = "zim8", *, scale: int = -6) -> None:
    """Round parameters, in place, to what weights of a unit can be worth.

    Parameters
    ----------
    parameters : of a model, in binary32.
    unit, scale : as `ZIM`.
    """
    config = named(unit) if isinstance(unit, str) else unit
    encoding = make_unit(config.replace(depth=1)).encoding(scale, scaling_of("tensor"))
    for parameter in parameters:
        reals = encoding.reals(encoding.weights(parameter.numpy().reshape(-1)))
        parameter.copy_(torch.from_numpy(reals.astype(np.float32)).view(parameter.shape))
