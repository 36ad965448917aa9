"""Second-order propagation: features walk through a sequence, aligned at each step by flows and by what they miss.

Source: K. C. K. Chan, S. Zhou, X. Xu, C. C. Loy, "BasicVSR++: Improving Video Super-Resolution with Enhanced
Propagation and Alignment", 2022, in the form that DAVSR takes for its prior.

Conventions: sequences are (T, B, C, h, w), in the order in which a propagation visits them: the reverse of time for
half of them. Flows (T-1, B, 2, h, w) go from each frame but the first to the one visited before it, pixels, dx before
dy. Nothing waits for the device.

What is known before the walk is computed for the whole sequence at once: the second-order flows, and in both layers
that see the current frame the part of the convolution that does. The rest is the recurrence, a step a frame.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.networks.layers.convolutions import activation, conv
from harness.networks.layers.reconstruction import residual_blocks
from harness.ops.deform_conv import deform_conv
from harness.ops.precision import at_least_float32, full_precision
from harness.ops.warp import warp

_TAPS = 9
_LONGEST_OFFSET = 10  # pixels beside the flow


class PartlyKnown(nn.Module):
    """A convolution of a concatenation of which one part is known early: the sum of two convolutions.

    Args:
        layer: of all channels.
        start: the first channel of the part that is known early.
        count: how many of them there are.
    """

    def __init__(self, layer: nn.Conv2d, *, start: int, count: int) -> None:
        super().__init__()
        self.layer = layer
        self.start, self.stop = start, start + count

    def early(self, known: Tensor) -> Tensor:
        """What the known part (T, B, count, h, w) of a sequence, and the bias, contribute: (T, B, C, h, w)."""
        weight = self.layer.weight[:, self.start : self.stop]
        contribution: Tensor = F.conv2d(known.flatten(0, 1), weight, self.layer.bias, padding=1)
        return contribution.reshape(*known.shape[:2], *contribution.shape[1:])

    def forward(self, early: Tensor, *late: Tensor) -> Tensor:
        """Add what the rest contributes, in its order of channels: (B, C, h, w) each."""
        weight = torch.cat((self.layer.weight[:, : self.start], self.layer.weight[:, self.stop :]), dim=1)
        return early + F.conv2d(torch.cat(late, dim=1), weight, padding=1)


class SecondOrderAlignment(nn.Module):
    """The features of the last two visits, towards the current frame: a deformable convolution along their flows.

    Its offsets are the flows and what a few layers add to them, at most ten pixels; in full precision.

    Args:
        channels: of all features.
        groups: deformable groups, half of them for each visit.
    """

    def __init__(self, channels: int, *, groups: int) -> None:
        super().__init__()
        self.compare = PartlyKnown(conv(3 * channels + 4, channels), start=channels, count=channels)
        self.hidden = nn.Sequential(
            activation(), conv(channels, channels), activation(), conv(channels, channels), activation()
        )
        self.offsets_and_mask = conv(channels, 3 * groups * _TAPS)
        self.deform = conv(2 * channels, channels)  # of its weight and bias a deformable convolution is made
        for parameter in self.offsets_and_mask.parameters():
            nn.init.zeros_(parameter)  # sampling starts where the flows point

    def forward(self, early: Tensor, features: tuple[Tensor, Tensor], flows: tuple[Tensor, Tensor]) -> Tensor:
        """Align.

        Args:
            early: what the current frame has contributed to the first layer, (B, C, h, w).
            features: of the last visit and of the one before, (B, C, h, w) each.
            flows: from the current frame to these, (B, 2, h, w) each.

        Returns:
            (B, C, h, w).
        """
        both = torch.cat(features, dim=1)
        first, second = warp(torch.cat(features), torch.cat(flows), padding="zeros").chunk(2)
        compared = self.hidden(self.compare(early, first, second, *flows))
        offsets, mask = self.read(compared, torch.cat(flows))
        return deform_conv(both, offsets, mask, self.deform.weight, self.deform.bias, padding=1)

    def read(self, compared: Tensor, flows: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, h, w), flows (2B, 2, h, w) to offsets (B, 2 G 9, h, w), (dy, dx), and mask (B, G 9, h, w)."""
        with full_precision(compared.device.type):
            layer = self.offsets_and_mask
            bias = None if layer.bias is None else at_least_float32(layer.bias)
            read = F.conv2d(at_least_float32(compared), at_least_float32(layer.weight), bias, padding=1)
            taps = read.shape[1] // 3
            offsets = _LONGEST_OFFSET * read[:, : 2 * taps].tanh()
            along = torch.stack(flows.flip(1).chunk(2), dim=1).unsqueeze(2)  # (B, 2, 1, 2, h, w), (dy, dx)
            moved = offsets.unflatten(1, (2, -1, 2)) + along
            return moved.flatten(1, 3), read[:, 2 * taps :].sigmoid()


class Propagation(nn.Module):
    """One walk through a sequence.

    Args:
        channels: of all features.
        known: how many features of each frame are there before the walk: its own, and those of earlier walks.
        blocks: residual blocks a step.
        groups: deformable groups.
    """

    def __init__(self, channels: int, *, known: int, blocks: int, groups: int) -> None:
        super().__init__()
        self.align = SecondOrderAlignment(channels, groups=groups)
        self.entry = PartlyKnown(conv((known + 1) * channels, channels), start=0, count=known * channels)
        self.blocks = nn.Sequential(activation(), residual_blocks(channels, count=blocks))

    def forward(self, known: Sequence[Tensor], flows: Tensor) -> Tensor:
        """The features of one more walk.

        Args:
            known: of all frames, (T, B, C, h, w) each: the frame's own first, then those of earlier walks in order.
            flows: (T-1, B, 2, h, w), from each frame but the first to the one before.
        """
        compared = self.align.compare.early(known[0])
        entered = self.entry.early(torch.cat(list(known), dim=2))
        farther = second_order(flows)
        before = before_that = torch.zeros_like(known[0][0])
        visited = []
        for step in range(len(compared)):
            features = before
            if step:
                along = flows[step - 1], farther[step - 1]
                features = self.align(compared[step], (before, before_that), along)
            features = features + self.blocks(self.entry(entered[step], features))
            before, before_that = features, before
            visited.append(features)
        return torch.stack(visited)


def second_order(flows: Tensor) -> Tensor:
    """From each frame to the one visited two frames before, along the flows; zero where there is none.

    Args:
        flows: (T-1, B, 2, h, w), from each frame but the first to the one before.

    Returns:
        The same shape.
    """
    here, there = flows[1:].flatten(0, 1), flows[:-1].flatten(0, 1)
    onward = here + warp(there, here, padding="zeros")
    return torch.cat((torch.zeros_like(flows[:1]), onward.reshape(-1, *flows.shape[1:])))
