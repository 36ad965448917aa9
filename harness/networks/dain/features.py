"""What DAIN looks at frames with, beside flow and depth: context, filters, and what corrects the blend."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.networks.layers.convolutions import ActivatedBlock, conv
from harness.networks.layers.unet import UNet

FILTER_CHANNELS = (16, 32, 64, 128, 256, 512)
CONTEXT_CHANNELS = 3 + 3 * 64


class Context(nn.Module):
    """A frame, and features of it that see further and further around, beside each other.

    Args:
        entry: (B, 3, H, W) to (B, C, H, W).
        further: features to features of the same shape, one after the other.
    """

    def __init__(self, entry: nn.Module, *further: nn.Module) -> None:
        super().__init__()
        self.entry = entry
        self.further = nn.ModuleList(further)

    def forward(self, frames: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, 3 + 3C, H, W)."""
        features = [self.entry(frames)]
        for block in self.further:
            features.append(block(features[-1]))
        return torch.cat((frames, *features), dim=1)


def context_network(channels: int = 64) -> Context:
    """156,864 parameters, without biases."""
    entry = nn.Sequential(nn.Conv2d(3, channels, 7, padding=3, bias=False), nn.ReLU())
    return Context(entry, *(_block(channels, dilation=dilation) for dilation in (4, 8)))


def rectification(inputs: int, channels: int = 128) -> nn.Sequential:
    """All that is known of the new frame, (B, 437, H, W), to what its blend lacks, (B, 3, H, W)."""
    return nn.Sequential(
        nn.Conv2d(inputs, channels, 7, padding=3),
        nn.ReLU(inplace=True),
        *(_block(channels) for _ in range(3)),
        conv(channels, 3),
    )


def _block(channels: int, *, dilation: int = 1) -> ActivatedBlock:
    return ActivatedBlock(channels, after=nn.ReLU(inplace=True), dilation=dilation, bias=False)


class Enlarge(nn.Module):
    """One level up: twice the size, the sum with what was there on the way down, a convolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.look = _activated(inputs, outputs)

    def forward(self, smaller: Tensor, passed: Tensor) -> Tensor:
        """(B, C, h/2, w/2) and (B, C, h, w) to (B, C', h, w)."""
        enlarged = F.interpolate(smaller, scale_factor=2, mode="bilinear", align_corners=False)
        features: Tensor = self.look(enlarged + passed)
        return features


def filter_features() -> UNet:
    """Both frames, (B, 6, H, W), to features of the filters, (B, 16, H, W)."""
    first, second, *_ = widths = FILTER_CHANNELS
    return UNet(
        entry=nn.Sequential(_activated(6, first), _activated(first, second)),
        down=[nn.Sequential(nn.MaxPool2d(2), _activated(*pair)) for pair in pairwise((*widths[1:], widths[-1]))],
        up=[Enlarge(b, a) for a, b in reversed(list(pairwise(widths)))],
        last=nn.Identity(),
    )


def filter_head(taps: int) -> nn.Sequential:
    """Features to the filters of one frame, (B, taps, H, W); not normalised."""
    channels = FILTER_CHANNELS[0]
    return nn.Sequential(conv(channels, channels), nn.ReLU(inplace=True), conv(channels, taps))


def _activated(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(conv(inputs, outputs), nn.ReLU(inplace=True))
