"""The flow of a frame that is not there: projected from a frame whose flow goes past it, nearer things first.

Source: W. Bao et al., "Depth-Aware Video Frame Interpolation", 2019, Eq. 1 and 2, and the behaviour of its release.
Pixel p of frame 0 passes the new frame's grid at q = p + F_{0->t}(p), if that lies inside. All four cells around q
get what it brings, in full:

    G_{t->0}(cell) = - sum over p of  w(p) · F_{0->t}(p)  /  sum over p of  w(p)

Cells beyond the last row or column are those of the last one, which then count twice. What no pixel passes is a hole:
0, or the mean of the next cells to the left, to the right, above and below that are none, as far as there are any.

Conventions: flows (B, 2, H, W), dx before dy, pixels; the result points back, hence the sign. The result is not
continuous in where F points to. Its gradient is that of the sums.

How: everything is added to the upper left of the four cells first, and is passed on to the others from there. The
next cell that is no hole is a running maximum or minimum of indices. No Python loop over pixels, no waiting for the
device. On CUDA the sums are made in no fixed order, as in every `scatter_add`. Measured at 720x576 on one CPU thread:
0.02 s, 0.08 s with filling, and 42 MB.
"""

import torch
from torch import Tensor

from harness.errors import DataError
from harness.ops.warp import in_bounds, positions


def project_flow(flow: Tensor, weights: Tensor, *, fill: bool) -> Tensor:
    """From the flow frame -> t to the flow t -> frame. Differentiable in both arguments.

    Args:
        flow: F, (B, 2, H, W), pixels, float32 or float64.
        weights: w, (B, 1, H, W), positive: the larger, the nearer to the camera.
        fill: whether holes are filled. The release does it where it computes no gradient.

    Returns:
        G, (B, 2, H, W).

    Raises:
        DataError: the shapes do not fit together.
    """
    batch, _, height, width = flow.shape
    if flow.shape[1] != 2 or weights.shape != (batch, 1, height, width):
        raise DataError(
            "A flow (B, 2, H, W) is projected with one weight a pixel, (B, 1, H, W).",
            found=f"flow {tuple(flow.shape)}, weights {tuple(weights.shape)}",
        )
    sums, passed = passing(flow, weights).split((2, 1), dim=1)
    known = passed > 0
    projected = torch.where(known, sums / torch.where(known, passed, 1), 0)
    return _filled(projected, known) if fill else projected


def passing(flow: Tensor, weights: Tensor) -> Tensor:
    """Both sums for every cell, of what passes it: - w F and w, (B, 3, H, W)."""
    batch, _, height, width = flow.shape
    x, y = positions(flow.detach())
    lands = in_bounds(flow)
    cells = torch.where(lands, y.long() * width + x.long(), 0).flatten(2)
    brought = torch.where(lands, torch.cat((-weights * flow, weights), dim=1), 0).flatten(2)
    corners = torch.zeros_like(brought).scatter_add(2, cells.expand(-1, 3, -1), brought)
    return _passed_on(_passed_on(corners.view(batch, 3, height, width), dim=3), dim=2)


def _passed_on(cells: Tensor, *, dim: int) -> Tensor:
    """Every cell and the one after it get what is in it; after the last one comes the last one."""
    before, last = cells.split((cells.shape[dim] - 1, 1), dim)
    none, nothing = torch.zeros_like(last), torch.zeros_like(before)
    return cells + torch.cat((none, before), dim) + torch.cat((nothing, last), dim)


def _filled(flow: Tensor, known: Tensor) -> Tensor:
    """Holes as the mean of the next known cells in four directions. What was filled serves no other hole."""
    total, found = torch.zeros_like(flow), torch.zeros_like(flow[:, :1])
    for dim in (3, 2):
        size = flow.shape[dim]
        place = torch.arange(size, device=flow.device).view(-1, *(1,) * (3 - dim))
        before = torch.where(known, place, -1).cummax(dim).values
        after = torch.where(known, place, size).flip(dim).cummin(dim).values.flip(dim)
        for nearest in (before, after):
            there = (nearest >= 0) & (nearest < size)
            value = flow.gather(dim, nearest.clamp(0, size - 1).expand_as(flow))
            total, found = total + torch.where(there, value, 0), found + there
    return torch.where(known, flow, total / found.clamp(min=1))
