"""Features at three sizes, and their alignment from the smallest to the largest (PCD, without the cascade).

Source: X. Wang et al., "EDVR: Video Restoration with Enhanced Deformable Convolutional Networks", 2019, Sec. 3.2;
X. Xiang et al., "Zooming Slow-Mo: Fast and Accurate One-Stage Space-Time Video Super-Resolution", 2020, Sec. 3.2,
and the behaviour of their releases where the texts are silent.

Conventions: level 1 is (B, C, h, w); each further level halves the sides, rounding up. What comes from a coarser
level is enlarged bilinearly (pixel areas, not corners, are aligned) to the exact size of the finer one, twice its
size where h and w are multiples of four; so any size from 1x1 does. Offset features, read as pixels later on, are
doubled when they are enlarged. The activation is a leaky ReLU of slope 0.1.

Where an alignment is modulated by time (TMNet), R rows, one for each pair and time, may come of P pairs of maps,
R = P K, the times of a pair one after the other: what does not depend on time is computed once a pair.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.networks.layers.convolutions import SLOPE, activation, conv
from harness.networks.layers.deformable import DeformableConvolution


class Pyramid(NamedTuple):
    """The same features at three sizes.

    Args:
        level_1: (B, C, h, w).
        level_2: (B, C, ceil(h / 2), ceil(w / 2)).
        level_3: (B, C, ceil(h / 4), ceil(w / 4)).
    """

    level_1: Tensor
    level_2: Tensor
    level_3: Tensor


class FeaturePyramid(nn.Module):
    """Features to the pyramid that stands on them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.level_2 = _halve(channels)
        self.level_3 = _halve(channels)

    def forward(self, features: Tensor) -> Pyramid:
        """(B, C, h, w) to three sizes of it; level 1 is the features themselves."""
        level_2 = self.level_2(features)
        return Pyramid(features, level_2, self.level_3(level_2))


def _halve(channels: int) -> nn.Module:
    return nn.Sequential(conv(channels, channels, stride=2), activation(), conv(channels, channels), activation())


class Unmodulated(nn.Module):
    """Offset features as they are: one alignment for each pair."""

    def forward(self, offset_features: Tensor, compared: Tensor, time: Tensor | None) -> Tensor:
        """The first argument."""
        del compared, time
        return offset_features


Modulation = Callable[[], nn.Module]
"""Makes what a level does to its offset features: (offset features (R or P, C, H, W), what they were made of, time
(R, 1, 1, 1) or None) to offset features (R, C, H, W)."""


class CoarsestLevel(nn.Module):
    """Level 3: offset features from the two maps alone.

    Args:
        channels: of the features.
        groups: deformable groups.
        modulation: of the offset features.
    """

    def __init__(self, channels: int, *, groups: int, modulation: Modulation = Unmodulated) -> None:
        super().__init__()
        self.compare = nn.Sequential(conv(2 * channels, channels), activation())
        self.refine = nn.Sequential(conv(channels, channels), activation())
        self.modulate = modulation()
        self.align = DeformableConvolution(channels, groups=groups)

    def forward(self, sampled: Tensor, other: Tensor, *, time: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Align.

        Args:
            sampled: (P, C, H, W), moved.
            other: (P, C, H, W), to where this one has what they share.
            time: (R, 1, 1, 1), of the modulation.

        Returns:
            Offset features and aligned features, (R, C, H, W), R = P without a time; no activation.
        """
        compared = self.compare(torch.cat((sampled, other), dim=1))
        offset_features = self.modulate(self.refine(compared), compared, time)
        return offset_features, self.align(repeated(sampled, like=offset_features), offset_features)


class FinerLevel(nn.Module):
    """Levels 2 and 1: offset features and aligned features go on from those of the next coarser level.

    Args:
        channels: of the features.
        groups: deformable groups.
        modulation: of the offset features.
    """

    def __init__(self, channels: int, *, groups: int, modulation: Modulation = Unmodulated) -> None:
        super().__init__()
        self.compare = nn.Sequential(conv(2 * channels, channels), activation())
        self.join = nn.Sequential(conv(2 * channels, channels), activation())
        self.refine = nn.Sequential(conv(channels, channels), activation())
        self.modulate = modulation()
        self.align = DeformableConvolution(channels, groups=groups)
        self.fuse = conv(2 * channels, channels)

    def forward(
        self,
        sampled: Tensor,
        other: Tensor,
        coarse_offset_features: Tensor,
        coarse_aligned: Tensor,
        *,
        time: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """As the coarsest level, given what the next coarser level returned, its aligned features activated."""
        compared = self.compare(torch.cat((sampled, other), dim=1))
        coarse = 2 * enlarged(coarse_offset_features, like=sampled)  # a pixel there is two pixels here
        joined = self.join(torch.cat((repeated(compared, like=coarse), coarse), dim=1))
        offset_features = self.modulate(self.refine(joined), joined, time)
        aligned = self.align(repeated(sampled, like=offset_features), offset_features)
        return offset_features, self.fuse(torch.cat((aligned, enlarged(coarse_aligned, like=aligned)), dim=1))


class PyramidAlignment(nn.Module):
    """Aligns one pyramid to another, from the coarsest level to the finest.

    Args:
        channels: of the features.
        groups: deformable groups of all levels.
        modulation: of the offset features of a level.
    """

    def __init__(self, channels: int, *, groups: int, modulation: Modulation = Unmodulated) -> None:
        super().__init__()
        self.level_3 = CoarsestLevel(channels, groups=groups, modulation=modulation)
        self.level_2 = FinerLevel(channels, groups=groups, modulation=modulation)
        self.level_1 = FinerLevel(channels, groups=groups, modulation=modulation)

    def forward(self, sampled: Pyramid, other: Pyramid, *, time: Tensor | None = None) -> Tensor:
        """Features of `sampled` moved to where `other` has them, (R, C, h, w), without an activation."""
        offsets_3, aligned_3 = self.level_3(sampled.level_3, other.level_3, time=time)
        aligned_3 = F.leaky_relu(aligned_3, SLOPE)
        offsets_2, aligned_2 = self.level_2(sampled.level_2, other.level_2, offsets_3, aligned_3, time=time)
        aligned_2 = F.leaky_relu(aligned_2, SLOPE)
        _, aligned_1 = self.level_1(sampled.level_1, other.level_1, offsets_2, aligned_2, time=time)
        aligned: Tensor = aligned_1
        return aligned


class SymmetricAlignment(nn.Module):
    """Two pyramids meet: each is aligned with the other at hand, with weights of its own.

    Args:
        channels: of the features.
        groups: deformable groups.
        modulation: of the offset features of a level of a half.
    """

    def __init__(self, channels: int, *, groups: int, modulation: Modulation = Unmodulated) -> None:
        super().__init__()
        self.first = PyramidAlignment(channels, groups=groups, modulation=modulation)
        self.second = PyramidAlignment(channels, groups=groups, modulation=modulation)

    def forward(self, first: Pyramid, second: Pyramid, *, time: Tensor | None = None) -> Tensor:
        """Align both.

        Args:
            first: pyramid on (P, C, h, w).
            second: the same.
            time: (R, 1, 1, 1), where they meet: -1 at the first, 0 half-way, 1 at the second. Each half counts it
                from where it stands, the second the other way round.

        Returns:
            (R, 2C, h, w), R = P without a time, the first's aligned features before the second's.
        """
        back = None if time is None else -time
        return torch.cat((self.first(first, second, time=time), self.second(second, first, time=back)), dim=1)


def enlarged(maps: Tensor, *, like: Tensor) -> Tensor:
    """(B, C, H, W) to the height and width of another tensor, bilinearly."""
    return F.interpolate(maps, size=like.shape[-2:], mode="bilinear", align_corners=False)


def repeated(maps: Tensor, *, like: Tensor) -> Tensor:
    """Maps of P pairs for the R rows of another tensor, the rows of a pair one after the other."""
    times = len(like) // len(maps)
    return maps if times == 1 else maps.repeat_interleave(times, dim=0)
