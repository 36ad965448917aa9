"""Peak signal-to-noise ratio, 10 log10(255^2 / MSE), on Y or on RGB.

Conventions: frames (B, 3, H, W) RGB, uint8 or float in [0, 255]; peak 255 also on Y (16..235); on RGB the mean runs
over all three channels; float64 throughout. Identical frames have no error: PSNR is inf and is stored as inf; what
an average does with it is decided where averages are made. Zooming Slow-Mo and TMNet print about 154 dB for Y of
identical frames, because they subtract a float32 plane from a float64 one (black frames give inf there too).
"""

import torch
from torch import Tensor

from harness.metrics.color import Plane, plane_pairs

PEAK = 255.0


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
    return torch.cat([psnr_of_planes(x, y) for x, y in plane_pairs(pred, gt, plane=plane, border=border)])


@torch.no_grad()
def psnr_of_planes(pred: Tensor, gt: Tensor) -> Tensor:
    """PSNR of planes (B, C, H, W) float64 in [0, 255]; the channels share one mean. Returns (B,)."""
    error = (pred - gt).square_().flatten(1).mean(dim=1)
    return 10 * torch.log10(PEAK**2 / error)


class Psnr:
    """PSNR as a metric of the harness."""

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

    def score_planes(self, pred: Tensor, gt: Tensor) -> Tensor:
        """(B,) dB from planes that `plane_pairs` made."""
        return psnr_of_planes(pred, gt)
