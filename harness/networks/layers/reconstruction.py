"""From features to pictures of four times their size: residual blocks, and the layers that enlarge.

Source: X. Wang et al., "EDVR: Video Restoration with Enhanced Deformable Convolutional Networks", 2019, whose release
Zooming Slow-Mo, TMNet, VideoINR and, for the layers that enlarge, STINet follow. No normalisation anywhere.
"""

import torch
from torch import Tensor, nn

from harness.networks.layers.convolutions import activation, conv

START = 0.1  # of the values of Kaiming: a residual block starts close to the identity


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside the identity: a plain ReLU between them, nothing after the sum.

    STINet's block has another activation, and a second one after the sum (`ActivatedBlock` of layers.convolutions).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = conv(channels, channels)
        self.second = conv(channels, channels)
        for layer in (self.first, self.second):
            nn.init.kaiming_normal_(layer.weight)
            with torch.no_grad():
                layer.weight.mul_(START)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        residual: Tensor = self.second(self.first(features).relu_())
        return features + residual


def residual_blocks(channels: int, *, count: int) -> nn.Sequential:
    """Some blocks in a row, and nothing around them."""
    return nn.Sequential(*(ResidualBlock(channels) for _ in range(count)))


def picture_layers(channels: int, *, full_size: int | None = None) -> nn.Sequential:
    """(B, C, h, w) to (B, 3, 4h, 4w): two pixel shuffles, a convolution at full size, and the picture.

    Args:
        channels: C.
        full_size: channels at full size; default C.
    """
    last = full_size or channels
    widths = ((channels, channels), (channels, last))
    shuffles = [layer for a, b in widths for layer in (conv(a, 4 * b), nn.PixelShuffle(2), activation())]
    return nn.Sequential(*shuffles, conv(last, last), activation(), conv(last, 3))
