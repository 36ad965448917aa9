"""Features between frames: the features of both neighbours, aligned to each other, are fused.

Source: X. Xiang et al., "Zooming Slow-Mo: Fast and Accurate One-Stage Space-Time Video Super-Resolution", 2020,
Sec. 3.2; with times, G. Xu et al., "Temporal Modulation Network for Controllable Space-Time Video Super-Resolution",
2021, Sec. 3.2.

Conventions: sequences are those of `sequences`, time first; h and w may be anything. All pairs, and all times of
them, are one batch.
"""

from torch import Tensor, nn

from harness.networks.layers.pyramid import FeaturePyramid, Modulation, Pyramid, SymmetricAlignment, Unmodulated
from harness.networks.layers.sequences import interleaved


class FeatureInterpolation(nn.Module):
    """Features of N frames to those of N + (N-1) K frames.

    Args:
        channels: of the features.
        groups: deformable groups.
        modulation: how times change the alignment; see `pyramid`.
    """

    def __init__(self, channels: int, *, groups: int, modulation: Modulation = Unmodulated) -> None:
        super().__init__()
        self.pyramid = FeaturePyramid(channels)
        self.align = SymmetricAlignment(channels, groups=groups, modulation=modulation)
        self.fuse = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, given: Tensor, *, times: Tensor | None = None) -> Tensor:
        """Interpolate between every two neighbours.

        Args:
            given: (N, B, C, h, w).
            times: (B, K), increasing, in (0, 1), for each clip; None: once, half-way, without modulation.

        Returns:
            (N + (N-1) K, B, C, h, w), the given features as they were.
        """
        pairs, batch = len(given) - 1, given.shape[1]
        levels = self.pyramid(given.flatten(0, 1))
        earlier, later = Pyramid(*(level[:-batch] for level in levels)), Pyramid(*(level[batch:] for level in levels))
        between: Tensor = self.fuse(self.align(earlier, later, time=_rows(times, pairs=pairs)))
        return interleaved(given, between.unflatten(0, (pairs, batch, -1)).transpose(1, 2))


def _rows(times: Tensor | None, *, pairs: int) -> Tensor | None:
    """(B, K) in (0, 1) to (P B K, 1, 1, 1) in (-1, 1): where between the two frames of its pair a row lies."""
    return None if times is None else (2 * times - 1).expand(pairs, -1, -1).reshape(-1, 1, 1, 1)
