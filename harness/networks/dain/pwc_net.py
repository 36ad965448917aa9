"""Optical flow from coarse to fine by cost volumes, both ways between two frames: PWC-Net, as DAIN contains it.

9,374,274 parameters; see `layers.pwc` for the source and for what it shares.

Conventions: frames (B, 3, H, W), H and W multiples of 64; flows (B, 2, H/4, W/4), dx before dy, in units of 20 pixels
of the frames. Level L of the pyramid has 1/2^L of each side. Full precision: flows are positions.

Deviation: the release has one more layer, which enlarges the flow of level 2 and is never used; it is left out.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.networks.layers.convolutions import SLOPE
from harness.networks.layers.pwc import (
    FINEST,
    UNIT,
    WIDTHS,
    FinerLevel,
    Level,
    dilated_layers,
    feature_levels,
    through,
)
from harness.ops.correlation import correlation
from harness.ops.precision import at_least_float32, full_precision
from harness.ops.warp import warp_inside

MULTIPLE = 2 ** len(WIDTHS)

REACH = 4
"""Of the cost volume, pixels of the level."""

COSTS = (2 * REACH + 1) ** 2
VISIBLE = 0.9999
"""How much of the bilinear weights must lie inside of a map for a sample to count."""


class CoarsestFlow(Level):
    """Where the flow begins: costs alone."""

    def __init__(self) -> None:
        super().__init__(COSTS)

    def forward(self, own: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
        """Features of both frames, (B, C, h, w), to what the flow is made of, and to the flow."""
        return self.estimate(_costs(own, other))


class FinerFlow(FinerLevel):
    """A level that corrects nothing, but makes a new flow of what the flow so far has left.

    Args:
        level: its number.
        coarser_channels: of the features of the level before.
    """

    def __init__(self, level: int, *, coarser_channels: int) -> None:
        super().__init__(COSTS + WIDTHS[level - 1], coarser_channels=coarser_channels)
        self.unit = UNIT / 2**level

    def forward(self, own: Tensor, other: Tensor, features: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
        """As level 6, given what the level before returned."""
        flow, features = self.enlarged(features, flow)
        moved = warp_inside(other, flow * self.unit, reading="corners", least=VISIBLE)
        return self.estimate(_costs(own, moved), own, flow, features)


class PWCNet(nn.Module):
    """Both flows between two frames."""

    def __init__(self) -> None:
        super().__init__()
        self.features = feature_levels()
        self.coarsest = CoarsestFlow()
        channels = self.coarsest.dense.channels
        self.finer = nn.ModuleList()
        for number in range(len(WIDTHS) - 1, FINEST - 1, -1):
            level = FinerFlow(number, coarser_channels=channels)
            self.finer.append(level)
            channels = level.dense.channels
        self.dilated = dilated_layers(channels)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Frames (B, 3, H, W) to flow_0_to_1 of all pairs, then flow_1_to_0: (2B, 2, H/4, W/4), units of 20 px."""
        with full_precision(first.device.type):
            # Both directions are one batch: features of the frames, and the same of their partners.
            own = through(self.features, at_least_float32(torch.cat((first, second))))
            other = [torch.cat(maps.chunk(2)[::-1]) for maps in own]
            features, flow = self.coarsest(own[-1], other[-1])
            for level, ours, theirs in zip(self.finer, own[-2::-1], other[-2::-1], strict=False):
                features, flow = level(ours, theirs, features, flow)
            refined: Tensor = flow + self.dilated(features)
            return refined


def _costs(own: Tensor, other: Tensor) -> Tensor:
    return F.leaky_relu_(correlation(own, other, max_displacement=REACH), SLOPE)
