"""VideoINR: Zooming Slow-Mo's features of two frames, and from these a frame at any time and of any size.

Source: Z. Chen, Y. Chen, J. Liu, X. Xu, V. Goel, Z. Wang, H. Shi, X. Wang, "VideoINR: Learning Video Implicit Neural
Representation for Continuous Space-Time Super-Resolution", 2022, and the behaviour of its release where the text is
silent.

Conventions: frames are RGB in [0, 1]; nothing is subtracted or clamped. Exactly two frames go in. Time is 0 at the
first and 1 at the second. Height and width should be multiples of four (the upscaler pads); where they are not, every
stage still works, at sizes that the release refuses. Clips of a batch do not see each other.

The encoder runs once, whatever is asked, on all clips as one batch. Large frames are then made one by one, some rows
at a time (see `decoder`), so that memory beside the result does not grow with their number. Nothing waits for the
device, and torch.compile makes one graph of it.

Deviation: the layers that the release keeps of Zooming Slow-Mo's reconstruction and never uses (334,083 parameters)
are left out.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.errors import DataError
from harness.networks.videoinr.decoder import AT_ONCE, Decoder, Known
from harness.networks.zooming_slow_mo.network import ZoomingSlowMo

PICTURE_SCALE = 4
"""The given frames are looked at four times larger, whatever the scale."""


class VideoINR(nn.Module):
    """Two frames to frames at any times and of any size.

    Args:
        encoder: two frames (B, 2, 3, h, w) to features of three, (B, 3, C, h, w).
        decoder: the features, beside each other, to a frame.
    """

    def __init__(self, *, encoder: ZoomingSlowMo, decoder: Decoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(
        self, frames: Tensor, times: Tensor, size: tuple[int, int], *, picture_scale: int = PICTURE_SCALE
    ) -> Tensor:
        """Upscale in space and time.

        Args:
            frames: (B, 2, 3, h, w), RGB in [0, 1].
            times: (B, K), from 0 to 1.
            size: height and width of the result.
            picture_scale: how much larger flows and colours look at the frames. While the release trains, it is 1.

        Returns:
            (B, K, 3, H, W), not clamped.

        Raises:
            DataError: frames of another shape or number.
        """
        return self.frames(self.know(frames, picture_scale=picture_scale), times, size)

    def know(self, frames: Tensor, *, picture_scale: int = PICTURE_SCALE) -> Known:
        """What frames at any time are made of; arguments and errors are those of `forward`."""
        _check(frames)
        pictures = frames.flatten(1, 2)
        features = self.encoder(frames).flatten(1, 2)
        return self.decoder.know(features, pictures, _enlarged(pictures, picture_scale))

    def frames(self, known: Known, times: Tensor, size: tuple[int, int]) -> Tensor:
        """Make them: times (B, K) to (B, K, 3, H, W)."""
        few = max(1, AT_ONCE // (size[0] * size[1]))
        parts = zip(known.split(few), times.split(few), strict=True)
        return torch.cat(
            [torch.stack([self.decoder(some, time, size) for time in when.unbind(1)], dim=1) for some, when in parts]
        )


def _enlarged(pictures: Tensor, scale: int) -> Tensor:
    if scale == 1:
        return pictures
    return F.interpolate(pictures, scale_factor=scale, mode="bilinear", align_corners=False)


def _check(frames: Tensor) -> None:
    if frames.ndim != 5 or frames.shape[1:3] != (2, 3):
        raise DataError(
            "VideoINR takes two frames, (B, 2, 3, h, w).",
            found=str(tuple(frames.shape)),
            todo="give it the two frames between which new ones are made",
        )
