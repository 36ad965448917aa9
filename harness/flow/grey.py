"""Grey images as OpenCV makes them from 8-bit colour, and their unrounded, differentiable version.

OpenCV computes grey = (9798 R + 19235 G + 3735 B + 16384) >> 15 in integers: 0.299, 0.587 and 0.114 in units of
2^-15. STINet's release hands RGB frames to the BGR conversion, so that its flow sees red and blue exchanged; that is
the order "release", and the proper one is "rgb". Frames are RGB, (..., 3, H, W).
"""

from typing import Literal

import torch
from torch import Tensor

from harness.errors import DataError

GreyOrder = Literal["rgb", "release"]

_UNIT_BITS = 15
_RED, _GREEN, _BLUE = 9798, 19235, 3735  # they sum to 2^15
_WEIGHTS: dict[GreyOrder, tuple[int, int, int]] = {
    "rgb": (_RED, _GREEN, _BLUE),
    "release": (_BLUE, _GREEN, _RED),
}


def to_8bit(frames: Tensor) -> Tensor:
    """Frames in [0, 255] rounded (half to even) and clipped to uint8; uint8 frames pass unchanged."""
    return frames if frames.dtype == torch.uint8 else frames.round().clamp(0, 255).to(torch.uint8)


def _weighted(frames: Tensor, order: GreyOrder) -> Tensor:
    if frames.shape[-3] != 3:
        raise DataError(
            "Grey is made from RGB frames (..., 3, H, W).",
            found=f"shape {tuple(frames.shape)}",
            todo="move the colour axis before height and width",
        )
    red, green, blue = (frames.narrow(-3, channel, 1) for channel in range(3))
    of_red, of_green, of_blue = _WEIGHTS[order]
    return red * of_red + green * of_green + blue * of_blue


def grey(frames: Tensor, *, order: GreyOrder = "rgb") -> Tensor:
    """8-bit grey of RGB frames, bit for bit as OpenCV: (..., 3, H, W) in 0..255 -> (..., 1, H, W), uint8.

    Floating-point frames are rounded to 8 bits first.
    """
    total = _weighted(to_8bit(frames).to(torch.int32), order)
    return ((total + (1 << (_UNIT_BITS - 1))) >> _UNIT_BITS).to(torch.uint8)


def grey_of_release(frames: Tensor) -> Tensor:
    """8-bit grey as STINet's release makes it: red and blue exchanged. Shapes and ranges as `grey`."""
    return grey(frames, order="release")


def grey_linear(frames: Tensor, *, order: GreyOrder = "rgb") -> Tensor:
    """The same weighted mean without rounding, in the range and precision of `frames`; differentiable."""
    return _weighted(frames, order) / (1 << _UNIT_BITS)
