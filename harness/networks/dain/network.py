"""DAIN: flow towards a moment between two frames, nearer things first; frames and features filtered along it.

Source: W. Bao, W.-S. Lai, C. Ma, X. Zhang, Z. Gao, M.-H. Yang, "Depth-Aware Video Frame Interpolation", 2019, and the
behaviour of its release where the text is silent.

Conventions: frames (B, 3, H, W), RGB in [0, 1], nothing subtracted, nothing clamped; H and W are multiples of 64;
`interpolate` takes any size and pads as the authors do. Time 0 is the first frame, 1 the second. Flows in pixels, dx
before dy.

Where flow crosses a pixel, projection and filtering jump: a rounding of the last bit may change single pixels.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.errors import DataError
from harness.networks.dain.pwc_net import MULTIPLE, PWCNet
from harness.networks.layers.pwc import UNIT
from harness.ops.channels import cat_channels
from harness.ops.filter_interpolation import filter_interpolation
from harness.ops.flow_projection import project_flow
from harness.ops.precision import at_least_float32
from harness.ops.warp import resize_bilinear

PADDED_MULTIPLE = 128
_MARGIN = 32  # of sizes that are multiples of it already
_LEAST_NEARNESS = 1e-6


class Views(NamedTuple):
    """What both frames give, at whatever time: a batch of all first frames, then of all second ones.

    Args:
        maps: context (of which the frame itself is the first three channels) and depth, (2B, C, H, W).
        filters: (2B, 16, H, W).
        flow: to the other frame, (2B, 2, H/4, W/4), units of 20 pixels.
        nearness: w, the inverse of the depth, (2B, 1, H, W).
    """

    maps: Tensor
    filters: Tensor
    flow: Tensor
    nearness: Tensor


class DAIN(nn.Module):
    """Two frames to frames between them.

    Args:
        flow: both frames to both flows.
        depth: a frame to the logarithm of its depth, (B, 1, H, W).
        context: a frame to itself and features, (B, 3 + C, H, W).
        filter_features: both frames, (B, 6, H, W), to features.
        filter_heads: of each frame: these features to its filters, (B, 16, H, W).
        rectify: all that is known of the new frame to what is added to its blend, (B, 3, H, W).
    """

    def __init__(
        self,
        *,
        flow: PWCNet,
        depth: nn.Module,
        context: nn.Module,
        filter_features: nn.Module,
        filter_heads: Sequence[nn.Module],
        rectify: nn.Module,
    ) -> None:
        super().__init__()
        self.flow = flow
        self.depth = depth
        self.context = context
        self.filter_features = filter_features
        self.filter_heads = nn.ModuleList(filter_heads)
        self.rectify = rectify

    def forward(self, first: Tensor, second: Tensor, times: Sequence[float]) -> Tensor:
        """Interpolate.

        Args:
            first: (B, 3, H, W), RGB in [0, 1], both sides multiples of 64.
            second: of the same shape.
            times: K moments in (0, 1).

        Returns:
            (B, K, 3, H, W), not clamped.

        Raises:
            DataError: the shapes differ, or a side is no multiple of 64.
        """
        if first.shape != second.shape or any(side % MULTIPLE for side in first.shape[-2:]):
            raise DataError(
                f"DAIN takes two frames of one size, whose sides are multiples of {MULTIPLE}.",
                found=f"{tuple(first.shape)} and {tuple(second.shape)}",
                todo="harness.networks.dain.network.interpolate takes any size",
            )
        views = self._look(first, second)
        return torch.stack([self._at(time, views) for time in times], dim=1)

    def _look(self, first: Tensor, second: Tensor) -> Views:
        """All that does not depend on the time."""
        frames = torch.cat((first, second))
        log_depth = self.depth(frames)
        features = self.filter_features(torch.cat((first, second), dim=1))
        return Views(
            maps=cat_channels((self.context(frames), log_depth)),
            filters=torch.cat([head(features) for head in self.filter_heads]),
            flow=self.flow(first, second),
            nearness=_LEAST_NEARNESS + 1 / at_least_float32(log_depth).exp(),
        )

    def _at(self, time: float, views: Views) -> Tensor:
        """The frame at one moment, (B, 3, H, W)."""
        known = self._known(time, views)
        lacking: Tensor = self.rectify(known)
        return known[:, :3] + lacking

    def _known(self, time: float, views: Views) -> Tensor:
        """The blend of both frames, and all that it is made of, (B, 437, H, W)."""
        flow_0_to_1, flow_1_to_0 = (UNIT * views.flow).chunk(2)
        past = torch.cat((time * flow_0_to_1, (1 - time) * flow_1_to_0))  # what passes the moment, from either frame
        past = resize_bilinear(past, (views.maps.shape[-2], views.maps.shape[-1]))
        flows = project_flow(past, views.nearness, fill=not past.requires_grad)
        maps = filter_interpolation(views.maps, flows, views.filters)
        warped_0, warped_1 = maps[:, :3].chunk(2)
        blend = (1 - time) * warped_0 + time * warped_1
        pairs = (flows, views.filters, maps)
        return cat_channels((blend, warped_0, warped_1, *(side for pair in pairs for side in pair.chunk(2))))


def interpolate(network: DAIN, first: Tensor, second: Tensor, times: Sequence[float]) -> Tensor:
    """Frames of any size, padded by their edges as the authors do it, and the result cropped.

    Each axis is padded to a multiple of 128, at both ends alike; one that is a multiple already, by 32 at both ends.

    Args:
        network: DAIN.
        first: (B, 3, h, w), RGB in [0, 1].
        second: of the same shape.
        times: K moments in (0, 1).

    Returns:
        (B, K, 3, h, w).
    """
    height, width = first.shape[-2:]
    (top, bottom), (left, right) = _room(height), _room(width)
    padded = [F.pad(frames, (left, right, top, bottom), mode="replicate") for frames in (first, second)]
    made: Tensor = network(padded[0], padded[1], times)
    return made[..., top : top + height, left : left + width]


def _room(side: int) -> tuple[int, int]:
    """What is added before and after."""
    missing = -side % PADDED_MULTIPLE
    return (missing // 2, missing - missing // 2) if missing else (_MARGIN, _MARGIN)
