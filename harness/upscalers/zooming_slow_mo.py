"""Zooming Slow-Mo as a method: RGB in [0, 1], sizes that are multiples of four, one new frame between two."""

from torch import Tensor, nn

from harness.errors import UsageError
from harness.networks.zooming_slow_mo.build import SCALE, build_zooming_slow_mo
from harness.upscalers.base import Flows
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
        if scale != SCALE:
            raise UsageError(
                "Zooming Slow-Mo enlarges by 4.", found=f"scale {scale}", todo="choose a dataset of scale 4."
            )
        self.network = build_zooming_slow_mo(options)

    @property
    def trained(self) -> nn.Module:
        return self.network

    def check_rate(self, rate: int) -> None:
        if rate != 2:
            raise UsageError(
                "Zooming Slow-Mo makes one frame between two: rate 2.",
                found=f"rate {rate}",
                todo="use --rate 2, or a method that knows other rates: tmnet, stinet",
            )

    def run(self, lr_clips: Tensor, rate: int, flows: Flows | None) -> Tensor:
        del rate, flows
        frames: Tensor = self.network(lr_clips)
        return frames
