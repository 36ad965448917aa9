"""Structural similarity on Y or on RGB, as `ssim_index.m` of its authors computes it without downsampling.

Source: Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, "Image quality assessment: from error visibility to
structural similarity", 2004. Gaussian window 11x11 with sigma 1.5, only where it lies wholly inside the frame
("valid"), C1 = (0.01 * 255)^2, C2 = (0.03 * 255)^2, biased covariance, mean of the map; RGB = mean of the channels.

Conventions: frames (B, 3, H, W) RGB, uint8 or float in [0, 255]; float64 throughout, because the variances are
differences of nearly equal numbers. Identical frames (black ones too) give exactly 1.

How it is computed. With s = x + y and d = x - y, four Gaussian means make the whole map,

    P = E[s]^2,  Q = E[d]^2,  A = E[s^2] - P,  B = E[d^2] - Q
    SSIM = (P - Q + 2 C1) (A - B + 2 C2) / ((P + Q + 2 C1) (A + B + 2 C2)),

as P - Q = 4 mu_x mu_y, A - B = 4 sigma_xy, P + Q = 2 (mu_x^2 + mu_y^2) and A + B = 2 (sigma_x^2 + sigma_y^2). The
window is separable, and a run of outputs is a product with a small banded matrix: columns 16 rows at a time, then
rows 12 columns at a time, in strips of the frame that stay in the cache.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor

from harness.errors import DataError
from harness.metrics.color import Plane, plane_pairs

WINDOW = 11
SIGMA = 1.5
C1 = (0.01 * 255) ** 2
C2 = (0.03 * 255) ** 2

_HALO = WINDOW - 1
# Outputs of one banded product. Measured on CPU; both are multiples of the 4 that BLAS kernels are made of.
_ROWS = 16
_COLUMNS = 12
# Pixels of one strip: what a CPU cache holds, and what keeps a GPU busy in a few hundred MB.
_CPU_PIXELS = 46_080
_GPU_PIXELS = 4_194_304


def ssim(pred: Tensor, gt: Tensor, *, plane: Plane, border: int = 0) -> Tensor:
    """SSIM of every frame.

    Args:
        pred: (B, 3, H, W) RGB, uint8 or float in [0, 255].
        gt: like `pred`, on the same device.
        plane: `y` or `rgb`.
        border: pixels that are left out on each side.

    Returns:
        (B,) float64 in [-1, 1].

    Raises:
        DataError: if the frames do not fit together or are smaller than the window of 11x11.
    """
    return torch.cat([ssim_of_planes(x, y) for x, y in plane_pairs(pred, gt, plane=plane, border=border)])


@torch.no_grad()
def ssim_of_planes(pred: Tensor, gt: Tensor) -> Tensor:
    """SSIM of planes (B, C, H, W) float64 in [0, 255], mean over the channels. Returns (B,).

    Raises:
        DataError: if the planes are smaller than the window.
    """
    height, width = pred.shape[-2:]
    if min(height, width) < WINDOW:
        raise DataError(
            f"SSIM is defined for frames of at least {WINDOW}x{WINDOW} pixels.",
            found=f"{width}x{height}",
            todo="leave SSIM out for these frames, or score larger ones",
        )
    pixels = _CPU_PIXELS if pred.device.type == "cpu" else _GPU_PIXELS
    together = max(1, pixels // (height * width))
    rows = max(_ROWS, pixels // (together * width) // _ROWS * _ROWS)
    pairs = zip(pred.flatten(0, 1).split(together), gt.flatten(0, 1).split(together), strict=True)
    sums = torch.cat([_sum_of_map(x, y, rows=min(rows, height - _HALO)) for x, y in pairs])
    return sums.view(pred.shape[:2]).mean(dim=1) / ((height - _HALO) * (width - _HALO))


def _sum_of_map(x: Tensor, y: Tensor, *, rows: int) -> Tensor:
    """Sum of the SSIM map of each of P planes, (P, H, W) -> (P,), strip by strip."""
    planes, height, width = x.shape
    # One block more than the outputs need, so that no useful block reads beyond its own plane.
    blocks = math.ceil((width - _HALO) / _COLUMNS) + 1
    padded = blocks * _COLUMNS
    maps = x.new_zeros(rows + _HALO, 4, planes, padded)
    down = x.new_zeros(rows * 4 * planes * padded + _HALO)  # the last, useless block reads past the end
    means = x.new_empty(4 * planes * blocks * rows * _COLUMNS)
    total = x.new_zeros(planes)
    for top in range(0, height - _HALO, rows):
        count = min(rows, height - _HALO - top)
        strip = slice(top, top + count + _HALO)
        _moments(x[:, strip].transpose(0, 1), y[:, strip].transpose(0, 1), maps[: count + _HALO, ..., :width])
        window = _gaussian_means(maps.flatten(1), down, means, rows=count)
        ssim_map = _ssim_map(*window.view(4, planes, blocks, count, _COLUMNS))
        full, rest = divmod(width - _HALO, _COLUMNS)
        total += ssim_map[:, :full].sum(dim=(1, 2, 3))
        total += ssim_map[:, full, :, :rest].sum(dim=(1, 2))
    return total


def _moments(x: Tensor, y: Tensor, out: Tensor) -> None:
    """Write s, d, s^2 + 2 C1 + 2 C2 and d^2 of a strip; (rows, P, W) twice -> (rows, 4, P, W).

    The constants ride along: the window sums to 1, and so they come out of it unchanged.
    """
    s, d, ss, dd = out.unbind(1)
    torch.add(x, y, out=s)
    torch.sub(x, y, out=d)
    torch.addcmul(_constant(2 * (C1 + C2)), s, s, out=ss)
    torch.mul(d, d, out=dd)


def _gaussian_means(maps: Tensor, down: Tensor, means: Tensor, *, rows: int) -> Tensor:
    """The window's mean over a strip; (rows + halo, row) -> (blocks of the row, rows, columns of a block).

    `down` (the means of columns) and `means` (the result) are scratch memory that all strips share.
    """
    row = maps.shape[1]
    blocks = row // _COLUMNS
    band = _band(_ROWS, maps.device)
    columns = down[: rows * row].view(rows, row)
    for top in range(0, rows, _ROWS):
        count = min(_ROWS, rows - top)
        torch.mm(band[:count, : count + _HALO], maps[top : top + count + _HALO], out=columns[top : top + count])
    overlapping = down.as_strided((blocks, rows, _COLUMNS + _HALO), (_COLUMNS, row, 1))
    out = means[: blocks * rows * _COLUMNS].view(blocks, rows, _COLUMNS)
    return torch.bmm(overlapping, _band(_COLUMNS, maps.device).T.expand(blocks, -1, -1), out=out)


def _ssim_map(s: Tensor, d: Tensor, ss: Tensor, dd: Tensor) -> Tensor:
    """The map from the four means, in their memory: the formula of the module, numbers in its order."""
    torch.addcmul(_constant(2 * C1), s, s, out=s)  # P + 2 C1
    d.mul_(d)  # Q
    ss.sub_(s)  # A + 2 C2
    dd.sub_(d)  # B
    torch.sub(s, d, out=d)  # P - Q + 2 C1
    torch.sub(d, s, alpha=2, out=s)  # -(P + Q + 2 C1)
    torch.sub(ss, dd, out=dd)  # A - B + 2 C2
    torch.sub(dd, ss, alpha=2, out=ss)  # -(A + B + 2 C2)
    return d.mul_(dd).div_(s.mul_(ss))


@lru_cache(maxsize=16)
def _band(size: int, device: torch.device) -> Tensor:
    """(size, size + 10) float64: row i holds the window from column i on."""
    offsets = torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2
    window = torch.exp(-offsets.square() / (2 * SIGMA**2))
    band = torch.zeros(size, size + _HALO, dtype=torch.float64)
    for row in range(size):
        band[row, row : row + WINDOW] = window / window.sum()
    return band.to(device)


@lru_cache(maxsize=4)
def _constant(value: float) -> Tensor:
    # On the CPU for every device: torch hands a 0-dimensional CPU tensor to a kernel as a number, without a copy.
    return torch.tensor(value, dtype=torch.float64)


class Ssim:
    """SSIM as a metric of the harness."""

    def __init__(self, *, plane: Plane, border: int = 0) -> None:
        self.plane: Plane = plane
        self.border = border

    @property
    def identity(self) -> str:
        """The window, and the border where there is one."""
        return "gauss11,s1.5,valid" + (f",border{self.border}" if self.border else "")

    def score(self, pred: Tensor, gt: Tensor, *, previous: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """(B,); see `ssim`."""
        return ssim(pred, gt, plane=self.plane, border=self.border)

    def score_planes(self, pred: Tensor, gt: Tensor) -> Tensor:
        """(B,) from planes that `plane_pairs` made."""
        return ssim_of_planes(pred, gt)
