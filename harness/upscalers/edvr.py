"""EDVR as a super-resolver: a window of frames slides over the clip, RGB in [0, 1], sizes that are multiples of four.

At the ends of a clip the authors take what is missing on one side from the other side, further away than the window
reaches ("reflection_circle"): frame 0 is seen with 6, 5, 4, 0, 1, 2, 3. In a clip of fewer frames than a window there
is no such frame, and the authors' program stops; here its first and last frames stand in for what is missing.

Frames whose sides are no multiples of four, which the authors' network refuses, are padded at the right and at the
bottom by their last row and column; the result is cropped.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from harness.networks.edvr.build import build_edvr
from harness.networks.edvr.network import EDVR, SCALE
from harness.ops.precision import at_least_float32
from harness.upscalers.limits import only_scale
from harness.upscalers.options import EDVRStageOptions
from harness.upscalers.padding import to_multiple
from harness.upscalers.sliding import SlidingWindow

MULTIPLE = 4


class EDVRSuperResolver(SlidingWindow):
    """The network between [0, 1] frames.

    Args:
        options: its sizes.
        scale: 4; the network knows no other.
    """

    def __init__(self, options: EDVRStageOptions | None = None, *, scale: int = SCALE) -> None:
        options = options or EDVRStageOptions()
        super().__init__(options, scale=scale)
        only_scale("EDVR", known=SCALE, scale=scale)
        self.reach = options.frames // 2
        network = build_edvr(options)
        self.network: EDVR = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def trained(self) -> nn.Module:
        return self.network

    def neighbours(self, centre: int, last: int | None) -> Sequence[int]:
        """See `SlidingWindow`, and above for what stands in at the ends."""
        first, end = centre - self.reach, centre + self.reach
        window = range(first, end + 1)
        if last is not None and last < 2 * self.reach:  # a clip shorter than a window
            return [min(max(index, 0), last) for index in window]
        last = end if last is None else last
        return [end - index if index < 0 else first + last - index if index > last else index for index in window]

    def centre(self, window: Tensor) -> Tensor:
        height, width = window.shape[-2:]
        enlarged = self.network(to_multiple(window, MULTIPLE).unsqueeze(0)).squeeze(0)
        return at_least_float32(enlarged[..., : self.scale * height, : self.scale * width])
