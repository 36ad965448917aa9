"""DAVSR as a method: RGB in [0, 1], sizes that are multiples of 32, the rate that it was built for.

The network makes `time_factor` frames for each input frame. Kept are those from the moment of the first input frame
to that of the last; as published, the first two and the last two are dropped, which the authors do not score either.
"""

from typing import ClassVar

from torch import Tensor, nn

from harness.errors import UsageError
from harness.networks.davsr.build import SCALE, build_davsr
from harness.networks.davsr.slomo import MULTIPLE
from harness.upscalers.base import Flows
from harness.upscalers.limits import only_scale
from harness.upscalers.options import DAVSRMethodOptions
from harness.upscalers.padded import PaddedUpscaler


class DAVSRUpscaler(PaddedUpscaler):
    """The network between padded frames.

    Args:
        options: the network's.
        scale: 4; the network knows no other.
    """

    multiple: ClassVar[int] = MULTIPLE

    def __init__(self, options: DAVSRMethodOptions | None = None, *, scale: int = SCALE) -> None:
        options = options or DAVSRMethodOptions()
        super().__init__(options, scale=scale)
        only_scale("DAVSR", known=SCALE, scale=scale)
        self.network = build_davsr(options)
        self.rate, self.lead = options.time_factor, options.lead

    @property
    def trained(self) -> nn.Module:
        return self.network

    def check_rate(self, rate: int) -> None:
        if rate != self.rate:
            raise UsageError(
                f"This DAVSR multiplies the frame rate by {self.rate}.",
                found=f"rate {rate}",
                todo=f"use --rate {self.rate} (recipe.rate={self.rate} in training); or another network, for sharp "
                f"frames, which nobody has published: --set options.exposure=instant "
                f"--set options.time_factor={rate}",
            )

    def run(self, lr_clips: Tensor, rate: int, flows: Flows | None) -> Tensor:
        del flows
        frames: Tensor = self.network(lr_clips)
        return frames[:, self.lead :][:, : (lr_clips.shape[1] - 1) * rate + 1]
