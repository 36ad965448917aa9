"""ABME as an interpolator: RGB in [0, 1] as it is, any size, moments by halves."""

from torch import Tensor, nn

from harness.networks.abme.build import abme
from harness.upscalers.middle_frame import MiddleFrame
from harness.upscalers.options import ABMEStageOptions


class ABMEInterpolator(MiddleFrame):
    """The network, which resizes frames by itself.

    Args:
        options: how it resizes them.
    """

    def __init__(self, options: ABMEStageOptions | None = None) -> None:
        options = options or ABMEStageOptions()
        super().__init__(options)
        self.resize = options.resize
        self.network = abme()

    @property
    def trained(self) -> nn.Module:
        return self.network

    def middle(self, before: Tensor, after: Tensor) -> Tensor:
        """See `MiddleFrame`."""
        made: Tensor = self.network(before, after, resize=self.resize)
        return made
