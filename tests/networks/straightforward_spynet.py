"""SPyNet written down step by step with torch's own sampling, to have a second opinion at any size."""

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

State = Mapping[str, Tensor]
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def flow_between(ref: Tensor, supp: Tensor, state: State) -> Tensor:
    """The flow (B, 2, H, W) from `ref` to `supp`, with weights under BasicSR's names."""
    height, width = ref.shape[-2:]
    h32, w32 = 32 * math.ceil(height / 32), 32 * math.ceil(width / 32)
    refs, supps = pooled(ref, h32, w32, state), pooled(supp, h32, w32, state)
    flow = ref.new_zeros(len(ref), 2, h32 // 32, w32 // 32)
    for level in range(6):
        up = flow if level == 0 else 2 * F.interpolate(flow, scale_factor=2, mode="bilinear", align_corners=True)
        seen = torch.cat((refs[level], sampled(supps[level], up), up), dim=1)
        flow = convolved(seen, state, level) + up
    flow = F.interpolate(flow, size=(height, width), mode="bilinear", align_corners=False)
    return flow * torch.tensor([width / w32, height / h32], dtype=flow.dtype).view(1, 2, 1, 1)


def pooled(images: Tensor, h32: int, w32: int, state: State) -> list[Tensor]:
    images = F.interpolate(images, size=(h32, w32), mode="bilinear", align_corners=False)
    mean, std = (torch.tensor(values, dtype=images.dtype).view(1, 3, 1, 1) for values in (MEAN, STD))
    levels = [(images - state.get("mean", mean)) / state.get("std", std)]  # networks that contain it have their own
    for _ in range(5):
        levels = [F.avg_pool2d(levels[0], kernel_size=2, stride=2), *levels]
    return levels


def sampled(images: Tensor, flow: Tensor) -> Tensor:
    height, width = images.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    grid_x = 2 * (x + flow[:, 0]) / max(width - 1, 1) - 1
    grid_y = 2 * (y + flow[:, 1]) / max(height - 1, 1) - 1
    grid = torch.stack((grid_x, grid_y), dim=-1)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=True)


def convolved(seen: Tensor, state: State, level: int) -> Tensor:
    for layer in (0, 2, 4, 6, 8):
        name = f"basic_module.{level}.basic_module.{layer}"
        seen = F.conv2d(seen, state[f"{name}.weight"], state[f"{name}.bias"], padding=3)
        seen = seen if layer == 8 else F.relu(seen)
    return seen
