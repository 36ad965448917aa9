"""ETDM as a super-resolver: RGB in [0, 1], a clip as a stream that is three frames behind.

Whole clips and streams are the same recurrence and give the same frames. What is kept are the features of the four
newest frames. A clip of two frames follows the rules of the last ones, and a frame alone is its own neighbour: the
authors' program takes neither.

Two rows and columns are mirrored around every frame, and what becomes of them is cut off: the authors' test program
mirrors eight HR pixels before it makes its LR frames. Any size is taken, but for frames of fewer than three pixels.
"""

from collections.abc import Iterable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.errors import DataError
from harness.networks.etdm.build import etdm
from harness.networks.etdm.network import ETDM, SCALE
from harness.ops.precision import at_least_float32
from harness.upscalers.base import StreamingSuperResolver
from harness.upscalers.limits import only_scale
from harness.upscalers.options import StageOptions

MARGIN = 2  # LR pixels
_CUT = slice(SCALE * MARGIN, -SCALE * MARGIN)


class ETDMSuperResolver(StreamingSuperResolver):
    """The network on frames with a margin.

    Args:
        options: none.
        scale: 4; the network knows no other.
    """

    def __init__(self, options: StageOptions | None = None, *, scale: int = SCALE) -> None:
        super().__init__(options, scale=scale)
        only_scale("ETDM", known=SCALE, scale=scale)
        self.network: ETDM = etdm()
        self.network = self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def trained(self) -> nn.Module:
        return self.network

    def stream(self, frames: Iterable[Tensor]) -> Iterator[Tensor]:
        """See `SuperResolver`."""
        for upscaled in self.network.stream(with_margin(frame.unsqueeze(0)) for frame in frames):
            yield at_least_float32(upscaled[0, :, _CUT, _CUT])


def with_margin(frames: Tensor) -> Tensor:
    """(B, 3, h, w) to (B, 3, h + 4, w + 4), mirrored at the border pixels. Raises DataError for smaller ones."""
    if min(frames.shape[-2:]) <= MARGIN:
        raise DataError(
            f"ETDM takes frames of at least {MARGIN + 1} pixels.",
            found=f"{frames.shape[-1]}x{frames.shape[-2]}",
        )
    return F.pad(frames, (MARGIN,) * 4, mode="reflect")
