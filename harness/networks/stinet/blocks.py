"""The layers that STINet is made of beside plain convolutions: factor four down and up, residual blocks, splits.

All have a bias, pad with zeros and are followed by a leaky ReLU of slope 0.1, unless they end a stage.
"""

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from harness.networks.layers.convolutions import SLOPE, activation, conv
from harness.ops.channels import cat_channels
from harness.ops.resampling_conv import Enlarge, Reduce, enlarge


def pointwise(inputs: int, outputs: int) -> nn.Conv2d:
    """1x1, without an activation."""
    return nn.Conv2d(inputs, outputs, 1)


def down(inputs: int, outputs: int) -> nn.Module:
    """From HR to LR size: a quarter of each side, then the activation."""
    return nn.Sequential(Reduce(inputs, outputs), activation())


def up(inputs: int, outputs: int) -> nn.Module:
    """From LR to HR size: four times each side, then the activation."""
    return nn.Sequential(Enlarge(inputs, outputs), activation(first=True))  # see `enlarge`


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside the identity; the second activation follows the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = conv(channels, channels)
        self.second = conv(channels, channels)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        residual: Tensor = self.second(leaky_relu(self.first(features), SLOPE, inplace=True))
        return leaky_relu(residual + features, SLOPE, inplace=True)


class Concatenation(nn.Module):
    """A layer on the concatenation of its arguments.

    Args:
        layer: of as many input channels as all arguments together.
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, *maps: Tensor) -> Tensor:
        """Several (B, C, H, W) to one."""
        out: Tensor = self.layer(cat_channels(maps))
        return out


class SplitConvolution(nn.Module):
    """A convolution of a concatenation, which is the sum of the convolutions of its parts.

    The parts can then have been computed at different times, and serve several sums.

    Args:
        layer: the convolution, of as many channels as all parts together.
        parts: how many, of as many channels each.
    """

    def __init__(self, layer: nn.Conv2d | Enlarge, *, parts: int) -> None:
        super().__init__()
        self.layer = layer
        self.parts = parts

    def part(self, index: int, maps: Tensor) -> Tensor:
        """What one part (..., C, H, W) contributes to the sum; the first one brings the bias."""
        layer = self.layer
        bias = layer.bias if index == 0 else None
        if isinstance(layer, nn.Conv2d):
            weight = layer.weight.chunk(self.parts, dim=1)[index]
            out = F.conv2d(maps.flatten(0, -4), weight, bias, layer.stride, layer.padding)
        else:
            weight = layer.weight.chunk(self.parts, dim=0)[index]
            out = enlarge(maps.flatten(0, -4), weight, bias)
        return out.reshape(*maps.shape[:-3], *out.shape[1:])
