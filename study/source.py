"""The source's method as it stands in its paper, arXiv 2512.04051: real gradients, PyTorch's own multinomial sampler.

A second witness for the unit as an optimizer: it shares no code with it. Used by ``study/recipes.py``. Needs PyTorch.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch


class SourceZIM(torch.optim.Optimizer):
    """Moves weight i by -2^scale sign(g_i) k_i, with k of Multinomial(n, p) and p_i = (|g_i| + c) / W; z is 1.

    Weights stop at the rails of 8 bits. Each parameter is drawn for by itself.

    Parameters
    ----------
    params : parameters, in binary32.
    scale : s, where a weight of one is worth 2^s.
    trials : n as a share of the parameter's size; one trial at least.
    smoothing : c, beside real gradients.
    seed : of all draws.
    """

    def __init__(
        self, params: Sequence[torch.nn.Parameter], *, scale: int, trials: float, smoothing: float, seed: int
    ) -> None:
        super().__init__(params, {"lr": 1.0, "scale": scale, "trials": trials, "smoothing": smoothing})
        self._generator = torch.Generator().manual_seed(seed % 2**63)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:
        """Take a step with the gradients there are."""
        assert closure is None
        for group in self.param_groups:
            for parameter in group["params"]:
                self._move(parameter, **{name: group[name] for name in ("scale", "trials", "smoothing")})

    def _move(self, parameter: torch.nn.Parameter, scale: int, trials: float, smoothing: float) -> None:
        gradient = parameter.grad.reshape(-1)
        masses = gradient.abs().double() + smoothing
        drawn = torch.multinomial(
            masses / masses.sum(), max(round(trials * len(masses)), 1), replacement=True, generator=self._generator
        )
        counts = torch.bincount(drawn, minlength=len(masses)).view(parameter.shape)
        unit = 2.0**scale
        parameter.sub_(unit * torch.sign(parameter.grad) * counts).clamp_(-128 * unit, 127 * unit)

    def state_dict(self) -> dict[str, Any]:
        """With the generator's state, so that a run goes on with the same draws."""
        state: dict[str, Any] = super().state_dict()
        return state | {"state": {"generator": self._generator.get_state()}}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a saved state."""
        super().load_state_dict(state_dict | {"state": {}})
        self._generator.set_state(state_dict["state"]["generator"])
