"""S-SR by itself: STINet's first module with the RGB head that it has while it is trained alone.

Each frame by itself, [0, 1] in and out; between them ImageNet's normalisation, as in STINet, so that the weights fit
there: `harness train --method stinet --init`.
"""

import torch
from torch import Tensor, nn

from harness.errors import UsageError
from harness.networks.dbpn import DBPN, dbpn
from harness.networks.layers.imagenet import ImageNetUnits
from harness.networks.layers.sequences import per_map
from harness.networks.stinet.build import SCALE
from harness.networks.supervised import Supervised
from harness.upscalers.base import SuperResolver
from harness.upscalers.limits import only_scale
from harness.upscalers.options import SSRStageOptions


class SSR(SuperResolver):
    """The network between [0, 1] frames.

    Args:
        options: its sizes.
        scale: 4; the network knows no other.
    """

    def __init__(self, options: SSRStageOptions | None = None, *, scale: int = 4) -> None:
        options = options or SSRStageOptions()
        super().__init__(options, scale=scale)
        only_scale("S-SR", known=SCALE, scale=scale)
        network = dbpn(stages=options.super_resolution_stages, channels=options.channels)
        self.network: DBPN = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # as in STINet
        self.units = ImageNetUnits()

    @property
    def trained(self) -> nn.Module:
        return self.network

    def super_resolve(self, clip: Tensor) -> Tensor:
        return self.units.denormalise(self._enlarged(clip))

    def normalise(self, frames: Tensor) -> Tensor:
        """[0, 1] to the network's units, (..., 3, H, W)."""
        return self.units.normalise(frames)

    def supervised(self, lr_clips: Tensor, *, rate: int = 1) -> Supervised:
        """For training: clips (B, T, 3, h, w) in [0, 1] to their frames, in the network's units. No rate but 1."""
        if rate != 1:
            raise UsageError("S-SR makes no frames between those that it is given.", found=f"rate {rate}")
        return Supervised(self._enlarged(lr_clips), phase_1={})

    def _enlarged(self, frames: Tensor) -> Tensor:
        """(..., 3, h, w) in [0, 1] to (..., 3, 4h, 4w) in the network's units, each frame by itself."""
        return per_map(self.network, self.normalise(frames), grows=SCALE**2)
