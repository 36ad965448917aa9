"""RSTT as a method: RGB in [0, 1] as it is, any size, four frames and one new one between every two of them."""

from torch import Tensor, nn

from harness.networks.rstt.build import SCALE, build_rstt
from harness.upscalers.base import Flows
from harness.upscalers.limits import only_rate_2, only_scale
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
        only_scale("RSTT", known=SCALE, scale=scale)
        self.network = build_rstt(options)

    @property
    def trained(self) -> nn.Module:
        return self.network

    def check_rate(self, rate: int) -> None:
        only_rate_2("RSTT", rate)

    def run(self, lr_clips: Tensor, rate: int, flows: Flows | None) -> Tensor:
        del rate, flows
        frames: Tensor = self.network(lr_clips)
        return frames
