"""STARnet one direction, one frame and one concatenation at a time: what `bench_starnet` and tests compare with.

Written from a description of what the release computes, on its own names of the weights, with nothing of the harness.
Everything that the release's program makes is made here, whether it is asked for or not.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor


def lrelu(maps: Tensor) -> Tensor:
    return F.leaky_relu(maps, 0.1)


def corrected(features: Tensor, by: Tensor) -> Tensor:
    return features + lrelu(features - by)


class Straightforward:
    """The network of one state dict, of the authors' names and any sizes; without `flow_net` if there is none.

    Args:
        state: the weights.
    """

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self.state = state

    def __call__(self, frames: Tensor, flow_0_to_1: Tensor, flow_1_to_0: Tensor) -> tuple[Tensor, ...]:
        """(B, 2, 3, h, w) and flows (B, 2, h, w) to h1, ht, h2, (B, 3, 4h, 4w), l, (B, 3, h, w), and first h1."""
        one, two = frames.unbind(1)
        forth, back = self.refined(flow_0_to_1, one, two), self.refined(flow_1_to_0, two, one)
        aux, h1 = self.rbpn(one, two, forth)
        _, h2 = self.rbpn(two, one, back)
        low1, low2 = self.reduce(h1), self.reduce(h2)
        motion = self.motion(torch.cat((forth, back), 1))
        half = self.motion(torch.cat((forth / 2, back / 2), 1))
        seen = torch.cat((low1, low2, motion), 1)
        ht = self.up("model.interp_block", seen)
        large = F.interpolate(motion, scale_factor=4, mode="bilinear", align_corners=True)
        ht = corrected(ht, self.hr_correction(torch.cat((h1, h2, large), 1)))
        low = corrected(self.reduce(ht), self.lr_correction(seen))
        by = self.up("model.motion_up_b", torch.cat((low1, low, half), 1))
        h1, low1 = corrected(h1, by), corrected(low1, self.reduce(by))
        by = self.up("model.motion_up_f", torch.cat((low, low2, half), 1))
        h2, low2 = corrected(h2, by), corrected(low2, self.reduce(by))
        by = self.up("model.motion_up_f", torch.cat((low1, low, half), 1))
        ht, low = corrected(ht, by), corrected(low, self.reduce(by))
        by = self.up("model.motion_up_b", torch.cat((low, low2, half), 1))
        ht, low = corrected(ht, by), corrected(low, self.reduce(by))
        head = "model.reconstruction_h"
        pictures = [self.conv(head, maps) for maps in (h1, ht, h2)]
        return (*pictures, self.conv("model.reconstruction_l", low), aux)

    # -- layers

    def conv(self, name: str, maps: Tensor, *, stride: int = 1) -> Tensor:
        weight = self.state[f"{name}.conv.weight"]
        padding = (weight.shape[-1] - stride + 1) // 2
        return F.conv2d(maps, weight, self.state[f"{name}.conv.bias"], stride, padding)

    def deconv(self, name: str, maps: Tensor, *, stride: int = 4) -> Tensor:
        weight, bias = self.state[f"{name}.deconv.weight"], self.state[f"{name}.deconv.bias"]
        return F.conv_transpose2d(maps, weight, bias, stride, (weight.shape[-1] - stride) // 2)

    def act(self, name: str, maps: Tensor) -> Tensor:
        slope = self.state.get(f"{name}.act.weight")
        return lrelu(maps) if slope is None else F.prelu(maps, slope)

    def block(self, name: str, maps: Tensor, *, stride: int = 1) -> Tensor:
        """A convolution of either kind with its activation."""
        enlarges = f"{name}.deconv.weight" in self.state
        made = self.deconv(name, maps, stride=stride) if enlarges else self.conv(name, maps, stride=stride)
        return self.act(name, made)

    def residual(self, name: str, maps: Tensor) -> Tensor:
        kept = maps
        for k in (1, 2):
            weight, bias = self.state[f"{name}.conv{k}.weight"], self.state[f"{name}.conv{k}.bias"]
            maps = F.conv2d(maps, weight, bias, padding=1)
            maps = self.act(name, maps + kept if k == 2 else maps)
        return maps

    def chain(self, name: str, maps: Tensor, *, stride: int = 1) -> Tensor:
        """Residual blocks, and the block behind them."""
        k = 0
        while f"{name}.{k}.conv1.weight" in self.state:
            maps = self.residual(f"{name}.{k}", maps)
            k += 1
        return self.block(f"{name}.{k}", maps, stride=stride)

    def up(self, name: str, maps: Tensor) -> Tensor:
        return self.chain(name, maps, stride=4)

    def reduce(self, maps: Tensor) -> Tensor:
        return self.chain("model.motion_down", maps, stride=4)

    def motion(self, flows: Tensor) -> Tensor:
        return self.chain("model.motion", self.block("model.motion_feat", flows))

    def lr_correction(self, maps: Tensor) -> Tensor:
        return self.chain("model.t_net_lr", maps)

    # -- RBPN with one neighbour

    def rbpn(self, frame: Tensor, other: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
        p = "model.RBPN"
        by_frame = self.dbpn(self.block(f"{p}.feat0", frame))
        by_motion = self.up(f"{p}.res_feat1", self.block(f"{p}.feat1", torch.cat((frame, other, flow), 1)))
        high = by_frame + self.chain(f"{p}.res_feat2", by_frame - by_motion)
        if f"{p}.res_feat3.0.conv1.weight" in self.state:
            self.chain(f"{p}.res_feat3", high, stride=4)  # the release makes it and throws it away
        return self.conv(f"{p}.output", high), high

    def dbpn(self, maps: Tensor) -> Tensor:
        p = "model.RBPN.DBPN"
        high = [self.unit(f"{p}.up1.up", self.block(f"{p}.feat1", maps))]
        k = 2
        while f"{p}.up{k}.up_conv1.deconv.weight" in self.state:
            high.insert(0, self.unit(f"{p}.up{k}.up", self.unit(f"{p}.down{k - 1}.down", high[0])))
            k += 1
        return self.conv(f"{p}.output", torch.cat(high, 1))

    def unit(self, name: str, maps: Tensor) -> Tensor:
        projected = self.block(f"{name}_conv1", maps, stride=4)
        back = self.block(f"{name}_conv2", projected, stride=4)
        return projected + self.block(f"{name}_conv3", back - maps, stride=4)

    # -- the correction of the middle frame

    def hr_correction(self, maps: Tensor) -> Tensor:
        p = "model.t_net_hr"
        return self.block(f"{p}.2", self.pyramid(f"{p}.1.", self.block(f"{p}.0", maps)))

    def pyramid(self, p: str, x: Tensor) -> Tensor:
        def at(name: str, maps: Tensor) -> Tensor:
            return self.residual(p + name, maps)

        def to(name: str, maps: Tensor) -> Tensor:
            return self.block(p + name, maps, stride=2)

        a1 = at("l1_1", x)
        a2 = at("l2_1", to("down1", a1))
        a3 = at("l3_1", to("down2", a2))
        b1 = at("l1_2", a1 + to("up1", a2))
        b2 = at("l2_2", a2 + to("down1", b1) + to("up2", a3))
        b3 = at("l3_2", a3 + to("down2", b2))
        c1 = at("l1_3", b1 + to("up1", b2))
        c2 = at("l2_3", b2 + to("down1", c1) + to("up2", b3))
        c3 = at("l3_3", b3 + to("down2", c2))
        e1 = at("l1_4", c1 + to("up1", c2))
        e2 = at("l2_4", c2 + to("down1", e1) + to("up2", c3))
        return self.block(f"{p}final", at("l1_5", e1 + to("up1", e2)))

    # -- the flow's UNet

    def refined(self, flow: Tensor, one: Tensor, two: Tensor) -> Tensor:
        if "flow_net.outc.conv.weight" not in self.state:
            return flow
        passed = [self.double("flow_net.inc.conv.conv", torch.cat((flow, one, two), 1))]
        for k in range(1, 6):
            passed.append(self.double(f"flow_net.down{k}.mpconv.1.conv", F.max_pool2d(passed[-1], 2)))
        maps = passed[5]
        for k in range(1, 6):
            skip = passed[5 - k]
            maps = F.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=True)
            rows, columns = (skip.shape[d] - maps.shape[d] for d in (2, 3))
            maps = F.pad(maps, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
            maps = self.double(f"flow_net.up{k}.conv.conv", torch.cat((skip, maps), 1))
        return flow + self.conv("flow_net.outc", maps).sigmoid()

    def double(self, name: str, maps: Tensor) -> Tensor:
        for k in (0, 3):
            maps = F.conv2d(maps, self.state[f"{name}.{k}.weight"], self.state[f"{name}.{k}.bias"], padding=1)
            norm = f"{name}.{k + 1}"
            mean, variance = self.state[f"{norm}.running_mean"], self.state[f"{norm}.running_var"]
            maps = F.batch_norm(maps, mean, variance, self.state[f"{norm}.weight"], self.state[f"{norm}.bias"]).relu()
        return maps
