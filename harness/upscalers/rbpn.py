"""RBPN as a super-resolver: a frame, its six neighbours in [0, 1], and the flow from it to each of them.

A neighbour that the clip does not have is the frame itself, as in the authors' program; its flow is computed like any
other and comes out near zero. So a clip of any length will do. The six neighbours are one batch, in the flow and in
the network's part that does not recur.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from harness.flow import get_flow
from harness.networks.rbpn import RBPN, SCALE, rbpn
from harness.ops.precision import at_least_float32, full_precision
from harness.upscalers.limits import only_scale
from harness.upscalers.options import RBPNStageOptions
from harness.upscalers.sliding import SlidingWindow


class RBPNSuperResolver(SlidingWindow):
    """The network between [0, 1] frames.

    Args:
        options: its sizes, and where its flow comes from.
        scale: 4; the network knows no other.
    """

    def __init__(self, options: RBPNStageOptions | None = None, *, scale: int = SCALE) -> None:
        options = options or RBPNStageOptions()
        super().__init__(options, scale=scale)
        only_scale("RBPN", known=SCALE, scale=scale)
        network = rbpn(
            neighbours=2 * self.reach,
            channels=options.channels,
            blocks=options.residual_blocks,
            stages=options.super_resolution_stages,
        )
        self.network: RBPN = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.estimate = get_flow(options.flow_estimator)

    @property
    def component_versions(self) -> dict[str, str]:
        return {f"flow:{self.estimate.name}": self.estimate.identity}

    @property
    def trained(self) -> nn.Module:
        return self.network

    def neighbours(self, centre: int, last: int | None) -> Sequence[int]:
        """See `SlidingWindow`; the frame itself stands in for those that are not there."""
        end = centre + self.reach if last is None else last
        window = range(centre - self.reach, centre + self.reach + 1)
        return [index if 0 <= index <= end else centre for index in window]

    def centre(self, window: Tensor) -> Tensor:
        before, target, after = window.split((self.reach, 1, self.reach))
        flows = self.flows_from_middle(window).split(1)
        return at_least_float32(self.network(target, (*before.split(1), *after.split(1)), flows)).squeeze(0)

    def flows_from_middle(self, window: Tensor) -> Tensor:
        """The flows of a window (7, 3, h, w) from its middle frame to the others, in pixels, (6, 2, h, w)."""
        middle = self.reach
        pairs = [(middle, other) for other in range(len(window)) if other != middle]
        with full_precision(window.device.type):
            return self.estimate.pairs(window.unsqueeze(0), pairs).squeeze(0)
