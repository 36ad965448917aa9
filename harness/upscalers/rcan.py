"""RCAN as a super-resolver: RGB in 0..255, each frame by itself.

Frames go one by one, whatever the clip's length, and whole: the channel attention takes means over the frame, so the
authors' tiling (`--chop`) gives slightly other numbers. Their self-ensemble (RCAN+) is not here either.
"""

import torch
from torch import Tensor, nn

from harness.networks.rcan import RANGE, RCAN, SCALE, rcan
from harness.ops.precision import at_least_float32
from harness.upscalers.base import SuperResolver
from harness.upscalers.limits import only_scale
from harness.upscalers.options import RCANStageOptions


class RCANSuperResolver(SuperResolver):
    """The network between [0, 1] frames.

    Args:
        options: its sizes.
        scale: 4; the network knows no other.
    """

    def __init__(self, options: RCANStageOptions | None = None, *, scale: int = SCALE) -> None:
        options = options or RCANStageOptions()
        super().__init__(options, scale=scale)
        only_scale("RCAN", known=SCALE, scale=scale)
        network = rcan(
            channels=options.channels, groups=options.groups, blocks=options.blocks, reduction=options.reduction
        )
        self.network: RCAN = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def trained(self) -> nn.Module:
        return self.network

    def super_resolve(self, clip: Tensor) -> Tensor:
        return torch.cat([at_least_float32(self.network(RANGE * frame)) / RANGE for frame in clip.split(1)])
