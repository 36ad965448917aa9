"""RSTT as a method: RGB in [0, 1] as it is, any size, four frames and one new one between every two of them."""

from torch import Tensor, nn

from harness.errors import UsageError
from harness.networks.rstt.build import SCALE, build_rstt
from harness.upscalers.base import Flows
from harness.upscalers.options import RSTTMethodOptions
from harness.upscalers.padded import PaddedUpscaler


class RSTTUpscaler(PaddedUpscaler):
    """The network between frames; it fills up sizes by itself, and its authors do not pad.

    Args:
        options: the network's; the window is four frames.
        scale: 4; the network knows no other.
    """

    multiple = 1

    def __init__(self, options: RSTTMethodOptions | None = None, *, scale: int = SCALE) -> None:
        options = options or RSTTMethodOptions()
        super().__init__(options, scale=scale)
        if scale != SCALE:
            raise UsageError("RSTT enlarges by 4.", found=f"scale {scale}", todo="choose a dataset of scale 4.")
        self.network = build_rstt(options)

    @property
    def trained(self) -> nn.Module:
        return self.network

    def check_rate(self, rate: int) -> None:
        if rate != 2:
            raise UsageError(
                "RSTT makes one frame between two: rate 2.",
                found=f"rate {rate}",
                todo="use --rate 2, or a method that knows other rates: tmnet, stinet, videoinr",
            )

    def run(self, lr_clips: Tensor, rate: int, flows: Flows | None) -> Tensor:
        del rate, flows
        frames: Tensor = self.network(lr_clips)
        return frames
