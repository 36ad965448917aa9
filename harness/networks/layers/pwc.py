"""PWC-Net's parts: motion from coarse to fine, each level from a cost volume and from what the coarser one has found.

Source: D. Sun, X. Yang, M.-Y. Liu, J. Kautz, "PWC-Net: CNNs for Optical Flow Using Pyramid, Warping, and Cost
Volume", 2018, densely connected, in the form that its heirs took over: DAIN's flow (`networks.dain.pwc_net`), and the
bilateral motion of BMBC and ABME (`layers.bilateral_motion`). What a level compares is each network's own.

Conventions: six levels of features, finest first; the motion starts at the coarsest and ends at the second. Motions
are (B, 2, h, w), dx before dy, in units of 20 pixels of the frames, at every level.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from harness.networks.layers.convolutions import activated_conv, conv

UNIT = 20.0
"""Pixels of the frames."""

WIDTHS = (16, 32, 64, 96, 128, 196)
"""Channels of the six levels of features."""

FINEST = 2
"""The level of the result, counted from one."""

DENSE = (128, 128, 96, 64, 32)
DILATED = ((128, 1), (128, 2), (128, 4), (96, 8), (64, 16), (32, 1))


class DenseLayers(nn.Module):
    """Convolutions that each see the input and all results before, the newest in front.

    Args:
        inputs: channels of the input.
        widths: channels of each result.
    """

    def __init__(self, inputs: int, widths: Sequence[int] = DENSE) -> None:
        super().__init__()
        self.channels = inputs + sum(widths)
        counts = [inputs + sum(widths[:k]) for k in range(len(widths))]
        self.layers = nn.ModuleList(activated_conv(*pair) for pair in zip(counts, widths, strict=True))

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C + all widths, H, W)."""
        for layer in self.layers:
            maps = torch.cat((layer(maps), maps), dim=1)
        return maps


class Level(nn.Module):
    """What a level has seen, to features and a motion.

    Args:
        inputs: channels of what it sees.
    """

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.dense = DenseLayers(inputs)
        self.motion = motion_layer(self.dense.channels)

    def estimate(self, *seen: Tensor) -> tuple[Tensor, Tensor]:
        """Maps (B, C, h, w), put beside each other, to features (B, C', h, w) and the motion."""
        features = self.dense(torch.cat(seen, dim=1))
        return features, self.motion(features)


class FinerLevel(Level):
    """A level that knows what the one before it has found.

    Args:
        inputs: channels of what it sees beside that.
        coarser_channels: of the features of the level before.
    """

    def __init__(self, inputs: int, *, coarser_channels: int) -> None:
        super().__init__(inputs + 4)
        self.enlarge_motion = enlarging_layer(2, 2)
        self.enlarge_features = enlarging_layer(coarser_channels, 2)

    def enlarged(self, features: Tensor, motion: Tensor) -> tuple[Tensor, Tensor]:
        """Motion and features, both (B, 2, h, w), of what the level before returned at half the size."""
        return self.enlarge_motion(motion), self.enlarge_features(features)


def motion_layer(inputs: int) -> nn.Conv2d:
    """Features to a motion."""
    return conv(inputs, 2)


def dilated_layers(inputs: int, widths: Sequence[tuple[int, int]] = DILATED) -> nn.Sequential:
    """Features to a correction of a motion that looks far around: widths and dilations, then the motion layer."""
    counts = [inputs, *(width for width, _ in widths)]
    layers = [
        activated_conv(*pair, dilation=dilation) for pair, (_, dilation) in zip(pairwise(counts), widths, strict=True)
    ]
    return nn.Sequential(*layers, motion_layer(counts[-1]))


def enlarging_layer(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    """Twice the size, without an activation."""
    return nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1)


def feature_levels(widths: Sequence[int] = WIDTHS, *, first_stride: int = 2) -> nn.ModuleList:
    """Levels of a pyramid, finest first: three convolutions each, of which the first halves the size."""
    strides = (first_stride, *(2 for _ in widths[1:]))
    return nn.ModuleList(
        nn.Sequential(activated_conv(*pair, stride=stride), *(activated_conv(pair[1], pair[1]) for _ in range(2)))
        for pair, stride in zip(pairwise((3, *widths)), strides, strict=True)
    )


def through(levels: nn.ModuleList, frames: Tensor) -> list[Tensor]:
    """Frames (B, 3, H, W) to what each level makes of the one before, finest first."""
    maps = [frames]
    for level in levels:
        maps.append(level(maps[-1]))
    return maps[1:]


def feature_keys(levels: int = len(WIDTHS)) -> dict[str, str]:
    """The releases' names of `feature_levels`; the sixth level has another order."""
    names = [("aa", "a", "b") if number == 6 else ("a", "aa", "b") for number in range(1, levels + 1)]
    return {
        f"conv{number}{name}": f"features.{number - 1}.{k}"
        for number, three in enumerate(names, start=1)
        for k, name in enumerate(three)
    }


def dilated_keys(layers: int = len(DILATED) + 1) -> dict[str, str]:
    """The releases' names of `dilated_layers`."""
    return {f"dc_conv{k + 1}": f"dilated.{k}" for k in range(layers)}


def _level_keys(number: int) -> dict[str, str]:
    ours = "coarsest" if number == len(WIDTHS) else f"finer.{len(WIDTHS) - 1 - number}"
    dense = {f"conv{number}_{k}": f"{ours}.dense.layers.{k}" for k in range(len(DENSE))}
    motion = {f"predict_flow{number}": f"{ours}.motion"}
    if number == len(WIDTHS):
        return dense | motion
    # The releases count the layers that enlarge with the level that they come from.
    enlarge = {"deconv": "enlarge_motion", "upfeat": "enlarge_features"}
    return dense | motion | {f"{theirs}{number + 1}": f"{ours}.{layer}" for theirs, layer in enlarge.items()}


KEY_MAP = {
    **feature_keys(),
    **{theirs: ours for number in range(FINEST, len(WIDTHS) + 1) for theirs, ours in _level_keys(number).items()},
    **dilated_keys(),
}
"""The releases' layers in ours, for `renamed`."""

DEAD = ("deconv2.",)
"""A layer that the releases keep and never use, 66 parameters."""
