"""Bilateral motion: how what is at a pixel between two frames has moved past it, from coarse to fine.

Source: J. Park, K. Ko, C. Lee, C.-S. Kim, "BMBC: Bilateral Motion Estimation with Bilateral Cost Volume for Video
Interpolation", 2020, Sec. 3.1, and the behaviour of its release where the text is silent; ABME took it over. The
decoder is that of PWC-Net (`layers.pwc`).

Conventions: frames (B, 3, H, W) of the moments 0 and 1, RGB in [0, 1]. The bilateral motion V of the moment t is
(B, 2, h, w), dx before dy: pixel p of the frame between is at p - 2t V(p) in frame 0 and at p + 2(1-t) V(p) in
frame 1. Inside of the network it is in units of 20 pixels of the frames. Six levels of features; the motion starts at
the coarsest, of at least one pixel, and ends at the second. Everything that becomes a motion is in full precision.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.networks.layers.convolutions import SLOPE
from harness.networks.layers.pwc import UNIT, WIDTHS, FinerLevel, Level, dilated_layers, feature_levels, through
from harness.ops.bilateral_cost import bilateral_cost
from harness.ops.precision import at_least_float32, full_precision
from harness.ops.warp import Reading, warp_inside

MAX_DISPLACEMENTS = (6, 4, 4, 2, 2)
"""Of the levels, coarsest first."""


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


class CoarsestMotion(Level):
    """Level 6: from the cost around no motion alone.

    Args:
        cost: of the level.
    """

    def __init__(self, cost: CostVolume) -> None:
        super().__init__(cost.channels)
        self.cost = cost

    def forward(self, first: Tensor, second: Tensor, *, time: float) -> tuple[Tensor, Tensor]:
        """Features of both frames, (B, C, h, w), to features (B, C', h, w) and the motion, in units."""
        cost = self.cost(first, second, torch.zeros_like(first[:, :2]), time=time)
        return self.estimate(F.leaky_relu(cost, SLOPE))


class FinerMotion(FinerLevel):
    """Levels 5 to 2: from the cost around the coarser motion, both maps moved by it, and what the level before saw.

    Args:
        coarser_channels: of the features of the level before.
        channels: of the maps.
        cost: of the level.
        unit: of motions, in pixels of this level.
    """

    def __init__(self, coarser_channels: int, channels: int, *, cost: CostVolume, unit: float) -> None:
        super().__init__(cost.channels + 2 * channels, coarser_channels=coarser_channels)
        self.cost = cost
        self.unit = unit

    def forward(
        self, first: Tensor, second: Tensor, features: Tensor, motion: Tensor, *, time: float
    ) -> tuple[Tensor, Tensor]:
        """As level 6, given what the level before returned."""
        motion, features = self.enlarged(features, motion)
        v = self.unit * motion
        cost = self.cost(first, second, v, time=time)
        moved_first = warp_inside(first, -2 * time * v, reading=self.cost.reading)
        moved_second = warp_inside(second, 2 * (1 - time) * v, reading=self.cost.reading)
        return self.estimate(F.leaky_relu(cost, SLOPE), moved_first, moved_second, motion, features)


class BilateralMotion(nn.Module):
    """Two frames and a moment to the bilateral motion of that moment.

    Args:
        reading: how the release takes positions.
        first_stride: of the first level of features: 2, or 1 for motions of twice the size.
    """

    def __init__(self, *, reading: Reading, first_stride: int) -> None:
        super().__init__()
        self.multiple = first_stride * 2 ** (len(WIDTHS) - 1)
        self.features = feature_levels(first_stride=first_stride)
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
