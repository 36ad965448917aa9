"""The layers that STINet is made of beside those that it shares: concatenations, and convolutions that split them."""

import torch.nn.functional as F
from torch import Tensor, nn

from harness.ops.channels import cat_channels
from harness.ops.resampling_conv import Enlarge, enlarge


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
