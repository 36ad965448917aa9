"""Zooming Slow-Mo as a method: RGB in [0, 1], sizes that are multiples of four, one new frame between two."""

from torch import Tensor, nn

from harness.networks.zooming_slow_mo.build import SCALE, build_zooming_slow_mo
from harness.upscalers.base import Flows
from harness.upscalers.limits import only_rate_2, only_scale
from harness.upscalers.options import ZoomingSlowMoMethodOptions
from harness.upscalers.padded import PaddedUpscaler


class ZoomingSlowMoUpscaler(PaddedUpscaler):
    """The network between padded frames.

    Args:
        options: the network's.
        scale: 4; the network knows no other.
    """

    def __init__(self, options: ZoomingSlowMoMethodOptions | None = None, *, scale: int = SCALE) -> None:
        options = options or ZoomingSlowMoMethodOptions()
        super().__init__(options, scale=scale)
        only_scale("Zooming Slow-Mo", known=SCALE, scale=scale)
        self.network = build_zooming_slow_mo(options)

    @property
    def trained(self) -> nn.Module:
        return self.network

    def check_rate(self, rate: int) -> None:
        only_rate_2("Zooming Slow-Mo", rate)

    def run(self, lr_clips: Tensor, rate: int, flows: Flows | None) -> Tensor:
        del rate, flows
        frames: Tensor = self.network(lr_clips)
        return frames
