"""SynNet: four warped candidates, blended by filters of each pixel's own, then corrected.

Candidates: frame 0 along the symmetric and along its asymmetric motion, then frame 1 likewise; each with features, at
three sizes. A candidate that would lie outside of its frame is zero.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from harness.networks.abme.grid_net import WIDTHS, GridNet
from harness.ops.dynamic_filter import dynamic_filter
from harness.ops.warp import resize_flow, warp_inside

MULTIPLE = 8
"""Of the sides of the frames."""

CANDIDATES = 4
_TAPS = 3


class Motions(NamedTuple):
    """From the frame between, all (B, 2, H, W), in pixels.

    Args:
        symmetric: to frame 1, and its negative to frame 0.
        to_1: the asymmetric one to frame 1.
        to_0: to frame 0.
    """

    symmetric: Tensor
    to_1: Tensor
    to_0: Tensor


def _features() -> nn.ModuleList:
    """Three sizes of features of a frame, 32, 64 and 96 channels."""
    strides = (1, 2, 2)
    return nn.ModuleList(
        nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
            nn.PReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.PReLU(),
        )
        for (inputs, outputs), stride in zip(pairwise((3, *WIDTHS)), strides, strict=True)
    )


class Synthesis(nn.Module):
    """Two frames and the motions to them to the frame between."""

    def __init__(self) -> None:
        super().__init__()
        self.features = _features()
        large, *smaller = (CANDIDATES * width for width in WIDTHS)
        self.filters = GridNet((large + CANDIDATES * 3, *smaller), CANDIDATES * _TAPS**2)
        self.refine = GridNet((3 + WIDTHS[0] + large, *smaller), 3)

    def forward(self, frames_and_motions: Tensor) -> Tensor:
        """Both frames and the three motions, (B, 12, H, W), sides multiples of eight, to the frame, (B, 3, H, W)."""
        first, second, *motions = frames_and_motions.split((3, 3, 2, 2, 2), dim=1)
        candidates, *smaller = self.candidates(first, second, Motions(*motions))
        weights = self.filters(_side_by_side(candidates, smaller)).softmax(dim=1)
        blended = dynamic_filter(candidates, weights, size=_TAPS)
        features = [candidate[:, 3:] for candidate in candidates]
        correction = self.refine(_side_by_side([blended, *features], smaller))
        frame: Tensor = blended[:, :3] + correction
        return frame

    def candidates(self, first: Tensor, second: Tensor, motions: Motions) -> list[list[Tensor]]:
        """The four of each size, largest first: (B, 3 + 32, H, W), then features alone, of 64 and of 96 channels."""
        size = len(first)
        sampled = torch.cat((first, second))
        flows = torch.cat((-motions.symmetric, motions.to_0, motions.symmetric, motions.to_1))
        levels: list[list[Tensor]] = []
        features = sampled
        for level in self.features:
            features = level(features)
            maps = features if levels else torch.cat((sampled, features), dim=1)
            sources = torch.cat([half for half in maps.split(size) for _ in range(2)])
            scaled = resize_flow(flows, (maps.shape[2], maps.shape[3]))
            levels.append(list(warp_inside(sources, scaled, reading="corners").split(size)))
        return levels


def _side_by_side(largest: Sequence[Tensor], smaller: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    return [torch.cat(list(maps), dim=1) for maps in (largest, *smaller)]


KEY_MAP = {f"ctxNet.Feature_{name}": f"features.{k}" for k, name in enumerate(("First", "Second", "Third"))}
"""The release's features in ours; both grids have a table of their own."""
