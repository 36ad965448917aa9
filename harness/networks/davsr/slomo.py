"""Super SloMo: frames between two, from flows that are interpolated and then corrected.

Source: H. Jiang et al., "Super SloMo: High Quality Estimation of Multiple Intermediate Frames for Video
Interpolation", 2018, in the form that DAVSR takes for its first estimate. It is not trained with it: its weights come
from another file and stay what they are.

Conventions: frames (B, 3, h, w), RGB in [0, 1], both sides multiples of 32; time 0 is the first frame, 1 the second.
Flows in pixels, dx before dy. All pairs, and all times between them, are one batch. Full precision: flows are
positions.

Deviation: none from the release, whose warping reads half a pixel up and to the left of where the flow points.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.networks.layers.convolutions import activation, conv
from harness.networks.layers.unet import UNet
from harness.ops.precision import at_least_float32, full_precision
from harness.ops.warp import warp

LEVELS = 5
MULTIPLE = 2**LEVELS
MEAN = (0.429, 0.431, 0.397)
_HALF_PIXEL = 0.5


class SuperSloMo(nn.Module):
    """Two frames to frames between them.

    Args:
        flow: both frames, (B, 6, h, w), to the flows between them, (B, 4, h, w): 0 to 1, then 1 to 0.
        correction: frames, flows, flows from the wanted time and frames warped by these, (B, 20, h, w), to
            corrections of the two flows and to the visibility of frame 0, (B, 5, h, w).
    """

    def __init__(self, *, flow: nn.Module, correction: nn.Module) -> None:
        super().__init__()
        self.flow = flow
        self.correction = correction
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)

    def forward(self, first: Tensor, second: Tensor, times: Sequence[float]) -> Tensor:
        """Frames (B, 3, h, w) and K times in (0, 1) to (B, K, 3, h, w)."""
        with full_precision(first.device.type):
            mean = self.get_buffer("mean")
            first, second = at_least_float32(first) - mean, at_least_float32(second) - mean
            flow_0_to_1, flow_1_to_0 = self.flow(torch.cat((first, second), dim=1)).chunk(2, dim=1)
            time = first.new_empty((len(times), 1, 1, 1, 1))
            for row, value in zip(time, times, strict=True):
                row.fill_(value)  # written there: a copy would wait for what the device has still to do
            maps = (first, second, flow_0_to_1, flow_1_to_0)
            made = self._at(time, *(each.expand(len(times), *each.shape) for each in maps))
            return made.transpose(0, 1) + mean

    def _at(self, time: Tensor, first: Tensor, second: Tensor, flow_0_to_1: Tensor, flow_1_to_0: Tensor) -> Tensor:
        """Everything (K, B, C, h, w), frames without their mean; the time (K, 1, 1, 1, 1)."""
        curve = -time * (1 - time)
        to_0 = curve * flow_0_to_1 + time.square() * flow_1_to_0
        to_1 = (1 - time).square() * flow_0_to_1 + curve * flow_1_to_0
        seen = (first, second, flow_0_to_1, flow_1_to_0, to_1, to_0, _warped(second, to_1), _warped(first, to_0))
        corrections = self.correction(torch.cat(seen, dim=2).flatten(0, 1)).unflatten(0, first.shape[:2])
        to_0, to_1 = to_0 + corrections[:, :, :2], to_1 + corrections[:, :, 2:4]
        visibility = corrections[:, :, 4:].sigmoid()
        weight_0, weight_1 = (1 - time) * visibility, time * (1 - visibility)
        blend = weight_0 * _warped(first, to_0) + weight_1 * _warped(second, to_1)
        made: Tensor = blend / (weight_0 + weight_1)
        return made


def _warped(frames: Tensor, flows: Tensor) -> Tensor:
    warped = warp(frames.flatten(0, 1), flows.flatten(0, 1) - _HALF_PIXEL, padding="zeros")
    return warped.reshape(frames.shape)


class Enlarge(nn.Module):
    """One level up: enlarge, one convolution, and one that sees what was there before, too."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Sequential(conv(inputs, outputs), activation())
        self.second = nn.Sequential(conv(2 * outputs, outputs), activation())

    def forward(self, smaller: Tensor, passed: Tensor) -> Tensor:
        """(B, C, h / 2, w / 2) and (B, C', h, w) to (B, C', h, w)."""
        enlarged = F.interpolate(smaller, scale_factor=2, mode="bilinear", align_corners=False)
        looked: Tensor = self.second(torch.cat((self.first(enlarged), passed), dim=1))
        return looked


def super_slomo(*, channels: int = 32) -> SuperSloMo:
    """Both UNets, untrained and frozen; by default 39,610,473 parameters."""
    network = SuperSloMo(flow=_unet(6, 4, channels), correction=_unet(20, 5, channels))
    return network.requires_grad_(False)


def _unet(inputs: int, outputs: int, channels: int) -> UNet:
    widths = [channels * min(2**level, 16) for level in range(LEVELS + 1)]
    kernels = (7, 5, 3, 3, 3, 3)
    downs = [
        nn.Sequential(nn.AvgPool2d(2), *_twice(widths[level - 1], widths[level], kernel=kernels[level]))
        for level in range(1, LEVELS + 1)
    ]
    return UNet(
        entry=nn.Sequential(*_twice(inputs, channels, kernel=kernels[0])),
        down=downs,
        up=[Enlarge(widths[level + 1], widths[level]) for level in reversed(range(LEVELS))],
        last=nn.Sequential(conv(channels, outputs), activation()),
    )


def _twice(inputs: int, outputs: int, *, kernel: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers += [nn.Conv2d(channels, outputs, kernel, padding=kernel // 2), activation()]
    return layers
