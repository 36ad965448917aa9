"""Depth from a single frame: an hourglass of blocks that look at several sizes of surroundings at once.

Source: W. Chen, Z. Fu, D. Yang, J. Deng, "Single-Image Depth Perception in the Wild", 2016; Z. Li, N. Snavely,
"MegaDepth: Learning Single-View Depth Prediction from Internet Photos", 2018, in the form that DAIN contains.
5,357,153 parameters.

Conventions: frames (B, 3, H, W), RGB in [0, 1], H and W multiples of 16, to the logarithm of the depth, (B, 1, H, W).
Every convolution but the last is normalised by its batch; but for the first of all, without scale and shift.

An hourglass is written down as data: a pair of ways from the same maps to what is added up. A way is a sequence of
names of blocks, of ways to change the size, and of pairs again.
"""

from typing import TypeAlias, Union

import torch
from torch import Tensor, nn

Way: TypeAlias = tuple[Union[str, "Pair"], ...]
Pair: TypeAlias = tuple[Way, Way]

MULTIPLE = 16

BLOCKS: dict[str, tuple[int, int, tuple[tuple[int, int, int], ...]]] = {
    "A": (128, 32, ((32, 3, 32), (32, 5, 32), (32, 7, 32))),
    "B": (128, 64, ((32, 3, 64), (32, 5, 64), (32, 7, 64))),
    "C": (256, 64, ((32, 3, 64), (32, 5, 64), (32, 7, 64))),
    "D": (256, 64, ((64, 3, 64), (64, 7, 64), (64, 11, 64))),
    "E": (256, 32, ((32, 3, 32), (32, 5, 32), (32, 7, 32))),
    "F": (128, 32, ((64, 3, 32), (64, 7, 32), (64, 11, 32))),
    "G": (128, 32, ((64, 3, 32), (64, 5, 32), (64, 7, 32))),
    "H": (128, 16, ((32, 3, 16), (32, 7, 16), (32, 11, 16))),
    "K": (128, 16, ((64, 3, 16), (64, 7, 16), (64, 11, 16))),
}
"""Blocks by name: channels of the maps; those of the 1x1 branch; width, kernel and channels of each other branch."""

_EIGHTH: Pair = (("C", "C"), ("mean", "C", "C", "C", "double"))
_QUARTER: Pair = (("C", "D"), ("mean", "C", "C", _EIGHTH, "C", "D", "double"))
_HALF: Pair = (("largest", "A", "B", _QUARTER, "C", "E", "double"), ("A", "F"))
HOURGLASS: Pair = (("largest", "A", "A", _HALF, "G", "H", "double"), ("K",))
"""From 128 channels to 64."""


class Sum(nn.ModuleList):
    """Several ways from the same maps, added up."""

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, h, w) to (B, C', h, w)."""
        first, second = (way(maps) for way in self)
        total: Tensor = first + second
        return total


class Beside(nn.ModuleList):
    """Several branches from the same maps, beside each other."""

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, h, w) to (B, the channels of all branches, h, w)."""
        return torch.cat([branch(maps) for branch in self], dim=1)


def depth_network() -> nn.Sequential:
    """The network, untrained."""
    return nn.Sequential(
        nn.Conv2d(3, 128, 7, padding=3),
        nn.BatchNorm2d(128),
        nn.ReLU(inplace=True),
        _pair(HOURGLASS),
        nn.Conv2d(64, 1, 3, padding=1),
    )


def _pair(ways: Pair) -> Sum:
    return Sum([nn.Sequential(*(_part(part) for part in way)) for way in ways])


def _part(part: str | Pair) -> nn.Module:
    if not isinstance(part, str):
        return _pair(part)
    if part in BLOCKS:
        return _block(part)
    sizes = {"largest": nn.MaxPool2d(2), "mean": nn.AvgPool2d(2), "double": nn.Upsample(scale_factor=2)}
    return sizes[part]


def _block(name: str) -> Beside:
    inputs, alone, others = BLOCKS[name]
    branches = [nn.Sequential(*_normalised(inputs, alone, 1))]
    for width, kernel, outputs in others:
        branches.append(nn.Sequential(*_normalised(inputs, width, 1), *_normalised(width, outputs, kernel)))
    return Beside(branches)


def _normalised(inputs: int, outputs: int, kernel: int) -> tuple[nn.Module, ...]:
    return (
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2),
        nn.BatchNorm2d(outputs, affine=False),
        nn.ReLU(inplace=True),
    )
