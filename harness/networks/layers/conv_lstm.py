"""A convolutional LSTM that aligns its state to what it reads, run over a sequence in both directions of time.

Source: X. Xiang et al., "Zooming Slow-Mo: Fast and Accurate One-Stage Space-Time Video Super-Resolution", 2020,
Sec. 3.3; the release where the text is silent. TMNet and VideoINR took it over. With its 64 channels and 8 groups
it has 5,063,392 parameters.

Conventions: a sequence is (T, B, C, h, w), features of T frames in the order of time, and so is the result. One set
of weights serves both directions, which therefore run as one batch: T steps, not 2T. What depends on no state is made
before the first step, for all frames. Nothing waits for the device.

Deviation from the text, with the release: the alignments of the hidden and of the cell state have weights of their
own, each has a pyramid of its own, and both arguments are moved, the new map and the state, then fused.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.networks.layers.convolutions import conv
from harness.networks.layers.pyramid import FeaturePyramid, Pyramid, SymmetricAlignment


class EasyPCD(nn.Module):
    """A map and a state, aligned to each other over their pyramids and fused ("Easy_PCD" of the release).

    Args:
        channels: of the maps.
        groups: deformable groups.
    """

    def __init__(self, channels: int, *, groups: int) -> None:
        super().__init__()
        self.pyramid = FeaturePyramid(channels)
        self.align = SymmetricAlignment(channels, groups=groups)
        self.fuse = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, features: Pyramid, state: Tensor) -> Tensor:
        """The pyramid of a map (B, C, h, w), and the state, of the same shape, to the state as it goes on."""
        fused: Tensor = self.fuse(self.align(features, self.pyramid(state)))
        return fused

    def pyramids(self, maps: Tensor) -> list[Pyramid]:
        """Those of all maps of a sequence (T, B, C, h, w), at once."""
        levels = (level.split(maps.shape[1]) for level in self.pyramid(maps.flatten(0, 1)))
        return [Pyramid(*parts) for parts in zip(*levels, strict=True)]


class DeformableConvLSTM(nn.Module):
    """One direction: hidden and cell state are aligned to each map before the cell reads it.

    The states start as zeros; these pass through the alignments as any others do.

    Args:
        channels: of maps and states.
        groups: deformable groups.
    """

    def __init__(self, channels: int, *, groups: int) -> None:
        super().__init__()
        self.align_hidden = EasyPCD(channels, groups=groups)
        self.align_cell = EasyPCD(channels, groups=groups)
        self.gates = conv(2 * channels, 4 * channels)

    def forward(self, maps: Tensor) -> Tensor:
        """(T, B, C, h, w) to the hidden states after every step, of the same shape."""
        hidden = cell = torch.zeros_like(maps[0])
        states = []
        for features, by_hidden, by_cell in zip(
            maps, self.align_hidden.pyramids(maps), self.align_cell.pyramids(maps), strict=True
        ):
            hidden, cell = self.step(features, self.align_hidden(by_hidden, hidden), self.align_cell(by_cell, cell))
            states.append(hidden)
        return torch.stack(states)

    def step(self, features: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """The cell: a map and the aligned states, each (B, C, h, w), to the next states."""
        into, keep, out, news = self.gates(torch.cat((features, hidden), dim=1)).chunk(4, dim=1)
        cell = keep.sigmoid() * cell + into.sigmoid() * news.tanh()
        return out.sigmoid() * cell.tanh(), cell


class BidirectionalConvLSTM(nn.Module):
    """The recurrence over the sequence and over its reverse, with the same weights, and the two fused per frame.

    Args:
        channels: of the maps.
        groups: deformable groups.
        pad_to: maps are padded with zeros at the right and at the bottom to a multiple of this size, and the result
            is cropped. Zooming Slow-Mo pads whole frames to multiples of four, so that every level of the pyramids
            has half the size of the one below; for frames so padded nothing is left to do here. With 1 nothing is
            padded, which is what TMNet's release does.
    """

    def __init__(self, channels: int = 64, *, groups: int = 8, pad_to: int = 4) -> None:
        super().__init__()
        self.pad_to = pad_to
        self.recurrence = DeformableConvLSTM(channels, groups=groups)
        self.fuse = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """(T, B, C, h, w) of any size and length to the same shape."""
        height, width = maps.shape[-2:]
        maps = F.pad(maps, (0, -width % self.pad_to, 0, -height % self.pad_to))
        forward, backward = self.recurrence(torch.cat((maps, maps.flip(0)), dim=1)).chunk(2, dim=1)
        both = torch.cat((forward, backward.flip(0)), dim=2)
        fused: Tensor = self.fuse(both.flatten(0, 1)).unflatten(0, both.shape[:2])
        return fused[..., :height, :width]
