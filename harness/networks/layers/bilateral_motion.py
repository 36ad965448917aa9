"""Bilateral motion: how what is at a pixel between two frames has moved past it, from coarse to fine.

Source: J. Park, K. Ko, C. Lee, C.-S. Kim, "BMBC: Bilateral Motion Estimation with Bilateral Cost Volume for Video
Interpolation", 2020, Sec. 3.1, and the behaviour of its release where the text is silent; ABME took it over. The
decoder is that of D. Sun et al., "PWC-Net: CNNs for Optical Flow Using Pyramid, Warping, and Cost Volume", 2018.

Conventions: frames (B, 3, H, W) of the moments 0 and 1, RGB in [0, 1]. The bilateral motion V of the moment t is
(B, 2, h, w), dx before dy: pixel p of the frame between is at p - 2t V(p) in frame 0 and at p + 2(1-t) V(p) in
frame 1. Inside of the network it is in units of 20 pixels of the frames. Six levels of features; the motion starts at
the coarsest, of at least one pixel, and ends at the second. Everything that becomes a motion is in full precision.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.networks.layers.convolutions import SLOPE, activated_conv, conv
from harness.ops.bilateral_cost import bilateral_cost
from harness.ops.precision import at_least_float32, full_precision
from harness.ops.warp import Reading, warp_inside

UNIT = 20.0
"""Pixels of the frames."""

WIDTHS = (16, 32, 64, 96, 128, 196)
"""Channels of the six levels of features."""

DENSE = (128, 128, 96, 64, 32)
DILATED = ((128, 1), (128, 2), (128, 4), (96, 8), (64, 16), (32, 1))
MAX_DISPLACEMENTS = (6, 4, 4, 2, 2)
"""Of the levels, coarsest first."""


class DenseLayers(nn.Module):
    """Convolutions that each see the input and all results before, the newest in front.

    Args:
        inputs: channels of the input.
        widths: channels of each result.
    """

    def __init__(self, inputs: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.channels = inputs + sum(widths)
        counts = [inputs + sum(widths[:k]) for k in range(len(widths))]
        self.layers = nn.ModuleList(activated_conv(*pair) for pair in zip(counts, widths, strict=True))

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C + all widths, H, W)."""
        for layer in self.layers:
            maps = torch.cat((layer(maps), maps), dim=1)
        return maps


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


def feature_levels(widths: Sequence[int], *, first_stride: int) -> nn.ModuleList:
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


class CostVolume(nn.Module):
    """The bilateral cost volume of a level; no parameters.

    Args:
        max_displacement: in pixels of the level.
        reading: how the release takes positions.
    """

    def __init__(self, max_displacement: int, *, reading: Reading) -> None:
        super().__init__()
        self.max_displacement = max_displacement
        self.reading: Reading = reading
        self.channels = (2 * max_displacement + 1) ** 2

    def forward(self, first: Tensor, second: Tensor, motion: Tensor, *, time: float) -> Tensor:
        """Features (B, C, h, w) and a motion in their pixels to (B, channels, h, w), not activated."""
        return bilateral_cost(
            first, second, motion, max_displacement=self.max_displacement, reading=self.reading, time=time
        )


class CoarsestMotion(nn.Module):
    """Level 6: from the cost around no motion alone.

    Args:
        cost: of the level.
    """

    def __init__(self, cost: CostVolume) -> None:
        super().__init__()
        self.cost = cost
        self.dense = DenseLayers(cost.channels, DENSE)
        self.motion = motion_layer(self.dense.channels)

    def forward(self, first: Tensor, second: Tensor, *, time: float) -> tuple[Tensor, Tensor]:
        """Features of both frames, (B, C, h, w), to features (B, C', h, w) and the motion, in units."""
        cost = self.cost(first, second, torch.zeros_like(first[:, :2]), time=time)
        features = self.dense(F.leaky_relu(cost, SLOPE))
        return features, self.motion(features)


class FinerMotion(nn.Module):
    """Levels 5 to 2: from the cost around the coarser motion, both maps moved by it, and what the level before saw.

    Args:
        coarser_channels: of the features of the level before.
        channels: of the maps.
        cost: of the level.
        unit: of motions, in pixels of this level.
    """

    def __init__(self, coarser_channels: int, channels: int, *, cost: CostVolume, unit: float) -> None:
        super().__init__()
        self.cost = cost
        self.unit = unit
        self.enlarge_motion = enlarging_layer(2, 2)
        self.enlarge_features = enlarging_layer(coarser_channels, 2)
        self.dense = DenseLayers(cost.channels + 2 * channels + 4, DENSE)
        self.motion = motion_layer(self.dense.channels)

    def forward(
        self, first: Tensor, second: Tensor, features: Tensor, motion: Tensor, *, time: float
    ) -> tuple[Tensor, Tensor]:
        """As level 6, given what the level before returned."""
        motion, features = self.enlarge_motion(motion), self.enlarge_features(features)
        v = self.unit * motion
        cost = self.cost(first, second, v, time=time)
        moved_first = warp_inside(first, -2 * time * v, reading=self.cost.reading)
        moved_second = warp_inside(second, 2 * (1 - time) * v, reading=self.cost.reading)
        seen = (F.leaky_relu(cost, SLOPE), moved_first, moved_second, motion, features)
        features = self.dense(torch.cat(seen, dim=1))
        return features, self.motion(features)


class BilateralMotion(nn.Module):
    """Two frames and a moment to the bilateral motion of that moment.

    Args:
        reading: how the release takes positions.
        first_stride: of the first level of features: 2, or 1 for motions of twice the size.
    """

    def __init__(self, *, reading: Reading, first_stride: int) -> None:
        super().__init__()
        self.multiple = first_stride * 2 ** (len(WIDTHS) - 1)
        self.features = feature_levels(WIDTHS, first_stride=first_stride)
        coarsest, *finer = (CostVolume(reach, reading=reading) for reach in MAX_DISPLACEMENTS)
        self.coarsest = CoarsestMotion(coarsest)
        channels = self.coarsest.dense.channels
        self.finer = nn.ModuleList()
        for k, (width, cost) in enumerate(zip(WIDTHS[-2:0:-1], finer, strict=True), start=1):
            level = FinerMotion(channels, width, cost=cost, unit=UNIT * 2**k / self.multiple)
            self.finer.append(level)
            channels = level.dense.channels
        self.dilated = dilated_layers(channels)

    def pyramids(self, first: Tensor, second: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Both frames, (B, 3, H, W), sides multiples of `multiple`, to the features of each, coarsest level first."""
        with full_precision(first.device.type):
            levels = through(self.features, at_least_float32(torch.cat((first, second))))
            halves = [level.chunk(2) for level in reversed(levels[1:])]
            return [half[0] for half in halves], [half[1] for half in halves]

    def forward(self, first: Sequence[Tensor], second: Sequence[Tensor], *, time: float = 0.5) -> Tensor:
        """Estimate V at a moment.

        Args:
            first: what `pyramids` made of frame 0; it serves every moment.
            second: the same of frame 1.
            time: t, in [0, 1].

        Returns:
            (B, 2, h, w), in units of 20 pixels, at the size of the second level: 2 `first_stride` times smaller
            than the frames.
        """
        with full_precision(first[0].device.type):
            features, motion = self.coarsest(first[0], second[0], time=time)
            for level, a, b in zip(self.finer, first[1:], second[1:], strict=True):
                features, motion = level(a, b, features, motion, time=time)
            corrected: Tensor = motion + self.dilated(features)
            return corrected


def _level(number: int) -> str:
    return "coarsest" if number == 6 else f"finer.{5 - number}"


def _level_keys(number: int) -> dict[str, str]:
    dense = {f"conv{number}_{k}": f"{_level(number)}.dense.layers.{k}" for k in range(len(DENSE))}
    if number == 6:
        return dense | {"predict_flow6": "coarsest.motion"}
    coarser = number + 1  # the release counts the layers that enlarge with the level that they come from
    return dense | {
        f"predict_flow{number}": f"{_level(number)}.motion",
        f"deconv{coarser}": f"{_level(number)}.enlarge_motion",
        f"upfeat{coarser}": f"{_level(number)}.enlarge_features",
    }


def feature_keys(levels: int) -> dict[str, str]:
    """The release's names of `feature_levels`; the sixth level has another order."""
    names = [("aa", "a", "b") if number == 6 else ("a", "aa", "b") for number in range(1, levels + 1)]
    return {
        f"conv{number}{name}": f"features.{number - 1}.{k}"
        for number, three in enumerate(names, start=1)
        for k, name in enumerate(three)
    }


def dilated_keys(layers: int = len(DILATED) + 1) -> dict[str, str]:
    """The release's names of `dilated_layers`."""
    return {f"dc_conv{k + 1}": f"dilated.{k}" for k in range(layers)}


KEY_MAP = {
    **feature_keys(len(WIDTHS)),
    **{theirs: ours for number in range(2, 7) for theirs, ours in _level_keys(number).items()},
    **dilated_keys(),
}
"""The release's layers in ours, for `renamed`."""

DEAD = ("deconv2.",)
"""A layer that the release keeps and never uses, 66 parameters."""
