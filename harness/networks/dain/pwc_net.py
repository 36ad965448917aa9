"""Optical flow from coarse to fine by cost volumes, both ways between two frames.

Source: D. Sun, X. Yang, M.-Y. Liu, J. Kautz, "PWC-Net: CNNs for Optical Flow Using Pyramid, Warping, and Cost
Volume", 2018, in the densely connected form that DAIN contains. 9,374,274 parameters.

Conventions: frames (B, 3, H, W), H and W multiples of 64; flows (B, 2, H/4, W/4), dx before dy, in units of 20 pixels
of the frames. Level L of the pyramid has 1/2^L of each side. Full precision: flows are positions.

Deviation: the release has one more layer, which enlarges the flow of level 2 and is never used; it is left out.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.networks.layers.convolutions import SLOPE, activated_conv, conv
from harness.ops.correlation import correlation
from harness.ops.precision import at_least_float32, full_precision
from harness.ops.warp import warp_inside

MULTIPLE = 64
UNIT_PX = 20.0
FINEST = 2
"""The level of the result."""

PYRAMID = (16, 32, 64, 96, 128, 196)
"""Channels of its levels, finest first."""

DENSE = (128, 128, 96, 64, 32)
"""Channels that the layers of a level add."""

CONTEXT = ((128, 1), (128, 2), (128, 4), (96, 8), (64, 16), (32, 1))
"""Channels and dilation."""

REACH = 4
"""Of the cost volume, pixels of the level."""

COSTS = (2 * REACH + 1) ** 2
VISIBLE = 0.9999
"""How much of the bilinear weights must lie inside of a map for a sample to count."""


class Dense(nn.ModuleList):
    """Layers of which each sees what all before it have made, newest first."""

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, h, w) to (B, C and the channels of all layers, h, w)."""
        for layer in self:
            maps = torch.cat((layer(maps), maps), dim=1)
        return maps


class CoarsestLevel(nn.Module):
    """Where the flow begins: costs alone.

    Args:
        look: costs to features.
        flow: features to the flow, (B, 2, h, w).
    """

    def __init__(self, *, look: Dense, flow: nn.Module) -> None:
        super().__init__()
        self.look = look
        self.flow = flow

    def forward(self, own: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
        """Features of both frames, (B, C, h, w), to the flow and to what it was made of."""
        seen = self.look(_costs(own, other))
        return self.flow(seen), seen


class FinerLevel(nn.Module):
    """A level that corrects nothing, but makes a new flow of what the flow so far has left.

    Args:
        enlarge_flow: the coarser flow, (B, 2, h/2, w/2) to (B, 2, h, w).
        enlarge_features: what it was made of, to (B, 2, h, w).
        look: costs, own features, and these two, to features.
        flow: features to the flow.
        unit_px: pixels of this level in a unit of flow.
    """

    def __init__(
        self, *, enlarge_flow: nn.Module, enlarge_features: nn.Module, look: Dense, flow: nn.Module, unit_px: float
    ) -> None:
        super().__init__()
        self.enlarge_flow = enlarge_flow
        self.enlarge_features = enlarge_features
        self.look = look
        self.flow = flow
        self.unit_px = unit_px

    def forward(self, own: Tensor, other: Tensor, flow: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Features of both frames, the coarser flow and what it was made of, to those of this level."""
        flow = self.enlarge_flow(flow)
        handed = self.enlarge_features(seen)
        costs = _costs(own, warp_inside(other, flow * self.unit_px, reading="corners", least=VISIBLE))
        seen = self.look(torch.cat((costs, own, flow, handed), dim=1))
        return self.flow(seen), seen


class PWCNet(nn.Module):
    """Both flows between two frames.

    Args:
        pyramid: from a frame, and then from level to level, to the features of the next.
        coarsest: where the flow begins.
        finer: the levels after it, coarsest first.
        context: features of the last flow to what is added to it.
    """

    def __init__(
        self,
        *,
        pyramid: Sequence[nn.Module],
        coarsest: CoarsestLevel,
        finer: Sequence[FinerLevel],
        context: nn.Module,
    ) -> None:
        super().__init__()
        self.pyramid = nn.ModuleList(pyramid)
        self.coarsest = coarsest
        self.finer = nn.ModuleList(finer)
        self.context = context

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Frames (B, 3, H, W) to flow_0_to_1 of all pairs, then flow_1_to_0: (2B, 2, H/4, W/4), units of 20 px."""
        with full_precision(first.device.type):
            # Both directions are one batch: features of the frames, and the same of their partners.
            own = self._features(at_least_float32(torch.cat((first, second))))
            other = [torch.cat(features.chunk(2)[::-1]) for features in own]
            flow, seen = self.coarsest(own[-1], other[-1])
            for level, ours, theirs in zip(self.finer, own[-2::-1], other[-2::-1], strict=False):
                flow, seen = level(ours, theirs, flow, seen)
            refined: Tensor = flow + self.context(seen)
            return refined

    def _features(self, frames: Tensor) -> list[Tensor]:
        """Of all levels, finest first."""
        features = [frames]
        for level in self.pyramid:
            features.append(level(features[-1]))
        return features[1:]


def _costs(own: Tensor, other: Tensor) -> Tensor:
    return F.leaky_relu_(correlation(own, other, max_displacement=REACH), SLOPE)


def pwc_net() -> PWCNet:
    """The network, untrained."""
    coarsest, *finer = range(len(PYRAMID), FINEST - 1, -1)
    features = dict(enumerate(PYRAMID, start=1))
    made = {level: COSTS + (features[level] + 4 if level in finer else 0) + sum(DENSE) for level in features}
    return PWCNet(
        pyramid=[_down(inputs, outputs) for inputs, outputs in pairwise((3, *PYRAMID))],
        coarsest=CoarsestLevel(look=_dense(COSTS), flow=conv(made[coarsest], 2)),
        finer=[
            FinerLevel(
                enlarge_flow=_double(2),
                enlarge_features=_double(made[level + 1]),
                look=_dense(made[level] - sum(DENSE)),
                flow=conv(made[level], 2),
                unit_px=UNIT_PX / 2**level,
            )
            for level in finer
        ],
        context=_context(made[FINEST]),
    )


def _down(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        activated_conv(inputs, outputs, stride=2), activated_conv(outputs, outputs), activated_conv(outputs, outputs)
    )


def _dense(inputs: int) -> Dense:
    return Dense([activated_conv(inputs + sum(DENSE[:k]), outputs) for k, outputs in enumerate(DENSE)])


def _double(inputs: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, 2, 4, stride=2, padding=1)


def _context(inputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for outputs, dilation in CONTEXT:
        layers.append(activated_conv(inputs, outputs, dilation=dilation))
        inputs = outputs
    return nn.Sequential(*layers, conv(inputs, 2))
