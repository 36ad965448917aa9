"""DAVSR one frame, one pair and one direction at a time: what `bench_davsr` and tests compare with.

Written from a description of what the release computes, on its own names of the weights; of the harness it takes the
deformable convolution and the array of the blur kernel. Every convolution sees its whole input, concatenated; warping
is `grid_sample`'s.
"""

from collections.abc import Mapping
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.ops.deform_conv import deform_conv

SLOMO_MEAN = (0.429, 0.431, 0.397)


def lrelu(maps: Tensor) -> Tensor:
    return F.leaky_relu(maps, 0.1)


def sampled(maps: Tensor, flow: Tensor, *, corners: bool, padding: str) -> Tensor:
    """`maps` where the flow points to, as either convention of corners counts."""
    height, width = maps.shape[-2:]
    x = torch.arange(width, device=maps.device, dtype=maps.dtype) + flow[:, 0]
    y = torch.arange(height, device=maps.device, dtype=maps.dtype).view(-1, 1) + flow[:, 1]
    if corners:
        grid = torch.stack((2 * x / max(width - 1, 1) - 1, 2 * y / max(height - 1, 1) - 1), dim=-1)
    else:
        grid = torch.stack((2 * (x / width - 0.5), 2 * (y / height - 0.5)), dim=-1)
    return F.grid_sample(maps, grid, mode="bilinear", padding_mode=padding, align_corners=corners)


class Straightforward:
    """The published configuration, of any width, as one state dict says it.

    Args:
        state: weights under the authors' names, Super SloMo's among them.
        kernel: (25, 25), a fifth of the blur.
        groups: deformable groups.
    """

    factor, scale, iterations = 5, 4, 3

    def __init__(self, state: Mapping[str, Tensor], kernel: Tensor, *, groups: int = 16) -> None:
        self.state = state
        self.kernel = kernel
        self.groups = groups

    def __call__(self, frames: Tensor) -> Tensor:
        """(B, t, 3, h, w) to (B, 5t, 3, 4h, 4w)."""
        return torch.cat([self.clip(frames[b : b + 1]) for b in range(len(frames))])

    def clip(self, frames: Tensor) -> Tensor:
        estimate = self.initial(frames)
        for alpha in self.step_sizes():
            estimate = self.vsr(self.data_step(frames, estimate, alpha))
        return estimate

    def step_sizes(self) -> list[Tensor]:
        values = torch.tensor([0.0, self.factor, self.scale])
        for index in (0, 2, 4):
            name = f"generator.h.mlp.{index}"
            values = self.state[f"{name}.weight"].flatten(1) @ values + self.state[f"{name}.bias"]
            values = values.relu() if index < 4 else F.softplus(values)
        return [values[k] + 1e-6 for k in range(self.iterations)]

    def data_step(self, frames: Tensor, v: Tensor, alpha: Tensor) -> Tensor:
        """Three-dimensional, colours before time."""
        r, s = self.factor, self.scale
        v = v.transpose(1, 2)
        _, _, total, height, width = v.shape
        volume = torch.zeros(total, height, width)
        volume[:r, :25, :25] = self.kernel
        fb = torch.fft.fftn(volume.roll((-2, -12, -12), (0, 1, 2)))
        z = torch.zeros_like(v)
        z[:, :, ::r, ::s, ::s] = frames.transpose(1, 2)
        axes = (2, 3, 4)
        fr = fb.conj() * torch.fft.fftn(z, dim=axes) + torch.fft.fftn(alpha * v, dim=axes)

        def fold(x: Tensor) -> Tensor:
            for axis, parts in ((-3, r), (-2, s), (-1, s)):
                x = torch.stack(x.chunk(parts, dim=axis)).mean(0)
            return x

        q = fold(fb * fr) / (fold(fb.abs() ** 2) + alpha)
        solved = (fr - fb.conj() * torch.cat([torch.cat([torch.cat([q] * r, 2)] * s, 3)] * s, 4)) / alpha
        found: Tensor = torch.fft.ifftn(solved, dim=axes).real
        return found.transpose(1, 2)

    # -- Super SloMo

    def initial(self, frames: Tensor) -> Tensor:
        given = list(frames.unbind(1))
        sequence = [given[0]] * 2
        for one, two in pairwise(given):
            sequence += [one, *(self.between(one, two, k / self.factor) for k in range(1, self.factor))]
        sequence += [given[-1]] * 3
        large = [F.interpolate(f, scale_factor=self.scale, mode="bilinear", align_corners=True) for f in sequence]
        return torch.stack(large, dim=1)

    def between(self, one: Tensor, two: Tensor, s: float) -> Tensor:
        mean = torch.tensor(SLOMO_MEAN).view(3, 1, 1)
        a, b = one - mean, two - mean
        f01, f10 = self.unet("state_dictFC", torch.cat((a, b), 1)).split(2, dim=1)
        e = -s * (1 - s)
        fs0, fs1 = e * f01 + s * s * f10, (1 - s) ** 2 * f01 + e * f10

        def warp(maps: Tensor, flow: Tensor) -> Tensor:
            return sampled(maps, flow, corners=False, padding="zeros")

        seen = torch.cat((a, b, f01, f10, fs1, fs0, warp(b, fs1), warp(a, fs0)), 1)
        more0, more1, visible = self.unet("state_dictAT", seen).split((2, 2, 1), dim=1)
        v = visible.sigmoid()
        top = (1 - s) * v * warp(a, more0 + fs0) + s * (1 - v) * warp(b, more1 + fs1)
        made: Tensor = top / ((1 - s) * v + s * (1 - v)) + mean
        return made

    def unet(self, name: str, maps: Tensor) -> Tensor:
        def twice(part: str, x: Tensor) -> Tensor:
            return lrelu(self.conv(f"{part}conv2", lrelu(self.conv(f"{part}conv1", x))))

        passed = [twice(f"{name}.", maps)]
        for k in range(1, 6):
            passed.append(twice(f"{name}.down{k}.", F.avg_pool2d(passed[-1], 2)))
        x = passed.pop()
        for k in range(1, 6):
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = lrelu(self.conv(f"{name}.up{k}.conv1", x))
            x = lrelu(self.conv(f"{name}.up{k}.conv2", torch.cat((x, passed.pop()), 1)))
        return lrelu(self.conv(f"{name}.conv3", x))

    # -- BasicVSR++ at equal resolution

    def conv(self, name: str, *maps: Tensor, stride: int = 1) -> Tensor:
        weight = self.state[f"{name}.weight"]
        return F.conv2d(torch.cat(maps, dim=1), weight, self.state[f"{name}.bias"], stride, weight.shape[-1] // 2)

    def blocks(self, name: str, *maps: Tensor) -> Tensor:
        x = lrelu(self.conv(f"generator.vsr.{name}.main.0", *maps))
        k = 0
        while f"generator.vsr.{name}.main.2.{k}.conv1.weight" in self.state:
            block = f"generator.vsr.{name}.main.2.{k}"
            x = x + self.conv(f"{block}.conv2", self.conv(f"{block}.conv1", x).relu())
            k += 1
        return x

    def vsr(self, clip: Tensor) -> Tensor:
        p = "generator.vsr"
        frames = list(clip.unbind(1))
        features = []
        for frame in frames:
            x = lrelu(self.conv(f"{p}.feat_extract.0", frame, stride=2))
            x = lrelu(self.conv(f"{p}.feat_extract.2", x, stride=2))
            features.append(self.blocks("feat_extract.4", x))
        small = [F.interpolate(f, scale_factor=0.25, mode="bicubic", align_corners=False) for f in frames]
        backward = [self.spynet(a, b) for a, b in pairwise(small)]
        forward = [self.spynet(b, a) for a, b in pairwise(small)]
        known = [[f] for f in features]
        for name in ("backward_1", "forward_1", "backward_2", "forward_2"):
            walk = self.walk(name, known, backward if name.startswith("backward") else forward)
            known = [[*maps, new] for maps, new in zip(known, walk, strict=True)]
        made = []
        for frame, maps in zip(frames, known, strict=True):
            x = self.blocks("reconstruction", *maps)
            for k in (1, 2):
                x = lrelu(F.pixel_shuffle(self.conv(f"{p}.upsample{k}.upsample_conv", x), 2))
            made.append(frame + self.conv(f"{p}.conv_last", lrelu(self.conv(f"{p}.conv_hr", x))))
        return torch.stack(made, dim=1)

    def walk(self, name: str, known: list[list[Tensor]], flows: list[Tensor]) -> list[Tensor]:
        count = len(known)
        back = name.startswith("backward")
        order = list(range(count))[::-1] if back else list(range(count))
        outputs: dict[int, Tensor] = {}
        own: dict[int, Tensor] = {}  # the flow from a frame to the one visited before it
        for n, i in enumerate(order):
            previous = torch.zeros_like(known[i][0])
            if n:
                own[i] = flows[i] if back else flows[i - 1]
                f1, f2, p2 = own[i], torch.zeros_like(own[i]), torch.zeros_like(previous)
                if n > 1:
                    p2 = outputs[order[n - 2]]
                    f2 = f1 + sampled(own[order[n - 1]], f1, corners=True, padding="zeros")
                previous = self.align(name, known[i][0], outputs[order[n - 1]], p2, f1, f2)
            outputs[i] = previous + self.blocks(f"backbone.{name}", *known[i], previous)
        return [outputs[i] for i in range(count)]

    def align(self, name: str, current: Tensor, p1: Tensor, p2: Tensor, f1: Tensor, f2: Tensor) -> Tensor:
        p = f"generator.vsr.deform_align.{name}"
        c1, c2 = (sampled(m, f, corners=True, padding="zeros") for m, f in ((p1, f1), (p2, f2)))
        x = torch.cat((c1, current, c2, f1, f2), 1)
        for index in (0, 2, 4):
            x = lrelu(self.conv(f"{p}.conv_offset.{index}", x))
        x = self.conv(f"{p}.conv_offset.6", x)
        half = 9 * self.groups
        offset = 10 * x[:, : 2 * half].tanh()
        moves = [f.flip(1).repeat(1, half // 2, 1, 1) for f in (f1, f2)]
        offset = offset + torch.cat(moves, 1)
        weight, bias = self.state[f"{p}.weight"], self.state[f"{p}.bias"]
        return deform_conv(torch.cat((p1, p2), 1), offset, x[:, 2 * half :].sigmoid(), weight, bias, padding=1)

    def spynet(self, ref: Tensor, supp: Tensor) -> Tensor:
        p = "generator.vsr.spynet"
        h, w = ref.shape[-2:]
        size = (-(-h // 32) * 32, -(-w // 32) * 32)
        pyramids = []
        for frame in (ref, supp):
            level = F.interpolate(frame, size=size, mode="bilinear", align_corners=False)
            levels = [(level - self.state[f"{p}.mean"]) / self.state[f"{p}.std"]]
            for _ in range(5):
                levels.insert(0, F.avg_pool2d(levels[0], 2))
            pyramids.append(levels)
        flow = torch.zeros(len(ref), 2, size[0] // 32, size[1] // 32)
        for k, (a, b) in enumerate(zip(*pyramids, strict=True)):
            up = flow
            if k:
                up = 2 * F.interpolate(flow, scale_factor=2, mode="bilinear", align_corners=True)
            x = torch.cat((a, sampled(b, up, corners=True, padding="border"), up), 1)
            for j in range(5):
                x = self.conv(f"{p}.basic_module.{k}.basic_module.{j}.conv", x)
                x = x.relu() if j < 4 else x
            flow = up + x
        flow = F.interpolate(flow, size=(h, w), mode="bilinear", align_corners=False)
        return torch.stack((flow[:, 0] * (w / size[1]), flow[:, 1] * (h / size[0])), dim=1)
