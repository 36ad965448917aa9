"""ETDM written down from its description, all frames in lists and every sum as it is printed, for a second opinion.

Lists go over the frames of a clip; `state` has the authors' names.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.networks.straightforward_spynet import flow_between

State = Mapping[str, Tensor]


def upscaled(clip: Tensor, state: State) -> Tensor:
    """(B, T, 3, h, w) to (B, T, 3, 4h, 4w), for T of at least 3."""
    net = {name.removeprefix("module."): value for name, value in state.items()}
    frames = list(clip.unbind(1))
    b, left, remembered = look_back([frames[1], *frames, frames[-2]], net)
    return torch.stack(look_forth(frames, b, left, remembered, net), dim=1)


def look_back(x: list[Tensor], net: State) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """b, l' and R of all frames; `x` has one frame more at either end."""
    a: list[Tensor] = []
    r: list[Tensor] = []
    h: list[Tensor] = []
    remembered: list[Tensor] = []
    b, left = [], []
    for t in range(len(x) - 2):
        previous, current, following = x[t], x[t + 1], x[t + 2]
        nothing = current.new_zeros(len(current), 96, *current.shape[2:])
        carried = sampled(h[t - 1], flow_between(current, previous, spynet(net))) if t else nothing
        s = regions(previous, current, following, (carried, remembered[t - 1] if t else nothing), net)
        for k in range(16):
            s = block(s, f"neuro.recon_trunk.{k}", net)
        h.append(s + conv(F.relu(conv(s, "neuro.res_last.conv1", net)), "neuro.res_last.convh", net))
        heads = [
            conv(F.relu(conv(h[t], f"neuro.res_last.conv_head_{name}", net)), f"neuro.res_last.conv_{name}", net)
            for name in ("o", "dif_left", "dif_right")
        ]
        a.append(heads[0])
        r.append(heads[2])
        said = [a[t - j] - sum(r[t - i] for i in range(1, j + 1)) for j in range(1, min(3, t) + 1)] or [a[0]]
        m = torch.cat([*said, *[said[-1]] * (3 - len(said)), a[t], heads[1], h[t]], dim=1)
        z = conv(F.relu(conv(m, "conv_fusion_1_f", net)), "conv_fusion_1_f_", net) + h[t]
        for k in range(8):
            z = block(z, f"recon_temporal_f.{k}", net)
        remembered.append(z)
        b.append(conv(F.relu(conv(z, "conv_fusion_2_f_s", net)), "conv_fusion_3_f_s", net) + a[t])
        left.append(conv(F.relu(conv(z, "conv_fusion_2_f_d", net)), "conv_fusion_3_f_d", net) + heads[1])
    return b, left, remembered


def look_forth(
    frames: list[Tensor], b: list[Tensor], left: list[Tensor], remembered: list[Tensor], net: State
) -> list[Tensor]:
    last = len(frames)
    made = []
    for s, frame in enumerate(frames):
        if s <= last - 4:
            v1, v2 = b[s + 1] - left[s + 1], b[s + 2] - (left[s + 1] + left[s + 2])
            v3 = b[s + 3] - (left[s + 1] + left[s + 2] + left[s + 3])
        elif s == last - 3:
            v1 = v2 = v3 = b[last - 2] - left[last - 2]
        elif s == last - 2:
            v1 = b[last - 2] - left[last - 2]
            v2 = v3 = b[last - 1] - (left[last - 2] + left[last - 1])
        else:
            v1 = v2 = v3 = b[last - 1]
        n = torch.cat([v1, v2, v3, b[s], remembered[s]], dim=1)
        z = conv(F.relu(conv(n, "conv_fusion_1_b", net)), "conv_fusion_1_b_", net) + remembered[s]
        for k in range(8):
            z = block(z, f"recon_temporal_b.{k}", net)
        c = conv(F.relu(conv(z, "conv_fusion_2_b", net)), "conv_fusion_3_b", net) + b[s]
        base = F.interpolate(frame, scale_factor=4, mode="bilinear", align_corners=False)
        made.append(F.pixel_shuffle(c, 4) + base)
    return made


def regions(
    previous: Tensor, current: Tensor, following: Tensor, carried: tuple[Tensor, Tensor], net: State
) -> Tensor:
    def luma(rgb: Tensor) -> Tensor:
        return 0.299 * rgb[:, 0:1] + 0.587 * rgb[:, 1:2] + 0.114 * rgb[:, 2:3]

    high = []
    for other in (previous, following):
        apart = (luma(other) - luma(current)).abs()
        high.append(other * torch.stack([(one > one.mean()).to(one) for one in apart]))
    low = [previous - high[0], following - high[1]]
    result = torch.zeros_like(carried[0])
    for neighbours, d in ((low, 1), (high, 2)):
        s = F.relu(conv(torch.cat([current, *neighbours, *carried], dim=1), "neuro.neuro_lv.conv_1", net, d))
        for k in range(2):
            s = block(s, f"neuro.neuro_lv.recon_trunk.{k}", net, d)
        result = result + s
    return result


def block(x: Tensor, name: str, net: State, dilation: int = 1) -> Tensor:
    return x + conv(F.relu(conv(x, f"{name}.conv1", net, dilation)), f"{name}.conv2", net, dilation)


def conv(x: Tensor, name: str, net: State, dilation: int = 1) -> Tensor:
    return F.conv2d(x, net[f"{name}.weight"], net[f"{name}.bias"], padding=dilation, dilation=dilation)


def sampled(maps: Tensor, flow: Tensor) -> Tensor:
    height, width = maps.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    grid_x = 2 * (x + flow[:, 0]) / max(width - 1, 1) - 1
    grid_y = 2 * (y + flow[:, 1]) / max(height - 1, 1) - 1
    grid = torch.stack((grid_x, grid_y), dim=-1)
    return F.grid_sample(maps, grid, mode="bilinear", padding_mode="zeros", align_corners=True)


def spynet(net: State) -> dict[str, Tensor]:
    return {name.removeprefix("spynet."): value for name, value in net.items() if name.startswith("spynet.")}
