"""The planes on which PSNR and SSIM are measured: Y (BT.601, studio range) or R, G and B.

Source: ITU-R BT.601 as MATLAB's `rgb2ycbcr` applies it to 8-bit frames,
Y = 16 + (65.481 R + 128.553 G + 24.966 B) / 255, which is 16..235 for R, G, B in 0..255. Y is *not* rounded, and
the peak of PSNR and the range of SSIM stay 255. (Full-range luma, as in `cv2.cvtColor`, is 1.3 dB lower.)

Conventions: frames are (B, 3, H, W) RGB, uint8 or float in [0, 255]; planes are float64 on their device.
"""

from typing import Literal

import torch
from torch import Tensor

from harness.errors import DataError

Plane = Literal["y", "rgb"]

_RED, _GREEN, _BLUE = 65.481 / 255, 128.553 / 255, 24.966 / 255


def rgb_to_y(frames: Tensor) -> Tensor:
    """Y of BT.601 in studio range.

    Args:
        frames: (..., 3, H, W) RGB, uint8 or float in [0, 255].

    Returns:
        (..., H, W) float64 in [16, 235], not rounded.

    >>> rgb_to_y(torch.tensor([0, 255], dtype=torch.uint8).expand(3, 1, 2)).tolist()
    [[16.0, 235.0]]
    """
    channels = frames.unbind(-3)
    out, scratch = (torch.empty(channels[0].shape, dtype=torch.float64, device=frames.device) for _ in range(2))
    return _write_y(channels, out=out, scratch=scratch)


def write_planes(frames: Tensor, plane: Plane, *, out: Tensor, scratch: Tensor) -> None:
    """Write the planes of some frames where they are needed, rows first.

    Args:
        frames: (B, 3, H, W) RGB, uint8 or float in [0, 255].
        plane: `y` (one plane per frame) or `rgb` (three).
        out: (H, P, W) float64.
        scratch: flat float64 memory of at least H * P * W, overwritten.
    """
    if plane == "rgb":
        out.copy_(frames.flatten(0, 1).transpose(0, 1))
    else:
        channels = tuple(channel.transpose(0, 1) for channel in frames.unbind(1))
        _write_y(channels, out=out, scratch=scratch[: out.numel()].view(out.shape))


def _write_y(channels: tuple[Tensor, ...], *, out: Tensor, scratch: Tensor) -> Tensor:
    # Through memory that is given: conversions to float64 that torch makes by itself are new memory each time.
    red, green, blue = channels
    torch.mul(scratch.copy_(red), _RED, out=out)
    return out.add_(scratch.copy_(green), alpha=_GREEN).add_(scratch.copy_(blue), alpha=_BLUE).add_(16)


def inner_pair(pred: Tensor, gt: Tensor, *, border: int = 0) -> tuple[Tensor, Tensor]:
    """Prediction and ground truth without so many pixels on each side.

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
    return pred[inner], gt[inner]


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
