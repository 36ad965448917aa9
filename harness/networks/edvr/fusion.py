"""Temporal and spatial attention: aligned frames to one map of features (TSA).

Source: X. Wang et al., "EDVR: Video Restoration with Enhanced Deformable Convolutional Networks", 2019, Sec. 3.3, and
the behaviour of its release.

Conventions: aligned features (T, B, C, h, w), time first; inside, channels of all frames one after the other, frame
by frame. The activation is a leaky ReLU of slope 0.1. Poolings are 3x3 with stride 2: the mean counts the zeros
around the map, the maximum does not. What was made at a smaller size is enlarged bilinearly to the exact size of the
larger one; so any size from 1x1 does.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.networks.layers.convolutions import activation, conv, pointwise
from harness.networks.layers.pyramid import enlarged


class TemporalAttention(nn.Module):
    """Weighs every pixel of every frame by how alike it is to that of the middle frame; the middle one too.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.embed = conv(channels, channels)
        self.embed_middle = conv(channels, channels)

    def forward(self, aligned: Tensor) -> Tensor:
        """(T, B, C, h, w) to the same shape."""
        middle = self.embed_middle(aligned[len(aligned) // 2])
        embedded = self.embed(aligned.flatten(0, 1)).unflatten(0, aligned.shape[:2])
        likeness = (embedded * middle).sum(dim=2, keepdim=True)
        weighed: Tensor = aligned * likeness.sigmoid()
        return weighed


class HalvedByPooling(nn.Module):
    """(B, C, h, w) to (B, 2C, ceil(h / 2), ceil(w / 2)): maxima, then means."""

    def forward(self, maps: Tensor) -> Tensor:
        """See above."""
        greatest = F.max_pool2d(maps, 3, stride=2, padding=1)
        return torch.cat((greatest, F.avg_pool2d(maps, 3, stride=2, padding=1)), dim=1)


class SpatialAttention(nn.Module):
    """All frames to a factor and a summand for every value of the fused features, seen at three sizes.

    Args:
        inputs: channels of all frames.
        channels: C.
    """

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        c = channels
        self.at_half = nn.Sequential(
            pointwise(inputs, c), activation(), HalvedByPooling(), pointwise(2 * c, c), activation()
        )
        self.at_quarter = nn.Sequential(
            pointwise(c, c),
            activation(),
            HalvedByPooling(),
            conv(2 * c, c),
            activation(),
            conv(c, c),
            activation(),
        )
        self.refine = nn.Sequential(conv(c, c), activation())
        self.join = nn.Sequential(pointwise(c, c), activation())
        self.scale = conv(c, c)
        self.shift = nn.Sequential(pointwise(c, c), activation(), pointwise(c, c))

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T C, h, w) to factors in (0, 2) and summands, (B, C, h, w)."""
        half = self.at_half(frames)
        quarter = self.at_quarter(half)
        joined = self.join(self.refine(half) + enlarged(quarter, like=half))
        scale = self.scale(enlarged(joined, like=frames))
        return 2 * scale.sigmoid(), self.shift(scale)


class TSAFusion(nn.Module):
    """The frames to one: weighed in time, fused, and modulated in space.

    Args:
        channels: C.
        frames: T.
    """

    def __init__(self, channels: int, *, frames: int) -> None:
        super().__init__()
        self.temporal = TemporalAttention(channels)
        self.fuse = nn.Sequential(pointwise(frames * channels, channels), activation())
        self.spatial = SpatialAttention(frames * channels, channels)

    def forward(self, aligned: Tensor) -> Tensor:
        """(T, B, C, h, w), the middle frame among them, to (B, C, h, w)."""
        frames = self.temporal(aligned).transpose(0, 1).flatten(1, 2)  # (B, T C, h, w)
        factor, summand = self.spatial(frames)
        fused: Tensor = self.fuse(frames) * factor + summand
        return fused
