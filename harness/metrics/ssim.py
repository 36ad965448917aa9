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
window is separable, and a run of outputs is a product with a small banded matrix: columns 8 rows at a time, then
rows 12 columns at a time, in strips of the frame that stay in the cache.
"""

import math
from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor

from harness.errors import DataError
from harness.metrics.color import Plane, inner_pair, write_planes
from harness.metrics.psnr import decibels

WINDOW = 11
SIGMA = 1.5
C1 = (0.01 * 255) ** 2
C2 = (0.03 * 255) ** 2

_HALO = WINDOW - 1
# Outputs of one banded product: the fastest of what was measured.
_ROWS = 8
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
    return psnr_and_ssim(pred, gt, plane=plane, border=border)[1]


@torch.no_grad()
def psnr_and_ssim(pred: Tensor, gt: Tensor, *, plane: Plane, border: int = 0) -> tuple[Tensor, Tensor]:
    """PSNR and SSIM of every frame from one pass over them; arguments and errors as for `ssim`.

    Returns:
        (B,) float64 in dB, inf for identical frames, and (B,) float64 in [-1, 1].
    """
    pred, gt = inner_pair(pred, gt, border=border)
    height, width = pred.shape[-2:]
    if min(height, width) < WINDOW:
        raise DataError(
            f"SSIM is defined for frames of at least {WINDOW}x{WINDOW} pixels.",
            found=f"{width}x{height}",
            todo="leave SSIM out for these frames, or score larger ones",
        )
    pixels = _CPU_PIXELS if pred.device.type == "cpu" else _GPU_PIXELS
    width_of_planes = width * (1 if plane == "y" else 3)
    together = min(len(pred), max(1, pixels // (height * width_of_planes)))
    rows = min(height - _HALO, max(1, pixels // (together * width_of_planes)))
    rows = math.ceil(rows / _ROWS) * _ROWS
    pairs = zip(pred.split(together), gt.split(together), strict=True)
    sums = torch.cat([_sums(x, y, plane=plane, rows=rows) for x, y in pairs])
    error, similarity = sums.mean(dim=1).unbind(-1)
    return decibels(error / (height * width)), similarity / ((height - _HALO) * (width - _HALO))


def _sums(pred: Tensor, gt: Tensor, *, plane: Plane, rows: int) -> Tensor:
    """Sums over each plane of the squared error and of the SSIM map, (B, 3, H, W) twice -> (B, C, 2).

    In strips of so many rows (a multiple of `_ROWS`), whose memory is allocated once.
    """
    frames, _, height, width = pred.shape
    planes = frames * (1 if plane == "y" else 3)
    # One block more than the outputs need, so that no useful block reads beyond its own plane.
    blocks = math.ceil((width - _HALO) / _COLUMNS) + 1
    full, rest = divmod(width - _HALO, _COLUMNS)
    maps = pred.new_zeros(rows + _HALO, 4, planes, blocks * _COLUMNS, dtype=torch.float64)
    down = maps.new_zeros(rows * maps[0].numel() + _HALO)
    sums = maps.new_zeros(planes, 2)
    for top in range(0, height - _HALO, rows):
        count = min(rows, height - _HALO - top)
        strip, inside = slice(top, top + count + _HALO), maps[: count + _HALO, ..., :width]
        maps[..., width:] = 0  # the strip before left its means in this memory
        maps[count + _HALO :] = 0
        _moments(pred[:, :, strip], gt[:, :, strip], plane=plane, out=inside, scratch=down)
        # The last rows of a strip are the first of the next one.
        sums[:, 0] += inside[: None if strip.stop == height else count, 3].sum(dim=(0, 2))
        means = _gaussian_means(maps, down, rows=count).view(4, planes, blocks, count, _COLUMNS)
        ssim_map = _ssim_map(*means)
        sums[:, 1] += ssim_map[:, :full].sum(dim=(1, 2, 3))
        sums[:, 1] += ssim_map[:, full, :, :rest].sum(dim=(1, 2))
    return sums.view(frames, -1, 2)


def _moments(pred: Tensor, gt: Tensor, *, plane: Plane, out: Tensor, scratch: Tensor) -> None:
    """Write -s, d, s^2 + 2 C1 + 2 C2 and d^2 of a strip; (B, 3, R, W) twice -> (R, 4, P, W).

    The constants ride along: the window sums to 1, and so they come out of it unchanged. Only squares of s count.
    """
    s, d, ss, dd = out.unbind(1)
    write_planes(pred, plane, out=s, scratch=scratch)
    write_planes(gt, plane, out=d, scratch=scratch)
    torch.sub(s, d, out=d)  # x - y
    torch.sub(d, s, alpha=2, out=s)  # -(x + y)
    torch.addcmul(_constant(2 * (C1 + C2), out.device), s, s, out=ss)
    torch.mul(d, d, out=dd)


def _gaussian_means(maps: Tensor, down: Tensor, *, rows: int) -> Tensor:
    """The window's mean over a strip, (R, 4, P, W) -> (blocks of 4 P W, rows, columns of a block).

    Both steps multiply overlapping blocks with one banded matrix: first along columns, from `maps` into `down`,
    then along rows, from `down` into the memory of `maps`, which is not needed any more.
    """
    row = maps[0].numel()
    above, beside = math.ceil(rows / _ROWS), row // _COLUMNS
    over_columns = maps.as_strided((above, _ROWS + _HALO, row), (_ROWS * row, row, 1))
    band = _band(_ROWS, maps.device).expand(above, -1, -1)
    torch.bmm(band, over_columns, out=down[: above * _ROWS * row].view(above, _ROWS, row))
    over_rows = down.as_strided((beside, rows, _COLUMNS + _HALO), (_COLUMNS, row, 1))
    band = _band(_COLUMNS, maps.device).T.expand(beside, -1, -1)
    return torch.bmm(over_rows, band, out=maps.view(-1)[: rows * row].view(beside, rows, _COLUMNS))


def _ssim_map(s: Tensor, d: Tensor, ss: Tensor, dd: Tensor) -> Tensor:
    """The map from the four means, in their memory: the formula of the module, numbers in its order."""
    torch.addcmul(_constant(2 * C1, s.device), s, s, out=s)  # P + 2 C1
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


@lru_cache(maxsize=16)
def _constant(value: float, device: torch.device) -> Tensor:
    return torch.full((), value, dtype=torch.float64, device=device)


class Ssim:
    """SSIM as a metric of the harness."""

    kind: Literal["ssim"] = "ssim"

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
