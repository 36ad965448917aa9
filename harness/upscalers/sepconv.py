"""SepConv as an interpolator: BGR in [0, 1], frames padded as its authors do it, moments by halves."""

import torch
from torch import Tensor, nn

from harness.networks.sepconv import SepConv, interpolate, sepconv
from harness.ops.precision import at_least_float32
from harness.upscalers.middle_frame import MiddleFrame
from harness.upscalers.options import SepConvStageOptions


class SepConvInterpolator(MiddleFrame):
    """The network between padded frames of the other colour order.

    Args:
        options: how frames are padded.
    """

    def __init__(self, options: SepConvStageOptions | None = None) -> None:
        options = options or SepConvStageOptions()
        super().__init__(options)
        self.padding = options.padding
        network = sepconv()
        self.network: SepConv = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a fifth faster

    @property
    def trained(self) -> nn.Module:
        return self.network

    def middle(self, before: Tensor, after: Tensor) -> Tensor:
        """See `MiddleFrame`."""
        made = interpolate(self.network, before.flip(1), after.flip(1), padding=self.padding)
        return at_least_float32(made).flip(1)
