"""The cost volume of optical flow: how alike a pixel and those around the same place in another map are.

Source: A. Dosovitskiy et al., "FlowNet: Learning Optical Flow with Convolutional Networks", 2015, Sec. 3, with
patches of one pixel, as in D. Sun et al., "PWC-Net: CNNs for Optical Flow Using Pyramid, Warping, and Cost Volume",
2018:

    c_d(p) = mean over channels of  f(p) · s(p + d),    d in [-D, D] x [-D, D]

Conventions: maps are (B, C, H, W), s is zero outside of its map. Displacements row by row, dy before dx: channel
(dy + D) (2D + 1) + dx + D, so the middle one is that of no displacement.

One displacement at a time: the temporary tensor is one product, as large as one of the maps; for gradients nothing is
kept beside the two maps. Nothing waits for the device.
"""

from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.errors import DataError


def correlation(first: Tensor, second: Tensor, *, max_displacement: int) -> Tensor:
    """The cost volume between two maps. Differentiable in both.

    Args:
        first: f, (B, C, H, W), floating point.
        second: s, of the same shape.
        max_displacement: D, pixels along each axis.

    Returns:
        (B, (2D + 1)², H, W), in the precision of the maps.

    Raises:
        DataError: maps of different shapes.
    """
    if first.shape != second.shape or first.ndim != 4:
        raise DataError(
            "A cost volume is of two maps of one shape, (B, C, H, W).",
            found=f"{tuple(first.shape)} and {tuple(second.shape)}",
        )
    height, width = first.shape[-2:]
    padded = F.pad(second, (max_displacement,) * 4)
    steps = range(2 * max_displacement + 1)
    costs = [(first * padded[..., y : y + height, x : x + width]).mean(dim=1) for y, x in product(steps, steps)]
    return torch.stack(costs, dim=1)
