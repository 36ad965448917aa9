"""Two-stage space-time super-resolution: any interpolator with any super-resolver."""

from torch import Tensor

from harness.upscalers.base import Flows, Interpolator, SuperResolver, Upscaler
from harness.upscalers.options import TwoStageOptions


class TwoStage(Upscaler):
    """One stage after the other, nothing rounded between them.

    Args:
        interpolator: makes the missing frames.
        super_resolver: makes every frame larger.
        options: window, and which stage comes first. The STINet paper interpolates first.
    """

    def __init__(
        self, interpolator: Interpolator, super_resolver: SuperResolver, *, options: TwoStageOptions | None = None
    ) -> None:
        options = options or TwoStageOptions()
        super().__init__(options, scale=super_resolver.scale)
        self.interpolator = interpolator
        self.super_resolver = super_resolver
        self.interpolation_first = options.order == "interpolation-first"

    def flows(self, lr_clip: Tensor) -> Flows | None:
        """The interpolator's flow on the input frames; none when it works on HR frames that do not exist yet."""
        return self.interpolator.flows(lr_clip) if self.interpolation_first else None

    def upscale(self, lr_clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
        if self.interpolation_first:
            return self.super_resolver.super_resolve(self.interpolator.interpolate(lr_clip, rate, flows=flows))
        hr_clip = self.super_resolver.super_resolve(lr_clip)
        return self.interpolator.interpolate(hr_clip, rate, flows=self.interpolator.flows(hr_clip))
