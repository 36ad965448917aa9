"""The iterations of Farneback's flow on one level: least squares on two polynomial expansions.

If the second image is the first one moved by d, the expansions of harness.flow.expansion satisfy
A d = (b_0 - b_1) / 2. This is solved in the least-squares sense over a window, again and again, with the second
polynomial read where the flow points to (Farneback, SCIA 2003; window, edge weights and borders as in OpenCV's
`calcOpticalFlowFarneback`).

Conventions: expansions (N, 5, h, w) = (b_y, b_x, A_yy, A_xx, A_xy) of images in 0..255 (the range matters: the
solution is regularised by 1e-3); flow (N, 2, h, w) = (dx, dy) in pixels of the level; the window repeats the edge
pixel.
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import FunctionCtx

from harness.flow.expansion import DEFAULT_SETTINGS, FarnebackSettings
from harness.ops.warp import positions, warp

_REGULARISER = 1e-3  # added to the determinant of the normal equations
_EDGE_WEIGHTS = (0.14, 0.14, 0.4472, 0.4472, 0.4472)  # trust in the five pixels next to each edge


def refine(
    expansion_0: Tensor, expansion_1: Tensor, flow: Tensor, *, settings: FarnebackSettings = DEFAULT_SETTINGS
) -> Tensor:
    """The iterations of one level: from a flow (N, 2, h, w) to a better one.

    Args:
        expansion_0: (N, 5, h, w) of the first image of each pair.
        expansion_1: the same of the second image.
        flow: where to start, (N, 2, h, w), pixels of this level.
        settings: winsize and iterations are used.
    """
    half_trust = 0.5 * _edge_trust((flow.shape[-2], flow.shape[-1]), _EDGE_WEIGHTS, flow.dtype, flow.device)
    own = half_trust * expansion_0
    for _ in range(settings.iterations):
        equations = _normal_equations(own, expansion_1, flow, half_trust=half_trust)
        flow = _solve(_box_mean(equations, settings.winsize))
    return flow


@lru_cache(maxsize=64)
def _edge_trust(
    size: tuple[int, int], weights: tuple[float, ...], dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Weights of this size, (h, w), that are 1 inside and fall towards the edges.

    Kept, because a copy to a GPU waits for everything that the GPU has still to do.
    """

    def ramp(length: int) -> Tensor:
        sides = torch.ones(length)
        for k, weight in enumerate(weights[:length]):
            sides[k] *= weight
            sides[length - 1 - k] *= weight
        return sides

    # Leave inference mode: cached tensors may later be needed by autograd.
    with torch.inference_mode(False):
        return torch.outer(ramp(size[0]), ramp(size[1])).to(device, dtype)


def _normal_equations(own: Tensor, expansion_1: Tensor, flow: Tensor, *, half_trust: Tensor) -> Tensor:
    """A'A and A'b of every pixel: (N, 5, h, w) = (G_11, G_12, G_22, h_1, h_2), index 1 = y, 2 = x.

    `own` is the first expansion times half the trust: both polynomials count half. Where the flow leaves the frame
    the first polynomial stands alone.
    """
    height, width = flow.shape[-2:]
    x, y = positions(flow)
    # OpenCV counts the last row and column as outside, even with zero flow.
    inside = (x >= 0) & (x < width - 1) & (y >= 0) & (y < height - 1)
    inside = inside.to(flow.dtype)
    other = warp(expansion_1, flow) * (half_trust * inside)
    (own_b, own_a), (other_b, other_a) = (polynomial.split((2, 3), dim=1) for polynomial in (own, other))
    difference_y, difference_x = (own_b - other_b).unbind(1)
    yy, xx, xy = torch.addcmul(other_a, own_a, 2 - inside).unbind(1)
    dx, dy = flow.unbind(1)
    b_y = difference_y.addcmul(yy, dy).addcmul(xy, dx)
    b_x = difference_x.addcmul(xy, dy).addcmul(xx, dx)
    xy_squared = xy * xy
    return torch.stack(
        (
            torch.addcmul(xy_squared, yy, yy),
            (yy + xx) * xy,
            torch.addcmul(xy_squared, xx, xx),
            (yy * b_y).addcmul(xy, b_x),
            (xy * b_y).addcmul(xx, b_x),
        ),
        dim=1,
    )


def _solve(equations: Tensor) -> Tensor:
    """The flow (N, 2, h, w) that solves the averaged normal equations."""
    g_11, g_12, g_22, h_1, h_2 = equations.unbind(1)
    inverse = (g_11 * g_22 - g_12 * g_12 + _REGULARISER).reciprocal()
    return torch.stack(((g_11 * h_2 - g_12 * h_1) * inverse, (g_22 * h_1 - g_12 * h_2) * inverse), dim=1)


def _box_mean(planes: Tensor, size: int) -> Tensor:
    """Mean over a size x size window, the edge pixel repeated beyond the border."""
    for dim in (-2, -1):
        planes = _WindowSums.apply(planes, size, dim)  # type: ignore[no-untyped-call]
    return planes / (size * size)


class _WindowSums(torch.autograd.Function):
    """Sums over windows along one dimension, the edge pixel repeated; the gradient is such sums again.

    Autograd's own would be a padded copy of the planes for each of the additions.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, planes: Tensor, size: int, dim: int) -> Tensor:
        ctx.size, ctx.dim = size, dim  # type: ignore[attr-defined]
        return _box_sum(F.pad(planes, _along(dim, size // 2), mode="replicate"), size, dim=dim)

    @staticmethod
    def backward(ctx: FunctionCtx, *outer: Tensor) -> tuple[Tensor, None, None]:
        size, dim = ctx.size, ctx.dim  # type: ignore[attr-defined]
        radius, length = size // 2, outer[0].shape[dim]
        padded = _box_sum(F.pad(outer[0], _along(dim, 2 * radius)), size, dim=dim)
        inner = padded.narrow(dim, radius, length).clone()
        inner.select(dim, 0).add_(padded.narrow(dim, 0, radius).sum(dim))
        inner.select(dim, -1).add_(padded.narrow(dim, radius + length, radius).sum(dim))
        return inner, None, None


def _along(dim: int, margin: int) -> tuple[int, int, int, int]:
    """What `F.pad` takes for a margin on both sides of dimension -1 or -2."""
    return (margin, margin, 0, 0) if dim == -1 else (0, 0, margin, margin)


def _box_sum(planes: Tensor, size: int, *, dim: int) -> Tensor:
    """Sums of `size` neighbours along `dim`, put together from sums over 1, 2, 4, 8 … neighbours.

    Six additions for 15 neighbours, and none of the cancellation of a running sum.
    """
    count = planes.shape[dim] - size + 1
    parts: list[Tensor] = []
    start, length, sums = 0, 1, planes
    while True:
        if size & length:
            parts.append(sums.narrow(dim, start, count))
            start += length
        if start == size:
            return _sum(parts)
        shorter = sums.shape[dim] - length
        sums = sums.narrow(dim, 0, shorter) + sums.narrow(dim, length, shorter)
        length *= 2


def _sum(parts: Sequence[Tensor]) -> Tensor:
    if len(parts) == 1:
        return parts[0]
    total = parts[0] + parts[1]
    for part in parts[2:]:
        total.add_(part)
    return total
