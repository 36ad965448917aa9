"""Peak signal-to-noise ratio, 10 log10(255^2 / MSE), on Y or on RGB.

Conventions: frames (B, 3, H, W) RGB, uint8 or float in [0, 255]; peak 255 also on Y (16..235); on RGB the mean runs
over all three channels; float64 throughout. Identical frames have no error: PSNR is inf and is stored as inf; what
an average does with it is decided where averages are made. Zooming Slow-Mo and TMNet print about 154 dB for Y of
identical frames, because they subtract a float32 plane from a float64 one (black frames give inf there too).
"""

from typing import Literal

import torch
from torch import Tensor

from harness.metrics.color import Plane, inner_pair, rgb_to_y

PEAK = 255.0


@torch.no_grad()
def psnr(pred: Tensor, gt: Tensor, *, plane: Plane, border: int = 0) -> Tensor:
    """PSNR of every frame.

    Args:
        pred: (B, 3, H, W) RGB, uint8 or float in [0, 255].
        gt: like `pred`, on the same device.
        plane: `y` or `rgb`.
        border: pixels that are left out on each side.

    Returns:
        (B,) float64 in dB; inf for identical frames.

    Raises:
        DataError: if the frames do not fit together or the border leaves nothing.
    """
    pairs = zip(*(frames.split(1) for frames in inner_pair(pred, gt, border=border)), strict=True)
    return decibels(torch.cat([_squared_error(x, y, plane) for x, y in pairs]))


def decibels(mean_squared_error: Tensor) -> Tensor:
    """10 log10(255^2 / MSE); inf where there is no error."""
    return 10 * torch.log10(PEAK**2 / mean_squared_error)


def _squared_error(pred: Tensor, gt: Tensor, plane: Plane) -> Tensor:
    """Its mean over a frame, (1, 3, H, W) -> (1,)."""
    x, y = (rgb_to_y(frames) if plane == "y" else frames.double() for frames in (pred, gt))
    return (x - y).square_().mean().reshape(1)


class Psnr:
    """PSNR as a metric of the harness."""

    kind: Literal["psnr"] = "psnr"

    def __init__(self, *, plane: Plane, border: int = 0) -> None:
        self.plane: Plane = plane
        self.border = border

    @property
    def identity(self) -> str:
        """The border, where there is one."""
        return f"border{self.border}" if self.border else ""

    def score(self, pred: Tensor, gt: Tensor, *, previous: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """(B,) dB; see `psnr`."""
        return psnr(pred, gt, plane=self.plane, border=self.border)
