"""Over-relaxation of the flow's linear equations: the order of rows, but many pixels, and many sweeps, at a time.

Row by row, a pixel sees its left and its upper neighbour as they are after this sweep, the right and the lower one as
they were after the last. All pixels of a diagonal x + y = d can therefore go at once; and because sweep n needs of
sweep n - 1 only the diagonals up to d + 1, it may follow two diagonals behind. At step s, the diagonals

    d = s, s - 2, s - 4, ...   are in the sweeps   n = 0, 1, 2, ...

and read only diagonals between them: D + 2 (sweeps - 1) steps for D diagonals instead of D sweeps, and every step is
a few operations on slices. The numbers are those of the plain order.

Conventions: images (N, C, H, W) lie here as diagonals (D, N, C, H): row d holds the pixels (x, y) = (d - y, y), zeros
where there is none.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.flow.energy import Equations, from_above, from_left

_OMEGA = 1.8  # over-relaxation


class _Step(NamedTuple):
    """The slices of one step; all but the increments themselves are coefficients, divided by the diagonal."""

    increment: Tensor
    du: Tensor
    dv: Tensor
    neighbours: tuple[Tensor, Tensor, Tensor, Tensor]
    weights: tuple[Tensor, Tensor, Tensor, Tensor]
    right_side: Tensor
    cross_u: Tensor
    cross_v: Tensor


class Relaxation:
    """The solver for images of one size. Its memory, and the slices of every step, serve all iterations.

    Args:
        like: (N, 2, H, W), for size, precision and device.
        sweeps: over all pixels.
    """

    def __init__(self, like: Tensor, *, sweeps: int) -> None:
        count, _, self.height, self.width = like.shape
        self.diagonals = self.height + self.width - 1
        # One diagonal more at either end, and one pixel more: neighbours of the outermost pixels are zero.
        self.padded = like.new_zeros((self.diagonals + 2, count, 2, self.height + 2))
        self.coefficients = like.new_zeros((self.diagonals, count, 6, 2, self.height))
        self.steps = [self._step(s, sweeps) for s in range(self.diagonals + 2 * (sweeps - 1))]

    def solve(self, equations: Equations) -> Tensor:
        """The increment (du, dv) after all sweeps, from zero: (N, 2, H, W)."""
        scale = _OMEGA / equations.diagonal
        left, above = from_left(equations.right), from_above(equations.below)
        parts = (left, above, equations.right, equations.below, equations.right_side, -equations.cross)
        planes = torch.stack([part * scale for part in parts], dim=1)
        self.coefficients.copy_(to_diagonals(planes.flatten(1, 2)).unflatten(2, (6, 2)))
        self.coefficients[:, :, 5, 0] /= 1 - _OMEGA  # dv enters du before du is multiplied by 1 - omega, see `_relax`
        self.padded.zero_()
        for step in self.steps:
            _relax(step)
        return from_diagonals(self.padded[1:-1, :, :, 1:-1], width=self.width)

    def _step(self, s: int, sweeps: int) -> _Step:
        first = max(s - 2 * (sweeps - 1), s % 2)
        last = min(s, self.diagonals - 1 - (self.diagonals - 1 - s) % 2)
        before, here, after = (slice(first + k, last + k + 1, 2) for k in range(3))
        increment = self.padded[here, :, :, 1:-1]
        *weights, right_side, cross = self.coefficients[first : last + 1 : 2].unbind(2)
        left, above, right, below = weights
        return _Step(
            increment=increment,
            du=increment[:, :, 0],
            dv=increment[:, :, 1],
            neighbours=(
                self.padded[before, :, :, 1:-1],
                self.padded[before, :, :, :-2],
                self.padded[after, :, :, 1:-1],
                self.padded[after, :, :, 2:],
            ),
            weights=(left, above, right, below),
            right_side=right_side,
            cross_u=cross[:, :, 0],
            cross_v=cross[:, :, 1],
        )


def _relax(step: _Step) -> None:
    """The pixels of one step, in place: du by the old dv, dv by the new du."""
    step.du.addcmul_(step.cross_u, step.dv)
    torch.add(step.right_side, step.increment, alpha=1 - _OMEGA, out=step.increment)
    for neighbour, weight in zip(step.neighbours, step.weights, strict=True):
        step.increment.addcmul_(neighbour, weight)
    step.dv.addcmul_(step.cross_v, step.du)


def to_diagonals(planes: Tensor) -> Tensor:
    """Images (N, C, H, W) as diagonals (H + W - 1, N, C, H)."""
    height, width = planes.shape[-2:]
    # Rows that are longer by H, read as rows that are longer by H - 1: each starts one further to the right.
    rows = F.pad(planes, (0, height)).flatten(-2)[..., : height * (width + height - 1)]
    diagonals: Tensor = rows.unflatten(-1, (height, width + height - 1))
    return diagonals.permute(3, 0, 1, 2)


def from_diagonals(diagonals: Tensor, *, width: int) -> Tensor:
    """The way back: (H + W - 1, N, C, H) to (N, C, H, W)."""
    height = diagonals.shape[-1]
    rows = F.pad(diagonals.permute(1, 2, 3, 0).flatten(-2), (0, height))
    planes: Tensor = rows.unflatten(-1, (height, width + height))
    return planes[..., :width]
