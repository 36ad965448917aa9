"""An upscaler of your own in one file: bicubic, then an unsharp mask; a linear blend in time.

Give this file to `harness run --plugin`; docs/add-a-method.md walks through it. Frames are RGB, float, [0, 1] on the
run's device. Nothing is clamped or rounded here: the protocol does that, once, at the end.
"""

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from harness.ops.resize import resize
from harness.upscalers.base import Flows, Upscaler
from harness.upscalers.options import UpscalerOptions
from harness.upscalers.registry import register


class SharpenedOptions(UpscalerOptions):
    """Typed options: a wrong name or type in a card or in --set is an error."""

    amount: float = Field(default=0.8, ge=0, description="how much of the detail is added once more")
    radius: int = Field(default=2, ge=1, description="HR pixels that the blur reaches to each side")


@register("sharpened-bicubic")
class SharpenedBicubic(Upscaler):
    """Space by bicubic and an unsharp mask, time by a linear blend."""

    Options = SharpenedOptions

    def __init__(self, options: SharpenedOptions | None = None, *, scale: int = 4) -> None:
        options = options or SharpenedOptions()
        super().__init__(options, scale=scale)
        self.amount, self.radius = options.amount, options.radius

    def upscale(self, lr_clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
        """(T, 3, h, w) to ((T - 1) rate + 1, 3, scale h, scale w)."""
        del flows
        first, second = lr_clip[:-1], lr_clip[1:]
        blends = torch.stack([torch.lerp(first, second, k / rate) for k in range(rate)], dim=1)
        hr_clip = resize(torch.cat([blends.flatten(0, 1), lr_clip[-1:]]), scale=self.scale)
        size = 2 * self.radius + 1
        padded = F.pad(hr_clip, [self.radius] * 4, mode="replicate")
        return hr_clip + self.amount * (hr_clip - F.avg_pool2d(padded, size, stride=1))
