"""Filters of a pixel's own: every pixel of the result is a sum over the surroundings of its place in several maps.

Source: X. Jia et al., "Dynamic Filter Networks", 2016; to blend warped frames: J. Park et al., "BMBC", 2020,
Sec. 3.2, and ABME, 2021.

    y(p) = sum over maps i, over taps d in [-R, R] x [-R, R], of  w_id(p) · x_i(p + d)

Conventions: maps are (B, C, H, W), zero outside; all channels of a map share its filter. Weights are (B, N K², H, W),
K = 2R + 1: map, then tap, row by row, dy before dx.

Memory: a tap at a time is added to the result, in place: no temporary tensor is larger than a padded map. For
gradients the padded maps and the weights are kept, once. Nothing waits for the device.
Measured at 720x576, four maps of 35 channels, K = 3, CPU: 170 MB beside the inputs, of which the result is 55; with
gradients 580 MB, 330 of them the result and the gradients themselves.
"""

from collections.abc import Sequence
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.errors import DataError


def dynamic_filter(maps: Sequence[Tensor], weights: Tensor, *, size: int) -> Tensor:
    """Filter and add up. Differentiable in everything.

    Args:
        maps: N maps x_i, (B, C, H, W) each.
        weights: w, (B, N K², H, W), in the precision of the maps.
        size: K, odd.

    Returns:
        (B, C, H, W).

    Raises:
        DataError: the shapes do not fit together.
    """
    batch, _, height, width = maps[0].shape
    wanted = (batch, len(maps) * size**2, height, width)
    if weights.shape != wanted or any(each.shape != maps[0].shape for each in maps) or size % 2 == 0:
        raise DataError(
            "Dynamic filters of odd size K are N maps (B, C, H, W) and weights (B, N K², H, W).",
            found=f"K = {size}, maps {[tuple(each.shape) for each in maps]}, weights {tuple(weights.shape)}",
        )
    filtered = torch.zeros_like(maps[0])
    for each, own in zip(maps, weights.split(size**2, dim=1), strict=True):
        padded = F.pad(each, (size // 2,) * 4)
        for weight, (y, x) in zip(own.split(1, dim=1), product(range(size), repeat=2), strict=True):
            filtered.addcmul_(padded[..., y : y + height, x : x + width], weight)
    return filtered
