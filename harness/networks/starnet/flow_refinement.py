"""Flow refinement: a UNet looks at both frames and a flow, and adds to the flow.

Deviation: in training, batch normalisation sees the flows of both directions as one batch, which they are here; the
release takes one direction after the other. In evaluation there is no difference.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.networks.layers.unet import UNet

LEVELS = 5
LEAST_SIZE = 2**LEVELS
"""Pixels of the shorter side: at the smallest level one is left."""


class FlowRefinement(nn.Module):
    """A flow and what the network adds to it: a sigmoid, 0 to 1 in units of -150 pixels.

    Args:
        unet: flow, first and second frame, (B, 8, h, w), to (B, 2, h, w).
    """

    def __init__(self, unet: nn.Module) -> None:
        super().__init__()
        self.unet = unet

    def forward(self, first: Tensor, second: Tensor, flows: Tensor) -> Tensor:
        """Frames (B, 3, h, w), and the flows from the first to the second, (B, 2, h, w), to refined flows."""
        refinement: Tensor = self.unet(torch.cat((flows, first, second), dim=1))
        return flows + refinement


class KeepFlow(nn.Module):
    """No refinement: the stage in which the authors train the rest of the network."""

    def forward(self, first: Tensor, second: Tensor, flows: Tensor) -> Tensor:
        """The flows as they are."""
        del first, second
        return flows


class Enlarge(nn.Module):
    """One level up: enlarge, pad to the size of what was there before, look at both."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.look = double_conv(inputs, outputs)

    def forward(self, smaller: Tensor, passed: Tensor) -> Tensor:
        """(B, C, h // 2, w // 2) and (B, C, h, w) to (B, C', h, w)."""
        enlarged = F.interpolate(smaller, scale_factor=2, mode="bilinear", align_corners=True)
        down, right = (passed.shape[-2] - enlarged.shape[-2], passed.shape[-1] - enlarged.shape[-1])
        enlarged = F.pad(enlarged, (right // 2, right - right // 2, down // 2, down - down // 2))
        looked: Tensor = self.look(torch.cat((passed, enlarged), dim=1))
        return looked


def double_conv(inputs: int, outputs: int) -> nn.Sequential:
    """Two 3x3 convolutions, each normalised by its batch and activated."""
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers += [nn.Conv2d(channels, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def flow_unet(channels: int = 64) -> UNet:
    """The UNet, untrained; with the default's 53,518,594 parameters it is half of STARnet.

    Args:
        channels: at full size; twice as many a level down, up to sixteen times.
    """
    widths = [channels * min(2**level, 16) for level in range(LEVELS + 1)]
    return UNet(
        entry=double_conv(8, channels),
        down=[nn.Sequential(nn.MaxPool2d(2), double_conv(*pair)) for pair in pairwise(widths)],
        up=[Enlarge(2 * widths[level], widths[max(level - 1, 0)]) for level in reversed(range(LEVELS))],
        last=nn.Sequential(nn.Conv2d(channels, 2, 1), nn.Sigmoid()),
    )
