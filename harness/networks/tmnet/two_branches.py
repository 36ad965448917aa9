"""TMNet with HR features beside its LR ones (STINet's Table VI, "TMNet w/ HR").

Source: Z. Yue, M. Shi, S. Ding, "Enhancing Space-time Video Super-resolution via Spatial-temporal Feature
Interaction", 2022, Sec. IV-D, of which this is all: the features are "respectively refined via two separate branches
and finally fused for video reconstruction".

Reading taken: the HR branch is STINet without its LR side and without its graph. That is, H of the given frames from
the frozen S-SR; H between them from ST-FI, with the motion feature; ST-LR of its own, at LR size; a 1x1 convolution
to pictures, which are added to TMNet's. The branches meet nowhere else, and the loss sees their sum alone.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from harness.networks.layers.imagenet import ImageNetUnits
from harness.networks.layers.sequences import MIDDLE
from harness.networks.stinet.network import STINet
from harness.networks.tmnet.network import TMNet


class TwoBranches(nn.Module):
    """V = V^L + V^H.

    Args:
        lr: TMNet.
        hr: STINet, of which only the HR side exists; it sees frames in ImageNet's units, as its S-SR has learned.
    """

    def __init__(self, *, lr: TMNet, hr: STINet) -> None:
        super().__init__()
        self.lr = lr
        self.hr = hr
        self.hr_units = ImageNetUnits()

    def forward(
        self, frames: Tensor, flow_0_to_1: Tensor, flow_1_to_0: Tensor, *, times: Sequence[float] = MIDDLE
    ) -> Tensor:
        """Upscale in space and time.

        Args:
            frames: (B, N, 3, h, w), RGB in [0, 1].
            flow_0_to_1: (B, N-1, 2, h, w), from each frame to the next, LR pixels, dx before dy.
            flow_1_to_0: (B, N-1, 2, h, w), from each frame to the one before.
            times: K increasing times between two given frames, in (0, 1).

        Returns:
            (B, N + (N-1) K, 3, 4h, 4w), not clamped, in the order of time.

        Raises:
            DataError: frames and flows do not fit together.
        """
        lr: Tensor = self.lr(frames, times=times)
        hr: Tensor = self.hr(self.hr_units.normalise(frames), flow_0_to_1, flow_1_to_0, times=times)
        return lr + hr
