"""BMBC and ABME as plain programs from what is known of the releases: every displacement samples both maps by a call
of its own, frames and features are moved one after the other, all taps of a filter are unfolded at once, and nothing
that three moments share is kept. Weights come under the authors' names.
"""

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor


class Straightforward:
    """What both have in common.

    Args:
        weights: the authors' state dicts, merged under their prefixes.
        align_corners: how positions are read.
    """

    def __init__(self, weights: Mapping[str, Tensor], *, align_corners: bool) -> None:
        self.weights = weights
        self.align_corners = align_corners

    def conv(self, x: Tensor, name: str, *, stride: int = 1, dilation: int = 1, kernel: int = 3) -> Tensor:
        weight, bias = self.weights[f"{name}.weight"], self.weights.get(f"{name}.bias")
        return F.conv2d(x, weight, bias, stride=stride, padding=dilation * (kernel // 2), dilation=dilation)

    def leaky(self, x: Tensor, name: str, *, stride: int = 1, dilation: int = 1) -> Tensor:
        return F.leaky_relu(self.conv(x, f"{name}.0", stride=stride, dilation=dilation), 0.1)

    def prelu(self, x: Tensor, name: str) -> Tensor:
        return F.prelu(x, self.weights[f"{name}.weight"])

    def deconv(self, x: Tensor, name: str) -> Tensor:
        return F.conv_transpose2d(
            x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], stride=2, padding=1
        )

    def sample(self, x: Tensor, flow: Tensor, *, padding: str = "zeros") -> tuple[Tensor, Tensor]:
        height, width = x.shape[-2:]
        columns = torch.arange(width, dtype=x.dtype).view(1, 1, -1)
        rows = torch.arange(height, dtype=x.dtype).view(1, -1, 1)
        grid = torch.stack(
            (
                2 * (columns + flow[:, 0]) / max(width - 1, 1) - 1,
                2 * (rows + flow[:, 1]) / max(height - 1, 1) - 1,
            ),
            dim=3,
        )
        sampled = F.grid_sample(x, grid, padding_mode=padding, align_corners=self.align_corners)
        mask = F.grid_sample(torch.ones_like(x[:, :1]), grid, align_corners=self.align_corners)
        mask = torch.where(mask < 0.999, torch.zeros_like(mask), torch.ones_like(mask))
        return sampled * mask, mask

    def warp(self, x: Tensor, flow: Tensor) -> Tensor:
        return self.sample(x, flow)[0]

    def bilateral_cost(self, f1: Tensor, f2: Tensor, motion: Tensor, *, md: int, time: float) -> Tensor:
        f1, f2 = (f / (f.square().sum(1, keepdim=True) + 1e-6).sqrt() for f in (f1, f2))
        costs = []
        for r in range(2 * md + 1):
            for c in range(2 * md + 1):
                v = motion + torch.tensor([c - md, r - md], dtype=motion.dtype).view(1, 2, 1, 1)
                g1 = f1 if time == 0 else self.sample(f1, -2 * time * v, padding="border")[0]
                g2 = f2 if time == 1 else self.sample(f2, 2 * (1 - time) * v, padding="border")[0]
                costs.append((g1 * g2).sum(1, keepdim=True))
        return torch.cat(costs, dim=1)

    def pyramid(self, x: Tensor, net: str, *, levels: int, first_stride: int) -> list[Tensor]:
        maps = []
        for level in range(1, levels + 1):
            names = ("aa", "a", "b") if level == 6 else ("a", "aa", "b")
            for k, name in enumerate(names):
                stride = (first_stride if level == 1 else 2) if k == 0 else 1
                x = self.leaky(x, f"{net}.conv{level}{name}", stride=stride)
            maps.append(x)
        return maps

    def dense(self, x: Tensor, name: str) -> Tensor:
        for k in range(5):
            x = torch.cat((self.leaky(x, f"{name}_{k}"), x), dim=1)
        return x

    def dilated(self, x: Tensor, net: str) -> Tensor:
        for k, dilation in enumerate((1, 2, 4, 8, 16, 1), start=1):
            x = self.leaky(x, f"{net}.dc_conv{k}", dilation=dilation)
        return self.conv(x, f"{net}.dc_conv7")

    def motion(self, i0: Tensor, i1: Tensor, net: str, *, first_stride: int, time: float) -> Tensor:
        c1, c2 = (self.pyramid(i, net, levels=6, first_stride=first_stride) for i in (i0, i1))
        cost = self.bilateral_cost(c1[5], c2[5], torch.zeros_like(c1[5][:, :2]), md=6, time=time)
        x = self.dense(F.leaky_relu(cost, 0.1), f"{net}.conv6")
        flow = self.conv(x, f"{net}.predict_flow6")
        for level, md in ((5, 4), (4, 4), (3, 2), (2, 2)):
            up, feat = self.deconv(flow, f"{net}.deconv{level + 1}"), self.deconv(x, f"{net}.upfeat{level + 1}")
            a, b, v = c1[level - 1], c2[level - 1], up * 20 / (first_stride * 2 ** (level - 1))
            cost = F.leaky_relu(self.bilateral_cost(a, b, v, md=md, time=time), 0.1)
            moved = self.warp(a, -v * 2 * time), self.warp(b, v * 2 * (1 - time))
            x = self.dense(torch.cat((cost, *moved, up, feat), dim=1), f"{net}.conv{level}")
            flow = self.conv(x, f"{net}.predict_flow{level}")
        return flow + self.dilated(x, net)


def resize(x: Tensor, size: tuple[int, int], mode: str = "bilinear") -> Tensor:
    return F.interpolate(x, size=size, mode=mode, align_corners=False)


def flow_resized(x: Tensor, size: tuple[int, int], of: tuple[int, int]) -> Tensor:
    """A flow in pixels of frames of the size `of`, in pixels and at the size of others."""
    factors = torch.tensor([size[1] / of[1], size[0] / of[0]], dtype=x.dtype)
    return resize(x, size) * factors.view(1, 2, 1, 1)


def filtered(candidates: list[Tensor], filters: Tensor, *, size: int) -> Tensor:
    total = torch.zeros_like(candidates[0])
    for x, weights in zip(candidates, filters.split(size**2, dim=1), strict=True):
        taps = F.unfold(x, size, padding=size // 2).view(x.shape[0], x.shape[1], size**2, *x.shape[2:])
        total += (taps * weights.unsqueeze(1)).sum(2)
    return total


class StraightforwardBMBC(Straightforward):
    """Two frames and a time to a frame."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        super().__init__(weights, align_corners=False)

    def __call__(self, i0: Tensor, i1: Tensor, time: float) -> Tensor:
        f01, f10 = 2 * self.flow(i0, i1, 0.0), -2 * self.flow(i0, i1, 1.0)
        bm = self.flow(i0, i1, time)
        p0, p1 = (torch.cat((i, F.relu(self.conv(i, "context_layer", kernel=7))), dim=1) for i in (i0, i1))
        candidates = [
            self.warp(p0, -time * f01),
            self.warp(p1, (1 - time) * f01),
            self.warp(p0, time * f10),
            self.warp(p1, (time - 1) * f10),
            self.warp(p0, -2 * time * bm),
            self.warp(p1, 2 * (1 - time) * bm),
        ]
        filters = self.filter_network(torch.cat((i0, *candidates, i1), dim=1)).softmax(1)
        return filtered([c[:, :3] for c in candidates], filters, size=5)

    def flow(self, i0: Tensor, i1: Tensor, time: float) -> Tensor:
        height, width = i0.shape[-2:]
        size = math.ceil(height / 32) * 32, math.ceil(width / 32) * 32
        flow = self.motion(resize(i0, size), resize(i1, size), "BMNet", first_stride=1, time=time)
        return flow_resized(resize(flow, size) * 20, (height, width), size)

    def filter_network(self, x: Tensor) -> Tensor:
        first = self.conv(x, "DFNet.SFE_First")
        x, blocks = self.conv(first, "DFNet.SFE_Second"), []
        for i in range(4):
            seen, net = x, f"DFNet.GRL.{i}"
            for j in range(6):
                seen = torch.cat((seen, F.relu(self.conv(seen, f"{net}.Layer.{j}.dense_layer.0"))), dim=1)
            x = self.conv(seen, f"{net}.local_feature_fusion", kernel=1) + x
            blocks.append(x)
        fused = self.conv(torch.cat(blocks, dim=1), "DFNet.Global_feature_fusion.0", kernel=1)
        return self.conv(self.conv(fused, "DFNet.Global_feature_fusion.1") + first, "DFNet.Conv_Output")


class StraightforwardABME(Straightforward):
    """Two frames to the one between."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        super().__init__(weights, align_corners=True)

    def __call__(self, i1: Tensor, i3: Tensor, mode: str = "bicubic") -> Tensor:
        height, width = i1.shape[-2:]
        divisor, factor = (64, 1.0) if height < 512 else (128, 0.5)
        size = tuple(int(math.ceil(n / divisor) * divisor * factor) for n in (height, width))
        of = (size[0], size[1])
        f1, f3 = resize(i1, of, mode), resize(i3, of, mode)
        s = self.motion(f1, f3, "SBMNet", first_stride=2, time=0.5)
        full = resize(s, of) * 20
        (w1, m1), (w3, m3) = self.sample(f1, -full), self.sample(f3, full)
        anchor = (w1 + w3) / 2 + 0.5 * (w3 * (1 - m1) + w1 * (1 - m3))
        z = (w3 - w1).abs().mean(1, keepdim=True)
        z = torch.exp(-20 * resize(z, (of[0] // 4, of[1] // 4)))
        fields = s, self.asymmetric(anchor, f3, s, z), self.asymmetric(anchor, f1, -s, z)
        eights = math.ceil(height / 8) * 8, math.ceil(width / 8) * 8
        motions = [flow_resized(field * 20, (height, width), of) for field in fields]
        given = [flow_resized(motion, eights, (height, width)) for motion in motions]
        made = self.synthesis(resize(i1, eights), resize(i3, eights), *given)
        return resize(made, (height, width), "bicubic")

    def correlation(self, a: Tensor, b: Tensor) -> Tensor:
        height, width = a.shape[-2:]
        b = F.pad(b, (2, 2, 2, 2))
        shifts = [(y, x) for y in range(5) for x in range(5)]
        return torch.stack([(a * b[..., y : y + height, x : x + width]).mean(1) for y, x in shifts], dim=1)

    def asymmetric(self, anchor: Tensor, frame: Tensor, v2: Tensor, z2: Tensor) -> Tensor:
        net = "ABMNet"
        (a1, a2), (f1, f2) = (self.pyramid(i, net, levels=2, first_stride=2) for i in (anchor, frame))
        w2 = self.warp(self.leaky(f2, f"{net}.conv2_ASFM"), v2 * 5)
        x = self.dense(torch.cat((F.leaky_relu(self.correlation(a2 * z2, w2), 0.1), a2, v2), 1), f"{net}.conv2")
        v2, z = v2 + self.conv(x, f"{net}.predict_flow2"), self.conv(x, f"{net}.predict_mask2")
        feat = F.leaky_relu(self.deconv(x, f"{net}.upfeat2"), 0.1)
        v1, z1 = self.triangular(v2), self.triangular(z)
        w1 = self.warp(self.leaky(f1, f"{net}.conv1_ASFM"), v1 * 10)
        a1 = F.leaky_relu(a1 * torch.sigmoid(z1) + self.conv(feat, f"{net}.conv1_Res.0"), 0.1)
        seen = torch.cat((F.leaky_relu(self.correlation(a1, w1), 0.1), a1, v1, feat), 1)
        x = self.dense(seen, f"{net}.conv1")
        flow = v1 + self.conv(x, f"{net}.predict_flow1") + self.dilated(x, net)
        return F.interpolate(flow, scale_factor=2, mode="bilinear", align_corners=False)

    def triangular(self, x: Tensor) -> Tensor:
        """Zeros between the numbers, then a triangle, on a map that goes on with its last row and column."""
        channels, height, width = x.shape[1:]
        x = F.pad(x, (0, 1, 0, 1), mode="replicate")
        kernel = torch.tensor([0.5, 1.0, 0.5], dtype=x.dtype)
        kernel = (kernel.view(3, 1) * kernel).expand(channels, 1, 3, 3)
        return F.conv_transpose2d(x, kernel, stride=2, padding=1, groups=channels)[..., : 2 * height, : 2 * width]

    def synthesis(self, i0: Tensor, i1: Tensor, s: Tensor, af: Tensor, ab: Tensor) -> Tensor:
        contexts = [self.context(i) for i in (i0, i1)]
        levels = []
        for level in range(3):
            size = i0.shape[2] >> level, i0.shape[3] >> level
            sf, f, b = (resize(flow, size) * 0.5**level for flow in (s, af, ab))
            x0, x1 = (
                torch.cat((resize(i, size), context[level]), dim=1)
                for i, context in zip((i0, i1), contexts, strict=True)
            )
            levels.append([self.warp(x0, -sf), self.warp(x0, b), self.warp(x1, sf), self.warp(x1, f)])
        smaller = [torch.cat([x[:, 3:] for x in level], dim=1) for level in levels[1:]]
        filters = self.grid_net("SynNet.FilterNet", torch.cat(levels[0], dim=1), *smaller).softmax(1)
        t = filtered(levels[0], filters, size=3)
        refined = self.grid_net("SynNet.RefineNet", torch.cat((t, *(x[:, 3:] for x in levels[0])), dim=1), *smaller)
        return t[:, :3] + refined

    def context(self, x: Tensor) -> list[Tensor]:
        maps = []
        for k, name in enumerate(("First", "Second", "Third")):
            net = f"SynNet.ctxNet.Feature_{name}"
            x = self.prelu(self.conv(x, f"{net}.0", stride=1 if k == 0 else 2), f"{net}.1")
            x = self.prelu(self.conv(x, f"{net}.2"), f"{net}.3")
            maps.append(x)
        return maps

    def grid_net(self, net: str, x1: Tensor, x2: Tensor, x3: Tensor) -> Tensor:
        def first(x: Tensor, name: str) -> Tensor:
            return self.conv(self.prelu(self.conv(x, f"{net}.{name}.0"), f"{net}.{name}.1"), f"{net}.{name}.2")

        def lateral(x: Tensor, name: str, stride: int = 1) -> Tensor:
            x = self.conv(self.prelu(x, f"{net}.{name}.0"), f"{net}.{name}.1", stride=stride)
            return self.conv(self.prelu(x, f"{net}.{name}.2"), f"{net}.{name}.3")

        def up(x: Tensor, name: str) -> Tensor:
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
            x = self.conv(self.prelu(x, f"{net}.{name}.1"), f"{net}.{name}.2")
            return self.conv(self.prelu(x, f"{net}.{name}.3"), f"{net}.{name}.4")

        r11 = first(x1, "First_Block")
        r12 = lateral(r11, "Row1_1") + r11
        r13 = lateral(r12, "Row1_2") + r12
        r21 = lateral(r11, "Col1_1", 2) + first(x2, "Row2_0")
        r22 = lateral(r12, "Col1_2", 2) + lateral(r21, "Row2_1") + r21
        r23 = lateral(r13, "Col1_3", 2) + lateral(r22, "Row2_2") + r22
        r31 = lateral(r21, "Col2_1", 2) + first(x3, "Row3_0")
        r32 = lateral(r22, "Col2_2", 2) + lateral(r31, "Row3_1") + r31
        r33 = lateral(r23, "Col2_3", 2) + lateral(r32, "Row3_2") + r32
        r34 = lateral(r33, "Row3_3") + r33
        r35 = lateral(r34, "Row3_4") + r34
        r36 = lateral(r35, "Row3_5") + r35
        r24 = up(r34, "Col2_4") + lateral(r23, "Row2_3") + r23
        r25 = up(r35, "Col2_5") + lateral(r24, "Row2_4") + r24
        r26 = up(r36, "Col2_6") + lateral(r25, "Row2_5") + r25
        r14 = up(r24, "Col1_4") + lateral(r13, "Row1_3") + r13
        r15 = up(r25, "Col1_5") + lateral(r14, "Row1_4") + r14
        r16 = up(r26, "Col1_6") + lateral(r15, "Row1_5") + r15
        return lateral(r16, "Last_Block")
