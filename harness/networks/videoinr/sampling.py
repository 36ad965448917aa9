"""Where a map is asked for values: positions from -1 to 1 over its extent, whatever its size.

Conventions: a grid is (B, H, W, 2), x before y; -1 and 1 are the outer edges of the first and the last pixel. Beyond
the centres of the outermost pixels a map fades into zeros. Positions, and what is sampled, are float32 or better.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.ops.precision import at_least_float32

INSIDE = 1 - 1e-6
"""How far positions go, so that the nearest pixel of the edge is one of the map."""


def centres(height: int, width: int, device: torch.device) -> Tensor:
    """Where the pixels of a map are, (1, H, W, 2)."""
    rows, columns = ((2 * _count(side, device) + 1) / side - 1 for side in (height, width))
    return _grid(rows, columns).clamp(-INSIDE, INSIDE)


def corners(height: int, width: int, device: torch.device) -> Tensor:
    """Where they would be if the first and the last of a side lay at -1 and 1, (1, H, W, 2)."""
    rows, columns = (2 * _count(side, device) / (side - 1) - 1 for side in (height, width))
    return _grid(rows, columns)


def offsets(places: Tensor, height: int, width: int) -> Tensor:
    """How far places (1, H, W, 2) are from the nearest pixel of a map, in half pixels: (1, 2, H, W), y before x."""
    pixels = centres(height, width, places.device).permute(0, 3, 1, 2)
    x, y = (places.permute(0, 3, 1, 2) - sample(pixels, places, mode="nearest")).unbind(1)
    return torch.stack((y * height, x * width), dim=1)


def moved(grid: Tensor, flow: Tensor, size: tuple[int, int]) -> Tensor:
    """A grid (1, H, W, 2) of `corners` of a map of some size, moved by a flow (B, 2, H, W) in its pixels."""
    height, width = size
    x, y = flow.unbind(1)
    return (grid + torch.stack((x / ((width - 1) / 2), y / ((height - 1) / 2)), dim=-1)).clamp(-INSIDE, INSIDE)


def sample(maps: Tensor, grid: Tensor, *, mode: Literal["bilinear", "nearest"] = "bilinear") -> Tensor:
    """Maps (B, C, h, w) at a grid (B or 1, H, W, 2): (B, C, H, W)."""
    maps = at_least_float32(maps)
    everywhere = grid.to(maps.dtype).expand(len(maps), -1, -1, -1)
    return F.grid_sample(maps, everywhere, mode=mode, padding_mode="zeros", align_corners=False)


def _count(side: int, device: torch.device) -> Tensor:
    return torch.arange(side, device=device, dtype=torch.float32)


def _grid(rows: Tensor, columns: Tensor) -> Tensor:
    return torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1).unsqueeze(0)
