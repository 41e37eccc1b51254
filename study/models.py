"""The models of the source's experiments (arXiv 2512.04051, section 4): linear, hidden, conv, and ResNet-18.

Layer norm has no parameters, so that weights and biases of linear and convolutional layers are all there is to train.
Needs PyTorch. Used by ``study/experiment.py``.
"""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from zimu.golden.errors import check_choice

CLASSES = 10

HIDDEN = 128

CHANNELS = (32, 64)
"""Of the two 3x3 convolutions."""


class Norm(nn.Module):
    """Layer norm over all but the first dimension, without parameters."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape as given."""
        return functional.layer_norm(x, x.shape[1:])


def linear(size: int) -> nn.Module:
    """One layer."""
    return nn.Sequential(nn.Flatten(), nn.Linear(size * size, CLASSES), Norm())


def hidden(size: int) -> nn.Module:
    """A layer of 128 rectified units between."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(size * size, HIDDEN),
        Norm(),
        nn.ReLU(),
        nn.Linear(HIDDEN, CLASSES),
        Norm(),
    )


def conv(size: int) -> nn.Module:
    """Two convolutions, pooled each, and two layers: 421,642 weights for images of 28x28."""
    first, second = CHANNELS
    return nn.Sequential(
        nn.Conv2d(1, first, 3, padding=1),
        Norm(),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(first, second, 3, padding=1),
        Norm(),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(second * (size // 4) ** 2, HIDDEN),
        Norm(),
        nn.ReLU(),
        nn.Linear(HIDDEN, CLASSES),
        Norm(),
    )


class Block(nn.Module):
    """Two convolutions around which the input goes, as in He and others, arXiv 1512.03385.

    Parameters
    ----------
    inputs, outputs : channels.
    stride : of the first convolution, and of the one on the way around, which is there where shapes differ.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm = Norm()
        same = inputs == outputs and stride == 1
        self.around = (
            nn.Identity() if same else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), Norm())
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (images, channels, height, width)."""
        inner = functional.relu(self.norm(self.first(x)))
        return functional.relu(self.norm(self.second(inner)) + self.around(x))


def resnet18(size: int) -> nn.Module:
    """ResNet-18 with one input channel and a 7x7 convolution first: 11.2 million weights."""
    layers: list[nn.Module] = [nn.Conv2d(1, 64, 7, 2, 3, bias=False), Norm(), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    inputs = 64
    for outputs, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers += [Block(inputs, outputs, stride), Block(outputs, outputs, 1)]
        inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, CLASSES), Norm())


MODELS: dict[str, Callable[[int], nn.Module]] = {
    "linear": linear,
    "hidden": hidden,
    "conv": conv,
    "resnet18": resnet18,
}
"""By name; each is made for images of so many pixels square."""


def make(name: str, size: int, seed: int) -> nn.Module:
    """A model with PyTorch's own start, of a seed; `InputError` if there is none of that name."""
    maker = MODELS[check_choice("model", name, MODELS)]
    torch.manual_seed(seed)
    return maker(size)
