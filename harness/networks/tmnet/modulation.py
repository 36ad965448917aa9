"""Temporal modulation: where between two frames the new one lies changes the offset features of the alignment.

Source: G. Xu, J. Xu, Z. Li, L. Wang, X. Sun, M.-M. Cheng, "Temporal Modulation Network for Controllable Space-Time
Video Super-Resolution", 2021, Sec. 3.2, and the behaviour of its release.

Conventions: time is -1 at the frame whose features are moved, 0 half-way, 1 at the other frame. Half-way a block
adds exactly zero, because nothing on the way of time has a bias.
"""

from torch import Tensor, nn

from harness.networks.layers.convolutions import activation, conv
from harness.networks.layers.pyramid import repeated


class TemporalModulationBlock(nn.Module):
    """Features times a factor for each channel, which is a function of time ("TMB")."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.features = nn.Sequential(conv(channels, channels), activation(), conv(channels, channels), activation())
        widths = ((1, channels), (channels, channels), (channels, channels))
        layers = [layer for width in widths for layer in (nn.Conv2d(*width, 1, bias=False), activation())]
        self.factors = nn.Sequential(*layers)

    def forward(self, compared: Tensor, time: Tensor) -> Tensor:
        """(R or P, C, H, W) and (R, 1, 1, 1) to (R, C, H, W)."""
        factors: Tensor = self.factors(time)
        return repeated(self.features(compared), like=factors) * factors


class TemporalModulation(nn.Module):
    """Adds a block's result to offset features; without a time there is nothing to add: the single-frame mode.

    Args:
        block: (what the offset features were made of, time) to what is added.
    """

    def __init__(self, block: TemporalModulationBlock) -> None:
        super().__init__()
        self.block = block

    def forward(self, offset_features: Tensor, compared: Tensor, time: Tensor | None) -> Tensor:
        """As `layers.pyramid.Modulation` says."""
        if time is None:
            return offset_features
        modulation: Tensor = self.block(compared, time)
        return repeated(offset_features, like=modulation) + modulation
