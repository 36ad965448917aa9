"""TMNet as a method: RGB in [0, 1], sizes that are multiples of four, times k / rate; flows with HR features alone.

Rate 2 is the release's single-frame mode, every higher rate its multi-frame mode; each has a checkpoint of its own.
"""

from torch import Tensor, nn

from harness.errors import UsageError
from harness.flow import get_flow
from harness.networks.tmnet.build import build_tmnet
from harness.networks.zooming_slow_mo.build import SCALE
from harness.upscalers.base import Flows
from harness.upscalers.interpolation import moments
from harness.upscalers.limits import only_scale
from harness.upscalers.options import TMNetMethodOptions
from harness.upscalers.padded import PaddedUpscaler


class TMNetUpscaler(PaddedUpscaler):
    """The network, or a variant of it, between padded frames.

    Args:
        options: the network's.
        scale: 4; the network knows no other.
    """

    estimator_name = "farneback"

    def __init__(self, options: TMNetMethodOptions | None = None, *, scale: int = SCALE) -> None:
        options = options or TMNetMethodOptions()
        super().__init__(options, scale=scale)
        only_scale("TMNet", known=SCALE, scale=scale)
        self.network = build_tmnet(options)
        self.estimate = get_flow(self.estimator_name) if options.hr_features else None

    @property
    def component_versions(self) -> dict[str, str]:
        return {} if self.estimate is None else {f"flow:{self.estimate.name}": self.estimate.identity}

    @property
    def trained(self) -> nn.Module:
        return self.network

    def check_rate(self, rate: int) -> None:
        if rate < 2:
            raise UsageError(
                "TMNet makes frames between others: rate 2 or more.",
                found=f"rate {rate}",
                todo="use --rate 2, or a method that knows rate 1: stinet",
            )

    def flows_of(self, lr_clips: Tensor) -> Flows | None:
        """Both directions between all neighbours, for the variant whose HR branch has a motion feature."""
        return None if self.estimate is None else self.estimate.along(lr_clips)

    def run(self, lr_clips: Tensor, rate: int, flows: Flows | None) -> Tensor:
        frames: Tensor = self.network(lr_clips, *(flows or ()), times=moments(rate))
        return frames
