"""BMBC: motions at three moments, six warped candidates, and filters of each pixel's own that blend them.

Source: J. Park, K. Ko, C. Lee, C.-S. Kim, "BMBC: Bilateral Motion Estimation with Bilateral Cost Volume for Video
Interpolation", 2020, and the behaviour of its release where the text is silent.

Conventions: two frames (B, 3, H, W), RGB in [0, 1], to frames at any times in (0, 1), not clamped. Any size: motions
are estimated on frames that are resized to multiples of 32, never padded. Motions and flows (B, 2, H, W), dx before
dy, in pixels. The bilateral motion V of time t: pixel p is at p - 2t V(p) in frame 0 and at p + 2(1-t) V(p) in
frame 1. At t = 0 that is half of the flow from frame 0 to frame 1, at t = 1 minus half of the flow back. What serves
all times is computed once. Motions are in full precision inside of autocast; the filters are not.

Positions are by default read as PyTorch 1.3.1 does, which the authors require (`harness.ops.warp.Reading`, "areas"):
no motion is not quite the identity, and what comes from the outermost pixels of a map is zero.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from harness.networks.layers.bilateral_motion import BilateralMotion
from harness.networks.layers.pwc import UNIT
from harness.ops.dynamic_filter import dynamic_filter
from harness.ops.precision import at_least_float32, full_precision
from harness.ops.warp import Reading, resize_bilinear, resize_flow, warp_inside

CANDIDATES = 6
TAPS = 5
COLOURS = 3


class Motions(NamedTuple):
    """What moves between two frames, each (B, 2, H, W), in pixels.

    Args:
        flow_0_to_1: from the bilateral motion at time 0.
        flow_1_to_0: from the one at time 1.
        bilateral: V, at the time of the wanted frame.
    """

    flow_0_to_1: Tensor
    flow_1_to_0: Tensor
    bilateral: Tensor


class BMBC(nn.Module):
    """Two frames to frames between them.

    Args:
        motion: BMNet.
        context: a frame to its features, (B, C, H, W).
        filters: DFNet, both frames and the candidates, (B, 6 + 6 (3 + C), H, W), to (B, 6 * 25, H, W).
        reading: how positions are taken, as in `motion`.
    """

    def __init__(self, *, motion: BilateralMotion, context: nn.Module, filters: nn.Module, reading: Reading) -> None:
        super().__init__()
        self.motion = motion
        self.context = context
        self.filters = filters
        self.reading: Reading = reading

    def forward(self, first: Tensor, second: Tensor, times: Sequence[float]) -> Tensor:
        """Interpolate.

        Args:
            first: (B, 3, H, W), in [0, 1].
            second: the same.
            times: K times in (0, 1).

        Returns:
            (B, K, 3, H, W).
        """
        return self.synthesise(first, second, self.motions(first, second, times), times)

    def motions(self, first: Tensor, second: Tensor, times: Sequence[float]) -> list[Motions]:
        """Those of every time, at the size of the frames."""
        with full_precision(first.device.type):
            height, width = first.shape[-2:]
            size = self.motion_size(height, width)
            frames = [resize_bilinear(at_least_float32(each), size) for each in (first, second)]
            pyramids = self.motion.pyramids(*frames)
            at_0, at_1, *between = (
                resize_flow(UNIT * resize_bilinear(self.motion(*pyramids, time=time), size), (height, width))
                for time in (0.0, 1.0, *times)
            )
            return [Motions(2 * at_0, -2 * at_1, bilateral) for bilateral in between]

    def motion_size(self, height: int, width: int) -> tuple[int, int]:
        """Of what size frames are for the motions: the next multiple of 32."""
        multiple = self.motion.multiple
        return math.ceil(height / multiple) * multiple, math.ceil(width / multiple) * multiple

    def synthesise(self, first: Tensor, second: Tensor, motions: Sequence[Motions], times: Sequence[float]) -> Tensor:
        """The frames between, (B, K, 3, H, W), from both frames and the motions of these times."""
        first, second = at_least_float32(first), at_least_float32(second)
        seen = [torch.cat((frame, at_least_float32(self.context(frame))), dim=1) for frame in (first, second)]
        made = [
            self.blend(side_by_side(seen[0], seen[1], motion, time=time, reading=self.reading))
            for motion, time in zip(motions, times, strict=True)
        ]
        return torch.stack(made, dim=1)

    def blend(self, seen: Tensor) -> Tensor:
        """What `side_by_side` makes to one frame, (B, 3, H, W)."""
        weights = at_least_float32(self.filters(seen)).softmax(dim=1)
        candidates = seen[:, COLOURS:-COLOURS].unflatten(1, (CANDIDATES, -1))
        return dynamic_filter(candidates[:, :, :COLOURS].unbind(1), weights, size=TAPS)


def side_by_side(first: Tensor, second: Tensor, motions: Motions, *, time: float, reading: Reading) -> Tensor:
    """Both frames, and between them six candidates: both moved to a time, along either flow and bilaterally.

    Args:
        first: frame 0 and its context, (B, 3 + C, H, W), colours first.
        second: the same of frame 1.
        motions: between them.
        time: t.
        reading: how positions are taken.

    Returns:
        (B, 3 + 6 (3 + C) + 3, H, W).
    """
    ways = (
        (first, -time * motions.flow_0_to_1),
        (second, (1 - time) * motions.flow_0_to_1),
        (first, time * motions.flow_1_to_0),
        (second, (time - 1) * motions.flow_1_to_0),
        (first, -2 * time * motions.bilateral),
        (second, 2 * (1 - time) * motions.bilateral),
    )
    candidates = [warp_inside(maps, flow, reading=reading) for maps, flow in ways]
    return torch.cat((first[:, :COLOURS], *candidates, second[:, :COLOURS]), dim=1)
