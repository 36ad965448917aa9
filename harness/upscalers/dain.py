"""DAIN as an interpolator: RGB in [0, 1], frames padded as its authors do it, any moment between two frames."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from harness.networks.dain.build import build_dain
from harness.networks.dain.network import DAIN, interpolate
from harness.ops.precision import at_least_float32
from harness.upscalers.base import Flows, Interpolator
from harness.upscalers.interpolation import interleave, moments
from harness.upscalers.options import StageOptions


class DAINInterpolator(Interpolator):
    """The network between padded frames."""

    def __init__(self, options: StageOptions | None = None) -> None:
        super().__init__(options)
        network = build_dain()
        # How its filters want maps to lie in memory, see harness.ops.filter_interpolation.
        self.network: DAIN = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def trained(self) -> nn.Module:
        return self.network

    def interpolate(self, clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
        """See `Interpolator`; pair by pair, so that memory does not grow with the clip's length."""
        del flows
        if rate == 1 or len(clip) < 2:
            return clip
        frames = clip.contiguous(memory_format=torch.channels_last).split(1)
        between = torch.cat([interpolate(self.network, *pair, moments(rate)) for pair in pairwise(frames)])
        return interleave(clip, list(at_least_float32(between).unbind(1)))
