"""Zooming Slow-Mo and TMNet one frame, one pair and one time at a time: what `bench_tmnet` and tests compare with.

Written from a description of what the releases compute, on their own names of the weights; of the harness it takes
the deformable convolution alone. Every frame, pair, time, direction and half goes by itself, and every convolution
sees its whole input, concatenated.
"""

from collections.abc import Mapping
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.ops.deform_conv import deform_conv

Maps = list[Tensor]


def lrelu(maps: Tensor) -> Tensor:
    return F.leaky_relu(maps, 0.1)


def enlarged(maps: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(maps, size=like.shape[-2:], mode="bilinear", align_corners=False)


class Straightforward:
    """The networks of one state dict, of the authors' names; TMNet where it has layers that only TMNet has.

    Args:
        state: the weights.
        groups: deformable groups.
    """

    def __init__(self, state: Mapping[str, Tensor], *, groups: int = 8) -> None:
        self.state = state
        self.groups = groups
        self.is_tmnet = any(name.startswith("layersFusion") for name in state)

    def __call__(self, frames: Tensor, times: Tensor | None = None) -> Tensor:
        """(B, N, 3, h, w) and, for TMNet, (B, K), to (B, N + (N-1) K, 3, 4h, 4w)."""
        clips = [
            self.clip(frames[b : b + 1], None if times is None else times[b].tolist()) for b in range(len(frames))
        ]
        return torch.cat(clips)

    def clip(self, frames: Tensor, times: list[float] | None) -> Tensor:
        given = [self.features(frame) for frame in frames.unbind(1)]
        sequence = [given[0]]
        moments: list[float | None] = [None] if times is None else [*times]
        for before, after in pairwise(given):
            for time in moments:
                ends = self.pyramid("", before), self.pyramid("", after)
                sequence.append(self.conv("fusion", self.alignment("pcd_align", *ends, time=time)))
            sequence.append(after)
        compared = [self.compared(sequence, i) for i in range(len(sequence))] if self.is_tmnet else sequence
        forward = self.recurrence(compared)
        backward = self.recurrence(compared[::-1])[::-1]
        pictures = []
        for i, states in enumerate(zip(forward, backward, strict=True)):
            maps = self.trunk("recon_trunk", self.conv("ConvBLSTM.conv_1x1", torch.cat(states, 1)))
            pictures.append(self.picture(maps + sequence[i] if self.is_tmnet else maps))
        return torch.stack(pictures, dim=1)

    def conv(self, name: str, *maps: Tensor, stride: int = 1) -> Tensor:
        weight = self.state[f"{name}.weight"]
        joined = torch.cat(maps, dim=1) if len(maps) > 1 else maps[0]
        return F.conv2d(joined, weight, self.state.get(f"{name}.bias"), stride, weight.shape[-1] // 2)

    def features(self, frame: Tensor) -> Tensor:
        return self.trunk("feature_extraction", lrelu(self.conv("conv_first", frame)))

    def trunk(self, name: str, maps: Tensor) -> Tensor:
        k = 0
        while f"{name}.{k}.conv1.weight" in self.state:
            maps = maps + self.conv(f"{name}.{k}.conv2", self.conv(f"{name}.{k}.conv1", maps).relu())
            k += 1
        return maps

    def picture(self, maps: Tensor) -> Tensor:
        for name in ("upconv1", "upconv2"):
            maps = lrelu(F.pixel_shuffle(self.conv(name, maps), 2))
        return self.conv("conv_last", lrelu(self.conv("HRconv", maps)))

    def pyramid(self, prefix: str, level_1: Tensor) -> Maps:
        levels = [level_1]
        for k in (2, 3):
            reduced = lrelu(self.conv(f"{prefix}fea_L{k}_conv1", levels[-1], stride=2))
            levels.append(lrelu(self.conv(f"{prefix}fea_L{k}_conv2", reduced)))
        return levels

    def deformed(self, name: str, maps: Tensor, offset_features: Tensor) -> Tensor:
        read = self.conv(f"{name}.conv_offset_mask", offset_features)
        first, second, mask = read.chunk(3, dim=1)
        offsets = torch.cat((first, second), dim=1)
        weight, bias = self.state[f"{name}.weight"], self.state[f"{name}.bias"]
        return deform_conv(maps, offsets, mask.sigmoid(), weight, bias, padding=1)

    def alignment(self, name: str, first: Maps, second: Maps, *, time: float | None = None) -> Tensor:
        here = None if time is None else time / 0.5 - 1
        there = None if time is None else (1 - time) / 0.5 - 1
        return torch.cat((self.half(name, 1, first, second, here), self.half(name, 2, second, first, there)), dim=1)

    def half(self, name: str, number: int, sampled: Maps, other: Maps, time: float | None) -> Tensor:
        offsets = aligned = sampled[0]  # not read at the coarsest level
        for k in (3, 2, 1):
            here, there = sampled[k - 1], other[k - 1]
            before = lrelu(self.conv(f"{name}.L{k}_offset_conv1_{number}", here, there))
            last = 2
            if k < 3:
                coarse = 2 * enlarged(offsets, like=here)
                before, last = lrelu(self.conv(f"{name}.L{k}_offset_conv2_{number}", before, coarse)), 3
            offsets = lrelu(self.conv(f"{name}.L{k}_offset_conv{last}_{number}", before))
            if time is not None:
                offsets = offsets + self.modulation(f"{name}.TMB_{' AB'[number]}_l{k}", before, time)
            moved = self.deformed(f"{name}.L{k}_dcnpack_{number}", here, offsets)
            if k < 3:
                moved = self.conv(f"{name}.L{k}_fea_conv_{number}", moved, enlarged(aligned, like=moved))
            aligned = lrelu(moved) if k > 1 else moved
        return aligned

    def modulation(self, name: str, before: Tensor, time: float) -> Tensor:
        factors = before.new_full((1, 1, 1, 1), time)
        for k in (0, 2, 4):
            factors = lrelu(self.conv(f"{name}.t_process.{k}", factors))
        for k in (0, 2):
            before = lrelu(self.conv(f"{name}.f_process.{k}", before))
        return before * factors

    def compared(self, sequence: Maps, i: int) -> Tensor:
        centre = sequence[i]
        aligned = []
        for name, neighbour in (
            ("layersAtB", sequence[max(i - 1, 0)]),
            ("layersCtB", sequence[min(i + 1, len(sequence) - 1)]),
        ):
            offsets = self.conv(f"{name}Offset.2", lrelu(self.conv(f"{name}Offset.0", neighbour, centre)))
            aligned.append(lrelu(self.deformed(name, neighbour, offsets)))
        maps = self.conv("layersFusion.0", aligned[0], centre, aligned[1])
        for k in (2, 4, 6):
            maps = self.conv(f"layersFusion.{k}", lrelu(maps))
        return centre + maps

    def recurrence(self, sequence: Maps) -> Maps:
        hidden = cell = torch.zeros_like(sequence[0])
        states = []
        for maps in sequence:
            hidden, cell = self.easy_pcd("pcd_h", maps, hidden), self.easy_pcd("pcd_c", maps, cell)
            gates = self.conv("ConvBLSTM.forward_net.cell_list.0.conv", maps, hidden)
            into, keep, out, news = gates.chunk(4, dim=1)
            cell = keep.sigmoid() * cell + into.sigmoid() * news.tanh()
            hidden = out.sigmoid() * cell.tanh()
            states.append(hidden)
        return states

    def easy_pcd(self, name: str, first: Tensor, second: Tensor) -> Tensor:
        name = f"ConvBLSTM.forward_net.{name}."
        ends = self.pyramid(name, first), self.pyramid(name, second)
        return self.conv(f"{name}fusion", self.alignment(f"{name}pcd_align", *ends))
