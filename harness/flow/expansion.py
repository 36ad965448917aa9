"""Polynomial expansion of grey images: what Farneback's flow needs to know of each frame by itself.

Around every pixel p the image becomes a quadratic polynomial I(p + z) = z'Az + b'z + c, fitted under Gaussian weights
(Gunnar Farneback, "Two-Frame Motion Estimation Based on Polynomial Expansion", SCIA 2003), on every level of the
image pyramid of OpenCV's `calcOpticalFlowFarneback`.

Conventions: grey images are (N, 1, H, W) in 0..255; an expansion is (N, 5, h, w) = (b_y, b_x, A_yy, A_xx, A_xy);
levels come coarsest first. The pyramid's blur reflects at the border without repeating the edge, the expansion
repeats the edge pixel. Filters add shifted images instead of convolving: on a CPU that is faster, on a GPU no TF32
setting rounds it. Everything is differentiable in the images.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.errors import UsageError
from harness.ops.warp import resize_bilinear

_MIN_LEVEL_SIZE = 32  # no level is smaller than this in either direction, except the full resolution


@dataclass(frozen=True)
class FarnebackSettings:
    """The parameters of `calcOpticalFlowFarneback`, under its names; flags are 0 (box window, no initial flow).

    Attributes:
        pyr_scale: size of a level relative to the next finer one, in (0, 1).
        levels: how many coarse levels there may be, besides the full resolution.
        winsize: side of the averaging window in pixels, odd, at least 3 (OpenCV's results for 1 and for even sizes
            do not follow its own rule).
        iterations: solutions per level.
        poly_n: radius of the neighbourhood that is expanded: 2 poly_n + 1 pixels wide.
        poly_sigma: standard deviation of its Gaussian weights, pixels.
    """

    pyr_scale: float = 0.5
    levels: int = 3
    winsize: int = 15
    iterations: int = 3
    poly_n: int = 5
    poly_sigma: float = 1.2

    def __post_init__(self) -> None:
        wanted = {
            "0 < pyr_scale < 1": 0 < self.pyr_scale < 1,
            "levels >= 0": self.levels >= 0,
            "an odd winsize >= 3": self.winsize >= 3 and self.winsize % 2 == 1,
            "iterations >= 1": self.iterations >= 1,
            "poly_n >= 1": self.poly_n >= 1,
            "poly_sigma > 0": self.poly_sigma > 0,
        }
        broken = [rule for rule, kept in wanted.items() if not kept]
        if broken:
            raise UsageError(
                "These Farneback settings make no flow.",
                found=repr(self),
                todo="choose " + ", ".join(broken),
            )

    def scales(self, height: int, width: int) -> list[float]:
        """The scales of the levels for frames of this size, coarsest first; the last one is 1."""
        coarsest = 0
        while coarsest < self.levels and min(height, width) * self.pyr_scale ** (coarsest + 1) >= _MIN_LEVEL_SIZE:
            coarsest += 1
        return [self.pyr_scale**level for level in range(coarsest, -1, -1)]


DEFAULT_SETTINGS = FarnebackSettings()


def pyramid(images: Tensor, *, settings: FarnebackSettings = DEFAULT_SETTINGS) -> list[Tensor]:
    """The levels of grey images (N, 1, H, W), coarsest first; each is blurred and shrunk from the full resolution."""
    height, width = images.shape[-2:]
    result = []
    for scale in settings.scales(height, width):
        size = (round(height * scale), round(width * scale))
        result.append(resize_bilinear(_blur(images, scale=scale), size))
    return result


def polynomial_expansion(images: Tensor, *, settings: FarnebackSettings = DEFAULT_SETTINGS) -> Tensor:
    """The quadratic polynomial around every pixel of images (N, 1, h, w).

    With weights g(x) g(y) the basis 1, x, y, x^2 - m_2, y^2 - m_2, xy is orthogonal (m_2 = sum g x^2), so that the
    Gram matrix needs no inversion and all coefficients come from three one-dimensional filters.

    Returns:
        (N, 5, h, w): b_y, b_x, A_yy, A_xx, A_xy, where A_xy is half the coefficient of xy (A is symmetric).
    """
    radius = settings.poly_n
    weights = _gaussian(radius, sigma=settings.poly_sigma)
    moment_2 = _moment(weights, 2)
    variance = _moment(weights, 4) - moment_2**2
    slope = [k * g / moment_2 for k, g in enumerate(weights)]
    curve = [(k * k - moment_2) * g / variance for k, g in enumerate(weights)]
    padded = F.pad(images, (radius, radius, radius, radius), mode="replicate")
    down = _even(padded, weights, -2)  # (N, 1, h, w + 2 radius), as the next two
    down_slope = _odd(padded, slope, -2)
    down_curve = _even(padded, curve, -2)
    return torch.cat(
        (
            _even(down_slope, weights, -1),
            _odd(down, slope, -1),
            _even(down_curve, weights, -1),
            _even(down, curve, -1),
            _odd(down_slope, slope, -1) / 2,
        ),
        dim=1,
    )


def _gaussian(radius: int, *, sigma: float) -> list[float]:
    """Taps 0..radius of a Gaussian whose 2 radius + 1 taps sum to 1."""
    taps = [math.exp(-k * k / (2 * sigma * sigma)) for k in range(radius + 1)]
    total = 2 * sum(taps) - taps[0]
    return [tap / total for tap in taps]


def _moment(weights: Sequence[float], order: int) -> float:
    return 2 * sum(g * float(k) ** order for k, g in enumerate(weights))


def _even(padded: Tensor, taps: Sequence[float], dim: int) -> Tensor:
    """Filter along `dim` with symmetric taps (centre first); the padding is used up."""
    radius = len(taps) - 1
    size = padded.shape[dim] - 2 * radius
    total = padded.narrow(dim, radius, size) * taps[0]
    for k in range(1, radius + 1):
        pair = padded.narrow(dim, radius - k, size) + padded.narrow(dim, radius + k, size)
        total.add_(pair, alpha=taps[k])
    return total


def _odd(padded: Tensor, taps: Sequence[float], dim: int) -> Tensor:
    """Filter along `dim` with antisymmetric taps, positive ahead; the padding is used up."""
    radius = len(taps) - 1
    size = padded.shape[dim] - 2 * radius
    total = torch.zeros_like(padded.narrow(dim, radius, size))
    for k in range(1, radius + 1):
        pair = padded.narrow(dim, radius + k, size) - padded.narrow(dim, radius - k, size)
        total.add_(pair, alpha=taps[k])
    return total


def _blur(images: Tensor, *, scale: float) -> Tensor:
    """The blur before shrinking to `scale`; at full resolution it is (1/4, 1/2, 1/4), not nothing."""
    if scale == 1:
        taps = [0.5, 0.25]
    else:
        sigma = (1 / scale - 1) / 2
        taps = _gaussian(max(3, round(5 * sigma) | 1) // 2, sigma=sigma)
    radius = len(taps) - 1
    for dim, sides in ((-2, (0, 0, radius, radius)), (-1, (radius, radius, 0, 0))):
        mode = "reflect" if images.shape[dim] > radius else "replicate"  # only a one-pixel side cannot be reflected
        images = _even(F.pad(images, sides, mode=mode), taps, dim)
    return images
