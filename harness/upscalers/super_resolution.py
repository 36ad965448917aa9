"""Super-resolvers without learned parts."""

from torch import Tensor

from harness.ops.resize import resize
from harness.upscalers.base import SuperResolver


class Bicubic(SuperResolver):
    """MATLAB bicubic, frame by frame; not clamped, not rounded."""

    def super_resolve(self, clip: Tensor) -> Tensor:
        return resize(clip, scale=self.scale)
