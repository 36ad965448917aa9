"""BMBC as an interpolator: RGB in [0, 1] as it is, any size, any moment."""

import torch
from torch import Tensor, nn

from harness.networks.bmbc.build import bmbc
from harness.upscalers.base import Flows, Interpolator
from harness.upscalers.interpolation import interleave, moments
from harness.upscalers.options import BMBCStageOptions


class BMBCInterpolator(Interpolator):
    """The network, which resizes frames by itself. What all moments between two frames share is computed once.

    Args:
        options: how positions are read.
    """

    def __init__(self, options: BMBCStageOptions | None = None) -> None:
        options = options or BMBCStageOptions()
        super().__init__(options)
        self.network = bmbc(reading=options.positions)

    @property
    def trained(self) -> nn.Module:
        return self.network

    def interpolate(self, clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
        """See `Interpolator`; pair by pair, so that memory does not grow with the clip's length."""
        del flows
        if rate == 1 or len(clip) == 1:
            return clip
        pairs = zip(clip[:-1].split(1), clip[1:].split(1), strict=True)
        made = torch.cat([self.network(before, after, moments(rate)) for before, after in pairs])
        return interleave(clip, list(made.unbind(1)))
