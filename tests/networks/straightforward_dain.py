"""DAIN written down step by step under the authors' names, one frame and one direction at a time."""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.ops.filter_interpolation import filter_interpolation
from harness.ops.flow_projection import project_flow

Way = Sequence[object]
P3 = (("I", "I"), ("mean", "I", "I", "I", "up"))
P2 = (("I", "I"), ("mean", "I", "I", P3, "I", "I", "up"))
P1 = (("max", "I", "I", P2, "I", "I", "up"), ("I", "I"))
P0 = (("max", "I", "I", P1, "I", "I", "up"), ("I",))


class Straightforward:
    """The sheet; the operators are those of the harness, which have tests of their own."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self.state = state

    def known(self, first: Tensor, second: Tensor, time: float) -> Tensor:
        """Frames (1, 3, H, W) to what `rectify` sees of the one between them."""
        frames = (first, second)
        depths = [self.depth(frame) for frame in frames]
        contexts = [torch.cat((self.context(frame), depth), 1) for frame, depth in zip(frames, depths, strict=True)]
        h = self.trunk(torch.cat(frames, 1))
        heads = ("initScaleNets_filter1", "initScaleNets_filter2")
        filters = [self.conv(F.relu(self.conv(h, f"{head}.0")), f"{head}.2") for head in heads]
        past = [
            F.interpolate(20 * share * self.flow(*pair), scale_factor=4, mode="bilinear", align_corners=False)
            for share, pair in ((time, frames), (1 - time, frames[::-1]))
        ]
        flows = [
            project_flow(flow, 1e-6 + 1 / torch.exp(depth), fill=True)
            for flow, depth in zip(past, depths, strict=True)
        ]
        r = [filter_interpolation(*each) for each in zip(frames, flows, filters, strict=True)]
        x = [filter_interpolation(*each) for each in zip(contexts, flows, filters, strict=True)]
        blend = (1 - time) * r[0] + time * r[1]
        return torch.cat((blend, *r, *flows, *filters, *x), 1)

    def conv(self, x: Tensor, name: str, *, stride: int = 1, dilation: int = 1) -> Tensor:
        weight = self.state[f"{name}.weight"]
        room = dilation * (weight.shape[-1] // 2)
        return F.conv2d(x, weight, self.state.get(f"{name}.bias"), stride=stride, padding=room, dilation=dilation)

    def residual(self, x: Tensor, name: str, dilation: int = 1) -> Tensor:
        return F.relu(x + self.conv(F.relu(self.conv(x, f"{name}.conv1", dilation=dilation)), f"{name}.conv2"))

    def context(self, frame: Tensor) -> Tensor:
        b1 = F.relu(self.conv(frame, "ctxNet.block1.0"))
        b2 = self.residual(b1, "ctxNet.block2", 4)
        return torch.cat((frame, b1, b2, self.residual(b2, "ctxNet.block3", 8)), 1)

    def rectify(self, x: Tensor) -> Tensor:
        """What is added to the blend."""
        x = F.relu(self.conv(x, "rectifyNet.block1.0"))
        for k in (2, 3, 4):
            x = self.residual(x, f"rectifyNet.block{k}")
        return self.conv(x, "rectifyNet.block5.0")

    def trunk(self, x: Tensor) -> Tensor:
        stored = []
        for layer in (0, 2, 5, 8, 11, 14, 17):
            x = F.relu(self.conv(x, f"initScaleNets_filter.{layer}"))
            if layer in (2, 5, 8, 11, 14):
                stored.append(x)
                x = F.max_pool2d(x, 2)
        for layer in (20, 23, 26, 29, 32):
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False) + stored.pop()
            x = F.relu(self.conv(x, f"initScaleNets_filter.{layer}"))
        return x

    def normalised(self, x: Tensor, name: str) -> Tensor:
        mean, variance = self.state[f"{name}.running_mean"], self.state[f"{name}.running_var"]
        scale, shift = self.state.get(f"{name}.weight"), self.state.get(f"{name}.bias")
        return F.relu(F.batch_norm(x, mean, variance, scale, shift, eps=1e-5))

    def depth(self, frame: Tensor) -> Tensor:
        x = self.normalised(self.conv(frame, "depthNet.0"), "depthNet.1")
        return self.conv(self.pair(x, "depthNet.3", P0), "depthNet.4")

    def pair(self, x: Tensor, name: str, ways: Sequence[Way]) -> Tensor:
        return self.way(x, f"{name}.0.0", ways[0]) + self.way(x, f"{name}.0.1", ways[1])

    def way(self, x: Tensor, name: str, parts: Way) -> Tensor:
        for k, part in enumerate(parts):
            if part == "I":
                x = self.inception(x, f"{name}.{k}")
            elif isinstance(part, tuple):
                x = self.pair(x, f"{name}.{k}", part)
            elif part == "up":
                x = F.interpolate(x, scale_factor=2, mode="nearest")
            else:
                x = F.max_pool2d(x, 2) if part == "max" else F.avg_pool2d(x, 2)
        return x

    def inception(self, x: Tensor, name: str) -> Tensor:
        branches = [self.normalised(self.conv(x, f"{name}.{j}.0"), f"{name}.{j}.1") for j in range(4)]
        wide = [
            self.normalised(self.conv(y, f"{name}.{j}.3"), f"{name}.{j}.4")
            for j, y in enumerate(branches[1:], start=1)
        ]
        return torch.cat((branches[0], *wide), 1)

    def flow(self, one: Tensor, two: Tensor) -> Tensor:
        c1, c2 = self.pyramid(one), self.pyramid(two)
        x = self.dense(leaky(correlated(c1[6], c2[6])), 6)
        flow = self.conv(x, "flownets.predict_flow6")
        for level, scale in ((5, 0.625), (4, 1.25), (3, 2.5), (2, 5.0)):
            up_flow, up_feat = (
                F.conv_transpose2d(
                    each, self.state[f"{name}.weight"], self.state[f"{name}.bias"], stride=2, padding=1
                )
                for each, name in ((flow, f"flownets.deconv{level + 1}"), (x, f"flownets.upfeat{level + 1}"))
            )
            costs = leaky(correlated(c1[level], warped(c2[level], up_flow * scale)))
            x = self.dense(torch.cat((costs, c1[level], up_flow, up_feat), 1), level)
            flow = self.conv(x, f"flownets.predict_flow{level}")
        for k, dilation in enumerate((1, 2, 4, 8, 16, 1), start=1):
            x = leaky(self.conv(x, f"flownets.dc_conv{k}.0", dilation=dilation))
        return flow + self.conv(x, "flownets.dc_conv7")

    def pyramid(self, x: Tensor) -> dict[int, Tensor]:
        levels = {}
        for level in range(1, 7):
            order = ("aa", "a", "b") if level == 6 else ("a", "aa", "b")
            for k, part in enumerate(order):
                x = leaky(self.conv(x, f"flownets.conv{level}{part}.0", stride=1 if k else 2))
            levels[level] = x
        return levels

    def dense(self, x: Tensor, level: int) -> Tensor:
        for k in range(5):
            x = torch.cat((leaky(self.conv(x, f"flownets.conv{level}_{k}.0")), x), 1)
        return x


def leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.1)


def correlated(a: Tensor, b: Tensor) -> Tensor:
    height, width = a.shape[-2:]
    seen = F.unfold(b, 9, padding=4).view(len(b), b.shape[1], 81, height, width)
    return (a.unsqueeze(2) * seen).mean(1)


def warped(maps: Tensor, flow: Tensor) -> Tensor:
    height, width = maps.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    grid = torch.stack((2 * (x + flow[:, 0]) / (width - 1) - 1, 2 * (y + flow[:, 1]) / (height - 1) - 1), -1)
    mask = F.grid_sample(torch.ones_like(maps), grid, align_corners=True)
    return F.grid_sample(maps, grid, align_corners=True) * (mask >= 0.9999)
