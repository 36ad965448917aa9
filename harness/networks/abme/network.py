"""ABME: symmetric motions, an anchor frame from them, asymmetric motions to it, and the middle frame from all.

Source: J. Park, C. Lee, C.-S. Kim, "Asymmetric Bilateral Motion Estimation for Video Frame Interpolation", 2021, and
the behaviour of its release where the text is silent.

Conventions: two frames (B, 3, H, W), RGB in [0, 1], to the frame half-way, not clamped. Any size: motions are
estimated on frames that are resized, never padded. Motions (B, 2, ., .), dx before dy, go from the frame between.
Motions are in full precision inside of autocast; the synthesis is not.
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.networks.abme.synthesis import MULTIPLE, Motions, Synthesis
from harness.networks.layers.bilateral_motion import BilateralMotion
from harness.networks.layers.pwc import UNIT
from harness.ops.precision import at_least_float32, full_precision
from harness.ops.warp import inside, positions, resize_bilinear, resize_flow, sample

Resize = Literal["bicubic", "bilinear"]

_LARGE = 512
"""Frames of this height or more are halved for the motions; the width does not count."""

_TRUST = 20.0
"""How fast trust falls with the difference of both sides."""


class Anchor(NamedTuple):
    """The middle frame at a first guess.

    Args:
        frame: (B, 3, H, W).
        difference: how far both frames disagree about it, (B, 1, H, W).
    """

    frame: Tensor
    difference: Tensor


class ABME(nn.Module):
    """Two frames to the one between them.

    Args:
        symmetric: SBMNet, both frames to the symmetric motion, a quarter of their size, in units of 20 pixels.
        asymmetric: ABMNet, anchor, frame, motion and trust to the motion from the anchor to the frame.
        synthesis: SynNet, frames and motions to the frame between.
    """

    def __init__(self, *, symmetric: BilateralMotion, asymmetric: nn.Module, synthesis: Synthesis) -> None:
        super().__init__()
        self.symmetric = symmetric
        self.asymmetric = asymmetric
        self.synthesis = synthesis

    def forward(self, first: Tensor, second: Tensor, *, resize: Resize = "bicubic") -> Tensor:
        """Interpolate half-way.

        Args:
            first: (B, 3, H, W), in [0, 1].
            second: the same.
            resize: how frames are resized for the motions: as the release's demonstration does, or ("bilinear") as
                its evaluation does.

        Returns:
            (B, 3, H, W).
        """
        return self.synthesise(first, second, self.motions(first, second, resize=resize))

    def motions(self, first: Tensor, second: Tensor, *, resize: Resize = "bicubic") -> Motions:
        """All three motions at the size of the frames, in their pixels."""
        with full_precision(first.device.type):
            height, width = first.shape[-2:]
            size = motion_size(height, width)
            both = tuple(resized(at_least_float32(each), size, resize) for each in (first, second))
            symmetric = self.symmetric(*self.symmetric.pyramids(*both))
            anchor, difference = anchored(both, symmetric)
            trust = torch.exp(-_TRUST * F.interpolate(difference, scale_factor=0.25, mode="bilinear"))
            ways = torch.cat((-symmetric, symmetric))
            asymmetric = self.asymmetric(anchor.repeat(2, 1, 1, 1), torch.cat(both), ways, trust.repeat(2, 1, 1, 1))
            to_0, to_1 = resize_flow(UNIT * asymmetric, (height, width)).chunk(2)
            return Motions(resize_flow(UNIT / 4 * symmetric, (height, width)), to_1, to_0)

    def synthesise(self, first: Tensor, second: Tensor, motions: Motions) -> Tensor:
        """The frame between, (B, 3, H, W), from the frames and the motions at their size."""
        height, width = first.shape[-2:]
        size = (_ceil(height, MULTIPLE), _ceil(width, MULTIPLE))
        frames = [resize_bilinear(at_least_float32(each), size) for each in (first, second)]
        frame = self.synthesis(torch.cat((*frames, *(resize_flow(motion, size) for motion in motions)), dim=1))
        return resized(at_least_float32(frame), (height, width), "bicubic")


def anchored(frames: Sequence[Tensor], symmetric: Tensor) -> Anchor:
    """The anchor of two frames, (B, 3, H, W), from the symmetric motion at a quarter of their size, in units.

    It is the mean of both frames, moved; where one of them ends, it is the other.
    """
    size = (frames[0].shape[2], frames[0].shape[3])
    motion = UNIT * resize_bilinear(symmetric, size)
    moved, seen = [], []
    for frame, flow in zip(frames, (-motion, motion), strict=True):
        x, y = positions(flow, reading="corners")
        seen.append(inside(x, y, size))
        moved.append(sample(frame, x, y, padding="zeros") * seen[-1])
    alone = moved[1] * ~seen[0] + moved[0] * ~seen[1]
    difference = (moved[1] - moved[0]).abs().mean(dim=1, keepdim=True)
    return Anchor((moved[0] + moved[1] + alone) / 2, difference)


def motion_size(height: int, width: int) -> tuple[int, int]:
    """Of what size frames are for the motions: a multiple of 64.

    >>> motion_size(64, 112), motion_size(576, 720)
    ((64, 128), (320, 384))
    """
    factor = 2 if height >= _LARGE else 1
    return _ceil(height, 64 * factor) // factor, _ceil(width, 64 * factor) // factor


def resized(frames: Tensor, size: tuple[int, int], how: Resize) -> Tensor:
    """Frames (B, 3, h, w) to (B, 3, *size): half-pixel centres, no antialiasing, a = -0.75 where bicubic."""
    if frames.shape[-2:] == size:
        return frames
    return F.interpolate(frames, size=size, mode=how, align_corners=False)


def _ceil(length: int, multiple: int) -> int:
    return math.ceil(length / multiple) * multiple
