"""The planes on which PSNR and SSIM are measured: Y (BT.601, studio range) or R, G and B.

Source: ITU-R BT.601 as MATLAB's `rgb2ycbcr` applies it to 8-bit frames,
Y = 16 + (65.481 R + 128.553 G + 24.966 B) / 255, which is 16..235 for R, G, B in 0..255. Y is *not* rounded, and
the peak of PSNR and the range of SSIM stay 255. (Full-range luma, as in `cv2.cvtColor`, is 1.3 dB lower.)

Conventions: frames are (B, 3, H, W) RGB, uint8 or float in [0, 255]; planes are float64 on the same device.
"""

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor

from harness.errors import DataError

Plane = Literal["y", "rgb"]

# Pixels that are worked on at once: one frame on a CPU, where less stays in the cache; a batch on a GPU.
_CPU_PIXELS = 1 << 17
_GPU_PIXELS = 1 << 22


def rgb_to_y(frames: Tensor) -> Tensor:
    """Y of BT.601 in studio range.

    Args:
        frames: (..., 3, H, W) RGB, uint8 or float in [0, 255].

    Returns:
        (..., H, W) float64 in [16, 235], not rounded.

    >>> rgb_to_y(torch.tensor([0, 255], dtype=torch.uint8).expand(3, 1, 2)).tolist()
    [[16.0, 235.0]]
    """
    red, green, blue = (part.double() for part in frames.unbind(-3))
    luma = torch.add(16.0, red, alpha=65.481 / 255)
    return luma.add_(green, alpha=128.553 / 255).add_(blue, alpha=24.966 / 255)


def planes(frames: Tensor, plane: Plane) -> Tensor:
    """The planes that are compared.

    Args:
        frames: (B, 3, H, W) RGB, uint8 or float in [0, 255].
        plane: `y` or `rgb`.

    Returns:
        (B, 1, H, W) for `y`, (B, 3, H, W) for `rgb`, float64.
    """
    return rgb_to_y(frames).unsqueeze(1) if plane == "y" else frames.double()


def plane_pairs(pred: Tensor, gt: Tensor, *, plane: Plane, border: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
    """The planes of prediction and ground truth, a few frames at a time so that memory does not grow with B.

    Args:
        pred: (B, 3, H, W) RGB, uint8 or float in [0, 255].
        gt: like `pred`, on the same device.
        plane: `y` or `rgb`.
        border: pixels that are left out on each side.

    Returns:
        Pairs of (b, C, H - 2 border, W - 2 border) float64, whose b add up to B.

    Raises:
        DataError: if the frames are no (B, 3, H, W) of equal shapes, or the border leaves nothing.
    """
    check_pair(pred, gt)
    height, width = pred.shape[-2:]
    if border < 0 or 2 * border >= min(height, width):
        raise DataError(
            "The border that is cut off must leave some pixels.",
            found=f"a border of {border} on frames of {width}x{height}",
            todo="use a smaller border (the protocols of this field use 0)",
        )
    inner = (..., slice(border, height - border), slice(border, width - border))
    pixels = _CPU_PIXELS if pred.device.type == "cpu" else _GPU_PIXELS
    frames = max(1, pixels // (height * width))
    for x, y in zip(pred[inner].split(frames), gt[inner].split(frames), strict=True):
        yield planes(x, plane), planes(y, plane)


def check_pair(pred: Tensor, gt: Tensor) -> None:
    """Refuse frames that cannot be compared.

    Raises:
        DataError: if one is no (B, 3, H, W) uint8 or float, or their shapes differ.
    """
    for name, frames in (("prediction", pred), ("ground truth", gt)):
        numeric = frames.dtype == torch.uint8 or frames.is_floating_point()
        if frames.ndim != 4 or frames.shape[1] != 3 or not numeric or frames.numel() == 0:
            raise DataError(
                f"The {name} must be (B, 3, H, W) RGB frames, uint8 or float.",
                found=f"{frames.dtype}, shape {tuple(frames.shape)}",
                todo="give frames in this layout",
            )
    if pred.shape != gt.shape:
        raise DataError(
            "Prediction and ground truth must have the same shape.",
            found=f"{tuple(pred.shape)} against {tuple(gt.shape)}",
            todo="check the scale of the method and the clip that it is scored on",
        )
